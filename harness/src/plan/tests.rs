use super::*;
use crate::scenario::parse_text;
use std::path::Path;

fn planned(steps: &str) -> Plan {
    let text = format!(
        "apiVersion: seatrial.dev/v1alpha1\nkind: Scenario\nmetadata: {{name: x}}\nspec:\n  \
         clusters: {{beta: {{flux: \"2.2.3\", kubernetes: 1.28.3}}}}\n  git: {{gitops: {{branch: master}}}}\n  \
         registry: {{btoll/debug: [latest]}}\n  steps:\n{steps}"
    );
    match parse_text(Path::new("scenarios/x.yaml"), &text) {
        Ok(read) => plan(&read[0]),
        Err(invalid) => panic!("{invalid}"),
    }
}

#[test]
fn names_that_can_be_left_out_are_filled_in() {
    let plan = planned("  - bootstrap: {path: ./clusters/beta/}\n  - revert: {commit: last}\n");
    assert_eq!(plan.clusters[0].flux.to_string(), "2.2.3");
    assert_eq!(plan.clusters[0].kubernetes.as_deref(), Some("v1.28.3"));
    let Op::Bootstrap { cluster, repo, following } = &plan.steps[0].op else { panic!("a bootstrap") };
    let crate::bootstrap::Sync { branch, path, url } = &following.sync;
    assert_eq!(
        [cluster, repo, branch, path, url].map(String::as_str),
        ["beta", "gitops", "master", "clusters/beta", "https://git.seatrial.test/gitops",]
    );
    assert!(!following.read_write && following.components == crate::bootstrap::Component::USUAL);
    assert!(matches!(&plan.steps[1].op, Op::Revert { commit: None, .. }));
}

#[test]
fn steps_without_a_name_say_what_they_do() {
    let plan = planned(
        "  - bootstrap: {path: clusters/beta}\n  - commit: {write: {a.yaml: x}, remove: [b]}\n  - commit: {remove: [b]}\n  \
         - {name: the marker, commit: {write: {a.yaml: x}}}\n  - push: {image: btoll/debug:1.0.1}\n  - advance: 90m\n  \
         - enable: {env: beta, service: applications/devops/debug}\n  \
         - expect: {within: 10m, resource: {apiVersion: apps/v1, kind: Deployment, metadata: {name: debug}}}\n  \
         - expect: {never: 30m, cel: object.kind == 'Pod'}\n  - expect: {absent: {apiVersion: v1, kind: Pod}}\n  \
         - expect: {condition: {kind: Kustomization, name: apps, status: 'False', reason: BuildFailed}}\n",
    );
    let titles: Vec<&str> = plan.steps.iter().map(|s| s.title.as_str()).collect();
    assert_eq!(
        titles,
        [
            "bootstrap beta from clusters/beta of gitops",
            "commit to gitops: Change 2 files",
            "commit to gitops: Remove b",
            "the marker",
            "push btoll/debug:1.0.1",
            "let 1h30m pass",
            "enable applications/devops/debug on beta",
            "expect Deployment/debug on beta within 10m",
            "never object.kind == 'Pod' on beta for 30m",
            "expect no Pod on beta",
            "expect Kustomization/apps Ready=False (BuildFailed) on beta",
        ]
    );
    assert!(matches!(&plan.steps[3].op, Op::Commit { message, .. } if message == "the marker"));
}
