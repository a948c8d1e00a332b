//! Substitution of variables in built objects.

use super::envsubst::{self, EnvsubstError};
use crate::apply::GROUP;
use crate::cluster::{Cluster, ClusterError};
use crate::object::{self, ObjectRef};
use base64::Engine as _;
use seatrial_api::FluxRelease;
use seatrial_api::kustomization::PostBuild;
use seatrial_yaml::{Dialect, ParseOptions};
use serde_json::Value;
use std::collections::BTreeMap;

/// Variables that could not be had, or not be substituted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PostBuildError {
    /// A config map or secret could not be read.
    #[error("substitute from '{kind}/{name}' error: {source}")]
    Reference { kind: String, name: String, source: ClusterError },
    /// A variable may not have this name.
    #[error("envsubst error: '{0}' var name is invalid, must match '^[_[:alpha:]][_[:alpha:][:digit:]]*$'")]
    Name(String),
    /// An object cannot be substituted.
    #[error("post build failed for '{object}': envsubst error: {source}")]
    Substitute { object: String, source: EnvsubstError },
    /// What comes out is not an object.
    #[error("post build failed for '{object}': envsubst error: YAMLToJSON: {message}")]
    Result { object: String, message: String },
    /// Substitution left an object without a kind.
    #[error("error unmarshaling JSON: while decoding JSON: Object 'Kind' is missing in '{0}'")]
    NoKind(String),
    /// The variables for an object cannot be had.
    #[error("post build failed for '{object}': {source}")]
    Variables { object: String, source: Box<PostBuildError> },
}

impl PostBuildError {
    /// The error, where it is met while `object` is substituted.
    pub(crate) fn at(self, object: &Value, flux: FluxRelease) -> PostBuildError {
        PostBuildError::Variables { object: shown(object, flux), source: Box::new(self) }
    }
}

/// The variables of `post_build`: later references win over earlier ones, inline values over all. Line breaks are
/// removed from values.
pub(crate) async fn variables(
    cluster: &Cluster,
    namespace: &str,
    post_build: &PostBuild,
) -> Result<BTreeMap<String, String>, PostBuildError> {
    let mut variables = BTreeMap::new();
    for reference in &post_build.substitute_from {
        let failed = |source| PostBuildError::Reference {
            kind: reference.kind.clone(),
            name: reference.name.clone(),
            source,
        };
        let source =
            match cluster.get(&ObjectRef::new("v1", &reference.kind, namespace, &reference.name)).await {
                Err(error) if error.is_not_found() && reference.optional => continue,
                source => source.map_err(failed)?,
            };
        let encoded = reference.kind == "Secret";
        for (name, value) in source["data"].as_object().into_iter().flatten() {
            let value = value.as_str().unwrap_or_default();
            let value = if encoded { decoded(value) } else { value.to_owned() };
            variables.insert(name.clone(), value);
        }
    }
    variables.extend(post_build.substitute.clone());
    for value in variables.values_mut() {
        *value = value.replace('\n', "");
    }
    match variables.keys().find(|name| !envsubst::is_name(name)) {
        Some(name) => Err(PostBuildError::Name(name.clone())),
        None => Ok(variables),
    }
}

fn decoded(value: &str) -> String {
    let bytes = base64::engine::general_purpose::STANDARD.decode(value).unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Substitutes `variables` in each object that does not refuse it. Without any variable nothing is touched, unless the
/// strategy is `Always`.
pub(crate) fn substitute(
    objects: &[Value],
    post_build: &PostBuild,
    variables: &BTreeMap<String, String>,
    flux: FluxRelease,
) -> Result<Vec<Value>, PostBuildError> {
    let always = post_build.substitute_strategy.as_deref() == Some("Always");
    if variables.is_empty() && !always {
        return Ok(objects.to_vec());
    }
    objects
        .iter()
        .map(|object| if refuses(object) { Ok(object.clone()) } else { one(object, variables, flux) })
        .collect()
}

/// Whether an object says that nothing is to be substituted in it.
pub(crate) fn refuses(object: &Value) -> bool {
    let marker = format!("{GROUP}/substitute");
    [object::label(object, &marker), object::annotation(object, &marker)].contains(&Some("disabled"))
}

fn one(
    object: &Value,
    variables: &BTreeMap<String, String>,
    flux: FluxRelease,
) -> Result<Value, PostBuildError> {
    let broken = |message: String| PostBuildError::Result { object: shown(object, flux), message };
    let text = seatrial_yaml::emit_json(object).map_err(|error| broken(error.to_string()))?;
    if !text.contains("${") {
        return Ok(object.clone());
    }
    let text = envsubst::substitute(&text, variables, flux.strict_substitution())
        .map_err(|source| PostBuildError::Substitute { object: shown(object, flux), source })?;
    let node = seatrial_yaml::parse_one(text.as_bytes(), &ParseOptions::default())
        .map_err(|error| broken(format!("yaml: line {}: {}", error.line, error.message)))?;
    node.to_json(Dialect::KubernetesJson).map_err(|error| broken(error.to_string()))
}

/// Whether an object has no `apiVersion`.
pub(crate) fn is_without_version(object: &Value) -> bool {
    object["apiVersion"].as_str().is_none_or(str::is_empty)
}

/// The objects without those that substitution left no version or name: Flux passes over them.
pub(crate) fn named(mut objects: Vec<Value>) -> Result<Vec<Value>, PostBuildError> {
    if let Some(object) = objects.iter().find(|object| object["kind"].as_str().is_none_or(str::is_empty)) {
        return Err(PostBuildError::NoKind(go_json(object)));
    }
    objects.retain(|object| {
        let is_named = object["metadata"]["name"].as_str().is_some_and(|name| !name.is_empty());
        is_named && !is_without_version(object)
    });
    Ok(objects)
}

/// JSON as Go writes it: it could stand in HTML.
pub(crate) fn go_json(object: &Value) -> String {
    let text = object.to_string();
    text.replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026")
}

/// An object as errors name it: `Deployment.v1.apps/name`.
pub(crate) fn shown(object: &Value, flux: FluxRelease) -> String {
    let who = ObjectRef::of(object);
    if flux < FluxRelease::V2_9 {
        return who.name;
    }
    let group = if who.group.is_empty() { "[noGrp]" } else { &who.group };
    format!("{}.{}.{group}/{}", who.kind, who.version, who.name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn config(annotations: Value) -> Value {
        json!({ "apiVersion": "v1", "kind": "ConfigMap",
                "metadata": { "name": "x", "annotations": annotations },
                "data": { "region": "${region}", "count": "${count}" } })
    }

    fn variables() -> BTreeMap<String, String> {
        BTreeMap::from([("region".into(), "eu".into()), ("count".into(), "3".into())])
    }

    #[test]
    fn values_are_substituted_in_the_text_and_read_again() {
        let objects =
            substitute(&[config(json!({}))], &PostBuild::default(), &variables(), FluxRelease::V2_9)
                .expect("objects");
        // As with Flux, what looks like a number becomes one.
        assert_eq!(objects[0]["data"], json!({ "region": "eu", "count": 3 }));
    }

    #[test]
    fn an_object_can_refuse() {
        let object = config(json!({ "kustomize.toolkit.fluxcd.io/substitute": "disabled" }));
        let objects =
            substitute(std::slice::from_ref(&object), &PostBuild::default(), &variables(), FluxRelease::V2_9);
        assert_eq!(objects, Ok(vec![object]));
    }

    #[test]
    fn without_variables_only_the_strategy_always_substitutes() {
        let objects = [config(json!({}))];
        let none = BTreeMap::new();
        assert_eq!(
            substitute(&objects, &PostBuild::default(), &none, FluxRelease::V2_9),
            Ok(objects.to_vec())
        );
        let always = PostBuild { substitute_strategy: Some("Always".into()), ..PostBuild::default() };
        assert_eq!(
            substitute(&objects, &always, &none, FluxRelease::V2_9).map_err(|error| error.to_string()),
            Err("post build failed for 'ConfigMap.v1.[noGrp]/x': envsubst error: variable substitution failed: \
                 variable not set (strict mode): \"count\""
                .to_owned())
        );
    }
}
