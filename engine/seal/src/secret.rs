//! Whole objects, as JSON: Secrets become SealedSecrets, and these Secrets again.

use crate::error::SealError;
use crate::key::{PrivateKey, PublicKey};
use crate::keyring::Keyring;
use crate::scope::Scope;
use crate::{ACTIVE, API_VERSION, KEY_LABEL, SKIP_OWNER};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// What kubectl writes of the whole object into it; sealing leaves it out, since it shows the values.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";
/// What of a Secret's metadata goes into the template.
const KEPT: [&str; 6] = ["name", "generateName", "namespace", "labels", "annotations", "finalizers"];

/// Renders the template of one key with the opened values: key, template, values (UTF-8; other bytes are replaced).
pub type Render<'r> = dyn Fn(&str, &str, &Value) -> Result<String, String> + 'r;

/// Seals a Secret. `scope` other than strict goes before what the Secret's annotations say, as with kubeseal.
///
/// # Errors
/// The object is no Secret, has no name or no namespace where its scope asks for one, or values that are not Base64.
pub fn seal(secret: &Value, key: &PublicKey, scope: Scope) -> Result<Value, SealError> {
    let broken = |message: &str| SealError::Object(message.to_owned());
    if secret["kind"] != "Secret" || secret["apiVersion"] != "v1" {
        return Err(broken("it is no v1 Secret"));
    }
    let metadata = &secret["metadata"];
    let text = |field: &str| metadata[field].as_str().unwrap_or_default();
    let scope = if scope == Scope::Strict { Scope::of(secret) } else { scope };
    let (name, namespace) = (text("name"), text("namespace"));
    if name.is_empty() {
        return Err(broken("missing metadata.name in input Secret"));
    }
    if namespace.is_empty() && scope != Scope::ClusterWide {
        return Err(broken("missing metadata.namespace in input Secret"));
    }
    let label = scope.label(namespace, name);
    let mut encrypted = Map::new();
    for (field, value) in data(secret)? {
        encrypted.insert(field, STANDARD.encode(crate::seal(key, &value, &label)?).into());
    }
    let mut kept: Map<String, Value> = Map::new();
    for field in KEPT {
        if let Some(value) = metadata.get(field).filter(|value| !value.is_null()) {
            kept.insert(field.to_owned(), value.clone());
        }
    }
    let mut annotations = metadata["annotations"].as_object().cloned().unwrap_or_default();
    annotations.remove(LAST_APPLIED);
    scope.annotate(&mut annotations);
    put(&mut kept, "annotations", annotations);
    kept.insert("creationTimestamp".to_owned(), Value::Null);
    let mut template = json!({ "metadata": kept });
    for field in ["type", "immutable"] {
        if let Some(value) = secret.get(field).filter(|value| !value.is_null()) {
            template[field] = value.clone();
        }
    }
    let mut own = Map::from_iter([
        ("name".to_owned(), Value::from(name)),
        ("creationTimestamp".to_owned(), Value::Null),
    ]);
    if !namespace.is_empty() {
        own.insert("namespace".to_owned(), namespace.into());
    }
    let mut annotations = Map::new();
    scope.annotate(&mut annotations);
    put(&mut own, "annotations", annotations);
    Ok(json!({
        "apiVersion": API_VERSION,
        "kind": "SealedSecret",
        "metadata": own,
        "spec": { "encryptedData": encrypted, "template": template },
    }))
}

/// Sets a map, or takes it away where it is empty.
fn put(map: &mut Map<String, Value>, field: &str, value: Map<String, Value>) {
    match value.is_empty() {
        true => drop(map.remove(field)),
        false => drop(map.insert(field.to_owned(), value.into())),
    }
}

/// The values of a Secret; those of `stringData` go before those of `data`.
///
/// # Errors
/// Values that are no texts, or of `data` not Base64.
pub fn data(secret: &Value) -> Result<BTreeMap<String, Vec<u8>>, SealError> {
    let mut all = BTreeMap::new();
    let fields = |field: &str| secret[field].as_object().into_iter().flatten();
    let no_text = || SealError::Object("a value of the Secret is no text".to_owned());
    for (key, value) in fields("data") {
        // Go reads null as nothing.
        let text = if value.is_null() { "" } else { value.as_str().ok_or_else(no_text)? };
        all.insert(key.clone(), decode(text).map_err(SealError::Object)?);
    }
    for (key, value) in fields("stringData") {
        let text = if value.is_null() { "" } else { value.as_str().ok_or_else(no_text)? };
        all.insert(key.clone(), text.as_bytes().to_vec());
    }
    Ok(all)
}

/// Base64 as Go reads it: line breaks do not count.
fn decode(text: &str) -> Result<Vec<u8>, String> {
    let text: String = text.chars().filter(|c| !matches!(c, '\r' | '\n')).collect();
    STANDARD.decode(&text).map_err(|error| {
        let at = match error {
            base64::DecodeError::InvalidByte(at, _) | base64::DecodeError::InvalidLastSymbol(at, _) => at,
            _ => text.len(),
        };
        format!("illegal base64 data at input byte {at}")
    })
}

/// The name and namespace of an object, and the label that its scope binds.
fn label(sealed: &Value) -> (String, String, Vec<u8>) {
    let text = |field: &str| sealed["metadata"][field].as_str().unwrap_or_default().to_owned();
    let (name, namespace) = (text("name"), text("namespace"));
    let label = Scope::of(sealed).label(&namespace, &name);
    (name, namespace, label)
}

/// Opens every value of a SealedSecret under the object's own name, namespace and scope.
///
/// # Errors
/// [`SealError::Keys`] with every key that fails; [`SealError::Object`] for what is no SealedSecret.
pub fn open(sealed: &Value, keys: &Keyring) -> Result<BTreeMap<String, Vec<u8>>, SealError> {
    if sealed["kind"] != "SealedSecret" {
        return Err(SealError::Object("it is no SealedSecret".to_owned()));
    }
    if sealed["spec"].get("data").is_some_and(|data| !data.is_null()) {
        let message = "the deprecated field spec.data is not supported: seal the Secret again";
        return Err(SealError::Object(message.to_owned()));
    }
    let (_, _, label) = label(sealed);
    let mut opened = BTreeMap::new();
    let mut failed = Failures::default();
    for (key, value) in sealed["spec"]["encryptedData"].as_object().into_iter().flatten() {
        let value = decode(value.as_str().unwrap_or_default());
        match value.map(|value| keys.unseal(&value, &label)) {
            Ok(Ok(value)) => drop(opened.insert(key.clone(), value)),
            Ok(Err(_)) => failed.add("no key could decrypt secret", key),
            Err(message) => failed.add(&message, key),
        }
    }
    failed.end(opened)
}

/// What failed, and for which keys; the first failure first.
#[derive(Default)]
struct Failures(Vec<(String, Vec<String>)>);

impl Failures {
    fn add(&mut self, message: &str, key: &str) {
        match self.0.iter_mut().find(|(known, _)| known == message) {
            Some((_, keys)) => keys.push(key.to_owned()),
            None => self.0.push((message.to_owned(), vec![key.to_owned()])),
        }
    }

    fn end<T>(self, good: T) -> Result<T, SealError> {
        let lines: Vec<String> =
            self.0.iter().map(|(message, keys)| format!("{message} ({})", keys.join(", "))).collect();
        if lines.is_empty() { Ok(good) } else { Err(SealError::Keys(lines.join("\n"))) }
    }
}

/// Makes the Secret that a SealedSecret stands for. Templates see the opened values and replace them.
///
/// # Errors
/// As [`open`], and templates that cannot be rendered.
pub fn unseal(sealed: &Value, keys: &Keyring, render: &Render<'_>) -> Result<Value, SealError> {
    let mut values = open(sealed, keys)?;
    let template = &sealed["spec"]["template"];
    let shown: Map<String, Value> = values
        .iter()
        .map(|(key, value)| (key.clone(), String::from_utf8_lossy(value).into_owned().into()))
        .collect();
    let shown = Value::Object(shown);
    let mut failed = Failures::default();
    for (key, text) in template["data"].as_object().into_iter().flatten() {
        match render(key, text.as_str().unwrap_or_default(), &shown) {
            Ok(text) => drop(values.insert(key.clone(), text.into_bytes())),
            Err(message) => failed.add(&message, key),
        }
    }
    let values = failed.end(values)?;
    let (name, namespace, _) = label(sealed);
    let mut metadata = Map::from_iter([("name".to_owned(), Value::from(name.as_str()))]);
    if !namespace.is_empty() {
        metadata.insert("namespace".to_owned(), namespace.into());
    }
    for field in ["labels", "annotations"] {
        if let Some(map) = template["metadata"][field].as_object().filter(|map| !map.is_empty()) {
            metadata.insert(field.to_owned(), map.clone().into());
        }
    }
    if template["metadata"]["annotations"][SKIP_OWNER] != "true" {
        let uid = sealed["metadata"]["uid"].as_str().unwrap_or_default();
        metadata.insert("ownerReferences".to_owned(), json!([owner(&name, uid)]));
    }
    let mut secret = json!({ "apiVersion": "v1", "kind": "Secret", "metadata": metadata });
    for field in ["type", "immutable"] {
        if let Some(value) = template.get(field).filter(|value| !value.is_null() && *value != "") {
            secret[field] = value.clone();
        }
    }
    let data: Map<String, Value> =
        values.into_iter().map(|(key, value)| (key, STANDARD.encode(value).into())).collect();
    if !data.is_empty() {
        secret["data"] = data.into();
    }
    Ok(secret)
}

/// The reference of a Secret to the SealedSecret that made it.
pub fn owner(name: &str, uid: &str) -> Value {
    json!({ "apiVersion": API_VERSION, "kind": "SealedSecret", "name": name, "uid": uid, "controller": true })
}

/// Seals the values of a SealedSecret anew for `key`, whatever key they were sealed for. All else stays.
///
/// # Errors
/// As [`open`].
pub fn reseal(sealed: &Value, keys: &Keyring, key: &PublicKey) -> Result<Value, SealError> {
    let (_, _, label) = label(sealed);
    let mut encrypted = Map::new();
    if !sealed["spec"].is_object() {
        return Err(SealError::Object("the SealedSecret has no spec".to_owned()));
    }
    for (field, value) in open(sealed, keys)? {
        encrypted.insert(field, STANDARD.encode(crate::seal(key, &value, &label)?).into());
    }
    let mut resealed = sealed.clone();
    resealed["spec"]["encryptedData"] = encrypted.into();
    Ok(resealed)
}

/// The private keys in a backup: a Secret with `tls.key`, or a list of such. Newer keys are tried first where the Secrets say
/// when they were made.
///
/// # Errors
/// Secrets without a key, or with one that cannot be read.
pub fn backup_keys(backup: &Value) -> Result<Keyring, SealError> {
    let mut secrets: Vec<&Value> = match backup["items"].as_array() {
        Some(items) => items.iter().collect(),
        None => vec![backup],
    };
    secrets.sort_by_key(|secret| {
        secret["metadata"]["creationTimestamp"].as_str().unwrap_or_default().to_owned()
    });
    let mut ring = Keyring::new();
    for secret in secrets {
        let values = data(secret)?;
        let no_key = || SealError::Object("secret must contain a 'tls.key' key".to_owned());
        ring.add(PrivateKey::from_pem(values.get("tls.key").ok_or_else(no_key)?)?.into());
    }
    Ok(ring)
}

/// Whether an object is a Secret with a key of a controller, in use or put out of it.
pub fn is_key(object: &Value) -> bool {
    object["kind"] == "Secret" && object["metadata"]["labels"].get(KEY_LABEL).is_some()
}

/// Whether an object is a Secret with a key that a controller may seal with.
pub fn is_active_key(object: &Value) -> bool {
    is_key(object) && object["metadata"]["labels"][KEY_LABEL] == ACTIVE
}
