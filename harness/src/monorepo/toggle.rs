//! Services enabled and disabled in a repository.

use super::{Layout, MonorepoError, Service, add_entry, entries, remove_entry};
use crate::forge::{Change, ForgeError, Repo};
use std::collections::BTreeSet;

/// What is to become of a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Switch {
    /// It is deployed.
    Enable,
    /// It is not.
    Disable,
}

/// The list of an environment.
pub fn list_path(env: &str) -> String {
    format!("config/{env}/kustomization.yaml")
}

/// The services that the list of an environment has, whichever of their overlays it names.
///
/// # Errors
/// The file is no YAML, or `resources` is no list of texts.
pub fn listed(file: &[u8], env: &str) -> Result<BTreeSet<Service>, MonorepoError> {
    let folder = format!("config/{env}");
    let service = |entry: &String| {
        let path = resolve(&folder, entry);
        match path.split('/').collect::<Vec<_>>().as_slice() {
            ["applications", project, name, ..] => {
                Some(Service { project: (*project).to_owned(), name: (*name).to_owned() })
            }
            _ => None,
        }
    };
    Ok(entries(file)?.iter().filter_map(service).collect())
}

/// The commit that adds a service to the list of an environment, or takes it out: one line of one file. The caller
/// commits it.
///
/// # Errors
/// [`MonorepoError::NoList`], [`MonorepoError::NoOverlay`]; [`MonorepoError::AlreadyListed`] and
/// [`MonorepoError::NotListed`] where there is nothing to do; the errors of [`add_entry`].
pub fn toggle(
    repo: &Repo,
    branch: &str,
    env: &str,
    service: &Service,
    switch: Switch,
) -> Result<Change, MonorepoError> {
    let path = list_path(env);
    let file = match repo.read(branch, &path) {
        Ok(file) => file,
        Err(ForgeError::NoFile { .. }) => {
            let layout = Layout::of(repo.paths(branch)?);
            let known = names(layout.environments.iter());
            return Err(MonorepoError::NoList { path, repo: repo.name().to_owned(), known });
        }
        Err(error) => return Err(error.into()),
    };
    let overlay = service.overlay(env);
    let folder = format!("config/{env}");
    let listed = entries(&file)?.iter().position(|entry| resolve(&folder, entry) == overlay);
    let (service_name, env_name) = (service.to_string(), env.to_owned());
    let (file, verb) = match (switch, listed) {
        (Switch::Enable, Some(_)) => {
            return Err(MonorepoError::AlreadyListed { service: service_name, env: env_name, path });
        }
        (Switch::Disable, None) => {
            return Err(MonorepoError::NotListed { service: service_name, env: env_name, path });
        }
        (Switch::Enable, None) => {
            let layout = Layout::of(repo.paths(branch)?);
            if !layout.services.get(service).is_some_and(|envs| envs.contains(env)) {
                return Err(MonorepoError::NoOverlay {
                    path: overlay,
                    repo: repo.name().to_owned(),
                    env: env_name,
                    known: names(layout.services_for(env)),
                });
            }
            (add_entry(&file, &format!("../../{overlay}"))?, "Enable")
        }
        (Switch::Disable, Some(index)) => (remove_entry(&file, index)?, "Disable"),
    };
    Ok(Change::new(format!("{verb} {service} on {env}")).write(path, file))
}

/// An entry of a list in `folder`, relative to the repository's root.
pub(super) fn resolve(folder: &str, entry: &str) -> String {
    let mut parts: Vec<&str> = folder.split('/').collect();
    for part in entry.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}

fn names(list: impl IntoIterator<Item = impl ToString>) -> String {
    let list: Vec<String> = list.into_iter().map(|name| name.to_string()).collect();
    if list.is_empty() { "none".to_owned() } else { list.join(", ") }
}
