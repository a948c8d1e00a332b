//! A fleet's repository in a folder: what `seatrial services` works on.

use super::{Comparison, Listing, MonorepoError, Service};
use seatrial_render::KUSTOMIZATION_FILES;
use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// A folder with a fleet's repository, and one of its lists.
#[derive(Clone, Debug)]
pub struct FleetFolder {
    root: PathBuf,
    listing: Listing,
    /// The list, relative to the root.
    list: String,
}

impl FleetFolder {
    /// The list of an environment in the repository at `root`.
    ///
    /// # Errors
    /// [`MonorepoError::NoList`] where there is none; [`MonorepoError::NoFolder`] where there is no folder of projects;
    /// [`MonorepoError::Path`] where a name is no name of a folder.
    pub fn open(root: &Path, listing: Listing) -> Result<FleetFolder, MonorepoError> {
        for (part, slashes) in [(&listing.env, false), (&listing.app_dir, true)] {
            let wrong = |one: &str| one.is_empty() || one == "." || one == "..";
            if part.split('/').any(wrong) || !slashes && part.contains('/') {
                return Err(MonorepoError::Path { path: part.clone() });
            }
        }
        folder_of(root, "", &listing.app_dir)?;
        let folder = root.join(listing.folder());
        let found = KUSTOMIZATION_FILES.iter().find(|name| folder.join(name).is_file());
        let Some(name) = found else {
            let known = names(&root.join("config"));
            return Err(MonorepoError::NoList {
                path: format!("{}/kustomization.yaml", listing.folder()),
                repo: root.display().to_string(),
                known: if known.is_empty() { "none".to_owned() } else { known.join(", ") },
            });
        };
        let list = format!("{}/{name}", listing.folder());
        Ok(FleetFolder { root: root.to_owned(), listing, list })
    }

    /// The list, relative to the root.
    pub fn list(&self) -> &str {
        &self.list
    }

    /// Where things are.
    pub fn listing(&self) -> &Listing {
        &self.listing
    }

    /// Whether there is such a project: a folder, or services that are listed still.
    ///
    /// # Errors
    /// [`MonorepoError::NoFolder`] where there is not, or the list cannot be read.
    pub fn check_project(&self, project: &str) -> Result<(), MonorepoError> {
        let listed = self.listing.listed(&self.read()?)?;
        match listed.iter().any(|(_, service)| service.project == project) {
            true => Ok(()),
            false => folder_of(&self.root, &self.listing.app_dir, project),
        }
    }

    /// The services that have an overlay for the environment: of one project, or of all.
    pub fn services(&self, project: Option<&str>) -> BTreeSet<Service> {
        let apps = self.root.join(&self.listing.app_dir);
        let projects = names(&apps).into_iter().filter(|name| project.is_none_or(|wanted| wanted == name));
        let services = projects.flat_map(|project| {
            let services = names(&apps.join(&project)).into_iter();
            services.map(move |name| Service { project: project.clone(), name }).collect::<Vec<_>>()
        });
        services.filter(|service| self.has_overlay(service)).collect()
    }

    fn has_overlay(&self, service: &Service) -> bool {
        let overlay = self.root.join(self.listing.overlay(service));
        KUSTOMIZATION_FILES.iter().any(|name| overlay.join(name).is_file())
    }

    /// What the list has and lacks.
    ///
    /// # Errors
    /// [`MonorepoError`], where the list cannot be read.
    pub fn compare(&self, project: Option<&str>) -> Result<Comparison, MonorepoError> {
        self.listing.compare(&self.read()?, &self.services(None), project)
    }

    /// Adds services to the list; those that it has stay where they are. The result is what was added.
    ///
    /// # Errors
    /// [`MonorepoError::NoOverlay`] where a service has none; the list stays as it was then.
    pub fn add(&self, services: &[Service]) -> Result<Vec<Service>, MonorepoError> {
        for service in services {
            if !self.has_overlay(service) {
                let known = self.services(None);
                let known: Vec<String> = known.iter().map(ToString::to_string).collect();
                return Err(MonorepoError::NoOverlay {
                    path: self.listing.overlay(service),
                    repo: self.root.display().to_string(),
                    env: self.listing.env.clone(),
                    known: if known.is_empty() { "none".to_owned() } else { known.join(", ") },
                });
            }
        }
        let before = self.read()?;
        let (after, added) = self.listing.add(&before, services)?;
        self.write(&before, &after)?;
        Ok(added)
    }

    /// Takes services off the list. The result is what was removed.
    ///
    /// # Errors
    /// [`MonorepoError::NotListed`] where one is not listed; the list stays as it was then.
    pub fn remove(&self, services: &[Service]) -> Result<Vec<Service>, MonorepoError> {
        let before = self.read()?;
        let listed = self.listing.listed(&before)?;
        if let Some(absent) = services.iter().find(|one| !listed.iter().any(|(_, listed)| listed == *one)) {
            let (service, env) = (absent.to_string(), self.listing.env.clone());
            return Err(MonorepoError::NotListed { service, env, path: self.list.clone() });
        }
        let (after, removed) = self.listing.remove(&before, services)?;
        self.write(&before, &after)?;
        Ok(removed)
    }

    /// Adds every service of the project that has an overlay and is not listed. The result is what was added.
    ///
    /// # Errors
    /// [`MonorepoError`].
    pub fn sync(&self, project: Option<&str>) -> Result<Vec<Service>, MonorepoError> {
        let services: Vec<Service> = self.services(project).into_iter().collect();
        self.add(&services)
    }

    fn read(&self) -> Result<Vec<u8>, MonorepoError> {
        fs::read(self.root.join(&self.list)).map_err(|source| self.file("read", source))
    }

    fn file(&self, action: &'static str, source: io::Error) -> MonorepoError {
        MonorepoError::File { action, path: self.list.clone(), source }
    }

    /// Writes what differs: into a file beside it, which then takes its place. A link stays, and its target is replaced.
    fn write(&self, before: &[u8], after: &[u8]) -> Result<(), MonorepoError> {
        if before == after {
            return Ok(());
        }
        let write = || {
            let path = fs::canonicalize(self.root.join(&self.list))?;
            let mut file = tempfile::NamedTempFile::new_in(path.parent().unwrap_or(&path))?;
            file.write_all(after)?;
            file.as_file().sync_all()?;
            file.as_file().set_permissions(fs::metadata(&path)?.permissions())?;
            file.persist(&path)?;
            Ok(())
        };
        write().map_err(|source: io::Error| self.file("write", source))
    }
}

/// Whether a folder of the repository has this one.
fn folder_of(root: &Path, parent: &str, name: &str) -> Result<(), MonorepoError> {
    let parent_folder = root.join(parent);
    if parent_folder.join(name).is_dir() {
        return Ok(());
    }
    let known: Vec<String> = names(&parent_folder).into_iter().filter(|one| !one.starts_with('.')).collect();
    Err(MonorepoError::NoFolder {
        path: if parent.is_empty() { name.to_owned() } else { format!("{parent}/{name}") },
        repo: root.display().to_string(),
        known: if known.is_empty() { "none".to_owned() } else { known.join(", ") },
    })
}

/// The folders in a folder, sorted; none where there is no such folder.
fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let folders = entries.filter(|entry| entry.path().is_dir());
    let mut names: Vec<String> = folders.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.sort();
    names
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use std::os::unix::fs::PermissionsExt as _;

    /// A repository with three services; the list has one of them, one that is gone, and a file.
    fn folder(list: &str) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for path in ["devops/debug", "devops/dns", "web/site"] {
            let overlay = folder.path().join("apps").join(path).join("overlays/beta");
            fs::create_dir_all(&overlay).unwrap();
            fs::write(overlay.join("kustomization.yaml"), "").unwrap();
        }
        // No overlay of this environment, and one without a kustomization.
        fs::create_dir_all(folder.path().join("apps/devops/other/overlays/production")).unwrap();
        fs::create_dir_all(folder.path().join("apps/devops/empty/overlays/beta")).unwrap();
        fs::create_dir_all(folder.path().join("config/beta")).unwrap();
        fs::write(folder.path().join("config/beta/kustomization.yaml"), list).unwrap();
        folder
    }

    fn open(folder: &tempfile::TempDir) -> FleetFolder {
        let listing = Listing { env: "beta".to_owned(), app_dir: "apps".to_owned() };
        FleetFolder::open(folder.path(), listing).unwrap()
    }

    fn shown(services: &[Service]) -> String {
        services.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
    }

    const LIST: &str = "# what runs on beta\nresources:\n  - namespace.yaml\n  # the tools\n  \
                        - ../../apps/devops/debug/overlays/beta # keep\n  - ../../apps/web/gone/overlays/beta\n";

    #[rstest]
    #[case::all(None, "devops/debug", "devops/dns web/site", "web/gone")]
    #[case::one_project(Some("devops"), "devops/debug", "devops/dns", "")]
    fn a_list_is_compared_with_what_is_there(
        #[case] project: Option<&str>,
        #[case] deployed: &str,
        #[case] versioned: &str,
        #[case] missing: &str,
    ) {
        let folder = folder(LIST);
        let found = open(&folder).compare(project).unwrap();
        assert_eq!(
            [shown(&found.deployed), shown(&found.versioned), shown(&found.missing)],
            [deployed, versioned, missing]
        );
    }

    #[test]
    fn what_is_not_listed_is_added_and_nothing_else_changes() {
        let folder = folder(LIST);
        let path = folder.path().join("config/beta/kustomization.yaml");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let fleet = open(&folder);
        assert_eq!(shown(&fleet.sync(Some("devops")).unwrap()), "devops/dns");
        let after = fs::read_to_string(&path).unwrap();
        assert_eq!(after, format!("{LIST}  - ../../apps/devops/dns/overlays/beta\n"));
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
        let modified = fs::metadata(&path).unwrap().modified().unwrap();
        assert_eq!(shown(&fleet.sync(Some("devops")).unwrap()), "");
        assert_eq!(fs::metadata(&path).unwrap().modified().unwrap(), modified, "nothing is written");
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "nothing else is left");
    }

    #[test]
    fn a_service_is_removed_also_when_its_folder_is_gone() {
        let folder = folder(LIST);
        let gone = Service { project: "web".to_owned(), name: "gone".to_owned() };
        let fleet = open(&folder);
        assert_eq!(shown(&fleet.remove(std::slice::from_ref(&gone)).unwrap()), "web/gone");
        let after = fs::read_to_string(folder.path().join("config/beta/kustomization.yaml")).unwrap();
        assert_eq!(after, LIST.replace("  - ../../apps/web/gone/overlays/beta\n", ""));
        assert!(matches!(fleet.remove(&[gone]), Err(MonorepoError::NotListed { .. })));
    }

    #[rstest]
    #[case::star("../../apps/devops/*/overlays/beta")]
    #[case::question_mark("../../apps/devops/debu?/overlays/beta")]
    #[case::set("../../apps/devops/[a-z]/overlays/beta")]
    fn patterns_are_refused_by_name(#[case] entry: &str) {
        let list = format!("resources:\n- \"{entry}\"\n");
        let folder = folder(&list);
        let error = open(&folder).sync(None).unwrap_err().to_string();
        assert!(error.contains(entry), "{error}");
        let after = fs::read_to_string(folder.path().join("config/beta/kustomization.yaml")).unwrap();
        assert_eq!(after, list);
    }

    #[test]
    fn a_service_without_an_overlay_is_not_added() {
        let folder = folder(LIST);
        let named = |name: &str| Service { project: "devops".to_owned(), name: name.to_owned() };
        let error = open(&folder).add(&[named("dns"), named("empty")]).unwrap_err().to_string();
        assert!(error.contains("apps/devops/empty/overlays/beta"), "{error}");
        let after = fs::read_to_string(folder.path().join("config/beta/kustomization.yaml")).unwrap();
        assert_eq!(after, LIST, "nor is the other one");
    }

    #[rstest]
    #[case::folder("devops", None)]
    #[case::misspelt("devop", Some("apps/devop in the repository"))]
    #[case::others_are_told("devop", Some("no such folder; there are devops, web"))]
    fn a_project_must_be_there(#[case] project: &str, #[case] want: Option<&str>) {
        let folder = folder(LIST);
        match (open(&folder).check_project(project), want) {
            (Ok(()), None) => {}
            (Err(error), Some(want)) => assert!(error.to_string().contains(want), "{error}"),
            (found, _) => panic!("{found:?}"),
        }
        // What is listed can be taken off also when all of it is gone.
        fs::remove_dir_all(folder.path().join("apps/web")).unwrap();
        assert!(open(&folder).check_project("web").is_ok());
    }

    #[rstest]
    #[case::no_such_list("staging", "apps", "there are lists for beta")]
    #[case::out_of_the_folder("../config/beta", "apps", "is not a path inside the repository")]
    #[case::applications_elsewhere("beta", "../apps", "is not a path inside the repository")]
    #[case::no_such_applications("beta", "aps", "find aps in the repository")]
    fn what_is_no_list_is_refused(#[case] env: &str, #[case] app_dir: &str, #[case] want: &str) {
        let folder = folder(LIST);
        let listing = Listing { env: env.to_owned(), app_dir: app_dir.to_owned() };
        let error = FleetFolder::open(folder.path(), listing).unwrap_err().to_string();
        assert!(error.contains(want), "{error}");
    }
}
