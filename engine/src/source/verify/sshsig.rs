//! Signatures by SSH keys, as `ssh-keygen -Y sign -n git` makes them (PROTOCOL.sshsig of OpenSSH).

use super::crypto::{Curve, Hash, PublicKey, Signature};
use super::dearmor;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};

/// What Git signs for.
pub(super) const NAMESPACE: &[u8] = b"git";

/// Verifies a signature by one of the keys in `files`, of the form of `authorized_keys`; the result is the key's fingerprint.
pub(super) fn verify(signature: &str, payload: &[u8], files: &[String]) -> Result<String, String> {
    let unarmored = dearmor(signature, "SSH SIGNATURE").and_then(|blob| SshSignature::parse(&blob));
    let signed = unarmored.ok_or("unable to unarmor SSH signature: invalid format")?;
    let mut problems: Vec<&str> = Vec::new();
    let mut note = |problem| {
        if !problems.contains(&problem) {
            problems.push(problem);
        }
    };
    for file in files {
        let keys = keys(file)
            .ok_or("unable to parse authorized keys: unable to parse authorized key: ssh: no key found")?;
        for key in keys {
            if key != signed.key {
                note("public key does not match");
            } else if signed.namespace == NAMESPACE && signed.verifies(payload) {
                return Ok(format!("SHA256:{}", STANDARD_NO_PAD.encode(Hash::Sha256.of(&key))));
            } else if key.starts_with(b"\0\0\0\x07ssh-rsa") {
                note("crypto/rsa: verification error");
            } else {
                note("ssh: signature did not verify");
            }
        }
    }
    let head = "unable to verify payload with any of the given authorized keys: no matching key";
    Err([[head].as_slice(), problems.as_slice()].concat().join("\n"))
}

/// The keys of a file, as blobs; none where a line is no key.
fn keys(file: &str) -> Option<Vec<Vec<u8>>> {
    let lines = file.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines
        .map(|line| {
            let mut words = line.split_whitespace();
            // Options, or whom the key belongs to, may stand in front.
            words.find(|word| {
                word.starts_with("ssh-") || word.starts_with("ecdsa-") || word.starts_with("sk-")
            })?;
            STANDARD.decode(words.next()?).ok()
        })
        .collect()
}

struct SshSignature {
    key: Vec<u8>,
    namespace: Vec<u8>,
    reserved: Vec<u8>,
    hash: Vec<u8>,
    signature: Vec<u8>,
}

impl SshSignature {
    fn parse(blob: &[u8]) -> Option<SshSignature> {
        let mut rest = blob.strip_prefix(b"SSHSIG")?.strip_prefix(&[0, 0, 0, 1])?;
        let mut next = || Some(string(&mut rest)?.to_vec());
        let (key, namespace, reserved, hash) = (next()?, next()?, next()?, next()?);
        Some(SshSignature { key, namespace, reserved, hash, signature: next()? })
    }

    fn verifies(&self, payload: &[u8]) -> bool {
        self.try_verify(payload).unwrap_or(false)
    }

    fn try_verify(&self, payload: &[u8]) -> Option<bool> {
        let hash = match self.hash.as_slice() {
            b"sha256" => Hash::Sha256,
            b"sha512" => Hash::Sha512,
            _ => return None,
        };
        let digest = hash.of(payload);
        let mut message = b"SSHSIG".to_vec();
        for part in [&self.namespace, &self.reserved, &self.hash, &digest] {
            message.extend(u32::try_from(part.len()).ok()?.to_be_bytes());
            message.extend(part);
        }
        let mut rest = self.signature.as_slice();
        let (algorithm, mut value) = (string(&mut rest)?, string(&mut rest)?);
        let key = public_key(&self.key)?;
        let (hash, signature) = match (algorithm, &key) {
            (b"ssh-ed25519", _) => (Hash::Sha512, Signature::Ed25519(value.to_vec())),
            (b"rsa-sha2-256", _) => (Hash::Sha256, Signature::Rsa(value.to_vec())),
            (b"rsa-sha2-512", _) => (Hash::Sha512, Signature::Rsa(value.to_vec())),
            (name, PublicKey::Ecdsa { curve, .. }) if name.starts_with(b"ecdsa-sha2-") => {
                let (r, s) = (string(&mut value)?, string(&mut value)?);
                (curve.hash(), Signature::Pair(r.to_vec(), s.to_vec()))
            }
            _ => return None,
        };
        Some(key.verifies(hash, &message, &signature))
    }
}

fn public_key(blob: &[u8]) -> Option<PublicKey> {
    let mut rest = blob;
    match string(&mut rest)? {
        b"ssh-ed25519" => Some(PublicKey::Ed25519(string(&mut rest)?.to_vec())),
        b"ssh-rsa" => {
            let (e, n) = (string(&mut rest)?.to_vec(), string(&mut rest)?.to_vec());
            Some(PublicKey::Rsa { n, e })
        }
        name if name.starts_with(b"ecdsa-sha2-") => {
            let curve = match string(&mut rest)? {
                b"nistp256" => Curve::P256,
                b"nistp384" => Curve::P384,
                b"nistp521" => Curve::P521,
                _ => return None,
            };
            Some(PublicKey::Ecdsa { curve, point: string(&mut rest)?.to_vec() })
        }
        _ => None,
    }
}

/// Bytes with their length in front.
pub(super) fn string<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (length, after) = rest.split_at_checked(4)?;
    let length = u32::from_be_bytes(length.try_into().ok()?);
    let (value, after) = after.split_at_checked(usize::try_from(length).ok()?)?;
    *rest = after;
    Some(value)
}
