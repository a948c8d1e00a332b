//! How long a fleet of Kustomizations of three objects takes on a simulated cluster, and what one of them weighs.
//!
//! Arguments: how many Kustomizations (default: 1 10 100 1000). For each number, in a process's wall time: from the commit until
//! all are ready; a reconcile of all of them that finds nothing to do; a commit that changes one object until all are ready.
#![allow(clippy::unwrap_used, clippy::panic, reason = "an example fails by panicking")]
#![allow(clippy::print_stdout, clippy::disallowed_methods, reason = "it measures wall time and prints it")]
#![allow(unreachable_pub, reason = "the bench uses the same module")]

mod world;

use seatrial_engine::Engine;
use seatrial_sim::{Cluster, ClusterOptions, Identity};
use seatrial_time::{Simulation, simulate};
use std::time::Instant;
use world::{Fleet, Repo, files, options};

/// As the command line tool allocates.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    let counts: Vec<usize> = std::env::args().skip(1).map(|text| text.parse().unwrap()).collect();
    let counts = if counts.is_empty() { vec![1, 10, 100, 1000] } else { counts };
    for count in counts {
        simulate(Simulation::default(), |clock| async move {
            let folder = tempfile::tempdir().unwrap();
            let repo = Repo::open(folder.path());
            let cluster = Cluster::new(clock.clone(), ClusterOptions::default());
            let client = cluster.client(Identity::admin());
            let mut fleet = Fleet::install(&clock, &client).await;
            let before = resident();
            let _engine = Engine::start(options(&clock, &client, repo.clone(), Some(cluster.changes())));
            fleet.create(count).await;
            let revision = repo.commit(&files(count, 3, "1"));
            let start = Instant::now();
            fleet.follow(&revision).await;
            let create = start.elapsed();
            let memory = resident().saturating_sub(before) as f64 / count as f64;
            let start = Instant::now();
            fleet.look_again().await;
            let noop = start.elapsed();
            let revision = repo.commit(&files(count, 3, "2"));
            let start = Instant::now();
            fleet.follow(&revision).await;
            println!(
                "{count} of 3 objects: create {create:?}, no-op {noop:?}, one change {:?}, {memory:.1} KB each",
                start.elapsed()
            );
        })
        .unwrap();
    }
}

/// The process's memory in KB.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}
