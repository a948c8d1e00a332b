//! Signatures made here, by SSH keys of type Ed25519: as `ssh-keygen -Y sign -n git` makes them.
//!
//! Of SSH keys they are the one kind that needs no chance: the same commit has the same signature, and so the same id.

use super::crypto::Hash;
use super::secret::PgpKey;
use super::sshsig::{NAMESPACE, string};
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

const KIND: &[u8] = b"ssh-ed25519";

/// A private key that signs commits.
pub(crate) enum SigningKey {
    Ssh(SshKey),
    OpenPgp(PgpKey),
    /// A key that does not sign, and why: Flux finds that out when there is something to sign.
    Useless(String),
}

impl SigningKey {
    /// The armored signature of `payload`, of that time (seconds since 1970) where signatures have one.
    ///
    /// # Errors
    /// Where the key does not sign, or turns out to be broken.
    pub(crate) fn sign(&self, payload: &[u8], time: i64) -> Result<String, String> {
        match self {
            SigningKey::Ssh(key) => Ok(key.sign(payload)),
            SigningKey::OpenPgp(key) => key.sign(payload, time),
            SigningKey::Useless(why) => Err(why.clone()),
        }
    }
}

/// An SSH key that signs commits.
pub(crate) struct SshKey(Ed25519KeyPair);

impl SshKey {
    /// Reads a private key in the format of OpenSSH.
    ///
    /// # Errors
    /// What is wrong with it, or not supported; nothing of the key is shown.
    pub(crate) fn parse(pem: &str) -> Result<SshKey, String> {
        let invalid = || "the private key is not in the format of OpenSSH".to_owned();
        let text = pem.trim();
        let inner = text
            .strip_prefix("-----BEGIN OPENSSH PRIVATE KEY-----")
            .and_then(|text| text.strip_suffix("-----END OPENSSH PRIVATE KEY-----"))
            .ok_or_else(invalid)?;
        let blob: String = inner.split_whitespace().collect();
        let blob = STANDARD.decode(blob).map_err(|_| invalid())?;
        let mut rest = blob.strip_prefix(b"openssh-key-v1\0").ok_or_else(invalid)?;
        let mut next = || string(&mut rest).ok_or_else(invalid);
        let (cipher, _, _) = (next()?, next()?, next()?);
        if cipher != b"none" {
            return Err("private keys with a passphrase are not supported".to_owned());
        }
        // The number of keys, which is one, then the public and the private half.
        let mut rest = rest.strip_prefix(&[0, 0, 0, 1]).ok_or_else(invalid)?;
        let mut next = || string(&mut rest).ok_or_else(invalid);
        let (_, private) = (next()?, next()?);
        // Two equal random numbers are in front.
        let mut rest = private.get(8..).ok_or_else(invalid)?;
        let mut next = || string(&mut rest).ok_or_else(invalid);
        let kind = next()?;
        if kind != KIND {
            let kind = String::from_utf8_lossy(kind);
            return Err(format!(
                "private keys of type {kind} are not supported, only those of type ssh-ed25519"
            ));
        }
        let (public, pair) = (next()?, next()?);
        let seed = pair.get(..32).ok_or_else(invalid)?;
        let key = Ed25519KeyPair::from_seed_and_public_key(seed, public).map_err(|_| invalid())?;
        Ok(SshKey(key))
    }

    /// The armored signature of `payload`.
    pub(crate) fn sign(&self, payload: &[u8]) -> String {
        let digest = Hash::Sha512.of(payload);
        let parts = |values: &[&[u8]]| {
            let mut blob = Vec::new();
            for value in values {
                let length = u32::try_from(value.len()).unwrap_or(u32::MAX);
                blob.extend(length.to_be_bytes());
                blob.extend(*value);
            }
            blob
        };
        let message = [b"SSHSIG".to_vec(), parts(&[NAMESPACE, b"", b"sha512", &digest])].concat();
        let signature = parts(&[KIND, self.0.sign(&message).as_ref()]);
        let key = parts(&[KIND, self.0.public_key().as_ref()]);
        let blob =
            [b"SSHSIG\0\0\0\x01".to_vec(), parts(&[&key, NAMESPACE, b"", b"sha512", &signature])].concat();
        let mut out = String::from("-----BEGIN SSH SIGNATURE-----\n");
        let encoded = STANDARD.encode(blob);
        let mut rest = encoded.as_str();
        while !rest.is_empty() {
            let (line, after) = rest.split_at(rest.len().min(70));
            out.push_str(line);
            out.push('\n');
            rest = after;
        }
        out.push_str("-----END SSH SIGNATURE-----\n");
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Made for this test alone, by ssh-keygen.
    const KEY: &str = include_str!("../../../tests/data/signatures/signing-key");
    const PUBLIC: &str = include_str!("../../../tests/data/signatures/signing-key.pub");

    #[test]
    fn what_is_signed_here_is_verified_here() {
        let key = SshKey::parse(KEY).expect("a key");
        let signature = key.sign(b"tree 0\n\nmessage\n");
        let keys = [PUBLIC.to_owned()];
        assert!(super::super::sshsig::verify(&signature, b"tree 0\n\nmessage\n", &keys).is_ok());
        assert!(super::super::sshsig::verify(&signature, b"tree 1\n\nmessage\n", &keys).is_err());
        assert_eq!(signature, key.sign(b"tree 0\n\nmessage\n"));
    }

    /// As `ssh-keygen -Y sign -n git -f signing-key` signs the same.
    #[test]
    fn a_signature_is_that_of_ssh_keygen() {
        let key = SshKey::parse(KEY).expect("a key");
        let wanted = include_str!("../../../tests/data/signatures/signed-by-ssh-keygen");
        assert_eq!(key.sign(b"tree 0\n\nmessage\n"), wanted);
    }

    #[test]
    fn other_keys_are_refused_by_name() {
        let error = |pem: &str| SshKey::parse(pem).err().unwrap_or_default();
        assert_eq!(
            error("-----BEGIN RSA PRIVATE KEY-----"),
            "the private key is not in the format of OpenSSH"
        );
        let locked = include_str!("../../../tests/data/signatures/signing-key-with-passphrase");
        assert_eq!(error(locked), "private keys with a passphrase are not supported");
        let other = include_str!("../../../tests/data/signatures/signing-key-ecdsa");
        let wanted =
            "private keys of type ecdsa-sha2-nistp256 are not supported, only those of type ssh-ed25519";
        assert_eq!(error(other), wanted);
    }
}
