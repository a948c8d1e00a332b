//! ImagePolicy: one tag of those that a scan found.

use super::repository::{MANAGER, fail};
use super::spec::{PolicySpec, Reflection, RepositorySpec};
use super::{Failure, access, before, policies_of, put, status_of};
use crate::cluster::ClusterError;
use crate::driver::{Next, Reconcile, reference};
use crate::object::{self, ObjectRef};
use crate::reconcile::context::{Context, after_error, requested_at};
use crate::status::conditions::Status;
use crate::status::{Events, Severity, StatusPatch};
use seatrial_api::FluxRelease;
use seatrial_api::meta::condition::READY;
use seatrial_image::{Filter, Image, Policy, PolicyError};
use seatrial_time::{Signal, Stamp};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

/// Reconciles ImagePolicies.
pub(crate) struct PolicyReconciler {
    context: Arc<Context>,
    events: Events,
}

impl PolicyReconciler {
    pub(crate) fn new(context: Arc<Context>) -> PolicyReconciler {
        let events = context.events(MANAGER);
        PolicyReconciler { context, events }
    }

    async fn run(&self, object: &Value) -> Result<Next, ClusterError> {
        let context = &self.context;
        let (mut status, mut conditions) = status_of(context, object);
        let mut patch = StatusPatch::of(object, MANAGER);
        let mut stamps = context.cluster_stamps();
        let old = latest(context.flux, &status);
        let spec = serde_json::from_value::<PolicySpec>(object["spec"].clone());
        let result = match &spec {
            Ok(spec) => self.take(object, spec, old.as_ref(), &mut stamps).await,
            Err(error) => Err(Failure::stalled("InvalidSpec", error.to_string())),
        };
        if context.flux >= FluxRelease::V2_9 {
            put(&mut status, "lastHandledReconcileAt", requested_at(object).map(Value::from));
        }
        let (event, next, new) = match result {
            Ok(image) => {
                let new = old.as_ref() != Some(&image);
                if let Some(old) = old.filter(|_| new) {
                    set_previous(context.flux, &mut status, Some(&old));
                }
                set_latest(context.flux, &mut status, Some(&image));
                put(&mut status, "observedGeneration", Some(object::generation(object).into()));
                let message = message(context.flux, &status, &image);
                let event = (new || !conditions.is(READY, Status::True))
                    .then(|| (Severity::Info, "Succeeded", message.clone()));
                conditions.ready("Succeeded", &message);
                let interval = spec.as_ref().ok().and_then(|spec| spec.interval);
                let next = interval.map_or(Next::Woken, |interval| Next::Idle(interval.to_std(), stamps));
                (event, next, new)
            }
            Err(failure) => {
                let old_release = context.flux < FluxRelease::V2_9;
                if old_release {
                    // What was taken before does not count any more, so that a recovery is not told as an update. Flux 2.9 keeps it.
                    set_previous(context.flux, &mut status, None);
                    set_latest(context.flux, &mut status, None);
                }
                if failure.stalled {
                    put(&mut status, "observedGeneration", Some(object::generation(object).into()));
                }
                let next = fail(&mut conditions, &failure, stamps);
                (Some((Severity::Error, failure.reason, failure.message)), next, old_release && old.is_some())
            }
        };
        status["conditions"] = serde_json::to_value(conditions.into_list()).unwrap_or_default();
        patch.write(&context.cluster, &status).await?;
        if let Some((severity, reason, message)) = event {
            self.events.write(&context.cluster, object, severity, reason, &message, &[]).await;
        }
        if new {
            context.wakes.wake_users(&policies_of(&ObjectRef::of(object).namespace), None, None);
        }
        Ok(next)
    }

    async fn take(
        &self,
        object: &Value,
        spec: &PolicySpec,
        old: Option<&Image>,
        stamps: &mut Vec<Stamp>,
    ) -> Result<Image, Failure> {
        let context = &self.context;
        let reflects = spec.digest_reflection_policy != Reflection::Never;
        if context.flux < FluxRelease::V2_9 && (reflects || spec.interval.is_some()) {
            let what = "spec.digestReflectionPolicy and spec.interval of an ImagePolicy in Flux 2.2.3";
            return Err(Failure::not_supported(what));
        }
        check_interval(spec)?;
        let who = ObjectRef::of(object);
        let repository = self.repository(&who, spec).await?;
        let canonical = repository["status"]["canonicalImageName"].as_str().unwrap_or_default();
        let unready = |message: String| Failure::new("DependencyNotReady", message);
        if canonical.is_empty() {
            return Err(unready("referenced ImageRepository has not been scanned yet".to_owned()));
        }
        let invalid =
            |error: PolicyError| Failure::stalled("InvalidPolicy", format!("invalid policy: {error}"));
        let policy = Policy::from_spec(&spec.policy).map_err(invalid)?;
        let filter = spec.filter_tags.as_ref().map(|filter| Filter::new(&filter.pattern, &filter.extract));
        let filter = filter.transpose().map_err(invalid)?;
        let tags = context.scans.tags(canonical).filter(|tags| !tags.is_empty());
        let tags = tags.ok_or_else(|| unready("no tags in database".to_owned()))?;
        let taken = policy.latest(filter.as_ref(), &tags);
        let tag = taken.map_err(|error| {
            Failure::new("Failure", format!("cannot determine latest tag for policy: {error}"))
        })?;
        let name = repository["spec"]["image"].as_str().unwrap_or_default().to_owned();
        let known = old.filter(|old| old.name == name && old.tag == tag).and_then(|old| old.digest.clone());
        let digest = match (spec.digest_reflection_policy, known) {
            (Reflection::Never, _) => None,
            (Reflection::IfNotPresent, Some(known)) => Some(known),
            _ => Some(self.digest(&repository, &tag, stamps).await?),
        };
        Ok(Image { name, tag, digest })
    }

    async fn repository(&self, who: &ObjectRef, spec: &PolicySpec) -> Result<Value, Failure> {
        let reference = &spec.image_repository_ref;
        let namespace =
            if reference.namespace.is_empty() { who.namespace.clone() } else { reference.namespace.clone() };
        let wanted = ObjectRef {
            kind: "ImageRepository".to_owned(),
            name: reference.name.clone(),
            namespace,
            ..who.clone()
        };
        let context = "failed to get the referred ImageRepository";
        let found = self.context.cluster.find_known(&wanted).await;
        let found =
            found.map_err(|error| Failure::new("DependencyNotReady", format!("{context}: {error}")))?;
        let mut found = (*found.ok_or_else(|| {
            let message = format!(
                "{context}: referenced ImageRepository does not exist: ImageRepository.image.toolkit.fluxcd.io \"{}\" not found",
                wanted.name
            );
            Failure::new("DependencyNotReady", message)
        })?)
        .clone();
        found["apiVersion"] = wanted.api_version().into();
        found["kind"] = wanted.kind.clone().into();
        access::may_use(&self.context, &found, &who.namespace)
            .await
            .map_err(|failure| Failure { message: format!("{context}: {}", failure.message), ..failure })?;
        Ok(found)
    }

    async fn digest(
        &self,
        repository: &Value,
        tag: &str,
        stamps: &mut Vec<Stamp>,
    ) -> Result<String, Failure> {
        let registries = &*self.context.registries;
        stamps.extend(registries.changes().iter().map(Signal::stamp));
        let failed = |problem: String| {
            Failure::new(
                "ReadOperationFailed",
                format!("failed fetching digest of image with tag {tag}: {problem}"),
            )
        };
        let spec: RepositorySpec =
            serde_json::from_value(repository["spec"].clone()).map_err(|error| failed(error.to_string()))?;
        let namespace = repository["metadata"]["namespace"].as_str().unwrap_or_default();
        let secrets = access::pull_secrets(&self.context, namespace, &spec).await?;
        let at = access::address(&self.context, namespace, &spec, &secrets).await?;
        let limit = spec.timeout.unwrap_or(spec.interval).to_std().max(Duration::from_secs(1));
        let found = self.context.clock.timeout(limit, registries.manifest(&at, tag)).await;
        let found = found.map_err(|_| failed("context deadline exceeded".to_owned()))?;
        found.map(|manifest| manifest.digest).map_err(|error| failed(error.to_string()))
    }
}

/// An interval belongs to digests that are looked up again and again, and to them alone.
fn check_interval(spec: &PolicySpec) -> Result<(), Failure> {
    let interval = spec.interval.map(|interval| interval.to_std()).filter(|time| !time.is_zero());
    match (spec.digest_reflection_policy, interval) {
        (Reflection::Always, None) => Err(Failure::stalled(
            "IntervalNotConfigured",
            "spec.interval must be set when spec.digestReflectionPolicy is set to 'Always'",
        )),
        (Reflection::Never | Reflection::IfNotPresent, Some(_)) => Err(Failure::stalled(
            "InvalidSpec",
            "spec.interval is only accepted when spec.digestReflectionPolicy is set to 'Always'",
        )),
        _ => Ok(()),
    }
}

/// The image that a policy's status has.
pub(super) fn latest(flux: FluxRelease, status: &Value) -> Option<Image> {
    if flux < FluxRelease::V2_9 {
        return split(status["latestImage"].as_str()?);
    }
    image(&status["latestRef"])
}

fn image(reference: &Value) -> Option<Image> {
    Some(Image {
        name: reference["name"].as_str()?.to_owned(),
        tag: reference["tag"].as_str()?.to_owned(),
        digest: reference["digest"].as_str().map(str::to_owned),
    })
}

fn split(text: &str) -> Option<Image> {
    let (name, tag) = text.rsplit_once(':').filter(|(_, tag)| !tag.contains('/'))?;
    Some(Image { name: name.to_owned(), tag: tag.to_owned(), digest: None })
}

fn set_latest(flux: FluxRelease, status: &mut Value, image: Option<&Image>) {
    match flux {
        FluxRelease::V2_2_3 => put(status, "latestImage", image.map(|image| image.to_string().into())),
        FluxRelease::V2_9 => put(status, "latestRef", image.map(as_reference)),
    }
}

fn set_previous(flux: FluxRelease, status: &mut Value, image: Option<&Image>) {
    match flux {
        FluxRelease::V2_2_3 => {
            put(status, "observedPreviousImage", image.map(|image| image.to_string().into()))
        }
        FluxRelease::V2_9 => put(status, "observedPreviousRef", image.map(as_reference)),
    }
}

/// An image as statuses of Flux 2.9 have it.
pub(super) fn as_reference(image: &Image) -> Value {
    let mut reference = json!({ "name": image.name, "tag": image.tag });
    if let Some(digest) = &image.digest {
        reference["digest"] = digest.as_str().into();
    }
    reference
}

fn message(flux: FluxRelease, status: &Value, image: &Image) -> String {
    let Image { name, tag, digest } = image;
    if flux < FluxRelease::V2_9 {
        let previous = status["observedPreviousImage"].as_str().and_then(split);
        return match previous.filter(|previous| previous.tag != *tag || previous.name != *name) {
            Some(previous) => format!("Latest image tag for '{name}' updated from {} to {tag}", previous.tag),
            None => format!("Latest image tag for '{name}' resolved to {tag}"),
        };
    }
    let mut message = format!("Latest image tag for {name} resolved to {tag}");
    if let Some(digest) = digest {
        message.push_str(&format!(" with digest {digest}"));
    }
    if let Some(previous) = self::image(&status["observedPreviousRef"]).filter(|previous| previous != image) {
        message.push_str(&format!(" (previously {previous})"));
    }
    message
}

impl Reconcile for PolicyReconciler {
    async fn reconcile(&self, object: Value, _wake: &Signal) -> Next {
        if let Some(next) = before(&self.context, &object, MANAGER).await {
            return next;
        }
        self.run(&object).await.unwrap_or_else(|error| after_error(&ObjectRef::of(&object), &error))
    }

    fn refers_to(&self, object: &Value) -> BTreeSet<String> {
        let repository = &object["spec"]["imageRepositoryRef"];
        let own = object["metadata"]["namespace"].as_str().unwrap_or_default();
        let namespace = repository["namespace"].as_str().filter(|name| !name.is_empty()).unwrap_or(own);
        let name = repository["name"].as_str();
        name.map(|name| reference("ImageRepository", namespace, name)).into_iter().collect()
    }
}
