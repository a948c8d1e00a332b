//! Every Flux kind: names, and the versions that each release serves.

use crate::release::FluxRelease;

/// A printer column of a kind: what `kubectl get` shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    /// Heading.
    pub name: &'static str,
    /// Type of the value.
    pub type_: &'static str,
    /// Where the value is.
    pub json_path: &'static str,
}

/// A Flux kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FluxKind {
    /// API group.
    pub group: &'static str,
    /// Kind.
    pub kind: &'static str,
    /// Plural, as in URLs.
    pub plural: &'static str,
    /// Short names.
    pub short_names: &'static [&'static str],
    /// Versions in Flux 2.2.3, the stored one first; empty: the release does not have the kind.
    pub versions_2_2_3: &'static [&'static str],
    /// Versions in Flux 2.9, the stored one first.
    pub versions_2_9: &'static [&'static str],
    /// Columns, before `Age`, `Ready` and `Status`.
    pub columns: &'static [Column],
}

impl FluxKind {
    /// The versions that `release` serves, the stored one first.
    pub fn versions(&self, release: FluxRelease) -> &'static [&'static str] {
        match release {
            FluxRelease::V2_2_3 => self.versions_2_2_3,
            FluxRelease::V2_9 => self.versions_2_9,
        }
    }

    /// The `apiVersion` that `release` stores; none where it does not have the kind.
    pub fn api_version(&self, release: FluxRelease) -> Option<String> {
        self.versions(release).first().map(|version| format!("{}/{version}", self.group))
    }

    /// The kind of this name in this group.
    pub fn find(group: &str, kind: &str) -> Option<&'static FluxKind> {
        KINDS.iter().find(|known| known.group == group && known.kind == kind)
    }
}

const SOURCE: &str = "source.toolkit.fluxcd.io";
const IMAGE: &str = "image.toolkit.fluxcd.io";
const NOTIFICATION: &str = "notification.toolkit.fluxcd.io";

const fn column(name: &'static str, json_path: &'static str) -> Column {
    Column { name, type_: "string", json_path }
}

const URL: Column = column("URL", ".spec.url");

macro_rules! kind {
    ($group:expr, $kind:literal, $plural:literal, $short:expr, $old:expr, $new:expr, $columns:expr) => {
        FluxKind {
            group: $group,
            kind: $kind,
            plural: $plural,
            short_names: &$short,
            versions_2_2_3: &$old,
            versions_2_9: &$new,
            columns: &$columns,
        }
    };
}

/// All Flux kinds, by group.
pub const KINDS: &[FluxKind] = &[
    kind!(
        "helm.toolkit.fluxcd.io",
        "HelmRelease",
        "helmreleases",
        ["hr"],
        ["v2beta2", "v2beta1"],
        ["v2"],
        []
    ),
    kind!(IMAGE, "ImagePolicy", "imagepolicies", ["imgpol", "imagepol"], ["v1beta2", "v1beta1"], ["v1"], []),
    kind!(
        IMAGE,
        "ImageRepository",
        "imagerepositories",
        ["imgrepo", "imagerepo"],
        ["v1beta2", "v1beta1"],
        ["v1"],
        [column("Image", ".spec.image")]
    ),
    kind!(
        IMAGE,
        "ImageUpdateAutomation",
        "imageupdateautomations",
        ["iua", "imgupd", "imgauto"],
        ["v1beta1"],
        ["v1"],
        []
    ),
    kind!(
        "kustomize.toolkit.fluxcd.io",
        "Kustomization",
        "kustomizations",
        ["ks"],
        ["v1", "v1beta2", "v1beta1"],
        ["v1"],
        []
    ),
    kind!(NOTIFICATION, "Alert", "alerts", [], ["v1beta3", "v1beta2", "v1beta1"], ["v1beta3"], []),
    kind!(NOTIFICATION, "Provider", "providers", [], ["v1beta3", "v1beta2", "v1beta1"], ["v1beta3"], []),
    kind!(NOTIFICATION, "Receiver", "receivers", [], ["v1", "v1beta2", "v1beta1"], ["v1"], []),
    kind!(
        "source.extensions.fluxcd.io",
        "ArtifactGenerator",
        "artifactgenerators",
        ["ag"],
        [],
        ["v1beta1"],
        []
    ),
    kind!(
        SOURCE,
        "Bucket",
        "buckets",
        [],
        ["v1beta2", "v1beta1"],
        ["v1"],
        [column("Endpoint", ".spec.endpoint")]
    ),
    kind!(
        SOURCE,
        "ExternalArtifact",
        "externalartifacts",
        [],
        [],
        ["v1"],
        [column("Source", ".spec.sourceRef.name")]
    ),
    kind!(
        SOURCE,
        "GitRepository",
        "gitrepositories",
        ["gitrepo"],
        ["v1", "v1beta2", "v1beta1"],
        ["v1"],
        [URL]
    ),
    kind!(
        SOURCE,
        "HelmChart",
        "helmcharts",
        ["hc"],
        ["v1beta2", "v1beta1"],
        ["v1"],
        [
            column("Chart", ".spec.chart"),
            column("Version", ".spec.version"),
            column("Source Kind", ".spec.sourceRef.kind"),
            column("Source Name", ".spec.sourceRef.name")
        ]
    ),
    kind!(SOURCE, "HelmRepository", "helmrepositories", ["helmrepo"], ["v1beta2", "v1beta1"], ["v1"], [URL]),
    kind!(SOURCE, "OCIRepository", "ocirepositories", ["ocirepo"], ["v1beta2"], ["v1"], [URL]),
];

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("HelmRelease", FluxRelease::V2_2_3, Some("helm.toolkit.fluxcd.io/v2beta2"))]
    #[case("HelmRelease", FluxRelease::V2_9, Some("helm.toolkit.fluxcd.io/v2"))]
    #[case("Bucket", FluxRelease::V2_2_3, Some("source.toolkit.fluxcd.io/v1beta2"))]
    #[case("ImageUpdateAutomation", FluxRelease::V2_2_3, Some("image.toolkit.fluxcd.io/v1beta1"))]
    #[case("ExternalArtifact", FluxRelease::V2_2_3, None)]
    #[case("ArtifactGenerator", FluxRelease::V2_9, Some("source.extensions.fluxcd.io/v1beta1"))]
    fn each_release_stores_its_own_version(
        #[case] kind: &str,
        #[case] release: FluxRelease,
        #[case] expected: Option<&str>,
    ) {
        let known = KINDS.iter().find(|known| known.kind == kind).expect("a known kind");
        assert_eq!(known.api_version(release).as_deref(), expected);
    }
}
