//! Sealed secrets (bitnami-labs/sealed-secrets, v0.26 and later): what kubeseal seals is opened here, and what is sealed here
//! kubeseal and its controller open.
//!
//! ```text
//! Secret ── seal(public key, scope) ──► SealedSecret ── unseal(private keys) ──► Secret
//! value = Base64( length of the first part (2 bytes, big-endian)
//!               | RSA-OAEP-SHA256(session key, label = scope)
//!               | AES-256-GCM(session key, nonce 0, no associated data, value) )
//! ```
//!
//! - [`Scope`]: under which names a sealed value opens.
//! - [`PrivateKey`], [`PublicKey`], [`Certificate`]: keys in PEM, self-signed certificates.
//! - [`seal`], [`unseal`]: one value.
//! - [`secret`]: whole objects, as JSON.
//!
//! # Guarantees
//! - Objects and texts come in, objects and texts go out: no I/O and no clock. Session keys and the padding come from the random source
//!   of the cryptography, so that no two ciphertexts are equal.
//! - A value that does not open says nothing about why: padding, session key and tag fail alike, and the padding is removed by the
//!   library without a branch on secrets.
//! - Neither a key nor a plain value is in an error, or in a debug form.

mod certificate;
mod der;
mod error;
mod key;
mod keyring;
pub mod print;
mod scope;
pub mod secret;
mod wire;

pub use certificate::{Certificate, Validity};
pub use error::SealError;
pub use key::{PrivateKey, PublicKey};
pub use keyring::Keyring;
pub use scope::Scope;
pub use wire::{seal, unseal};

/// The group of the annotations, labels and of the kind.
pub const GROUP: &str = "sealedsecrets.bitnami.com";
/// The `apiVersion` of SealedSecrets.
pub const API_VERSION: &str = "bitnami.com/v1alpha1";
/// The annotation that opens a value under every name of its namespace.
pub const NAMESPACE_WIDE: &str = "sealedsecrets.bitnami.com/namespace-wide";
/// The annotation that opens a value everywhere.
pub const CLUSTER_WIDE: &str = "sealedsecrets.bitnami.com/cluster-wide";
/// The annotation by which a Secret may be overwritten although its SealedSecret did not make it.
pub const MANAGED: &str = "sealedsecrets.bitnami.com/managed";
/// The annotation by which a SealedSecret adds its keys to a Secret that it did not make.
pub const PATCH: &str = "sealedsecrets.bitnami.com/patch";
/// The annotation of a template by which the Secret gets no owner.
pub const SKIP_OWNER: &str = "sealedsecrets.bitnami.com/skip-set-owner-references";
/// The label of the Secrets that hold keys; its value is [`ACTIVE`] for those that seal.
pub const KEY_LABEL: &str = "sealedsecrets.bitnami.com/sealed-secrets-key";
/// See [`KEY_LABEL`].
pub const ACTIVE: &str = "active";
