//! flux's verbs as commands of the program: how they end.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[allow(dead_code, reason = "this test needs less of it")]
mod support;

use rstest::rstest;
use support::{folder, seatrial};

const CONFIG: &str = "apiVersion: v1
kind: Config
current-context: gone
contexts:
- {name: gone, context: {cluster: gone}}
- {name: astray, context: {cluster: nowhere}}
clusters:
- {name: gone, cluster: {server: 'http://127.0.0.1:1'}}
";

#[rstest]
#[case::no_kubeconfig(&["get", "ks"], 3, "seatrial up")]
#[case::kubeconfig_that_is_not_there(&["get", "ks", "--kubeconfig", "none"], 3, "no kubeconfig file none")]
#[case::kubeconfig_that_is_none(&["get", "ks", "--kubeconfig", "broken"], 3, "no usable kubeconfig file")]
#[case::context_that_is_not_there(&["get", "ks", "--kubeconfig", "config", "--context", "no"], 3, "it has gone, astray")]
#[case::context_without_cluster(&["get", "ks", "--kubeconfig", "config", "--context", "astray"], 3, "cluster \"nowhere\" does not exist")]
#[case::user_that_is_not_there(&["get", "ks", "--kubeconfig", "config", "--user", "no"], 3, "auth info \"no\" does not exist")]
#[case::nobody_answers(&["get", "ks", "--kubeconfig", "config"], 3, "no cluster answers at http://127.0.0.1:1: ")]
#[case::nobody_answers_one_of_many(&["get", "all", "--kubeconfig", "config"], 3, "no cluster answers at")]
#[case::only_a_server(&["get", "ks", "--server", "http://127.0.0.1:1"], 3, "no cluster answers at http://127.0.0.1:1: ")]
#[case::flags_in_front(&["--kubeconfig", "config", "reconcile", "ks", "web"], 3, "no cluster answers at")]
#[case::wrong_value(&["get", "ks", "--timeout", "soon"], 2, "invalid argument \"soon\" for \"--timeout\" flag")]
#[case::wrong_namespace(&["get", "ks", "-n", "a_b"], 2, "namespace must be a valid DNS label: \"a_b\"")]
#[case::unsupported_flag(&["get", "ks", "--cache-dir", "x"], 2, "--cache-dir is not supported by seatrial")]
#[case::unknown_flag(&["get", "ks", "--wild"], 2, "--wild")]
#[case::unknown_kind(&["get", "receivers"], 2, "flux's verb get receivers is not supported by seatrial; the real flux does it")]
#[case::unknown_verb(&["install"], 2, "flux's verb install is not supported by seatrial; the real flux does it")]
#[case::negative_durations(&["get", "ks", "--timeout", "-x"], 2, "invalid argument \"-x\" for \"--timeout\" flag")]
#[case::no_label(&["create", "source", "git", "ab", "--url=https://h/r", "--branch=m", "--export", "--label", "a=b c"], 2, "invalid label value 'b c': [a valid label must be")]
#[case::extra_without_value(&["get", "ks", "--kubeconfig", "config", "--as-user-extra", "x"], 2, "--as-user-extra takes KEY=VALUE")]
#[case::deploy_key(&["create", "source", "git", "ab", "--url=ssh://h/r", "--branch=m", "--kubeconfig", "config"], 2, "--secret-ref")]
#[case::nobody_says_yes(&["uninstall", "--kubeconfig", "config"], 1, "aborting")]
fn verbs_end_with_a_status_that_says_why(#[case] args: &[&str], #[case] status: i32, #[case] said: &str) {
    let folder = folder(&[("config", CONFIG), ("broken", "{")]);
    let ended = seatrial(folder.path(), folder.path(), args);
    assert_eq!(ended.status, Some(status), "{}", ended.stderr);
    assert!(ended.stderr.contains(said), "{}", ended.stderr);
    assert_eq!(ended.stdout, "");
}

#[rstest]
#[case::verb(&["get"], "Usage: seatrial get")]
#[case::group(&["get", "image"], "Usage: seatrial get images")]
#[case::flags_in_front(&["--context", "beta", "create", "image"], "Usage: seatrial create image")]
fn verbs_without_their_subcommand_print_their_help(#[case] args: &[&str], #[case] said: &str) {
    let folder = folder(&[]);
    let ended = seatrial(folder.path(), folder.path(), args);
    assert_eq!((ended.status, ended.stderr.as_str()), (Some(0), ""));
    assert!(ended.stdout.contains(said), "{}", ended.stdout);
}

#[test]
fn other_commands_without_their_subcommand_are_wrong_usage() {
    let folder = folder(&[]);
    let ended = seatrial(folder.path(), folder.path(), &["forge"]);
    assert_eq!((ended.status, ended.stdout.as_str()), (Some(2), ""));
    assert!(ended.stderr.contains("Usage: seatrial forge"), "{}", ended.stderr);
}

#[test]
fn the_tutorials_commands_print_manifests_without_a_cluster() {
    let folder = folder(&[]);
    let args = "create kustomization applications --target-namespace=default --source=applications \
                --depends-on=infrastructure-controllers --path=./config/beta --prune=true --wait=true --interval=1m \
                --retry-interval=1m --health-check-timeout=1m --export";
    let args: Vec<&str> = args.split_whitespace().collect();
    let ended = seatrial(folder.path(), folder.path(), &args);
    assert_eq!((ended.status, ended.stderr.as_str()), (Some(0), ""));
    let expected = "---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata:
  name: applications
  namespace: flux-system
spec:
  dependsOn:
  - name: infrastructure-controllers
  interval: 1m0s
  path: ./config/beta
  prune: true
  retryInterval: 1m0s
  sourceRef:
    kind: GitRepository
    name: applications
  targetNamespace: default
  timeout: 1m0s
  wait: true
";
    assert_eq!(ended.stdout, expected);
}
