//! The controllers of kube-controller-manager: one module each, and the pure parts that they are made of.

pub(crate) mod conditions;
pub(crate) mod cronjob;
pub(crate) mod custom;
pub(crate) mod daemonset;
pub(crate) mod deployment;
mod deployment_status;
pub(crate) mod disruption;
mod history;
pub(crate) mod job;
mod job_status;
pub(crate) mod namespace;
pub(crate) mod node;
pub(crate) mod pods;
pub(crate) mod replicaset;
mod revisions;
mod rollout;
mod schedule;
pub(crate) mod service;
mod slices;
pub(crate) mod statefulset;
mod template;
pub(crate) mod volume;

pub(crate) use node::address as node_address;
