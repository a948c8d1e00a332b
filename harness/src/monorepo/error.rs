//! What can go wrong with a fleet's repository.

use crate::forge::ForgeError;

/// An operation on a fleet's repository failed. Every message fits after "failed to ".
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MonorepoError {
    /// Not the name of a service.
    #[error(
        "read the service name {text:?}: it has the form <project>/<service> or applications/<project>/<service>"
    )]
    BadService {
        /// The text.
        text: String,
    },
    /// The repository has no such service, or the service no such overlay.
    #[error("find {path} in the repository {repo:?}: no such folder; for {env} there are {known}")]
    NoOverlay {
        /// The folder.
        path: String,
        /// The repository.
        repo: String,
        /// The environment.
        env: String,
        /// The services that have an overlay for the environment.
        known: String,
    },
    /// The repository has no such folder of projects, or no such project.
    #[error("find {path} in the repository {repo:?}: no such folder; there are {known}")]
    NoFolder {
        /// The folder.
        path: String,
        /// The repository.
        repo: String,
        /// The folders beside it.
        known: String,
    },
    /// The environment has no list.
    #[error("find {path} in the repository {repo:?}: no such file; there are lists for {known}")]
    NoList {
        /// The file.
        path: String,
        /// The repository.
        repo: String,
        /// The environments that have one.
        known: String,
    },
    /// The service is listed already.
    #[error("enable {service} on {env}: {path} lists it already")]
    AlreadyListed {
        /// The service.
        service: String,
        /// The environment.
        env: String,
        /// The list.
        path: String,
    },
    /// The service is not listed.
    #[error("disable {service} on {env}: {path} does not list it")]
    NotListed {
        /// The service.
        service: String,
        /// The environment.
        env: String,
        /// The list.
        path: String,
    },
    /// An entry of a list is a pattern: it would deploy whatever lands in the repository.
    #[error("read the list: the entry {entry:?} is a pattern; name each service")]
    Glob {
        /// The entry.
        entry: String,
    },
    /// Not a path of the repository.
    #[error("find {path:?}: it is not a path inside the repository")]
    Path {
        /// The path.
        path: String,
    },
    /// A file cannot be read or written.
    #[error("{action} {path}")]
    File {
        /// `read` or `write`.
        action: &'static str,
        /// The file, relative to the root of the repository.
        path: String,
        /// What the system says.
        #[source]
        source: std::io::Error,
    },
    /// The list is no YAML.
    #[error("edit the list of resources")]
    Yaml(#[from] seatrial_yaml::ParseError),
    /// The list is YAML that cannot be edited in place.
    #[error("edit the list of resources at line {line}: {problem}")]
    Shape {
        /// The line, from 1.
        line: u32,
        /// Why not.
        problem: &'static str,
    },
    /// The repository itself failed.
    #[error(transparent)]
    Forge(#[from] ForgeError),
}
