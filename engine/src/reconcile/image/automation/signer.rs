//! What commits are signed with.

use super::{AutomationReconciler, Failure};
use crate::object::ObjectRef;
use crate::reconcile::fetched;
use crate::reconcile::image::spec::GitSpec;
use crate::source::verify::{KeyError, PgpKey, SigningKey, SshKey};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The OpenPGP keys that are open, by automation: a passphrase takes its time, on purpose.
#[derive(Default)]
pub(super) struct OpenKeys(Mutex<BTreeMap<String, OpenKey>>);

struct OpenKey {
    /// Of key and passphrase.
    digest: [u8; 32],
    key: Arc<SigningKey>,
}

impl OpenKeys {
    fn find(
        &self,
        who: &ObjectRef,
        armored: &[u8],
        passphrase: Option<&[u8]>,
    ) -> Result<Arc<SigningKey>, KeyError> {
        let mut hash = Sha256::new();
        hash.update(Sha256::digest(armored));
        hash.update(passphrase.unwrap_or_default());
        hash.update([u8::from(passphrase.is_some())]);
        let digest: [u8; 32] = hash.finalize().into();
        let name = who.to_string();
        if let Some(known) = self.all().get(&name).filter(|known| known.digest == digest) {
            return Ok(known.key.clone());
        }
        self.forget(who);
        let key = match PgpKey::parse(&String::from_utf8_lossy(armored), passphrase) {
            Ok(key) => SigningKey::OpenPgp(key),
            Err(KeyError::Useless(why)) => SigningKey::Useless(why),
            Err(other) => return Err(other),
        };
        let key = Arc::new(key);
        self.all().insert(name, OpenKey { digest, key: key.clone() });
        Ok(key)
    }

    /// The automation is gone, or does not sign with such a key any more.
    pub(super) fn forget(&self, who: &ObjectRef) {
        self.all().remove(&who.to_string());
    }

    fn all(&self) -> MutexGuard<'_, BTreeMap<String, OpenKey>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl AutomationReconciler {
    /// What commits are signed with; none where they are not.
    pub(super) async fn signer(
        &self,
        who: &ObjectRef,
        git: &GitSpec,
    ) -> Result<Option<Arc<SigningKey>>, Failure> {
        let Some(key) = &git.commit.signing_key else {
            self.keys.forget(who);
            return Ok(None);
        };
        if !matches!(key.type_.as_str(), "" | "gpg") {
            self.keys.forget(who);
        }
        if !key.type_.is_empty() && self.is_old() {
            return Err(Failure::stalled(
                "InvalidSpec",
                "unknown field `type` of spec.git.commit.signingKey",
            ));
        }
        let name = &key.secret_ref.name;
        // Flux 2.2.3 names the Secret with its namespace.
        let shown = if self.is_old() { format!("{}/{name}", who.namespace) } else { name.to_owned() };
        let secret = self.context.cluster.get(&ObjectRef::new("v1", "Secret", &who.namespace, name)).await;
        let secret = secret
            .map_err(|error| self.failed(&format!("could not find signing key secret '{shown}': {error}")))?;
        let data = fetched::data(&secret);
        let part = |article: &str, part: &str| {
            let missing = || format!("signing key secret '{shown}' does not contain {article} '{part}' key");
            data.get(part).ok_or_else(|| self.failed(&missing()))
        };
        match key.type_.as_str() {
            "" | "gpg" => {
                let passphrase = data.get("passphrase").map(Vec::as_slice);
                let key = self.keys.find(who, part("a", "git.asc")?, passphrase);
                key.map(Some).map_err(|error| self.told(error, &shown))
            }
            "ssh" => {
                let key = SshKey::parse(&String::from_utf8_lossy(part("an", "identity")?));
                let failed = |why| self.failed(&format!("could not parse SSH signing key: {why}"));
                Ok(Some(Arc::new(SigningKey::Ssh(key.map_err(failed)?))))
            }
            other => Err(self.failed(&format!("unknown signing key type \"{other}\""))),
        }
    }

    /// What is in the way of an automation's source, and of the key beside it.
    pub(super) fn failed(&self, problem: &str) -> Failure {
        let context = if self.is_old() { "" } else { "failed configuring source manager: " };
        Failure::new("SourceManagerFailed", format!("{context}{problem}"))
    }

    /// The messages are those of Flux.
    fn told(&self, error: KeyError, shown: &str) -> Failure {
        let words = match error {
            KeyError::Unreadable(why) => format!("could not read signing key from secret '{shown}': {why}"),
            KeyError::Several => format!(
                "multiple entities read from secret '{shown}', could not determine which signing key to use"
            ),
            KeyError::NoPassphrase => format!(
                "can not use passphrase protected signing key without 'passphrase' field present in secret {shown}"
            ),
            KeyError::Passphrase(why) => {
                format!("could not decrypt private key of the signing key present in secret {shown}: {why}")
            }
            KeyError::Useless(why) => why,
            KeyError::Unsupported(what) => return Failure::not_supported(&what),
        };
        self.failed(&words)
    }
}
