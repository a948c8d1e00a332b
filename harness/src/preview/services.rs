//! Services that the lists of environments switch on and off.

use super::model::Gate;
use crate::forge::{ForgeError, Repo, Snapshot};
use crate::monorepo::{Service, list_path, listed};
use std::collections::BTreeSet;

/// What becomes of the services of the environments whose lists a cluster builds. `paths` are the folders that its
/// Kustomizations build, at the base and at the head.
///
/// # Errors
/// Where a file cannot be read.
pub(super) fn gates<'a>(
    repo: &Repo,
    base: Snapshot,
    head: Snapshot,
    paths: impl Iterator<Item = &'a str>,
) -> Result<Vec<Gate>, ForgeError> {
    let environments: BTreeSet<&str> = paths.filter_map(environment).collect();
    let mut gates = Vec::new();
    for environment in environments {
        let services = |at| -> Result<Option<BTreeSet<Service>>, ForgeError> {
            let file = repo.snapshot_file(at, &list_path(environment))?;
            // A list that cannot be read is one that does not build: it is told as such, and switches nothing.
            Ok(file.and_then(|file| listed(&file, environment).ok()))
        };
        let Some(after) = services(head)? else { continue };
        let before = match repo.snapshot_file(base, &list_path(environment))? {
            None => BTreeSet::new(),
            Some(_) => match services(base)? {
                Some(before) => before,
                None => continue,
            },
        };
        let gate = |service: &Service, enabled| Gate {
            service: service.to_string(),
            environment: environment.to_owned(),
            enabled,
        };
        gates.extend(after.difference(&before).map(|service| gate(service, true)));
        gates.extend(before.difference(&after).map(|service| gate(service, false)));
    }
    Ok(gates)
}

/// The environment whose list a folder holds.
fn environment(path: &str) -> Option<&str> {
    let path = path.trim_start_matches("./").trim_end_matches('/');
    path.strip_prefix("config/").filter(|rest| !rest.is_empty() && !rest.contains('/'))
}
