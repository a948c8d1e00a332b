//! Faults of the volumes of a Pod.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{list, one_of};
use crate::codec::Quantity;
use crate::meta;
use crate::status::FieldError;
use crate::validate::{names, storage};

/// What each source needs: its field, its name in messages, its required fields.
const REQUIRED: &[(&str, &str, &[&str])] = &[
    ("awsElasticBlockStore", "awsElasticBlockStore", &["volumeID"]),
    ("azureDisk", "azureDisk", &["diskName", "diskURI"]),
    ("azureFile", "azureFile", &["secretName", "shareName"]),
    ("cephfs", "cephfs", &["monitors"]),
    ("cinder", "cinder", &["volumeID"]),
    ("configMap", "configMap", &["name"]),
    ("csi", "csi", &["driver"]),
    ("ephemeral", "ephemeral", &["volumeClaimTemplate"]),
    ("flexVolume", "flexVolume", &["driver"]),
    ("gcePersistentDisk", "persistentDisk", &["pdName"]),
    ("gitRepo", "gitRepo", &["repository"]),
    ("glusterfs", "glusterfs", &["endpoints", "path"]),
    ("hostPath", "hostPath", &["path"]),
    ("image", "image", &["reference"]),
    ("iscsi", "iscsi", &["targetPortal", "iqn"]),
    ("nfs", "nfs", &["server", "path"]),
    ("persistentVolumeClaim", "persistentVolumeClaim", &["claimName"]),
    ("photonPersistentDisk", "photonPersistentDisk", &["pdID"]),
    ("portworxVolume", "portworxVolume", &["volumeID"]),
    ("rbd", "rbd", &["monitors", "image"]),
    ("scaleIO", "scaleIO", &["gateway", "system", "volumeName"]),
    ("storageos", "storageos", &["volumeName"]),
    ("vsphereVolume", "vsphereVolume", &["volumePath"]),
];

/// The faults of a volume's source.
pub(super) fn source(volume: &Value, at: &str, found: &mut Vec<FieldError>) {
    let sources = volume.as_object().into_iter().flatten().filter(|(name, _)| *name != "name");
    for (name, source) in sources.take(1) {
        let required = REQUIRED.iter().find(|(field, ..)| field == name);
        let shown = required.map_or(name.as_str(), |(_, shown, _)| shown);
        let at = format!("{at}.{shown}");
        let lacks = |field: &str| match source.get(field) {
            None | Some(Value::Null) => true,
            Some(value) => value == "" || value.as_array().is_some_and(Vec::is_empty),
        };
        if matches!(name.as_str(), "downwardAPI" | "projected") {
            mode(source, "defaultMode", &at, found);
        }
        for field in required.into_iter().flat_map(|(.., fields)| *fields).filter(|field| lacks(field)) {
            found.push(FieldError::required(format!("{at}.{field}"), ""));
        }
        one(name, source, &at, found);
    }
}

fn one(name: &str, source: &Value, at: &str, found: &mut Vec<FieldError>) {
    let text = |field: &str| meta::text(source, &[field]);
    match name {
        "hostPath" => {
            if text("path").is_empty() {
                return;
            }
            no_steps_back(text("path"), &format!("{at}.path"), found);
            let types = [
                "",
                "BlockDevice",
                "CharDevice",
                "Directory",
                "DirectoryOrCreate",
                "File",
                "FileOrCreate",
                "Socket",
            ];
            one_of(&format!("{at}.type"), source.get("type"), &types, found);
        }
        "emptyDir" => {
            let limit = source.get("sizeLimit").and_then(Value::as_str).and_then(Quantity::parse);
            if limit.is_some_and(|limit| limit.sign().is_lt()) {
                let why = "SizeLimit field must be a valid resource quantity";
                found.push(FieldError::forbidden(format!("{at}.sizeLimit"), why));
            }
        }
        "secret" => {
            if text("secretName").is_empty() {
                found.push(FieldError::required(format!("{at}.secretName"), ""));
            }
            mode(source, "defaultMode", at, found);
            items(source, at, found);
        }
        "configMap" => {
            mode(source, "defaultMode", at, found);
            items(source, at, found);
        }
        "downwardAPI" => list(source, "items").iter().for_each(|item| downward(item, at, found)),
        "projected" => projected(source, at, found),
        "nfs" if !text("path").is_empty() && !text("path").starts_with('/') => {
            found.push(FieldError::invalid(
                format!("{at}.path"),
                &text("path").into(),
                "must be an absolute path",
            ));
        }
        "csi" => {
            if !text("driver").is_empty() {
                found.extend(names::faults(
                    &format!("{at}.driver"),
                    &text("driver").to_lowercase(),
                    names::subdomain,
                ));
            }
            if source
                .get("nodePublishSecretRef")
                .is_some_and(|secret| meta::text(secret, &["name"]).is_empty())
            {
                found.push(FieldError::required(format!("{at}.nodePublishSecretRef.name"), ""));
            }
        }
        "ephemeral" => {
            if let Some(claim) = source.get("volumeClaimTemplate") {
                let spec = claim.get("spec").unwrap_or(&Value::Null);
                storage::claim(spec, &format!("{at}.volumeClaimTemplate.spec"), found);
            }
        }
        "image" => {
            let policies = ["Always", "IfNotPresent", "Never"];
            one_of(&format!("{at}.pullPolicy"), source.get("pullPolicy"), &policies, found);
        }
        "iscsi" => {
            let iqn = text("iqn");
            if !iqn.is_empty() && !["iqn", "eui", "naa"].iter().any(|start| iqn.starts_with(start)) {
                let why = "must be valid format starting with iqn, eui, or naa";
                found.push(FieldError::invalid(format!("{at}.iqn"), &iqn.into(), why));
            }
            if let Some(lun) =
                source.get("lun").filter(|lun| lun.as_i64().is_some_and(|n| !(0..=255).contains(&n)))
            {
                found.push(FieldError::invalid(
                    format!("{at}.lun"),
                    lun,
                    "must be between 0 and 255, inclusive",
                ));
            }
        }
        "azureDisk" if !text("diskURI").starts_with("https://") => {
            let uri = "https://{account-name}.blob.core.windows.net/{container-name}/{disk-name}.vhd";
            if text("kind") != "Managed" {
                found.push(FieldError::not_supported(
                    format!("{at}.diskURI"),
                    &text("diskURI").into(),
                    &[uri],
                ));
            }
        }
        "quobyte" => {
            if text("registry").is_empty() {
                let why = "must be a host:port pair or multiple pairs separated by commas";
                found.push(FieldError::required(format!("{at}.registry"), why));
            }
            if text("volume").is_empty() {
                found.push(FieldError::required(format!("{at}.volume"), ""));
            }
        }
        "flocker" if text("datasetName").is_empty() && text("datasetUUID").is_empty() => {
            found.push(FieldError::required(at, "one of datasetName and datasetUUID is required"));
        }
        "fc" if list(source, "targetWWNs").is_empty() && list(source, "wwids").is_empty() => {
            let why = "must specify either targetWWNs or wwids, but not both";
            found.push(FieldError::required(format!("{at}.targetWWNs"), why));
        }
        _ => {}
    }
}

/// The bits of a file's mode.
fn mode(value: &Value, field: &str, at: &str, found: &mut Vec<FieldError>) {
    let Some(mode) = value.get(field) else { return };
    if mode.as_i64().is_some_and(|mode| !(0..=0o777).contains(&mode)) {
        let why = "must be a number between 0 and 0777 (octal), both inclusive";
        found.push(FieldError::invalid(format!("{at}.{field}"), mode, why));
    }
}

fn no_steps_back(path: &str, at: &str, found: &mut Vec<FieldError>) {
    if path.split('/').any(|part| part == "..") {
        found.push(FieldError::invalid(at, &path.into(), "must not contain '..'"));
    }
}

/// A path inside of something else.
pub(super) fn inside(path: &str, at: &str, found: &mut Vec<FieldError>) {
    if path.starts_with('/') {
        found.push(FieldError::invalid(at, &path.into(), "must be a relative path"));
    }
    no_steps_back(path, at, found);
}

/// The keys of a map that become files.
fn items(source: &Value, at: &str, found: &mut Vec<FieldError>) {
    for (i, item) in list(source, "items").iter().enumerate() {
        let at = format!("{at}.items[{i}]");
        if meta::text(item, &["key"]).is_empty() {
            found.push(FieldError::required(format!("{at}.key"), ""));
        }
        match meta::text(item, &["path"]) {
            "" => found.push(FieldError::required(format!("{at}.path"), "")),
            path => inside(path, &format!("{at}.path"), found),
        }
        mode(item, "mode", &at, found);
    }
}

/// A file about the Pod. Messages do not say which of several.
fn downward(item: &Value, at: &str, found: &mut Vec<FieldError>) {
    match meta::text(item, &["path"]) {
        "" => found.push(FieldError::required(format!("{at}.path"), "")),
        path => inside(path, &format!("{at}.path"), found),
    }
    match (item.get("fieldRef"), item.get("resourceFieldRef")) {
        (Some(field), other) => {
            let known = [
                "metadata.annotations",
                "metadata.labels",
                "metadata.name",
                "metadata.namespace",
                "metadata.uid",
            ];
            super::env::field_path(field, &format!("{at}.fieldRef"), &known, found);
            if other.is_some() {
                let why = "fieldRef and resourceFieldRef can not be specified simultaneously";
                found.push(FieldError::invalid(at, &"resource".into(), why));
            }
        }
        (None, Some(resource)) => {
            super::env::resource(resource, &format!("{at}.resourceFieldRef"), true, found);
        }
        (None, None) => {
            found.push(FieldError::required(at, "one of fieldRef and resourceFieldRef is required"))
        }
    }
    mode(item, "mode", at, found);
}

/// Several sources in one volume, which must not write to the same place.
fn projected(volume: &Value, at: &str, found: &mut Vec<FieldError>) {
    let mut seen = BTreeSet::new();
    // What messages show is the name of a map, or a path.
    let mut take = |path: &str, shown: &str, found: &mut Vec<FieldError>| {
        if !path.is_empty() && !seen.insert(path.to_owned()) {
            found.push(FieldError::invalid(at, &shown.into(), "conflicting duplicate paths"));
        }
    };
    for (i, source) in list(volume, "sources").iter().enumerate() {
        let place = format!("{at}.sources[{i}]");
        let kinds = source.as_object().into_iter().flatten();
        for (n, (name, part)) in ordered(kinds).into_iter().enumerate() {
            if n > 0 {
                let why = "may not specify more than 1 volume type per source";
                found.push(FieldError::forbidden(&*place, why));
                continue;
            }
            let place = format!("{place}.{name}");
            match name.as_str() {
                "secret" | "configMap" => {
                    if meta::text(part, &["name"]).is_empty() {
                        found.push(FieldError::required(format!("{place}.name"), ""));
                    }
                    items(part, &place, found);
                    let shown = meta::text(part, &["name"]);
                    list(part, "items")
                        .iter()
                        .for_each(|item| take(meta::text(item, &["path"]), shown, found));
                }
                "downwardAPI" => {
                    for item in list(part, "items") {
                        downward(item, &place, found);
                        let path = meta::text(item, &["path"]);
                        take(path, path, found);
                    }
                }
                "serviceAccountToken" => {
                    let seconds = part.get("expirationSeconds").and_then(Value::as_i64);
                    if let Some(seconds) = seconds.filter(|seconds| *seconds < 600) {
                        let why = "may not specify a duration less than 10 minutes";
                        found.push(FieldError::invalid(
                            format!("{place}.expirationSeconds"),
                            &seconds.into(),
                            why,
                        ));
                    }
                    match meta::text(part, &["path"]) {
                        "" => found.push(FieldError::required(format!("{at}.path"), "")),
                        path => inside(path, &format!("{at}.path"), found),
                    }
                    let path = meta::text(part, &["path"]);
                    take(path, path, found);
                }
                _ => {}
            }
        }
    }
}

/// The sources in the order in which the real server looks at them.
fn ordered<'v>(sources: impl Iterator<Item = (&'v String, &'v Value)>) -> Vec<(&'v String, &'v Value)> {
    const ORDER: [&str; 4] = ["secret", "configMap", "downwardAPI", "serviceAccountToken"];
    let mut all: Vec<_> = sources.collect();
    all.sort_by_key(|(name, _)| ORDER.iter().position(|known| known == name).unwrap_or(ORDER.len()));
    all
}

/// Names and sources of all volumes; returns the names that containers can mount.
pub(super) fn check<'v>(spec: &'v Value, at: &str, found: &mut Vec<FieldError>) -> BTreeSet<&'v str> {
    let (mut seen, mut faulty) = (BTreeSet::new(), BTreeSet::new());
    for (i, volume) in list(spec, "volumes").iter().enumerate() {
        let place = format!("{at}.volumes[{i}]");
        let before = found.len();
        source(volume, &place, found);
        if volume.as_object().is_some_and(|v| v.len() > 2) {
            let second =
                volume.as_object().into_iter().flat_map(|v| v.keys()).filter(|k| *k != "name").nth(1);
            let field = format!("{place}.{}", second.map_or("", String::as_str));
            found.push(FieldError::forbidden(field, "may not specify more than 1 volume type"));
        }
        let own = found.len() > before;
        let name = meta::text(volume, &["name"]);
        let field = format!("{place}.name");
        if name.is_empty() {
            found.push(FieldError::required(field, ""));
            continue;
        }
        found.extend(names::faults(&field, name, names::label));
        // A volume with a fault of its own takes no name.
        if own {
            faulty.insert(name);
        } else if !seen.insert(name) {
            found.push(FieldError::duplicate(field, &name.into()));
        }
    }
    seen.extend(faulty);
    seen
}
