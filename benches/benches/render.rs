//! Objects a second: rendered cold, and again after a change of one file.
#![allow(
    clippy::unwrap_used,
    missing_docs,
    reason = "a bench fails by panicking, and criterion makes its functions"
)]

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use seatrial_benches::{monorepo, one_change};
use seatrial_render::{Options, Renderer};

fn render(c: &mut Criterion) {
    let options = Options::default();
    let mut group = c.benchmark_group("render");
    group.sample_size(10);
    for services in [10, 100, 1_000] {
        let tree = monorepo(services);
        group.throughput(Throughput::Elements(services as u64 * 3));
        group.bench_with_input(BenchmarkId::new("cold", services), &tree, |b, tree| {
            b.iter(|| Renderer::new().build(tree, "config/beta", &options).unwrap().to_yaml().unwrap().len());
        });
        let renderer = Renderer::new();
        let mut replicas = 2;
        group.bench_with_input(BenchmarkId::new("one-file-change", services), &tree, |b, tree| {
            b.iter(|| {
                replicas += 1;
                let tree = one_change(tree, replicas);
                renderer.build(&tree, "config/beta", &options).unwrap().to_yaml().unwrap().len()
            });
        });
    }
    group.finish();
}

criterion_group!(benches, render);
criterion_main!(benches);
