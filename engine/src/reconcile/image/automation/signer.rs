//! What commits are signed with.

use super::{AutomationReconciler, Failure};
use crate::object::ObjectRef;
use crate::reconcile::fetched;
use crate::reconcile::image::spec::GitSpec;
use crate::source::verify::{KeyError, PgpKey, SigningKey, SshKey};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

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
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = all.get(&who.to_string()).filter(|known| known.digest == digest) {
            return Ok(known.key.clone());
        }
        all.remove(&who.to_string());
        let key = PgpKey::parse(&String::from_utf8_lossy(armored), passphrase)?;
        let key = Arc::new(SigningKey::OpenPgp(key));
        all.insert(who.to_string(), OpenKey { digest, key: key.clone() });
        Ok(key)
    }
}

impl AutomationReconciler {
    /// What commits are signed with; none where they are not.
    pub(super) async fn signer(
        &self,
        who: &ObjectRef,
        git: &GitSpec,
    ) -> Result<Option<Arc<SigningKey>>, Failure> {
        let Some(key) = &git.commit.signing_key else { return Ok(None) };
        let name = &key.secret_ref.name;
        match key.type_.as_str() {
            "" => self.pgp_signer(who, name).await.map(Some),
            _ if self.is_old() => {
                Err(Failure::stalled("InvalidSpec", "unknown field `type` of spec.git.commit.signingKey"))
            }
            "gpg" => self.pgp_signer(who, name).await.map(Some),
            "ssh" => self.ssh_signer(who, name).await.map(Some),
            other => {
                let problem = format!("unknown signing key type \"{other}\"");
                Err(Failure::stalled("InvalidSourceConfiguration", problem))
            }
        }
    }

    async fn ssh_signer(&self, who: &ObjectRef, name: &str) -> Result<Arc<SigningKey>, Failure> {
        let failed = |problem: String| {
            let place = format!("'{}/{name}'", who.namespace);
            Failure::new(
                "GitOperationFailed",
                format!("failed to get signing key from Secret {place}: {problem}"),
            )
        };
        let secret = self.context.cluster.get(&ObjectRef::new("v1", "Secret", &who.namespace, name)).await;
        let data = fetched::data(&*secret.map_err(|error| failed(error.to_string()))?);
        let identity = data.get("identity").ok_or_else(|| failed("key 'identity' not found".to_owned()))?;
        let key = SshKey::parse(&String::from_utf8_lossy(identity)).map_err(failed)?;
        Ok(Arc::new(SigningKey::Ssh(key)))
    }

    /// The messages are those of Flux.
    async fn pgp_signer(&self, who: &ObjectRef, name: &str) -> Result<Arc<SigningKey>, Failure> {
        let failed = |problem: String| Failure::new("GitOperationFailed", problem);
        // Flux 2.2.3 names the Secret with its namespace.
        let shown = if self.is_old() { format!("{}/{name}", who.namespace) } else { name.to_owned() };
        let secret = self.context.cluster.get(&ObjectRef::new("v1", "Secret", &who.namespace, name)).await;
        let secret = secret
            .map_err(|error| failed(format!("could not find signing key secret '{shown}': {error}")))?;
        let data = fetched::data(&secret);
        let missing = || failed(format!("signing key secret '{shown}' does not contain a 'git.asc' key"));
        let armored = data.get("git.asc").ok_or_else(missing)?;
        let passphrase = data.get("passphrase").map(Vec::as_slice);
        self.keys.find(who, armored, passphrase).map_err(|error| match error {
            KeyError::Unreadable(why) => {
                failed(format!("could not read signing key from secret '{shown}': {why}"))
            }
            KeyError::Several => failed(format!(
                "multiple entities read from secret '{shown}', could not determine which signing key to use"
            )),
            KeyError::NoPassphrase => failed(format!(
                "can not use passphrase protected signing key without 'passphrase' field present in secret {shown}"
            )),
            KeyError::Passphrase(why) => failed(format!(
                "could not decrypt private key of the signing key present in secret {shown}: {why}"
            )),
            KeyError::Useless(why) => failed(format!("failed to commit: {why}")),
            KeyError::Unsupported(what) => Failure::not_supported(&what),
        })
    }
}
