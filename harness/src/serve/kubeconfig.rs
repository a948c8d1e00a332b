//! The kubeconfig: a new file, or entries in one that is there; taken back in the end.
//!
//! # Guarantees
//! - A file that exists is changed only where that was asked for, and never an entry of somebody else.
//! - kubectl's own lock (`FILE.lock`) is held while the file changes, and the file is replaced in one step.
//! - Taking back removes what was put in, as it is then found: what others have changed meanwhile stays. Where nobody
//!   has changed anything, the file has its old bytes again.

use super::files;
use seatrial_time::Clock;
use serde_json::{Map, Value, json};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{fs, io};

/// How long to wait for kubectl to let the file go.
const PATIENCE: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(50);
/// The lists of a kubeconfig in which a cluster has an entry.
const LISTS: [&str; 3] = ["clusters", "contexts", "users"];

/// The kubeconfig could not be written. Every message fits after "failed to ".
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KubeconfigError {
    /// A new file was to be made, and there is one.
    #[error("write the kubeconfig {}: the file exists; name another, remove it, or add --merge-kubeconfig to put the \
             contexts into it while this runs", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// The file has an entry of that name.
    #[error("merge into the kubeconfig {}: it has an entry {name:?} under {list} already", path.display())]
    Taken {
        /// The file.
        path: PathBuf,
        /// `clusters`, `contexts` or `users`.
        list: &'static str,
        /// The name.
        name: String,
    },
    /// The file is not a kubeconfig.
    #[error("merge into the kubeconfig {}: {problem}", path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// Another program holds the lock.
    #[error("merge into the kubeconfig {}: another program has locked it; if none runs, remove {}",
        path.display(), lock.display())]
    Locked {
        /// The file.
        path: PathBuf,
        /// The lock.
        lock: PathBuf,
    },
    /// Reading or writing failed.
    #[error("write the kubeconfig {}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The entries contain what YAML cannot express.
    #[error("write the kubeconfig")]
    Emit(#[from] seatrial_yaml::EmitError),
}

/// How to reach one cluster. Context, cluster and user have the cluster's name.
pub(super) struct Access {
    pub(super) cluster: String,
    pub(super) server: String,
    /// In PEM.
    pub(super) ca: String,
    /// In PEM.
    pub(super) certificate: String,
    /// In PEM.
    pub(super) key: String,
    pub(super) token: String,
}

/// Where the contexts go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KubeconfigTarget {
    /// A new file of this name; none may be there.
    New(PathBuf),
    /// This file, which is made where it does not exist.
    Merge(PathBuf),
}

/// What was written; taken back when it is dropped.
#[derive(Debug)]
pub(super) struct Kubeconfig {
    path: PathBuf,
    /// Names and servers of the clusters.
    entries: Vec<(String, String)>,
    /// The file before; `None` where there was none.
    before: Option<Vec<u8>>,
    after: Vec<u8>,
}

impl Kubeconfig {
    /// Sees early that the contexts can be written.
    pub(super) fn prepare(target: &KubeconfigTarget, names: &[String]) -> Result<(), KubeconfigError> {
        match target {
            KubeconfigTarget::New(path) if fs::symlink_metadata(path).is_ok() => {
                Err(KubeconfigError::Exists { path: path.clone() })
            }
            KubeconfigTarget::New(_) => Ok(()),
            KubeconfigTarget::Merge(path) => {
                let (_, config) = Kubeconfig::read(path)?;
                names.iter().try_for_each(|name| free(path, &config, name))
            }
        }
    }

    /// The bytes of the file, if there is one, and what they say.
    fn read(path: &Path) -> Result<(Option<Vec<u8>>, Value), KubeconfigError> {
        let before = match fs::read(path) {
            Ok(bytes) => Some(bytes),
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(source) => return Err(KubeconfigError::Io { path: path.to_owned(), source }),
        };
        let config = parse(before.as_deref().unwrap_or_default())
            .map_err(|problem| KubeconfigError::Invalid { path: path.to_owned(), problem })?;
        Ok((before, config))
    }

    /// Writes the contexts. The first is the current one where the file says nothing else.
    pub(super) async fn write(
        clock: &Clock,
        target: &KubeconfigTarget,
        clusters: &[Access],
    ) -> Result<Kubeconfig, KubeconfigError> {
        let (path, merge) = match target {
            KubeconfigTarget::New(path) => (path, false),
            KubeconfigTarget::Merge(path) => (path, true),
        };
        // A link stays a link: its target is what changes.
        let path = path.canonicalize().unwrap_or_else(|_| path.clone());
        let failed = |source| KubeconfigError::Io { path: path.clone(), source };
        if !merge {
            let after = emit(&merged(&path, json!({}), clusters)?)?;
            files::create(&path, &after).map_err(|error| match error.kind() {
                ErrorKind::AlreadyExists => KubeconfigError::Exists { path: path.clone() },
                _ => failed(error),
            })?;
            return Ok(Kubeconfig::new(path, clusters, None, after));
        }
        let _lock = Lock::wait(clock, &path).await?;
        let (before, old) = Kubeconfig::read(&path)?;
        let after = emit(&merged(&path, old, clusters)?)?;
        files::replace(&path, &after).map_err(failed)?;
        Ok(Kubeconfig::new(path, clusters, before, after))
    }

    fn new(path: PathBuf, clusters: &[Access], before: Option<Vec<u8>>, after: Vec<u8>) -> Kubeconfig {
        let entries = clusters.iter().map(|c| (c.cluster.clone(), c.server.clone())).collect();
        Kubeconfig { path, entries, before, after }
    }

    /// The file.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    fn take_back(&self) -> io::Result<()> {
        let _lock = Lock::hurry(&self.path);
        let now = match fs::read(&self.path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            now => now?,
        };
        if now == self.after {
            return match &self.before {
                Some(before) => files::replace(&self.path, before),
                None => fs::remove_file(&self.path),
            };
        }
        // What cannot be read is somebody else's by now.
        let Ok(mut config) = parse(&now) else { return Ok(()) };
        self.remove_entries(&mut config);
        let empty = LISTS.iter().all(|list| config[*list].as_array().is_none_or(Vec::is_empty));
        if empty && self.before.is_none() {
            return fs::remove_file(&self.path);
        }
        match emit(&config) {
            Ok(bytes) => files::replace(&self.path, &bytes),
            Err(_) => Ok(()),
        }
    }

    /// Removes the clusters whose servers are ours, their contexts and their users.
    fn remove_entries(&self, config: &mut Value) {
        for (name, server) in &self.entries {
            let named = |entry: &Value| entry["name"] == name.as_str();
            let clusters = config["clusters"].as_array();
            let own = |entry: &Value| named(entry) && entry["cluster"]["server"] == server.as_str();
            if !clusters.is_some_and(|all| all.iter().any(own)) {
                continue;
            }
            for list in LISTS {
                if let Some(entries) = config[list].as_array_mut() {
                    entries.retain(|entry| !named(entry));
                }
            }
            if config["current-context"] == name.as_str() {
                let old = self.before.as_deref().and_then(|before| parse(before).ok());
                let old = old.map_or(json!(""), |old| old["current-context"].clone());
                config["current-context"] = if old.is_null() { json!("") } else { old };
            }
        }
    }
}

impl Drop for Kubeconfig {
    fn drop(&mut self) {
        if let Err(error) = self.take_back() {
            tracing::warn!(path = %self.path.display(), %error, "the kubeconfig could not be cleaned");
        }
    }
}

/// A kubeconfig as JSON; an empty file is an empty one.
fn parse(bytes: &[u8]) -> Result<Value, String> {
    let text = std::str::from_utf8(bytes).map_err(|error| error.to_string())?;
    if text.trim().is_empty() {
        return Ok(json!({}));
    }
    let value: Value = serde_saphyr::from_str(text).map_err(|error| format!("it is no YAML: {error}"))?;
    if value.is_null() {
        return Ok(json!({}));
    }
    let lists_fit = LISTS.iter().all(|list| value[*list].is_null() || value[*list].is_array());
    if !value.is_object() || !value["kind"].is_null() && value["kind"] != "Config" || !lists_fit {
        return Err("it is no kubeconfig".to_owned());
    }
    Ok(value)
}

fn emit(config: &Value) -> Result<Vec<u8>, seatrial_yaml::EmitError> {
    seatrial_yaml::emit_json(config).map(String::into_bytes)
}

/// The config with the clusters in it.
fn merged(path: &Path, mut config: Value, clusters: &[Access]) -> Result<Value, KubeconfigError> {
    let map = config.as_object_mut();
    let mut rest: Map<String, Value> = map.map(std::mem::take).unwrap_or_default();
    rest.entry("apiVersion").or_insert_with(|| "v1".into());
    rest.entry("kind").or_insert_with(|| "Config".into());
    let mut config = Value::Object(rest);
    for access in clusters {
        free(path, &config, &access.cluster)?;
        let entries = [
            json!({"name": access.cluster, "cluster": {
                "server": access.server,
                "certificate-authority-data": base64(&access.ca),
            }}),
            json!({"name": access.cluster, "context": {"cluster": access.cluster, "user": access.cluster}}),
            json!({"name": access.cluster, "user": {
                "client-certificate-data": base64(&access.certificate),
                "client-key-data": base64(&access.key),
                "token": access.token,
            }}),
        ];
        for (list, entry) in LISTS.into_iter().zip(entries) {
            if !config[list].is_array() {
                config[list] = json!([]);
            }
            let Some(all) = config[list].as_array_mut() else { continue };
            all.push(entry);
        }
    }
    if config["current-context"].as_str().is_none_or(str::is_empty)
        && let Some(first) = clusters.first()
    {
        config["current-context"] = first.cluster.clone().into();
    }
    Ok(config)
}

/// Whether no list has an entry of that name.
fn free(path: &Path, config: &Value, name: &str) -> Result<(), KubeconfigError> {
    let taken = |list: &&'static str| {
        config[*list].as_array().is_some_and(|all| all.iter().any(|entry| entry["name"] == name))
    };
    match LISTS.into_iter().find(|list| taken(list)) {
        Some(list) => Err(KubeconfigError::Taken { path: path.to_owned(), list, name: name.to_owned() }),
        None => Ok(()),
    }
}

fn base64(text: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(text)
}

/// The lock by which kubectl keeps others from a kubeconfig.
struct Lock(PathBuf);

impl Lock {
    async fn wait(clock: &Clock, path: &Path) -> Result<Lock, KubeconfigError> {
        let lock = Lock::of(path);
        let mut waited = Duration::ZERO;
        loop {
            match files::create(&lock, b"") {
                Ok(()) => return Ok(Lock(lock)),
                Err(error) if error.kind() != ErrorKind::AlreadyExists => {
                    return Err(KubeconfigError::Io { path: path.to_owned(), source: error });
                }
                Err(_) if waited >= PATIENCE => {
                    return Err(KubeconfigError::Locked { path: path.to_owned(), lock });
                }
                Err(_) => {
                    clock.sleep(PAUSE).await;
                    waited += PAUSE;
                }
            }
        }
    }

    /// Takes the lock where it is free. In the end it is more important to clean up than to wait.
    fn hurry(path: &Path) -> Option<Lock> {
        let lock = Lock::of(path);
        files::create(&lock, b"").ok().map(|()| Lock(lock))
    }

    fn of(path: &Path) -> PathBuf {
        let mut lock = path.as_os_str().to_owned();
        lock.push(".lock");
        lock.into()
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

#[cfg(test)]
#[path = "kubeconfig_tests.rs"]
mod tests;
