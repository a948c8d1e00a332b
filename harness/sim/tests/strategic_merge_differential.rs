//! Strategic merge patches against the real API server: random patches, each compared by itself.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "kube/defaulted.rs"]
mod defaulted;
mod kube;

use defaulted::difference;
use kube::Kube;
use seatrial_schema::kubernetes;
use seatrial_sim::strategic_merge::merge;
use serde_json::{Map, Value, json};

struct Rng(u64);

impl Rng {
    fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % n
    }

    fn some(&mut self, of: &[&'static str]) -> Vec<&'static str> {
        let mut all: Vec<&'static str> = of.iter().copied().filter(|_| self.below(2) == 0).collect();
        for i in (1..all.len()).rev() {
            all.swap(i, usize::try_from(self.below(i as u64 + 1)).unwrap());
        }
        all
    }
}

fn live() -> Value {
    let containers: Vec<Value> = ["a", "b", "c"]
        .iter()
        .map(|name| {
            json!({"name": name, "image": "i", "args": ["1", "2"],
                "env": [{"name": "E", "value": "1"}, {"name": "F", "value": "2"}, {"name": "G", "value": "3"}],
                "ports": [{"containerPort": 80}, {"containerPort": 81}]})
        })
        .collect();
    json!({"apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "patched", "labels": {"a": "1", "b": "2"}, "finalizers": ["x/a", "x/b", "x/c"]},
        "spec": {"selector": {"matchLabels": {"a": "b"}}, "template": {"metadata": {"labels": {"a": "b"}},
            "spec": {"containers": containers, "volumes": [{"name": "v", "emptyDir": {}}],
                "tolerations": [{"key": "t"}], "nodeSelector": {"n": "1", "m": "1"}}}}})
}

/// A list of named items: some merged, some deleted, with an order that fits, or without one.
fn random_list(
    rng: &mut Rng,
    field: &str,
    names: &[&'static str],
    out: &mut Map<String, Value>,
    item: fn(&mut Rng) -> Value,
) {
    let chosen = rng.some(names);
    let items: Vec<Value> = chosen
        .iter()
        .map(|name| {
            let mut value = match rng.below(4) {
                0 => json!({"$patch": "delete"}),
                _ => item(rng),
            };
            value["name"] = json!(name);
            value
        })
        .collect();
    if rng.below(2) == 0 {
        // The order lists what is merged, in its order, and some others among them.
        let kept: Vec<&str> =
            items.iter().filter(|i| i.get("$patch").is_none()).filter_map(|i| i["name"].as_str()).collect();
        let mut order: Vec<&str> = kept;
        for other in rng.some(names) {
            let deleted = items.iter().any(|i| i["name"] == other && i.get("$patch").is_some());
            if !order.contains(&other) && !deleted {
                let place = usize::try_from(rng.below(order.len() as u64 + 1)).unwrap();
                order.insert(place, other);
            }
        }
        let order: Vec<Value> = order.into_iter().map(|n| json!({"name": n})).collect();
        out.insert(format!("$setElementOrder/{field}"), json!(order));
    }
    out.insert(field.to_owned(), json!(items));
}

fn random_container(rng: &mut Rng) -> Value {
    let mut out = Map::new();
    out.insert("image".to_owned(), json!(if rng.below(2) == 0 { "i" } else { "j" }));
    if rng.below(2) == 0 {
        random_list(
            rng,
            "env",
            &["E", "F", "G", "H", "I"],
            &mut out,
            |rng| json!({"value": rng.below(3).to_string()}),
        );
    }
    if rng.below(3) == 0 {
        out.insert("args".to_owned(), json!(rng.some(&["1", "2", "3"])));
    }
    if rng.below(3) == 0 {
        out.insert("ports".to_owned(), json!([{"containerPort": 79 + rng.below(4), "name": "p"}]));
    }
    if rng.below(6) == 0 {
        out.insert("env".to_owned(), Value::Null);
        out.remove("$setElementOrder/env");
    }
    Value::Object(out)
}

fn random_patch(rng: &mut Rng) -> Value {
    let mut spec = Map::new();
    if rng.below(4) != 0 {
        random_list(rng, "containers", &["a", "b", "c", "d", "e"], &mut spec, random_container);
    }
    if rng.below(3) == 0 {
        spec.insert("tolerations".to_owned(), json!([{"key": "u"}]));
    }
    if rng.below(3) == 0 {
        let selector = match rng.below(2) {
            0 => json!({"o": "2", "$patch": "replace"}),
            _ => json!({"n": null, "o": "2", "$patch": "merge"}),
        };
        spec.insert("nodeSelector".to_owned(), selector);
    }
    if rng.below(3) == 0 {
        random_list(
            rng,
            "volumes",
            &["v", "w"],
            &mut spec,
            |_| json!({"$retainKeys": ["name", "configMap"], "configMap": {"name": "c"}}),
        );
    }
    let mut metadata = Map::new();
    if rng.below(2) == 0 {
        let names = ["x/a", "x/b", "x/c", "x/d"];
        let added = rng.some(&names);
        let gone: Vec<&str> = rng.some(&names).into_iter().filter(|n| !added.contains(n)).collect();
        metadata.insert("finalizers".to_owned(), json!(added));
        metadata.insert("$deleteFromPrimitiveList/finalizers".to_owned(), json!(gone));
    }
    if rng.below(2) == 0 {
        metadata.insert("labels".to_owned(), json!({"a": null, "c": "3"}));
    }
    json!({"metadata": metadata, "spec": {"template": {"spec": spec}}})
}

#[test]
fn deployments_are_patched_as_by_the_real_server() {
    let Some(kube) = Kube::start() else { return };
    let ty = kubernetes().type_of("apps/v1", "Deployment").unwrap();
    let all = "/apis/apps/v1/namespaces/default/deployments";
    let path = format!("{all}/patched");
    kube.create(all, &live());
    let live = kube.get(&path).unwrap();
    let mut rng = Rng(7919);
    let count = std::env::var("SEATRIAL_SEEDS").ok().and_then(|n| n.parse().ok()).unwrap_or(12) * 10;
    for step in 0..count {
        let patch = random_patch(&mut rng);
        let url = format!("{path}?dryRun=All");
        let (status, real) =
            kube.request("PATCH", &url, "application/strategic-merge-patch+json", Some(&patch));
        let what = format!("step {step}\n{patch}");
        match merge(&live, &patch, ty) {
            Err(error) => assert_eq!(json!(error.to_string()), real["message"], "{what}"),
            Ok(_) if status == 422 => {}
            Ok(mut ours) => {
                assert!(status < 300, "{what}\n{real}");
                for field in ["managedFields", "generation", "resourceVersion"] {
                    ours["metadata"][field] = real["metadata"][field].clone();
                }
                if let Some(difference) = difference("", &ours, &real) {
                    panic!("{difference}\n{what}");
                }
            }
        }
    }
    kube.request(
        "PATCH",
        &path,
        "application/merge-patch+json",
        Some(&json!({"metadata": {"finalizers": null}})),
    );
    kube.request("DELETE", &path, "application/json", None);
}
