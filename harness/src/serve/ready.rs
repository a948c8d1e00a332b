//! The ready file: says in JSON where everything is, once everything answers.

use super::files;
use serde::Serialize;
use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::{fs, io};

/// How long a run that still serves may take to answer.
const PATIENCE: std::time::Duration = std::time::Duration::from_millis(300);

/// Where everything is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Ready {
    /// The file with the contexts.
    pub kubeconfig: PathBuf,
    /// The certificate of the run's CA, in PEM.
    pub ca: PathBuf,
    /// The clusters, by name.
    pub clusters: BTreeMap<String, ReadyCluster>,
    /// The Git server.
    pub forge: ReadyForge,
    /// The image registry.
    pub registry: ReadyRegistry,
}

/// How to reach a cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ReadyCluster {
    /// The URL of its API server.
    pub server: String,
    /// Its context in the kubeconfig.
    pub context: String,
}

/// How to reach the Git server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ReadyForge {
    /// Its URL.
    pub http: String,
    /// Its URL with TLS.
    pub https: String,
    /// Its SSH server, `ssh://git@host:port`; none where this build has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ssh: Option<String>,
    /// A file for `UserKnownHostsFile` with the keys of the SSH server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub known_hosts: Option<PathBuf>,
    /// The URL of the REST API, as GitHub Enterprise has it.
    pub api: String,
    /// The user whose token this is.
    pub user: String,
    /// The repositories, by name, with the URLs to clone.
    pub repositories: BTreeMap<String, String>,
    /// The repositories as `owner/name`, by name: each is also at the other URLs with that path.
    pub full_names: BTreeMap<String, String>,
    /// The file with the password of any user.
    pub token_file: PathBuf,
    /// The same as a file of `git credential-store`.
    pub credentials: PathBuf,
}

/// How to reach the registry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ReadyRegistry {
    /// Its URL without TLS.
    pub http: String,
    /// Its URL with TLS.
    pub https: String,
    /// The file with the password of any user.
    pub token_file: PathBuf,
    /// The same as a folder for `DOCKER_CONFIG`.
    pub docker_config: PathBuf,
}

/// The ready file could not be written. Every message fits after "failed to ".
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadyError {
    /// There is a file, and no run has written it.
    #[error("write the ready file {}: a file is there that no run has written; name another, or remove it",
        path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// The run that has written it still serves.
    #[error("write the ready file {}: the run that has written it still serves at {address}; name another", path.display())]
    InUse {
        /// The file.
        path: PathBuf,
        /// Where that run's forge answers.
        address: String,
    },
    /// Reading or writing failed.
    #[error("write the ready file {}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// A ready file; removed when it is dropped.
#[derive(Debug)]
pub(super) struct ReadyFile {
    path: PathBuf,
    content: Vec<u8>,
}

impl ReadyFile {
    /// Removes what an earlier run has left, so that nobody takes it for ours; sees early that the file can be written.
    pub(super) fn prepare(path: &Path) -> Result<(), ReadyError> {
        let failed = |source| ReadyError::Io { path: path.to_owned(), source };
        let content = match fs::read(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
                return fs::metadata(folder).map(drop).map_err(failed);
            }
            content => content.map_err(failed)?,
        };
        let json = serde_json::from_slice::<serde_json::Value>(&content).unwrap_or_default();
        let ours =
            ["kubeconfig", "ca", "clusters", "forge", "registry"].iter().all(|key| !json[*key].is_null());
        if !ours {
            return Err(ReadyError::Foreign { path: path.to_owned() });
        }
        let address = json["forge"]["http"].as_str().unwrap_or_default();
        if answers(address) {
            return Err(ReadyError::InUse { path: path.to_owned(), address: address.to_owned() });
        }
        fs::remove_file(path).map_err(failed)
    }

    /// Writes the file in one step.
    pub(super) fn write(path: &Path, ready: &Ready) -> Result<ReadyFile, ReadyError> {
        let failed = |source| ReadyError::Io { path: path.to_owned(), source };
        let mut content = serde_json::to_vec_pretty(ready).map_err(|error| failed(error.into()))?;
        content.push(b'\n');
        files::replace(path, &content).map_err(failed)?;
        Ok(ReadyFile { path: path.to_owned(), content })
    }
}

/// Whether somebody listens at `http://ADDRESS:PORT`.
fn answers(url: &str) -> bool {
    let address = url.strip_prefix("http://").and_then(|address| address.parse::<SocketAddr>().ok());
    address.is_some_and(|address| TcpStream::connect_timeout(&address, PATIENCE).is_ok())
}

impl Drop for ReadyFile {
    fn drop(&mut self) {
        // Another run may have written its own over it.
        if fs::read(&self.path).is_ok_and(|now| now == self.content) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case::nothing(None, true)]
    #[case::left_by_a_run(
        Some(r#"{"kubeconfig":"k","ca":"c","clusters":{},"forge":{},"registry":{}}"#),
        true
    )]
    #[case::another_file(Some("dear diary"), false)]
    #[case::another_json(Some(r#"{"kubeconfig":"k"}"#), false)]
    fn what_is_in_the_way_of_a_ready_file(#[case] content: Option<&str>, #[case] removed: bool) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ready.json");
        if let Some(content) = content {
            fs::write(&path, content).unwrap();
        }
        assert_eq!(ReadyFile::prepare(&path).is_ok(), removed);
        assert_eq!(path.exists(), !removed);
    }

    #[test]
    fn the_file_of_a_run_that_still_serves_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ready.json");
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let ready = serde_json::json!({"kubeconfig": "k", "ca": "c", "clusters": {}, "forge": {"http": url},
            "registry": {}});
        fs::write(&path, ready.to_string()).unwrap();
        assert!(matches!(ReadyFile::prepare(&path), Err(ReadyError::InUse { .. })));
        drop(listener);
        assert!(ReadyFile::prepare(&path).is_ok() && !path.exists());
    }

    #[test]
    fn a_folder_that_does_not_exist_is_seen_at_once() {
        let dir = tempfile::tempdir().unwrap();
        assert!(ReadyFile::prepare(&dir.path().join("no/ready.json")).is_err());
    }
}
