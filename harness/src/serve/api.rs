//! A simulated API server over HTTPS: finds out who asks, and hands the request to the cluster as that identity.

use super::auth::{self, Token};
use super::gzip;
use super::http::{Answer, Handler, Peer, answer};
use super::tls::Authority;
use futures::future::BoxFuture;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use seatrial_sim::{Cluster, Identity};
use seatrial_time::Clock;
use serde_json::json;
use std::sync::Arc;
use tower::Service as _;

/// The API of one cluster, for whoever authenticates: with a client certificate of the run's CA, or with the token of the
/// kubeconfig, whose user is `admin`. Both may act for others by impersonation headers.
pub(super) struct Api {
    pub(super) cluster: Cluster,
    pub(super) clock: Clock,
    pub(super) authority: Arc<Authority>,
    pub(super) token: Token,
}

impl Handler for Api {
    fn answer(self: Arc<Self>, request: Request<Incoming>, peer: Peer) -> BoxFuture<'static, Answer> {
        Box::pin(async move {
            let identity = match self.identity(request.headers(), &peer) {
                Ok(identity) => identity,
                Err(refused) => return refused.answer(),
            };
            let gzip = gzip::is_accepted(request.headers());
            match self.cluster.mount(identity).call(request).await {
                Ok(response) => {
                    let answer = response.map(|body| body.map_err(|never| match never {}).boxed_unsync());
                    if gzip { gzip::compress(answer).await } else { answer }
                }
                Err(never) => match never {},
            }
        })
    }
}

impl Api {
    fn identity(&self, headers: &HeaderMap, peer: &Peer) -> Result<Identity, Refused> {
        // The same order as in kube-apiserver.
        let by_certificate = || self.authority.identify(&peer.certificates, self.clock.now());
        let by_token =
            || auth::bearer(headers).filter(|token| self.token.is(token)).map(|_| Identity::admin());
        let identity = by_certificate().or_else(by_token).ok_or(Refused::Stranger)?;
        impersonated(headers, identity)
    }
}

/// The identity that `identity` wants to act as.
fn impersonated(headers: &HeaderMap, identity: Identity) -> Result<Identity, Refused> {
    let named = |prefix: &str| headers.keys().any(|name| name.as_str().starts_with(prefix));
    if named("impersonate-extra-") || headers.contains_key("impersonate-uid") {
        return Err(Refused::ImpersonatedMore);
    }
    let text = |value: &http::HeaderValue| value.to_str().ok().map(str::to_owned);
    let groups: Vec<String> = headers.get_all("impersonate-group").iter().filter_map(text).collect();
    match headers.get("impersonate-user").and_then(text).filter(|user| !user.is_empty()) {
        Some(user) if groups.is_empty() => Ok(account(&user).unwrap_or_else(|| Identity::new(user, groups))),
        Some(user) => Ok(Identity::new(user, groups)),
        None if groups.is_empty() && !headers.contains_key("impersonate-user") => Ok(identity),
        None => Err(Refused::ImpersonatedNobody),
    }
}

/// The service account of that user name, with its groups.
fn account(user: &str) -> Option<Identity> {
    let (namespace, name) = user.strip_prefix("system:serviceaccount:")?.split_once(':')?;
    Some(Identity::service_account(namespace, name))
}

/// Why a request does not reach the cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Refused {
    Stranger,
    ImpersonatedNobody,
    ImpersonatedMore,
}

impl Refused {
    /// The refusal in the API's own form.
    fn answer(self) -> Answer {
        let (code, reason, message) = match self {
            Refused::Stranger => (StatusCode::UNAUTHORIZED, "Unauthorized", "Unauthorized"),
            Refused::ImpersonatedNobody => {
                (StatusCode::BAD_REQUEST, "BadRequest", "requested groups without impersonating a user")
            }
            Refused::ImpersonatedMore => (
                StatusCode::NOT_IMPLEMENTED,
                "NotImplemented",
                "Seatrial does not support Impersonate-Uid and Impersonate-Extra-*",
            ),
        };
        let body = json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": message, "reason": reason, "code": code.as_u16(),
        });
        answer(code, "application/json", body.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case::nobody(&[], Ok(Identity::admin()))]
    #[case::user(&[("impersonate-user", "jane")], Ok(Identity::new("jane", [""; 0])))]
    #[case::groups(
        &[("impersonate-user", "jane"), ("impersonate-group", "a"), ("impersonate-group", "b")],
        Ok(Identity::new("jane", ["a", "b"]))
    )]
    #[case::account(
        &[("impersonate-user", "system:serviceaccount:flux-system:kustomize-controller")],
        Ok(Identity::service_account("flux-system", "kustomize-controller"))
    )]
    #[case::group_of_nobody(&[("impersonate-group", "a")], Err(400))]
    #[case::empty_user(&[("impersonate-user", "")], Err(400))]
    #[case::extra(&[("impersonate-user", "jane"), ("impersonate-extra-scopes", "x")], Err(501))]
    #[case::uid(&[("impersonate-user", "jane"), ("impersonate-uid", "x")], Err(501))]
    fn an_administrator_acts_as(#[case] given: &[(&'static str, &str)], #[case] want: Result<Identity, u16>) {
        let mut headers = HeaderMap::new();
        for (name, value) in given {
            headers.append(*name, value.parse().unwrap());
        }
        let found =
            impersonated(&headers, Identity::admin()).map_err(|refused| refused.answer().status().as_u16());
        assert_eq!(found, want);
    }
}
