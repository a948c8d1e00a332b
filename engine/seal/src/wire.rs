//! One value, sealed and opened.

use crate::error::SealError;
use crate::key::{PrivateKey, PublicKey};
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::rand::{SecureRandom as _, SystemRandom};
use aws_lc_rs::rsa::OAEP_SHA256_MGF1SHA256;

/// Length of the session key.
const SESSION: usize = 32;
/// Length of the field with the length of the encrypted session key.
const LENGTH: usize = 2;
/// Each session key encrypts one value, so that the nonce may be this one.
const NONCE: [u8; 12] = [0; 12];

/// Seals a value for the holder of the private key. It opens with the same `label` alone (see [`Scope::label`](crate::Scope::label)).
///
/// # Errors
/// [`SealError::Encrypt`]: a failure of the random source.
pub fn seal(key: &PublicKey, value: &[u8], label: &[u8]) -> Result<Vec<u8>, SealError> {
    let failed = |_| SealError::Encrypt;
    let mut session = [0; SESSION];
    SystemRandom::new().fill(&mut session).map_err(failed)?;
    let size = key.oaep.ciphertext_size();
    let mut sealed = Vec::with_capacity(LENGTH + size + value.len() + AES_256_GCM.tag_len());
    sealed.extend_from_slice(&u16::try_from(size).map_err(|_| SealError::Encrypt)?.to_be_bytes());
    sealed.resize(LENGTH + size, 0);
    let part = &mut sealed[LENGTH..];
    key.oaep.encrypt(&OAEP_SHA256_MGF1SHA256, &session, part, Some(label)).map_err(failed)?;
    sealed.extend_from_slice(value);
    let body = &mut sealed[LENGTH + size..];
    let tag = cipher(&session)?
        .seal_in_place_separate_tag(Nonce::assume_unique_for_key(NONCE), Aad::empty(), body)
        .map_err(failed)?;
    sealed.extend_from_slice(tag.as_ref());
    Ok(sealed)
}

/// Opens a value.
///
/// # Errors
/// [`SealError::Decrypt`], whatever the reason: another key, another label, a changed byte.
pub fn unseal(key: &PrivateKey, sealed: &[u8], label: &[u8]) -> Result<Vec<u8>, SealError> {
    let failed = |_| SealError::Decrypt;
    let (length, rest) = sealed.split_first_chunk::<LENGTH>().ok_or(SealError::Decrypt)?;
    let size = usize::from(u16::from_be_bytes(*length));
    if size != key.oaep.key_size_bytes() {
        return Err(SealError::Decrypt);
    }
    let (part, body) = rest.split_at_checked(size).ok_or(SealError::Decrypt)?;
    let mut room = vec![0; key.oaep.min_output_size()];
    let session = key.oaep.decrypt(&OAEP_SHA256_MGF1SHA256, part, &mut room, Some(label)).map_err(failed)?;
    let session: &[u8; SESSION] = (&*session).try_into().map_err(|_| SealError::Decrypt)?;
    let mut value = body.to_vec();
    let opened = cipher(session)
        .map_err(|_| SealError::Decrypt)?
        .open_in_place(Nonce::assume_unique_for_key(NONCE), Aad::empty(), &mut value)
        .map_err(failed)?
        .len();
    value.truncate(opened);
    Ok(value)
}

fn cipher(session: &[u8; SESSION]) -> Result<LessSafeKey, SealError> {
    Ok(LessSafeKey::new(UnboundKey::new(&AES_256_GCM, session).map_err(|_| SealError::Encrypt)?))
}
