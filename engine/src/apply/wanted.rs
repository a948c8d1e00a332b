//! What is to be applied. Pure.

use super::{native, order};
use crate::artifact::hex;
use crate::object::ObjectRef;
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::sync::Arc;

/// An object that is to be applied.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    /// Who it is.
    pub(crate) who: ObjectRef,
    /// The object.
    pub(crate) object: Arc<Value>,
    /// The object as JSON text.
    pub(crate) text: String,
}

impl Wanted {
    /// With what Flux leaves of the object, see [`native`].
    pub(crate) fn new(mut object: Value) -> Wanted {
        native::as_flux_has_it(&mut object);
        Wanted { who: ObjectRef::of(&object), text: object.to_string(), object: Arc::new(object) }
    }
}

/// All that one Kustomization applies.
#[derive(Debug)]
pub(crate) struct Bundle {
    /// In the stages of their application, each sorted.
    pub(crate) stages: [Vec<Wanted>; 3],
    /// `sha256:<hex>` of all objects.
    pub(crate) digest: String,
}

impl Bundle {
    pub(crate) fn new(objects: Vec<Value>) -> Bundle {
        let objects: Vec<Wanted> = objects.into_iter().map(Wanted::new).collect();
        let mut hash = Sha256::new();
        for object in &objects {
            hash.update(&object.text);
            hash.update("\n");
        }
        let digest = format!("sha256:{}", hex(&hash.finalize()));
        Bundle { stages: order::stages(objects), digest }
    }

    /// A Secret that is still encrypted: what is left of its metadata says so.
    pub(crate) fn encrypted(&self) -> Option<&ObjectRef> {
        let all = self.stages.iter().flatten();
        let mut secrets =
            all.filter(|wanted| wanted.object["kind"] == "Secret" && wanted.object["apiVersion"] == "v1");
        secrets.find(|secret| secret.object.get("sops").is_some()).map(|secret| &secret.who)
    }
}
