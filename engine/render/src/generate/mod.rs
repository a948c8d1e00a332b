//! Generators: resources made from a kustomization's fields, or from generator configurations.

mod hash;
mod helm;
mod maps;
mod pairs;

use std::sync::Arc;

pub(crate) use hash::hash;

use crate::accumulate::{Build, Target};
use crate::error::{Context, RenderError, Result};
use crate::kustomization::model::{ConfigMapArgs, GeneratorOptions, SecretArgs};
use crate::origin::Origin;
use crate::plugin;
use crate::resmap::ResMap;
use crate::resource::Resource;

/// Runs all generators of a kustomization.
pub(crate) fn run<'a>(build: &mut Build<'a>, target: &Target<'a>, into: &mut ResMap) -> Result<()> {
    let content = &target.content;
    let global = content.generator_options.as_ref();
    for args in &content.config_map_generator {
        let origin = build.notes.then(|| target.builtin("ConfigMapGenerator"));
        let resource = config_map(build, target, args, global)?;
        absorb(into, resource, origin)?;
    }
    for args in &content.secret_generator {
        let origin = build.notes.then(|| target.builtin("SecretGenerator"));
        let resource = secret(build, target, args, global)?;
        absorb(into, resource, origin)?;
    }
    helm::refuse(content)?;
    let plugins = plugin::load(build, target, &content.generators);
    let plugins = plugins.map_err(|errors| errors.map(of_generators))?;
    for config in plugins {
        let origin = build.notes.then(|| target.in_repository(config.origin()));
        for resource in plugin::generate(build, target, &config)? {
            absorb(into, resource, origin.clone())?;
        }
    }
    Ok(())
}

/// Says that it was a generator that could not be loaded.
fn of_generators(mut error: RenderError) -> RenderError {
    if error.message.starts_with(plugin::EXTERNAL) {
        error.message = format!("loading generator plugins: failed to load generator: {}", error.message);
    }
    error
}

fn absorb(into: &mut ResMap, mut resource: Resource, origin: Option<Origin>) -> Result<()> {
    resource.origin = origin.map(Arc::new);
    into.absorb(resource).context(|| "merging from generator".to_owned())
}

/// The ConfigMap of one generator.
pub(crate) fn config_map(
    build: &Build<'_>,
    target: &Target<'_>,
    args: &ConfigMapArgs,
    global: Option<&GeneratorOptions>,
) -> Result<Resource> {
    let pairs = pairs::read(&target.loader, &args.envs, &args.files, &args.literals)
        .context(|| "loading KV pairs".to_owned())?;
    let options = merge_options(args.options.as_ref(), global);
    let node = maps::config_map(&args.name, &args.namespace, pairs, &options)?;
    finish(build, target, node, &args.behavior, &options)
}

/// The Secret of one generator.
pub(crate) fn secret(
    build: &Build<'_>,
    target: &Target<'_>,
    args: &SecretArgs,
    global: Option<&GeneratorOptions>,
) -> Result<Resource> {
    let pairs = pairs::read(&target.loader, &args.envs, &args.files, &args.literals)
        .context(|| "loading KV pairs".to_owned())?;
    let options = merge_options(args.options.as_ref(), global);
    let node = maps::secret(&args.name, &args.namespace, &args.secret_type, pairs, &options)?;
    finish(build, target, node, &args.behavior, &options)
}

fn finish(
    build: &Build<'_>,
    target: &Target<'_>,
    node: seatrial_yaml::Node,
    behavior: &str,
    options: &GeneratorOptions,
) -> Result<Resource> {
    use crate::resource::Behavior;
    let file = target.loader.shown(&target.path);
    let mut resource = Resource::new(Arc::new(node), file.as_str().into(), build.types.clone());
    resource.behavior = match behavior {
        "replace" => Behavior::Replace,
        "merge" => Behavior::Merge,
        "create" => Behavior::Create,
        _ => Behavior::Unspecified,
    };
    resource.generated = true;
    resource.needs_hash = !options.disable_name_suffix_hash;
    Ok(resource)
}

/// A generator's options over those of the kustomization.
fn merge_options(local: Option<&GeneratorOptions>, global: Option<&GeneratorOptions>) -> GeneratorOptions {
    let mut merged = local.cloned().unwrap_or_default();
    if let Some(global) = global {
        for (key, value) in &global.labels {
            merged.labels.entry(key.clone()).or_insert_with(|| value.clone());
        }
        for (key, value) in &global.annotations {
            merged.annotations.entry(key.clone()).or_insert_with(|| value.clone());
        }
        merged.disable_name_suffix_hash |= global.disable_name_suffix_hash;
        merged.immutable |= global.immutable;
    }
    merged
}
