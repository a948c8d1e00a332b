//! What a cluster of a run follows.

use super::NAMESPACE;
use seatrial_verbs::bootstrap as manifests;

/// What a cluster follows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sync {
    /// The URL of the repository; that of the source is its ssh form.
    pub url: String,
    /// The branch.
    pub branch: String,
    /// The folder, such as `clusters/beta`.
    pub path: String,
}

impl Sync {
    /// The URL by which a deploy key leads to the repository: `ssh://git@host/path`.
    pub fn ssh_url(&self) -> String {
        let rest = self.url.strip_prefix("https://").or_else(|| self.url.strip_prefix("http://"));
        if let Some(rest) = rest {
            // A user in an https URL has no meaning for ssh.
            let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
            let host = host.rsplit('@').next().unwrap_or(host);
            return format!("ssh://git@{host}/{}", path.trim_end_matches('/').trim_end_matches(".git"));
        }
        match self.url.split_once(':') {
            // git@host:path
            Some((host, path)) if !path.starts_with("//") => {
                format!("ssh://{host}/{}", path.trim_end_matches(".git"))
            }
            _ => self.url.clone(),
        }
    }

    /// The manifests; with a token the source has the URL as it is.
    pub fn manifests(&self, token_auth: bool) -> manifests::Sync {
        let url = if token_auth { self.url.clone() } else { self.ssh_url() };
        let path = self.path.trim_matches('/');
        manifests::Sync::of(&url, &self.branch, if path == "." { "" } else { path })
    }

    /// The name under which the forge keeps the deploy key.
    pub fn key_title(&self) -> String {
        format!("{NAMESPACE}-{}-{NAMESPACE}-./{}", self.branch, self.path)
    }

    /// The host of the SSH server.
    pub fn host(&self) -> String {
        let url = self.ssh_url();
        let rest = url.strip_prefix("ssh://").unwrap_or(&url);
        let host = rest.split('/').next().unwrap_or_default();
        host.rsplit('@').next().unwrap_or_default().to_owned()
    }
}
