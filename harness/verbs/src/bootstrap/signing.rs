//! What commits of bootstrap are signed with: `--gpg-key-ring`, `--gpg-key-id`, `--gpg-passphrase`.

use crate::{Hidden, VerbError};
use seatrial_engine::{CommitKey, RingError};
use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;

/// The key of a ring; none where there is no ring: the other flags are then refused, where flux signs nothing and says nothing.
pub(super) fn key(
    ring: Option<&Path>,
    id: Option<&str>,
    passphrase: Option<&Hidden>,
) -> Result<Option<Arc<CommitKey>>, VerbError> {
    let Some(ring) = ring.filter(|ring| !ring.as_os_str().is_empty()) else {
        let alone = [
            ("--gpg-key-id", id.is_some_and(|id| !id.is_empty())),
            ("--gpg-passphrase", passphrase.is_some_and(|Hidden(text)| !text.is_empty())),
        ];
        return match alone.into_iter().find(|(_, given)| *given) {
            Some((flag, _)) => {
                Err(VerbError::usage(format!("{flag} needs --gpg-key-ring: without it no commit is signed")))
            }
            None => Ok(None),
        };
    };
    let wrong = |why: String| VerbError::usage(format!("invalid GPG signing key: {why}"));
    let shown = ring.display();
    let content = std::fs::read(ring).map_err(|error| match error.kind() {
        ErrorKind::IsADirectory => {
            wrong(format!("unable to read GPG key ring: read {shown}: is a directory"))
        }
        ErrorKind::NotFound => {
            wrong(format!("unable to open GPG key ring: open {shown}: no such file or directory"))
        }
        _ => wrong(format!("unable to open GPG key ring: open {shown}: {error}")),
    })?;
    let passphrase = passphrase.map(|Hidden(text)| text.as_str()).unwrap_or_default();
    let key = CommitKey::of_ring(&content, id.unwrap_or_default(), passphrase);
    key.map(|key| Some(Arc::new(key))).map_err(|error| match error {
        RingError::Said(why) => wrong(why),
        RingError::Unsupported(what) => {
            VerbError::unsupported("--gpg-key-ring", &format!("{what} are not supported"))
        }
    })
}

/// The text of a commit with the signature of its text so far.
pub(super) fn signed(commit: &str, key: &CommitKey) -> Result<String, String> {
    let (head, message) = commit.split_once("\n\n").ok_or_else(|| "the commit has no message".to_owned())?;
    let committer = head.lines().find_map(|line| line.strip_prefix("committer "));
    let time = committer.and_then(|line| line.rsplit(' ').nth(1)?.parse().ok()).unwrap_or_default();
    let signature = key.sign(commit.as_bytes(), time)?;
    let signature = signature.trim_end().replace('\n', "\n ");
    Ok(format!("{head}\ngpgsig {signature}\n\n{message}"))
}
