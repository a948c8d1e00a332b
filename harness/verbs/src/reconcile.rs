//! `reconcile`: asks for a reconciliation now, and waits for it.

use crate::flags::{SWITCH, switch};
use crate::kinds::Target;
use crate::{Env, Global, Screen, Session, VerbError};
use clap::Subcommand;
use seatrial_api::meta::REQUESTED_AT;
use serde_json::{Value, json};
use std::sync::Arc;

/// Reconcile sources and resources.
#[derive(Debug, clap::Args)]
#[command(args_override_self = true)]
pub struct Args {
    #[command(subcommand)]
    what: What,
    #[command(flatten)]
    global: Global,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Reconcile a Kustomization, and with --with-source its source first.
    #[command(visible_alias = "ks")]
    Kustomization {
        /// Its name.
        name: Vec<String>,
        /// Reconcile its source first.
        #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = SWITCH)]
        with_source: Option<String>,
    },
    /// Reconcile a source.
    #[command(subcommand)]
    Source(Source),
    /// Reconcile an image repository, policy or automation.
    #[command(subcommand)]
    Image(Image),
}

#[derive(Debug, Subcommand)]
enum Image {
    /// Reconcile an ImageRepository.
    Repository {
        /// Its name.
        name: Vec<String>,
    },
    /// Reconcile an ImagePolicy.
    Policy {
        /// Its name.
        name: Vec<String>,
    },
    /// Reconcile an ImageUpdateAutomation.
    Update {
        /// Its name.
        name: Vec<String>,
    },
}

#[derive(Debug, Subcommand)]
enum Source {
    /// Reconcile a GitRepository.
    Git {
        /// Its name.
        name: Vec<String>,
    },
    /// Reconcile an OCIRepository.
    Oci {
        /// Its name.
        name: Vec<String>,
    },
}

impl Args {
    /// What is reconciled.
    pub(crate) fn target(&self) -> (Target, &[String]) {
        match &self.what {
            What::Kustomization { name, .. } => (Target::Kustomization, name),
            What::Source(Source::Git { name }) => (Target::Git, name),
            What::Source(Source::Oci { name }) => (Target::Oci, name),
            What::Image(Image::Repository { name }) => (Target::ImageRepository, name),
            What::Image(Image::Policy { name }) => (Target::ImagePolicy, name),
            What::Image(Image::Update { name }) => (Target::ImageUpdate, name),
        }
    }

    /// The global flags.
    pub(crate) fn global(&self) -> &Global {
        &self.global
    }
}

/// Asks, and waits.
///
/// # Errors
/// What the reconciliation failed for, that it took too long, or that the object does not exist or is suspended.
pub async fn run(args: &Args, env: &Env, screen: &mut Screen) -> Result<(), VerbError> {
    args.global.check()?;
    let with_source = match &args.what {
        What::Kustomization { with_source, .. } => switch("--with-source", with_source.as_deref())?,
        _ => false,
    };
    let (target, names) = args.target();
    let required = || VerbError::usage(format!("{} name is required", target.kind()));
    let name = names.first().ok_or_else(required)?;
    let session = Session::open(env, &args.global).await?;
    let namespace = session.namespace.clone();
    let at = At { target, namespace: &namespace, name };
    let object = at.find(&session).await?;
    if with_source {
        let reference = &object["spec"]["sourceRef"];
        let kind = reference["kind"].as_str().unwrap_or_default();
        let source = match kind {
            "GitRepository" => Target::Git,
            "OCIRepository" => Target::Oci,
            other => {
                let why = format!("its source is of the kind {other}, which seatrial does not reconcile");
                return Err(VerbError::unsupported("--with-source", &why));
            }
        };
        let own = reference["namespace"].as_str().filter(|given| !given.is_empty()).unwrap_or(&namespace);
        let name = reference["name"].as_str().unwrap_or_default();
        let source = At { target: source, namespace: own, name };
        let found = source.find(&session).await?;
        source.reconcile(&session, &found, screen).await?;
    }
    at.reconcile(&session, &object, screen).await
}

/// An object by its name.
struct At<'a> {
    target: Target,
    namespace: &'a str,
    name: &'a str,
}

impl At<'_> {
    async fn path(&self, session: &Session) -> Result<String, VerbError> {
        let resource = session.flux(self.target.flux()?).await?;
        Ok(resource.object(Some(self.namespace), self.name))
    }

    async fn find(&self, session: &Session) -> Result<Arc<Value>, VerbError> {
        let object = session.read(&self.path(session).await?).await?;
        if object["spec"]["suspend"] == true {
            return Err(VerbError::failed("resource is suspended"));
        }
        Ok(object)
    }

    async fn reconcile(
        &self,
        session: &Session,
        object: &Value,
        screen: &mut Screen,
    ) -> Result<(), VerbError> {
        let kind = self.target.kind();
        screen.action(format!("annotating {kind} {} in {} namespace", self.name, self.namespace));
        let path = self.path(session).await?;
        let handled_before = object["status"]["lastHandledReconcileAt"].clone();
        let now = session.clock.now().to_string();
        session.merge(&path, &json!({"metadata": {"annotations": {REQUESTED_AT: now}}})).await?;
        screen.success(format!("{kind} annotated"));
        screen.waiting(format!("waiting for {kind} reconciliation"));
        let handled = |object: &Value| object["status"]["lastHandledReconcileAt"] != handled_before;
        let ready = session.until_ready(&path, handled).await?;
        screen.success(self.target.done(&ready));
        Ok(())
    }
}
