//! Where the images of containers come from.

use super::container::Image;
use super::fate::not_found;
use super::sync::{Kubelet, View};
use crate::context::Context;
use crate::object::{Key, Object, earlier, list, namespace, text};
use crate::options::{Pull, PullRequest};
use crate::store::Store;
use serde_json::Value;
use std::time::Duration;

impl View<'_> {
    /// Whether the image of a container is there; asks for it where the node does not have it.
    pub(super) fn image(&mut self, container: &Value, missing: bool) -> Image {
        let (container_name, image) = (text(container, &["name"]), text(container, &["image"]));
        let node = text(self.pod, &["spec", "nodeName"]);
        let Kubelet { context, kept, .. } = self.kubelet;
        let pod = self.pod;
        let logins = || {
            let secrets = pull_secrets(context, pod);
            context.options.images.logins(&PullRequest { image, secrets: &secrets })
        };
        if !missing && let Some(id) = kept.find(node, container, logins) {
            return Image::Present { id, took: Duration::ZERO };
        }
        if text(container, &["imagePullPolicy"]) == "Never" {
            // What another profile changes is looked at then.
            let until = (!missing).then(|| kept.wait(node, image, &Key::of(pod), self.now)).flatten();
            return Image::NeverPulled { until };
        }
        let found = self.memory.image(container_name, self.now, || {
            if missing {
                return Pull::missing(not_found(image));
            }
            let secrets = pull_secrets(context, pod);
            context.options.images.pull(&PullRequest { image, secrets: &secrets })
        });
        if let Image::Present { id, .. } = &found {
            let login = self.memory.login(container_name);
            let own = Key::of(pod);
            for (waiting, at) in kept.keep(node, image, id.as_ref(), login, self.now) {
                if waiting == own {
                    self.wake = earlier(self.wake, Some(at));
                } else {
                    context.queues.pods.add_at(waiting, at);
                }
            }
        }
        found
    }
}

/// The pull secrets of a pod that exist: its own, else those of its service account.
fn pull_secrets(context: &Context, pod: &Value) -> Vec<Object> {
    let stores = &context.stores;
    let find = |store: &Store, name: &str| store.get(&Key::new(namespace(pod), name));
    let own = list(pod, &["spec", "imagePullSecrets"]);
    let account = match text(pod, &["spec", "serviceAccountName"]) {
        _ if !own.is_empty() => None,
        "" => find(&stores.service_accounts, "default"),
        name => find(&stores.service_accounts, name),
    };
    let listed = account.as_deref().map_or(own, |account| list(account, &["imagePullSecrets"]));
    listed.iter().filter_map(|secret| find(&stores.secrets, text(secret, &["name"]))).collect()
}
