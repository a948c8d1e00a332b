//! SSH keys, as deploy keys are made of: read from and written to the forms in which OpenSSH, Flux and GitHub keep them.
//!
//! ECDSA on the three NIST curves and Ed25519. RSA keys are refused: the SSH server cannot verify them.

mod private;
mod public;

pub use private::PrivateKey;
pub use public::PublicKey;
pub use seatrial_verbs::bootstrap::keys::KeyAlgorithm;

/// A key cannot be used. Messages stand by themselves.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// Not a key at all.
    #[error("key is invalid. You must supply a key in OpenSSH public key format")]
    NotAPublicKey,
    /// A key of a kind that is not supported.
    #[error("key is invalid: keys of type {algorithm} are not supported here; use ecdsa or ed25519")]
    Unsupported {
        /// What the key says that it is.
        algorithm: String,
    },
    /// Not a private key that can be read.
    #[error("ssh: no key found")]
    NotAPrivateKey,
}

#[cfg(test)]
mod tests;
