//! Which scalars of which files change.
//!
//! A scalar with the comment `# {"$imagepolicy": "namespace:name"}` at the end of its line becomes the image that the
//! policy took; with `:name`, `:tag` or `:digest` behind, that part of it. Every other byte of the file stays, whatever its
//! style, indentation, line ends or encoding of characters.

use std::collections::BTreeMap;

use seatrial_yaml::{DuplicateKeys, Node, ParseOptions, Value, parse, splice_scalars};

use crate::reference::Image;

/// The key of a marker.
const KEY: &str = "$imagepolicy";

/// The images that policies took, by `namespace:name` of the policy.
pub type Policies = BTreeMap<String, Image>;

/// An object in a file; all of it may be empty (Helm values, a kustomization).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct ObjectId {
    /// API version.
    pub api_version: String,
    /// Kind.
    pub kind: String,
    /// Name.
    pub name: String,
    /// Namespace.
    pub namespace: String,
}

/// A scalar that changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The file, by its path in the repository.
    pub file: String,
    /// The object in it.
    pub object: ObjectId,
    /// Its text before.
    pub old: String,
    /// Its text now.
    pub new: String,
    /// The marker: `namespace:name`, `namespace:name:tag`.
    pub setter: String,
    /// The image that the policy took.
    pub image: Image,
}

/// What an update does.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Update {
    /// The new contents of the files that change, by path.
    pub files: BTreeMap<String, Vec<u8>>,
    /// What changed, in the order of files and places in them.
    pub changes: Vec<Change>,
}

/// Why files were not updated. Messages fit after "failed to ".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SetterError {
    /// A file with markers is not YAML.
    #[error("read {file}: line {line}: {problem}")]
    Parse {
        /// The file.
        file: String,
        /// The line.
        line: u32,
        /// What is wrong.
        problem: String,
    },
    /// A marked scalar cannot be changed in place.
    #[error("update {file}: {problem}")]
    Splice {
        /// The file.
        file: String,
        /// What is wrong.
        problem: String,
    },
}

/// A marked scalar of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Marker {
    /// The policy: `namespace:name`.
    pub policy: String,
    /// `name`, `tag`, `digest`, or nothing for the whole image.
    pub part: Option<String>,
    /// The line, counted from 1.
    pub line: u32,
}

/// Updates the files under `path` (a folder of the repository, empty for all of it) whose name ends in `.yaml` or `.yml`.
/// Files without a marker are not read as YAML. Markers of policies that `policies` does not have, and of parts that are not
/// known, change nothing.
///
/// # Errors
/// See [`SetterError`]; nothing is changed then.
pub fn update<'f>(
    files: impl IntoIterator<Item = (&'f str, &'f [u8])>,
    path: &str,
    policies: &Policies,
) -> Result<Update, SetterError> {
    let mut update = Update::default();
    for (file, bytes) in files {
        if !(is_yaml(file) && is_under(file, path) && has_marker(bytes)) {
            continue;
        }
        let mut edits = Vec::new();
        let documents = documents(file, bytes)?;
        for document in &documents {
            let object = object_id(document);
            visit(document, &mut |scalar, setter| {
                let Some((image, new)) = wanted(setter, policies) else { return };
                let old = scalar.as_str().unwrap_or_default();
                if old != new {
                    edits.push((scalar, new.clone()));
                    let change = Change {
                        file: file.to_owned(),
                        object: object.clone(),
                        old: old.to_owned(),
                        new,
                        setter: setter.to_owned(),
                        image: image.clone(),
                    };
                    update.changes.push(change);
                }
            });
        }
        if edits.is_empty() {
            continue;
        }
        let edits: Vec<(&Node, &str)> = edits.iter().map(|(node, new)| (*node, new.as_str())).collect();
        let new = splice_scalars(bytes, &edits)
            .map_err(|error| SetterError::Splice { file: file.to_owned(), problem: error.to_string() })?;
        update.files.insert(file.to_owned(), new);
    }
    Ok(update)
}

/// The markers of a file, in their order.
///
/// # Errors
/// [`SetterError::Parse`].
pub fn markers(file: &str, bytes: &[u8]) -> Result<Vec<Marker>, SetterError> {
    let mut markers = Vec::new();
    if !(is_yaml(file) && has_marker(bytes)) {
        return Ok(markers);
    }
    for document in &documents(file, bytes)? {
        visit(document, &mut |scalar, setter| {
            let (policy, part) = split(setter);
            markers.push(Marker {
                policy: policy.to_owned(),
                part: part.map(str::to_owned),
                line: scalar.pos.line,
            });
        });
    }
    Ok(markers)
}

/// Whether a file lies in a folder of the repository, however that is written (`./a/b`, `a/b/`, empty for all).
#[must_use]
pub fn is_under(file: &str, folder: &str) -> bool {
    let parts: Vec<&str> = folder.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
    let folder = parts.join("/");
    folder.is_empty()
        || file.strip_prefix(&folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn is_yaml(file: &str) -> bool {
    file.ends_with(".yaml") || file.ends_with(".yml")
}

fn has_marker(bytes: &[u8]) -> bool {
    bytes.windows(KEY.len()).any(|window| window == KEY.as_bytes())
}

fn documents(file: &str, bytes: &[u8]) -> Result<Vec<Node>, SetterError> {
    let options =
        ParseOptions { comments: true, duplicate_keys: DuplicateKeys::LastWins, ..ParseOptions::default() };
    let documents = parse(bytes, &options).map_err(|error| SetterError::Parse {
        file: file.to_owned(),
        line: error.line,
        problem: error.message,
    })?;
    Ok(documents.into_iter().map(|document| document.root).collect())
}

fn object_id(document: &Node) -> ObjectId {
    let text = |path: &[&str]| document.str_at(path).unwrap_or_default().to_owned();
    ObjectId {
        api_version: text(&["apiVersion"]),
        kind: text(&["kind"]),
        name: text(&["metadata", "name"]),
        namespace: text(&["metadata", "namespace"]),
    }
}

/// Calls `on` with each marked scalar and its marker.
fn visit<'n>(node: &'n Node, on: &mut impl FnMut(&'n Node, &str)) {
    match &node.value {
        Value::Scalar { .. } => {
            if let Some(setter) = node.comments.as_ref().and_then(|comments| marker(&comments.line)) {
                on(node, &setter);
            }
        }
        Value::Seq { items, .. } => items.iter().for_each(|item| visit(item, on)),
        Value::Map { entries, .. } => entries.iter().for_each(|(_, value)| visit(value, on)),
    }
}

/// The marker in a comment: a JSON object of texts, and nothing else.
fn marker(comment: &str) -> Option<String> {
    let json = comment.trim().strip_prefix('#')?.trim();
    if !json.starts_with('{') {
        return None;
    }
    let object: BTreeMap<String, String> = serde_json::from_str(json).ok()?;
    object.get(KEY).filter(|setter| !setter.is_empty()).cloned()
}

/// The policy of a marker, and the part of the image.
fn split(setter: &str) -> (&str, Option<&str>) {
    match setter.match_indices(':').nth(1) {
        Some((at, _)) => (&setter[..at], Some(&setter[at + 1..])),
        None => (setter, None),
    }
}

/// The image of a marker's policy, and the text that its scalar is to have.
fn wanted<'p>(setter: &str, policies: &'p Policies) -> Option<(&'p Image, String)> {
    let (policy, part) = split(setter);
    let image = policies.get(policy)?;
    let text = match part {
        None => image.to_string(),
        Some("name") => image.name.clone(),
        Some("tag") => image.tag.clone(),
        Some("digest") => image.digest.clone()?,
        Some(_) => return None,
    };
    Some((image, text))
}
