//! One encrypted value: `ENC[AES256_GCM,data:…,iv:…,tag:…,type:…]`. Pure.

use super::tree::Value;
use crate::secret::decode_base64;
use aes_gcm::aead::consts::U32;
use aes_gcm::aead::{AeadInPlace as _, KeyInit as _};
use aes_gcm::aes::Aes256;
use aes_gcm::{AesGcm, Nonce, Tag};

/// The parts of an encrypted value.
struct Sealed<'t> {
    data: &'t str,
    iv: &'t str,
    tag: &'t str,
    type_: &'t str,
}

/// Whether a text looks like an encrypted value.
fn parts(text: &str) -> Option<Sealed<'_>> {
    let rest = text.strip_prefix("ENC[AES256_GCM,data:")?;
    let (data, rest) = rest.split_once(",iv:")?;
    let (iv, rest) = rest.split_once(",tag:")?;
    let (tag, rest) = rest.split_once(",type:")?;
    let (type_, _) = rest.rsplit_once(']')?;
    let all = [data, iv, tag, type_];
    all.iter().all(|part| !part.is_empty()).then_some(Sealed { data, iv, tag, type_ })
}

/// The value behind `text`, which stands under `place` (the keys that lead to it, each with a colon behind it).
///
/// # Errors
/// The text is no encrypted value, or the key is not its own.
pub(super) fn decrypt(text: &str, key: &[u8], place: &str) -> Result<Value, String> {
    // An empty text is not encrypted.
    if text.is_empty() {
        return Ok(Value::Text(String::new()));
    }
    let sealed =
        parts(text).ok_or_else(|| "Input string <redacted> does not match sops' data format".to_owned())?;
    let decoded = |part: &str, what: &str| {
        decode_base64(part).map_err(|error| format!("Error base64-decoding {what}: {error}"))
    };
    let mut data = decoded(sealed.data, "encrypted data")?;
    let iv = decoded(sealed.iv, "IV")?;
    let tag = decoded(sealed.tag, "tag")?;
    let failed = || "Could not decrypt with AES_GCM: cipher: message authentication failed".to_owned();
    let cipher = AesGcm::<Aes256, U32>::new_from_slice(key).map_err(|_| {
        format!("Could not initialize AES GCM decryption cipher: crypto/aes: invalid key size {}", key.len())
    })?;
    if iv.len() != 32 || tag.len() != 16 {
        return Err(failed());
    }
    cipher
        .decrypt_in_place_detached(Nonce::from_slice(&iv), place.as_bytes(), &mut data, Tag::from_slice(&tag))
        .map_err(|_| failed())?;
    let text = String::from_utf8(data);
    typed(text, sealed.type_)
}

fn typed(text: Result<String, std::string::FromUtf8Error>, type_: &str) -> Result<Value, String> {
    let text = match (text, type_) {
        (Ok(text), _) => text,
        (Err(bytes), "bytes" | "str") => return Ok(Value::Bytes(bytes.into_bytes())),
        (Err(_), _) => return Err(format!("the value of type {type_} is no text")),
    };
    let unfit = || format!("the value is not of its type {type_}");
    match type_ {
        "str" => Ok(Value::Text(text)),
        "bytes" => Ok(Value::Bytes(text.into_bytes())),
        "int" => text.parse().map(Value::Int).map_err(|_| unfit()),
        "float" => text.parse().map(Value::Float).map_err(|_| unfit()),
        "bool" => match text.as_str() {
            "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(Value::Bool(true)),
            "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(Value::Bool(false)),
            _ => Err(unfit()),
        },
        "comment" => Ok(Value::Comment(text)),
        "time" => Ok(Value::Time(text)),
        other => Err(format!("Unknown datatype: {other}")),
    }
}
