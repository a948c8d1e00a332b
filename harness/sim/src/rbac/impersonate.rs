//! Acting as somebody else, by headers.

use http::HeaderMap;

use super::attributes::Attributes;
use super::{User, check};
use crate::identity::Identity;
use crate::request::Request;
use crate::status::{Refusal, Result};
use crate::store::State;

/// Whom the headers of a request name; nobody where there are no such headers.
///
/// # Errors
/// 400 for groups without a user, 501 for `Impersonate-Uid` and `Impersonate-Extra-…`, which are not supported.
pub(crate) fn acting(headers: &HeaderMap) -> Result<Option<Identity>> {
    let mut names = headers.keys().filter(|name| name.as_str().starts_with("impersonate-")).peekable();
    if names.peek().is_none() {
        return Ok(None);
    }
    if names.any(|name| name.as_str() == "impersonate-uid" || name.as_str().starts_with("impersonate-extra-"))
    {
        return Err(Refusal::unsupported("Impersonate-Uid and Impersonate-Extra-*"));
    }
    let text = |value: &http::HeaderValue| value.to_str().ok().map(str::to_owned);
    let groups: Vec<String> = headers.get_all("impersonate-group").iter().filter_map(text).collect();
    let user = headers.get("impersonate-user").and_then(text).filter(|user| !user.is_empty());
    match user {
        Some(user) if groups.is_empty() => {
            Ok(Some(account(&user).unwrap_or_else(|| Identity::new(user, groups))))
        }
        Some(user) => Ok(Some(Identity::new(user, groups))),
        None => {
            let groups: Vec<String> = groups.iter().map(|group| format!("{group:?}")).collect();
            Err(Refusal::bad_request(format!(
                "requested &user.DefaultInfo{{Name:\"\", UID:\"\", Groups:[]string{{{}}}, Extra:map[string][]string(nil)}} without impersonating a user name",
                groups.join(", ")
            )))
        }
    }
}

/// The service account of that user name, with its groups.
fn account(user: &str) -> Option<Identity> {
    let (namespace, name) = user.strip_prefix("system:serviceaccount:")?.split_once(':')?;
    Some(Identity::service_account(namespace, name))
}

/// Refuses where the sender of a request may not act as its user, or as a member of the groups that were asked for.
pub(super) fn may(state: &mut State, sender: &Identity, request: &Request) -> Result<()> {
    let user = &request.identity;
    let of_account = user.user.strip_prefix("system:serviceaccount:").and_then(|rest| rest.split_once(':'));
    let of = |resource: &str, namespace: &str, name: &str| {
        Attributes::resource("impersonate", "", resource, "", namespace, name)
    };
    let wanted = match of_account {
        Some((namespace, name)) => of("serviceaccounts", namespace, name),
        None => of("users", "", &user.user),
    };
    let sender = User::from(sender);
    check::may(state, &sender, &wanted)?;
    // A service account that was named alone brings its groups along.
    if account(&user.user).is_some_and(|account| account == *user) {
        return Ok(());
    }
    user.groups.iter().try_for_each(|group| check::may(state, &sender, &of("groups", "", group)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderName, HeaderValue};
    use rstest::rstest;

    #[rstest]
    #[case::nobody(&[], Ok(None))]
    #[case::user(&[("impersonate-user", "jane")], Ok(Some(Identity::new("jane", [""; 0]))))]
    #[case::user_in_groups(
        &[("impersonate-user", "jane"), ("impersonate-group", "a"), ("impersonate-group", "b")],
        Ok(Some(Identity::new("jane", ["a", "b"])))
    )]
    #[case::account_in_its_groups(
        &[("impersonate-user", "system:serviceaccount:flux-system:kustomize-controller")],
        Ok(Some(Identity::service_account("flux-system", "kustomize-controller")))
    )]
    #[case::group_of_nobody(&[("impersonate-group", "a")], Err(400))]
    #[case::empty_user(&[("impersonate-user", "")], Err(400))]
    #[case::extra(&[("impersonate-user", "jane"), ("impersonate-extra-scopes", "x")], Err(501))]
    #[case::uid(&[("impersonate-user", "jane"), ("impersonate-uid", "x")], Err(501))]
    fn headers_name(
        #[case] given: &[(&'static str, &'static str)],
        #[case] want: std::result::Result<Option<Identity>, u16>,
    ) {
        let given = given
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
        let headers: HeaderMap =
            given.collect::<Vec<_>>().into_iter().fold(HeaderMap::new(), |mut headers, (name, value)| {
                headers.append(name, value);
                headers
            });
        assert_eq!(acting(&headers).map_err(|refusal| refusal.code), want);
    }
}
