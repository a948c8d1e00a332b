//! Keys of a controller, as `kubectl get secret -o yaml` backs them up, and how they come onto another cluster.

use crate::cluster::Handle;
use crate::offline::place;
use seatrial_seal::SealError;
use seatrial_seal::secret::{backup_keys, is_key};
use seatrial_verbs::seal::documents;
use serde_json::{Value, json};
use std::fmt;

/// Who restores, to the API server.
const MANAGER: &str = "kubectl";
/// Where a controller is whose backup does not say it.
const USUAL_NAMESPACE: &str = "kube-system";

/// A backup of the keys of a sealed-secrets controller. No form of it shows them.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct KeyBackup(Vec<Value>);

impl fmt::Debug for KeyBackup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyBackup({} keys)", self.0.len())
    }
}

impl KeyBackup {
    /// Reads what `kubectl get secret -l sealedsecrets.bitnami.com/sealed-secrets-key -o yaml` prints: Secrets, one behind the other
    /// or as a List, in YAML or JSON.
    ///
    /// # Errors
    /// It cannot be read, has no Secret, one that is no key of a controller, or a key that cannot be read.
    pub fn parse(text: &[u8]) -> Result<KeyBackup, SealError> {
        if text.trim_ascii_start().starts_with(b"-----BEGIN ") {
            let message =
                "a PEM key is not a backup: it takes the Secrets of the controller, in YAML or JSON";
            return Err(SealError::Object(message.to_owned()));
        }
        let mut secrets = Vec::new();
        for document in documents(text).map_err(|error| SealError::Object(error.to_string()))? {
            match document.get("items").and_then(Value::as_array) {
                Some(items) => secrets.extend(items.iter().cloned()),
                None => secrets.push(document),
            }
        }
        for secret in &mut secrets {
            if !secret.is_object() {
                return Err(SealError::Object("an item of its List is no object".to_owned()));
            }
            // In lists these may be left out.
            secret["apiVersion"] = "v1".into();
            if secret["kind"].is_null() {
                secret["kind"] = "Secret".into();
            }
            if !is_key(secret) {
                let (kind, name) = (secret["kind"].as_str().unwrap_or_default(), place(secret).1);
                let message = format!(
                    "{kind} {name:?} has no label {}: it is no key of a sealed-secrets controller",
                    seatrial_seal::KEY_LABEL
                );
                return Err(SealError::Object(message));
            }
            backup_keys(secret)?;
        }
        match secrets.is_empty() {
            true => Err(SealError::Object("there is no Secret in it".to_owned())),
            false => Ok(KeyBackup(secrets)),
        }
    }

    /// The Secrets of a cluster's controller, as they are there.
    pub(crate) fn of(secrets: Vec<Value>) -> KeyBackup {
        KeyBackup(secrets)
    }

    /// Its Secrets.
    pub(crate) fn secrets(&self) -> &[Value] {
        &self.0
    }

    /// Adds the keys of another one.
    pub fn extend(&mut self, other: KeyBackup) {
        self.0.extend(other.0);
    }

    /// Brings the Secrets onto a cluster, with their namespaces. A controller that runs there reads them when it starts again.
    ///
    /// # Errors
    /// What the API server answered.
    pub(crate) async fn restore(&self, cluster: &Handle) -> kube::Result<()> {
        for secret in &self.0 {
            let mut secret = secret.clone();
            if let Some(metadata) = secret["metadata"].as_object_mut() {
                metadata.retain(|field, _| {
                    matches!(field.as_str(), "name" | "namespace" | "labels" | "annotations")
                });
                metadata.entry("namespace").or_insert_with(|| USUAL_NAMESPACE.into());
            }
            let namespace = place(&secret).0.to_owned();
            if cluster.objects.get("v1", "Namespace", None, &namespace).await?.is_none() {
                let made = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}});
                cluster.objects.apply(&made, MANAGER, true).await?;
                cluster.note_made(&made);
            }
            cluster.objects.apply(&secret, MANAGER, true).await?;
            cluster.note_made(&secret);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case::nothing("", "there is no Secret in it")]
    #[case::a_pem_key(
        "-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----\n",
        "a PEM key is not a backup"
    )]
    #[case::a_text("hello", "the document is no object")]
    #[case::a_list("[a, b]", "the document is no object")]
    #[case::items_that_are_none("{kind: List, items: [text]}", "an item of its List is no object")]
    #[case::broken("a: [\n", "json parse error: line ")]
    #[case::broken_behind_a_secret(
        "{kind: ConfigMap, metadata: {name: b}}\n---\na: [\n",
        "json parse error: line "
    )]
    #[case::no_label("{apiVersion: v1, kind: Secret, metadata: {name: a}}", "Secret \"a\" has no label")]
    #[case::another_kind(
        "{apiVersion: v1, kind: List, items: [{kind: ConfigMap, metadata: {name: b}}]}",
        "ConfigMap \"b\" has no label"
    )]
    #[case::no_key(
        "{kind: Secret, metadata: {name: a, labels: {sealedsecrets.bitnami.com/sealed-secrets-key: active}}}",
        "secret must contain a 'tls.key' key"
    )]
    fn what_is_no_backup_is_refused(#[case] text: &str, #[case] says: &str) {
        let refused = KeyBackup::parse(text.as_bytes()).unwrap_err().to_string();
        assert!(refused.contains(says), "{refused}");
    }
}
