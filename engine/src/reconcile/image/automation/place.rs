//! Where an automation works, and as whom.

use super::{AutomationReconciler, Failure};
use crate::object::ObjectRef;
use crate::reconcile::image::spec::{AutomationSpec, GitSpec, PushSpec};
use crate::source::GitAccess;
use seatrial_api::source::{GitRepositoryRef, GitRepositorySpec};
use std::time::Duration;

/// The API version of sources.
const SOURCE_API: &str = "source.toolkit.fluxcd.io/v1";
/// Why there is no source in Flux 2.2.3: its controller waits for the source instead of trying again.
pub(super) const NO_SOURCE: &str = "GitRepositoryNotAvailable";

/// Where an automation works.
pub(super) struct Place {
    pub(super) url: String,
    pub(super) access: GitAccess,
    /// What is checked out.
    pub(super) reference: GitRepositoryRef,
    pub(super) timeout: Duration,
    /// The branch that gets commits.
    pub(super) branch: String,
    /// Whether that is the one that was checked out.
    pub(super) same: bool,
    /// The reference that gets them, too.
    pub(super) also: Option<String>,
}

impl AutomationReconciler {
    /// The repository, and the branches.
    pub(super) async fn place(
        &self,
        who: &ObjectRef,
        spec: &AutomationSpec,
        git: &GitSpec,
    ) -> Result<Place, Failure> {
        let source = &spec.source_ref;
        let namespace = if source.namespace.is_empty() { &who.namespace } else { &source.namespace };
        let wanted = ObjectRef::new(SOURCE_API, "GitRepository", namespace, &source.name);
        let failed = |message: String| self.failed(&message);
        let found =
            self.context.cluster.find_known(&wanted).await.map_err(|error| failed(error.to_string()))?;
        let found = found.ok_or_else(|| match self.is_old() {
            true => Failure::new(NO_SOURCE, "referenced git repository is missing"),
            false => failed(format!(
                "failed to get source: GitRepository.source.toolkit.fluxcd.io \"{}\" not found",
                source.name
            )),
        })?;
        let repository: GitRepositorySpec = serde_json::from_value(found["spec"].clone())
            .map_err(|error| Failure::stalled("InvalidSourceConfiguration", error.to_string()))?;
        let access = self.sources.access(namespace, &repository).await;
        let access = access.map_err(|failure| {
            let message = format!(
                "failed to get authentication for GitRepository '{namespace}/{}': {}",
                source.name, failure.message
            );
            failed(message)
        })?;
        let reference = git.checkout.as_ref().map(|checkout| &checkout.reference);
        let reference = reference.or(repository.reference.as_ref());
        let named = reference.and_then(|reference| reference.branch.as_deref()).unwrap_or_default();
        let branch = match (git.push.branch.as_str(), named) {
            ("", "") => {
                let message = "push spec not provided, and cannot be inferred from .spec.git.checkout.ref or GitRepository .spec.ref";
                return Err(failed(message.to_owned()));
            }
            ("", named) => named,
            (given, _) => given,
        };
        let checked_out = if reference.is_some() { named } else { "master" };
        let timeout = repository.timeout.map_or(Duration::from_secs(60), |timeout| timeout.to_std());
        Ok(Place {
            same: branch == checked_out,
            also: also(&git.push, branch)?,
            branch: branch.to_owned(),
            reference: reference.cloned().unwrap_or_default(),
            url: repository.url,
            access,
            timeout,
        })
    }
}

/// The reference that the refspec writes beside `branch`; none where it is the branch itself.
fn also(push: &PushSpec, branch: &str) -> Result<Option<String>, Failure> {
    let refspec = push.refspec.as_str();
    if refspec.is_empty() {
        return Ok(None);
    }
    let own = format!("refs/heads/{branch}");
    let invalid = || Failure::stalled("InvalidSourceConfiguration", format!("invalid refspec '{refspec}'"));
    let (from, to) = refspec.split_once(':').ok_or_else(invalid)?;
    if !["HEAD", branch, own.as_str()].contains(&from) {
        let what = format!(
            "spec.git.push.refspec '{refspec}' of an ImageUpdateAutomation: its left side is neither HEAD nor the push branch"
        );
        return Err(Failure::not_supported(&what));
    }
    if !git2::Reference::is_valid_name(to) {
        return Err(invalid());
    }
    Ok((to != own).then(|| to.to_owned()))
}

/// Refuses what is not supported; gives the Git specification.
pub(super) fn check(spec: &AutomationSpec) -> Result<&GitSpec, Failure> {
    if !matches!(spec.source_ref.kind.as_str(), "" | "GitRepository") {
        let message = format!("source kind '{}' not supported", spec.source_ref.kind);
        return Err(Failure::stalled("InvalidSourceConfiguration", message));
    }
    let strategy = spec.update.as_ref().map_or("", |update| update.strategy.as_str());
    if !matches!(strategy, "" | "Setters") {
        let message = format!("unknown update strategy: {strategy}");
        return Err(Failure::stalled("InvalidUpdateStrategy", message));
    }
    let git = spec
        .git
        .as_ref()
        .ok_or_else(|| Failure::stalled("InvalidSourceConfiguration", "no git spec provided".to_owned()))?;
    Ok(git)
}
