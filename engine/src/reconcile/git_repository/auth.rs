//! Credentials from the Secret of a GitRepository, checked for their form.

use super::GitRepositoryReconciler;
use crate::reconcile::fetched::{self, Failure};
use crate::source::{GitAccess, GitAuth, Secret};
use seatrial_api::source::GitRepositorySpec;

impl GitRepositoryReconciler {
    /// How to get at the repository.
    pub(in crate::reconcile) async fn access(
        &self,
        namespace: &str,
        spec: &GitRepositorySpec,
    ) -> Result<GitAccess, Failure> {
        let mut access = GitAccess::default();
        if let Some(proxy) = &spec.proxy_secret_ref {
            let name = &proxy.name;
            let secret = fetched::secret(&self.context, namespace, name).await?;
            let data = fetched::data(&secret);
            let value = |key: &str| Some(String::from_utf8_lossy(data.get(key)?).into_owned());
            let address = value("address")
                .filter(|address| !address.is_empty())
                .ok_or_else(|| invalid(namespace, name, "key 'address' is missing"))?;
            access.proxy = Some(Secret(with_user(&address, value("username"), value("password"))));
        }
        let Some(secret) = &spec.secret_ref else { return Ok(access) };
        let name = &secret.name;
        let found = fetched::secret(&self.context, namespace, name).await?;
        let data = fetched::data(&found);
        let value = |key: &str| Some(String::from_utf8_lossy(data.get(key)?).into_owned());
        let missing = |key: &str| invalid(namespace, name, &format!("key '{key}' not found"));
        if spec.url.starts_with("ssh://") {
            let identity = value("identity").ok_or_else(|| missing("identity"))?;
            let known_hosts = value("known_hosts").ok_or_else(|| missing("known_hosts"))?;
            access.auth = GitAuth::Ssh { identity: Secret(identity), known_hosts };
            access.passphrase = value("password").map(Secret);
            return Ok(access);
        }
        access.authority = value("ca.crt").or_else(|| value("caFile"));
        access.certificate = match (value("tls.crt"), value("tls.key")) {
            (Some(certificate), Some(key)) => Some((certificate, Secret(key))),
            (None, None) => None,
            (Some(_), None) => return Err(missing("tls.key")),
            (None, Some(_)) => return Err(missing("tls.crt")),
        };
        access.auth = match (value("bearerToken"), value("username"), value("password")) {
            (Some(token), None, None) => GitAuth::Bearer { token: Secret(token) },
            (None, Some(username), Some(password)) => GitAuth::Basic { username, password: Secret(password) },
            (None, None, None) => GitAuth::None,
            (Some(_), ..) => {
                return Err(invalid(
                    namespace,
                    name,
                    "'bearerToken' goes with neither 'username' nor 'password'",
                ));
            }
            _ => return Err(invalid(namespace, name, "required fields 'username' and 'password'")),
        };
        Ok(access)
    }
}

fn invalid(namespace: &str, name: &str, problem: &str) -> Failure {
    Failure::new("AuthenticationFailed", format!("invalid '{namespace}/{name}' secret data: {problem}"))
}

/// The address of a proxy, with user and password in it.
fn with_user(address: &str, username: Option<String>, password: Option<String>) -> String {
    let escaped = |text: &str| -> String {
        let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~".contains(byte);
        text.bytes()
            .map(|byte| if plain(&byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
            .collect()
    };
    match (username.filter(|name| !name.is_empty()), address.split_once("://")) {
        (Some(name), Some((scheme, rest))) => {
            format!("{scheme}://{}:{}@{rest}", escaped(&name), escaped(&password.unwrap_or_default()))
        }
        _ => address.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case::plain(None, None, "http://proxy.test:3128")]
    #[case::with_a_password(Some("ann"), Some("p@ss/1"), "http://ann:p%40ss%2F1@proxy.test:3128")]
    fn a_proxy_has_its_user_in_its_address(
        #[case] username: Option<&str>,
        #[case] password: Option<&str>,
        #[case] expected: &str,
    ) {
        let (username, password) = (username.map(str::to_owned), password.map(str::to_owned));
        assert_eq!(with_user("http://proxy.test:3128", username, password), expected);
    }
}
