//! What is shown of each kind.

use super::filter::ready;
use crate::VerbError;
use crate::kinds::by_kind;
use seatrial_api::FluxKind;
use serde_json::Value;

/// A kind, and its columns behind the name.
pub(super) struct Listing {
    pub(super) kind: &'static str,
    columns: &'static [Column],
}

/// A column.
#[derive(Clone, Copy)]
enum Column {
    /// The first text at these paths.
    Text(&'static str, &'static [&'static str]),
    /// The same, with digests in full.
    Whole(&'static str, &'static [&'static str]),
    /// The source of an ExternalArtifact.
    Origin,
    Suspended,
    Ready,
    Message,
    /// The message with digests in full: flux cuts those of sources and Kustomizations alone.
    WholeMessage,
    /// This for every object: the kind has no status.
    Always(&'static str, &'static str),
}

/// Which columns stand beside those of the kind.
#[derive(Clone, Copy)]
pub(super) struct Columns {
    /// The namespace, in front.
    pub(super) namespace: bool,
    /// The kind, in front of the name.
    pub(super) kind: bool,
    /// The source of a Kustomization, behind its name.
    pub(super) source: bool,
}

use Column::{Always, Message, Origin, Ready, Suspended, Text, Whole, WholeMessage};

const ARTIFACT: Column = Text("Revision", &["/status/artifact/revision"]);
const SOURCE: &[Column] = &[ARTIFACT, Suspended, Ready, Message];
const REPOSITORY: Listing = Listing { kind: "GitRepository", columns: SOURCE };
const ARTIFACTS: Listing = Listing { kind: "OCIRepository", columns: SOURCE };
const BUCKET: Listing = Listing { kind: "Bucket", columns: SOURCE };
const CHARTS: Listing = Listing { kind: "HelmRepository", columns: SOURCE };
const CHART: Listing = Listing { kind: "HelmChart", columns: SOURCE };
const EXTERNAL: Listing = Listing { kind: "ExternalArtifact", columns: &[ARTIFACT, Origin, Ready, Message] };
const KUSTOMIZATION: Listing = Listing {
    kind: "Kustomization",
    columns: &[Text("Revision", &["/status/lastAppliedRevision"]), Suspended, Ready, Message],
};

const IMAGE_REPOSITORY: Listing = Listing {
    kind: "ImageRepository",
    columns: &[Whole("Last scan", &["/status/lastScanResult/scanTime"]), Suspended, Ready, WholeMessage],
};
const IMAGE_POLICY: Listing = Listing {
    kind: "ImagePolicy",
    columns: &[
        Whole("Image", &["/status/latestRef/name"]),
        Whole("Tag", &["/status/latestRef/tag"]),
        Ready,
        WholeMessage,
    ],
};
const IMAGE_UPDATE: Listing = Listing {
    kind: "ImageUpdateAutomation",
    columns: &[Whole("Last run", &["/status/lastAutomationRunTime"]), Suspended, Ready, WholeMessage],
};

/// `get images repository`.
pub(super) const IMAGE_REPOSITORIES: &[Listing] = &[IMAGE_REPOSITORY];
/// `get images policy`.
pub(super) const IMAGE_POLICIES: &[Listing] = &[IMAGE_POLICY];
/// `get images update`.
pub(super) const IMAGE_UPDATES: &[Listing] = &[IMAGE_UPDATE];
/// `get images all`, in flux's order.
pub(super) const IMAGES: &[Listing] = &[IMAGE_REPOSITORY, IMAGE_POLICY, IMAGE_UPDATE];

/// `get kustomizations`.
pub(super) const KUSTOMIZATIONS: &[Listing] = &[KUSTOMIZATION];
/// `get sources git`.
pub(super) const GIT: &[Listing] = &[REPOSITORY];
/// `get sources oci`.
pub(super) const OCI: &[Listing] = &[ARTIFACTS];
/// `get sources all`, in flux's order.
pub(super) const SOURCES: &[Listing] = &[ARTIFACTS, BUCKET, REPOSITORY, CHARTS, CHART, EXTERNAL];
/// `get all`, in flux's order.
pub(super) const ALL: &[Listing] = &[
    ARTIFACTS,
    BUCKET,
    REPOSITORY,
    CHARTS,
    CHART,
    EXTERNAL,
    IMAGE_REPOSITORY,
    IMAGE_POLICY,
    IMAGE_UPDATE,
    Listing {
        kind: "HelmRelease",
        columns: &[
            Text("Revision", &["/status/history/0/chartVersion", "/status/lastAttemptedRevision"]),
            Suspended,
            Ready,
            Message,
        ],
    },
    KUSTOMIZATION,
    Listing { kind: "Receiver", columns: &[Suspended, Ready, Message] },
    Listing { kind: "Provider", columns: &[Always("Ready", "True"), Always("Message", "Provider is Ready")] },
    Listing {
        kind: "Alert",
        columns: &[Suspended, Always("Ready", "True"), Always("Message", "Alert is Ready")],
    },
];

impl Listing {
    /// What the catalogue knows of the kind.
    pub(super) fn flux(&self) -> Result<&'static FluxKind, VerbError> {
        by_kind(self.kind).ok_or_else(|| VerbError::failed(format!("no kind {}", self.kind)))
    }

    /// The heads.
    pub(super) fn heads(&self, shown: Columns) -> Vec<&'static str> {
        let mut heads = Vec::new();
        heads.extend(shown.namespace.then_some("Namespace"));
        heads.push("Name");
        heads.extend(shown.source.then_some("Source"));
        heads.extend(self.columns.iter().map(|column| match column {
            Text(head, _) | Whole(head, _) | Always(head, _) => head,
            Origin => "Source",
            Suspended => "Suspended",
            Ready => "Ready",
            Message | WholeMessage => "Message",
        }));
        heads
    }

    /// The row of an object.
    pub(super) fn cells(&self, object: &Value, shown: Columns) -> Vec<String> {
        let text = |path: &str| object.pointer(path).and_then(Value::as_str).unwrap_or_default();
        let mut cells = Vec::new();
        cells.extend(shown.namespace.then(|| text("/metadata/namespace").to_owned()));
        let name = text("/metadata/name");
        cells.push(if shown.kind { format!("{}/{name}", self.kind.to_lowercase()) } else { name.to_owned() });
        let source = || {
            let own = Some(text("/spec/sourceRef/namespace")).filter(|given| !given.is_empty());
            let namespace = own.unwrap_or_else(|| text("/metadata/namespace"));
            format!("{}/{namespace}/{}", text("/spec/sourceRef/kind"), text("/spec/sourceRef/name"))
        };
        cells.extend(shown.source.then(source));
        let (status, message) = ready(object);
        let first = |paths: &[&str]| {
            paths.iter().map(|path| text(path)).find(|text| !text.is_empty()).unwrap_or_default()
        };
        cells.extend(self.columns.iter().map(|column| match column {
            Text(_, paths) => short(first(paths)),
            Whole(_, paths) => first(paths).to_owned(),
            Origin => {
                let part = |key: &str| text(&format!("/spec/sourceRef/{key}"));
                format!("{}/{}/{}", part("kind"), part("namespace"), part("name"))
            }
            Suspended => if object["spec"]["suspend"] == true { "True" } else { "False" }.to_owned(),
            Ready => status.clone(),
            Message => short(&message),
            WholeMessage => message.clone(),
            Always(_, text) => (*text).to_owned(),
        }));
        cells
    }
}

/// The text, with only the first eight digits of each digest: a word of forty or more hexadecimal digits. What is cut once is
/// cut wherever it stands, as in flux.
fn short(text: &str) -> String {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    let words = text.split(|c: char| !is_word(c));
    let digests = words.filter(|word| word.len() >= 40 && word.bytes().all(is_digit));
    digests.fold(text.to_owned(), |text, digest| text.replace(digest, &digest[..8]))
}

#[cfg(test)]
mod tests {
    use super::short;

    #[test]
    fn digests_are_cut_to_eight_digits_and_nothing_else_is() {
        let sha1 = "0123456789abcdef0123456789abcdef01234567";
        let cut = |text: &str| short(&text.replace("SHA1", sha1));
        assert_eq!(
            cut("applied main@sha1:SHA1, was main/SHA1."),
            "applied main@sha1:01234567, was main/01234567."
        );
        assert_eq!(cut("sha256:SHA1f0f0 é"), "sha256:01234567 é");
        assert_eq!(cut("xSHA1 _SHA1"), format!("x{sha1} _{sha1}"));
        assert_eq!(cut("xSHA1 SHA1"), "x01234567 01234567");
        assert_eq!(short(&sha1.to_uppercase()), sha1.to_uppercase());
        assert_eq!(short(&sha1[1..]), sha1[1..]);
    }
}
