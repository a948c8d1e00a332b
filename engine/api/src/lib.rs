//! The Flux resource types, and the CustomResourceDefinitions that a Flux release installs.
//!
//! [`GitRepository`](source::GitRepository), [`OCIRepository`](source::OCIRepository) and
//! [`Kustomization`](kustomization::Kustomization) are complete types. The other kinds are known by their group, versions
//! and names ([`catalog`]), so that objects of them can be stored and answered for.
//!
//! The crate does no I/O and knows no clock.

#![recursion_limit = "256"] // for the definition of SealedSecret

pub mod catalog;
pub mod crd;
pub mod duration;
pub mod kustomization;
pub mod meta;
pub mod release;
pub mod sealed;
pub mod source;

pub use catalog::FluxKind;
pub use crd::crds;
pub use duration::GoDuration;
pub use release::FluxRelease;
