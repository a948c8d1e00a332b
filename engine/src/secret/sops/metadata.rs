//! What a file says about its own encryption: the field `sops`. Pure.

use super::tree::{Entry, Value, get};
use crate::secret::age::{self, Identity};
use regex::Regex;

/// How long a data key is.
const KEY: usize = 32;

/// The field `sops` of a file.
pub(super) struct Metadata {
    /// Who can open the data key: groups of master keys. Each group opens one part of it.
    groups: Vec<Vec<MasterKey>>,
    /// How many groups are needed, where there are several.
    threshold: usize,
    rule: Rule,
}

/// The data key, encrypted for one master key.
enum MasterKey {
    Age {
        recipient: String,
        sealed: String,
    },
    /// A key that is asked for elsewhere: what it is called, and which one.
    Other {
        kind: &'static str,
        name: String,
    },
}

/// Which values are encrypted, by the keys that lead to them.
enum Rule {
    NotSuffix(String),
    Suffix(String),
    NotMatching(Regex),
    Matching(Regex),
    /// All.
    All,
}

/// The fields with master keys, what Flux calls them, and the field that names one.
const OTHERS: [(&str, &str, &str); 6] = [
    ("pgp", "PGP", "fp"),
    ("kms", "AWS KMS", "arn"),
    ("gcp_kms", "GCP KMS", "resource_id"),
    ("azure_kv", "Azure Key Vault", "vault_url"),
    ("hc_vault", "HashiCorp Vault", "vault_address"),
    ("hckms", "Huawei Cloud KMS", "key_id"),
];

impl Metadata {
    /// Reads the field.
    ///
    /// # Errors
    /// It is not there, names no key, or is not what SOPS writes.
    pub(super) fn of(found: Option<Value>) -> Result<Metadata, String> {
        let Some(Value::Map(fields)) = found else { return Err("sops metadata not found".to_owned()) };
        let own = master_keys(&fields);
        let groups = match get(&fields, "key_groups") {
            _ if !own.is_empty() => vec![own],
            Some(Value::List(groups)) if !groups.is_empty() => groups
                .iter()
                .map(|group| match group {
                    Value::Map(fields) => master_keys(fields),
                    _ => Vec::new(),
                })
                .collect(),
            _ => return Err("No keys found in file".to_owned()),
        };
        let threshold = number(&fields, "shamir_threshold").filter(|n| *n > 0).unwrap_or(groups.len());
        Ok(Metadata { groups, threshold, rule: Rule::of(&fields)? })
    }

    /// Whether the value that these keys lead to is encrypted.
    pub(super) fn is_encrypted(&self, path: &[String]) -> bool {
        let any = |has: &dyn Fn(&String) -> bool| path.iter().any(has);
        match &self.rule {
            Rule::All => true,
            Rule::NotSuffix(suffix) => !any(&|key| key.ends_with(suffix)),
            Rule::Suffix(suffix) => any(&|key| key.ends_with(suffix)),
            Rule::NotMatching(pattern) => !any(&|key| pattern.is_match(key)),
            Rule::Matching(pattern) => any(&|key| pattern.is_match(key)),
        }
    }

    /// The key of the values, opened with one of `identities`.
    ///
    /// # Errors
    /// No key fits. Keys of other kinds than age are named.
    pub(super) fn data_key(&self, identities: &[Identity]) -> Result<Vec<u8>, String> {
        let mut parts = Vec::new();
        let mut told = String::new();
        for (number, group) in self.groups.iter().enumerate() {
            match open(group, identities) {
                Ok(part) => {
                    parts.push(part);
                    told.push_str(&format!("\nGroup {number}: SUCCESS"));
                }
                Err(why) => told.push_str(&format!("\nGroup {number}: FAILED{why}")),
            }
        }
        let needed = if self.groups.len() > 1 { self.threshold } else { 1 };
        if parts.len() < needed {
            return Err(format!(
                "Failed to get the data key required to decrypt the SOPS file.\n{told}\n\n\
                 Recovery failed because no master key was able to decrypt the file. In\n\
                 order for SOPS to recover the file, at least one key has to be successful,\n\
                 but none were."
            ));
        }
        let key = match self.groups.len() {
            1 => parts.pop().unwrap_or_default(),
            _ => combine(&parts)?,
        };
        if key.len() == KEY { Ok(key) } else { Err("the data key has not 32 bytes".to_owned()) }
    }
}

impl Rule {
    fn of(fields: &[Entry]) -> Result<Rule, String> {
        let text = |name: &str| match get(fields, name) {
            Some(Value::Text(text)) if !text.is_empty() => Some(text.clone()),
            _ => None,
        };
        let pattern =
            |text: String| Regex::new(&text).map_err(|error| format!("invalid regular expression: {error}"));
        if let Some(suffix) = text("encrypted_suffix") {
            return Ok(Rule::Suffix(suffix));
        }
        if let Some(expression) = text("encrypted_regex") {
            return Ok(Rule::Matching(pattern(expression)?));
        }
        if let Some(expression) = text("unencrypted_regex") {
            return Ok(Rule::NotMatching(pattern(expression)?));
        }
        for name in ["encrypted_comment_regex", "unencrypted_comment_regex"] {
            if text(name).is_some() {
                return Err(format!("{name} is not supported by Seatrial"));
            }
        }
        Ok(text("unencrypted_suffix").map_or(Rule::All, Rule::NotSuffix))
    }
}

fn number(fields: &[Entry], name: &str) -> Option<usize> {
    match get(fields, name)? {
        Value::Int(number) => usize::try_from(*number).ok(),
        Value::Text(text) => text.parse().ok(),
        _ => None,
    }
}

fn master_keys(fields: &[Entry]) -> Vec<MasterKey> {
    let items = |name: &str| match get(fields, name) {
        Some(Value::List(items)) => items.as_slice(),
        _ => &[],
    };
    let text = |item: &Value, name: &str| match item {
        Value::Map(fields) => match get(fields, name) {
            Some(Value::Text(text)) => text.clone(),
            _ => String::new(),
        },
        _ => String::new(),
    };
    let age = items("age")
        .iter()
        .map(|item| MasterKey::Age { recipient: text(item, "recipient"), sealed: text(item, "enc") });
    let others = OTHERS.iter().flat_map(|(field, kind, name)| {
        items(field).iter().map(|item| MasterKey::Other { kind, name: text(item, name) })
    });
    age.chain(others).collect()
}

/// The part of the data key that a group has, or what each of its keys says.
fn open(group: &[MasterKey], identities: &[Identity]) -> Result<Vec<u8>, String> {
    let mut told = String::new();
    for key in group {
        let (name, why) = match key {
            MasterKey::Age { recipient, .. } if identities.is_empty() => (recipient, NO_KEYS.to_owned()),
            MasterKey::Age { recipient, sealed } => match age::decrypt(sealed, identities) {
                Ok(opened) => return Ok(opened),
                Err(error) => {
                    let what = "failed to create reader for decrypting sops data key with age";
                    (recipient, format!("{what}: {error}"))
                }
            },
            MasterKey::Other { kind, name } => {
                (name, format!("keys of {kind} are not supported by Seatrial, only age keys are"))
            }
        };
        told.push_str(&format!("\n  {name}: FAILED\n    - | {}", wrapped(&why).join("\n      | ")));
    }
    Err(told)
}

/// What SOPS says where it has no age key at all: the places where it looks for one when nothing gives it any.
const NO_KEYS: &str = "failed to load age identities. Did not find keys in locations 'SOPS_AGE_SSH_PRIVATE_KEY_FILE', \
    'SOPS_AGE_SSH_PRIVATE_KEY_CMD', '/root/.ssh/id_ed25519', '/root/.ssh/id_rsa', 'SOPS_AGE_KEY', \
    'SOPS_AGE_KEY_FILE', 'SOPS_AGE_KEY_CMD', and '/root/.config/sops/age/keys.txt'.";

/// The text in lines of at most 60 characters.
fn wrapped(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= 60 => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// The secret of which `parts` are shares (Shamir's scheme over GF(256), byte by byte; the last byte of a share is its place).
fn combine(parts: &[Vec<u8>]) -> Result<Vec<u8>, String> {
    let length = parts.first().map_or(0, Vec::len);
    let unfit = || "the parts of the data key do not fit each other".to_owned();
    if length < 2 || parts.iter().any(|part| part.len() != length) {
        return Err(unfit());
    }
    let places: Vec<u8> = parts.iter().filter_map(|part| part.last().copied()).collect();
    let mut out = Vec::with_capacity(length - 1);
    for at in 0..length - 1 {
        let mut sum = 0;
        for (own, part) in places.iter().zip(parts) {
            let mut factor = 1;
            for other in places.iter().filter(|other| *other != own) {
                // The polynomial that is 1 at `own` and 0 at the others, at 0.
                factor = multiply(factor, multiply(*other, inverse(other ^ own)));
            }
            sum ^= multiply(part.get(at).copied().ok_or_else(unfit)?, factor);
        }
        out.push(sum);
    }
    Ok(out)
}

/// A product in GF(256), as AES has it.
fn multiply(mut a: u8, mut b: u8) -> u8 {
    let mut product = 0;
    while b > 0 {
        if b & 1 == 1 {
            product ^= a;
        }
        a = (a << 1) ^ if a & 0x80 == 0 { 0 } else { 0x1b };
        b >>= 1;
    }
    product
}

/// The inverse in GF(256): `a` to the power of 254.
fn inverse(a: u8) -> u8 {
    (0..253).fold(a, |power, _| multiply(power, a))
}

/// Metadata from flat keys, as the formats without nesting write them: `age__list_0__map_enc`.
pub(super) fn unflattened(pairs: impl Iterator<Item = (String, String)>) -> Value {
    let mut root = Value::Map(Vec::new());
    for (key, text) in pairs {
        let steps: Vec<Step<'_>> = key.split("__").map(Step::of).collect();
        insert(&mut root, &steps, text);
    }
    root
}

enum Step<'k> {
    Key(&'k str),
    Item(usize),
}

impl<'k> Step<'k> {
    fn of(text: &'k str) -> Step<'k> {
        match text.split_once('_') {
            Some(("list", number)) => number.parse().map_or(Step::Key(text), Step::Item),
            Some(("map", name)) => Step::Key(name),
            _ => Step::Key(text),
        }
    }
}

/// The longest list of flat metadata.
const MOST_ITEMS: usize = 1000;

/// Puts a text where the steps lead, and makes what is missing on the way.
fn insert(at: &mut Value, steps: &[Step<'_>], text: String) {
    let Some((step, rest)) = steps.split_first() else {
        *at = Value::Text(text);
        return;
    };
    match (step, &mut *at) {
        (Step::Key(key), Value::Map(entries)) => {
            let known = entries.iter().position(|entry| matches!(entry, Entry::Pair(own, _) if own == key));
            match known.and_then(|known| entries.get_mut(known)) {
                Some(Entry::Pair(_, inner)) => insert(inner, rest, text),
                _ => {
                    let mut inner = Value::Null;
                    insert(&mut inner, rest, text);
                    entries.push(Entry::Pair((*key).to_owned(), inner));
                }
            }
        }
        (Step::Item(number), Value::List(items)) => match items.get_mut(*number) {
            Some(item) => insert(item, rest, text),
            None => {
                // Lines come in any order: what is missing before it comes later.
                items.resize(items.len().max((*number).min(MOST_ITEMS)), Value::Null);
                let mut item = Value::Null;
                insert(&mut item, rest, text);
                items.push(item);
            }
        },
        (Step::Key(_), _) => {
            *at = Value::Map(Vec::new());
            insert(at, steps, text);
        }
        (Step::Item(_), _) => {
            *at = Value::List(Vec::new());
            insert(at, steps, text);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Shares of a secret: the polynomial with these bytes and one more coefficient, at the places 1, 2, …
    fn split(secret: &[u8], slope: u8, shares: u8) -> Vec<Vec<u8>> {
        let at = |x: u8| secret.iter().map(|byte| byte ^ multiply(slope, x)).chain([x]).collect();
        (1..=shares).map(at).collect()
    }

    #[test]
    fn two_of_three_shares_give_the_secret() {
        let shares = split(b"secret", 77, 3);
        for pair in [[0, 1], [1, 2], [2, 0]] {
            let parts = pair.map(|at| shares[at].clone());
            assert_eq!(combine(&parts), Ok(b"secret".to_vec()));
        }
        assert_ne!(combine(&shares[..1]), Ok(b"secret".to_vec()));
    }

    #[test]
    fn every_byte_but_zero_has_an_inverse() {
        assert!((1..=255).all(|byte| multiply(byte, inverse(byte)) == 1));
    }

    #[test]
    fn items_stand_where_their_numbers_say_in_whatever_order_they_come() {
        let mut list = Value::Null;
        for number in [1, 2, 0] {
            insert(&mut list, &[Step::Item(number)], format!("item {number}"));
        }
        let Value::List(items) = list else { panic!("no list") };
        let text = |item: &Value| matches!(item, Value::Text(text) if text.starts_with("item "));
        assert!(items.len() == 3 && items.iter().all(text), "{items:?}");
    }
}
