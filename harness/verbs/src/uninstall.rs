//! `uninstall`: Flux's components, the finalizers of its objects, its definitions, its namespace.

use crate::flags::{SWITCH, switch};
use crate::kinds::by_kind;
use crate::{ApiError, Env, Global, Resource, Screen, Session, VerbError};
use serde_json::{Value, json};
use std::io::BufRead as _;

/// Remove Flux and its resource definitions from a cluster.
#[derive(Debug, clap::Args)]
#[command(args_override_self = true)]
pub struct Args {
    /// Only print what would be deleted.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = SWITCH)]
    dry_run: Option<String>,
    /// Leave the namespace.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = SWITCH)]
    keep_namespace: Option<String>,
    /// Delete without asking.
    #[arg(short, long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = SWITCH)]
    silent: Option<String>,
    #[command(flatten)]
    global: Global,
}

const QUESTION: &str = "Are you sure you want to delete Flux and its custom resource definitions";
/// Flux's components have this label.
const COMPONENTS: &str = "?labelSelector=app.kubernetes.io/part-of%3Dflux";
/// Group, kind, and whether only those of the namespace.
const PARTS: [(&str, &str, bool); 6] = [
    ("apps", "Deployment", true),
    ("", "Service", true),
    ("networking.k8s.io", "NetworkPolicy", true),
    ("", "ServiceAccount", true),
    ("rbac.authorization.k8s.io", "ClusterRole", false),
    ("rbac.authorization.k8s.io", "ClusterRoleBinding", false),
];
/// Kinds whose finalizers are removed, in flux's order.
const FINALIZED: [&str; 14] = [
    "GitRepository",
    "OCIRepository",
    "HelmRepository",
    "HelmChart",
    "Bucket",
    "Kustomization",
    "HelmRelease",
    "Alert",
    "Provider",
    "Receiver",
    "ImagePolicy",
    "ImageRepository",
    "ImageUpdateAutomation",
    "ArtifactGenerator",
];

/// Removes it all.
///
/// # Errors
/// The user does not want it, the cluster cannot be asked, or not everything could be removed.
pub async fn run(args: &Args, env: &Env, screen: &mut Screen) -> Result<(), VerbError> {
    args.global.check()?;
    let dry_run = switch("--dry-run", args.dry_run.as_deref())?;
    let keep_namespace = switch("--keep-namespace", args.keep_namespace.as_deref())?;
    let silent = switch("-s, --silent", args.silent.as_deref())?;
    if !silent && !dry_run && !is_wanted(screen) {
        return Err(VerbError::failed("aborting"));
    }
    let session = Session::open(env, &args.global).await?;
    let suffix = if dry_run { "(dry run)" } else { "" };
    let mut removal = Removal { session: &session, dry_run, suffix, failed: false };
    screen.action(format!("deleting components in {} namespace", session.namespace));
    for (group, kind, namespaced) in PARTS {
        let namespace = namespaced.then_some(session.namespace.as_str());
        removal.objects(group, kind, namespace, screen).await?;
    }
    screen.action("deleting toolkit.fluxcd.io finalizers in all namespaces");
    for kind in FINALIZED {
        removal.finalizers(kind, screen).await?;
    }
    screen.action("deleting toolkit.fluxcd.io custom resource definitions");
    removal.objects("apiextensions.k8s.io", "CustomResourceDefinition", None, screen).await?;
    if !keep_namespace {
        let path = format!("/api/v1/namespaces/{}", session.namespace);
        removal.delete("Namespace", None, &session.namespace, &path, screen).await?;
    }
    screen.success("uninstall finished");
    if removal.failed { Err(VerbError::Told) } else { Ok(()) }
}

fn is_wanted(screen: &mut Screen) -> bool {
    screen.say(&format!("? {QUESTION}? [y/N] "));
    let mut answer = String::new();
    let read = std::io::stdin().lock().read_line(&mut answer);
    if read.is_ok_and(|read| read == 0) {
        screen.say("\n");
    }
    matches!(answer.trim(), "y" | "Y")
}

/// A removal: what fails is told, and the rest goes on.
struct Removal<'a> {
    session: &'a Session,
    dry_run: bool,
    suffix: &'static str,
    failed: bool,
}

impl Removal<'_> {
    /// Deletes the components of a kind.
    async fn objects(
        &mut self,
        group: &str,
        kind: &str,
        namespace: Option<&str>,
        screen: &mut Screen,
    ) -> Result<(), VerbError> {
        let resources = self.session.group(group).await?;
        let Some(resource) = resources.iter().find(|resource| resource.kind == kind) else { return Ok(()) };
        let path = format!("{}{COMPONENTS}", resource.path(namespace));
        for object in self.session.list(resource, &path).await? {
            let (namespace, name) = names(&object);
            let path = resource.object(namespace, name);
            self.delete(kind, namespace, name, &path, screen).await?;
        }
        Ok(())
    }

    async fn delete(
        &mut self,
        kind: &str,
        namespace: Option<&str>,
        name: &str,
        path: &str,
        screen: &mut Screen,
    ) -> Result<(), VerbError> {
        let deleted = self.session.delete(path, self.dry_run).await;
        self.told(&shown(kind, namespace, name), deleted.map(drop), screen)
    }

    /// Removes the finalizers of all objects of a kind: nobody will answer them.
    async fn finalizers(&mut self, kind: &str, screen: &mut Screen) -> Result<(), VerbError> {
        let Some(flux) = by_kind(kind) else { return Ok(()) };
        let resource: Resource = match self.session.flux(flux).await {
            Ok(resource) => resource,
            Err(ApiError::NoMatch { .. }) => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        for object in self.session.list(&resource, &resource.path(None)).await? {
            let (namespace, name) = names(&object);
            let mut path = resource.object(namespace, name);
            if self.dry_run {
                path.push_str("?dryRun=All");
            }
            let patched = self.session.merge(&path, &json!({"metadata": {"finalizers": []}})).await;
            let shown = format!("{} finalizers", shown(kind, namespace, name));
            self.told(&shown, patched.map(drop), screen)?;
        }
        Ok(())
    }

    fn told(
        &mut self,
        what: &str,
        result: Result<(), ApiError>,
        screen: &mut Screen,
    ) -> Result<(), VerbError> {
        match result {
            Ok(()) => screen.success(format!("{what} deleted {}", self.suffix)),
            Err(error @ ApiError::Unreachable { .. }) => return Err(error.into()),
            Err(error) => {
                self.failed = true;
                screen.failure(format!("{what} deletion failed: {error}"));
            }
        }
        Ok(())
    }
}

fn names(object: &Value) -> (Option<&str>, &str) {
    let metadata = &object["metadata"];
    (metadata["namespace"].as_str(), metadata["name"].as_str().unwrap_or_default())
}

fn shown(kind: &str, namespace: Option<&str>, name: &str) -> String {
    namespace.map_or(format!("{kind}/{name}"), |namespace| format!("{kind}/{namespace}/{name}"))
}
