//! How to ask for the images of an ImageRepository, and who else may use it.

use super::Failure;
use super::spec::RepositorySpec;
use crate::cluster::ClusterError;
use crate::object::ObjectRef;
use crate::reconcile::context::Context;
use crate::reconcile::fetched;
use crate::source::oci::{self, OciAddress, OciAuth};
use seatrial_image::Repository;
use serde_json::Value;

/// The Secrets with the credentials of `spec`, by name: its own, and those of its ServiceAccount.
pub(super) async fn pull_secrets(
    context: &Context,
    namespace: &str,
    spec: &RepositorySpec,
) -> Result<Vec<String>, Failure> {
    let mut names: Vec<String> = spec.secret_ref.iter().map(|secret| secret.name.clone()).collect();
    if !spec.service_account_name.is_empty() {
        let account = ObjectRef::new("v1", "ServiceAccount", namespace, &spec.service_account_name);
        let found = context.cluster.get(&account).await.map_err(|error| {
            let name = &spec.service_account_name;
            Failure::new(
                "AuthenticationFailed",
                format!("failed to get service account '{namespace}/{name}': {error}"),
            )
        })?;
        let listed = found["imagePullSecrets"].as_array().into_iter().flatten();
        names.extend(listed.filter_map(|secret| secret["name"].as_str()).map(str::to_owned));
    }
    Ok(names)
}

/// The repository that `spec` means, with the credentials of the first of `secrets` that has some for its registry.
pub(super) async fn address(
    context: &Context,
    namespace: &str,
    spec: &RepositorySpec,
    secrets: &[String],
) -> Result<OciAddress, Failure> {
    let Repository { registry, path } =
        Repository::parse(&spec.image).map_err(|problem| Failure::stalled("ImageURLInvalid", problem))?;
    if fetched::is_other_provider(spec.provider.as_deref()) {
        return Err(Failure::not_supported("spec.provider of an ImageRepository"));
    }
    if spec.proxy_secret_ref.is_some() {
        return Err(Failure::not_supported("spec.proxySecretRef of an ImageRepository"));
    }
    if let Some(certificates) = &spec.cert_secret_ref {
        check_certificates(context, namespace, &certificates.name).await?;
    }
    let mut auth = OciAuth::None;
    for name in secrets {
        let found = secret(context, namespace, name).await?;
        auth = oci::credentials(&found, &registry);
        if auth != OciAuth::None {
            break;
        }
    }
    Ok(OciAddress { host: registry, path, insecure: spec.insecure, auth })
}

async fn secret(context: &Context, namespace: &str, name: &str) -> Result<Value, Failure> {
    let found = context.cluster.get(&ObjectRef::new("v1", "Secret", namespace, name)).await;
    found.map(|secret| (*secret).clone()).map_err(|error: ClusterError| {
        Failure::new("AuthenticationFailed", format!("failed to get secret '{namespace}/{name}': {error}"))
    })
}

/// The certificates of a Secret are looked at for their form; the run's registry is asked in process and needs none.
async fn check_certificates(context: &Context, namespace: &str, name: &str) -> Result<(), Failure> {
    let data = fetched::data(&secret(context, namespace, name).await?);
    let has = |keys: [&str; 2]| keys.iter().any(|key| data.contains_key(*key));
    let (authority, certificate, key) =
        (has(["ca.crt", "caFile"]), has(["tls.crt", "certFile"]), has(["tls.key", "keyFile"]));
    if certificate == key && (authority || certificate) {
        return Ok(());
    }
    let problem = if certificate || key {
        "certificate and key have to stand in it together"
    } else {
        "neither a CA certificate nor a client certificate stands in it"
    };
    Err(Failure::new(
        "AuthenticationFailed",
        format!("invalid TLS config in secret '{namespace}/{name}': {problem}"),
    ))
}

/// Fails where objects of the namespace `from` may not use an ImageRepository of another one. That is tried again: the labels of
/// the namespace and the ImageRepository may change.
pub(super) async fn may_use(context: &Context, repository: &Value, from: &str) -> Result<(), Failure> {
    let who = ObjectRef::of(repository);
    if who.namespace == from {
        return Ok(());
    }
    let denied = |message: String| Failure::new("AccessDenied", format!("access denied: {message}"));
    let shown = format!("'{}/{}'", who.namespace, who.name);
    let Some(selectors) = repository["spec"]["accessFrom"]["namespaceSelectors"].as_array() else {
        let message = format!("{shown} can't be accessed due to missing ACL labels on 'accessFrom'");
        return Err(denied(message));
    };
    let namespace = context.cluster.get(&ObjectRef::new("v1", "Namespace", "", from)).await;
    let namespace = namespace.map_err(|error| denied(error.to_string()))?;
    let label = |key: &str| namespace["metadata"]["labels"][key].as_str();
    let fits = |selector: &Value| {
        let labels = selector["matchLabels"].as_object().into_iter().flatten();
        labels.into_iter().all(|(key, value)| label(key) == value.as_str())
    };
    if selectors.iter().any(fits) {
        return Ok(());
    }
    Err(denied(format!("{shown} can't be accessed due to ACL labels mismatch on namespace '{from}'")))
}
