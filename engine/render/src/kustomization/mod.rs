//! The kustomization file: reading it, and its fields.

mod load;
pub(crate) mod model;

pub use load::KUSTOMIZATION_FILES;
pub(crate) use load::{Read, load};
pub(crate) use model::Kustomization;
