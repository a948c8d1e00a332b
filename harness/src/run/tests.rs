use super::*;
use crate::report::{Outcome, Report, StepOutcome, json};
use std::path::{Path, PathBuf};

const HEAD: &str = "apiVersion: seatrial.dev/v1alpha1\nkind: Scenario\nmetadata: {name: NAME}\nspec:\n";

/// Writes scenarios (name, spec) to a folder and plays them.
fn played(scenarios: &[(&str, &str)], options: &RunOptions) -> Report {
    let folder = tempfile::tempdir().unwrap();
    written(folder.path(), scenarios);
    let mut report = run_scenarios(&[folder.path().to_owned()], options, &mut Silent).unwrap();
    // The folder's own name is not part of what is compared.
    let prefix = format!("{}/", folder.path().display());
    for scenario in &mut report.scenarios {
        scenario.id = scenario.id.replace(&prefix, "");
        scenario.file = scenario.file.replace(&prefix, "");
    }
    report
}

fn written(folder: &Path, scenarios: &[(&str, &str)]) {
    for (name, spec) in scenarios {
        let text = HEAD.replace("NAME", name) + spec;
        std::fs::write(folder.join(format!("{name}.yaml")), text).unwrap();
    }
}

fn one(spec: &str) -> Report {
    played(&[("one", spec)], &RunOptions::default())
}

/// What the only scenario's last played step says.
fn failure(report: &Report) -> String {
    let steps = &report.scenarios[0].steps;
    let failed = steps.iter().find(|s| s.outcome == StepOutcome::Failed);
    failed.and_then(|s| s.failure.as_ref()).map(|f| f.message.clone()).unwrap_or_default()
}

const WEB: &str = "
  - apply:
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
";

fn web(rest: &str) -> String {
    format!("  clusters: {{beta: {{}}}}\n  registry: {{shop/web: ['1', '2']}}\n  steps:{WEB}{rest}")
}

#[test]
fn steps_act_and_checks_wait_in_virtual_time() {
    let report = one(&web(
        "  - expect: {within: 5m, resource: {apiVersion: apps/v1, kind: Deployment, metadata: {name: web}, \
         status: {readyReplicas: 2}}}
  - patch: {target: {apiVersion: apps/v1, kind: Deployment, name: web}, merge: {spec: {replicas: 3}}}
  - expect: {within: 5m, cel: \"object.kind == 'Deployment' && object.status.readyReplicas == 3\"}
  - delete: {target: {apiVersion: apps/v1, kind: Deployment, name: web}}
  - expect: {within: 5m, absent: {apiVersion: v1, kind: Pod}}
  - advance: 1h
  - expect: {absent: {apiVersion: apps/v1, kind: Deployment, metadata: {name: web}}}
",
    ));
    assert_eq!(report.scenarios[0].outcome, Outcome::Passed, "{}", json(&report));
    assert!(report.scenarios[0].elapsed.as_secs() >= 3600);
}

#[test]
fn a_check_that_does_not_come_true_shows_the_nearest_object_and_ends_the_scenario() {
    let report = one(&web(
        "  - expect: {within: 10m, resource: {apiVersion: apps/v1, kind: Deployment, metadata: {name: web}, \
         status: {readyReplicas: 5}}}\n  - advance: 1h\n",
    ));
    let scenario = &report.scenarios[0];
    assert_eq!(scenario.outcome, Outcome::Failed);
    assert_eq!(failure(&report), "not within 10m: Deployment/default/web is there, but not so");
    let nearest = scenario.steps[1].failure.as_ref().unwrap().nearest.as_ref().unwrap();
    let diff: Vec<String> = nearest.diff.iter().map(ToString::to_string).collect();
    assert!(
        diff.contains(&"-   readyReplicas: 5".to_owned())
            && diff.contains(&"+   readyReplicas: 2".to_owned())
    );
    assert_eq!(scenario.steps[1].took.as_secs(), 600);
    assert_eq!(scenario.steps[2].outcome, StepOutcome::NotPlayed);
}

#[test]
fn a_missing_object_is_reported_with_what_is_there_instead() {
    let wanted = "resource: {apiVersion: apps/v1, kind: Deployment, metadata: {name: wbe}}";
    let report = one(&web(&format!("  - expect: {{{wanted}}}\n")));
    assert_eq!(failure(&report), "there is no Deployment/wbe; there are Deployment/default/web");
    let wanted = "resource: {apiVersion: shop.test/v1, kind: Basket, metadata: {name: b}}";
    let report = one(&web(&format!("  - expect: {{{wanted}}}\n")));
    assert_eq!(
        failure(&report),
        "there is no Basket/b; the cluster does not have the kind Basket (shop.test/v1)"
    );
}

#[test]
fn never_looks_at_every_moment_since_the_last_change_and_at_the_time_to_come() {
    // The Deployment has one ready replica for a moment only, long before the check begins.
    let start = "  - expect: {within: 5m, cel: \"object.kind == 'Deployment' && object.status.readyReplicas == 2\"}\n";
    let wrong =
        "  - expect: {never: 1m, cel: \"object.kind == 'ReplicaSet' && object.status.replicas == 0\"}\n";
    let report = one(&web(&format!("{start}{wrong}")));
    let failure = failure(&report);
    assert!(failure.starts_with("at 0s, ReplicaSet/default/web-"), "{failure}");
    assert!(failure.ends_with(" made the expression true"), "{failure}");

    let fine =
        "  - expect: {never: 30d, cel: \"object.kind == 'Deployment' && object.spec.replicas == 3\"}\n";
    let report = one(&web(&format!("{start}{fine}")));
    assert_eq!(report.scenarios[0].outcome, Outcome::Passed, "{}", json(&report));
}

#[test]
fn a_missing_image_holds_a_rollout_up_until_it_is_pushed() {
    let deployment = "resource: {apiVersion: apps/v1, kind: Deployment, metadata: {name: web}, status";
    let report = one(&web(&format!(
        "  - expect: {{within: 5m, {deployment}: {{readyReplicas: 2}}}}}}
  - patch: {{target: {{apiVersion: apps/v1, kind: Deployment, name: web}}, strategic: {{spec: {{template: {{spec: \
                   {{containers: [{{name: web, image: 'shop/web:3'}}]}}}}}}}}}}
  - expect: {{within: 5m, cel: \"object.kind == 'Event' && object.message.contains('shop/web:3')\"}}
  - expect: {{never: 1h, cel: \"object.kind == 'Pod' && object.spec.containers[0].image == 'shop/web:3' && \
         object.status.phase == 'Running'\"}}
  - push: {{image: 'docker.io/shop/web:3'}}
  - expect: {{within: 10m, {deployment}: {{updatedReplicas: 2, readyReplicas: 2}}}}}}
"
    )));
    assert_eq!(report.scenarios[0].outcome, Outcome::Passed, "{}", json(&report));
}

#[test]
fn profiles_decide_what_becomes_of_pods_from_then_on() {
    let ready = "resource: {apiVersion: apps/v1, kind: Deployment, metadata: {name: web}, status: {readyReplicas: 2}}";
    let report = one(&web(&format!(
        "  - setProfile: {{profiles: [{{outcome: neverReady}}]}}
  - expect: {{never: 1h, {ready}}}
  - setProfile: {{profiles: []}}
  - expect: {{within: 5m, {ready}}}
"
    )));
    assert_eq!(report.scenarios[0].outcome, Outcome::Passed, "{}", json(&report));
}

#[test]
fn a_step_that_cannot_be_done_says_why() {
    let report = one(&web("  - delete: {target: {apiVersion: v1, kind: Service, name: web}}\n"));
    assert_eq!(failure(&report), "failed to delete Service/web: services \"web\" not found");
    let report =
        one(&web("  - commit: {repo: r, write: {a: b}}\n").replace("  steps:", "  git: {r: {}}\n  steps:"));
    assert_eq!(report.scenarios[0].outcome, Outcome::Passed, "{}", json(&report));
    let report = one(
        "  clusters: {beta: {}}\n  git: {r: {}}\n  steps:\n  - commit: {write: {a: b}}\n  - commit: {write: {a: b}}\n",
    );
    assert_eq!(
        failure(&report),
        "failed to commit to \"main\" in the repository \"r\": nothing would change"
    );
}

#[test]
fn the_same_seed_gives_the_same_report_with_one_thread_and_with_two() {
    let web = web(
        "  - expect: {within: 5m, cel: \"object.kind == 'Deployment' && object.status.readyReplicas == 2\"}
  - expect: {absent: {apiVersion: v1, kind: Pod}}
",
    );
    let monorepo = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/monorepo");
    let fleet = format!(
        "  clusters: {{beta: {{}}, production: {{}}}}\n  git: {{gitops: {{from: {}, branch: master}}}}\n  steps:
  - bootstrap: {{cluster: beta, path: clusters/beta}}
  - bootstrap: {{cluster: production, path: clusters/production}}
  - expect: {{within: 5m, clusters: [beta, production], condition: {{kind: GitRepository, name: flux-system}}}}
  - advance: 1h
  - expect: {{clusters: [beta, production], absent: {{apiVersion: v1, kind: Namespace}}}}
",
        monorepo.display()
    );
    let scenarios = [("a-web", web.as_str()), ("b-fleet", fleet.as_str()), ("c-web", web.as_str())];
    let with = |jobs, seed| json(&played(&scenarios, &RunOptions { jobs, seed, ..RunOptions::default() }));
    let first = with(1, Some(7));
    assert!(first.contains("Namespace/default is there"), "{first}");
    assert_eq!(with(1, Some(7)), first);
    assert_eq!(with(2, Some(7)), first);
    assert_ne!(with(2, Some(8)), first);
}

#[test]
fn files_are_filtered_by_path_and_name_and_shared_out_in_parts() {
    let spec = "  clusters: {beta: {}}\n  steps: [{advance: 1m}]\n";
    let scenarios = [("one", spec), ("two", spec), ("three", spec)];
    let ids = |options: &RunOptions| -> Vec<String> {
        played(&scenarios, options).scenarios.iter().map(|s| s.id.clone()).collect()
    };
    let filter = |text: &str| RunOptions { filter: Some(text.to_owned()), ..RunOptions::default() };
    assert_eq!(ids(&filter("tw")), ["two.yaml"]);
    let shard = |text: &str| RunOptions { shard: Some(text.parse().unwrap()), ..RunOptions::default() };
    assert_eq!(ids(&shard("1/2")), ["one.yaml", "two.yaml"]);
    assert_eq!(ids(&shard("2/2")), ["three.yaml"]);
    for wrong in ["0/2", "3/2", "2", "a/b"] {
        assert!(wrong.parse::<Shard>().is_err(), "{wrong}");
    }
}

#[test]
fn a_run_without_anything_to_play_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let message = |paths: &[PathBuf], options: &RunOptions| {
        run_scenarios(paths, options, &mut Silent).unwrap_err().to_string()
    };
    let here = [folder.path().to_owned()];
    assert!(message(&here, &RunOptions::default()).ends_with("no file there has `kind: Scenario`"));
    let gone = [folder.path().join("gone")];
    assert!(message(&gone, &RunOptions::default()).ends_with("gone: no such file or folder"));
    written(folder.path(), &[("one", "  clusters: {beta: {}}\n  steps: [{advance: 1m}]\n")]);
    let options = RunOptions { filter: Some("x-x".to_owned()), ..RunOptions::default() };
    assert!(message(&here, &options).contains("none of the 1 has it"));
}

#[test]
fn an_invalid_file_is_one_of_several_and_stops_no_other() {
    let good = "  clusters: {beta: {}}\n  steps: [{advance: 1m}]\n";
    let report = played(&[("bad", "  clusters: {}\n  stps: []\n"), ("good", good)], &RunOptions::default());
    assert_eq!(
        report.scenarios.iter().map(|s| s.outcome).collect::<Vec<_>>(),
        [Outcome::Invalid, Outcome::Passed]
    );
    assert!(report.scenarios[0].problems[0].contains("did you mean `steps`?"), "{}", json(&report));
}

#[test]
fn one_scenario_of_a_file_with_several_is_asked_for_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let scenario = |name: &str| {
        format!(
            "apiVersion: seatrial.dev/v1alpha1\nkind: Scenario\nmetadata: {{name: {name}}}\nspec:\n  clusters: {{beta: {{}}}}\n  \
             steps: [{{advance: 1m}}]\n"
        )
    };
    let file = folder.path().join("all.yaml");
    std::fs::write(&file, ["one", "a second", "three"].map(scenario).join("---\n")).unwrap();
    let names = |wanted: &[&str]| -> Result<Vec<String>, String> {
        let paths: Vec<PathBuf> =
            wanted.iter().map(|name| format!("{}{name}", file.display()).into()).collect();
        let report = run_scenarios(&paths, &RunOptions::default(), &mut Silent);
        Ok(report.map_err(|error| error.to_string())?.scenarios.into_iter().map(|s| s.name).collect())
    };
    assert_eq!(names(&["#a second"]).unwrap(), ["a second"]);
    assert_eq!(names(&["#three", "#one"]).unwrap(), ["one", "three"]);
    assert_eq!(names(&[""]).unwrap().len(), 3);
    // The whole file is asked for as well.
    assert_eq!(names(&["", "#one"]).unwrap().len(), 3);
    assert!(names(&["#two"]).unwrap_err().ends_with("it has one, a second, three"));
}

const REPO: &str = "  clusters: {}\n  git: {r: {}}\n  steps:
  - addCluster: {name: beta}
  - commit: {write: {a.yaml: \"one\\ntwo\\n\"}, message: First}
  - commit: {write: {a.yaml: \"one\\n2\\n\"}, message: \"Second\\n\\nbody\", author: {name: Ann, email: a@b}}\n";

#[test]
fn a_commit_is_checked_in_all_that_is_asked_of_it() {
    let lines = "diff: {a.yaml: {removed: [two], added: ['2']}}";
    let good = format!(
        "{REPO}  - expectCommit: {{author: {{name: Ann, email: a@b}}, message: \"Second\\n\\nbody\", files: [a.yaml], {lines}}}\n"
    );
    let report = one(&good);
    assert_eq!(report.scenarios[0].outcome, Outcome::Passed, "{}", json(&report));
    let cases = [
        ("author: {name: Ann, email: c@d}", "its author is Ann <a@b>"),
        ("message: Second", "its message is \"Second\\n\\nbody\\n\""),
        ("files: [b.yaml]", "it changes a.yaml"),
        ("diff: {a.yaml: {added: ['2']}}", "of a.yaml it changes\n-two\n+2"),
        ("within: 5m, message: Third", "its message is \"Second\\n\\nbody\\n\""),
    ];
    for (check, wanted) in cases {
        let report = one(&format!("{REPO}  - expectCommit: {{{check}}}\n"));
        let told = failure(&report);
        assert!(told.ends_with(wanted), "{told}");
        assert_eq!(
            told.starts_with("not within 5m: the tip of main is "),
            check.starts_with("within"),
            "{told}"
        );
    }
}

#[test]
fn an_automation_that_reaches_another_clusters_files_is_told() {
    let marked = "kind: ConfigMap\\napiVersion: v1\\nmetadata: {name: a}\\ndata:\\n  tag: '1' # {\\\"$imagepolicy\\\": \\\"flux-system:p:tag\\\"}\\n";
    let flux = |cluster: &str, path: &str| {
        format!(
            "  - apply:
      cluster: {cluster}
      object: {{apiVersion: kustomize.toolkit.fluxcd.io/v1, kind: Kustomization, metadata: {{name: apps, namespace: flux-system}},
        spec: {{interval: 1m, prune: true, path: {path}, sourceRef: {{kind: GitRepository, name: flux-system}}}}}}\n"
        )
    };
    let on = |path: &str, branch: &str| {
        one(&format!(
            "  clusters: {{beta: {{}}, production: {{}}}}
  git: {{r: {{}}}}
  steps:
  - commit:
      write:
        base/kustomization.yaml: 'resources: [a.yaml]'
        base/a.yaml: \"{marked}\"
        beta/kustomization.yaml: 'resources: [../base, b.yaml]'
        beta/b.yaml: \"{marked}\"
        production/app/kustomization.yaml: 'resources: [../../base]'
        production/app/unused.yaml: \"{marked}\"
        clusters/beta/a.txt: a
        clusters/production/a.txt: a
  - bootstrap: {{cluster: beta, path: clusters/beta, componentsExtra: [image-reflector-controller, image-automation-controller]}}
  - bootstrap: {{cluster: production, path: clusters/production}}
{}{}  - apply:
      cluster: beta
      object: {{apiVersion: image.toolkit.fluxcd.io/v1, kind: ImagePolicy, metadata: {{name: p, namespace: flux-system}},
        spec: {{imageRepositoryRef: {{name: p}}, policy: {{alphabetical: {{}}}}}}}}
  - apply:
      cluster: beta
      object: {{apiVersion: image.toolkit.fluxcd.io/v1, kind: ImageUpdateAutomation, metadata: {{name: auto, namespace: flux-system}},
        spec: {{interval: 1m, suspend: true, sourceRef: {{name: flux-system}}, update: {{path: {path}}},
          git: {{commit: {{author: {{email: a@b}}}}, checkout: {{ref: {{branch: {branch}}}}}, push: {{branch: main}}}}}}}}
  - expectIsolated: {{cluster: beta}}\n",
            flux("beta", "./beta"),
            flux("production", "./production"),
        ))
    };
    let played = |path: &str| on(path, "main");
    let report = played("./beta");
    assert_eq!(report.scenarios[0].outcome, Outcome::Passed, "{}", json(&report));
    let wanted = "ImageUpdateAutomation/auto of beta changes base/a.yaml, which production builds from";
    assert_eq!(failure(&played("./")), wanted);
    // What its own kustomization does not name, a subfolder does not bring.
    assert_eq!(played("./production").scenarios[0].outcome, Outcome::Passed);
    let told = failure(&on("./", "none"));
    assert!(
        told.starts_with("none of r, for ImageUpdateAutomation/auto of beta, cannot be read: "),
        "{told}"
    );
}

#[test]
fn isolation_is_not_expected_of_nothing() {
    let report = one("  clusters: {beta: {}}
  git: {r: {}}
  steps:
  - commit: {write: {clusters/beta/a.txt: a}}
  - bootstrap: {path: clusters/beta, componentsExtra: [image-reflector-controller, image-automation-controller]}
  - expectIsolated: {}
");
    assert_eq!(failure(&report), "there is no ImageUpdateAutomation on any cluster to look at");
}

/// What a Secret is refused for is its value: of a wrong kind, or not in Base64.
#[test]
fn no_step_tells_the_value_that_a_secret_is_refused_for() {
    const SECRET: &str = "apiVersion: v1, kind: Secret";
    let applied = format!(
        "  clusters: {{beta: {{}}}}\n  steps:\n  - apply: {{object: {{{SECRET}, metadata: {{name: s, namespace: default}}, \
         stringData: {{p: a}}}}}}\n"
    );
    let target = format!("target: {{{SECRET}, name: s, namespace: default}}");
    let object =
        |data: &str| format!("object: {{{SECRET}, metadata: {{name: t, namespace: default}}, {data}}}");
    for step in [
        format!("patch: {{{target}, merge: {{data: {{p: PLANTED value}}}}}}"),
        format!("patch: {{{target}, merge: {{stringData: {{p: {{PLANTED: value}}}}}}}}"),
        format!("patch: {{{target}, strategic: {{data: {{p: PLANTED value}}}}}}"),
        format!("patch: {{{target}, json: [{{op: replace, path: /data/p, value: PLANTED value}}]}}"),
        format!("patch: {{{target}, json: [{{op: test, path: /data/p, value: PLANTED value}}]}}"),
        format!("patch: {{{target}, json: [{{op: add, path: /data, value: PLANTED value}}]}}"),
        format!("apply: {{{}}}", object("data: {p: PLANTED value}")),
        format!("apply: {{{}}}", object("stringData: {p: {PLANTED: value}}")),
        format!("apply: {{{}}}", object("type: PLANTED, stringData: PLANTED")),
    ] {
        let report = one(&format!("{applied}  - {step}\n"));
        assert_eq!(report.scenarios[0].outcome, Outcome::Failed, "{step}: {}", json(&report));
        let said = failure(&report);
        assert!(said.ends_with(": <redacted, since it is about a Secret>"), "{step}: {said}");
        assert!(!json(&report).contains("PLANTED"), "{step}: {}", json(&report));
    }
    let missing = one(
        "  clusters: {beta: {}}\n  steps:\n  - patch: {target: {apiVersion: v1, kind: Secret, name: s}, merge: {}}\n",
    );
    assert!(failure(&missing).contains("not found"), "{}", failure(&missing));
}

#[test]
fn equal_values_of_secrets_are_seen_to_be_equal() {
    let secret = |name: &str, value: &str| {
        format!(
            "{{apiVersion: v1, kind: Secret, metadata: {{name: {name}, namespace: default}}, stringData: {{p: {value}}}}}"
        )
    };
    let wanted = |value: &str| {
        format!(
            "  - expect: {{within: 1s, resource: {{apiVersion: v1, kind: Secret, metadata: {{name: s, namespace: default}}, \
             data: {{p: {value}}}}}}}\n"
        )
    };
    let applied =
        format!("  clusters: {{beta: {{}}}}\n  steps:\n  - apply: {{object: {}}}\n", secret("s", "PLANTED"));
    let report = one(&(applied + &wanted("b3RoZXI=")));
    let steps = &report.scenarios[0].steps;
    let failed = steps.last().and_then(|step| step.failure.as_ref()).unwrap();
    let diff: Vec<String> =
        failed.nearest.iter().flat_map(|near| &near.diff).map(ToString::to_string).collect();
    assert!(diff.contains(&"-   p: <redacted 1>".to_owned()), "{diff:#?}");
    assert!(diff.contains(&"+   p: <redacted 2>".to_owned()), "{diff:#?}");
}

#[test]
fn a_verb_that_fails_tells_how_it_came_to_this() {
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/monorepo");
    let report = one(&format!(
        "  clusters: {{beta: {{}}}}\n  git: {{gitops: {{from: {}, branch: master}}}}\n  steps:\n\
         \x20 - bootstrap: {{cluster: beta, path: clusters/beta}}\n\
         \x20 - seatrial: {{args: create kustomization web --source=GitRepository/flux-system --path=./nowhere --prune --timeout=1m}}\n",
        fixture.display()
    ));
    let steps = &report.scenarios[0].steps;
    let failed = steps.last().and_then(|step| step.failure.as_ref()).unwrap();
    assert!(failed.message.contains("context deadline exceeded"), "{failed:?}");
    let about = |line: &&String| line.starts_with("Kustomization/flux-system/web: ");
    let line = failed.chain.iter().find(about).unwrap();
    assert!(line.contains("ArtifactFailed") && line.contains("nowhere"), "{failed:?}");
}
