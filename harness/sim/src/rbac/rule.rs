//! One rule of a role. Pure.

use serde_json::Value;

use super::attributes::{Attributes, What};

/// What a rule allows. Each list is as in the role.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Rule {
    pub(super) verbs: Vec<String>,
    pub(super) groups: Vec<String>,
    pub(super) resources: Vec<String>,
    /// Empty: all names.
    pub(super) names: Vec<String>,
    pub(super) paths: Vec<String>,
}

fn texts(value: &Value, key: &str) -> Vec<String> {
    let list = value[key].as_array().into_iter().flatten();
    list.filter_map(Value::as_str).map(str::to_owned).collect()
}

/// Whether the list has the value, or stands for all.
fn has(list: &[String], value: &str) -> bool {
    list.iter().any(|item| item == "*" || item == value)
}

impl Rule {
    /// A rule as it stands in a role.
    pub(super) fn of(rule: &Value) -> Rule {
        Rule {
            verbs: texts(rule, "verbs"),
            groups: texts(rule, "apiGroups"),
            resources: texts(rule, "resources"),
            names: texts(rule, "resourceNames"),
            paths: texts(rule, "nonResourceURLs"),
        }
    }

    /// The rules of a role.
    pub(super) fn all(role: &Value) -> Vec<Rule> {
        role["rules"].as_array().into_iter().flatten().map(Rule::of).collect()
    }

    /// Whether it allows this.
    pub(super) fn allows(&self, wanted: &Attributes) -> bool {
        if !has(&self.verbs, &wanted.verb) {
            return false;
        }
        match &wanted.what {
            What::Path(path) => self.has_path(path),
            What::Resource { group, resource, subresource, name, .. } => {
                has(&self.groups, group)
                    && self.has_resource(resource, subresource)
                    && (self.names.is_empty() || self.names.contains(name))
            }
        }
    }

    fn has_path(&self, path: &str) -> bool {
        self.paths.iter().any(|own| match own.strip_suffix('*') {
            Some(prefix) => path.starts_with(prefix),
            None => own == path,
        })
    }

    fn has_resource(&self, resource: &str, subresource: &str) -> bool {
        self.resources.iter().any(|own| match own.split_once('/') {
            _ if own == "*" => true,
            None => subresource.is_empty() && own == resource,
            Some((of, part)) => part == subresource && (of == "*" || of == resource),
        })
    }

    /// The rule in pieces: each with one verb, and one resource of one group (and one name, where there are names) or one path.
    pub(super) fn pieces(&self) -> Vec<Rule> {
        let mut pieces = Vec::new();
        let one = |text: &String| vec![text.clone()];
        for group in &self.groups {
            for resource in &self.resources {
                for verb in &self.verbs {
                    let piece = Rule {
                        verbs: one(verb),
                        groups: one(group),
                        resources: one(resource),
                        ..Rule::default()
                    };
                    match self.names.as_slice() {
                        [] => pieces.push(piece),
                        names => {
                            pieces
                                .extend(names.iter().map(|name| Rule { names: one(name), ..piece.clone() }));
                        }
                    }
                }
            }
        }
        for path in &self.paths {
            pieces.extend(self.verbs.iter().map(|verb| Rule {
                verbs: one(verb),
                paths: one(path),
                ..Rule::default()
            }));
        }
        pieces
    }

    /// Whether whoever has this rule has all that a piece of another allows.
    pub(super) fn covers(&self, piece: &Rule) -> bool {
        let within = |own: &[String], other: &[String]| other.iter().all(|value| has(own, value));
        let resources = || {
            piece.resources.iter().all(|wanted| {
                let of_all = wanted.split_once('/').map(|(_, part)| format!("*/{part}"));
                self.resources.iter().any(|own| own == "*" || own == wanted || of_all.as_ref() == Some(own))
            })
        };
        let names = || {
            self.names.is_empty()
                || !piece.names.is_empty() && piece.names.iter().all(|name| self.names.contains(name))
        };
        let paths = || piece.paths.iter().all(|path| self.paths.contains(path) || self.has_path(path));
        within(&self.verbs, &piece.verbs)
            && within(&self.groups, &piece.groups)
            && resources()
            && names()
            && paths()
    }

    /// `{APIGroups:[""], Resources:["pods"], Verbs:["get"]}`
    pub(super) fn text(&self) -> String {
        let parts = [
            ("APIGroups", &self.groups),
            ("Resources", &self.resources),
            ("NonResourceURLs", &self.paths),
            ("ResourceNames", &self.names),
            ("Verbs", &self.verbs),
        ];
        let parts: Vec<String> = parts
            .iter()
            .filter(|(_, list)| !list.is_empty())
            .map(|(name, list)| format!("{name}:{}", quoted(list)))
            .collect();
        format!("{{{}}}", parts.join(", "))
    }
}

/// `["a" "b"]`
pub(super) fn quoted(list: &[String]) -> String {
    let items: Vec<String> = list.iter().map(|item| format!("{item:?}")).collect();
    format!("[{}]", items.join(" "))
}

/// Joins the verbs of pieces about the same resource; those about names or paths stay as they are.
pub(super) fn joined(pieces: Vec<Rule>) -> Vec<Rule> {
    let mut joined: Vec<Rule> = Vec::new();
    for piece in pieces {
        let simple = piece.names.is_empty() && piece.paths.is_empty();
        let same = joined.iter_mut().find(|other| {
            simple
                && other.names.is_empty()
                && other.paths.is_empty()
                && other.groups == piece.groups
                && other.resources == piece.resources
        });
        match same {
            Some(other) => {
                let new = piece.verbs.into_iter().filter(|verb| !other.verbs.contains(verb));
                let new: Vec<String> = new.collect();
                other.verbs.extend(new);
            }
            None => joined.push(piece),
        }
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use serde_json::json;

    fn wanted(verb: &str, resource: &str, name: &str) -> Attributes {
        let (resource, subresource) = resource.split_once('/').unwrap_or((resource, ""));
        Attributes::resource(verb, "apps", resource, subresource, "ns", name)
    }

    #[rstest]
    #[case::exact(json!({"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["get"]}), "deployments", true)]
    #[case::other_group(json!({"apiGroups": [""], "resources": ["deployments"], "verbs": ["get"]}), "deployments", false)]
    #[case::all_groups(json!({"apiGroups": ["*"], "resources": ["deployments"], "verbs": ["*"]}), "deployments", true)]
    #[case::other_verb(json!({"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["list"]}), "deployments", false)]
    #[case::not_the_subresource(json!({"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["get"]}), "deployments/scale", false)]
    #[case::the_subresource(json!({"apiGroups": ["apps"], "resources": ["deployments/scale"], "verbs": ["get"]}), "deployments/scale", true)]
    #[case::the_subresource_of_all(json!({"apiGroups": ["apps"], "resources": ["*/scale"], "verbs": ["get"]}), "deployments/scale", true)]
    #[case::not_by_half_a_star(json!({"apiGroups": ["apps"], "resources": ["deployments/*"], "verbs": ["get"]}), "deployments/scale", false)]
    #[case::everything(json!({"apiGroups": ["apps"], "resources": ["*"], "verbs": ["get"]}), "deployments/scale", true)]
    #[case::the_name(json!({"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["get"], "resourceNames": ["web"]}), "deployments", true)]
    #[case::other_name(json!({"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["get"], "resourceNames": ["api"]}), "deployments", false)]
    fn a_rule_allows(#[case] rule: Value, #[case] resource: &str, #[case] allowed: bool) {
        assert_eq!(Rule::of(&rule).allows(&wanted("get", resource, "web")), allowed);
    }

    #[rstest]
    #[case::exact("/healthz", "/healthz", true)]
    #[case::below("/apis/*", "/apis/apps", true)]
    #[case::not_above("/apis/*", "/apis", false)]
    #[case::all("*", "/x", true)]
    fn a_path(#[case] own: &str, #[case] path: &str, #[case] allowed: bool) {
        let rule = Rule::of(&json!({"nonResourceURLs": [own], "verbs": ["get"]}));
        let wanted = Attributes { verb: "get".to_owned(), what: What::Path(path.to_owned()) };
        assert_eq!(rule.allows(&wanted), allowed);
    }

    #[test]
    fn what_is_missing_is_told_by_resource() {
        let rule =
            Rule::of(&json!({"apiGroups": [""], "resources": ["pods", "secrets"], "verbs": ["get", "list"]}));
        let own = Rule::of(&json!({"apiGroups": [""], "resources": ["pods"], "verbs": ["*"]}));
        let missing = rule.pieces().into_iter().filter(|piece| !own.covers(piece)).collect();
        let texts: Vec<String> = joined(missing).iter().map(Rule::text).collect();
        assert_eq!(texts, [r#"{APIGroups:[""], Resources:["secrets"], Verbs:["get" "list"]}"#]);
    }
}
