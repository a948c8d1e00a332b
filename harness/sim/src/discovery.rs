//! Discovery, in the old form and the aggregated one.

use std::collections::BTreeMap;

use seatrial_schema::{Resource, Subresource};
use serde_json::{Value, json};

use crate::crd::compare_versions;
use crate::meta;
use crate::request::Form;
use crate::serve::{Answer, Content, Ctx};
use crate::status::{Refusal, Result};
use crate::store::State;

/// A group with its versions, the preferred one first, and the resources of each.
struct Listing<'s> {
    name: &'s str,
    versions: Vec<(&'s str, Vec<&'s Resource>)>,
}

/// Built-in groups in the server's order, then those of custom kinds by name.
fn listings(state: &State) -> Vec<Listing<'_>> {
    listed(state, |_| true)
}

/// One group.
fn listing<'s>(state: &'s State, name: &str) -> Option<Listing<'s>> {
    listed(state, |group| group == name).into_iter().next()
}

fn listed(state: &State, wanted: impl Fn(&str) -> bool) -> Vec<Listing<'_>> {
    let schema = seatrial_schema::kubernetes();
    let mut all: Vec<Listing<'_>> = Vec::new();
    for group in schema.groups().iter().filter(|group| wanted(&group.name)) {
        let resources = |version: &str| {
            schema.resources().iter().filter(|r| r.group == group.name && r.version == version).collect()
        };
        let versions = group.versions.iter().map(|v| (v.as_ref(), resources(v))).collect();
        all.push(Listing { name: &group.name, versions });
    }
    let mut custom: BTreeMap<&str, BTreeMap<&str, Vec<&Resource>>> = BTreeMap::new();
    for version in state.registry.all().filter(|version| wanted(&version.resource.group)) {
        let r = &version.resource;
        custom.entry(&r.group).or_default().entry(&r.version).or_default().push(r);
    }
    for (name, versions) in custom {
        let mut versions: Vec<(&str, Vec<&Resource>)> = versions.into_iter().collect();
        versions.sort_by(|a, b| compare_versions(b.0, a.0));
        all.push(Listing { name, versions });
    }
    all
}

fn group_version(group: &str, version: &str) -> String {
    if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") }
}

fn verbs(verbs: &[seatrial_schema::Text]) -> Vec<&str> {
    verbs.iter().map(AsRef::as_ref).collect()
}

/// `/`
pub(crate) fn root(state: &State) -> Value {
    let mut paths = vec!["/api".to_owned(), "/api/v1".to_owned(), "/apis".to_owned()];
    for listing in listings(state).iter().filter(|l| !l.name.is_empty()) {
        paths.push(format!("/apis/{}", listing.name));
        paths.extend(listing.versions.iter().map(|(v, _)| format!("/apis/{}/{v}", listing.name)));
    }
    paths.extend(["/healthz", "/livez", "/readyz", "/version"].map(str::to_owned));
    json!({"paths": paths})
}

pub(crate) fn core(ctx: &Ctx<'_>) -> Result<Answer> {
    if ctx.request.form == Form::Aggregated {
        return Ok(aggregated(ctx.state, true));
    }
    Ok(Answer::json(
        200,
        &json!({"kind": "APIVersions", "versions": ["v1"],
            "serverAddressByClientCIDRs": [{"clientCIDR": "0.0.0.0/0", "serverAddress": "cluster.local"}]}),
    ))
}

pub(crate) fn groups(ctx: &Ctx<'_>) -> Result<Answer> {
    if ctx.request.form == Form::Aggregated {
        return Ok(aggregated(ctx.state, false));
    }
    let groups: Vec<Value> =
        listings(ctx.state).iter().filter(|l| !l.name.is_empty()).map(group_value).collect();
    Ok(Answer::json(200, &json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups})))
}

fn group_value(listing: &Listing<'_>) -> Value {
    let versions: Vec<Value> = listing
        .versions
        .iter()
        .map(|(v, _)| json!({"groupVersion": group_version(listing.name, v), "version": v}))
        .collect();
    json!({"name": listing.name, "versions": versions, "preferredVersion": versions.first()})
}

pub(crate) fn group(ctx: &Ctx<'_>, name: &str) -> Result<Answer> {
    let Some(listing) = listing(ctx.state, name).filter(|_| !name.is_empty()) else {
        return Ok(not_a_page());
    };
    let mut value = group_value(&listing);
    if let Value::Object(map) = &mut value {
        let rest = std::mem::take(map);
        map.insert("kind".to_owned(), "APIGroup".into());
        map.insert("apiVersion".to_owned(), "v1".into());
        map.extend(rest);
    }
    Ok(Answer::json(200, &value))
}

/// What stands under no group at all is answered in plain text.
pub(crate) fn not_a_page() -> Answer {
    Answer { code: 404, content: Content::Text(bytes::Bytes::from_static(b"404 page not found\n")) }
}

/// Whether a group is one whose unknown paths are answered with a `Status`: a built-in one, or a custom one's version.
pub(crate) fn has_version(state: &State, group: &str, version: &str) -> bool {
    seatrial_schema::kubernetes().groups().iter().any(|g| g.name == group)
        || state.registry.all().any(|v| v.resource.group == group && v.resource.version == version)
}

pub(crate) fn resources(ctx: &Ctx<'_>, group: &str, version: &str) -> Result<Answer> {
    let Some(listing) = listing(ctx.state, group) else { return Ok(not_a_page()) };
    let Some((_, resources)) = listing.versions.iter().find(|(v, _)| *v == version) else {
        return if has_version(ctx.state, group, version) {
            Err(Refusal::no_such_path())
        } else {
            Ok(not_a_page())
        };
    };
    let mut entries = Vec::new();
    for resource in resources {
        entries.push(entry(resource, None));
        entries.extend(resource.subresources.iter().map(|s| entry(resource, Some(s))));
    }
    if seatrial_schema::kubernetes().groups().iter().any(|g| g.name == group) {
        entries.sort_by(|a, b| meta::text(a, &["name"]).cmp(meta::text(b, &["name"])));
    }
    let mut list = json!({"kind": "APIResourceList"});
    if !group.is_empty() {
        list["apiVersion"] = "v1".into();
    }
    list["groupVersion"] = group_version(group, version).into();
    list["resources"] = entries.into();
    Ok(Answer::json(200, &list))
}

fn entry(resource: &Resource, sub: Option<&Subresource>) -> Value {
    let name = match sub {
        None => resource.plural.to_string(),
        Some(sub) => format!("{}/{}", resource.plural, sub.name),
    };
    let mut entry = json!({
        "name": name,
        "singularName": if sub.is_some() { "" } else { resource.singular.as_ref() },
        "namespaced": resource.namespaced,
    });
    if let Some(sub) = sub
        && (sub.group != resource.group || sub.version != resource.version)
    {
        entry["group"] = sub.group.as_ref().into();
        entry["version"] = sub.version.as_ref().into();
    }
    entry["kind"] = sub.map_or(resource.kind.as_ref(), |s| s.kind.as_ref()).into();
    entry["verbs"] = verbs(sub.map_or(&resource.verbs, |s| &s.verbs)).into();
    if sub.is_none() {
        if !resource.short_names.is_empty() {
            entry["shortNames"] = verbs(&resource.short_names).into();
        }
        if !resource.categories.is_empty() {
            entry["categories"] = verbs(&resource.categories).into();
        }
    }
    entry
}

fn aggregated(state: &State, core: bool) -> Answer {
    let items: Vec<Value> = listings(state)
        .iter()
        .filter(|l| l.name.is_empty() == core)
        .map(|listing| {
            let versions: Vec<Value> = listing
                .versions
                .iter()
                .map(|(version, resources)| {
                    let resources: Vec<Value> = resources.iter().map(|r| aggregated_entry(r)).collect();
                    json!({"version": version, "resources": resources, "freshness": "Current"})
                })
                .collect();
            let metadata = if listing.name.is_empty() { json!({}) } else { json!({"name": listing.name}) };
            json!({"metadata": metadata, "versions": versions})
        })
        .collect();
    let list = json!({"kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2",
        "metadata": {}, "items": items});
    Answer { code: 200, content: Content::Discovery(meta::to_bytes(&list)) }
}

fn aggregated_entry(r: &Resource) -> Value {
    let kind =
        |group: &str, version: &str, kind: &str| json!({"group": group, "version": version, "kind": kind});
    let mut entry = json!({
        "resource": r.plural.as_ref(),
        "responseKind": kind(&r.group, &r.version, &r.kind),
        "scope": if r.namespaced { "Namespaced" } else { "Cluster" },
        "singularResource": r.singular.as_ref(),
        "verbs": verbs(&r.verbs),
    });
    if !r.short_names.is_empty() {
        entry["shortNames"] = verbs(&r.short_names).into();
    }
    if !r.categories.is_empty() {
        entry["categories"] = verbs(&r.categories).into();
    }
    if !r.subresources.is_empty() {
        let subresources: Vec<Value> = r
            .subresources
            .iter()
            .map(|s| {
                json!({"subresource": s.name.as_ref(), "responseKind": kind(&s.group, &s.version, &s.kind), "verbs": verbs(&s.verbs)})
            })
            .collect();
        entry["subresources"] = subresources.into();
    }
    entry
}
