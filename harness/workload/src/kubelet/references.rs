//! The ConfigMaps, Secrets and claims that a pod needs before it can start. Pure, over lookups.

use crate::object::{at, flag, list, text};
use serde_json::Value;

/// What the kubelet can look up in the pod's namespace: the keys of a ConfigMap or Secret, if it exists.
pub(crate) trait Lookup {
    /// Whether the ConfigMap exists, and whether it has the key (`None` asks for the object alone).
    fn config_map(&self, name: &str, key: Option<&str>) -> Found;
    /// The same for a Secret.
    fn secret(&self, name: &str, key: Option<&str>) -> Found;
    /// Whether the PersistentVolumeClaim exists.
    fn claim(&self, name: &str) -> bool;
}

/// The answer to a lookup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// The object, and the key if one was asked for, are there.
    Yes,
    /// The object does not exist.
    NoObject,
    /// The object has no such key.
    NoKey,
}

/// Why a container cannot be made, in the kubelet's words.
pub(crate) fn environment_obstacle(
    namespace: &str,
    container: &Value,
    lookup: &dyn Lookup,
) -> Option<String> {
    for source in list(container, &["envFrom"]) {
        for (field, kind) in [("configMapRef", Kind::ConfigMap), ("secretRef", Kind::Secret)] {
            if let Some(reference) = at(source, &[field])
                && !flag(reference, &["optional"])
                && kind.find(lookup, text(reference, &["name"]), None) != Found::Yes
            {
                return Some(kind.not_found(text(reference, &["name"])));
            }
        }
    }
    for variable in list(container, &["env"]) {
        for (field, kind) in [("configMapKeyRef", Kind::ConfigMap), ("secretKeyRef", Kind::Secret)] {
            let Some(reference) = at(variable, &["valueFrom", field]) else { continue };
            if flag(reference, &["optional"]) {
                continue;
            }
            let (name, key) = (text(reference, &["name"]), text(reference, &["key"]));
            match kind.find(lookup, name, Some(key)) {
                Found::Yes => {}
                Found::NoObject => return Some(kind.not_found(name)),
                Found::NoKey => {
                    return Some(format!("couldn't find key {key} in {} {namespace}/{name}", kind.word()));
                }
            }
        }
    }
    None
}

/// Why a volume of the pod cannot be mounted, in the kubelet's words.
pub(crate) fn volume_obstacle(pod: &Value, lookup: &dyn Lookup) -> Option<String> {
    let check = |volume: &str, source: &Value, kind: Kind, field: &str| -> Option<String> {
        if flag(source, &["optional"]) {
            return None;
        }
        let name = text(source, &[field]);
        let failed = |why: String| Some(format!("MountVolume.SetUp failed for volume \"{volume}\" : {why}"));
        if kind.find(lookup, name, None) == Found::NoObject {
            return failed(kind.not_found(name));
        }
        list(source, &["items"])
            .iter()
            .map(|item| text(item, &["key"]))
            .find(|key| kind.find(lookup, name, Some(key)) == Found::NoKey)
            .and_then(|key| failed(format!("references non-existent {} key: {key}", kind.adjective())))
    };
    list(pod, &["spec", "volumes"]).iter().find_map(|volume| {
        let volume_name = text(volume, &["name"]);
        if let Some(source) = at(volume, &["configMap"]) {
            return check(volume_name, source, Kind::ConfigMap, "name");
        }
        if let Some(source) = at(volume, &["secret"]) {
            return check(volume_name, source, Kind::Secret, "secretName");
        }
        list(volume, &["projected", "sources"]).iter().find_map(|source| {
            let config_map = at(source, &["configMap"])
                .and_then(|source| check(volume_name, source, Kind::ConfigMap, "name"));
            let secret = || {
                at(source, &["secret"]).and_then(|source| check(volume_name, source, Kind::Secret, "name"))
            };
            config_map.or_else(secret)
        })
    })
}

/// The claims of a pod's volumes.
pub(crate) fn claims(pod: &Value) -> impl Iterator<Item = String> {
    let pod_name = crate::object::name(pod).to_owned();
    list(pod, &["spec", "volumes"]).iter().filter_map(move |volume| {
        if let Some(claim) = at(volume, &["persistentVolumeClaim"]) {
            return Some(text(claim, &["claimName"]).to_owned());
        }
        at(volume, &["ephemeral"]).map(|_| format!("{pod_name}-{}", text(volume, &["name"])))
    })
}

#[derive(Clone, Copy)]
enum Kind {
    ConfigMap,
    Secret,
}

impl Kind {
    fn find(self, lookup: &dyn Lookup, name: &str, key: Option<&str>) -> Found {
        match self {
            Kind::ConfigMap => lookup.config_map(name, key),
            Kind::Secret => lookup.secret(name, key),
        }
    }

    fn not_found(self, name: &str) -> String {
        match self {
            Kind::ConfigMap => format!("configmap \"{name}\" not found"),
            Kind::Secret => format!("secret \"{name}\" not found"),
        }
    }

    fn word(self) -> &'static str {
        match self {
            Kind::ConfigMap => "ConfigMap",
            Kind::Secret => "Secret",
        }
    }

    fn adjective(self) -> &'static str {
        match self {
            Kind::ConfigMap => "config",
            Kind::Secret => "secret",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use serde_json::json;

    /// Has one ConfigMap and one Secret, both called `there`, with the key `key`.
    struct One;

    impl Lookup for One {
        fn config_map(&self, name: &str, key: Option<&str>) -> Found {
            match (name, key) {
                ("there", None | Some("key")) => Found::Yes,
                ("there", _) => Found::NoKey,
                _ => Found::NoObject,
            }
        }
        fn secret(&self, name: &str, key: Option<&str>) -> Found {
            self.config_map(name, key)
        }
        fn claim(&self, name: &str) -> bool {
            name == "there"
        }
    }

    #[rstest]
    #[case::nothing(json!({}), None)]
    #[case::env_from(json!({"envFrom": [{"configMapRef": {"name": "there"}}]}), None)]
    #[case::env_from_missing(json!({"envFrom": [{"configMapRef": {"name": "x"}}]}),
        Some("configmap \"x\" not found"))]
    #[case::env_from_secret(json!({"envFrom": [{"secretRef": {"name": "x"}}]}), Some("secret \"x\" not found"))]
    #[case::optional(json!({"envFrom": [{"secretRef": {"name": "x", "optional": true}}]}), None)]
    #[case::key_missing(json!({"env": [{"name": "A", "valueFrom":
        {"secretKeyRef": {"name": "there", "key": "other"}}}]}), Some("couldn't find key other in Secret ns/there"))]
    #[case::key_there(json!({"env": [{"name": "A", "valueFrom":
        {"configMapKeyRef": {"name": "there", "key": "key"}}}]}), None)]
    fn containers_wait_for_what_their_environment_names(
        #[case] container: Value,
        #[case] want: Option<&str>,
    ) {
        assert_eq!(environment_obstacle("ns", &container, &One).as_deref(), want);
    }

    #[rstest]
    #[case::there(json!({"name": "v", "configMap": {"name": "there"}}), None)]
    #[case::missing(json!({"name": "v", "configMap": {"name": "x"}}),
        Some("MountVolume.SetUp failed for volume \"v\" : configmap \"x\" not found"))]
    #[case::secret(json!({"name": "v", "secret": {"secretName": "x"}}),
        Some("MountVolume.SetUp failed for volume \"v\" : secret \"x\" not found"))]
    #[case::key(json!({"name": "v", "configMap": {"name": "there", "items": [{"key": "no", "path": "p"}]}}),
        Some("MountVolume.SetUp failed for volume \"v\" : references non-existent config key: no"))]
    #[case::projected(json!({"name": "v", "projected": {"sources": [{"secret": {"name": "x"}}]}}),
        Some("MountVolume.SetUp failed for volume \"v\" : secret \"x\" not found"))]
    #[case::empty_dir(json!({"name": "v", "emptyDir": {}}), None)]
    fn pods_wait_for_what_their_volumes_name(#[case] volume: Value, #[case] want: Option<&str>) {
        assert_eq!(volume_obstacle(&json!({"spec": {"volumes": [volume]}}), &One).as_deref(), want);
    }
}
