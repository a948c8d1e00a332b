//! Objects by resource and name, in the words of kubectl.

use crate::{ApiError, Resource, Session, VerbError};
use serde_json::Value;

/// A resource as discovery lists it.
struct Known {
    resource: Resource,
    singular: String,
    short: Vec<String>,
}

/// The objects of `RESOURCE NAME...` or `RESOURCE/NAME...`.
pub(super) async fn by_resource(session: &Session, words: &[String]) -> Result<Vec<Value>, VerbError> {
    let failed = |message: &str| Err(VerbError::usage(message));
    let Some(first) = words.first() else {
        return failed("either `<resource>/<name>` or `<resource> <name>` is required as an argument");
    };
    if words.iter().any(|word| word.matches('/').count() > 1) {
        return failed("arguments in resource/name form may not have more than one slash");
    }
    let pairs: Vec<(String, String)> = if first.contains('/') {
        let mut pairs = Vec::new();
        for word in words {
            let Some((resource, name)) = word.split_once('/') else {
                return failed(
                    "there is no need to specify a resource type as a separate argument when passing \
                               arguments in resource/name form",
                );
            };
            pairs.push((resource.to_owned(), name.to_owned()));
        }
        pairs
    } else if words.iter().any(|word| word.contains('/')) {
        return failed(
            "there is no need to specify a resource type as a separate argument when passing arguments in \
             resource/name form (e.g. 'flux get resource/<resource_name>' instead of 'flux get resource \
             resource/<resource_name>'",
        );
    } else {
        let resources = first.split(',');
        resources.flat_map(|r| words[1..].iter().map(move |name| (r.to_owned(), name.clone()))).collect()
    };
    let known = discover(session).await?;
    let mut wanted = Vec::new();
    for word in if pairs.is_empty() { vec![first.clone()] } else { Vec::new() } {
        named(&known, &word)?;
    }
    if pairs.is_empty() {
        return failed("resource(s) were provided, but no name was specified");
    }
    for (resource, name) in &pairs {
        wanted.push((named(&known, resource)?, name));
    }
    let (mut objects, mut missing) = (Vec::new(), Vec::new());
    for (resource, name) in wanted {
        match read(session, resource, name).await {
            Ok(object) => objects.push(object),
            Err(ApiError::Refused { message, .. }) => missing.push(message),
            Err(other) => return Err(other.into()),
        }
    }
    // The letter is flux's own.
    match missing.as_slice() {
        [] => Ok(objects),
        [one] => Err(VerbError::Failed(format!("x: {one}"))),
        several => Err(VerbError::Failed(format!("x: [{}]", several.join(", ")))),
    }
}

/// The object of a kind and name; the kind is shown as it was asked for.
pub(super) async fn by_kind(
    session: &Session,
    kind: &str,
    api_version: &str,
    name: &str,
) -> Result<Value, VerbError> {
    let failed = |why: String| VerbError::Failed(format!("failed to find object: {why}"));
    let root = if api_version.contains('/') { "/apis" } else { "/api" };
    let list = session.find(&format!("{root}/{api_version}")).await?;
    let served = list.map(|list| known(api_version, &list)).unwrap_or_default();
    let found = served.iter().find(|known| known.resource.kind.eq_ignore_ascii_case(kind));
    let Some(found) = found else {
        return Err(failed(format!("no matches for kind {kind:?} in version {api_version:?}")));
    };
    match read(session, &found.resource, name).await {
        Ok(mut object) => {
            object["kind"] = kind.into();
            Ok(object)
        }
        Err(ApiError::Refused { message, .. }) => Err(failed(message)),
        Err(other) => Err(other.into()),
    }
}

async fn read(session: &Session, resource: &Resource, name: &str) -> Result<Value, ApiError> {
    let found = session.read(&resource.object(Some(&session.namespace), name)).await?;
    let mut object = found.as_ref().clone();
    object["apiVersion"] = resource.api_version.clone().into();
    object["kind"] = resource.kind.clone().into();
    Ok(object)
}

/// All resources of the server: the core first, then its groups in their order, each in its preferred version.
async fn discover(session: &Session) -> Result<Vec<Known>, VerbError> {
    let mut all = known("v1", session.read("/api/v1").await?.as_ref());
    let groups = session.read("/apis").await?;
    for group in groups["groups"].as_array().into_iter().flatten() {
        let preferred = group["preferredVersion"]["groupVersion"].as_str();
        let others = group["versions"].as_array().into_iter().flatten();
        let others = others.filter_map(|version| version["groupVersion"].as_str());
        for version in preferred.into_iter().chain(others.filter(|version| Some(*version) != preferred)) {
            let list = session.find(&format!("/apis/{version}")).await?;
            all.extend(list.map(|list| known(version, &list)).unwrap_or_default());
        }
    }
    Ok(all)
}

fn known(version: &str, list: &Value) -> Vec<Known> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let resources = list["resources"].as_array().into_iter().flatten();
    let whole = resources.filter(|resource| !text(&resource["name"]).contains('/'));
    let known = whole.map(|resource| Known {
        resource: Resource {
            api_version: version.to_owned(),
            kind: text(&resource["kind"]),
            plural: text(&resource["name"]),
            namespaced: resource["namespaced"].as_bool().unwrap_or_default(),
        },
        singular: text(&resource["singularName"]),
        short: resource["shortNames"].as_array().into_iter().flatten().map(text).collect(),
    });
    known.collect()
}

/// The resource of a word: a name of it, alone, with its group, or with its version and group.
fn named<'a>(known: &'a [Known], word: &str) -> Result<&'a Resource, VerbError> {
    let lower = word.to_lowercase();
    let (name, rest) = lower.split_once('.').unwrap_or((&lower, ""));
    let is_named = |known: &&Known| {
        let names = [known.resource.plural.as_str(), &known.singular, &known.resource.kind.to_lowercase()];
        names.contains(&name) || known.short.iter().any(|short| short == name)
    };
    let is_of = |known: &&Known| {
        let (group, version) = match known.resource.api_version.split_once('/') {
            Some((group, version)) => (group, version),
            None => ("", known.resource.api_version.as_str()),
        };
        lower == name || rest == group || rest == format!("{version}.{group}")
    };
    let found = known.iter().filter(is_named).find(is_of);
    let missing = || VerbError::Failed(format!("the server doesn't have a resource type {word:?}"));
    found.map(|known| &known.resource).ok_or_else(missing)
}
