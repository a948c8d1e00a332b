//! Names of services.

use super::MonorepoError;
use std::fmt;

/// A service of a project: the folder `applications/<project>/<service>`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Service {
    /// The project.
    pub project: String,
    /// The service's own name.
    pub name: String,
}

impl Service {
    /// Reads `<project>/<service>` or `applications/<project>/<service>`.
    ///
    /// # Errors
    /// [`MonorepoError::BadService`].
    pub fn parse(text: &str) -> Result<Service, MonorepoError> {
        let relative = text.strip_prefix("./").unwrap_or(text).trim_end_matches('/');
        let parts: Vec<&str> = relative.split('/').collect();
        let ok = |part: &str| !part.is_empty() && part != "." && part != "..";
        match parts.as_slice() {
            ["applications", project, name] | [project, name] if ok(project) && ok(name) => {
                Ok(Service { project: (*project).to_owned(), name: (*name).to_owned() })
            }
            _ => Err(MonorepoError::BadService { text: text.to_owned() }),
        }
    }

    /// The service's folder.
    pub fn path(&self) -> String {
        format!("applications/{}/{}", self.project, self.name)
    }

    /// The folder of the service as it is in one environment.
    pub fn overlay(&self, env: &str) -> String {
        format!("{}/overlays/{env}", self.path())
    }
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.project, self.name)
    }
}
