//! Which kinds the API server serves.

use crate::api::{Api, ApiError, Kind};
use crate::object::{at, flag, list, text};
use serde_json::Value;

/// All kinds whose objects can be listed and deleted, each in the version that the server prefers. Groups whose own server
/// does not answer are left out.
pub(crate) async fn deletable(api: &Api) -> Result<Vec<Kind>, ApiError> {
    let mut kinds = of_version(api, "v1").await?;
    let groups = api.read("/apis").await?;
    for group in list(&groups, &["groups"]) {
        let version = text(group, &["preferredVersion", "groupVersion"]);
        // The events of this group are those of the core, served again.
        if version.starts_with("events.k8s.io/") {
            continue;
        }
        match of_version(api, version).await {
            Ok(found) => kinds.extend(found),
            Err(error) if matches!(error.code(), 404 | 503) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(kinds)
}

/// The kind that an owner reference names; none where the server does not have it.
pub(crate) async fn kind(api: &Api, api_version: &str, kind: &str) -> Result<Option<Kind>, ApiError> {
    match of_version(api, api_version).await {
        Ok(kinds) => Ok(kinds.into_iter().find(|known| known.kind == kind)),
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(error),
    }
}

async fn of_version(api: &Api, api_version: &str) -> Result<Vec<Kind>, ApiError> {
    let root = if api_version.contains('/') { "/apis" } else { "/api" };
    let answer = api.read(&format!("{root}/{api_version}")).await?;
    let wanted = |resource: &&Value| {
        let verbs: Vec<&str> = list(resource, &["verbs"]).iter().filter_map(Value::as_str).collect();
        !text(resource, &["name"]).contains('/') && ["delete", "list"].iter().all(|verb| verbs.contains(verb))
    };
    let resources = list(&answer, &["resources"]).iter().filter(wanted);
    let kinds = resources.map(|resource| Kind {
        api_version: api_version.to_owned().into(),
        kind: text(resource, &["kind"]).to_owned().into(),
        plural: text(resource, &["name"]).to_owned().into(),
        namespaced: at(resource, &["namespaced"]).is_some() && flag(resource, &["namespaced"]),
    });
    Ok(kinds.collect())
}
