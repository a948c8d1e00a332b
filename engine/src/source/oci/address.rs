//! Reads `oci://host/path`.

use super::{OciAddress, OciAuth};

const HUB: &str = "index.docker.io";

/// Where `url` leads, without credentials. The error has the words of the usual clients.
pub(crate) fn address(url: &str, insecure: bool) -> Result<OciAddress, String> {
    let text = url
        .strip_prefix("oci://")
        .ok_or_else(|| "URL must be in format 'oci://<domain>/<org>/<repo>'".to_owned())?;
    if text.is_empty() {
        return Err("a repository name must be specified".to_owned());
    }
    let (host, path) = match text.split_once('/') {
        Some((host, path)) if host.contains(['.', ':']) || host == "localhost" => (host, path.to_owned()),
        _ => (HUB, text.to_owned()),
    };
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "_-./".contains(c);
    if !path.chars().all(allowed) {
        let characters = "abcdefghijklmnopqrstuvwxyz0123456789_-./";
        return Err(format!("repository can only contain the characters `{characters}`: {path}"));
    }
    if !(2..=255).contains(&path.len()) {
        return Err(format!("repository must be between 2 and 255 characters in length: {path}"));
    }
    let path = if host == HUB && !path.contains('/') { format!("library/{path}") } else { path };
    Ok(OciAddress { host: host.to_ascii_lowercase(), path, insecure, auth: OciAuth::None })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case::usual("oci://ghcr.io/owls/manifests", "ghcr.io", "owls/manifests")]
    #[case::port("oci://localhost:5000/manifests", "localhost:5000", "manifests")]
    #[case::hub("oci://owls/manifests", HUB, "owls/manifests")]
    #[case::hub_library("oci://nginx", HUB, "library/nginx")]
    fn a_url_leads_to_a_repository(#[case] url: &str, #[case] host: &str, #[case] path: &str) {
        let found = address(url, false).expect("an address");
        assert_eq!((found.host.as_str(), found.path.as_str()), (host, path));
    }

    // As go-containerregistry says it.
    #[rstest]
    #[case::tag(
        "oci://ghcr.io/a/b:1.0",
        "can only contain the characters `abcdefghijklmnopqrstuvwxyz0123456789_-./`: a/b:1.0"
    )]
    #[case::upper_case("oci://ghcr.io/A/b", ": A/b")]
    #[case::empty("oci://", "a repository name must be specified")]
    #[case::no_path("oci://ghcr.io/", "repository must be between 2 and 255 characters in length: ")]
    #[case::other_scheme("https://ghcr.io/a/b", "URL must be in format 'oci://<domain>/<org>/<repo>'")]
    fn what_is_no_repository_is_refused(#[case] url: &str, #[case] end: &str) {
        let error = address(url, false).expect_err("refused");
        assert!(error.ends_with(end), "{error}");
    }
}
