//! Private keys and certificates of the controllers of SealedSecrets, from arguments.

use seatrial_harness::sealed::{KeyBackup, Opener, Openers};
use seatrial_verbs::seal::{self, SealVerbError};
use seatrial_verbs::{VerbError, block_on};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Splits `CLUSTER=FILE`.
///
/// # Errors
/// It has another form.
pub(super) fn pair(flag: &str, given: &str) -> Result<(String, String), VerbError> {
    match given.split_once('=') {
        Some((cluster, file)) if !cluster.is_empty() && !file.is_empty() => {
            Ok((cluster.to_owned(), file.to_owned()))
        }
        _ => Err(VerbError::usage(format!("{flag} takes CLUSTER=FILE, and not {given:?}"))),
    }
}

/// Splits `[CLUSTER=]FILE`; addresses may have an equals sign of their own.
fn maybe_pair(given: &str) -> (Option<String>, &str) {
    match given.split_once('=') {
        Some((cluster, file)) if !cluster.is_empty() && !cluster.contains(['/', ':']) => {
            (Some(cluster.to_owned()), file)
        }
        _ => (None, given),
    }
}

/// What `--sealing-keys [CLUSTER=]FILE` and `--cert [CLUSTER=]FILE` give. Keys win over a certificate of the same cluster.
///
/// # Errors
/// A file cannot be read, or has no key or certificate.
pub(super) fn openers(keys: &[String], certificates: &[String]) -> Result<Openers, VerbError> {
    let mut openers = Openers::default();
    for given in certificates {
        let (cluster, file) = maybe_pair(given);
        let opener = certificate(file)?;
        match cluster {
            Some(cluster) => drop(openers.clusters.insert(cluster, opener)),
            None => openers.others = Some(opener),
        }
    }
    let mut files: BTreeMap<Option<String>, Vec<PathBuf>> = BTreeMap::new();
    for given in keys {
        let (cluster, file) = maybe_pair(given);
        files.entry(cluster).or_default().push(file.into());
    }
    for (cluster, files) in files {
        let opener = private_keys(&files)?;
        match cluster {
            Some(cluster) => drop(openers.clusters.insert(cluster, opener)),
            None => openers.others = Some(opener),
        }
    }
    Ok(openers)
}

/// What `--sealing-keys CLUSTER=FILE` gives to clusters that are played.
///
/// # Errors
/// A file cannot be read, or is no backup.
pub(super) fn backups(given: &[String]) -> Result<BTreeMap<String, KeyBackup>, VerbError> {
    let mut all: BTreeMap<String, KeyBackup> = BTreeMap::new();
    for given in given {
        let (cluster, file) = pair("--sealing-keys", given)?;
        let text = std::fs::read(&file);
        let text = text.map_err(|error| VerbError::failed(format!("failed to read {file}: {error}")))?;
        let backup = KeyBackup::parse(&text);
        let backup = backup.map_err(|error| {
            VerbError::failed(format!("failed to read the sealing keys in {file}: {error}"))
        })?;
        all.entry(cluster).or_default().extend(backup);
    }
    Ok(all)
}

/// The private keys of these files.
///
/// # Errors
/// One cannot be read, or has none.
pub(super) fn private_keys(files: &[PathBuf]) -> Result<Opener, VerbError> {
    Ok(Opener::Keys(seal::private_keys(files).map_err(told)?))
}

/// The certificate of a file, or of an address.
///
/// # Errors
/// It cannot be read, or is none.
pub(super) fn certificate(place: &str) -> Result<Opener, VerbError> {
    let read = block_on(seal::certificate(place)).map_err(|error| VerbError::failed(error.to_string()))?;
    Ok(Opener::Certificate(read.map_err(told)?))
}

fn told(error: SealVerbError) -> VerbError {
    match error {
        SealVerbError::Failed(message) => VerbError::failed(message),
        SealVerbError::Invalid(message) => VerbError::usage(message),
        SealVerbError::Missing(message) => VerbError::Missing(message),
        SealVerbError::Verb(error) => error,
    }
}

#[cfg(test)]
mod tests {
    use super::maybe_pair;

    #[test]
    fn a_cluster_may_stand_before_a_file() {
        for (given, cluster, file) in [
            ("keys.yaml", None, "keys.yaml"),
            ("beta=keys.yaml", Some("beta"), "keys.yaml"),
            ("beta=a=b.yaml", Some("beta"), "a=b.yaml"),
            ("./a=b.yaml", None, "./a=b.yaml"),
            ("https://example.test/cert?v=1", None, "https://example.test/cert?v=1"),
            ("beta=https://example.test/cert?v=1", Some("beta"), "https://example.test/cert?v=1"),
        ] {
            assert_eq!(maybe_pair(given), (cluster.map(str::to_owned), file), "{given}");
        }
    }
}
