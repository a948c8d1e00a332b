//! One module for each kind that is reconciled; each composes the stages.

mod context;
mod fetched;
mod generator;
mod git_repository;
mod image;
mod kustomization;
mod oci_repository;
mod unsupported;

pub(crate) use context::{Context, SourceObserver};
pub(crate) use generator::GeneratorReconciler;
pub(crate) use git_repository::GitRepositoryReconciler;
pub(crate) use image::{AutomationReconciler, PolicyReconciler, RepositoryReconciler};
pub(crate) use kustomization::KustomizationReconciler;
pub(crate) use oci_repository::OciRepositoryReconciler;
pub(crate) use unsupported::Unsupported;
