//! The list of an environment, brought together with the services that have an overlay for it. Pure.

use super::toggle::resolve;
use super::{MonorepoError, Service, add_entry, entries, remove_entry};
use std::collections::BTreeSet;

/// Characters that make a pattern of an entry.
const PATTERN: [char; 3] = ['*', '?', '['];

/// Whether an entry of a list is a pattern.
pub fn is_pattern(entry: &str) -> bool {
    entry.contains(PATTERN)
}

/// Where services are, and which list is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listing {
    /// The environment.
    pub env: String,
    /// The folder of the projects, such as `applications`.
    pub app_dir: String,
}

/// What a list has and lacks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Comparison {
    /// Services that are listed and there.
    pub deployed: Vec<Service>,
    /// Services that are there and not listed.
    pub versioned: Vec<Service>,
    /// Services that are listed and not there.
    pub missing: Vec<Service>,
}

impl Listing {
    /// The list of an environment, with services in `applications`.
    pub fn of(env: &str) -> Listing {
        Listing { env: env.to_owned(), app_dir: "applications".to_owned() }
    }

    /// The folder of a service's overlay.
    pub fn overlay(&self, service: &Service) -> String {
        format!("{}/{}/{}/overlays/{}", self.app_dir, service.project, service.name, self.env)
    }

    /// The folder of the list.
    pub fn folder(&self) -> String {
        format!("config/{}", self.env)
    }

    /// The overlays of this environment that a list has, each with its place. Other entries (a namespace's file) are left out.
    ///
    /// # Errors
    /// [`MonorepoError::Glob`] where an entry is a pattern; the errors of [`entries`].
    pub fn listed(&self, file: &[u8]) -> Result<Vec<(usize, Service)>, MonorepoError> {
        let mut listed = Vec::new();
        for (index, entry) in entries(file)?.into_iter().enumerate() {
            if is_pattern(&entry) {
                return Err(MonorepoError::Glob { entry });
            }
            let path = resolve(&self.folder(), &entry);
            let Some(rest) = path.strip_prefix(&format!("{}/", self.app_dir)) else { continue };
            if let [project, name, "overlays", env] = rest.split('/').collect::<Vec<_>>().as_slice()
                && *env == self.env
            {
                listed.push((index, Service { project: (*project).to_owned(), name: (*name).to_owned() }));
            }
        }
        Ok(listed)
    }

    /// Compares a list with the services that are there; `project` leaves out those of others.
    ///
    /// # Errors
    /// As [`Listing::listed`].
    pub fn compare(
        &self,
        file: &[u8],
        there: &BTreeSet<Service>,
        project: Option<&str>,
    ) -> Result<Comparison, MonorepoError> {
        let ours = |service: &&Service| project.is_none_or(|project| service.project == project);
        let listed: BTreeSet<Service> = self.listed(file)?.into_iter().map(|(_, service)| service).collect();
        let of = |services: &mut dyn Iterator<Item = &Service>| services.filter(ours).cloned().collect();
        Ok(Comparison {
            deployed: of(&mut listed.intersection(there)),
            versioned: of(&mut there.difference(&listed)),
            missing: of(&mut listed.difference(there)),
        })
    }

    /// The list with these services behind the last entry, as far as they are not listed yet.
    ///
    /// # Errors
    /// As [`Listing::listed`]; the errors of [`add_entry`].
    pub fn add(&self, file: &[u8], services: &[Service]) -> Result<(Vec<u8>, Vec<Service>), MonorepoError> {
        let (mut file, mut added) = (file.to_vec(), Vec::new());
        for service in services {
            if self.listed(&file)?.iter().any(|(_, listed)| listed == service) {
                continue;
            }
            file = add_entry(&file, &format!("../../{}", self.overlay(service)))?;
            added.push(service.clone());
        }
        Ok((file, added))
    }

    /// The list without these services, as far as they are listed.
    ///
    /// # Errors
    /// As [`Listing::listed`]; the errors of [`remove_entry`].
    pub fn remove(
        &self,
        file: &[u8],
        services: &[Service],
    ) -> Result<(Vec<u8>, Vec<Service>), MonorepoError> {
        let (mut file, mut removed) = (file.to_vec(), Vec::new());
        for service in services {
            while let Some((index, _)) = self.listed(&file)?.into_iter().find(|(_, listed)| listed == service)
            {
                file = remove_entry(&file, index)?;
                removed.push(service.clone());
            }
        }
        removed.dedup();
        Ok((file, removed))
    }
}
