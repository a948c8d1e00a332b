//! Kustomizations over generated objects: a whole tree for one seed.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value as Json, json};

use super::random::{Printer, Rng, raw};
use super::resources::{MAPS, Made, NAMES, container, odd, resource};

/// Files in pieces (documents of a resource file, fields of a kustomization), so that pieces can be left out.
pub(crate) type Tree = BTreeMap<String, Vec<String>>;

const HEADER: &str = "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n";
const COMPONENT: &str = "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\n";

/// The tree of a seed; what is built is the directory `top`.
pub(crate) fn tree(seed: u64) -> Tree {
    let mut rng = Rng::new(seed);
    let odd = rng.pick(&[0, 0, 8, 20, 60]);
    let quirks = rng.pick(&[0, 0, 2, 6]);
    let mut g = Generator { rng, odd, quirks, generated: BTreeSet::new(), tree: Tree::new() };
    let mut known = Vec::new();
    let mut entries = Vec::new();
    let bases = g.rng.below(3);
    if bases > 0 {
        known.extend(g.directory("base0", &[], &[], HEADER, &[]));
        entries.push("../base0".to_owned());
    }
    if bases > 1 {
        let below = if g.rng.chance(40) { std::mem::take(&mut entries) } else { Vec::new() };
        known.extend(g.directory("base1", &below, &[], HEADER, &known));
        entries.push("../base1".to_owned());
    }
    let mut components = Vec::new();
    if g.rng.chance(25) {
        g.directory("comp", &[], &[], COMPONENT, &known);
        components.push("../comp".to_owned());
    }
    if g.rng.chance(25) && !entries.is_empty() {
        let made = g.directory("mid", &entries, &[], HEADER, &known);
        known.extend(made);
        entries = vec!["../mid".to_owned()];
    }
    g.directory("top", &entries, &components, HEADER, &known);
    // The hash of a generated object whose kind a patch changed is not known to this crate.
    if g.tree.values().flatten().any(|piece| piece.contains("Generator")) {
        let pieces = g.tree.values_mut().flatten();
        pieces.for_each(|piece| *piece = piece.replace("allowKindChange", "allowNameChange"));
    }
    g.tree
}

struct Generator {
    rng: Rng,
    /// How odd the YAML is, in percent.
    odd: usize,
    /// How often something is wrong or seldom used, in percent.
    quirks: usize,
    /// Kind and name of what generators made.
    generated: BTreeSet<(bool, String)>,
    tree: Tree,
}

impl Generator {
    fn print(&mut self, value: &Json) -> String {
        Printer { rng: &mut self.rng, odd: self.odd }.document(value)
    }

    fn quirk(&mut self) -> bool {
        self.rng.chance(self.quirks)
    }

    fn file(&mut self, dir: &str, name: &str, content: String) {
        self.tree.insert(format!("{dir}/{name}"), vec![content]);
    }

    /// A directory with resources and a kustomization; gives what it makes.
    fn directory(
        &mut self,
        dir: &str,
        below: &[String],
        components: &[String],
        header: &str,
        known: &[Made],
    ) -> Vec<Made> {
        let mut entries: Vec<Json> = below.iter().map(|entry| json!(entry)).collect();
        let mut made: Vec<Made> = Vec::new();
        for index in 0..self.rng.below(3) + usize::from(below.is_empty()) {
            let name = format!("r{index}.yaml");
            let documents = self.resource_file(known, &mut made);
            self.tree.insert(format!("{dir}/{name}"), documents);
            entries.push(json!(name));
        }
        let all: Vec<Made> = known.iter().chain(&made).cloned().collect();
        let mut pieces = Vec::new();
        if !self.rng.chance(10) || header == COMPONENT {
            pieces.push(header.to_owned());
        }
        let key = if self.quirk() { "bases" } else { "resources" };
        if !entries.is_empty() {
            let text = self.print(&json!({key: entries}));
            pieces.push(text);
        }
        if !components.is_empty() {
            let text = self.print(&json!({"components": components}));
            pieces.push(text);
        }
        let mut fields = self.fields(dir, &all);
        while !fields.is_empty() {
            let at = self.rng.below(fields.len());
            let (name, value) = fields.swap_remove(at);
            let text = self.print(&json!({name: value}));
            pieces.push(text);
        }
        let name = if self.quirk() {
            self.rng.pick(&["kustomization.yml", "Kustomization"])
        } else {
            "kustomization.yaml"
        };
        self.tree.insert(format!("{dir}/{name}"), pieces);
        made
    }

    /// The documents of a resource file.
    fn resource_file(&mut self, known: &[Made], made: &mut Vec<Made>) -> Vec<String> {
        let mut documents = Vec::new();
        for _ in 0..=self.rng.below(3) {
            let one = resource(&mut self.rng);
            let double = |m: &Made| m.kind == one.kind && m.name == one.name;
            if known.iter().chain(made.iter()).any(double) && !self.rng.chance(3) {
                continue;
            }
            let mut text =
                if documents.is_empty() && self.rng.chance(60) { String::new() } else { "---\n".to_owned() };
            let object = match self.rng.below(60) {
                0 => json!({"apiVersion": "v1", "kind": "List", "items": [one.object]}),
                1 => json!({"apiVersion": "v1", "kind": format!("{}List", one.kind), "items": [one.object]}),
                _ => one.object.clone(),
            };
            text.push_str(&self.print(&object));
            if self.quirk() {
                text = self.garble(&text);
            }
            documents.push(text);
            made.push(one);
        }
        if self.quirk() {
            documents.push(
                self.rng
                    .pick(&["---\n", "---\n# only a comment\n", "---\nnull\n", "...\n", "--- {}\n"])
                    .to_owned(),
            );
        }
        documents
    }

    /// Line ends, byte order marks, anchors, doubled keys.
    fn garble(&mut self, text: &str) -> String {
        match self.rng.below(8) {
            0 => text.replace('\n', "\r\n"),
            1 => format!("\u{feff}{text}"),
            2 => format!("# head\n\n{text}# foot\n"),
            3 => text.trim_end_matches('\n').to_owned() + "\n\n\n",
            4 => text.replacen("metadata:\n", "metadata: &m\n", 1) + "copy: *m\n",
            5 => {
                text.replacen("metadata:\n", "metadata: &m\n", 1)
                    + "merged:\n  <<: *m\n  name: other\n  more: 1\n"
            }
            // kustomize complains when it prints: not at all where a generator put something else there.
            6 if !["ConfigMap", "Secret", "local-config", "List"].iter().any(|part| text.contains(part)) => {
                format!("{text}kind: Other\n")
            }
            _ => format!("%YAML 1.1\n---\n{}", text.trim_start_matches("---\n")),
        }
    }

    fn fields(&mut self, dir: &str, all: &[Made]) -> Vec<(&'static str, Json)> {
        let mut out: Vec<(&'static str, Json)> = Vec::new();
        let calm = dir.starts_with("base");
        let often =
            |g: &mut Generator, percent: usize| g.rng.chance(if calm { percent / 2 } else { percent });
        if often(self, 30) {
            let namespace = self.rng.pick(&["ns1", "ns2", "prod", "default"]);
            out.push(("namespace", json!(namespace)));
        }
        if often(self, 25) {
            out.push(("namePrefix", json!(format!("{dir}-"))));
        }
        if often(self, 15) {
            let suffix = self.rng.pick(&["-v1", "-x", "-2"]);
            out.push(("nameSuffix", json!(suffix)));
        }
        if often(self, 20) {
            let value = self.pairs();
            out.push(("commonLabels", value));
        }
        if often(self, 20) {
            let value = self.labels();
            out.push(("labels", value));
        }
        if often(self, 20) {
            let value = self.pairs();
            out.push(("commonAnnotations", value));
        }
        if often(self, 30) {
            let value = self.images();
            out.push(("images", value));
        }
        if often(self, 15) && (all.iter().any(is_scaled) || self.quirk()) {
            let value = self.replicas(all);
            out.push(("replicas", value));
        }
        if often(self, 50) && !all.is_empty() {
            let value: Vec<Json> = (0..=self.rng.below(2)).map(|i| self.patch(dir, i, all)).collect();
            out.push(("patches", json!(value)));
        }
        if often(self, 12) && !all.is_empty() {
            let value = self.strategic(dir, all);
            out.push(("patchesStrategicMerge", value));
        }
        if often(self, 12) && !all.is_empty() {
            let value = self.json6902(dir, all);
            out.push(("patchesJson6902", value));
        }
        if often(self, 40) {
            let value = self.generator(dir, false, all);
            out.push(("configMapGenerator", value));
        }
        if often(self, 30) {
            let value = self.generator(dir, true, all);
            out.push(("secretGenerator", value));
        }
        if often(self, 12) {
            let value = self.generator_options();
            out.push(("generatorOptions", value));
        }
        if often(self, 25) && !all.is_empty() {
            let value = self.replacements(dir, all);
            out.push(("replacements", value));
        }
        if often(self, 12) && !all.is_empty() {
            let value = self.vars(dir, all);
            out.push(("vars", value));
        }
        if often(self, 12) {
            let value = self.configurations(dir);
            out.push(("configurations", value));
        }
        if often(self, 6) {
            let value = self.crds(dir);
            out.push(("crds", value));
        }
        if often(self, 4) && dir == "top" {
            let value = self.openapi(dir);
            out.push(("openapi", value));
        }
        if often(self, 15) {
            let value = self.plugins(dir, "t", all);
            out.push(("transformers", value));
        }
        if often(self, 6) {
            let value = self.generators(dir);
            out.push(("generators", value));
        }
        if often(self, 3) {
            out.push(("validators", json!(["apiVersion: builtin\nkind: LabelTransformer\nmetadata: {name: v}\nlabels: {}\nfieldSpecs: []\n"])));
        }
        if often(self, 20) {
            let value = self.sort_options();
            out.push(("sortOptions", value));
        }
        if often(self, 15) {
            let mut options = vec!["originAnnotations", "transformerAnnotations", "managedByLabel"];
            let gone = self.rng.below(3);
            options.swap_remove(gone);
            if self.rng.chance(40) {
                options.pop();
            }
            out.push(("buildMetadata", json!(options)));
        }
        if self.quirk() {
            let quirk = self.rng.below(8);
            out.push(match quirk {
                0 => ("metadata", json!({"name": "k", "annotations": {"a": "b"}})),
                1 => ("nameprefix", json!("p-")),
                2 => ("unknown", json!(1)),
                3 => ("helmCharts", json!([])),
                4 => ("imageTags", json!([{"name": "nginx", "newTag": "9"}])),
                5 => ("patchesJson6902", json!([])),
                6 => ("namePrefix", json!(null)),
                _ => ("commonLabels", json!({"a": 1})),
            });
            let twice = |name: &str| out.iter().filter(|(n, _)| *n == name).count() > 1;
            if twice(out[out.len() - 1].0) && self.rng.chance(50) {
                out.pop();
            }
        }
        out
    }

    fn pairs(&mut self) -> Json {
        let mut map = Map::new();
        for _ in 0..=self.rng.below(2) {
            let key = self.rng.pick(&["app", "team", "env", "a.b/c", "note"]);
            let value = self.rng.pick(&["web", "x", "1", "true", "2020-01-01", "with: colon", ""]);
            map.insert(key.to_owned(), json!(value));
        }
        Json::Object(map)
    }

    fn labels(&mut self) -> Json {
        let mut list = Vec::new();
        for _ in 0..=self.rng.below(2) {
            let mut entry = Map::new();
            entry.insert("pairs".into(), self.pairs());
            match self.rng.below(5) {
                0 => {
                    entry.insert("includeSelectors".into(), json!(true));
                }
                1 => {
                    entry.insert("includeTemplates".into(), json!(true));
                }
                2 => {
                    let path = self.rng.pick(&[
                        "spec/labels",
                        "spec/template/metadata/labels",
                        "metadata/annotations",
                        "spec/items/labels",
                    ]);
                    let create = self.rng.chance(60);
                    let kind = self.rng.pick(&["Deployment", "Widget", "Service"]);
                    entry.insert("fields".into(), json!([{"path": path, "kind": kind, "create": create}]));
                }
                _ => {}
            }
            list.push(Json::Object(entry));
        }
        json!(list)
    }

    fn images(&mut self) -> Json {
        let mut list = Vec::new();
        for _ in 0..=self.rng.below(2) {
            let mut entry = Map::new();
            let image = self.rng.pick(&[
                "nginx",
                "app",
                "registry.local:5000/team/app",
                "docker.io/library/nginx",
                "ghcr.io/org/app",
                "ngin.",
                "busybox",
            ]);
            entry.insert("name".into(), json!(image));
            if self.rng.chance(40) {
                entry.insert("newName".into(), json!(self.rng.pick(&["other", "r.io:1/x/y", "nginx"])));
            }
            if self.rng.chance(60) {
                let tag = self.rng.pick(&["2.0", "v1", "latest", "1.10", "0x1"]);
                entry.insert("newTag".into(), json!(tag));
            }
            if self.rng.chance(15) {
                entry.insert(
                    "digest".into(),
                    json!("sha256:24a0c4b4a4c0eb97a1aabb8e29f18e917d05abfe1b7a7c07857230879ce7d3d3"),
                );
            }
            if self.rng.chance(8) {
                entry.insert("tagSuffix".into(), json!("-alpine"));
            }
            list.push(Json::Object(entry));
        }
        json!(list)
    }

    fn replicas(&mut self, all: &[Made]) -> Json {
        let scaled: Vec<&Made> = all.iter().filter(|m| is_scaled(m)).collect();
        let name = match scaled.is_empty() || self.quirk() {
            true => self.rng.pick(&NAMES).to_owned(),
            false => scaled[self.rng.below(scaled.len())].name.clone(),
        };
        json!([{"name": name, "count": self.rng.below(9)}])
    }

    fn some<'m>(&mut self, all: &'m [Made]) -> &'m Made {
        &all[self.rng.below(all.len())]
    }

    /// A strategic merge patch for an object.
    fn merge(&mut self, of: &Made) -> Json {
        let mut patch = Map::new();
        patch.insert("apiVersion".into(), json!(of.api_version));
        patch.insert("kind".into(), json!(of.kind));
        let mut meta = Map::new();
        meta.insert("name".into(), json!(of.name));
        if !of.namespace.is_empty() {
            meta.insert("namespace".into(), json!(of.namespace));
        }
        if self.rng.chance(25) {
            let value = match self.rng.below(4) {
                0 => json!({"app": null, "new": "x"}),
                1 => json!({"tier": "patched", "n": 1}),
                2 => Json::Null,
                _ => self.pairs(),
            };
            let key = self.rng.pick(&["labels", "annotations"]);
            meta.insert(key.into(), value);
        }
        patch.insert("metadata".into(), Json::Object(meta));
        if self.rng.chance(6) {
            patch.insert("$patch".into(), json!(self.rng.pick(&["delete", "replace", "merge"])));
        }
        match of.kind.as_str() {
            "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet" | "Job" => {
                let pod = self.pod_patch();
                let mut spec = json!({"template": {"spec": pod}});
                if self.rng.chance(30) {
                    spec["replicas"] =
                        if self.rng.chance(80) { json!(self.rng.below(6)) } else { Json::Null };
                }
                if self.rng.chance(10) {
                    spec["strategy"] = json!({"type": "Recreate", "$patch": "replace"});
                }
                if self.rng.chance(10) {
                    spec["selector"] = Json::Null;
                }
                patch.insert("spec".into(), spec);
            }
            "CronJob" => {
                let pod = self.pod_patch();
                patch.insert("spec".into(), json!({"jobTemplate": {"spec": {"template": {"spec": pod}}}}));
            }
            "Pod" => {
                let pod = self.pod_patch();
                patch.insert("spec".into(), pod);
            }
            "Service" => {
                let ports = match self.rng.below(4) {
                    0 => json!([{"port": 80, "name": "http"}]),
                    1 => json!([{"port": 53, "protocol": "UDP", "targetPort": 5353}, {"port": 90}]),
                    2 => json!([{"port": 80, "$patch": "delete"}]),
                    _ => json!([{"$patch": "replace"}, {"port": 1}]),
                };
                patch.insert("spec".into(), json!({"ports": ports, "type": "NodePort"}));
            }
            "ConfigMap" => {
                patch.insert(
                    "data".into(),
                    json!({"k": self.rng.pick(&[None, Some("new")]), "added": odd(&mut self.rng)}),
                );
            }
            "Secret" => {
                patch.insert("data".into(), json!({"k": "bmV3", "k10": "eA==", "k9": "eA=="}));
            }
            "Role" | "ClusterRole" => {
                patch.insert(
                    "rules".into(),
                    json!([{"apiGroups": ["apps"], "resources": ["*"], "verbs": ["*"]}]),
                );
            }
            "ServiceAccount" => {
                patch.insert("imagePullSecrets".into(), json!([{"name": "added"}]));
            }
            "Ingress" => {
                patch.insert(
                    "spec".into(),
                    json!({"rules": [{"host": "b.example.com"}], "ingressClassName": "x"}),
                );
            }
            _ => {
                patch.insert("spec".into(), json!({"items": [{"name": "b", "v": 3}], "list": ["z"], "nested": {"w": odd(&mut self.rng), "v": self.rng.pick(&[None, Some(1)])}, "secretRef": null}));
            }
        }
        Json::Object(patch)
    }

    fn pod_patch(&mut self) -> Json {
        let mut pod = Map::new();
        let name = self.rng.pick(&["main", "side", "new"]);
        let mut one = if self.rng.chance(60) {
            container(&mut self.rng, name)
        } else {
            json!({"name": name, "image": "patched:1"})
        };
        match self.rng.below(14) {
            0 => one["$patch"] = json!("delete"),
            1 => one["$patch"] = json!("replace"),
            2 => one["env"] = json!([{"name": "A", "value": null}, {"name": "C", "value": "3"}]),
            3 => one["env"] = json!([{"name": "A", "$patch": "delete"}]),
            4 => one["args"] = Json::Null,
            5 => one["ports"] = json!([{"containerPort": 80, "protocol": "TCP", "name": "x"}]),
            6 => one["envFrom"] = json!([{"configMapRef": {"name": "extra"}}]),
            _ => {}
        }
        if self.rng.chance(2)
            && let Some(map) = one.as_object_mut()
        {
            map.remove("name");
        }
        let mut list = vec![one];
        if self.rng.chance(8) && list[0].get("$patch").is_none() {
            list.insert(0, json!({"$patch": self.rng.pick(&["replace", "delete"])}));
        }
        if self.rng.chance(8) {
            pod.insert("$setElementOrder/containers".into(), json!([{"name": "side"}, {"name": "main"}]));
        }
        pod.insert("containers".into(), json!(list));
        if self.rng.chance(15) {
            pod.insert("volumes".into(), json!([{"name": self.rng.pick(&["v", "n"]), "emptyDir": {"medium": "Memory"}, "$retainKeys": ["name", "emptyDir"]}]));
        }
        if self.rng.chance(15) {
            pod.insert(
                "volumes".into(),
                json!([{"name": "v", "configMap": {"name": self.rng.pick(&MAPS)}, "emptyDir": null}]),
            );
        }
        if self.rng.chance(10) {
            pod.insert("imagePullSecrets".into(), json!([{"name": self.rng.pick(&MAPS)}]));
        }
        if self.rng.chance(8) {
            pod.insert("tolerations".into(), json!([{"key": "b"}]));
        }
        if self.rng.chance(6) {
            pod.insert("$deleteFromPrimitiveList/hostAliases".into(), json!(["x"]));
        }
        Json::Object(pod)
    }

    /// The operations of a JSON patch for an object.
    fn operations(&mut self, of: &Made) -> Vec<Json> {
        let mut out = Vec::new();
        for _ in 0..=self.rng.below(2) {
            let value = match self.rng.below(5) {
                0 => json!({"x": [1, "2"]}),
                1 => json!("text"),
                2 => json!(self.rng.below(100)),
                3 => odd(&mut self.rng),
                _ => json!(true),
            };
            let wide = |path: &str| json!({"op": "add", "path": path, "value": value});
            let one = match (self.rng.below(12), of.kind.as_str()) {
                (0, _) => json!({"op": "add", "path": "/metadata/annotations/patched", "value": "yes"}),
                (1, _) => json!({"op": "add", "path": "/metadata/labels", "value": {"only": "this"}}),
                (2, _) => wide("/spec/added"),
                (3, "Deployment" | "StatefulSet" | "DaemonSet" | "Job") => {
                    json!({"op": "replace", "path": "/spec/template/spec/containers/0/image", "value": "json:1"})
                }
                (4, "Deployment" | "StatefulSet" | "DaemonSet" | "Job") => {
                    let at = self.rng.pick(&["-", "0", "1"]);
                    json!({"op": "add", "path": format!("/spec/template/spec/containers/{at}"), "value": {"name": "json", "image": "j"}})
                }
                (5, "ConfigMap") => json!({"op": "replace", "path": "/data/k", "value": "json"}),
                (5, "Service") => json!({"op": "remove", "path": "/spec/ports/0"}),
                (6, _) => json!({"op": "add", "path": "/metadata/annotations/a.b~1c", "value": "slash"}),
                (7, _) => json!({"op": "test", "path": "/kind", "value": of.kind}),
                (8, _) => json!({"op": "copy", "from": "/metadata/name", "path": "/copied"}),
                (9, _) => json!({"op": "move", "from": "/metadata/labels", "path": "/moved"}),
                (10, _) => json!({"op": "replace", "path": "/metadata/name", "value": "renamed"}),
                (_, "Widget") => wide("/spec/list/1"),
                _ => {
                    json!({"op": self.rng.pick(&["remove", "replace"]), "path": "/spec/replicas", "value": 7})
                }
            };
            let path = |key: &str| one[key].as_str().unwrap_or_default();
            let needs = match path("op") {
                "add" => path("path").rsplit_once('/').map_or("", |(parent, _)| parent),
                "move" | "copy" => path("from"),
                _ => path("path"),
            };
            if needs.starts_with("/metadata/annotations")
                || of.object.pointer(needs).is_some()
                || self.rng.chance(3)
            {
                out.push(one);
            }
        }
        if out.is_empty() {
            out.push(json!({"op": "add", "path": "/metadata/annotations/patched", "value": "yes"}));
        }
        out
    }

    fn selector(&mut self, of: &Made) -> Json {
        let mut target = Map::new();
        if self.rng.chance(80) {
            let kind = if self.rng.chance(80) {
                of.kind.clone()
            } else {
                self.rng.pick(&[".*Set", "Deployment|Service", "ConfigMap", "De.*"]).to_owned()
            };
            target.insert("kind".into(), json!(kind));
        }
        if self.rng.chance(50) {
            let name = if self.rng.chance(70) {
                of.name.clone()
            } else {
                self.rng.pick(&["w.*", ".*", "web|db", "top-.*", "^api$"]).to_owned()
            };
            target.insert("name".into(), json!(name));
        }
        if self.rng.chance(15) {
            target.insert("group".into(), json!(of.api_version.rsplit_once('/').map_or("", |(g, _)| g)));
        }
        if self.rng.chance(10) {
            target.insert("version".into(), json!(self.rng.pick(&["v1", "v.*", "v1beta1"])));
        }
        if self.rng.chance(10) {
            target.insert("namespace".into(), json!(self.rng.pick(&["ns1", "default", "ns.", ".*"])));
        }
        if self.rng.chance(12) {
            target.insert(
                "labelSelector".into(),
                json!(self.rng.pick(&[
                    "app=web",
                    "app in (web,db)",
                    "!tier",
                    "app",
                    "tier!=x",
                    "app notin (db),tier"
                ])),
            );
        }
        if self.rng.chance(8) {
            target.insert(
                "annotationSelector".into(),
                json!(self.rng.pick(&["note", "note=x", "!note", "a.b/c"])),
            );
        }
        Json::Object(target)
    }

    fn patch(&mut self, dir: &str, index: usize, all: &[Made]) -> Json {
        let of = self.some(all).clone();
        let mut entry = Map::new();
        let is_merge = self.rng.chance(60);
        let text = match is_merge {
            true => {
                let patch = self.merge(&of);
                self.print(&patch)
            }
            false => {
                let operations = json!(self.operations(&of));
                if self.rng.chance(30)
                    && !operations.to_string().contains('\u{1}')
                    && !operations.to_string().contains("\\u0001")
                {
                    operations.to_string()
                } else {
                    self.print(&operations)
                }
            }
        };
        if !is_merge || self.rng.chance(45) {
            let target = self.selector(&of);
            if target.as_object().is_some_and(|t| !t.is_empty()) || self.rng.chance(20) {
                entry.insert("target".into(), target);
            } else {
                entry.insert("target".into(), json!({"kind": of.kind}));
            }
        }
        if self.rng.chance(40) {
            let name = format!("patch{index}.yaml");
            self.file(dir, &name, text);
            entry.insert("path".into(), json!(name));
        } else {
            entry.insert("patch".into(), json!(text));
        }
        if self.rng.chance(8) {
            let option = self.rng.pick(&["allowNameChange", "allowKindChange"]);
            let on = self.rng.chance(80);
            entry.insert("options".into(), json!({option: on}));
        }
        Json::Object(entry)
    }

    fn strategic(&mut self, dir: &str, all: &[Made]) -> Json {
        let of = self.some(all).clone();
        let patch = self.merge(&of);
        let mut text = self.print(&patch);
        if self.rng.chance(20) {
            let other = self.some(all).clone();
            let patch = self.merge(&other);
            text.push_str("---\n");
            text.push_str(&self.print(&patch));
        }
        if self.rng.chance(50) {
            return json!([text]);
        }
        self.file(dir, "sm.yaml", text);
        json!(["sm.yaml"])
    }

    fn json6902(&mut self, dir: &str, all: &[Made]) -> Json {
        let of = self.some(all).clone();
        let operations = json!(self.operations(&of));
        let text = self.print(&operations);
        let (group, version) = of.api_version.split_once('/').unwrap_or(("", &of.api_version));
        let mut target = json!({"version": version, "kind": of.kind, "name": of.name});
        if !group.is_empty() {
            target["group"] = json!(group);
        }
        if !of.namespace.is_empty() {
            target["namespace"] = json!(of.namespace);
        }
        if self.rng.chance(50) {
            return json!([{"target": target, "patch": text}]);
        }
        self.file(dir, "j.yaml", text);
        json!([{"target": target, "path": "j.yaml"}])
    }

    fn generator_options(&mut self) -> Json {
        let mut options = Map::new();
        if self.rng.chance(50) {
            options.insert("disableNameSuffixHash".into(), json!(self.rng.chance(70)));
        }
        if self.rng.chance(40) {
            options.insert("labels".into(), self.pairs());
        }
        if self.rng.chance(40) {
            options.insert("annotations".into(), self.pairs());
        }
        if self.rng.chance(20) {
            options.insert("immutable".into(), json!(true));
        }
        Json::Object(options)
    }

    fn generator(&mut self, dir: &str, secret: bool, all: &[Made]) -> Json {
        let mut list = Vec::new();
        for index in 0..=self.rng.below(2) {
            let mut entry = Map::new();
            let kind = if secret { "Secret" } else { "ConfigMap" };
            let there: Vec<&Made> = all.iter().filter(|m| m.kind == kind).collect();
            let name = self.rng.pick(&MAPS).to_owned();
            let taken =
                there.iter().any(|m| m.name == name) || self.generated.contains(&(secret, name.clone()));
            if !there.is_empty() && self.rng.chance(30) {
                let of = there[self.rng.below(there.len())];
                entry.insert("name".into(), json!(of.name));
                if !of.namespace.is_empty() {
                    entry.insert("namespace".into(), json!(of.namespace));
                }
                entry.insert("behavior".into(), json!(self.rng.pick(&["merge", "merge", "replace"])));
            } else if taken {
                entry.insert("name".into(), json!(name));
                if self.rng.chance(80) {
                    entry.insert("behavior".into(), json!(self.rng.pick(&["merge", "replace"])));
                }
            } else {
                self.generated.insert((secret, name.clone()));
                entry.insert("name".into(), json!(name));
                if self.rng.chance(10) {
                    entry.insert("behavior".into(), json!("create"));
                }
                if self.rng.chance(6) {
                    entry.insert("namespace".into(), json!(self.rng.pick(&["ns1", "ns2"])));
                }
            }
            let literals = [
                "a=b",
                "k=new",
                "q='quoted'",
                "d=\"x\"",
                "e=",
                "u=a=b",
                "m=line\\n",
                "n=1",
                "t=true",
                "é=ü",
                "sp= x ",
                "q2='",
            ];
            if self.rng.chance(70) {
                let some: Vec<&str> = (0..=self.rng.below(3)).map(|_| self.rng.pick(&literals)).collect();
                let mut seen = std::collections::BTreeSet::new();
                let quirk = self.quirk();
                let some: Vec<&str> =
                    some.into_iter().filter(|l| quirk || seen.insert(l.split('=').next())).collect();
                entry.insert("literals".into(), json!(some));
            }
            if self.rng.chance(30) {
                let tag = if secret { "s" } else { "c" };
                let name = format!("{tag}{index}.txt");
                let odd = self.rng.chance(10);
                let content = if odd {
                    self.rng.pick(&["\t tab\n", "\u{feff}bom\n", "crlf\r\nx\r\n", "  lead\n", "\n\nx"])
                } else {
                    ""
                };
                let content = if odd {
                    content
                } else {
                    self.rng.pick(&["hello", "hello\nworld\n", "a long line that goes on and on and on until it is long enough to be folded somewhere near the end\n", "", "trailing  \n\n", "é\n", "key: [a, b]\n"])
                };
                self.file(dir, &name, content.to_owned());
                let source = if self.rng.chance(40) { format!("other.key={name}") } else { name };
                entry.insert("files".into(), json!([source]));
            }
            if self.rng.chance(30) {
                let name = format!("{}{index}.env", if secret { "s" } else { "c" });
                let content = self.rng.pick(&[
                    "X=1\nY=two words\n",
                    "# comment\n\nX=a#b\n  Y=lead\n",
                    "X=\"q\"\r\nY='z'\r\n",
                    "\u{feff}X=bom\n",
                    "X==\nY=a=b",
                    "export X=1\n",
                    "X = 1\n",
                    "=v\n",
                ]);
                let calm = ["X=1\nY=two words\n", "# comment\n\nX=a#b\n  Y=lead\n"];
                let content =
                    if self.rng.chance(40 + self.quirks * 5) { content } else { self.rng.pick(&calm) };
                self.file(dir, &name, content.to_owned());
                let key = if self.rng.chance(20) { "env" } else { "envs" };
                entry.insert(key.into(), if key == "env" { json!(name) } else { json!([name]) });
            }
            if secret && self.rng.chance(20) {
                entry.insert("type".into(), json!(self.rng.pick(&["Opaque", "kubernetes.io/tls", "x"])));
            }
            if self.rng.chance(25) {
                entry.insert("options".into(), self.generator_options());
            }
            list.push(Json::Object(entry));
        }
        json!(list)
    }

    fn replacements(&mut self, dir: &str, all: &[Made]) -> Json {
        let of = self.some(all).clone();
        let to = self.some(all).clone();
        let mut source = Map::new();
        source.insert("kind".into(), json!(of.kind));
        if self.rng.chance(80) {
            source.insert("name".into(), json!(of.name));
        }
        let field = self.rng.pick(&[
            "metadata.name",
            "metadata.labels.app",
            "metadata.namespace",
            "spec.replicas",
            "data.k",
            "spec.template.spec.containers.[name=main].image",
            "spec.template.spec.containers.0.image",
            "metadata",
            "kind",
            "spec.template.spec.containers.[name=nope].image",
        ]);
        if self.rng.chance(80) {
            let pointer = format!("/{}", field.replace(".[name=main].", ".0.").replace('.', "/"));
            let there = of.object.pointer(&pointer).is_some() || self.rng.chance(3);
            let field = if there { field } else { "metadata.name" };
            source.insert("fieldPath".into(), json!(field));
        }
        if self.rng.chance(25) {
            source.insert(
                "options".into(),
                json!({"delimiter": self.rng.pick(&[":", "-", "/"]), "index": self.rng.below(2)}),
            );
        }
        let paths = [
            "metadata.annotations.replaced",
            "spec.template.spec.containers.[name=main].image",
            "spec.template.spec.containers.*.env.[name=A].value",
            "spec.nested.v",
            "spec.items.[name=b].v",
            "metadata.labels.app",
            "spec.replicas",
            "data.k",
            "metadata.annotations.[a.b/c]",
            "spec.list.0",
            "spec.new.deep.field",
            "spec.list.-",
            "metadata.name",
            "spec.template.spec.containers.[name=main].args.1",
        ];
        let mut path = self.rng.pick(&paths);
        if source.get("fieldPath") == Some(&json!("metadata")) {
            // A map as a name: kustomize goes on with it as long as nobody asks.
            path = "spec.new.deep.field";
        }
        let mut target = json!({"select": {"kind": to.kind}, "fieldPaths": [path]});
        if self.rng.chance(40) {
            target["select"]["name"] = json!(to.name);
        }
        if self.rng.chance(85) {
            target["options"] = json!({"create": true});
        }
        if self.rng.chance(20) {
            target["options"] = json!({"delimiter": self.rng.pick(&[":", "-", "/"]), "index": raw(self.rng.pick(&["0", "1", "2", "-1"]))});
        }
        if self.rng.chance(3) {
            target["options"] = json!({"encoding": "base64", "create": true});
        }
        if self.rng.chance(15) {
            target["reject"] = json!([{"name": self.rng.pick(&NAMES)}]);
        }
        let mut one = json!({"source": source, "targets": [target]});
        if self.rng.chance(10) {
            one = json!({"sourceValue": "given", "targets": [target]});
        }
        if self.rng.chance(70) {
            return json!([one]);
        }
        let text = if self.rng.chance(50) { self.print(&json!([one])) } else { self.print(&one) };
        self.file(dir, "replacement.yaml", text);
        json!([{"path": "replacement.yaml"}])
    }

    fn vars(&mut self, dir: &str, all: &[Made]) -> Json {
        let of = self.some(all).clone();
        let name = if self.rng.chance(50) { "NAME".to_owned() } else { format!("IMAGE{}", dir.len()) };
        let mut var =
            json!({"name": name, "objref": {"apiVersion": of.api_version, "kind": of.kind, "name": of.name}});
        if self.rng.chance(50) {
            var["fieldref"] = json!({"fieldpath": self.rng.pick(&["metadata.name", "metadata.namespace", "spec.replicas", "metadata.labels.app", "spec.ports[0].port", "data.k"])});
        }
        json!([var])
    }

    fn configurations(&mut self, dir: &str) -> Json {
        let value = match self.rng.below(7) {
            0 => {
                json!({"nameReference": [{"kind": "Secret", "version": "v1", "fieldSpecs": [{"kind": "Widget", "path": "spec/secretRef/name"}]}]})
            }
            1 => {
                json!({"nameReference": [{"kind": "Secret", "fieldSpecs": [{"kind": "SealedSecret", "path": "metadata/name"}, {"kind": "SealedSecret", "path": "spec/template/metadata/name"}]}]})
            }
            2 => json!({"images": [{"kind": "Widget", "path": "spec/image"}]}),
            3 => {
                json!({"commonLabels": [{"path": "spec/labels", "create": true, "kind": "Widget"}], "commonAnnotations": [{"path": "spec/notes", "create": true, "kind": "Widget"}]})
            }
            4 => {
                json!({"varReference": [{"kind": "Widget", "path": "spec/target"}, {"path": "spec/nested/v", "kind": "Widget"}]})
            }
            5 => {
                json!({"namespace": [{"kind": "Widget", "path": "spec/ns", "create": true}], "namePrefix": [{"path": "spec/target", "kind": "Widget"}]})
            }
            _ => {
                json!({"replicas": [{"kind": "Widget", "path": "spec/count", "create": true}], "nameReference": [{"kind": "Deployment", "group": "apps", "fieldSpecs": [{"kind": "Widget", "path": "spec/target"}]}]})
            }
        };
        let text = self.print(&value);
        self.file(dir, "config.yaml", text);
        json!(["config.yaml"])
    }

    fn crds(&mut self, dir: &str) -> Json {
        let value = json!({
            "github.com/example/pkg/apis/v1.Widget": {"Schema": {"description": "w", "properties": {
                "apiVersion": {"type": "string"}, "kind": {"type": "string"}, "metadata": {"$ref": "k8s.io/apimachinery/pkg/apis/meta/v1.ObjectMeta"},
                "spec": {"$ref": "github.com/example/pkg/apis/v1.WidgetSpec"}}}},
            "github.com/example/pkg/apis/v1.WidgetSpec": {"Schema": {"properties": {
                "secretRef": {"x-kubernetes-object-ref-api-version": "v1", "x-kubernetes-object-ref-kind": "Secret", "type": "object"},
                "target": {"x-kubernetes-object-ref-api-version": "apps/v1", "x-kubernetes-object-ref-kind": "Deployment", "type": "string"}}}}
        });
        let text = value.to_string();
        self.file(dir, "crd.json", text);
        json!(["crd.json"])
    }

    fn openapi(&mut self, dir: &str) -> Json {
        if self.rng.chance(20) {
            return json!({"version": self.rng.pick(&["v1.21.2", "v1.21.2", "v1.20.4"])});
        }
        let value = json!({"definitions": {"v1.Widget": {"properties": {"spec": {"properties": {"items": {
            "type": "array", "items": {"properties": {"name": {"type": "string"}}}, "x-kubernetes-patch-merge-key": "name", "x-kubernetes-patch-strategy": "merge"}}}},
            "x-kubernetes-group-version-kind": [{"group": "example.com", "kind": "Widget", "version": "v1"}]}}});
        let text = value.to_string();
        self.file(dir, "schema.json", text);
        json!({"path": "schema.json"})
    }

    fn plugins(&mut self, dir: &str, tag: &str, all: &[Made]) -> Json {
        let meta = json!({"name": "p"});
        let specs = json!([{"path": "metadata/labels", "create": true}]);
        let value = match self.rng.below(11) {
            0 => {
                json!({"kind": "LabelTransformer", "metadata": meta, "labels": self.pairs(), "fieldSpecs": specs})
            }
            1 => {
                json!({"kind": "AnnotationsTransformer", "metadata": meta, "annotations": self.pairs(), "fieldSpecs": [{"path": "metadata/annotations", "create": true}]})
            }
            2 => {
                json!({"kind": "PrefixSuffixTransformer", "metadata": meta, "prefix": "pl-", "suffix": "-pl", "fieldSpecs": [{"path": "metadata/name"}]})
            }
            3 => {
                json!({"kind": "NamespaceTransformer", "metadata": {"name": "p", "namespace": "plug"}, "unsetOnly": self.rng.chance(50),
                "setRoleBindingSubjects": self.rng.pick(&["defaultOnly", "allServiceAccounts", "none"]), "fieldSpecs": [{"path": "metadata/namespace", "create": true}]})
            }
            4 => {
                json!({"kind": "ImageTagTransformer", "metadata": meta, "imageTag": {"name": "nginx", "newTag": "plug"}, "fieldSpecs": [{"path": "spec/image", "kind": "Widget"}]})
            }
            5 => {
                json!({"kind": "ReplicaCountTransformer", "metadata": meta, "replica": {"name": self.rng.pick(&NAMES), "count": 5}, "fieldSpecs": [{"path": "spec/replicas", "create": true, "kind": "Deployment"}]})
            }
            6 => {
                json!({"kind": "SuffixTransformer", "metadata": meta, "suffix": "-suf", "fieldSpecs": [{"path": "metadata/name"}]})
            }
            7 if !all.is_empty() => {
                let of = self.some(all).clone();
                let operations = json!(self.operations(&of));
                let patch = self.print(&operations);
                json!({"kind": "PatchTransformer", "metadata": meta, "patch": patch, "target": {"kind": of.kind, "name": of.name}})
            }
            8 => json!({"kind": "HashTransformer", "metadata": meta}),
            9 if self.quirk() => {
                json!({"kind": "SortOrderTransformer", "metadata": meta, "sortOptions": {"order": "legacy"}})
            }
            _ => {
                json!({"kind": "ValueAddTransformer", "metadata": meta, "value": "added", "targets": [{"selector": {"kind": "Deployment"}, "fieldPath": "spec/added"}]})
            }
        };
        let mut with = json!({"apiVersion": "builtin"});
        if let (Some(with), Some(value)) = (with.as_object_mut(), value.as_object()) {
            with.extend(value.clone());
        }
        let text = self.print(&with);
        if self.rng.chance(50) {
            return json!([text]);
        }
        let name = format!("{tag}.yaml");
        self.file(dir, &name, text);
        json!([name])
    }

    fn generators(&mut self, dir: &str) -> Json {
        let value = json!({"apiVersion": "builtin", "kind": self.rng.pick(&["ConfigMapGenerator", "SecretGenerator"]),
            "metadata": {"name": self.rng.pick(&["made", "cm"])}, "literals": ["a=b"], "options": {"disableNameSuffixHash": self.rng.chance(30)}});
        let text = self.print(&value);
        if self.rng.chance(50) {
            return json!([text]);
        }
        self.file(dir, "g.yaml", text);
        json!(["g.yaml"])
    }

    fn sort_options(&mut self) -> Json {
        match self.rng.below(4) {
            0 => json!({"order": "fifo"}),
            1 => json!({"order": "legacy"}),
            _ => {
                json!({"order": "legacy", "legacySortOptions": {"orderFirst": ["Service", "ConfigMap"], "orderLast": ["Deployment"]}})
            }
        }
    }
}

fn is_scaled(made: &Made) -> bool {
    matches!(made.kind.as_str(), "Deployment" | "StatefulSet" | "ReplicaSet")
}
