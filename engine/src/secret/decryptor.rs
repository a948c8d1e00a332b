//! What kustomize-controller does with SOPS files.

use super::age::{self, AgeError, Identity};
use super::sops::{self, Format, SopsError};
use crate::apply::GROUP;
use crate::artifact::hex;
use crate::object::{self, ObjectRef};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use seatrial_render::{Entry, Found, KUSTOMIZATION_FILES, Tree};
use seatrial_yaml::{Dialect, ParseOptions};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;

/// Something that cannot be decrypted. The text is Flux's, whose check of a file's MAC is off, and so it is here: what is
/// built adds fields to an object.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum DecryptError {
    /// A key of the Secret is none.
    #[error(
        "failed to import '{entry}' data from sops decryption Secret '{secret}': failed to parse and add to age \
         identities: {source}"
    )]
    Key { entry: String, secret: String, source: AgeError },
    /// An object cannot be decrypted.
    #[error("failed to decrypt and format '{object}' {what}: {source}")]
    Object { object: String, what: String, source: SopsError },
    /// A source of a generator cannot be decrypted.
    #[error("error decrypting sources: {0}")]
    Source(SopsError),
}

/// Opens what is encrypted for the keys of one Kustomization.
#[derive(Default)]
pub(crate) struct Decryptor {
    keys: Vec<Identity>,
    fingerprint: String,
}

impl Decryptor {
    /// With the keys that a Secret holds: the age keys in its entries that end with `.agekey`. Other entries are keys of
    /// kinds that nothing is opened with.
    ///
    /// # Errors
    /// An entry is no age key.
    pub(crate) fn of(secret: &Value) -> Result<Decryptor, DecryptError> {
        let mut keys = Vec::new();
        let mut hash = Sha256::new();
        for (entry, value) in secret["data"].as_object().into_iter().flatten() {
            if !entry.ends_with(".agekey") {
                continue;
            }
            let bytes = STANDARD.decode(value.as_str().unwrap_or_default()).unwrap_or_default();
            hash.update(&bytes);
            let text = String::from_utf8_lossy(&bytes);
            keys.extend(age::identities(&text).map_err(|source| DecryptError::Key {
                entry: entry.clone(),
                secret: ObjectRef::of(secret).key(),
                source,
            })?);
        }
        Ok(Decryptor { keys, fingerprint: hex(&hash.finalize()) })
    }

    /// What tells these keys from others, and not what they are.
    pub(crate) fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// The tree with the sources of all secret generators, and the patches, below `folder` in plain text.
    ///
    /// # Errors
    /// One is encrypted, and cannot be decrypted.
    pub(crate) fn sources(&self, tree: &Tree, folder: &str) -> Result<Tree, DecryptError> {
        let mut out = tree.clone();
        self.visit(&mut out, folder, &mut BTreeSet::new())?;
        Ok(out)
    }

    fn visit(&self, tree: &mut Tree, dir: &str, seen: &mut BTreeSet<String>) -> Result<(), DecryptError> {
        let Some(Found::Dir(dir)) = tree.resolve(dir).ok() else { return Ok(()) };
        if !seen.insert(dir.clone()) {
            return Ok(());
        }
        let at = |name: &str| if dir.is_empty() { name.to_owned() } else { format!("{dir}/{name}") };
        let Some(text) = KUSTOMIZATION_FILES.iter().find_map(|name| tree.read(&at(name))) else {
            return Ok(());
        };
        // A file that cannot be read is told by the build.
        let parsed = seatrial_yaml::parse_one(&text, &ParseOptions::default()).ok();
        let Some(file) = parsed.and_then(|node| node.to_json(Dialect::KubernetesJson).ok()) else {
            return Ok(());
        };
        let texts = |value: &Value| -> Vec<String> {
            value.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
        };
        for generator in file["secretGenerator"].as_array().into_iter().flatten() {
            for source in texts(&generator["files"]) {
                let (key, path) = source.split_once('=').unwrap_or((source.as_str(), source.as_str()));
                self.source(tree, &at(path), Format::of(key))?;
            }
            let mut files = texts(&generator["envs"]);
            files.extend(generator["env"].as_str().map(str::to_owned));
            for path in files {
                let format = match Format::of(&path) {
                    Format::Binary => Format::Dotenv,
                    format => format,
                };
                self.source(tree, &at(&path), format)?;
            }
        }
        for patch in file["patches"].as_array().into_iter().flatten() {
            if let Some(path) = patch["path"].as_str() {
                self.source(tree, &at(path), Format::of(path))?;
            }
        }
        for list in ["resources", "components", "bases"] {
            for path in texts(&file[list]) {
                self.visit(tree, &at(&path), seen)?;
            }
        }
        Ok(())
    }

    fn source(&self, tree: &mut Tree, path: &str, format: Format) -> Result<(), DecryptError> {
        let Some(Found::File(file, content)) = tree.resolve(path).ok() else { return Ok(()) };
        if format.is_encrypted(&content) {
            let opened = sops::decrypt(&content, format, format, &self.keys).map_err(DecryptError::Source)?;
            tree.insert(&file, Entry::File(opened.into()));
        }
        Ok(())
    }

    /// Decrypts an object: all of it, or, of a Secret, the entries of its data that are SOPS files.
    ///
    /// # Errors
    /// It cannot be decrypted.
    pub(crate) fn object(&self, object: &mut Value) -> Result<(), DecryptError> {
        if object::marked(object, &format!("{GROUP}/decrypt"), "disabled") {
            return Ok(());
        }
        let who = ObjectRef::of(object);
        let shown = format!("{}/{}", who.namespace, who.name);
        if object["sops"]["mac"].is_string() {
            let what = format!("{} data", who.kind);
            return sops::decrypt_object(object, &self.keys).map_err(|source| DecryptError::Object {
                object: shown,
                what,
                source,
            });
        }
        if who.kind != "Secret" {
            return Ok(());
        }
        for (key, value) in object.get_mut("data").and_then(Value::as_object_mut).into_iter().flatten() {
            // What is no base64 is told by the server.
            let Ok(content) = STANDARD.decode(value.as_str().unwrap_or_default()) else { continue };
            let formats = [Format::Binary, Format::Dotenv, Format::Ini, Format::Json, Format::Yaml];
            let Some(from) = formats.into_iter().find(|format| format.is_encrypted(&content)) else {
                continue;
            };
            let opened = sops::decrypt(&content, from, Format::of(key), &self.keys).map_err(|source| {
                let what = format!("Secret field '{key}'");
                DecryptError::Object { object: shown.clone(), what, source }
            })?;
            *value = STANDARD.encode(opened).into();
        }
        Ok(())
    }
}
