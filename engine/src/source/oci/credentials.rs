//! Reads image pull secrets (`kubernetes.io/dockerconfigjson`). Pure.

use super::OciAuth;
use crate::source::Secret;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

/// What `secret`, a Secret of a cluster, has for the registry `host` (Docker Hub is `index.docker.io`). A secret of another form, or without an entry for the host, gives nothing, as in reality:
/// the registry then refuses.
pub fn credentials(secret: &Value, host: &str) -> OciAuth {
    found(secret, host).unwrap_or_default()
}

fn found(secret: &Value, host: &str) -> Option<OciAuth> {
    let decoded = |text: &Value| STANDARD.decode(text.as_str()?).ok();
    let data = &secret["data"];
    let auths = match decoded(&data[".dockerconfigjson"]) {
        Some(config) => serde_json::from_slice::<Value>(&config).ok()?["auths"].take(),
        // The old form is the map alone.
        None => serde_json::from_slice::<Value>(&decoded(&data[".dockercfg"])?).ok()?,
    };
    let (_, entry) = auths.as_object()?.iter().find(|(server, _)| host_of(server) == host)?;
    let text = |field: &str| entry[field].as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    if let Some(token) = text("registrytoken") {
        return Some(OciAuth::Bearer { token: Secret(token) });
    }
    let (username, password) = match (text("username"), text("password")) {
        (Some(username), Some(password)) => (username, password),
        _ => {
            let pair = String::from_utf8(decoded(&entry["auth"])?).ok()?;
            let (username, password) = pair.split_once(':')?;
            (username.to_owned(), password.to_owned())
        }
    };
    Some(OciAuth::Basic { username, password: Secret(password) })
}

/// Entries name a registry by its host, or by a URL.
fn host_of(server: &str) -> String {
    let server = server.strip_prefix("https://").or(server.strip_prefix("http://")).unwrap_or(server);
    let host = server.split('/').next().unwrap_or_default().to_ascii_lowercase();
    if host == "docker.io" { "index.docker.io".to_owned() } else { host }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use serde_json::json;

    fn secret(key: &str, config: &Value) -> Value {
        json!({ "data": { key: STANDARD.encode(config.to_string()) } })
    }

    fn basic(username: &str, password: &str) -> OciAuth {
        OciAuth::Basic { username: username.to_owned(), password: Secret(password.to_owned()) }
    }

    #[rstest]
    #[case::fields(json!({ "ghcr.io": { "username": "ann", "password": "x" } }), basic("ann", "x"))]
    #[case::pair(json!({ "https://ghcr.io/v2/": { "auth": STANDARD.encode("ann:x:y") } }), basic("ann", "x:y"))]
    #[case::other_host(json!({ "quay.io": { "username": "ann", "password": "x" } }), OciAuth::None)]
    #[case::token(json!({ "ghcr.io": { "registrytoken": "t" } }), OciAuth::Bearer { token: Secret("t".to_owned()) })]
    fn a_pull_secret_has_entries_by_host(#[case] auths: Value, #[case] expected: OciAuth) {
        assert_eq!(
            credentials(&secret(".dockerconfigjson", &json!({ "auths": auths })), "ghcr.io"),
            expected
        );
        assert_eq!(credentials(&secret(".dockercfg", &auths), "ghcr.io"), expected);
    }

    #[test]
    fn a_secret_of_another_form_gives_nothing() {
        let opaque =
            json!({ "data": { "username": STANDARD.encode("ann"), "password": STANDARD.encode("x") } });
        assert_eq!(credentials(&opaque, "ghcr.io"), OciAuth::None);
    }

    #[test]
    fn a_password_is_not_shown() {
        assert!(!format!("{:?}", basic("ann", "hunter2")).contains("hunter2"));
    }
}
