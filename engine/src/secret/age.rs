//! Files encrypted with age (age-encryption.org/v1), for X25519 keys. Pure.
//!
//! The `age` crate brings 85 crates that are not in the tree otherwise (translated messages, scrypt, post-quantum keys); what
//! SOPS needs of the format is a header, a key agreement and a stream of sealed chunks, over aws-lc-rs.

use aws_lc_rs::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::agreement::{PrivateKey, UnparsedPublicKey, X25519, agree};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Salt};
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use bech32::primitives::decode::CheckedHrpstring;

/// Why a file cannot be opened, or a key not be read. Keys are never shown.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum AgeError {
    /// A line of a key file is no key.
    #[error("malformed secret key: {0}")]
    Key(String),
    /// A key is of a kind that is not supported.
    #[error("keys of the kind {0} are not supported by Seatrial, only AGE-SECRET-KEY-1")]
    Unsupported(&'static str),
    /// The file is for none of the keys.
    #[error("identity did not match any of the recipients: incorrect identity for recipient block")]
    NoMatch,
    /// The file is broken, or not an age file.
    #[error("{0}")]
    Malformed(&'static str),
}

/// age shows the line. What is no age file here may be a key that was put into the wrong place.
const NO_ARMOR: &str = "failed to read header: parsing age header: failed to read intro: invalid armor: invalid first line: <redacted>";
const ARMOR: &str = "-----BEGIN AGE ENCRYPTED FILE-----";
const INTRO: &str = "age-encryption.org/v1\n";
const CHUNK: usize = 64 * 1024;
const TAG: usize = 16;

/// A private key; it has no debug form that shows it.
pub(crate) struct Identity {
    key: PrivateKey,
    public: Vec<u8>,
}

/// The keys of a key file: one on each line, empty lines and `#` comments aside.
///
/// # Errors
/// A line is no key.
pub(crate) fn identities(text: &str) -> Result<Vec<Identity>, AgeError> {
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(identity).collect()
}

fn identity(text: &str) -> Result<Identity, AgeError> {
    let failed = |message: &str| AgeError::Key(message.to_owned());
    for kind in ["AGE-SECRET-KEY-PQ", "AGE-PLUGIN"] {
        if text.starts_with(kind) {
            return Err(AgeError::Unsupported(kind));
        }
    }
    let decoded = CheckedHrpstring::new::<bech32::Bech32>(text).map_err(|_| failed(&fault(text)))?;
    if !decoded.hrp().as_str().eq_ignore_ascii_case("age-secret-key-") {
        return Err(failed(&format!("unknown type {:?}", decoded.hrp().as_str())));
    }
    let bytes: Vec<u8> = decoded.byte_iter().collect();
    let key =
        PrivateKey::from_private_key(&X25519, &bytes).map_err(|_| failed("invalid X25519 secret key"))?;
    let public = key.compute_public_key().map_err(|_| failed("invalid X25519 secret key"))?;
    Ok(Identity { public: public.as_ref().to_vec(), key })
}

/// What is wrong with a text that is not in Bech32, in the words of age. Of the text it shows one character at most.
fn fault(text: &str) -> String {
    let Some((_, data)) = text.rsplit_once('1') else { return "separator '1' not found".to_owned() };
    let is_good = |c: char| "qpzry9x8gf2tvdw0s3jn54khce6mua7l".contains(c.to_ascii_lowercase());
    match data.chars().enumerate().find(|(_, c)| !is_good(*c)) {
        Some((at, c)) => {
            format!("invalid character data part: s[{at}]={}", u32::from(c.to_ascii_lowercase()))
        }
        None => "invalid checksum".to_owned(),
    }
}

/// Opens a file, armored or not, with the first key that fits.
///
/// # Errors
/// No key fits, or the file is broken.
pub(crate) fn decrypt(file: &str, identities: &[Identity]) -> Result<Vec<u8>, AgeError> {
    let file = match file.starts_with(INTRO) {
        true => file.as_bytes().to_vec(),
        false => unarmored(file)?,
    };
    let header = Header::read(&file)?;
    let opened = header
        .stanzas
        .iter()
        .find_map(|stanza| identities.iter().find_map(|identity| stanza.open(identity).ok().flatten()));
    let file_key = opened.ok_or(AgeError::NoMatch)?;
    let mac_key = derive(&file_key, &[], b"header").map_err(|_| AgeError::Malformed("bad header MAC"))?;
    hmac::verify(&hmac::Key::new(hmac::HMAC_SHA256, &mac_key), header.signed, &header.mac)
        .map_err(|_| AgeError::Malformed("bad header MAC"))?;
    payload(&file_key, header.payload)
        .map_err(|_| AgeError::Malformed("failed to decrypt and authenticate payload chunk"))
}

fn unarmored(text: &str) -> Result<Vec<u8>, AgeError> {
    let broken = || AgeError::Malformed("failed to read header: invalid armor");
    let body = text.trim().strip_prefix(ARMOR).ok_or(AgeError::Malformed(NO_ARMOR))?;
    let body = body.strip_suffix("-----END AGE ENCRYPTED FILE-----").ok_or_else(broken)?;
    let body: String = body.split_ascii_whitespace().collect();
    STANDARD.decode(body).map_err(|_| broken())
}

/// One way to the file's key.
struct Stanza {
    type_: String,
    arguments: Vec<String>,
    body: Vec<u8>,
}

struct Header<'f> {
    stanzas: Vec<Stanza>,
    /// What the MAC is over.
    signed: &'f [u8],
    mac: Vec<u8>,
    payload: &'f [u8],
}

impl<'f> Header<'f> {
    fn read(file: &'f [u8]) -> Result<Header<'f>, AgeError> {
        let broken = || AgeError::Malformed("failed to read header: parsing age header");
        let mut at = INTRO.len();
        if !file.starts_with(INTRO.as_bytes()) {
            return Err(broken());
        }
        let line = |at: &mut usize| -> Option<&'f str> {
            let rest = file.get(*at..)?;
            let end = rest.iter().position(|byte| *byte == b'\n')?;
            *at += end + 1;
            std::str::from_utf8(&rest[..end]).ok()
        };
        let mut stanzas = Vec::new();
        loop {
            let start = at;
            let text = line(&mut at).ok_or_else(broken)?;
            if let Some(mac) = text.strip_prefix("--- ") {
                let mac = STANDARD_NO_PAD.decode(mac).map_err(|_| broken())?;
                return Ok(Header { stanzas, signed: &file[..start + 3], mac, payload: &file[at..] });
            }
            let mut words = text.strip_prefix("-> ").ok_or_else(broken)?.split(' ').map(str::to_owned);
            let type_ = words.next().ok_or_else(broken)?;
            let mut body = String::new();
            loop {
                let text = line(&mut at).ok_or_else(broken)?;
                body.push_str(text);
                // The last line is a short one.
                if text.len() < 64 {
                    break;
                }
            }
            let body = STANDARD_NO_PAD.decode(body).map_err(|_| broken())?;
            stanzas.push(Stanza { type_, arguments: words.collect(), body });
        }
    }
}

impl Stanza {
    /// The file's key, if this way is for `identity`.
    fn open(&self, identity: &Identity) -> Result<Option<Vec<u8>>, Unspecified> {
        let [share] = self.arguments.as_slice() else { return Ok(None) };
        if self.type_ != "X25519" || self.body.len() != 16 + TAG {
            return Ok(None);
        }
        let Ok(share) = STANDARD_NO_PAD.decode(share) else { return Ok(None) };
        let salt = [share.as_slice(), &identity.public].concat();
        let peer = UnparsedPublicKey::new(&X25519, &share);
        let key = agree(&identity.key, peer, Unspecified, |shared| {
            derive(shared, &salt, b"age-encryption.org/v1/X25519")
        })?;
        let mut body = self.body.clone();
        Ok(open(&key, [0; 12], &mut body).ok().map(<[u8]>::to_vec))
    }
}

/// A length for HKDF.
struct Length32;

impl KeyType for Length32 {
    fn len(&self) -> usize {
        32
    }
}

fn derive(secret: &[u8], salt: &[u8], info: &[u8]) -> Result<[u8; 32], Unspecified> {
    let mut out = [0; 32];
    Salt::new(HKDF_SHA256, salt).extract(secret).expand(&[info], Length32)?.fill(&mut out)?;
    Ok(out)
}

fn open<'b>(key: &[u8], nonce: [u8; 12], sealed: &'b mut [u8]) -> Result<&'b [u8], Unspecified> {
    let key = LessSafeKey::new(UnboundKey::new(&CHACHA20_POLY1305, key)?);
    let opened = key.open_in_place(Nonce::assume_unique_for_key(nonce), Aad::empty(), sealed)?;
    Ok(&*opened)
}

/// The content: chunks of 64 KiB, each sealed under its number, the last one marked.
fn payload(file_key: &[u8], sealed: &[u8]) -> Result<Vec<u8>, Unspecified> {
    let (nonce, sealed) = sealed.split_at_checked(16).ok_or(Unspecified)?;
    let key = derive(file_key, nonce, b"payload")?;
    let mut out = Vec::with_capacity(sealed.len());
    let chunks = sealed.len().div_ceil(CHUNK + TAG).max(1);
    for (number, chunk) in sealed.chunks(CHUNK + TAG).enumerate() {
        let mut nonce = [0; 12];
        nonce[3..11].copy_from_slice(&(number as u64).to_be_bytes());
        nonce[11] = u8::from(number + 1 == chunks);
        let opened = &mut chunk.to_vec();
        let opened = open(&key, nonce, opened)?;
        // Only an empty file has an empty chunk.
        if opened.is_empty() && number > 0 {
            return Err(Unspecified);
        }
        out.extend_from_slice(opened);
    }
    if sealed.is_empty() { Err(Unspecified) } else { Ok(out) }
}
