//! Signatures of commits and tags: OpenPGP ([`openpgp`], in the packets of [`packets`]) and SSH ([`sshsig`]), and those that are
//! made here ([`sign`], [`secret`]). Pure.
//!
//! Written on aws-lc, which is in the tree for TLS: crates for OpenPGP bring 150 others, among them one with a known flaw
//! (RUSTSEC-2023-0071). What is verified are version 4 keys and signatures of RSA, ECDSA and Ed25519; all else matches no
//! key. Clocks are not asked, since a run's may be virtual: keys must have been valid when the signature was made.

mod crypto;
mod openpgp;
mod packets;
mod secret;
mod sign;
mod sshsig;

pub use secret::{CommitKey, RingError};
pub(crate) use secret::{KeyError, PgpKey};
pub(crate) use sign::{SigningKey, SshKey};

use std::collections::BTreeMap;

/// Which kind of object is verified, for messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signed {
    Commit,
    Tag,
}

/// The technology of a signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    OpenPgp,
    Ssh,
    X509,
    Empty,
    Unknown,
}

impl Kind {
    fn of(signature: &str) -> Kind {
        match signature.trim_start() {
            "" => Kind::Empty,
            text if text.starts_with("-----BEGIN PGP SIGNATURE-----") => Kind::OpenPgp,
            text if text.starts_with("-----BEGIN PGP MESSAGE-----") => Kind::OpenPgp,
            text if text.starts_with("-----BEGIN SSH SIGNATURE-----") => Kind::Ssh,
            text if text.starts_with("-----BEGIN SIGNED MESSAGE-----") => Kind::X509,
            _ => Kind::Unknown,
        }
    }

    fn word(self) -> &'static str {
        match self {
            Kind::OpenPgp => "openpgp",
            Kind::Ssh => "ssh",
            Kind::X509 => "x509",
            Kind::Empty => "empty",
            Kind::Unknown => "unknown",
        }
    }
}

/// The public keys of a Secret: those of OpenPGP under names that end in `.asc`, those of SSH in `.sshpub`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Keys {
    pgp: Vec<String>,
    ssh: Vec<String>,
}

impl Keys {
    /// The keys among these values. `by_name`: by the ends of their names; otherwise all values are OpenPGP keys, as before
    /// Flux knew others.
    pub(crate) fn of(data: &BTreeMap<String, Vec<u8>>, by_name: bool) -> Keys {
        let all = |end: &str| {
            let named = data.iter().filter(|(name, _)| end.is_empty() || name.ends_with(end));
            named.map(|(_, value)| String::from_utf8_lossy(value).into_owned()).collect()
        };
        match by_name {
            true => Keys { pgp: all(".asc"), ssh: all(".sshpub") },
            false => Keys { pgp: all(""), ssh: Vec::new() },
        }
    }
}

/// Verifies `signature` of `payload`; the result names the key: the id of the OpenPGP key, or the fingerprint of the SSH key.
/// The error has Flux's words.
pub(crate) fn verify(what: Signed, signature: &str, payload: &[u8], keys: &Keys) -> Result<String, String> {
    let object = match what {
        Signed::Commit => "Git commit",
        Signed::Tag => "Git tag",
    };
    match Kind::of(signature) {
        Kind::OpenPgp => openpgp::verify(signature, payload, &keys.pgp)
            .map_err(|error| format!("unable to verify {object}: {error}")),
        Kind::Ssh => sshsig::verify(signature, payload, &keys.ssh)
            .map_err(|error| format!("unable to verify {object} SSH signature: {error}")),
        other => Err(format!("unsupported signature type: {}", other.word())),
    }
}

/// The base64 between the armor lines of `label`, without headers and checksum.
fn dearmor(text: &str, label: &str) -> Option<Vec<u8>> {
    use base64::Engine as _;
    let (begin, end) = (format!("-----BEGIN {label}-----"), format!("-----END {label}-----"));
    let (_, rest) = text.split_once(&begin)?;
    let (body, _) = rest.split_once(&end)?;
    let mut lines: Vec<&str> = body.lines().map(str::trim).collect();
    if lines.first().is_some_and(|line| line.is_empty()) {
        lines.remove(0);
    }
    // Headers end with an empty line.
    if lines.first().is_some_and(|line| line.contains(": ")) {
        lines = lines.split(|line| line.is_empty()).skip(1).flatten().copied().collect();
    }
    let data: String = lines.into_iter().filter(|line| !line.starts_with('=')).collect();
    base64::engine::general_purpose::STANDARD.decode(data).ok()
}

#[cfg(test)]
mod tests;
