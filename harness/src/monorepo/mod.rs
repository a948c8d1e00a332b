//! The layout of a fleet's repository, and the lists that say what is deployed where.
//!
//! ```text
//! applications/<project>/<service>/{base,overlays/<env>}     what there is
//! clusters/<cluster>                                         the Flux objects of a cluster
//! config/<env>/kustomization.yaml                            what is deployed in an environment, one entry each
//! ```
//!
//! [`Layout`] finds these in a list of paths. [`add_entry`] and [`remove_entry`] edit a list in place: every byte that is
//! not part of the entry stays, with comments, order and line ends. [`toggle`] does it in a repository.

mod disk;
mod error;
mod layout;
mod list;
mod service;
mod sync;
mod toggle;

pub use disk::FleetFolder;
pub use error::MonorepoError;
pub use layout::{Cluster, Layout};
pub use list::{add_entry, entries, remove_entry};
pub use service::Service;
pub use sync::{Comparison, Listing, is_pattern};
pub use toggle::{Switch, list_path, listed, toggle};

#[cfg(test)]
mod tests;
