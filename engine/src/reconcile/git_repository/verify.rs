//! What `spec.verify` demands.

use super::GitRepositoryReconciler;
use crate::object::ObjectRef;
use crate::reconcile::fetched::{self, Failure};
use crate::source::GitRemote;
use crate::source::git::{self, Revision};
use crate::source::verify::{Keys, Signed, verify};
use seatrial_api::FluxRelease;
use seatrial_api::source::GitRepositorySpec;

/// What was verified.
pub(super) struct Verified {
    /// The mode, as statuses have it.
    pub(super) mode: String,
    /// The message of the condition.
    pub(super) message: String,
}

impl GitRepositoryReconciler {
    /// Verifies what `spec.verify` demands; none where it demands nothing.
    pub(super) async fn verify(
        &self,
        namespace: &str,
        spec: &GitRepositorySpec,
        remote: &GitRemote,
        revision: &Revision,
    ) -> Result<Option<Verified>, Failure> {
        let Some(wanted) = &spec.verify else { return Ok(None) };
        let mode = match wanted.mode.as_deref() {
            None | Some("" | "head" | "HEAD") => "HEAD",
            Some(known @ ("Tag" | "TagAndHEAD")) => known,
            Some(other) => {
                let message = format!("unsupported verification mode '{other}'");
                let stalled = Failure::stalled("InvalidVerificationMode", message);
                return Err(Failure { unverified: true, ..stalled });
            }
        };
        let who = ObjectRef::new("v1", "Secret", namespace, &wanted.secret_ref.name);
        let secret = self.context.cluster.get(&who).await.map_err(|error| {
            Failure::unverified("VerificationError", format!("PGP public keys secret error: {error}"))
        })?;
        let keys = Keys::of(&fetched::data(&secret), self.context.flux >= FluxRelease::V2_9);
        let read = |error: git::FetchError| Failure::unverified("VerificationError", error.to_string());
        let mut good = Vec::new();
        if matches!(mode, "Tag" | "TagAndHEAD") {
            let tag = revision.tag.as_deref().ok_or_else(|| Failure {
                unverified: true,
                ..Failure::stalled(
                    "InvalidVerificationMode",
                    "cannot verify tag object's signature if a tag reference is not specified",
                )
            })?;
            let object = git::tag(remote, tag, &revision.commit).map_err(read)?.ok_or_else(|| {
                let message = format!("cannot verify signature of tag '{tag}' since it is not annotated");
                Failure::unverified("InvalidGitObject", message)
            })?;
            let name = format!("{tag}@{}", object.id);
            let key = verify(Signed::Tag, &object.signature, &object.payload, &keys).map_err(|error| {
                let message = format!("signature verification of tag '{name}' failed: {error}");
                Failure::unverified("InvalidTagSignature", message)
            })?;
            good.push(format!("\n\t- tag '{name}' with key '{key}'"));
        }
        if matches!(mode, "HEAD" | "TagAndHEAD") {
            let object = git::commit(remote, &revision.commit).map_err(read)?;
            let key = verify(Signed::Commit, &object.signature, &object.payload, &keys).map_err(|error| {
                let message = format!("signature verification of commit '{}' failed: {error}", object.id);
                Failure::unverified("InvalidCommitSignature", message)
            })?;
            good.push(format!("\n\t- commit '{}' with key '{key}'", object.id));
        }
        Ok(Some(Verified {
            mode: mode.to_owned(),
            message: format!("verified signature of{}", good.concat()),
        }))
    }
}
