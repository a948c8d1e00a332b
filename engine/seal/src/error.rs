//! Why something could not be sealed, opened or read.

/// A failure. Every message fits after "failed to "; none shows a key or a value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SealError {
    /// A text is not in PEM, or has another kind of content.
    #[error("read a key or certificate: {0}")]
    Pem(String),
    /// The key is none that RSA-OAEP works with.
    #[error("use the key: {0}")]
    Key(&'static str),
    /// A certificate could not be made.
    #[error("make a certificate: {0}")]
    Certificate(String),
    /// The value could not be encrypted.
    #[error("encrypt the value")]
    Encrypt,
    /// The value opens with none of the keys, or not under this name.
    #[error("decrypt the value: no key could decrypt it")]
    Decrypt,
    /// Some keys of an object cannot be opened: a line for each reason, with the keys behind it, in the words of kubeseal.
    #[error("{0}")]
    Keys(String),
    /// The object is not what it should be.
    #[error("{0}")]
    Object(String),
}
