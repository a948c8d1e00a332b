//! One update: policies, checkout, setter, message, commit.

use super::place::Place;
use super::{AutomationReconciler, Failure, Pushed};
use crate::object::ObjectRef;
use crate::reconcile::image::policy;
use crate::reconcile::image::spec::{AutomationSpec, GitSpec};
use crate::source::git::{self, Revision};
use crate::source::push::{self, Draft};
use crate::source::verify::SigningKey;
use crate::source::{FetchError, GitPush, GitPushError, GitRemote, RefUpdate};
use seatrial_image::message::{Generation, MessageError, message};
use seatrial_image::setter::{self, Policies};
use seatrial_image::{Image, Update};
use std::collections::BTreeMap;

/// What an attempt came to.
pub(super) enum Made {
    /// Nothing is to be done; at this revision.
    Nothing(String),
    /// A commit that is to be pushed.
    Commit { revision: String, push: GitPush, pushed: Pushed },
}

/// What an attempt works with.
pub(super) struct Attempt<'a> {
    pub(super) who: &'a ObjectRef,
    pub(super) spec: &'a AutomationSpec,
    pub(super) git: &'a GitSpec,
    pub(super) place: &'a Place,
    pub(super) policies: &'a Policies,
    pub(super) signer: Option<&'a SigningKey>,
}

impl AutomationReconciler {
    /// What the policies of the namespace took: by the names that markers have, and by their own.
    pub(super) async fn policies(
        &self,
        who: &ObjectRef,
        spec: &AutomationSpec,
    ) -> Result<(Policies, BTreeMap<String, Image>), Failure> {
        let version = if self.is_old() { "v1beta2" } else { "v1" };
        let path =
            format!("/apis/image.toolkit.fluxcd.io/{version}/namespaces/{}/imagepolicies", who.namespace);
        let listed = self.context.cluster.read(&path).await;
        let listed = listed.map_err(|error| {
            Failure::new("SourceManagerFailed", format!("failed to list policies: {error}"))
        })?;
        let (mut policies, mut images) = (Policies::new(), BTreeMap::new());
        for item in listed["items"].as_array().into_iter().flatten() {
            if let Some(selector) = &spec.policy_selector {
                let selected = selector.selects(item).map_err(|problem| {
                    Failure::stalled(
                        "InvalidPolicySelector",
                        format!("failed to parse policy selector: {problem}"),
                    )
                })?;
                if !selected {
                    continue;
                }
            }
            let Some(image) = policy::latest(self.context.flux, &item["status"]) else { continue };
            let name = item["metadata"]["name"].as_str().unwrap_or_default();
            policies.insert(format!("{}:{name}", who.namespace), image.clone());
            images.insert(name.to_owned(), image);
        }
        Ok((policies, images))
    }

    /// One update, up to the push.
    pub(super) fn attempt(&self, attempt: &Attempt<'_>, remote: &GitRemote) -> Result<Made, Failure> {
        let Attempt { spec, place, .. } = attempt;
        let broken = |error: FetchError| unreadable(&error.to_string());
        let revision = git::resolve(remote, &place.url, &place.reference).map_err(broken)?;
        let folder = spec.update.as_ref().map_or("", |update| update.path.as_str());
        let files = push::yaml_files(remote, &revision.commit, folder).map_err(broken)?;
        let files = files.ok_or_else(|| {
            Failure::new(
                "UpdateFailed",
                format!("failed to update source: path '{folder}' not found in repository"),
            )
        })?;
        let all = files.iter().map(|(path, content)| (path.as_str(), content.as_slice()));
        let update = setter::update(all, "", attempt.policies).map_err(|error| {
            Failure::new("UpdateFailed", format!("failed to update source: failed to {error}"))
        })?;
        if update.files.is_empty() {
            if self.is_old() {
                // Flux 2.2.3 looks at the template even where nothing changes: what is wrong with it shows at once.
                self.message(attempt, &update)?;
            }
            return Ok(Made::Nothing(revision.text));
        }
        self.commit(attempt, remote, &revision, &update)
    }

    fn message(&self, attempt: &Attempt<'_>, update: &Update) -> Result<String, Failure> {
        let Attempt { who, git, .. } = attempt;
        let generation = if self.is_old() { Generation::Updated } else { Generation::Changed };
        let names = (who.namespace.as_str(), who.name.as_str());
        let values = &git.commit.message_template_values;
        message(&git.commit.message_template, names, update, values, generation).map_err(
            |error| match error {
                MessageError::RemovedField => Failure::stalled("RemovedTemplateField", error.to_string()),
                MessageError::Template(_) => {
                    let context = "unable to create commit message from template";
                    Failure::new("GitOperationFailed", format!("{context}: {error}"))
                }
            },
        )
    }

    fn commit(
        &self,
        attempt: &Attempt<'_>,
        remote: &GitRemote,
        revision: &Revision,
        update: &Update,
    ) -> Result<Made, Failure> {
        let broken = |error: FetchError| unreadable(&error.to_string());
        let text = self.message(attempt, update)?;
        let Attempt { git, place, signer, .. } = attempt;
        let author = &git.commit.author;
        let draft = Draft {
            parent: &revision.commit,
            files: &update.files,
            message: &text,
            author: (&author.name, &author.email),
            time: self.context.clock.now().as_second(),
            sign: *signer,
        };
        let expected = push::tip(remote, &place.branch).map_err(broken)?;
        if let (Some(tip), false) = (&expected, place.same)
            && push::is_made(remote, tip, &draft).map_err(broken)?
        {
            // The push branch has this update on this commit already.
            return Ok(Made::Nothing(revision.text.clone()));
        }
        // Asked before anything is written: what is refused again and again leaves nothing in the repository.
        self.context.git.may_push(&place.url, &place.access).map_err(|error| not_pushed(&error))?;
        if let Some(SigningKey::Useless(why)) = signer {
            return Err(Failure::new("GitOperationFailed", format!("failed to commit: {why}")));
        }
        let commit = push::write(remote, &draft)
            .map_err(|error| Failure::new("GitOperationFailed", format!("failed to commit: {error}")))?;
        let reference = format!("refs/heads/{}", place.branch);
        // Another branch than the one that was checked out is made anew each time.
        let mut updates = vec![RefUpdate { reference, expected, force: !place.same }];
        if let Some(also) = &place.also {
            let now = push::reference(remote, also).map_err(broken)?;
            updates.push(RefUpdate { reference: also.clone(), expected: now, force: false });
        }
        let observed =
            if place.same { format!("{}@sha1:{commit}", place.branch) } else { revision.text.clone() };
        let push = GitPush { commit: commit.clone(), updates, options: git.push.options.clone() };
        let (branch, refspec) = (place.branch.clone(), git.push.refspec.clone());
        let pushed = Pushed { commit, branch, refspec, message: text };
        Ok(Made::Commit { revision: observed, push, pushed })
    }
}

pub(super) fn unreadable(problem: &str) -> Failure {
    Failure::new("GitOperationFailed", format!("failed to checkout source: {problem}"))
}

pub(super) fn not_pushed(error: &GitPushError) -> Failure {
    Failure::new("GitOperationFailed", format!("failed to push to remote: {error}"))
}
