//! The Deployments and Services of the component manifests, beside those of the controllers' own releases.
//!
//! Opt-in: it reads Go modules out of the module cache (`GOMODCACHE`, else `GOPATH/pkg/mod`, else `~/go/pkg/mod`), where they come by
//! `go mod download -json github.com/fluxcd/source-controller@v1.9.0` and the like. A controller whose module is not there is
//! skipped, with a line that says so.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use seatrial_api::FluxRelease;
use seatrial_verbs::bootstrap::{Component, InstallOptions, components};
use seatrial_yaml::{Dialect, ParseOptions, parse_one};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

#[test]
fn deployments_are_those_of_the_controllers_releases_with_what_flux_adds() {
    for flux in FluxRelease::ALL {
        let all = Component::all_in(flux);
        let options = InstallOptions { components: all.clone(), ..InstallOptions::of(flux) };
        let ours = components(&options).unwrap();
        for component in all {
            let tag = component.tag(flux).unwrap();
            let Some(folder) = released(component, tag) else {
                eprintln!("skipped: no module {} {tag} in the Go cache", component.name());
                continue;
            };
            for mut theirs in documents(&folder) {
                let name = theirs["metadata"]["name"].as_str().unwrap().to_owned();
                let is =
                    |object: &&Value| object["kind"] == theirs["kind"] && object["metadata"]["name"] == *name;
                let found = ours.objects.iter().find(is).unwrap_or_else(|| panic!("{name} {flux}: missing"));
                if theirs["kind"] == "Deployment" {
                    as_flux_changes_it(&mut theirs, component, &options);
                } else {
                    theirs["metadata"]["namespace"] = json!("flux-system");
                }
                let mut found = found.clone();
                // What the labels are is asked by other tests.
                for labels in ["/metadata/labels", "/spec/template/metadata/labels"] {
                    let labels = found.pointer_mut(labels).and_then(Value::as_object_mut);
                    labels
                        .into_iter()
                        .for_each(|map| map.retain(|key, _| !key.starts_with("app.kubernetes.io/")));
                }
                assert_eq!(
                    serde_json::to_string_pretty(&found).unwrap(),
                    serde_json::to_string_pretty(&theirs).unwrap(),
                    "{name} of {}",
                    folder.display()
                );
            }
        }
    }
}

/// The manifests of a release of the same minor version: patches do not change them.
fn released(component: Component, tag: &str) -> Option<PathBuf> {
    let home = || std::env::var_os("HOME").map(|home| PathBuf::from(home).join("go/pkg/mod"));
    let path = || Some(PathBuf::from(std::env::var_os("GOPATH")?).join("pkg/mod"));
    let cache = std::env::var_os("GOMODCACHE").map(PathBuf::from).or_else(path).or_else(home)?;
    let minor = tag.rsplit_once('.')?.0;
    let start = format!("{}@{minor}.", component.name());
    let entries = std::fs::read_dir(cache.join("github.com/fluxcd")).ok()?.flatten();
    let named = |entry: &std::fs::DirEntry| entry.file_name().to_string_lossy().starts_with(&start);
    let mut found: Vec<PathBuf> = entries.filter(named).map(|entry| entry.path()).collect();
    found.sort();
    found.into_iter().map(|path| path.join("config/manager")).find(|path| path.is_dir())
}

fn documents(folder: &Path) -> Vec<Value> {
    let files = ["deployment.yaml", "service.yaml"].map(|name| folder.join(name));
    let mut found = Vec::new();
    for file in files.iter().filter(|file| file.is_file()) {
        let read = parse_one(&std::fs::read(file).unwrap(), &ParseOptions::default()).unwrap();
        found.push(read.to_json(Dialect::KubernetesJson).unwrap());
    }
    assert!(!found.is_empty(), "{}", folder.display());
    found
}

/// What flux2's own kustomizations and templates do with it.
fn as_flux_changes_it(deployment: &mut Value, component: Component, options: &InstallOptions) {
    let name = component.name();
    deployment["metadata"]["namespace"] = json!("flux-system");
    let pod = &mut deployment["spec"]["template"]["spec"];
    pod["serviceAccountName"] = json!(name);
    pod["nodeSelector"] = json!({"kubernetes.io/os": "linux"});
    let watcher = component == Component::SourceWatcher;
    let critical = [Component::SourceController, Component::KustomizeController, Component::HelmController];
    if critical.contains(&component) || watcher {
        pod["priorityClassName"] = json!("system-cluster-critical");
    }
    let container = &mut pod["containers"][0];
    container["image"] = json!(options.image(component).unwrap());
    if options.flux > FluxRelease::V2_2_3 {
        let limit = json!({"resourceFieldRef": {"containerName": "manager", "resource": "limits.memory"}});
        let env = container["env"].as_array_mut().unwrap();
        env.push(json!({"name": "GOMEMLIMIT", "valueFrom": limit}));
    }
    let arguments = container["args"].as_array_mut().unwrap();
    for argument in arguments.iter_mut().filter(|argument| **argument == "--watch-all-namespaces") {
        *argument = json!("--watch-all-namespaces=true");
    }
    if component != Component::NotificationController {
        let events = "--events-addr=http://notification-controller.flux-system.svc.cluster.local./";
        arguments.insert(0, json!(events));
    }
    let applies = matches!(component, Component::KustomizeController | Component::HelmController);
    if applies && options.components.contains(&Component::SourceWatcher) {
        arguments.push(json!("--feature-gates=ExternalArtifact=true"));
    }
}
