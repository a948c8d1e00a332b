//! A version of a CustomResourceDefinition, ready to serve.

use std::sync::Arc;

use seatrial_schema::{Resource, Subresource, TypeRef};
use serde_json::Value;

use crate::crd_schema::{CompileError, CrdSchema};
use crate::meta;

/// One served version of a custom kind.
#[derive(Debug)]
pub(crate) struct CustomVersion {
    pub(crate) resource: Resource,
    pub(crate) list_kind: String,
    pub(crate) schema: Arc<CrdSchema>,
    pub(crate) storage_api_version: String,
    /// JSON paths of the `scale` subresource: replicas in spec, replicas in status, selector in status.
    pub(crate) scale: Option<ScalePaths>,
    pub(crate) selectable_fields: Vec<String>,
    /// Name, type, JSON path, priority.
    pub(crate) columns: Vec<Column>,
    pub(crate) deprecation: Option<String>,
}

/// Where the `scale` subresource finds its numbers.
#[derive(Clone, Debug)]
pub(crate) struct ScalePaths {
    pub(crate) spec: Vec<String>,
    pub(crate) status: Vec<String>,
    pub(crate) selector: Option<Vec<String>>,
}

/// A column of `as=Table`.
#[derive(Clone, Debug)]
pub(crate) struct Column {
    pub(crate) name: String,
    pub(crate) ty: String,
    pub(crate) format: String,
    pub(crate) description: String,
    pub(crate) path: String,
    pub(crate) priority: i64,
}

impl CustomVersion {
    pub(crate) fn ty(&self) -> TypeRef<'_> {
        self.schema.type_ref()
    }

    /// Compiles one version of a definition (whose names have been defaulted).
    pub(crate) fn compile(definition: &Value, version: &Value) -> Result<CustomVersion, Vec<CompileError>> {
        let spec = definition.get("spec").unwrap_or(&Value::Null);
        let names = spec.get("names").unwrap_or(&Value::Null);
        let group = meta::text(spec, &["group"]).to_owned();
        let name = meta::text(version, &["name"]).to_owned();
        let kind = meta::text(names, &["kind"]).to_owned();
        let api_version = format!("{group}/{name}");
        let schema = CrdSchema::shared(
            meta::at(version, &["schema", "openAPIV3Schema"]),
            &api_version,
            &kind,
            "spec.validation.openAPIV3Schema",
        )?;
        let scale = meta::at(version, &["subresources", "scale"]).map(|scale| ScalePaths {
            spec: split_path(meta::text(scale, &["specReplicasPath"])),
            status: split_path(meta::text(scale, &["statusReplicasPath"])),
            selector: scale.get("labelSelectorPath").and_then(Value::as_str).map(split_path),
        });
        let texts = |value: Option<&Value>| -> Vec<String> {
            let list = value.and_then(Value::as_array).into_iter().flatten();
            list.filter_map(Value::as_str).map(str::to_owned).collect()
        };
        let owned = |list: &[&'static str]| list.iter().map(|v| (*v).into()).collect::<Vec<_>>();
        let verbs =
            owned(&["delete", "deletecollection", "get", "list", "patch", "create", "update", "watch"]);
        let mut subresources = Vec::new();
        if meta::at(version, &["subresources", "status"]).is_some() {
            subresources.push(Subresource {
                name: "status".into(),
                group: group.clone().into(),
                version: name.clone().into(),
                kind: kind.clone().into(),
                verbs: owned(&["get", "patch", "update"]),
            });
        }
        if scale.is_some() {
            subresources.push(Subresource {
                name: "scale".into(),
                group: "autoscaling".into(),
                version: "v1".into(),
                kind: "Scale".into(),
                verbs: owned(&["get", "patch", "update"]),
            });
        }
        let columns = meta::at(version, &["additionalPrinterColumns"]).and_then(Value::as_array);
        let columns = columns.into_iter().flatten().map(|c| Column {
            name: meta::text(c, &["name"]).to_owned(),
            ty: meta::text(c, &["type"]).to_owned(),
            format: meta::text(c, &["format"]).to_owned(),
            description: meta::text(c, &["description"]).to_owned(),
            path: meta::text(c, &["jsonPath"]).to_owned(),
            priority: c.get("priority").and_then(Value::as_i64).unwrap_or(0),
        });
        let stored = meta::at(spec, &["versions"]).and_then(Value::as_array).into_iter().flatten();
        let stored = stored.filter(|v| v.get("storage") == Some(&Value::Bool(true)));
        let stored = stored.map(|v| meta::text(v, &["name"])).next().unwrap_or(&name);
        let deprecated = version.get("deprecated") == Some(&Value::Bool(true));
        let deprecation = deprecated.then(|| match meta::text(version, &["deprecationWarning"]) {
            "" => format!("{api_version} {kind} is deprecated"),
            text => text.to_owned(),
        });
        Ok(CustomVersion {
            list_kind: meta::text(names, &["listKind"]).to_owned(),
            storage_api_version: format!("{group}/{stored}"),
            selectable_fields: meta::at(version, &["selectableFields"])
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
                .map(|f| meta::text(f, &["jsonPath"]).trim_start_matches('.').to_owned())
                .collect(),
            columns: columns.collect(),
            scale,
            deprecation,
            schema,
            resource: Resource {
                group: group.into(),
                version: name.into(),
                kind: kind.into(),
                plural: meta::text(names, &["plural"]).to_owned().into(),
                singular: meta::text(names, &["singular"]).to_owned().into(),
                namespaced: meta::text(spec, &["scope"]) == "Namespaced",
                verbs,
                short_names: texts(names.get("shortNames")).into_iter().map(Into::into).collect(),
                categories: texts(names.get("categories")).into_iter().map(Into::into).collect(),
                subresources,
            },
        })
    }
}

/// `.spec.replicas` as keys.
fn split_path(path: &str) -> Vec<String> {
    path.trim_start_matches('.').split('.').map(str::to_owned).collect()
}
