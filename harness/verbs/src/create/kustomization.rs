//! `create kustomization`.

use super::{Common, Made, labels, set, set_reference, some};
use crate::flags::{SWITCH, duration, invalid, list, switch};
use crate::{Screen, VerbError};
use serde_json::{Map, Value, json};

/// Create or update a Kustomization.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Its name.
    pub(super) name: Vec<String>,
    /// What secrets are decrypted with: sops.
    #[arg(long, value_name = "PROVIDER")]
    decryption_provider: Option<String>,
    /// The name of a secret with private keys for decryption.
    #[arg(long, value_name = "NAME")]
    decryption_secret: Option<String>,
    /// Kustomizations that must be ready first, as NAME or NAMESPACE/NAME; several with commas, or several times.
    #[arg(long, value_name = "NAME")]
    depends_on: Vec<String>,
    /// Workloads that have to be healthy, as KIND/NAME.NAMESPACE; several with commas, or several times.
    #[arg(long, value_name = "WORKLOAD")]
    health_check: Vec<String>,
    /// How long health checks may take [default: 2m0s].
    #[arg(long, value_name = "DURATION", allow_hyphen_values = true)]
    health_check_timeout: Option<String>,
    /// The name of a secret with the kubeconfig of another cluster.
    #[arg(long, value_name = "NAME")]
    kubeconfig_secret_ref: Option<String>,
    /// Path to the folder with the kustomization.yaml [default: ./].
    #[arg(long)]
    path: Option<String>,
    /// Delete objects that are no longer in the source.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = SWITCH)]
    prune: Option<String>,
    /// When a failed reconciliation is tried again.
    #[arg(long, value_name = "DURATION", allow_hyphen_values = true)]
    retry_interval: Option<String>,
    /// The name of the service account that is impersonated.
    #[arg(long, value_name = "NAME")]
    service_account: Option<String>,
    /// The source, as [KIND/]NAME[.NAMESPACE]; kinds: OCIRepository, GitRepository (the default), Bucket.
    #[arg(long)]
    source: Option<String>,
    /// The namespace of all objects.
    #[arg(long, value_name = "NAMESPACE")]
    target_namespace: Option<String>,
    #[arg(long, hide = true, allow_hyphen_values = true)]
    validation: Option<String>,
    /// Wait until all applied objects are healthy.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = SWITCH)]
    wait: Option<String>,
}

const KINDS: [&str; 3] = ["OCIRepository", "GitRepository", "Bucket"];
const HEALTH_TIMEOUT: &str = "2m0s";

impl Args {
    /// What flux says of flags that mean nothing any more.
    pub(super) fn tell_of_old_flags(&self, screen: &mut Screen) {
        if self.validation.is_some() {
            screen.say(
                "Flag --validation has been deprecated, this arg is no longer used, all resources are validated using \
                 server-side apply dry-run\n",
            );
        }
    }

    /// Whether the values can be read.
    pub(super) fn check(&self) -> Result<(), VerbError> {
        if let Some(given) = self.decryption_provider.as_ref().filter(|given| *given != "sops") {
            let why = match given.as_str() {
                "" => "no decryption provider given, must be one of: sops".to_owned(),
                given => format!("unsupported decryption provider '{given}', must be one of: sops"),
            };
            return Err(invalid("--decryption-provider", given, why));
        }
        if let Some(source) = &self.source {
            reference(source).map_err(|why| invalid("--source", source, why))?;
        }
        switch("--prune", self.prune.as_deref())?;
        switch("--wait", self.wait.as_deref())?;
        for (flag, text) in [
            ("--health-check-timeout", &self.health_check_timeout),
            ("--retry-interval", &self.retry_interval),
        ] {
            text.as_deref().map(|text| duration(flag, text)).transpose()?;
        }
        list("--depends-on", &self.depends_on)?;
        list("--health-check", &self.health_check).map(drop)
    }

    /// The Kustomization.
    pub(super) fn made(&self, common: &mut Common, pairs: &[String]) -> Result<Made, VerbError> {
        let source = self.source.as_ref().ok_or_else(|| VerbError::usage("source is required"))?;
        let reference = reference(source).map_err(|why| invalid("--source", source, why))?;
        common.labels = labels(pairs)?;
        let mut spec = Map::new();
        spec.insert("interval".to_owned(), json!(common.interval));
        spec.insert("path".to_owned(), json!(relative(self.path.as_deref().unwrap_or_default())));
        spec.insert("prune".to_owned(), json!(switch("--prune", self.prune.as_deref())?));
        spec.insert("sourceRef".to_owned(), reference);
        set(&mut spec, "targetNamespace", self.target_namespace.as_ref());
        set(&mut spec, "serviceAccountName", self.service_account.as_ref());
        let dependencies = list("--depends-on", &self.depends_on)?;
        if !dependencies.is_empty() {
            let dependencies: Vec<Value> = dependencies.iter().map(|given| dependency(given)).collect();
            spec.insert("dependsOn".to_owned(), json!(dependencies));
        }
        if let Some(secret) = some(self.kubeconfig_secret_ref.as_ref()) {
            spec.insert("kubeConfig".to_owned(), json!({"secretRef": {"name": secret}}));
        }
        self.health(&mut spec)?;
        if let Some(interval) = &self.retry_interval {
            let interval = duration("--retry-interval", interval)?;
            if interval.0 > 0 {
                spec.insert("retryInterval".to_owned(), json!(interval));
            }
        }
        if let Some(provider) = some(self.decryption_provider.as_ref()) {
            let mut decryption = Map::new();
            set(&mut decryption, "provider", Some(provider));
            set_reference(&mut decryption, "secretRef", self.decryption_secret.as_ref());
            spec.insert("decryption".to_owned(), Value::Object(decryption));
        }
        let (group, kind) = ("kustomize.toolkit.fluxcd.io", "Kustomization");
        Ok(Made { group, kind, noun: "Kustomization", spec })
    }

    /// Waiting for everything includes what is named.
    fn health(&self, spec: &mut Map<String, Value>) -> Result<(), VerbError> {
        let timeout = self.health_check_timeout.as_deref().unwrap_or(HEALTH_TIMEOUT);
        let timeout = duration("--health-check-timeout", timeout)?;
        let wait = switch("--wait", self.wait.as_deref())?;
        let named = list("--health-check", &self.health_check)?;
        if wait {
            spec.insert("wait".to_owned(), json!(true));
        } else if !named.is_empty() {
            let checks: Result<Vec<Value>, VerbError> =
                named.iter().map(|given| health_check(given)).collect();
            spec.insert("healthChecks".to_owned(), json!(checks?));
        }
        if wait || !named.is_empty() {
            spec.insert("timeout".to_owned(), json!(timeout));
        }
        Ok(())
    }
}

/// `[KIND/]NAME[.NAMESPACE]`.
fn reference(text: &str) -> Result<Value, String> {
    let known = KINDS.join(", ");
    if text.trim().is_empty() {
        return Err(format!(
            "no Kustomization source given, please specify source that contains the Kubernetes manifests in the format \
             '[<kind>/]<name>.<namespace>', where kind must be one of: ({known}), if kind is not specified it defaults to \
             GitRepository"
        ));
    }
    let (kind, name) = match text.split_once('/') {
        Some((kind, name)) if !name.contains('/') => {
            let canonical = KINDS.iter().find(|known| known.eq_ignore_ascii_case(kind));
            let unknown = || format!("source kind '{kind}' is not supported, must be one of: {known}");
            (*canonical.ok_or_else(unknown)?, name)
        }
        _ => ("GitRepository", text),
    };
    Ok(match name.rsplit_once('.') {
        Some((name, namespace)) => json!({"kind": kind, "name": name, "namespace": namespace}),
        None => json!({"kind": kind, "name": name}),
    })
}

/// `NAME` or `NAMESPACE/NAME`.
fn dependency(text: &str) -> Value {
    match text.split_once('/') {
        Some((namespace, name)) => json!({"namespace": namespace, "name": name}),
        None => json!({"name": text}),
    }
}

/// `KIND/NAME.NAMESPACE`.
fn health_check(text: &str) -> Result<Value, VerbError> {
    let form = "must be in the format 'kind/name.namespace'";
    let (kind, rest) = text.split_once('/').filter(|(_, rest)| !rest.contains('/')).ok_or_else(|| {
        let parts = text.replace('/', " ");
        VerbError::usage(format!("invalid health check '{text}' {form} [{parts}]"))
    })?;
    let kinds = ["HelmRelease", "Deployment", "DaemonSet", "StatefulSet"];
    if !kinds.contains(&kind) {
        return Err(VerbError::usage(format!(
            "invalid health check kind '{kind}' can be HelmRelease, Deployment, DaemonSet or StatefulSet"
        )));
    }
    let named = rest.split_once('.').filter(|(_, namespace)| !namespace.contains('.'));
    let (name, namespace) =
        named.ok_or_else(|| VerbError::usage(format!("invalid health check '{text}' {form}")))?;
    let mut check = json!({"kind": kind, "name": name, "namespace": namespace});
    if kind == "HelmRelease" {
        check["apiVersion"] = json!("helm.toolkit.fluxcd.io/v2");
    }
    Ok(check)
}

/// A path below the root of the artifact, whatever it says: `..` leads nowhere else.
fn relative(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    format!("./{}", parts.join("/"))
}
