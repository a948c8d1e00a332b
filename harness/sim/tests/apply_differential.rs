//! Server-side apply against the real API server: random configurations, and each step compared by itself.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod kube;
#[path = "kube/compare.rs"]
mod shared;

use kube::Kube;
use seatrial_schema::kubernetes;
use seatrial_sim::crd_schema::CrdSchema;
use seatrial_sim::managed_fields::{Kind, Writer, apply, update};
use serde_json::{Map, Value, json};
use shared::{compare, spec_schema, writer};

/// How many random histories; `SEATRIAL_SEEDS` asks for more.
fn seeds() -> u64 {
    std::env::var("SEATRIAL_SEEDS").ok().and_then(|n| n.parse().ok()).unwrap_or(12)
}

const STEPS: usize = 14;

/// Appends a step to the file that `SEATRIAL_RECORD` names: what `tests/apply.rs` replays without a server.
fn record(kind: &str, live: Option<&Value>, request: Value, body: &Value, status: u16, real: &Value) {
    let Some(path) = std::env::var_os("SEATRIAL_RECORD") else { return };
    let strip = |object: &Value| {
        let mut object = object.clone();
        for field in ["uid", "resourceVersion", "creationTimestamp", "generation", "namespace"] {
            if let Some(Value::Object(metadata)) = object.get_mut("metadata") {
                metadata.remove(field);
            }
        }
        object
    };
    let answer = if status < 300 { strip(real) } else { real["message"].clone() };
    let step =
        json!({"kind": kind, "live": live.map(strip), "request": request, "body": body, "answer": answer});
    let mut file = std::fs::OpenOptions::new().create(true).append(true).open(path).unwrap();
    std::io::Write::write_all(&mut file, format!("{step}\n").as_bytes()).unwrap();
}

struct Rng(u64);

impl Rng {
    fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % n
    }

    fn pick<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[usize::try_from(self.below(of.len() as u64)).unwrap()]
    }

    fn some(&mut self, of: &[&'static str]) -> Vec<&'static str> {
        let mut all: Vec<&'static str> = of.iter().copied().filter(|_| self.below(2) == 0).collect();
        for i in (1..all.len()).rev() {
            all.swap(i, usize::try_from(self.below(i as u64 + 1)).unwrap());
        }
        all
    }
}

fn random_spec(rng: &mut Rng) -> Value {
    let mut spec = Map::new();
    let digit = |rng: &mut Rng| rng.below(3);
    for field in rng.some(&["n", "s", "ios", "m", "set", "at", "map", "amap", "free", "st"]) {
        let value = match field {
            "n" => json!(digit(rng)),
            "s" => json!(rng.pick(&["u", "v"])),
            "ios" => [json!(1), json!("1"), json!("50%")][usize::try_from(digit(rng)).unwrap()].clone(),
            "set" => json!(rng.some(&["a", "b", "c", "d", "e"])),
            "at" => json!(rng.some(&["a", "b"])),
            "amap" => rng.some(&["a", "b"]).into_iter().map(|k| (k.to_owned(), json!("1"))).collect(),
            "st" => match digit(rng) {
                0 => json!({}),
                1 => json!({"p": rng.pick(&["1", "2"])}),
                _ => json!({"q": rng.pick(&["Q", "R"])}),
            },
            "map" => {
                let keys = rng.some(&["k", "l", "j"]);
                keys.into_iter().map(|k| (k.to_owned(), random_point(rng))).collect()
            }
            "free" => {
                let keys = rng.some(&["k", "l", "j"]);
                keys.into_iter()
                    .map(|k| {
                        let value = match digit(rng) {
                            0 => random_point(rng),
                            1 => json!([1, {"a": digit(rng)}]),
                            _ => json!({"deep": {"er": digit(rng)}}),
                        };
                        (k.to_owned(), value)
                    })
                    .collect()
            }
            _ => {
                let keys = rng.some(&["1", "2", "3", "4"]);
                keys.into_iter()
                    .map(|k| {
                        let mut item = json!({"a": k});
                        if rng.below(2) == 0 {
                            item["b"] = json!(rng.pick(&["B", "C"]));
                        }
                        if rng.below(2) == 0 {
                            item["c"] = json!(rng.pick(&["x", "y"]));
                        }
                        if rng.below(2) == 0 {
                            item["o"] = random_point(rng);
                        }
                        item
                    })
                    .collect()
            }
        };
        spec.insert(field.to_owned(), value);
    }
    Value::Object(spec)
}

fn random_point(rng: &mut Rng) -> Value {
    rng.some(&["x", "y"]).into_iter().map(|k| (k.to_owned(), json!(rng.below(2)))).collect()
}

fn random_labels(rng: &mut Rng) -> Value {
    rng.some(&["a", "b"]).into_iter().map(|k| (k.to_owned(), json!(rng.pick(&["1", "2"])))).collect()
}

#[test]
fn custom_resources_are_applied_and_updated_as_by_the_real_server() {
    let Some(kube) = Kube::start() else { return };
    let status = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
    let schema = json!({"type": "object", "properties": {"spec": spec_schema(), "status": status}});
    let definition = json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "fuzzes.seatrial.dev"},
        "spec": {"group": "seatrial.dev", "names": {"kind": "Fuzz", "plural": "fuzzes"}, "scope": "Namespaced",
            "versions": [{"name": "v1", "served": true, "storage": true, "subresources": {"status": {}},
                "schema": {"openAPIV3Schema": schema}}]}});
    kube.create("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", &definition);
    let all = "/apis/seatrial.dev/v1/namespaces/default/fuzzes";
    for _ in 0..100 {
        if kube.get(all).is_some() && kube.get("/openapi/v3/apis/seatrial.dev/v1").is_some() {
            break;
        }
        std::process::Command::new("sleep").arg("0.1").status().unwrap();
    }
    let crd = CrdSchema::compile(Some(&schema), "seatrial.dev/v1", "Fuzz", "schema").unwrap();
    let kind = Kind { ty: crd.type_ref(), built_in: false };
    let path = format!("{all}/f");
    for seed in 1..=seeds() {
        let mut rng = Rng(seed * 7919);
        kube.request("DELETE", &path, "application/json", None);
        for step in 0..STEPS {
            let live = kube.get(&path);
            let mut body =
                json!({"apiVersion": "seatrial.dev/v1", "kind": "Fuzz", "metadata": {"name": "f"}});
            body["spec"] = random_spec(&mut rng);
            if rng.below(2) == 0 {
                body["metadata"]["labels"] = random_labels(&mut rng);
            }
            let what =
                format!("seed {seed}, step {step}\nlive {}\nbody {body}", live.clone().unwrap_or_default());
            if let (Some(live), 0) = (&live, rng.below(5)) {
                body["status"] =
                    json!({"n": rng.below(2), "o": random_point(&mut rng), "l": rng.some(&["a", "b"])});
                through_status(&kube, &path, live, body, kind, &mut rng, &what);
                continue;
            }
            if let (Some(live), 0) = (&live, rng.below(15)) {
                // The entries are cleared: nobody owns anything before the next apply.
                let mut cleared = live.clone();
                cleared["metadata"]["managedFields"] = json!([{}]);
                let (status, real) = kube.request("PUT", &path, "application/json", Some(&cleared));
                assert!(status < 300, "{what}\n{real}");
                let ours = update(Some(live), cleared.clone(), &writer("u", "seatrial.dev/v1"), kind);
                compare(&format!("clear, {what}"), &ours, &real);
                continue;
            }
            if rng.below(4) == 0 {
                let (status, real) = match &live {
                    None => kube.create(&format!("{all}?fieldManager=u"), &body),
                    Some(_) => kube.request(
                        "PUT",
                        &format!("{path}?fieldManager=u"),
                        "application/json",
                        Some(&{
                            let mut body = body.clone();
                            body["metadata"]["resourceVersion"] =
                                live.as_ref().unwrap()["metadata"]["resourceVersion"].clone();
                            body
                        }),
                    ),
                };
                assert!(status < 300, "{what}\n{real}");
                record("Fuzz", live.as_ref(), json!({"manager": "u"}), &body, status, &real);
                crd.prune(&mut body);
                crd.default(&mut body);
                crd.drop_nulls(&mut body);
                if let Some(status) = live.as_ref().and_then(|l| l.get("status")) {
                    body["status"] = status.clone();
                }
                let ours = update(live.as_ref(), body.clone(), &writer("u", "seatrial.dev/v1"), kind);
                compare(&format!("update, {what}"), &ours, &real);
                continue;
            }
            let manager = ["m1", "m2", "m3"][usize::try_from(rng.below(3)).unwrap()];
            let force = rng.below(3) > 0;
            let (status, real) = kube.apply(&path, manager, force, &body);
            let request = json!({"manager": manager, "force": force});
            record("Fuzz", live.as_ref(), request, &body, status, &real);
            match apply(live.as_ref(), &body, &writer(manager, "seatrial.dev/v1"), force, kind) {
                Ok(mut ours) => {
                    crd.prune(&mut ours);
                    crd.default(&mut ours);
                    let violations = crd.validate(&ours, live.as_ref());
                    if violations.is_empty() {
                        assert!(status < 300, "apply by {manager} force {force}, {what}\n{real}");
                        compare(&format!("apply by {manager} force {force}, {what}"), &ours, &real);
                    } else {
                        assert_eq!(status, 422, "{violations:?} {what}\n{real}");
                    }
                }
                Err(error) => {
                    assert_eq!(
                        json!(error.to_string()),
                        real["message"],
                        "apply by {manager} force {force}, {what}"
                    );
                }
            }
        }
    }
    kube.request("DELETE", &path, "application/json", None);
}

/// A write to the status subresource, which leaves everything else as it is.
fn through_status(
    kube: &Kube,
    path: &str,
    live: &Value,
    mut body: Value,
    kind: Kind<'_>,
    rng: &mut Rng,
    what: &str,
) {
    let manager = ["m1", "m2", "m3"][usize::try_from(rng.below(3)).unwrap()];
    let status_writer = Writer {
        subresource: "status",
        ignored: &[&["spec"], &["metadata"]],
        ..writer(manager, "seatrial.dev/v1")
    };
    if rng.below(2) == 0 {
        let mut new = live.clone();
        new["status"] = body["status"].clone();
        body["metadata"]["resourceVersion"] = live["metadata"]["resourceVersion"].clone();
        let path = format!("{path}/status?fieldManager={manager}");
        let (status, real) = kube.request("PUT", &path, "application/json", Some(&body));
        assert!(status < 300, "{what}\n{real}");
        compare(
            &format!("status by {manager}, {what}"),
            &update(Some(live), new.clone(), &status_writer, kind),
            &real,
        );
        return;
    }
    let force = rng.below(2) == 0;
    let (_, real) = kube.apply(&format!("{path}/status"), manager, force, &body);
    let what = format!("apply status by {manager} force {force}, {what}\n{body}");
    match apply(Some(live), &body, &status_writer, force, kind) {
        Ok(ours) => compare(&what, &ours, &real),
        Err(error) => assert_eq!(json!(error.to_string()), real["message"], "{what}"),
    }
}

fn random_deployment(rng: &mut Rng) -> Value {
    let containers: Vec<Value> = ["c"]
        .into_iter()
        .chain(rng.some(&["d", "e"]))
        .map(|name| {
            let mut c = json!({"name": name, "image": rng.pick(&["i", "j"])});
            if rng.below(2) == 0 {
                let names = rng.some(&["E", "F", "G"]);
                c["env"] =
                    names.into_iter().map(|n| json!({"name": n, "value": rng.pick(&["1", "2"])})).collect();
            }
            if rng.below(2) == 0 {
                c["ports"] =
                    json!([{"containerPort": 80 + rng.below(2)}, {"containerPort": 90, "protocol": "UDP"}]);
            }
            if rng.below(2) == 0 {
                c["args"] = json!(rng.some(&["a", "b"]));
            }
            if rng.below(3) == 0 {
                c["resources"] = json!({"limits": {"cpu": rng.pick(&["1", "500m"])}});
            }
            if rng.below(3) == 0 {
                c["securityContext"] = json!({});
            }
            c
        })
        .collect();
    let mut out = json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "fuzz"},
        "spec": {"selector": {"matchLabels": {"a": "b"}},
            "template": {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": containers}}}});
    if rng.below(2) == 0 {
        out["spec"]["replicas"] = json!(rng.below(3));
    }
    if rng.below(2) == 0 {
        out["metadata"]["labels"] = random_labels(rng);
    }
    if rng.below(3) == 0 {
        out["metadata"]["annotations"] = random_labels(rng);
    }
    if rng.below(3) == 0 {
        let names = rng.some(&["v", "w"]);
        out["spec"]["template"]["spec"]["volumes"] =
            names.into_iter().map(|n| json!({"name": n, "emptyDir": {}})).collect();
    }
    if rng.below(3) == 0 {
        out["spec"]["strategy"] = json!({"rollingUpdate": {"maxSurge": rng.below(2) + 1}});
    }
    if rng.below(4) == 0 {
        out["spec"]["template"]["spec"]["nodeSelector"] = random_labels(rng);
    }
    out
}

#[test]
fn deployments_are_applied_and_updated_as_by_the_real_server() {
    let Some(kube) = Kube::start() else { return };
    let ty = kubernetes().type_of("apps/v1", "Deployment").unwrap();
    let kind = Kind { ty, built_in: true };
    let all = "/apis/apps/v1/namespaces/default/deployments";
    let path = format!("{all}/fuzz");
    for seed in 1..=seeds() {
        let mut rng = Rng(seed * 104_729);
        kube.request("DELETE", &path, "application/json", None);
        for step in 0..STEPS {
            let live = kube.get(&path);
            let mut body = random_deployment(&mut rng);
            let what =
                format!("seed {seed}, step {step}\nlive {}\nbody {body}", live.clone().unwrap_or_default());
            if rng.below(4) == 0 {
                let (status, real) = match &live {
                    None => kube.create(&format!("{all}?fieldManager=u"), &body),
                    Some(live) => {
                        body["metadata"]["resourceVersion"] = live["metadata"]["resourceVersion"].clone();
                        let path = format!("{path}?fieldManager=u");
                        kube.request("PUT", &path, "application/json", Some(&body))
                    }
                };
                if status >= 300 {
                    continue;
                }
                // What is stored is the body with the server's defaults.
                let mut new = real.clone();
                new["metadata"].as_object_mut().unwrap().remove("managedFields");
                record("Deployment", live.as_ref(), json!({"manager": "u"}), &new, status, &real);
                let ours = update(live.as_ref(), new.clone(), &writer("u", "apps/v1"), kind);
                compare(&format!("update, {what}"), &ours, &real);
                continue;
            }
            let manager = ["m1", "m2", "m3"][usize::try_from(rng.below(3)).unwrap()];
            let force = rng.below(3) > 0;
            let (status, real) = kube.apply(&path, manager, force, &body);
            let request = json!({"manager": manager, "force": force});
            record("Deployment", live.as_ref(), request, &body, status, &real);
            match apply(live.as_ref(), &body, &writer(manager, "apps/v1"), force, kind) {
                Ok(mut ours) => {
                    if status >= 300 {
                        assert_eq!(status, 422, "apply by {manager} force {force}, {what}\n{real}");
                        continue;
                    }
                    // Defaults are another module's: only the owners are compared, and what was listed.
                    ours["spec"] = real["spec"].clone();
                    ours["status"] = real["status"].clone();
                    ours["metadata"]["annotations"] = real["metadata"]["annotations"].clone();
                    compare(&format!("apply by {manager} force {force}, {what}"), &ours, &real);
                }
                Err(error) => {
                    assert_eq!(
                        json!(error.to_string()),
                        real["message"],
                        "apply by {manager} force {force}, {what}"
                    );
                }
            }
        }
    }
    kube.request("DELETE", &path, "application/json", None);
}
