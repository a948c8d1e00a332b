//! What a repository has, by its paths.

use super::Service;
use seatrial_render::KUSTOMIZATION_FILES;
use std::collections::{BTreeMap, BTreeSet};

/// The clusters, services and lists of a repository.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Layout {
    /// The clusters, by name.
    pub clusters: Vec<Cluster>,
    /// The environments that each service has an overlay for; none for a service that has only a base.
    pub services: BTreeMap<Service, BTreeSet<String>>,
    /// The environments that have a list.
    pub environments: BTreeSet<String>,
}

/// A cluster: a folder of `clusters/` with YAML in it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cluster {
    /// Its name.
    pub name: String,
    /// Its folder: `clusters/<name>`.
    pub path: String,
}

impl Layout {
    /// Reads the layout off the paths of all files, relative to the root.
    pub fn of<P: AsRef<str>>(paths: impl IntoIterator<Item = P>) -> Layout {
        let mut layout = Layout::default();
        let mut clusters = BTreeSet::new();
        for path in paths {
            let parts: Vec<&str> = path.as_ref().split('/').collect();
            match parts.as_slice() {
                ["clusters", name, .., file] if is_yaml(file) => {
                    clusters.insert((*name).to_owned());
                }
                ["applications", project, name, rest @ ..] if !rest.is_empty() => {
                    let service = Service { project: (*project).to_owned(), name: (*name).to_owned() };
                    let environments = layout.services.entry(service).or_default();
                    if let ["overlays", env, _, ..] = rest {
                        environments.insert((*env).to_owned());
                    }
                }
                ["config", env, file] if KUSTOMIZATION_FILES.contains(file) => {
                    layout.environments.insert((*env).to_owned());
                }
                _ => {}
            }
        }
        layout.clusters =
            clusters.into_iter().map(|name| Cluster { path: format!("clusters/{name}"), name }).collect();
        layout
    }

    /// The services that have an overlay for an environment, sorted.
    pub fn services_for(&self, env: &str) -> Vec<&Service> {
        self.services.iter().filter(|(_, envs)| envs.contains(env)).map(|(service, _)| service).collect()
    }
}

fn is_yaml(file: &str) -> bool {
    file.ends_with(".yaml") || file.ends_with(".yml")
}
