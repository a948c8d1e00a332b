//! Groups, resources and subresources as an API server's discovery lists them.

use anyhow::{Context, Result};
use seatrial_schema::{Builder, Group, Resource, Subresource, Text};
use serde_json::Value;

use super::oracle::Server;

/// Adds everything that `/api` and `/apis` list.
pub(super) fn resources(builder: &mut Builder, server: &Server) -> Result<()> {
    builder.add_group(Group { name: "".into(), versions: vec!["v1".into()] });
    add(builder, "", "v1", &server.get("/api/v1")?)?;
    let groups = server.get("/apis")?;
    for group in groups["groups"].as_array().context("read /apis")? {
        let name = text(group, "name").context("a group without a name")?;
        let preferred = text(&group["preferredVersion"], "version").context("no preferred version")?;
        let mut versions = vec![Text::from(preferred.clone())];
        for version in group["versions"].as_array().into_iter().flatten() {
            let version = text(version, "version").context("a version without a name")?;
            if version != preferred {
                versions.push(version.into());
            }
        }
        for version in &versions {
            add(builder, &name, version, &server.get(&format!("/apis/{name}/{version}"))?)?;
        }
        builder.add_group(Group { name: name.into(), versions });
    }
    Ok(())
}

fn add(builder: &mut Builder, group: &str, version: &str, list: &Value) -> Result<()> {
    let all = list["resources"].as_array().with_context(|| format!("no resources in {group}/{version}"))?;
    for r in all {
        let plural = text(r, "name").context("a resource without a name")?;
        if plural.contains('/') {
            continue;
        }
        let prefix = format!("{plural}/");
        let mut subresources = Vec::new();
        for s in all {
            let name = text(s, "name").unwrap_or_default();
            let Some(name) = name.strip_prefix(&prefix) else { continue };
            subresources.push(Subresource {
                name: name.to_owned().into(),
                // Absent where they are the resource's own; the core group is then absent together with its version.
                group: match s.get("version") {
                    Some(_) => text(s, "group").unwrap_or_default().into(),
                    None => group.to_owned().into(),
                },
                version: text(s, "version").unwrap_or_else(|| version.to_owned()).into(),
                kind: text(s, "kind").context("a subresource without a kind")?.into(),
                verbs: texts(s, "verbs"),
            });
        }
        builder.add_resource(Resource {
            group: group.to_owned().into(),
            version: version.to_owned().into(),
            kind: text(r, "kind").context("a resource without a kind")?.into(),
            plural: plural.into(),
            singular: text(r, "singularName").unwrap_or_default().into(),
            namespaced: r["namespaced"].as_bool().unwrap_or(false),
            verbs: texts(r, "verbs"),
            short_names: texts(r, "shortNames"),
            categories: texts(r, "categories"),
            subresources,
        });
    }
    Ok(())
}

fn text(value: &Value, key: &str) -> Option<String> {
    value[key].as_str().map(str::to_owned)
}

fn texts(value: &Value, key: &str) -> Vec<Text> {
    value[key]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .map(|s| s.to_owned().into())
        .collect()
}
