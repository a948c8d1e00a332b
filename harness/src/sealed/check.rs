//! Does every SealedSecret of a repository open for the cluster that it is meant for, under the name and namespace that the
//! rendered output gives it? No cluster is needed: the Kustomizations below `clusters/NAME` are built as the engine builds them.

use super::shape::{malformed, unknown_variable};
use super::traps::{Origins, traps};
use crate::offline::{Fleet, FleetError, Outcome, builds, place};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use seatrial_seal::secret::open;
use seatrial_seal::{Certificate, Keyring, Scope, SealError};
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;

/// What is known of a cluster's controller.
#[derive(Clone, Debug)]
pub enum Opener {
    /// Its private keys, from a backup.
    Keys(Keyring),
    /// Its certificate alone: what opens cannot be said, what cannot open can.
    Certificate(Certificate),
}

/// What is known of the controllers of clusters.
#[derive(Clone, Debug, Default)]
pub struct Openers {
    /// By the name of the cluster.
    pub clusters: BTreeMap<String, Opener>,
    /// Of all other clusters.
    pub others: Option<Opener>,
}

impl Openers {
    /// What is known of this cluster's controller.
    pub fn of(&self, cluster: &str) -> Option<&Opener> {
        self.clusters.get(cluster).or(self.others.as_ref())
    }
}

/// What is said of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// It opens.
    Opens,
    /// Nothing speaks against it, and without the private keys no more can be said.
    Plausible,
    /// It does not open, or is not what its author means.
    Broken,
    /// It could not be looked at.
    Unknown,
}

/// What was found out about one object on one cluster.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Finding {
    /// The cluster.
    pub cluster: String,
    /// The object: `SealedSecret/namespace/name`, or a file, or a Kustomization that cannot be built.
    pub object: String,
    /// What is said of it.
    pub verdict: Verdict,
    /// Why, and what to do.
    pub message: String,
}

/// Checks the clusters of a repository: all, or those that are named. A cluster of whose controller nothing is known is a finding,
/// [`Verdict::Unknown`].
///
/// # Errors
/// [`FleetError`]; clusters, of `clusters` or of `openers`, that the repository does not have. What cannot be built is no error:
/// it is a finding.
pub fn check_repository(
    path: &Path,
    clusters: &[String],
    openers: &Openers,
) -> Result<Vec<Finding>, FleetError> {
    let fleet = Fleet::open(path)?;
    let origins = Origins::of(&fleet);
    let named: Vec<String> = openers.clusters.keys().cloned().collect();
    fleet.clusters(&named)?;
    let mut findings = Vec::new();
    for cluster in fleet.clusters(clusters)? {
        let name = cluster.name.clone();
        let finding =
            |object: String, verdict, message| Finding { cluster: name.clone(), object, verdict, message };
        let Some(opener) = openers.of(&name) else {
            let message = "neither a private key nor the certificate of its controller is given";
            findings.push(finding(format!("Cluster/{name}"), Verdict::Unknown, message.to_owned()));
            continue;
        };
        let builds = builds(&fleet, &cluster);
        for build in &builds.all {
            let why = match &build.outcome {
                Outcome::Built(_) => continue,
                Outcome::Failed(error) => format!("it cannot be built here: {error}"),
                Outcome::NoArtifact(why) | Outcome::NoSource(why) | Outcome::Unseen(why) => why.clone(),
            };
            findings.push(finding(build.who.clone(), Verdict::Unknown, why));
        }
        for (build, placed) in builds.objects() {
            let Some((object, verdict, message)) = check_object(&placed.object, opener) else {
                continue;
            };
            if let Some(variable) = unknown_variable(build, &placed.object) {
                let message = format!(
                    "the variable {variable} is not known here: a cluster has it, in what {} names in substituteFrom",
                    build.who
                );
                findings.push(finding(object, Verdict::Unknown, message));
                continue;
            }
            match origins.renamed(&placed.object, &placed.file).filter(|_| verdict != Verdict::Opens) {
                Some(renamed) => {
                    // Of what is not known without the private keys, this is.
                    let message = match verdict {
                        Verdict::Broken => format!("{message}; {}", renamed.message),
                        _ => format!("it cannot open: {}", renamed.message),
                    };
                    findings.push(finding(object, Verdict::Broken, message));
                }
                None => findings.push(finding(object, verdict, message)),
            }
        }
        let traps = traps(&fleet, &builds).into_iter();
        findings.extend(traps.map(|trap| finding(trap.file, Verdict::Broken, trap.message)));
    }
    findings.sort();
    findings.dedup();
    Ok(findings)
}

fn label(object: &Value) -> String {
    let (namespace, name) = place(object);
    let kind = object["kind"].as_str().unwrap_or_default();
    match namespace {
        "" => format!("{kind}/{name}"),
        namespace => format!("{kind}/{namespace}/{name}"),
    }
}

/// What can be said of a SealedSecret, as it stands: object, verdict and message; `None` of another object.
pub fn check_object(object: &Value, opener: &Opener) -> Option<(String, Verdict, String)> {
    if object["kind"] != "SealedSecret" {
        return None;
    }
    let (verdict, message) = match (malformed(object), opener) {
        (Some(why), _) => (Verdict::Broken, why),
        (None, Opener::Keys(keys)) => with_keys(object, keys),
        (None, Opener::Certificate(certificate)) => with_certificate(object, certificate),
    };
    Some((label(object), verdict, message))
}

fn with_keys(object: &Value, keys: &Keyring) -> (Verdict, String) {
    match open(object, keys) {
        Ok(values) => (Verdict::Opens, format!("{} of {} values open", values.len(), values.len())),
        Err(SealError::Keys(message)) => (Verdict::Broken, message),
        Err(error) => (Verdict::Broken, error.to_string()),
    }
}

fn with_certificate(object: &Value, certificate: &Certificate) -> (Verdict, String) {
    let size = certificate.key.bits().div_ceil(8);
    let mut other_size = None;
    for (key, value) in object["spec"]["encryptedData"].as_object().into_iter().flatten() {
        let Ok(bytes) = STANDARD.decode(value.as_str().unwrap_or_default()) else {
            return (Verdict::Broken, format!("{key:?} is not Base64"));
        };
        let length = bytes.first_chunk::<2>().map(|length| usize::from(u16::from_be_bytes(*length)));
        if length.is_none_or(|length| length + 2 + 16 > bytes.len()) {
            return (Verdict::Broken, format!("{key:?} is no sealed value"));
        }
        if length != Some(size) {
            let bits = length.unwrap_or_default() * 8;
            // A controller keeps its former keys, which may be of another size.
            other_size.get_or_insert_with(|| {
                format!(
                    "{key:?} is sealed for another key, of {bits} bits (the certificate's has {}): whether the controller has it, too, \
                     takes the private keys to say",
                    size * 8
                )
            });
        }
    }
    if let Some(message) = other_size {
        return (Verdict::Unknown, message);
    }
    let scope = Scope::of(object);
    let message = format!("the scope is {scope}; whether it opens takes the private keys to say");
    (Verdict::Plausible, message)
}
