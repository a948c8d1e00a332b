//! Image updates: files with markers edited in a second, at three sizes (time is to grow as they do), and a policy over
//! ten thousand tags.
#![allow(
    clippy::unwrap_used,
    missing_docs,
    reason = "a bench fails by panicking, and criterion makes its functions"
)]

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use seatrial_image::setter::{Policies, update};
use seatrial_image::{Filter, Image, Policy};
use serde_json::json;

/// Files with four markers each.
fn files(count: usize) -> Vec<(String, Vec<u8>)> {
    let file = |index: usize| {
        let mut text = String::from(
            "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: app\nspec:\n  template:\n    spec:\n      containers:\n",
        );
        for container in 0..4 {
            text.push_str(&format!(
                "      - name: c{container}\n        image: owls/app:1.0.{index} # {{\"$imagepolicy\": \"flux-system:app\"}}\n        ports: [{{containerPort: 80}}] # web\n"
            ));
        }
        (format!("applications/p{}/s{index}/deployment.yaml", index % 10), text.into_bytes())
    };
    (0..count).map(file).collect()
}

fn setter(c: &mut Criterion) {
    let image = Image { name: "owls/app".into(), tag: "2.0.0".into(), digest: None };
    let policies: Policies = [("flux-system:app".to_owned(), image)].into();
    let mut group = c.benchmark_group("setter");
    group.sample_size(10);
    for count in [50, 500, 5_000] {
        let files = files(count);
        group.throughput(Throughput::Elements(count as u64 * 4));
        group.bench_with_input(BenchmarkId::new("markers", count * 4), &files, |b, files| {
            b.iter(|| {
                let all = files.iter().map(|(path, bytes)| (path.as_str(), bytes.as_slice()));
                assert_eq!(update(all, "./applications", &policies).unwrap().changes.len(), count * 4);
            });
        });
    }
    group.finish();
}

fn policy(c: &mut Criterion) {
    let tags: Vec<String> = (0..10_000).map(|n| format!("v1.{}.{}-build.{n}", n / 100, n % 100)).collect();
    let semver = Policy::from_spec(&json!({ "semver": { "range": ">=1.0.0-0 <2.0.0" } })).unwrap();
    let numerical = Policy::from_spec(&json!({ "numerical": { "order": "asc" } })).unwrap();
    let filter = Filter::new(r"^v(?P<version>.*)-build\.(?P<build>[0-9]+)$", "$build").unwrap();
    let mut group = c.benchmark_group("policy");
    group.throughput(Throughput::Elements(10_000));
    group.bench_function("semver", |b| b.iter(|| semver.latest(None, &tags).unwrap()));
    group.bench_function("filter-and-numerical", |b| {
        b.iter(|| numerical.latest(Some(&filter), &tags).unwrap())
    });
    group.finish();
}

criterion_group!(benches, setter, policy);
criterion_main!(benches);
