//! Workload controllers and a fake kubelet over a Kubernetes client.
//!
//! [`start`] brings a cluster without nodes and controllers to life: it makes Node objects, and does what
//! kube-controller-manager, the scheduler and the kubelets would do, as far as it can be seen through the API.
//! Deployments roll out, pods become ready (or not, as [`Profile`]s say), Jobs complete, CronJobs fire.
//!
//! # Flow
//! ```text
//! informers (one list and watch per kind) -> stores -> keys -> queues -> controllers -> writes -> API server
//!                                                        ^                    |
//!                                                        +---- due times <----+
//! ```
//!
//! # Guarantees
//! - Only the `kube::Client` and the `Clock` are used: the same code serves a simulated cluster in virtual time and a
//!   real API server on the wall clock.
//! - Controllers are level-based and write only what differs, so an idle cluster causes no requests. There are no
//!   periodic tasks: what wakes a controller is a change, or a time that an object itself implies (a deadline, a
//!   restart, a schedule). Node leases are therefore made once; they are renewed only where a real
//!   kube-controller-manager looks at them.
//! - Statuses agree with kstatus at every step: an object is never current before it is.

mod api;
mod context;
mod controllers;
mod discovery;
mod events;
mod garbage;
mod index;
mod informer;
mod kubelet;
mod labels;
mod namespaces;
mod object;
mod options;
mod profile;
mod queue;
mod store;
mod wiring;
mod workloads;

pub use options::{AllImages, Controllers, ImageLookup, Login, Pull, PullRequest, WorkloadOptions};
pub use profile::{Outcome, Profile, ProfileError, Selector};
pub use workloads::{Workloads, start};
