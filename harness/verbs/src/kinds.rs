//! What flux calls the kinds that verbs act on.

use crate::VerbError;
use seatrial_api::FluxKind;
use seatrial_api::catalog::KINDS;

const KUSTOMIZE: &str = "kustomize.toolkit.fluxcd.io";
const IMAGE: &str = "image.toolkit.fluxcd.io";
const SOURCE: &str = "source.toolkit.fluxcd.io";

/// A kind that can be reconciled, suspended and resumed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// A Kustomization.
    Kustomization,
    /// A GitRepository.
    Git,
    /// An OCIRepository.
    Oci,
    /// An ImageRepository.
    ImageRepository,
    /// An ImagePolicy.
    ImagePolicy,
    /// An ImageUpdateAutomation.
    ImageUpdate,
}

impl Target {
    /// Its group and kind.
    pub(crate) fn group_kind(self) -> (&'static str, &'static str) {
        match self {
            Target::Kustomization => (KUSTOMIZE, "Kustomization"),
            Target::Git => (SOURCE, "GitRepository"),
            Target::Oci => (SOURCE, "OCIRepository"),
            Target::ImageRepository => (IMAGE, "ImageRepository"),
            Target::ImagePolicy => (IMAGE, "ImagePolicy"),
            Target::ImageUpdate => (IMAGE, "ImageUpdateAutomation"),
        }
    }

    /// Its kind, as in manifests.
    pub(crate) fn kind(self) -> &'static str {
        self.group_kind().1
    }

    /// What the catalogue knows of it.
    ///
    /// # Errors
    /// The catalogue does not know it.
    pub(crate) fn flux(self) -> Result<&'static FluxKind, VerbError> {
        let (group, kind) = self.group_kind();
        find(group, kind)
    }

    /// What flux calls it in sentences.
    pub(crate) fn human(self) -> &'static str {
        match self {
            Target::Kustomization => "kustomization",
            Target::Git => "source git",
            Target::Oci => "source oci",
            Target::ImageRepository => "image repository",
            Target::ImagePolicy => "image policy",
            Target::ImageUpdate => "image update automation",
        }
    }

    /// What a successful reconciliation did, with what it came to.
    pub(crate) fn done(self, object: &serde_json::Value) -> String {
        let status = &object["status"];
        let (done, revision) = match self {
            Target::Kustomization => ("applied", &status["lastAppliedRevision"]),
            Target::Git | Target::Oci => ("fetched", &status["artifact"]["revision"]),
            Target::ImageRepository => {
                return format!(
                    "scan fetched {} tags",
                    status["lastScanResult"]["tagCount"].as_i64().unwrap_or(0)
                );
            }
            Target::ImagePolicy => return format!("selected ref {}", latest(status)),
            Target::ImageUpdate => {
                let ready = crate::wait::condition(object, "Ready");
                let said = ready.and_then(|ready| ready["message"].as_str());
                return said.unwrap_or("automation not yet run").to_owned();
            }
        };
        format!("{done} revision {}", revision.as_str().unwrap_or_default())
    }
}

/// The image that a policy took, as its status has it in either generation.
fn latest(status: &serde_json::Value) -> String {
    let text = |key: &str| status["latestRef"][key].as_str();
    match (text("name"), text("tag"), text("digest")) {
        (Some(name), Some(tag), Some(digest)) => format!("{name}:{tag}@{digest}"),
        (Some(name), Some(tag), None) => format!("{name}:{tag}"),
        _ => status["latestImage"].as_str().unwrap_or_default().to_owned(),
    }
}

/// The kind of this group and name.
///
/// # Errors
/// The catalogue does not know it.
pub(crate) fn find(group: &str, kind: &str) -> Result<&'static FluxKind, VerbError> {
    FluxKind::find(group, kind).ok_or_else(|| VerbError::failed(format!("no kind {kind} in {group}")))
}

/// Flux's kinds, wherever they are.
pub(crate) fn by_kind(kind: &str) -> Option<&'static FluxKind> {
    KINDS.iter().find(|known| known.kind == kind)
}
