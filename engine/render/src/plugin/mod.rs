//! Generators, transformers and validators that a kustomization names: the built-in ones, configured by files or inline.

mod args;
mod run;
mod value_add;

use std::sync::Arc;

use bytes::Bytes;
use seatrial_yaml::Node;

pub(crate) use run::{generate, transform, validate};

use crate::accumulate::{Build, Target};
use crate::error::{Context, Result, fail};
use crate::origin::Origin;
use crate::resource::Resource;
use crate::{path, read};

/// How messages about external plugins start.
pub(crate) const EXTERNAL: &str = "external plugins disabled";

/// A configuration.
pub(crate) struct Plugin {
    node: Arc<Node>,
    /// The file that it was read from, relative to the kustomization that is built.
    configured_in: String,
}

impl Plugin {
    fn text(&self, path: &[&str]) -> &str {
        self.node.str_at(path).unwrap_or_default()
    }

    pub(crate) fn kind(&self) -> &str {
        self.text(&["kind"])
    }

    /// For `buildMetadata`.
    pub(crate) fn origin(&self) -> Origin {
        Origin::configured(
            &self.configured_in,
            self.text(&["apiVersion"]),
            self.kind(),
            self.text(&["metadata", "name"]),
            self.text(&["metadata", "namespace"]),
        )
    }

    /// For messages.
    pub(crate) fn describe(&self) -> String {
        format!("builtin {} '{}'", self.kind(), self.text(&["metadata", "name"]))
    }
}

/// Reads the entries of `generators`, `transformers` or `validators`: files, directories, or configurations inline.
pub(crate) fn load<'a>(
    build: &mut Build<'a>,
    target: &Target<'a>,
    entries: &[String],
) -> Result<Vec<Plugin>> {
    let mut plugins = Vec::new();
    for entry in entries {
        let found = load_one(build, target, entry)?;
        plugins.extend(found);
    }
    for plugin in &plugins {
        check(plugin)?;
    }
    Ok(plugins)
}

fn load_one<'a>(build: &mut Build<'a>, target: &Target<'a>, entry: &str) -> Result<Vec<Plugin>> {
    let plugins = |nodes: &[Arc<Node>], file: &str| {
        nodes.iter().map(|node| Plugin { node: node.clone(), configured_in: file.to_owned() }).collect()
    };
    let as_file = match target.loader.load(entry) {
        Ok((file, content)) => {
            let shown = target.loader.shown(&file);
            let resources = read::resources(build.renderer, &content, &shown, &build.types)
                .map_err(|e| e.map(crate::loader::in_file(&shown)))?;
            let nodes: Vec<Arc<Node>> = resources.iter().map(|r| r.shared_node()).collect();
            return Ok(plugins(&nodes, &path::join_relative(&target.relative, entry)));
        }
        Err(errors) => errors,
    };
    if let Ok(nodes) = build.renderer.resources(&Bytes::copy_from_slice(entry.as_bytes())) {
        return Ok(plugins(&nodes, &path::join_relative(&target.relative, &target.file_name)));
    }
    let loader = match target.enter(build, entry) {
        Ok(loader) => loader,
        Err(errors) if entry.contains('\n') => return Err(errors),
        Err(errors) => {
            return Err(errors)
                .context(|| format!("accumulation err='accumulating resources from '{entry}': {as_file}'"));
        }
    };
    let relative = target.relative_to(entry, &loader);
    let inner = build.load(loader, relative.clone())?;
    let file = path::join_relative(&relative, &inner.file_name);
    let gathered = build.accumulate(&inner)?;
    let plugin = |resource: &Resource| {
        let origin = resource.origin.as_ref().filter(|origin| !origin.path.is_empty());
        Plugin {
            node: resource.shared_node(),
            configured_in: origin.map_or_else(|| file.clone(), |origin| origin.path.clone()),
        }
    };
    Ok(gathered.resources.list().iter().map(plugin).collect())
}

/// Refuses what needs another program.
fn check(plugin: &Plugin) -> Result<()> {
    if plugin.text(&["apiVersion"]) != "builtin" {
        let kind = plugin.kind();
        return fail(format!("{EXTERNAL}; unable to load external plugin '{kind}'"));
    }
    Ok(())
}
