//! Objects a second from a commit into a simulated cluster: 1 to 1,000 Kustomizations of three objects that are new, as they
//! should be, or changed in one object.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    missing_docs,
    unreachable_pub,
    dead_code,
    reason = "a bench fails by panicking, measures wall time, and uses a part of the module; criterion makes its functions"
)]

#[path = "../../engine/examples/fleet/world.rs"]
mod world;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use seatrial_engine::Engine;
use seatrial_sim::{Cluster, ClusterOptions, Identity};
use seatrial_time::{Simulation, simulate};
use std::time::{Duration, Instant};
use world::{Fleet, Repo, files, options};

const OBJECTS: usize = 3;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    Create,
    NoOp,
    OneChange,
}

/// The wall time of one of them, of a fleet of its own.
fn measured(what: What, count: usize) -> Duration {
    simulate(Simulation::default(), |clock| async move {
        let folder = tempfile::tempdir().unwrap();
        let repo = Repo::open(folder.path());
        let cluster = Cluster::new(clock.clone(), ClusterOptions::default());
        let client = cluster.client(Identity::admin());
        let mut fleet = Fleet::install(&clock, &client).await;
        let _engine = Engine::start(options(&clock, &client, repo.clone(), Some(cluster.changes())));
        fleet.create(count).await;
        let revision = repo.commit(&files(count, OBJECTS, "1"));
        let start = Instant::now();
        fleet.follow(&revision).await;
        match what {
            What::Create => start.elapsed(),
            What::NoOp => {
                let start = Instant::now();
                fleet.look_again().await;
                start.elapsed()
            }
            What::OneChange => {
                let revision = repo.commit(&files(count, OBJECTS, "2"));
                let start = Instant::now();
                fleet.follow(&revision).await;
                start.elapsed()
            }
        }
    })
    .unwrap()
}

fn apply(c: &mut Criterion) {
    let mut group = c.benchmark_group("apply");
    group.sample_size(10);
    for what in [What::Create, What::NoOp, What::OneChange] {
        for count in [1, 10, 100, 1000] {
            group.throughput(Throughput::Elements((count * OBJECTS) as u64));
            group.bench_function(BenchmarkId::new(format!("{what:?}"), count), |b| {
                b.iter_custom(|times| (0..times).map(|_| measured(what, count)).sum());
            });
        }
    }
    group.finish();
}

criterion_group!(benches, apply);
criterion_main!(benches);
