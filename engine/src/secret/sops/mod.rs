//! SOPS files: trees whose values are encrypted one by one. Pure.
//!
//! # Flow
//! ```text
//! bytes ── format::load ──► documents and metadata ── open the data key ── decrypt each value ── format::emit ──► bytes
//! ```

mod cipher;
mod dotenv;
mod format;
mod ini;
mod json;
mod metadata;
mod tree;
mod yaml;

pub(crate) use format::Format;
use metadata::Metadata;
use tree::Entry;

use super::age::Identity;

/// Why a file cannot be decrypted. No value of a file is ever shown.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SopsError {
    /// The file is not one of its format.
    #[error("failed to load encrypted {format} data: {message}")]
    Load { format: Format, message: String },
    /// None of the keys opens the file.
    #[error("cannot get sops data key: {0}")]
    DataKey(String),
    /// A value cannot be decrypted.
    #[error("error decrypting sops tree: {0}")]
    Tree(String),
    /// The values cannot be written in the format that is asked for.
    #[error("failed to emit encrypted {format} file as decrypted {to}: {message}")]
    Emit { format: Format, to: Format, message: String },
}

/// A file as SOPS sees it.
struct File {
    /// One list of entries for each document.
    documents: Vec<Vec<Entry>>,
    metadata: Metadata,
}

/// Decrypts a file of one format, and writes it in another.
///
/// # Errors
/// [`SopsError`].
pub(crate) fn decrypt(
    content: &[u8],
    from: Format,
    to: Format,
    keys: &[Identity],
) -> Result<Vec<u8>, SopsError> {
    let mut file = from.load(content).map_err(|message| SopsError::Load { format: from, message })?;
    let key = file.metadata.data_key(keys).map_err(SopsError::DataKey)?;
    for document in &mut file.documents {
        tree::decrypt(document, &file.metadata, &key).map_err(SopsError::Tree)?;
    }
    to.emit(&file.documents).map_err(|message| SopsError::Emit {
        format: from,
        to,
        message: format!("error emitting {to} store: {message}"),
    })
}

/// Decrypts an object whose `sops` field says how.
///
/// # Errors
/// [`SopsError`].
pub(crate) fn decrypt_object(object: &mut serde_json::Value, keys: &[Identity]) -> Result<(), SopsError> {
    let format = Format::Json;
    let load = |message| SopsError::Load { format, message };
    let mut file = json::file(tree::from_json(object)).map_err(load)?;
    let key = file.metadata.data_key(keys).map_err(SopsError::DataKey)?;
    if let [document] = file.documents.as_mut_slice() {
        tree::decrypt(document, &file.metadata, &key).map_err(SopsError::Tree)?;
        *object = tree::to_json(document);
    }
    Ok(())
}
