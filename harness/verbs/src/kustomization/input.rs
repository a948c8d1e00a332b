//! The Kustomization and the files that `build` and `diff` work on.

use crate::{ApiError, Disk, Session, VerbError};
use seatrial_engine::local::{self, LocalBuild};
use seatrial_engine::source::IgnoreRules;
use seatrial_render::{FileSource, Found, KUSTOMIZATION_FILES, ResolveError, Tree};
use seatrial_yaml::{Dialect, ParseOptions};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

/// Flags of both verbs.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct Files {
    /// Path to the folder with the manifests, in the place of the Kustomization's spec.path.
    #[arg(long, value_name = "DIR")]
    pub path: Option<PathBuf>,
    /// Path to a file with the Kustomization: its spec holds in the place of the cluster's.
    #[arg(long, value_name = "FILE")]
    pub kustomization_file: Option<PathBuf>,
    /// What is left out where the folder has no kustomization.yaml, in the format of .gitignore; separated by commas.
    #[arg(long, value_name = "PATTERNS", value_delimiter = ',')]
    pub ignore_paths: Vec<String>,
    /// Fail where a variable without a default value has no value.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub strict_substitute: Option<String>,
    /// Go on with the Kustomizations that are built.
    #[arg(short, long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub recursive: Option<String>,
    /// Where the sources of these Kustomizations are on this machine: Kind/namespace/name=DIR, separated by commas.
    #[arg(long, value_name = "SOURCES", value_delimiter = ',')]
    pub local_sources: Vec<String>,
    /// Builds are made in memory whatever it says.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub in_memory_build: Option<String>,
}

/// The flags, read.
pub(crate) struct Input {
    pub(crate) name: String,
    pub(crate) folder: PathBuf,
    pub(crate) file: Option<PathBuf>,
    pub(crate) strict: bool,
    pub(crate) recursive: bool,
    ignore: Vec<String>,
    sources: BTreeMap<String, PathBuf>,
}

/// How a path is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shown {
    /// From the root on.
    Absolute,
    /// As it was given.
    Given,
}

/// A path without `.`, `..` and doubled slashes.
fn cleaned(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => drop(out.pop()),
            Component::CurDir => {}
            part => out.push(part),
        }
    }
    out
}

impl Files {
    /// Reads the flags.
    pub(crate) fn read(&self, name: Option<&str>) -> Result<Input, VerbError> {
        let switch = |flag, value: &Option<String>| crate::flags::switch(flag, value.as_deref());
        switch("--in-memory-build", &self.in_memory_build)?;
        let Some(name) = name else { return Err(VerbError::usage("kustomization name is required")) };
        if let Some(file) = self.kustomization_file.as_ref().filter(|file| !file.is_file()) {
            return Err(VerbError::Failed(format!(
                "invalid kustomization file {:?}",
                file.display().to_string()
            )));
        }
        let mut sources = BTreeMap::new();
        for source in &self.local_sources {
            let Some((key, path)) = source.split_once('=') else {
                let why = format!("{source} must be formatted as key=value");
                return Err(crate::flags::invalid("--local-sources", source, why));
            };
            sources.insert(key.to_owned(), PathBuf::from(path));
        }
        Ok(Input {
            name: name.to_owned(),
            folder: self.path.clone().unwrap_or_default(),
            file: self.kustomization_file.clone(),
            strict: switch("--strict-substitute", &self.strict_substitute)?,
            recursive: switch("--recursive", &self.recursive)?,
            ignore: self.ignore_paths.clone(),
            sources,
        })
    }
}

impl Input {
    /// Checks that the folder is one. It must be there before the cluster is asked for anything else.
    pub(crate) fn check_folder(&self, shown: Shown) -> Result<(), VerbError> {
        if self.folder.is_dir() {
            return Ok(());
        }
        let whole = std::env::current_dir().map(|here| cleaned(&here.join(&self.folder)));
        let whole = whole.ok().filter(|_| shown == Shown::Absolute && self.folder != Path::new(""));
        let shown = whole.as_deref().unwrap_or(&self.folder).display().to_string();
        Err(VerbError::Failed(format!("invalid resource path {shown:?}")))
    }

    /// The Kustomization of the file, if one is given.
    pub(crate) fn in_file(&self, namespace: &str) -> Result<Option<Value>, VerbError> {
        let Some(file) = &self.file else { return Ok(None) };
        let failed = |why: String| VerbError::Failed(format!("failed to get kustomization object: {why}"));
        let text = std::fs::read(file);
        let text = text.map_err(|error| {
            failed(format!("failed to read kustomization file {}: {error}", file.display()))
        })?;
        let documents = seatrial_yaml::parse(&text, &ParseOptions::default()).map_err(|error| {
            let file = file.display();
            failed(format!(
                "failed to unmarshall kustomization file {file}: line {}: {}",
                error.line, error.message
            ))
        })?;
        let objects =
            documents.iter().filter_map(|document| document.root.to_json(Dialect::KubernetesJson).ok());
        let wanted = |object: &Value| {
            object["kind"] == "Kustomization"
                && object["apiVersion"].as_str().is_some_and(|version| version.starts_with(GROUP))
                && object["metadata"]["name"] == self.name.as_str()
                && object["metadata"]["namespace"] == namespace
        };
        let found = objects.into_iter().find(wanted);
        found.map(Some).ok_or_else(|| {
            failed(format!(
                "failed find kustomization with name '{}' and namespace '{namespace}' in file '{}'",
                self.name,
                file.display()
            ))
        })
    }

    /// The Kustomization in the cluster, with the spec of the file where one is given.
    ///
    /// With `assume_new`, the file is enough.
    pub(crate) async fn kustomization(
        &self,
        session: &Session,
        assume_new: bool,
    ) -> Result<Value, VerbError> {
        let file = self.in_file(&session.namespace)?;
        if assume_new && file.is_none() {
            return Err(VerbError::usage("kustomization file is required when assuming new kustomizations"));
        }
        match get(session, &session.namespace, &self.name).await {
            Ok(mut found) => {
                if let Some(file) = file {
                    found["spec"] = file["spec"].clone();
                }
                Ok(found)
            }
            Err(error @ ApiError::Unreachable { .. }) => Err(error.into()),
            Err(error) => match file.filter(|_| assume_new && error.is_not_found()) {
                Some(file) => Ok(file),
                None => Err(VerbError::Failed(format!("failed to get kustomization object: {error}"))),
            },
        }
    }

    /// The objects of a Kustomization, of the files in `folder`.
    pub(crate) async fn objects(
        &self,
        kustomization: &Value,
        folder: &Path,
        session: Option<&Session>,
    ) -> Result<Vec<Value>, VerbError> {
        let full = std::path::absolute(folder).and_then(std::fs::canonicalize);
        let full = full.map_err(|error| VerbError::Failed(format!("{}: {error}", folder.display())))?;
        let shown = full.to_string_lossy();
        let folder = shown.trim_start_matches('/');
        let disk = Tree::from_source(Arc::new(Disk::default())).shown_at("/");
        let tree = self.generate(disk, folder)?;
        let local = LocalBuild {
            kustomization,
            tree: &tree,
            folder,
            client: session.map(|session| session.client().clone()),
            strict: self.strict,
            remotes: None,
        };
        local::build(&local).await.map_err(|error| VerbError::Failed(error.to_string()))
    }

    /// The files, with a kustomization.yaml where the folder has none: there alone `--ignore-paths` counts.
    fn generate(&self, disk: Tree, folder: &str) -> Result<Tree, VerbError> {
        if KUSTOMIZATION_FILES.iter().any(|name| disk.read(&format!("{folder}/{name}")).is_some()) {
            return Ok(disk);
        }
        let mut rules = IgnoreRules::default();
        rules.add(folder, &self.ignore.join("\n"));
        let seen = Tree::from_source(Arc::new(Seen { disk: Disk::default(), rules }));
        let made = seatrial_render::generate_kustomization(&seen, folder)
            .map_err(|error| VerbError::Failed(format!("failed to generate kustomization.yaml: {error}")))?;
        Ok(disk.with_file(&format!("{folder}/kustomization.yaml"), made))
    }

    /// Where the files of a Kustomization that was built are: in its source's folder on this machine.
    pub(crate) fn source_folder(&self, kustomization: &Value) -> Result<PathBuf, VerbError> {
        let reference = &kustomization["spec"]["sourceRef"];
        let own = &kustomization["metadata"]["namespace"];
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let namespace = if reference["namespace"].is_string() { &reference["namespace"] } else { own };
        let key = format!("{}/{}/{}", text(&reference["kind"]), text(namespace), text(&reference["name"]));
        let Some(root) = self.sources.get(&key) else {
            let name = text(&kustomization["metadata"]["name"]);
            return Err(VerbError::Failed(format!(
                "cannot get local path for {key} of kustomization {name}"
            )));
        };
        let path = text(&kustomization["spec"]["path"]);
        Ok(root.join(path.trim_start_matches('/')))
    }
}

/// API group of Kustomizations.
const GROUP: &str = "kustomize.toolkit.fluxcd.io";

/// Whether `object` is a Kustomization of Flux, and not the one that is being built.
pub(crate) fn is_other_kustomization(object: &Value, own: &Value) -> bool {
    let group = object["apiVersion"].as_str().unwrap_or_default().split('/').next();
    let same = |field: &str| object["metadata"][field] == own["metadata"][field];
    group == Some(GROUP) && object["kind"] == "Kustomization" && !(same("name") && same("namespace"))
}

/// A Kustomization of the cluster.
pub(crate) async fn get(session: &Session, namespace: &str, name: &str) -> Result<Value, ApiError> {
    session.flux_object(GROUP, "Kustomization", namespace, name).await
}

/// The machine's files without those that are left out.
struct Seen {
    disk: Disk,
    rules: IgnoreRules,
}

impl FileSource for Seen {
    fn resolve(&self, path: &str) -> Result<Found, ResolveError> {
        let found = self.disk.resolve(path)?;
        let is_folder = matches!(found, Found::Dir(_));
        if self.rules.excludes(path, is_folder) { Err(ResolveError::Missing) } else { Ok(found) }
    }

    fn list(&self, dir: &str) -> Vec<String> {
        self.disk.list(dir)
    }
}
