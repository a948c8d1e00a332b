//! Scenarios on a real kube-apiserver. They run where ORACLES_DIR or ~/.cache/seatrial-oracles/bin holds it and etcd.

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "tests wait on the wall clock, and may panic"
)]

use rstest::rstest;
use seatrial_harness::cluster::{Backend, BackendOptions};
use seatrial_harness::report::{Outcome, Paint, describe};
use seatrial_harness::run::{RunOptions, Silent, Stop, run_scenarios};
use std::path::{Path, PathBuf};

/// The folder with the programs; none, after saying so, where they are not there.
fn assets() -> Option<PathBuf> {
    let folder = match std::env::var_os("ORACLES_DIR") {
        Some(folder) => PathBuf::from(folder),
        None => PathBuf::from(std::env::var_os("HOME")?).join(".cache/seatrial-oracles"),
    }
    .join("bin");
    let missing = ["etcd", "kube-apiserver"].into_iter().find(|name| !folder.join(name).is_file());
    if let Some(name) = missing {
        eprintln!("skipped: no {name} in {}", folder.display());
        return None;
    }
    Some(folder)
}

fn options(assets: PathBuf) -> RunOptions {
    RunOptions {
        backend: Backend::Envtest,
        clusters: BackendOptions { assets, ..BackendOptions::default() },
        jobs: 1,
        ..RunOptions::default()
    }
}

fn written(folder: &Path, steps: &str) -> PathBuf {
    let file = folder.join("scenario.yaml");
    let text = format!(
        "apiVersion: seatrial.dev/v1alpha1\nkind: Scenario\nmetadata: {{name: real}}\nspec:\n  clusters: {{beta: {{}}}}\n  \
         steps:\n{steps}"
    );
    std::fs::write(&file, text).unwrap();
    file
}

const DEPLOYMENT: &str = "  - apply:
      object:
        apiVersion: apps/v1
        kind: Deployment
        metadata: {name: web, namespace: default}
        spec:
          replicas: 2
          selector: {matchLabels: {app: web}}
          template:
            metadata: {labels: {app: web}}
            spec: {containers: [{name: web, image: 'shop/web:1'}]}
  - expect:
      within: 1m
      resource: {apiVersion: apps/v1, kind: Deployment, metadata: {name: web}, status: {readyReplicas: 2}}
";
const DEFINITION: &str = "  - apply:
      object:
        apiVersion: apiextensions.k8s.io/v1
        kind: CustomResourceDefinition
        metadata: {name: ships.sea.example}
        spec:
          group: sea.example
          scope: Namespaced
          names: {kind: Ship, plural: ships, singular: ship, listKind: ShipList}
          versions:
          - name: v1
            served: true
            storage: true
            schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
  - expect:
      within: 30s
      condition: {apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, name: ships.sea.example, type: Established}
";

#[rstest]
#[case::pods_go_with_their_deployment(
    "  - delete: {target: {apiVersion: apps/v1, kind: Deployment, name: web, namespace: default}}
  - expect: {within: 1m, absent: {apiVersion: v1, kind: Pod}}
  - expect: {within: 1m, absent: {apiVersion: apps/v1, kind: ReplicaSet}}
", &[DEPLOYMENT])]
#[case::namespaces_end_with_what_is_in_them(
    "  - apply: {object: {apiVersion: v1, kind: Namespace, metadata: {name: shop}}}
  - expect: {within: 30s, resource: {apiVersion: v1, kind: ServiceAccount, metadata: {name: default, namespace: shop}}}
  - apply: {object: {apiVersion: v1, kind: ConfigMap, metadata: {name: stock, namespace: shop}}}
  - delete: {target: {apiVersion: v1, kind: Namespace, name: shop}}
  - expect: {within: 1m, absent: {apiVersion: v1, kind: Namespace, metadata: {name: shop}}}
", &[])]
#[case::new_kinds_are_in_the_history(
    "  - apply: {object: {apiVersion: sea.example/v1, kind: Ship, metadata: {name: a, namespace: default}, spec: {sails: 2}}}
  - expect: {within: 30s, cel: \"object.kind == 'Ship' && object.spec.sails == 2\"}
", &[DEFINITION])]
fn what_passes_on_the_simulation_passes_on_the_real_server(#[case] steps: &str, #[case] before: &[&str]) {
    let Some(assets) = assets() else { return };
    let folder = tempfile::tempdir().unwrap();
    let file = written(folder.path(), &(before.concat() + steps));
    for options in [RunOptions::default(), options(assets)] {
        let report = run_scenarios(std::slice::from_ref(&file), &options, &mut Silent).unwrap();
        let text = describe(&report.scenarios[0], None, Paint::plain());
        assert_eq!(report.scenarios[0].outcome, Outcome::Passed, "{}: {text}", options.backend);
    }
}

#[test]
fn never_sees_a_state_that_has_gone_and_not_one_from_before() {
    let Some(assets) = assets() else { return };
    let folder = tempfile::tempdir().unwrap();
    let secret_of = |sails: u8| {
        format!(
            "  - apply: {{object: {{apiVersion: v1, kind: ConfigMap, metadata: {{name: a, namespace: default}}, data: {{sails: '{sails}'}}}}}}\n"
        )
    };
    let never = |sails: u8| {
        format!(
            "  - expect: {{never: 2s, resource: {{apiVersion: v1, kind: ConfigMap, metadata: {{name: a}}, data: {{sails: '{sails}'}}}}}}\n"
        )
    };
    let played = |steps: String| {
        let file = written(folder.path(), &steps);
        run_scenarios(&[file], &options(assets.clone()), &mut Silent).unwrap().scenarios.remove(0)
    };
    // The state before the last step is over: it does not count, although its event may come late.
    let report = played(secret_of(1) + &secret_of(2) + &never(1));
    assert_eq!(report.outcome, Outcome::Passed, "{}", describe(&report, None, Paint::plain()));
    let report = played(secret_of(1) + &secret_of(2) + &never(2));
    assert_eq!(report.outcome, Outcome::Failed);
}

#[test]
fn a_stopped_run_ends_early_and_leaves_no_folder() {
    let Some(assets) = assets() else { return };
    let folder = tempfile::tempdir().unwrap();
    let file = written(folder.path(), "  - advance: 10m\n");
    let stop = Stop::default();
    let options = RunOptions { stop: stop.clone(), ..options(assets) };
    let stopper = std::thread::spawn(move || {
        std::thread::sleep(std::time::Duration::from_secs(3));
        stop.stop();
    });
    let report = run_scenarios(&[file], &options, &mut Silent).unwrap();
    stopper.join().unwrap();
    assert_eq!(report.scenarios[0].outcome, Outcome::Broken);
    assert_eq!(report.scenarios[0].problems, ["the run was interrupted"]);
}
