//! Which objects a Kustomization manages. Pure.

use crate::object::ObjectRef;
use seatrial_api::kustomization::{ResourceInventory, ResourceRef};
use std::collections::BTreeSet;

/// The entry of an object: `<namespace>_<name>_<group>_<kind>`. Colons in names (RBAC) are doubled underscores.
pub(crate) fn entry(object: &ObjectRef) -> ResourceRef {
    let name = object.name.replace(':', "__");
    ResourceRef {
        id: format!("{}_{name}_{}_{}", object.namespace, object.group, object.kind),
        v: object.version.clone(),
    }
}

/// The object of an entry; none where it is malformed.
pub(crate) fn object(entry: &ResourceRef) -> Option<ObjectRef> {
    let (rest, kind) = entry.id.rsplit_once('_')?;
    let (rest, group) = rest.rsplit_once('_')?;
    let (namespace, name) = rest.split_once('_')?;
    Some(ObjectRef {
        group: group.to_owned(),
        version: entry.v.clone(),
        kind: kind.to_owned(),
        namespace: namespace.to_owned(),
        name: name.replace("__", ":"),
    })
}

/// What is in `old` and not in `new`, whatever the version.
pub(crate) fn stale(old: &ResourceInventory, new: &ResourceInventory) -> Vec<ObjectRef> {
    let kept: BTreeSet<&str> = new.entries.iter().map(|entry| entry.id.as_str()).collect();
    old.entries.iter().filter(|entry| !kept.contains(entry.id.as_str())).filter_map(object).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case(
        ObjectRef::new("apps/v1", "Deployment", "default", "podinfo"),
        "default_podinfo_apps_Deployment",
        "v1"
    )]
    #[case(ObjectRef::new("v1", "Service", "default", "podinfo"), "default_podinfo__Service", "v1")]
    #[case(ObjectRef::new("v1", "Namespace", "", "apps"), "_apps__Namespace", "v1")]
    #[case(
        ObjectRef::new("rbac.authorization.k8s.io/v1", "ClusterRole", "", "system:x"),
        "_system__x_rbac.authorization.k8s.io_ClusterRole",
        "v1"
    )]
    fn an_entry_names_its_object(#[case] who: ObjectRef, #[case] id: &str, #[case] version: &str) {
        let entry = entry(&who);
        assert_eq!((entry.id.as_str(), entry.v.as_str()), (id, version));
        assert_eq!(object(&entry), Some(who));
    }

    #[test]
    fn a_new_version_of_a_kind_makes_nothing_stale() {
        let inventory = |version: &str| ResourceInventory {
            entries: vec![
                ResourceRef { id: "a_x_apps_Deployment".into(), v: version.into() },
                ResourceRef { id: format!("a_{version}__ConfigMap"), v: "v1".into() },
            ],
        };
        let stale = stale(&inventory("v1beta1"), &inventory("v1"));
        assert_eq!(stale, [ObjectRef::new("v1", "ConfigMap", "a", "v1beta1")]);
    }
}
