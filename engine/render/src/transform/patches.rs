//! Patches: strategic merge and JSON.

use std::sync::Arc;

use bytes::Bytes;
use seatrial_yaml::{Dialect, Node, Scalar};
use serde_json::Value as Json;

use super::json_patch::JsonPatch;
use super::selector::Matcher;
use crate::accumulate::{Build, Target};
use crate::error::{Context, RenderError, RenderErrors, Result, fail};
use crate::ids::ResId;
use crate::kustomization::model::Patch;
use crate::loader::in_file;
use crate::merge::merge;
use crate::resmap::ResMap;
use crate::resource::{Resource, set_open};
use crate::{Renderer, read};

/// What a patch may change beside the content.
#[derive(Clone, Copy, Default)]
struct Allowed {
    name: bool,
    kind: bool,
}

const REGISTERED: &str = "may not add resource with an already registered id";

impl Allowed {
    /// Objects with other names must still differ.
    fn check(self, resources: &ResMap) -> Result<()> {
        if self.name || self.kind { resources.check_unique(REGISTERED) } else { Ok(()) }
    }
}

/// `patchesStrategicMerge`: files, or patches inline.
pub(crate) fn strategic_merge(
    build: &Build<'_>,
    target: &Target<'_>,
    resources: &mut ResMap,
    sources: &[String],
) -> Result<()> {
    let mut count = 0;
    for source in sources {
        let patches = match target.loader.load(source) {
            Ok((path, content)) => {
                let shown = target.loader.shown(&path);
                objects(build.renderer, &content).map_err(|e| e.map(in_file(&shown)))?
            }
            Err(errors) => match inline(build, source) {
                Some(patches) => patches,
                None => {
                    return Err(errors)
                        .context(|| "trouble configuring builtin PatchStrategicMergeTransformer".to_owned());
                }
            },
        };
        count += patches.len();
        for patch in patches {
            let id = patch_id(build, &patch);
            let found = resources.find(&id)?;
            patch_one(found, &with_texts(&patch), Allowed::default())?;
            open_api_version(found);
        }
    }
    if count == 0 {
        return fail(format!("patch appears to be empty; files=[{}], Patch=", sources.join(" ")));
    }
    Ok(())
}

/// A patch that stands in the kustomization itself.
fn inline(build: &Build<'_>, source: &str) -> Option<Vec<Arc<Node>>> {
    if !source.contains('\n') && !source.trim_start().starts_with('{') {
        return None;
    }
    objects(build.renderer, &Bytes::copy_from_slice(source.as_bytes()))
        .ok()
        .filter(|patches| !patches.is_empty())
}

fn objects(renderer: &Renderer, content: &Bytes) -> Result<Vec<Arc<Node>>> {
    Ok(renderer.patches(content)?.as_ref().clone())
}

/// The identity that a patch names.
fn patch_id(build: &Build<'_>, patch: &Arc<Node>) -> ResId {
    Resource::new(patch.clone(), "".into(), build.types.clone()).id()
}

/// The entries of `patches`, read: kustomize reads all of them before it applies the first.
pub(crate) fn read_patches<'p>(
    build: &Build<'_>,
    target: &Target<'_>,
    patches: &'p [Patch],
) -> Result<Vec<ReadPatch<'p>>> {
    let read = |patch| {
        read_patch(build, target, patch, true, &|what: String| {
            let config = seatrial_yaml::emit_json(&patch.json()).unwrap_or_default();
            format!("trouble configuring builtin PatchTransformer with config: `\n{config}`: {what}")
        })
    };
    patches.iter().map(read).collect()
}

/// The same of a transformer's own file.
pub(crate) fn apply_plugin_patch(
    build: &Build<'_>,
    target: &Target<'_>,
    resources: &mut ResMap,
    patch: &Patch,
) -> Result<()> {
    read_patch(build, target, patch, true, &|what| what)?.apply(build, resources)
}

/// A text as Go quotes it.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c.is_ascii_control() => out.push_str(&format!("\\x{:02x}", c as u32)),
            c => out.push(c),
        }
    }
    out + "\""
}

/// A patch, and what it says.
pub(crate) struct ReadPatch<'p> {
    patch: &'p Patch,
    content: Content,
    /// Where it stands.
    shown: String,
    /// How messages name it.
    source: String,
    /// Whether it is an entry of `patches`.
    remember: bool,
}

enum Content {
    Merge(Vec<Arc<Node>>),
    Json(JsonPatch),
    Nothing,
}

fn read_patch<'p>(
    build: &Build<'_>,
    target: &Target<'_>,
    patch: &'p Patch,
    remember: bool,
    broken: &dyn Fn(String) -> String,
) -> Result<ReadPatch<'p>> {
    let config = || seatrial_yaml::emit_json(&patch.json()).unwrap_or_default();
    let (content, shown) = match (patch.path.is_empty(), patch.patch.trim().is_empty()) {
        (true, true) => return fail(broken(format!("must specify one of patch and path in\n{}", config()))),
        (false, false) => {
            return fail(broken(format!("patch and path can't be set at the same time\n{}", config())));
        }
        (true, false) => {
            // The line break at the end of a patch goes, even where a text of several lines ends there.
            let text = if remember { patch.patch.trim() } else { &patch.patch };
            (Bytes::copy_from_slice(text.as_bytes()), target.loader.shown(&target.path))
        }
        (false, true) => {
            let (path, content) = target
                .loader
                .load(&patch.path)
                .context(|| format!("failed to get the patch file from path({})", patch.path))
                .map_err(|errors| {
                    errors.map(|mut error| {
                        error.message = broken(error.message);
                        error
                    })
                })?;
            (content, target.loader.shown(&path))
        }
    };
    let source = match patch.path.as_str() {
        "" => format!("patch: {}", quoted(patch.patch.trim())),
        path => format!("path: {}", quoted(path)),
    };
    // Objects are maps, and a JSON patch is a list: no text is both.
    let content = match objects(build.renderer, &content) {
        Ok(merges) if !merges.is_empty() => Content::Merge(merges),
        merges => {
            let text = String::from_utf8_lossy(&content);
            match (JsonPatch::parse(text.trim_start()), merges) {
                (Ok(_), _) if patch.target.is_none() => {
                    let message = format!("must specify a target for JSON patch [{source}]");
                    return fail(message).map_err(|e: RenderErrors| e.map(in_file(&shown)));
                }
                (Ok(json), _) => Content::Json(json),
                (_, Ok(_)) => Content::Nothing,
                (Err(_), Err(merge)) => {
                    let merge = &merge.errors[0];
                    let message = broken(format!("unable to parse SM or JSON patch from [{source}]"));
                    let error = RenderError::new(message);
                    let error = error.at(merge.line.unwrap_or(0), merge.column.unwrap_or(0));
                    return Err(RenderErrors::from(error).map(in_file(&shown)));
                }
            }
        }
    };
    Ok(ReadPatch { patch, content, shown, source, remember })
}

impl ReadPatch<'_> {
    pub(crate) fn apply(&self, build: &Build<'_>, resources: &mut ResMap) -> Result<()> {
        let options = &self.patch.options;
        let allowed = Allowed { name: options.allow_name_change, kind: options.allow_kind_change };
        let result = match &self.content {
            Content::Merge(merges) => merge_all(build, resources, self.patch, merges, allowed, &self.source),
            Content::Json(json) => self.patch.target.as_ref().map_or(Ok(()), |selector| {
                let matcher = Matcher::new(selector)?;
                let mut found = resources.list_mut().iter_mut().filter(|r| matcher.matches(r));
                found.try_for_each(|r| patch_json(r, json, self.remember))
            }),
            Content::Nothing => Ok(()),
        };
        result.map_err(|e| e.map(in_file(&self.shown)))
    }
}

fn merge_all(
    build: &Build<'_>,
    resources: &mut ResMap,
    patch: &Patch,
    merges: &[Arc<Node>],
    allowed: Allowed,
    source: &str,
) -> Result<()> {
    let Some(selector) = &patch.target else {
        for merge in merges {
            let id = patch_id(build, merge);
            let found = resources
                .find(&id)
                .context(|| format!("no resource matches strategic merge patch \"{id}\""))?;
            if allowed.name || allowed.kind {
                patch_one(found, &with_text(merge, &["annotations"]), allowed)?;
            } else {
                patch_one(found, merge, allowed)?;
            }
        }
        return allowed.check(resources);
    };
    let [merge] = merges else {
        return fail(format!(
            "Multiple Strategic-Merge Patches in one `patches` entry is not allowed to set `patches.target` field: \
             [{source}]"
        ));
    };
    let matcher = Matcher::new(selector)?;
    let wanted = patch_id(build, merge).gvk;
    let merge = with_texts(merge);
    for resource in resources.list_mut().iter_mut().filter(|r| matcher.matches(r)) {
        if !allowed.kind && resource.gvk() != wanted {
            // The types of the object count, not those that the patch names.
            let mut same = merge.clone();
            same.set("kind", Node::str(resource.kind()));
            if resource.api_version().is_empty() {
                same.remove("apiVersion");
            } else {
                same.set("apiVersion", Node::str(resource.api_version()));
            }
            patch_one(resource, &same, allowed)?;
        } else {
            patch_one(resource, &merge, allowed)?;
        }
        if resource.is_empty() {
            continue;
        }
        // kustomize puts the object's own version into the patch, even where there is none.
        if resource.api_version().is_empty() {
            let mut version = Node::open("");
            if let Some(written) = merge.get("apiVersion") {
                version.take_style(written);
            }
            resource.node_mut().set("apiVersion", version);
        }
        open_api_version(resource);
        let (kind, name) = (resource.kind().to_owned(), resource.name().to_owned());
        resource.set_kind(&kind);
        if allowed.name && !name.is_empty() {
            resource.set_name(&name);
        }
    }
    resources.check_unique(REGISTERED)
}

/// kustomize writes the object's own version into such a patch, without a type.
fn open_api_version(resource: &mut Resource) {
    let version = resource.api_version().to_owned();
    if !version.is_empty() {
        set_open(resource.node_mut(), "apiVersion", &version);
    }
}

/// The patch with labels and annotations that are all texts: `null` is one, and removes nothing.
fn with_texts(patch: &Node) -> Node {
    with_text(patch, &["labels", "annotations"])
}

fn with_text(patch: &Node, fields: &[&str]) -> Node {
    let mut patch = patch.clone();
    for field in fields {
        let Some(metadata) = patch.get_mut("metadata") else { continue };
        let Some(map) = metadata.get_mut(field) else { continue };
        if map.is_null() || map.is_empty_collection() {
            metadata.remove(field);
            continue;
        }
        for (_, value) in map.entries_mut().into_iter().flatten() {
            *value = Node::text(value.as_str().unwrap_or_default());
        }
    }
    patch
}

/// Stands for the notes that kustomize keeps in annotations while a patch is merged.
const NOTES: &str = "internal.config.kubernetes.io/notes";

/// Whether a patch could remove annotations that it does not name.
fn may_wipe_notes(patch: &Node) -> bool {
    let wipes = |node: Option<&Node>| node.is_some_and(|node| node.is_null() || node.has("$patch"));
    wipes(patch.get("metadata")) || wipes(patch.at(&["metadata", "annotations"]))
}

/// Merges a patch into an object. Its identity stays unless the patch may change it; its namespace stays anyway.
fn patch_one(resource: &mut Resource, patch: &Node, allowed: Allowed) -> Result<()> {
    let (name, namespace, kind) =
        (resource.name().to_owned(), resource.namespace().to_owned(), resource.kind().to_owned());
    if allowed.name || allowed.kind {
        resource.remember_id();
        resource.allow_name_change |= allowed.name;
        resource.allow_kind_change |= allowed.kind;
    }
    let api_version = resource.api_version().to_owned();
    let types = resource.types().clone();
    let wipes = may_wipe_notes(patch) && resource.has_notes();
    let mut before = resource.take_node();
    if wipes && let Some(annotations) = before.make_maps(&["metadata", "annotations"]) {
        annotations.set(NOTES, Node::str(""));
    }
    let mut merged = merge(before, patch, &types).context(|| format!("failed to patch {kind} {name}"))?;
    if wipes {
        let metadata = merged.as_mut().and_then(|merged| merged.get_mut("metadata"));
        let annotations = metadata.and_then(|metadata| metadata.get_mut("annotations"));
        if annotations.is_none_or(|annotations| annotations.remove(NOTES).is_none()) {
            resource.forget_notes();
        }
    }
    resource.set_node(merged.unwrap_or_else(Node::null));
    if resource.is_empty() {
        return Ok(());
    }
    if !allowed.kind {
        resource.set_kind(&kind);
    }
    if resource.api_version() != api_version {
        resource.node_mut().set("apiVersion", Node::str(api_version));
    }
    if !allowed.name {
        resource.set_name(&name);
    }
    resource.set_namespace(&namespace);
    Ok(())
}

/// Annotations are texts: a number that a JSON patch saw in one is spelled as Go's `%g` spells it.
fn spell_numbers(node: &mut Node) {
    let annotations = node.at_mut(&["metadata", "annotations"]);
    for (_, value) in annotations.and_then(Node::entries_mut).into_iter().flatten() {
        let number = value.to_json(Dialect::Kustomize).ok().filter(Json::is_number);
        if value.as_str() == Some("-0") {
            *value = Node::text("-0");
        } else if let Some(number) = number.and_then(|number| number.as_f64()) {
            *value = Node::text(seatrial_yaml::go_g_float(number));
        }
    }
}

/// All numbers have seen Go's JSON as floats, and are written as floats: from a million on in powers of ten. What a
/// replacement takes out of them is that text.
fn spell_as_floats(node: &mut Node) {
    if node.is_scalar() {
        let number = node.to_json(Dialect::Kustomize).ok().filter(Json::is_number);
        if let Some(float) = number.and_then(|number| number.as_f64()).filter(|float| float.abs() >= 1e6) {
            *node = Node::plain(seatrial_yaml::go_g_float(float));
        }
    }
    node.items_mut().into_iter().flatten().for_each(spell_as_floats);
    node.entries_mut().into_iter().flatten().for_each(|(_, value)| spell_as_floats(value));
}

/// Go reads the numbers of JSON as floats: large integers lose digits.
pub(crate) fn as_floats(json: &mut Json) {
    match json {
        Json::Object(map) => map.values_mut().for_each(as_floats),
        Json::Array(items) => items.iter_mut().for_each(as_floats),
        Json::Number(number) => {
            const EXACT: u64 = 1 << 53;
            let large = number.as_i64().is_none_or(|n| n.unsigned_abs() > EXACT);
            if large && let Some(float) = number.as_f64().and_then(serde_json::Number::from_f64) {
                *number = float;
            }
        }
        _ => {}
    }
}

/// Annotations that are `-0.0` keep their sign on the way through JSON; elsewhere it is lost when the object is printed.
fn keep_signs(node: &Node, json: &mut Json) {
    let annotations = node.at(&["metadata", "annotations"]).map_or(&[][..], Node::entries);
    for (key, value) in annotations {
        let key = key.as_str().unwrap_or_default();
        if let Ok(Scalar::Float(float)) = value.resolve(Dialect::Kustomize)
            && float == 0.0
            && float.is_sign_negative()
            && let Some(slot) = json.pointer_mut("/metadata/annotations").and_then(|all| all.get_mut(key))
        {
            *slot = Json::from(float);
        }
    }
}

/// Applies a JSON patch to the object's JSON. An entry of `patches` notes the identity in annotations before: the map is
/// there for the patch, even where nobody wrote it.
fn patch_json(resource: &mut Resource, patch: &JsonPatch, remember: bool) -> Result<()> {
    let name = format!("{} {}", resource.kind(), resource.name());
    if remember {
        resource.remember_id();
    }
    let mut json = seatrial_yaml::emitted_value(resource.node()).or_else(|e| fail(e.to_string()))?;
    as_floats(&mut json);
    keep_signs(resource.node(), &mut json);
    let mut node = Node::from_json(&json);
    if resource.has_notes() {
        node.make_maps(&["metadata", "annotations"]);
    }
    let noted = !remember && resource.has_notes() && patch.reaches_annotations();
    if noted && let Some(annotations) = node.make_maps(&["metadata", "annotations"]) {
        annotations.set(NOTES, Node::str(""));
    }
    patch.apply(&mut node)?;
    if noted {
        let annotations = node.at_mut(&["metadata", "annotations"]);
        if annotations.is_none_or(|annotations| annotations.remove(NOTES).is_none()) {
            resource.forget_origin();
        }
    }
    if let Some(metadata) = node.get_mut("metadata")
        && metadata.get("annotations").is_some_and(Node::is_empty_collection)
    {
        metadata.remove("annotations");
    }
    spell_numbers(&mut node);
    spell_as_floats(&mut node);
    read::tidy_annotations(&mut node);
    resource.set_node(node);
    let nameless = resource.name().is_empty() && !resource.kind().ends_with("List");
    if resource.kind().is_empty() || nameless {
        return fail(format!("failed to patch {name}: the patch removes kind or metadata.name"));
    }
    Ok(())
}

/// An entry of `patchesJson6902`.
pub(crate) fn json6902(
    build: &Build<'_>,
    target: &Target<'_>,
    resources: &mut ResMap,
    patch: &Patch,
) -> Result<()> {
    if patch.target.as_ref().is_none_or(|target| target.name.is_empty()) {
        return fail("must specify the target name");
    }
    let text = match patch.path.is_empty() {
        true => patch.patch.clone(),
        false => String::from_utf8_lossy(&target.loader.load(&patch.path)?.1).into_owned(),
    };
    JsonPatch::parse(text.trim_start())?;
    read_patch(build, target, patch, false, &|what| what)?.apply(build, resources)
}
