//! The images that nodes have.

use crate::object::text;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What has been pulled, by node and image as pods name it, with the name under which the node keeps it.
#[derive(Default)]
pub(crate) struct Kept(Mutex<BTreeMap<(String, String), Option<String>>>);

impl Kept {
    fn all(&self) -> MutexGuard<'_, BTreeMap<(String, String), Option<String>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The name under which a node keeps the image of a container, where it has it and need not ask for it again.
    pub(crate) fn find(&self, node: &str, container: &Value) -> Option<Option<String>> {
        let image = text(container, &["image"]);
        if asks_always(container, image) {
            return None;
        }
        self.all().get(&(node.to_owned(), image.to_owned())).cloned()
    }

    /// A node has pulled an image.
    pub(crate) fn keep(&self, node: &str, image: &str, id: Option<&String>) {
        self.all().insert((node.to_owned(), image.to_owned()), id.cloned());
    }
}

/// Whether a container's image is pulled at every start; by default that of the tag `latest` is.
fn asks_always(container: &Value, image: &str) -> bool {
    match text(container, &["imagePullPolicy"]) {
        "Always" => true,
        "" => {
            let name = image.rsplit('/').next().unwrap_or_default();
            !image.contains('@') && name.split_once(':').is_none_or(|(_, tag)| tag == "latest")
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use serde_json::json;

    #[rstest]
    #[case::version(json!({"image": "img:1"}), true)]
    #[case::latest(json!({"image": "img:latest"}), false)]
    #[case::no_tag(json!({"image": "localhost:5000/img"}), false)]
    #[case::digest(json!({"image": "img@sha256:1"}), true)]
    #[case::always(json!({"image": "img:1", "imagePullPolicy": "Always"}), false)]
    #[case::latest_if_missing(json!({"image": "img", "imagePullPolicy": "IfNotPresent"}), true)]
    fn what_a_node_has_is_not_asked_for(#[case] container: Value, #[case] found: bool) {
        let kept = Kept::default();
        assert_eq!(kept.find("node", &container), None);
        let id = "img@sha256:1".to_owned();
        kept.keep("node", text(&container, &["image"]), Some(&id));
        assert_eq!(kept.find("node", &container), found.then_some(Some(id)));
        assert_eq!(kept.find("other", &container), None);
    }
}
