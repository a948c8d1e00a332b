//! From a source to the objects that a Kustomization wants.

use super::bundles::Ingredients;
use super::checks::{clean, invalid_expression};
use super::depends::{self, DependsError};
use super::run::Run;
use super::stop::{REQUEUE, Stop, failed};
use crate::apply::{self, Bundle};
use crate::artifact::StoredArtifact;
use crate::object::ObjectRef;
use crate::reconcile::context::Context;
use crate::render::{self, BuildError, post_build};
use crate::secret::Decryptor;
use seatrial_api::GoDuration;
use seatrial_api::catalog::FluxKind;
use seatrial_api::kustomization::KustomizationSpec;
use std::sync::Arc;
use std::time::Duration;

/// What a source offers.
pub(super) struct Source {
    pub(super) revision: String,
    pub(super) origin: Option<String>,
    pub(super) digest: String,
}

impl Run<'_> {
    pub(super) async fn source(&self, spec: &KustomizationSpec) -> Result<Source, Stop> {
        let reference = &spec.source_ref;
        let api_version = FluxKind::find("source.toolkit.fluxcd.io", &reference.kind)
            .and_then(|kind| kind.api_version(self.context.flux))
            .unwrap_or_else(|| "source.toolkit.fluxcd.io/v1".to_owned());
        let namespace = reference.namespace.as_deref().unwrap_or(&self.who.namespace);
        let who = ObjectRef::new(&api_version, &reference.kind, namespace, &reference.name);
        let found = match self.context.cluster.known(&who).await {
            Ok(found) => found,
            Err(error) => {
                // The real controller reads from its cache, which names the kind and not the resource.
                let message = match error.is_not_found() {
                    true => format!("{}.{} \"{}\" not found", who.kind, who.group, who.name),
                    false => error.to_string(),
                };
                return Err(Stop::Failed { reason: "ArtifactFailed", message, event: None, retry: None });
            }
        };
        self.context.observer.read_by(&self.who, &found);
        let artifact = &found["status"]["artifact"];
        match (artifact["revision"].as_str(), artifact["digest"].as_str()) {
            (Some(revision), Some(digest)) => Ok(Source {
                revision: revision.to_owned(),
                origin: artifact["metadata"]["org.opencontainers.image.revision"].as_str().map(str::to_owned),
                digest: digest.to_owned(),
            }),
            _ => Err(Stop::Failed {
                reason: "ArtifactFailed",
                message: format!("Source artifact not found, retrying in {}", GoDuration::from_std(REQUEUE)),
                event: None,
                retry: Some(REQUEUE),
            }),
        }
    }

    pub(super) async fn dependencies(
        &mut self,
        spec: &KustomizationSpec,
        source: &Source,
    ) -> Result<(), Stop> {
        match depends::check(&self.context.cluster, self.object, &spec.depends_on, &source.revision).await {
            Ok(()) => Ok(()),
            Err(error @ DependsError::Cycle(_)) => {
                Err(Stop::Stalled { reason: "DependencyNotReady", message: error.to_string() })
            }
            Err(error @ DependsError::Wrong { .. }) => {
                Err(invalid_expression(format!("terminal error: {error}")))
            }
            Err(error) => Err(Stop::Failed {
                reason: "DependencyNotReady",
                message: error.to_string(),
                event: Some(format!(
                    "Dependencies do not meet ready condition, retrying in {}",
                    GoDuration::from_std(REQUEUE)
                )),
                retry: Some(REQUEUE),
            }),
        }
    }

    pub(super) fn artifact(&self, source: &Source) -> Result<StoredArtifact, Stop> {
        let retry = Duration::from_secs(5);
        self.context.artifacts.get(&source.digest).ok_or_else(|| {
            // After a restart the source fetches it again: no reason to say anything where all is applied.
            let message =
                format!("artifact of revision {} is not in storage, retrying in 5s", source.revision);
            Stop::Missing { message: (!self.state.is_quiet()).then_some(message), retry }
        })
    }

    /// Checks that the artifact has the folder.
    pub(super) fn has_path(&self, spec: &KustomizationSpec, artifact: &StoredArtifact) -> Result<(), Stop> {
        render::folder(&artifact.tree, spec).map(drop).map_err(|error| failed("ArtifactFailed", error))
    }

    /// What opens the secrets of this Kustomization; none where it asks for nothing of the kind.
    async fn decryptor(&self, spec: &KustomizationSpec) -> Result<Option<Decryptor>, Stop> {
        let Some(wanted) = &spec.decryption else { return Ok(None) };
        let Some(reference) = &wanted.secret_ref else { return Ok(Some(Decryptor::default())) };
        let who = ObjectRef::new("v1", "Secret", &self.who.namespace, &reference.name);
        let secret = self.context.cluster.get(&who).await.map_err(|error| failed("BuildFailed", error))?;
        Decryptor::of(&secret).map(Some).map_err(|error| failed("BuildFailed", error))
    }

    pub(super) async fn build(
        &mut self,
        spec: &KustomizationSpec,
        artifact: &StoredArtifact,
    ) -> Result<Arc<Bundle>, Stop> {
        let decryptor = self.decryptor(spec).await?;
        let Context { renderer, artifacts, .. } = self.context;
        let built =
            render::build_decrypted(renderer, artifacts, self.remotes, artifact, spec, decryptor.as_ref());
        let built = built.map_err(|error| match &error {
            BuildError::NoPath { .. } => failed("ArtifactFailed", error),
            BuildError::Kustomization { .. }
            | BuildError::Component(_)
            | BuildError::Manifest { .. }
            | BuildError::Decrypt(_)
            | BuildError::Build(_) => failed("BuildFailed", error),
        })?;
        let variables = match &spec.post_build {
            None => None,
            Some(wanted) => {
                let variables = post_build::variables(&self.context.cluster, &self.who.namespace, wanted);
                match (variables.await, built.iter().find(|object| !post_build::refuses(object))) {
                    (Ok(variables), _) => Some(variables),
                    // It is told where the first object would be substituted.
                    (Err(error), Some(first)) => {
                        return Err(failed("BuildFailed", error.at(first, self.context.flux)));
                    }
                    (Err(_), None) => None,
                }
            }
        };
        let made_of = Ingredients {
            built,
            keys: decryptor.as_ref().map(|decryptor| decryptor.fingerprint().to_owned()),
            variables,
            post_build: spec.post_build.clone(),
            common: spec.common_metadata.clone(),
        };
        if let Some(last) = self.context.bundles.get(&self.who, &made_of) {
            return Ok(last);
        }
        let mut objects = made_of.built.to_vec();
        if let Some(decryptor) = &decryptor {
            for object in &mut objects {
                let shown = post_build::shown(object, self.context.flux);
                decryptor.object(object).map_err(|error| {
                    failed("BuildFailed", format!("decryption failed for '{shown}': {error}"))
                })?;
            }
        }
        // Those before an object without a version are dealt with before it is refused.
        let unversioned = objects.iter().position(post_build::is_without_version);
        if let (Some(wanted), Some(variables)) = (&spec.post_build, &made_of.variables) {
            let some = &objects[..unversioned.unwrap_or(objects.len())];
            let done = post_build::substitute(some, wanted, variables, self.context.flux)
                .map_err(|error| failed("BuildFailed", error))?;
            objects.splice(..done.len(), done);
        }
        if let Some(object) = unversioned.and_then(|at| objects.get(at)) {
            let object = post_build::go_json(object);
            let message = format!("failed to decode Kubernetes apiVersion, kind and name from: {object}");
            return Err(failed("BuildFailed", message));
        }
        objects = post_build::named(objects).map_err(|error| failed("BuildFailed", error))?;
        for object in &mut objects {
            apply::labels::set_owner(object, &self.who);
            if let Some(common) = &spec.common_metadata {
                apply::labels::set_common(object, common);
            }
            clean(object);
        }
        Ok(self.context.bundles.put(&self.who, made_of, Bundle::new(objects)))
    }
}
