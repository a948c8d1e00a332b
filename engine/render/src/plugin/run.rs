//! Running built-in plugins.

use std::sync::Arc;

use seatrial_yaml::{Dialect, Node};
use serde::de::DeserializeOwned;

use super::{Plugin, args, value_add};
use crate::accumulate::{Build, Target};
use crate::decode::decode_lenient;
use crate::error::{Context, Result, fail};
use crate::kustomization::model::{ConfigMapArgs, SecretArgs};
use crate::resmap::ResMap;
use crate::resource::Resource;
use crate::{generate as generators, transform as t};

/// The configuration's fields, without those that every object has.
fn fields<T: DeserializeOwned>(plugin: &Plugin) -> Result<T> {
    match plugin.node.to_json(Dialect::Kustomize) {
        Ok(json) => decode_lenient(json),
        Err(error) => fail(error.to_string()),
    }
    .context(|| plugin.describe())
}

/// The objects that a generator makes.
pub(crate) fn generate(build: &Build<'_>, target: &Target<'_>, plugin: &Plugin) -> Result<Vec<Resource>> {
    match plugin.kind() {
        "ConfigMapGenerator" => {
            let a: args::Maps = fields(plugin)?;
            let (name, namespace) = named(&a);
            let envs = a.envs.into_iter().chain((!a.env.is_empty()).then_some(a.env)).collect();
            let map = ConfigMapArgs {
                namespace,
                name,
                behavior: a.behavior,
                literals: a.literals,
                files: a.files,
                envs,
                env: String::new(),
                options: a.options,
            };
            generators::config_map(build, target, &map, None).map(|r| vec![r]).context(|| plugin.describe())
        }
        "SecretGenerator" => {
            let a: args::Maps = fields(plugin)?;
            let (name, namespace) = named(&a);
            let envs = a.envs.into_iter().chain((!a.env.is_empty()).then_some(a.env)).collect();
            let map = SecretArgs {
                namespace,
                name,
                behavior: a.behavior,
                literals: a.literals,
                files: a.files,
                envs,
                env: String::new(),
                options: a.options,
                secret_type: a.secret_type,
            };
            generators::secret(build, target, &map, None).map(|r| vec![r]).context(|| plugin.describe())
        }
        "IAMPolicyGenerator" => {
            let node = policy(&fields(plugin)?)?;
            Ok(vec![Resource::new(
                Arc::new(node),
                target.loader.shown(&target.path).into(),
                build.types.clone(),
            )])
        }
        "HelmChartInflationGenerator" => fail("HelmChartInflationGenerator: must specify --enable-helm"),
        kind => fail(format!("unable to load builtin {kind}.builtin.[noGrp]")),
    }
}

fn named(a: &args::Maps) -> (String, String) {
    let or = |own: &String, meta: &String| if own.is_empty() { meta.clone() } else { own.clone() };
    (or(&a.name, &a.metadata.name), or(&a.namespace, &a.metadata.namespace))
}

fn policy(args: &args::Policy) -> Result<Node> {
    if args.cloud != "gke" {
        return fail(format!("cloud provider {} not supported yet", args.cloud));
    }
    let account = &args.service_account;
    let mut node = Node::map();
    node.set("apiVersion", Node::str("v1"));
    node.set("kind", Node::str("ServiceAccount"));
    let email = format!("{}@{}.iam.gserviceaccount.com", account.name, account.project_id);
    if let Some(annotations) = node.make_maps(&["metadata", "annotations"]) {
        annotations.set("iam.gke.io/gcp-service-account", Node::str(email));
    }
    if let Some(metadata) = node.make_maps(&["metadata"]) {
        metadata.set("name", Node::str(args.kubernetes_service.name.as_str()));
        if !args.kubernetes_service.namespace.is_empty() {
            metadata.set("namespace", Node::str(args.kubernetes_service.namespace.as_str()));
        }
    }
    Ok(node)
}

/// Runs a transformer.
pub(crate) fn transform(
    build: &mut Build<'_>,
    target: &Target<'_>,
    plugin: &Plugin,
    resources: &mut ResMap,
) -> Result<()> {
    match plugin.kind() {
        "PrefixTransformer" | "SuffixTransformer" | "PrefixSuffixTransformer" => {
            let a: args::Affixes = fields(plugin)?;
            t::add_prefix(resources, &a.prefix, &a.field_specs)?;
            t::add_suffix(resources, &a.suffix, &a.field_specs)
        }
        "LabelTransformer" => {
            let a: args::Labels = fields(plugin)?;
            t::label(resources, &a.labels, &a.field_specs)
        }
        "AnnotationsTransformer" => {
            let a: args::Annotations = fields(plugin)?;
            t::annotate(resources, &a.annotations, &a.field_specs)
        }
        "NamespaceTransformer" => {
            let a: args::Namespace = fields(plugin)?;
            let subjects = match a.set_role_binding_subjects.as_str() {
                "" | "defaultOnly" => t::Subjects::Default,
                "allServiceAccounts" => t::Subjects::AllServiceAccounts,
                "none" => t::Subjects::None,
                other => return fail(format!("invalid value {other:?} for setRoleBindingSubjects")),
            };
            let namespace = if a.namespace.is_empty() { &a.metadata.namespace } else { &a.namespace };
            let args = t::NamespaceArgs { namespace, unset_only: a.unset_only, subjects };
            t::set_namespace(resources, &args, &a.field_specs)
        }
        "PatchTransformer" => {
            t::apply_plugin_patch(build, target, resources, &fields::<args::Patching>(plugin)?.into_patch())
        }
        "PatchJson6902Transformer" => {
            t::json6902(build, target, resources, &fields::<args::Patching>(plugin)?.into_patch())
        }
        "PatchStrategicMergeTransformer" => {
            let a: args::Merging = fields(plugin)?;
            let inline = (!a.patches.is_empty()).then_some(a.patches);
            let sources: Vec<String> = a.paths.into_iter().chain(inline).collect();
            t::strategic_merge(build, target, resources, &sources)
        }
        "ReplicaCountTransformer" => {
            let a: args::Replicas = fields(plugin)?;
            t::set_replicas(resources, &a.replica, &a.field_specs)
        }
        "ImageTagTransformer" => {
            let a: args::Images = fields(plugin)?;
            t::set_image(resources, &a.image_tag, &a.field_specs)
        }
        "ReplacementTransformer" => {
            let a: args::Replacing = fields(plugin)?;
            t::replace(build, target, resources, &a.replacements)
        }
        "HashTransformer" => t::add_hashes(resources),
        "ValueAddTransformer" => value_add::add_value(build, target, fields(plugin)?, resources),
        kind => fail(format!("unable to load builtin {kind}.builtin.[noGrp]")),
    }
}

/// A validator is a transformer that must not change anything.
pub(crate) fn validate(
    build: &mut Build<'_>,
    target: &Target<'_>,
    plugin: &Plugin,
    resources: &ResMap,
) -> Result<()> {
    let mut copy = resources.clone();
    copy.check_unique("validator shouldn't modify the resource map")?;
    transform(build, target, plugin, &mut copy)?;
    let same = copy.len() == resources.len()
        && copy
            .list()
            .iter()
            .zip(resources.list())
            .all(|(a, b)| a.node().same_value(b.node(), Dialect::Kustomize));
    if same { Ok(()) } else { fail("validator shouldn't modify the resource map") }
}
