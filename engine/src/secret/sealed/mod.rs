//! The controller of sealed secrets, as the one of bitnami-labs/sealed-secrets v0.27 was seen to work.
//!
//! ```text
//! Deployment with the controller's image, a ready pod ── gate ──► one instance: keys, reconciler, HTTP, log
//! SealedSecret ── keys ──► Secret (owned), status, event
//! ```
//!
//! - [`flags`]: the arguments of the container; what is not supported is refused by an event on the Deployment.
//! - [`gate`]: follows Deployments; an instance lives as long as its pod would.
//! - [`keys`]: reads the keys once, when it starts, makes new ones when they are due.
//! - [`reconcile`]: one SealedSecret.
//! - [`http`]: what kubeseal asks for.
//!
//! # Guarantees
//! - The instance acts as the ServiceAccount of its Deployment: what RBAC does not give it, it does not get.
//! - A Secret that is not its own is never written, unless the Secret says so.
//! - Neither a value nor a key is in a log, an event, a status or an error, nor what a template made of a value: of a template that
//!   fails only what the template alone decides is told.

mod flags;
mod gate;
mod http;
mod instance;
mod keys;
mod reconcile;
mod target;
mod template;
#[cfg(test)]
mod tests;

pub use gate::{SealedSecrets, SealedSecretsOptions, SealedSecretsRef};
pub use http::{SealedAnswer, SealedRequest};
pub use keys::{GeneratedKeys, KeySource};
pub use template::render as render_template;

/// The last part of the image's name by which a controller is known.
pub const SEALED_SECRETS_IMAGE: &str = "sealed-secrets-controller";
/// The container of a pod's spec that is a controller: the last part of its image is [`SEALED_SECRETS_IMAGE`].
pub fn sealed_secrets_container(pod_spec: &serde_json::Value) -> Option<&serde_json::Value> {
    let is_controller = |image: &str| {
        let image = image.split('@').next().unwrap_or_default();
        let last = image.rsplit('/').next().unwrap_or_default();
        last.split(':').next() == Some(SEALED_SECRETS_IMAGE)
    };
    let mut containers = pod_spec["containers"].as_array()?.iter();
    containers.find(|container| container["image"].as_str().is_some_and(is_controller))
}

/// The release that was looked at.
const RELEASE: &str = "v0.27.1";

/// What a controller of this image says that its version is: the tag, where that is a version, else that of the release that was looked at.
fn sealed_secrets_version(image: &str) -> String {
    let image = image.split('@').next().unwrap_or_default();
    let tag = image.rsplit('/').next().and_then(|last| Some(last.split_once(':')?.1)).unwrap_or_default();
    let tag = tag.strip_prefix('v').unwrap_or(tag);
    let number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    match tag.split('.').count() == 3 && tag.split('.').all(number) {
        true => format!("v{tag}"),
        false => RELEASE.to_owned(),
    }
}

/// The component of its events.
const COMPONENT: &str = "sealed-secrets";
/// Whom the API server is told that writes.
const MANAGER: &str = "controller";
