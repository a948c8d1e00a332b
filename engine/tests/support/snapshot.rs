//! All objects of a cluster, without what tells when they came about and not what they are.

use super::World;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Fields that say when and which, at any depth.
const VOLATILE: [&str; 9] = [
    "uid",
    "resourceVersion",
    "creationTimestamp",
    "deletionTimestamp",
    "time",
    "lastTransitionTime",
    "lastUpdateTime",
    "firstReconciled",
    "lastReconciled",
];

/// The objects of `resources` (paths of collections) by path, for comparison.
///
/// Left out are times, uids and versions, and of histories and messages how long and how often something was done:
/// who is killed does it again.
pub(crate) async fn snapshot(world: &World, resources: &[&str]) -> BTreeMap<String, Value> {
    let mut found = BTreeMap::new();
    for path in resources {
        let list = world.get(path).await;
        for object in list["items"].as_array().into_iter().flatten() {
            let metadata = &object["metadata"];
            let name =
                [&metadata["namespace"], &metadata["name"]].map(|part| part.as_str().unwrap_or_default());
            let mut object = object.clone();
            plain(&mut object);
            found.insert(format!("{path} {}", name.join("/")), object);
        }
    }
    found
}

fn plain(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.retain(|key, _| !VOLATILE.contains(&key.as_str()));
            if let Some(history) = map.get_mut("history").and_then(Value::as_array_mut) {
                for entry in history {
                    *entry = json!([entry["digest"], entry["lastReconciledStatus"], entry["metadata"]]);
                }
            }
            if let Some(Value::String(message)) = map.get_mut("message")
                && let Some((said, _)) = message.split_once(" passed in ")
            {
                *message = said.to_owned();
            }
            map.values_mut().for_each(plain);
        }
        Value::Array(list) => list.iter_mut().for_each(plain),
        _ => {}
    }
}
