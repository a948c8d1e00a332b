//! What goes wrong with SealedSecrets and kustomize: names that change, and names that do not.

use crate::offline::{Build, Builds, Fleet, below, documents, place, reached};
use seatrial_seal::Scope;
use serde_json::Value;
use std::collections::BTreeMap;

const LOCAL: &str = "config.kubernetes.io/local-config";

/// Where a SealedSecret stands in the repository.
#[derive(Clone, Debug)]
struct Origin {
    file: String,
    namespace: String,
    name: String,
}

/// Where each sealed value stands: values are never equal by chance, but files are copied.
pub(crate) struct Origins(BTreeMap<String, Vec<Origin>>);

/// A SealedSecret that the rendered output calls otherwise than its file does, which its scope does not allow.
pub(crate) struct Renamed {
    /// The file.
    pub(crate) file: String,
    /// What is wrong, and what to do.
    pub(crate) message: String,
}

impl Origins {
    /// Those of all files.
    pub(crate) fn of(fleet: &Fleet) -> Origins {
        let mut origins: BTreeMap<String, Vec<Origin>> = BTreeMap::new();
        // Reading takes longer than looking.
        let may_have = |content: &[u8]| content.windows(12).any(|window| window == b"SealedSecret");
        for (file, content) in fleet.yaml().filter(|(_, content)| may_have(content)) {
            for object in documents(content).iter().filter(|object| object["kind"] == "SealedSecret") {
                let (namespace, name) = place(object);
                let origin =
                    Origin { file: file.to_owned(), namespace: namespace.to_owned(), name: name.to_owned() };
                for value in values(object) {
                    origins.entry(value.to_owned()).or_default().push(origin.clone());
                }
            }
        }
        Origins(origins)
    }

    /// Whether the values of a rendered SealedSecret stay behind, since its name or namespace is another one than in its file. Where
    /// the same values stand in several files it is `file` that counts, from which it was rendered, or else each of them.
    pub(crate) fn renamed(&self, sealed: &Value, file: &str) -> Option<Renamed> {
        let all = self.origins(sealed)?;
        let (namespace, name) = place(sealed);
        let scope = Scope::of(sealed);
        let moved = |origin: &Origin| namespace != origin.namespace && !origin.namespace.is_empty();
        let breaks = |origin: &&Origin| match scope {
            Scope::Strict => name != origin.name || moved(origin),
            Scope::NamespaceWide => moved(origin),
            Scope::ClusterWide => false,
        };
        let mut own = all.iter().filter(|origin| origin.file == file).peekable();
        let origin = match own.peek() {
            // One of several documents of the file may be it.
            Some(_) => own.clone().all(|origin| breaks(&origin)).then(|| own.next())?,
            None => all.iter().all(|origin| breaks(&origin)).then(|| all.first())?,
        }?;
        let moved = moved(origin);
        let remedy = if moved { "cluster-wide" } else { "namespace-wide or cluster-wide" };
        let message = format!(
            "{} has it as {}/{}, the rendered output calls it {namespace}/{name}: a value of the scope {scope} does not follow, \
             seal it {remedy}",
            origin.file, origin.namespace, origin.name
        );
        Some(Renamed { file: origin.file.clone(), message })
    }

    fn origins(&self, sealed: &Value) -> Option<&Vec<Origin>> {
        values(sealed).find_map(|value| self.0.get(value))
    }
}

fn values(sealed: &Value) -> impl Iterator<Item = &str> {
    let values = sealed["spec"]["encryptedData"].as_object().into_iter().flat_map(|map| map.values());
    values.filter_map(Value::as_str)
}

/// What is wrong with a secret generator over the file of a SealedSecret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TrapKind {
    /// It has another name than the SealedSecret: nothing is renamed.
    GeneratorName,
    /// No configuration says that the SealedSecret follows the hash.
    NameReference,
    /// What it generates reaches the output.
    Output,
}

/// A secret generator that does not do what it is for.
#[derive(Clone, Debug)]
pub(crate) struct Trap {
    /// What is wrong.
    pub(crate) kind: TrapKind,
    /// The kustomization file.
    pub(crate) file: String,
    /// The name of the generator.
    pub(crate) generator: String,
    /// What is wrong, in words.
    pub(crate) message: String,
}

/// Generators over the files of SealedSecrets, in all kustomizations that a cluster builds, that do not do what they are for.
pub(crate) fn traps(fleet: &Fleet, builds: &Builds) -> Vec<Trap> {
    let folders: Vec<String> = builds.all.iter().flat_map(|build| build.folders.iter().cloned()).collect();
    let mut found = Vec::new();
    for file in reached(&fleet.tree, &folders) {
        let folder = file.rsplit_once('/').map_or("", |(folder, _)| folder);
        let Some(content) = fleet.tree.read(&file) else { continue };
        for kustomization in documents(&content) {
            for generator in kustomization["secretGenerator"].as_array().into_iter().flatten() {
                for source in generator["files"].as_array().into_iter().flatten().filter_map(Value::as_str) {
                    let source = source.split_once('=').map_or(source, |(_, path)| path);
                    let Some(path) = below(folder, source) else { continue };
                    let content = fleet.tree.read(&path).unwrap_or_default();
                    let sealed = documents(&content);
                    let sealed = sealed.iter().filter(|object| object["kind"] == "SealedSecret");
                    let of = |sealed| judge(&kustomization, generator, sealed, &path, builds);
                    found.extend(sealed.filter_map(of).map(|(kind, message)| Trap {
                        kind,
                        file: file.clone(),
                        generator: generator["name"].as_str().unwrap_or_default().to_owned(),
                        message,
                    }));
                }
            }
        }
    }
    found
}

fn judge(
    kustomization: &Value,
    generator: &Value,
    sealed: &Value,
    path: &str,
    builds: &Builds,
) -> Option<(TrapKind, String)> {
    let option = |find: &dyn Fn(&Value) -> bool| {
        find(&generator["options"]) || find(&kustomization["generatorOptions"])
    };
    let name = generator["name"].as_str().unwrap_or_default();
    let sealed_name = place(sealed).1;
    if !option(&|options| options["annotations"][LOCAL] == "true") {
        let message = format!(
            "the secretGenerator {name:?} makes a Secret of the file of the SealedSecret {sealed_name:?}, and the cluster gets it: \
             the sealed text in the place of the values"
        );
        return Some((TrapKind::Output, message));
    }
    if sealed_name != name {
        let message = format!(
            "the secretGenerator {name:?} is over the file of the SealedSecret {sealed_name:?}: the hash is followed only where the \
             generator has the SealedSecret's own name, {sealed_name:?}"
        );
        return Some((TrapKind::GeneratorName, message));
    }
    let rendered = builds.all.iter().flat_map(Build::placed);
    let mut rendered =
        rendered.filter(|placed| placed.file == path && placed.object["kind"] == "SealedSecret");
    let keeps = rendered.any(|placed| place(&placed.object).1 == name);
    if keeps && !option(&|options| options["disableNameSuffixHash"] == true) {
        let message = format!(
            "the SealedSecret {name:?} keeps its name, although the secretGenerator over its file adds a hash: what refers to the \
             Secret gets the name with the hash, and nobody makes a Secret of that name"
        );
        return Some((TrapKind::NameReference, message));
    }
    None
}
