//! Reads `oci://host/path`.

use super::{OciAddress, OciAuth};
use seatrial_image::reference::{check_path, host_and_path, whole_path};

/// Where `url` leads, without credentials. The error has the words of the usual clients.
pub(crate) fn address(url: &str, insecure: bool) -> Result<OciAddress, String> {
    let text = url
        .strip_prefix("oci://")
        .ok_or_else(|| "URL must be in format 'oci://<domain>/<org>/<repo>'".to_owned())?;
    if text.is_empty() {
        return Err("a repository name must be specified".to_owned());
    }
    let (host, path) = host_and_path(text);
    check_path(path)?;
    let path = whole_path(host, path);
    Ok(OciAddress { host: host.to_ascii_lowercase(), path, insecure, auth: OciAuth::None })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use seatrial_image::reference::HUB;

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
