//! The kustomization file: reading it, and its fields.

mod load;
pub(crate) mod model;

pub(crate) use load::{Read, load};
pub(crate) use model::Kustomization;
