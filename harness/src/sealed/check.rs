//! Does every SealedSecret of a repository open for the cluster that it is meant for, under the name and namespace that the
//! rendered output gives it? No cluster is needed: the Kustomizations below `clusters/NAME` are built as the engine builds them.

use super::reach::{below, reached};
use crate::forge::Forge;
use crate::trial::repository;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures::FutureExt as _;
use seatrial_engine::local::{self, LocalBuild, LocalError};
use seatrial_render::{Entry, Tree};
use seatrial_seal::secret::open;
use seatrial_seal::{Certificate, Keyring, Scope, SealError};
use seatrial_time::Clock;
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::Path;

/// The repository could not be checked. Every message fits after "failed to ".
#[derive(Debug, thiserror::Error)]
pub enum SealedCheckError {
    /// It could not be read.
    #[error(transparent)]
    Repository(#[from] crate::trial::TrialError),
    /// Its files could not be read.
    #[error(transparent)]
    Forge(#[from] crate::forge::ForgeError),
    /// A folder could not be made.
    #[error("make a folder for the check")]
    Folder(#[source] std::io::Error),
}

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

/// Where a SealedSecret stands in the repository.
#[derive(Clone, Debug)]
struct Origin {
    file: String,
    namespace: String,
    name: String,
}

/// Where each sealed value stands: values are never equal by chance.
type Origins = BTreeMap<String, Origin>;

/// Checks the clusters of a repository: all, or those that are named. A cluster of whose controller nothing is known is a finding,
/// [`Verdict::Unknown`].
///
/// # Errors
/// [`SealedCheckError`]; clusters, of `clusters` or of `openers`, that the repository does not have. What cannot be built is no error:
/// it is a finding.
pub fn check_repository(
    path: &Path,
    clusters: &[String],
    openers: &Openers,
) -> Result<Vec<Finding>, SealedCheckError> {
    let source = repository::inspect(path)?;
    let folder = tempfile::tempdir().map_err(SealedCheckError::Folder)?;
    let forge = Forge::new(Clock::wall(), folder.path());
    let repo = repository::publish(&forge, &source, &[])?;
    let mut tree = Tree::new();
    for file in repo.paths(&source.branch)? {
        tree = tree.with_file(&file, repo.read(&source.branch, &file)?);
    }
    let origins = origins(&tree);
    let named: Vec<String> = openers.clusters.keys().cloned().collect();
    source.clusters(&repo, &named)?;
    let mut findings = Vec::new();
    for cluster in source.clusters(&repo, clusters)? {
        let Some(opener) = openers.clusters.get(&cluster.name).or(openers.others.as_ref()) else {
            findings.push(Finding {
                object: format!("Cluster/{}", cluster.name),
                cluster: cluster.name,
                verdict: Verdict::Unknown,
                message: "neither a private key nor the certificate of its controller is given".to_owned(),
            });
            continue;
        };
        let Rendered { objects, unbuilt, folders } = rendered(&tree, &cluster.path, &source.name);
        findings.extend(unbuilt.into_iter().map(|(object, verdict, message)| Finding {
            cluster: cluster.name.clone(),
            object,
            verdict,
            message,
        }));
        let found = check_objects(&objects, opener);
        findings.extend(found.into_iter().map(|(object, verdict, message)| {
            let message = match verdict {
                Verdict::Opens => message,
                _ => told(&objects, &object, &origins, message),
            };
            let is_broken = message.contains(RENAMED);
            let verdict = if is_broken { Verdict::Broken } else { verdict };
            Finding { cluster: cluster.name.clone(), object, verdict, message }
        }));
        findings.extend(generators(&tree, &reached(&tree, &folders), &cluster.name));
    }
    findings.sort();
    findings.dedup();
    Ok(findings)
}

const RENAMED: &str = "the rendered output calls it";

/// Adds to a message what the source file says, where the rendered name is another.
fn told(objects: &[Value], object: &str, origins: &Origins, message: String) -> String {
    let found = objects.iter().find(|candidate| label(candidate) == object);
    let Some((sealed, origin)) = found.and_then(|sealed| Some((sealed, origin(sealed, origins)?))) else {
        return message;
    };
    let (namespace, name) = place(sealed);
    let scope = Scope::of(sealed);
    let moved = namespace != origin.namespace && !origin.namespace.is_empty();
    let breaks = match scope {
        Scope::Strict => name != origin.name || moved,
        Scope::NamespaceWide => moved,
        Scope::ClusterWide => false,
    };
    if !breaks {
        return message;
    }
    let remedy = if moved { "cluster-wide" } else { "namespace-wide or cluster-wide" };
    format!(
        "{message}; {} has it as {}/{}, {RENAMED} {namespace}/{name}: a value of the scope {scope} does not follow, seal it {remedy}",
        origin.file, origin.namespace, origin.name
    )
}

fn origin<'o>(sealed: &Value, origins: &'o Origins) -> Option<&'o Origin> {
    let values = sealed["spec"]["encryptedData"].as_object()?.values();
    values.filter_map(Value::as_str).find_map(|value| origins.get(value))
}

fn place(object: &Value) -> (&str, &str) {
    let text = |field: &str| object["metadata"][field].as_str().unwrap_or_default();
    (text("namespace"), text("name"))
}

fn label(object: &Value) -> String {
    let (namespace, name) = place(object);
    match namespace {
        "" => format!("SealedSecret/{name}"),
        namespace => format!("SealedSecret/{namespace}/{name}"),
    }
}

/// What can be said of the SealedSecrets among these objects, as they stand: object, verdict and message.
pub fn check_objects(objects: &[Value], opener: &Opener) -> Vec<(String, Verdict, String)> {
    let sealed = objects.iter().filter(|object| {
        object["kind"] == "SealedSecret" && object["apiVersion"] == seatrial_seal::API_VERSION
    });
    let judged = sealed.map(|object| {
        let (verdict, message) = match opener {
            Opener::Keys(keys) => with_keys(object, keys),
            Opener::Certificate(certificate) => with_certificate(object, certificate),
        };
        (label(object), verdict, message)
    });
    judged.collect()
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

/// What a cluster would be given from this repository.
struct Rendered {
    objects: Vec<Value>,
    /// What could not be built.
    unbuilt: Vec<(String, Verdict, String)>,
    /// The folders that were built, and their components.
    folders: Vec<String>,
}

/// Builds the Kustomizations of a cluster.
fn rendered(tree: &Tree, folder: &str, repository: &str) -> Rendered {
    let root = json!({
        "apiVersion": "kustomize.toolkit.fluxcd.io/v1",
        "kind": "Kustomization",
        "metadata": {"name": "flux-system", "namespace": "flux-system"},
        "spec": {"interval": "10m", "prune": true, "path": folder, "sourceRef": {"kind": "GitRepository", "name": "flux-system"}},
    });
    let (mut all, mut unbuilt, mut folders) = (Vec::new(), Vec::new(), Vec::new());
    let mut queue = VecDeque::from([root]);
    let mut seen = BTreeSet::new();
    while let Some(kustomization) = queue.pop_front() {
        let (namespace, name) = place(&kustomization);
        let who = format!("Kustomization/{namespace}/{name}");
        if !seen.insert(who.clone()) {
            continue;
        }
        if let Some(why) = elsewhere(&kustomization, &all, repository) {
            unbuilt.push((who, Verdict::Unknown, why));
            continue;
        }
        let path = kustomization["spec"]["path"].as_str().unwrap_or(".");
        let path = path.trim_start_matches("./").trim_matches('/').to_owned();
        let components = kustomization["spec"]["components"].as_array().into_iter().flatten();
        folders.extend(components.filter_map(Value::as_str).filter_map(|component| below(&path, component)));
        folders.extend(below(&path, "."));
        let build = LocalBuild {
            kustomization: &kustomization,
            tree,
            folder: &path,
            client: None,
            strict: false,
            remotes: None,
        };
        // Nothing is asked of a cluster, so that the build is over when it is first polled.
        let built = local::build(&build).now_or_never();
        let waits = || Err(LocalError::Variables("it waits for a cluster".to_owned()));
        match built.unwrap_or_else(waits) {
            Ok(objects) => {
                let is_kustomization = |object: &&Value| {
                    object["kind"] == "Kustomization"
                        && object["apiVersion"]
                            .as_str()
                            .is_some_and(|v| v.starts_with("kustomize.toolkit.fluxcd.io/"))
                };
                queue.extend(objects.iter().filter(is_kustomization).cloned());
                all.extend(objects);
            }
            Err(error) => unbuilt.push((who, Verdict::Unknown, format!("it cannot be built here: {error}"))),
        }
    }
    Rendered { objects: all, unbuilt, folders }
}

/// Why a Kustomization is not one of this repository.
fn elsewhere(kustomization: &Value, objects: &[Value], repository: &str) -> Option<String> {
    let source = &kustomization["spec"]["sourceRef"];
    let (kind, name) =
        (source["kind"].as_str().unwrap_or_default(), source["name"].as_str().unwrap_or_default());
    if kind != "GitRepository" {
        return Some(format!("its source is the {kind} {name}: only Git repositories are looked at"));
    }
    let known =
        objects.iter().find(|object| object["kind"] == "GitRepository" && object["metadata"]["name"] == name);
    let url = known.and_then(|object| object["spec"]["url"].as_str())?;
    let last = url.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    let is_own = last.trim_end_matches(".git") == repository.trim_end_matches(".git");
    (!is_own).then(|| format!("its source {name} is another repository: {url}"))
}

/// The documents of a file, where it is YAML.
pub(super) fn documents(content: &[u8]) -> Vec<Value> {
    let parsed = seatrial_yaml::parse(content, &seatrial_yaml::ParseOptions::default());
    let documents = parsed.into_iter().flatten();
    documents
        .filter_map(|document| document.root.to_json(seatrial_yaml::Dialect::KubernetesJson).ok())
        .collect()
}

fn is_yaml(path: &str) -> bool {
    path.ends_with(".yaml") || path.ends_with(".yml") || path.ends_with(".json")
}

fn files(tree: &Tree) -> impl Iterator<Item = (String, Vec<u8>)> + '_ {
    tree.iter().filter_map(|(path, entry)| match entry {
        Entry::File(content) if is_yaml(path) => Some((path.to_owned(), content.to_vec())),
        _ => None,
    })
}

fn origins(tree: &Tree) -> Origins {
    let mut origins = Origins::new();
    for (file, content) in files(tree) {
        for object in documents(&content).iter().filter(|object| object["kind"] == "SealedSecret") {
            let (namespace, name) = place(object);
            let origin =
                Origin { file: file.clone(), namespace: namespace.to_owned(), name: name.to_owned() };
            for value in object["spec"]["encryptedData"].as_object().into_iter().flat_map(|map| map.values())
            {
                origins.insert(value.as_str().unwrap_or_default().to_owned(), origin.clone());
            }
        }
    }
    origins
}

/// Generators whose hash a SealedSecret is meant to follow, and does not since they have another name, in these files.
fn generators(tree: &Tree, reached: &BTreeSet<String>, cluster: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in reached {
        let folder = file.rsplit_once('/').map_or("", |(folder, _)| folder);
        let Some(content) = tree.read(file) else { continue };
        for kustomization in documents(&content) {
            for generator in kustomization["secretGenerator"].as_array().into_iter().flatten() {
                let local = "config.kubernetes.io/local-config";
                let of = |options: &Value| options["annotations"][local] == "true";
                if !of(&generator["options"]) && !of(&kustomization["generatorOptions"]) {
                    continue;
                }
                let name = generator["name"].as_str().unwrap_or_default();
                for source in generator["files"].as_array().into_iter().flatten().filter_map(Value::as_str) {
                    let source = source.split_once('=').map_or(source, |(_, path)| path);
                    let Some(content) = below(folder, source).and_then(|path| tree.read(&path)) else {
                        continue;
                    };
                    for sealed in documents(&content).iter().filter(|object| object["kind"] == "SealedSecret")
                    {
                        let sealed_name = place(sealed).1;
                        if sealed_name == name {
                            continue;
                        }
                        findings.push(Finding {
                            cluster: cluster.to_owned(),
                            object: file.clone(),
                            verdict: Verdict::Broken,
                            message: format!(
                                "the secretGenerator {name:?} is over the file of the SealedSecret {sealed_name:?}: the hash is \
                                 followed only where the generator has the SealedSecret's own name, {sealed_name:?}"
                            ),
                        });
                    }
                }
            }
        }
    }
    findings
}
