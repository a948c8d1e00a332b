//! The operations on a resource, as OpenAPI describes them: what this server serves, without prose.

use seatrial_schema::{Resource, Subresource};
use serde_json::{Map, Value, json};

use super::types::Style;

const META: &str = "io.k8s.apimachinery.pkg.apis.meta.v1";

/// A resource together with the names of its definitions.
pub(crate) struct Served<'r> {
    pub(crate) resource: &'r Resource,
    /// The definition of one object.
    pub(crate) object: String,
    /// The definition of a list; empty where objects of the kind are never listed.
    pub(crate) list: String,
    pub(crate) custom: bool,
}

/// The definition of a subresource's kind, given the group, version and kind.
pub(crate) type NameOf<'n> = &'n dyn Fn(&str, &str, &str) -> Option<String>;

/// Adds the paths of a resource.
pub(crate) fn add(paths: &mut Map<String, Value>, served: &Served<'_>, style: Style, name_of: NameOf<'_>) {
    let writer = Writer { served, style };
    let r = served.resource;
    let root = match r.group.as_ref() {
        "" => format!("/api/{}", r.version),
        group => format!("/apis/{group}/{}", r.version),
    };
    let collection = match r.namespaced {
        true => format!("{root}/namespaces/{{namespace}}/{}", r.plural),
        false => format!("{root}/{}", r.plural),
    };
    if r.namespaced && r.has_verb("list") {
        let mut item = Map::new();
        item.insert("get".to_owned(), writer.operation("list", &served.list, None, "ForAllNamespaces"));
        paths.insert(format!("{root}/{}", r.plural), item.into());
    }
    let mut item = Map::new();
    for (verb, method, definition) in [
        ("list", "get", served.list.as_str()),
        ("create", "post", served.object.as_str()),
        ("deletecollection", "delete", ""),
    ] {
        if r.has_verb(verb) {
            item.insert(method.to_owned(), writer.operation(verb, definition, None, ""));
        }
    }
    if !item.is_empty() {
        writer.path_parameters(&mut item, false);
        paths.insert(collection.clone(), item.into());
    }
    let mut item = Map::new();
    for (verb, method) in [("get", "get"), ("update", "put"), ("patch", "patch"), ("delete", "delete")] {
        if r.has_verb(verb) {
            item.insert(method.to_owned(), writer.operation(verb, &served.object, None, ""));
        }
    }
    if !item.is_empty() {
        writer.path_parameters(&mut item, true);
        paths.insert(format!("{collection}/{{name}}"), item.into());
    }
    for sub in &r.subresources {
        let Some(definition) = name_of(&sub.group, &sub.version, &sub.kind) else { continue };
        let mut item = Map::new();
        for verb in &sub.verbs {
            let method = match verb.as_ref() {
                "update" => "put",
                "create" => "post",
                other => other,
            };
            item.insert(method.to_owned(), writer.operation(verb, &definition, Some(sub), ""));
        }
        writer.path_parameters(&mut item, true);
        paths.insert(format!("{collection}/{{name}}/{}", sub.name), item.into());
    }
}

struct Writer<'s> {
    served: &'s Served<'s>,
    style: Style,
}

impl Writer<'_> {
    fn operation(&self, verb: &str, definition: &str, sub: Option<&Subresource>, suffix: &str) -> Value {
        let r = self.served.resource;
        let (word, action) = match verb {
            "get" => ("read", "get"),
            "update" => ("replace", "put"),
            "create" => ("create", "post"),
            "deletecollection" => ("delete", "deletecollection"),
            other => (other, other),
        };
        let scope = if r.namespaced && suffix.is_empty() { "Namespaced" } else { "" };
        let collection = if verb == "deletecollection" { "Collection" } else { "" };
        let (group, version) = (camel(&r.group), title(&r.version));
        let sub_name = sub.map(|s| title(&s.name)).unwrap_or_default();
        let id = format!("{word}{}{version}{collection}{scope}{}{sub_name}{suffix}", title(&group), r.kind);
        let (sub_group, sub_version, sub_kind) =
            sub.map_or((&r.group, &r.version, &r.kind), |s| (&s.group, &s.version, &s.kind));
        let mut operation = Map::new();
        let mut set = |key: &str, value: Value| operation.insert(key.to_owned(), value);
        set("tags", json!([format!("{group}_{}", r.version)]));
        set("operationId", id.into());
        let mut parameters: Vec<Value> =
            query(verb).iter().map(|(name, ty)| self.parameter(name, "query", ty)).collect();
        let body = match verb {
            "update" | "create" => Some((definition.to_owned(), true)),
            "patch" => Some((format!("{META}.Patch"), true)),
            "delete" | "deletecollection" => Some((format!("{META}.DeleteOptions"), false)),
            _ => None,
        };
        let answer = match verb {
            "delete" | "deletecollection" => format!("{META}.Status"),
            _ => definition.to_owned(),
        };
        let custom = self.served.custom;
        let accepted: &[&str] = match verb {
            "patch" if custom => &[
                "application/apply-patch+yaml",
                "application/json-patch+json",
                "application/merge-patch+json",
            ],
            "patch" => &[
                "application/apply-patch+yaml",
                "application/json-patch+json",
                "application/merge-patch+json",
                "application/strategic-merge-patch+json",
            ],
            _ => &["application/json", "application/yaml"],
        };
        let answered: &[&str] = match verb {
            "list" => &["application/json", "application/json;stream=watch"],
            _ => &["application/json"],
        };
        let codes: &[(&str, &str)] = match verb {
            "create" => &[("200", "OK"), ("201", "Created"), ("202", "Accepted")],
            "update" | "patch" => &[("200", "OK"), ("201", "Created")],
            "delete" => &[("200", "OK"), ("202", "Accepted")],
            _ => &[("200", "OK")],
        };
        let refer = |name: &str| json!({"$ref": self.style.refer(name)});
        match self.style {
            Style::V3 => {
                if let Some((name, required)) = &body {
                    let content: Map<String, Value> = accepted
                        .iter()
                        .map(|media| ((*media).to_owned(), json!({"schema": refer(name)})))
                        .collect();
                    let mut request = json!({"content": content});
                    if *required {
                        request["required"] = true.into();
                    }
                    set("requestBody", request);
                }
            }
            Style::V2 => {
                set("consumes", accepted.into());
                set("produces", answered.into());
                set("schemes", json!(["https"]));
                if let Some((name, required)) = &body {
                    let mut parameter = json!({"in": "body", "name": "body", "schema": refer(name)});
                    if *required {
                        parameter["required"] = true.into();
                    }
                    parameters.push(parameter);
                }
            }
        }
        if !parameters.is_empty() {
            set("parameters", parameters.into());
        }
        let mut responses = Map::new();
        for (code, text) in codes {
            let response = match self.style {
                Style::V3 => {
                    let content: Map<String, Value> = answered
                        .iter()
                        .map(|media| ((*media).to_owned(), json!({"schema": refer(&answer)})))
                        .collect();
                    json!({"description": text, "content": content})
                }
                Style::V2 => json!({"description": text, "schema": refer(&answer)}),
            };
            responses.insert((*code).to_owned(), response);
        }
        responses.insert("401".to_owned(), json!({"description": "Unauthorized"}));
        set("responses", responses.into());
        set("x-kubernetes-action", action.into());
        set(
            "x-kubernetes-group-version-kind",
            json!({"group": sub_group, "version": sub_version, "kind": sub_kind}),
        );
        operation.into()
    }

    fn path_parameters(&self, item: &mut Map<String, Value>, name: bool) {
        let mut parameters = Vec::new();
        if name {
            parameters.push(self.parameter("name", "path", "string"));
        }
        if self.served.resource.namespaced {
            parameters.push(self.parameter("namespace", "path", "string"));
        }
        parameters.push(self.parameter("pretty", "query", "string"));
        item.insert("parameters".to_owned(), parameters.into());
    }

    fn parameter(&self, name: &str, place: &str, ty: &str) -> Value {
        let mut parameter = json!({"name": name, "in": place});
        if place == "path" {
            parameter["required"] = true.into();
        }
        match self.style {
            Style::V3 => parameter["schema"] = json!({"type": ty, "uniqueItems": true}),
            Style::V2 => {
                parameter["type"] = ty.into();
                parameter["uniqueItems"] = true.into();
            }
        }
        parameter
    }
}

/// The query parameters of a verb, with their types.
fn query(verb: &str) -> &'static [(&'static str, &'static str)] {
    match verb {
        "list" => &[
            ("allowWatchBookmarks", "boolean"),
            ("continue", "string"),
            ("fieldSelector", "string"),
            ("labelSelector", "string"),
            ("limit", "integer"),
            ("resourceVersion", "string"),
            ("resourceVersionMatch", "string"),
            ("sendInitialEvents", "boolean"),
            ("timeoutSeconds", "integer"),
            ("watch", "boolean"),
        ],
        "create" | "update" => {
            &[("dryRun", "string"), ("fieldManager", "string"), ("fieldValidation", "string")]
        }
        "patch" => &[
            ("dryRun", "string"),
            ("fieldManager", "string"),
            ("fieldValidation", "string"),
            ("force", "boolean"),
        ],
        "delete" => &[
            ("dryRun", "string"),
            ("gracePeriodSeconds", "integer"),
            ("orphanDependents", "boolean"),
            ("propagationPolicy", "string"),
        ],
        "deletecollection" => &[
            ("continue", "string"),
            ("dryRun", "string"),
            ("fieldSelector", "string"),
            ("gracePeriodSeconds", "integer"),
            ("labelSelector", "string"),
            ("limit", "integer"),
            ("orphanDependents", "boolean"),
            ("propagationPolicy", "string"),
            ("resourceVersion", "string"),
            ("resourceVersionMatch", "string"),
            ("sendInitialEvents", "boolean"),
            ("timeoutSeconds", "integer"),
        ],
        _ => &[],
    }
}

/// `status` as `Status`.
fn title(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_ascii_uppercase().to_string() + chars.as_str()).unwrap_or_default()
}

/// `rbac.authorization.k8s.io` as `rbacAuthorization`, the core group as `core`.
fn camel(group: &str) -> String {
    if group.is_empty() {
        return "core".to_owned();
    }
    let words = group.trim_end_matches(".k8s.io").split(['.', '-']);
    words.enumerate().map(|(i, word)| if i == 0 { word.to_owned() } else { title(word) }).collect()
}
