//! The wall time of whole scenarios, and of a trial of the fixture.
#![allow(
    clippy::unwrap_used,
    missing_docs,
    reason = "a bench fails by panicking, and criterion makes its functions"
)]

use criterion::{Criterion, criterion_group, criterion_main};
use seatrial_harness::run::{RunOptions, Silent, run_scenarios};
use seatrial_harness::trial::{TrialOptions, try_repository};
use std::path::PathBuf;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn scenario(c: &mut Criterion) {
    let mut group = c.benchmark_group("scenario");
    group.sample_size(10);
    let options = RunOptions { jobs: 1, ..RunOptions::default() };
    for name in ["bootstrap/beta-and-production", "promotion/beta-first"] {
        let file = root().join(format!("scenarios/{name}.yaml"));
        group.bench_function(name, |b| {
            b.iter(|| {
                let report = run_scenarios(std::slice::from_ref(&file), &options, &mut Silent).unwrap();
                assert!(report.passed());
            });
        });
    }
    let options = TrialOptions::new(root().join("fixtures/monorepo"));
    group.bench_function("try fixtures/monorepo", |b| b.iter(|| try_repository(&options).unwrap()));
    group.finish();
}

criterion_group!(benches, scenario);
criterion_main!(benches);
