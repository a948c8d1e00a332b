//! What each Kustomization applied last, so that a reconcile that finds nothing new does not make it again.

use crate::apply::Bundle;
use crate::object::ObjectRef;
use seatrial_api::kustomization::{CommonMetadata, PostBuild};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// All that a bundle is made of, besides the Kustomization's own name.
pub(crate) struct Ingredients {
    /// What kustomize built. The artifact store keeps one for all who build the same.
    pub(super) built: Arc<Vec<Value>>,
    /// What tells the keys apart that secrets were decrypted with.
    pub(super) keys: Option<String>,
    pub(super) variables: Option<BTreeMap<String, String>>,
    pub(super) post_build: Option<PostBuild>,
    pub(super) common: Option<CommonMetadata>,
}

impl PartialEq for Ingredients {
    fn eq(&self, other: &Ingredients) -> bool {
        Arc::ptr_eq(&self.built, &other.built)
            && self.keys == other.keys
            && self.variables == other.variables
            && self.post_build == other.post_build
            && self.common == other.common
    }
}

/// The last bundle of each Kustomization.
#[derive(Default)]
pub(crate) struct Bundles(Mutex<BTreeMap<ObjectRef, (Ingredients, Arc<Bundle>)>>);

impl Bundles {
    /// The last bundle, if it was made of just this.
    pub(super) fn get(&self, who: &ObjectRef, of: &Ingredients) -> Option<Arc<Bundle>> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.get(who).filter(|(last, _)| last == of).map(|(_, bundle)| bundle.clone())
    }

    /// Keeps a bundle.
    pub(super) fn put(&self, who: &ObjectRef, of: Ingredients, bundle: Bundle) -> Arc<Bundle> {
        let bundle = Arc::new(bundle);
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert(who.clone(), (of, bundle.clone()));
        bundle
    }

    /// Forgets a Kustomization that is gone.
    pub(super) fn forget(&self, who: &ObjectRef) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(who);
    }
}
