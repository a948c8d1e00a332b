//! Objects, and the secrets that they need, on a cluster.

use super::git::Args as Git;
use super::{Common, Made, some};
use crate::kinds::find;
use crate::{Hidden, Resource, Screen, Session, VerbError};
use serde_json::{Value, json};
use std::io;

/// Makes or changes the object, and waits until it is ready.
pub(super) async fn apply(
    session: &Session,
    common: &Common,
    made: &Made,
    screen: &mut Screen,
) -> Result<(), VerbError> {
    screen.action(format!("applying {}", made.noun));
    let resource = session.flux(find(made.group, made.kind)?).await?;
    let object = common.object(&resource.api_version, made);
    let updated = put(session, &resource, &object).await?;
    screen.success(format!("{} {}", made.noun, if updated { "updated" } else { "created" }));
    screen.waiting(format!("waiting for {} reconciliation", made.noun));
    let path = resource.object(Some(&common.namespace), &common.name);
    let ready = session.until_ready(&path, |_| true).await?;
    let status = &ready["status"];
    if made.kind == "Kustomization" {
        screen.success(format!("Kustomization {} is ready", common.name));
        let revision = status["lastAppliedRevision"].as_str().unwrap_or_default();
        screen.success(format!("applied revision {revision}"));
        return Ok(());
    }
    screen.success(format!("{} reconciliation completed", made.noun));
    if made.group == super::image::GROUP {
        return Ok(());
    }
    let revision = status["artifact"]["revision"].as_str().ok_or_else(|| {
        VerbError::Failed(format!("{} reconciliation completed but no artifact was found", made.noun))
    })?;
    screen.success(format!("fetched revision: {revision}"));
    Ok(())
}

/// Makes the object, or gives the one that is there its labels and its content; whether one was there.
async fn put(session: &Session, resource: &Resource, object: &Value) -> Result<bool, VerbError> {
    let metadata = &object["metadata"];
    let (namespace, name) = (metadata["namespace"].as_str(), metadata["name"].as_str().unwrap_or_default());
    let path = resource.object(namespace, name);
    let Some(found) = session.find(&path).await? else {
        session.create(&resource.path(namespace), object).await?;
        return Ok(false);
    };
    let mut changed = found.as_ref().clone();
    changed["metadata"]["labels"] = metadata["labels"].clone();
    for key in ["spec", "stringData"] {
        if !object[key].is_null() {
            changed[key] = object[key].clone();
        }
    }
    session.replace(&path, &changed).await?;
    Ok(true)
}

/// Puts what the user typed into a secret of the object's name, where it is needed and no secret was named.
pub(super) async fn credentials(
    session: &Session,
    git: &Git,
    common: &Common,
    made: &mut Made,
    screen: &mut Screen,
) -> Result<(), VerbError> {
    if some(git.secret_ref.as_ref()).is_some() {
        return Ok(());
    }
    let url = git.url.as_deref().unwrap_or_default().to_ascii_lowercase();
    if url.starts_with("ssh:") {
        let what =
            if git.private_key_file.is_some() { "--private-key-file" } else { "ssh without --secret-ref" };
        let why = "no deploy key is made, and no host is asked for its own; make a secret with identity, identity.pub \
                   and known_hosts, and name it with --secret-ref";
        return Err(VerbError::unsupported(what, why));
    }
    let mut data = json!({});
    let password = git.password.as_ref().map(|Hidden(password)| password);
    if let (Some(username), Some(password)) = (some(git.username.as_ref()), some(password)) {
        data["username"] = json!(username);
        data["password"] = json!(password);
    }
    if let Some(file) = &git.ca_file {
        let read = std::fs::read_to_string(file).map_err(|error| {
            let why = format!("open {}: {}", file.display(), reason(&error));
            VerbError::usage(format!("unable to read TLS CA file: {why}"))
        });
        data["ca.crt"] = json!(read?);
    }
    if data.as_object().is_none_or(serde_json::Map::is_empty) {
        return Ok(());
    }
    screen.action("applying secret with repository credentials");
    let secret = Resource {
        api_version: "v1".to_owned(),
        kind: "Secret".to_owned(),
        plural: "secrets".to_owned(),
        namespaced: true,
    };
    let mut metadata = json!({"name": common.name, "namespace": common.namespace});
    if !common.labels.is_empty() {
        metadata["labels"] = json!(common.labels);
    }
    let object = json!({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": data});
    put(session, &secret, &object).await?;
    screen.success("authentication configured");
    made.spec.insert("secretRef".to_owned(), json!({"name": common.name}));
    Ok(())
}

/// As Go says it.
fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "no such file or directory".to_owned(),
        io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        _ => error.to_string(),
    }
}
