//! Without the feature `sops`: Kustomizations that ask for decryption are refused before anything is read.

use seatrial_render::Tree;
use serde_json::Value;

/// Why nothing is decrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("decryption needs a Seatrial that was built with the feature `sops`")]
pub(crate) struct DecryptError;

/// Opens nothing.
#[derive(Default)]
pub(crate) struct Decryptor;

impl Decryptor {
    pub(crate) fn of(_secret: &Value) -> Result<Decryptor, DecryptError> {
        Err(DecryptError)
    }

    pub(crate) fn fingerprint(&self) -> &str {
        ""
    }

    pub(crate) fn sources(&self, _tree: &Tree, _folder: &str) -> Result<Tree, DecryptError> {
        Err(DecryptError)
    }

    pub(crate) fn object(&self, _object: &mut Value) -> Result<(), DecryptError> {
        Err(DecryptError)
    }
}
