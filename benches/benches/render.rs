//! Objects and bytes a second: files parsed, kustomizations rendered (cold, and again after a change of one file), objects
//! printed.
#![allow(
    clippy::unwrap_used,
    missing_docs,
    reason = "a bench fails by panicking, and criterion makes its functions"
)]

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use seatrial_benches::{monorepo, one_change};
use seatrial_render::{Entry, Options, Renderer, Tree};
use seatrial_yaml::ParseOptions;

const SIZES: [usize; 4] = [10, 100, 1_000, 10_000];

/// The YAML files of a tree.
fn files(tree: &Tree) -> Vec<&[u8]> {
    let mut files = Vec::new();
    for (path, entry) in tree.iter() {
        if let (true, Entry::File(content)) = (path.ends_with(".yaml"), entry) {
            files.push(content.as_ref());
        }
    }
    files
}

fn parse(c: &mut Criterion) {
    let mut group = c.benchmark_group("parse");
    group.sample_size(10);
    for services in SIZES {
        let tree = monorepo(services);
        let files = files(&tree);
        group.throughput(Throughput::Bytes(files.iter().map(|file| file.len() as u64).sum()));
        for (name, comments) in [("values", false), ("with-comments", true)] {
            let options = ParseOptions { comments, ..ParseOptions::default() };
            group.bench_with_input(BenchmarkId::new(name, services), &files, |b, files| {
                let read = |file: &&[u8]| seatrial_yaml::parse(file, &options).unwrap().len();
                b.iter(|| files.iter().map(read).sum::<usize>());
            });
        }
    }
    group.finish();
}

fn render(c: &mut Criterion) {
    let options = Options::default();
    let mut group = c.benchmark_group("render");
    group.sample_size(10);
    for services in SIZES {
        let tree = monorepo(services);
        group.throughput(Throughput::Elements(services as u64 * 3));
        for threads in [1, 2] {
            let options = Options { threads, ..Options::default() };
            group.bench_with_input(
                BenchmarkId::new(format!("cold-{threads}-threads"), services),
                &tree,
                |b, tree| {
                    b.iter(|| Renderer::new().build(tree, "config/beta", &options).unwrap().objects.len());
                },
            );
        }
        let renderer = Renderer::new();
        let mut replicas = 2;
        group.bench_with_input(BenchmarkId::new("one-file-change", services), &tree, |b, tree| {
            b.iter(|| {
                replicas += 1;
                let tree = one_change(tree, replicas);
                renderer.build(&tree, "config/beta", &options).unwrap().objects.len()
            });
        });
    }
    group.finish();
}

fn emit(c: &mut Criterion) {
    let mut group = c.benchmark_group("emit");
    group.sample_size(10);
    for services in SIZES {
        let tree = monorepo(services);
        let built = Renderer::new().build(&tree, "config/beta", &Options::default()).unwrap();
        group.throughput(Throughput::Bytes(built.to_yaml().unwrap().len() as u64));
        group.bench_with_input(BenchmarkId::new("yaml", services), &built, |b, built| {
            b.iter(|| built.to_yaml().unwrap().len());
        });
    }
    group.finish();
}

criterion_group!(benches, parse, render, emit);
criterion_main!(benches);
