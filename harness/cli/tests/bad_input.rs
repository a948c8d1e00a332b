//! Mistakes of users: each has its exit status, and a message that no other mistake has.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use std::fs;

use rstest::rstest;
use support::{Ended, failing_scenario, folder, root, seatrial};

/// Everything passed.
const PASSED: i32 = 0;
/// A scenario, a trial or a build failed.
const FAILED: i32 = 1;
/// Wrong usage, or an invalid file.
const INVALID: i32 = 2;
/// The environment lacks something.
const MISSING: i32 = 3;

/// A mistake.
struct Mistake {
    /// What it is.
    what: &'static str,
    /// The arguments after the command, with a space between them; `{tmp}` is the folder of [`files`].
    args: &'static str,
    exit: i32,
    /// What the output contains; the first tells this mistake from the others of the command.
    says: &'static [&'static str],
}

const RUN: &[Mistake] = &[
    Mistake {
        what: "a misspelt step",
        args: "fixtures/invalid/scenario/misspelt-step.yaml",
        exit: INVALID,
        says: &[
            "a step has no field `bootstap` (did you mean `bootstrap`?)",
            "fixtures/invalid/scenario/misspelt-step.yaml:12:5: ",
            "1 scenario: 1 invalid",
        ],
    },
    Mistake {
        what: "a value of the wrong type",
        args: "fixtures/invalid/scenario/wrong-type.yaml",
        exit: INVALID,
        says: &["`path` must be text, not a list", "fixtures/invalid/scenario/wrong-type.yaml:12:38: "],
    },
    Mistake {
        what: "a fixture that is not there",
        args: "{tmp}/missing-fixture.yaml",
        exit: INVALID,
        says: &["there is no folder gitopz (did you mean `gitops`?)", "{tmp}/missing-fixture.yaml:6:20: "],
    },
    Mistake {
        what: "a cluster that the scenario does not have",
        args: "fixtures/invalid/scenario/unknown-cluster.yaml",
        exit: INVALID,
        says: &[
            "there is no cluster `prodction` (did you mean `production`?)",
            "fixtures/invalid/scenario/unknown-cluster.yaml:12:26: ",
        ],
    },
    Mistake {
        what: "a file that is not YAML",
        args: "fixtures/invalid/scenario/not-yaml.yaml",
        exit: INVALID,
        says: &["this is not valid YAML", "fixtures/invalid/scenario/not-yaml.yaml:5:5: "],
    },
    Mistake {
        what: "a path that is not there",
        args: "{tmp}/nowhere",
        exit: INVALID,
        says: &["failed to find scenarios in {tmp}/nowhere: no such file or folder"],
    },
    Mistake {
        what: "a folder without scenarios",
        args: "{tmp}/gitops",
        exit: INVALID,
        says: &["failed to find scenarios under {tmp}/gitops: no file there has `kind: Scenario`"],
    },
    Mistake {
        what: "no path",
        args: "",
        exit: INVALID,
        says: &["required arguments were not provided", "<PATH>"],
    },
    Mistake {
        what: "a filter that nothing matches",
        args: "{tmp}/fails.yaml --filter promotoin",
        exit: INVALID,
        says: &["failed to find a scenario for the filter \"promotoin\""],
    },
    Mistake {
        what: "a shard that is none of the parts",
        args: "{tmp}/fails.yaml --shard 4/3",
        exit: INVALID,
        says: &["the shard \"4/3\": write 1/3, 2/3 or 3/3"],
    },
    Mistake {
        what: "containers without Docker, or without the feature",
        args: "{tmp}/fails.yaml --backend k3s",
        exit: MISSING,
        says: if cfg!(feature = "k3s") {
            &["failed to use the backend k3s: Docker does not answer", "start Docker"]
        } else {
            &["failed to use the backend k3s: this program was built without it", "--features k3s`"]
        },
    },
    Mistake {
        what: "real API servers without their programs",
        args: "{tmp}/fails.yaml --backend envtest",
        exit: MISSING,
        says: &["etcd and kube-apiserver not found in {tmp}/nowhere", "set KUBEBUILDER_ASSETS"],
    },
    Mistake {
        what: "a cluster without a context",
        args: "{tmp}/fails.yaml --backend kubeconfig",
        exit: INVALID,
        says: &["the cluster beta has no context: add --context beta=CONTEXT"],
    },
    Mistake {
        what: "a context that is not allowed",
        args: "{tmp}/fails.yaml --backend kubeconfig --context beta=live --allow-context other",
        exit: INVALID,
        says: &["the context \"live\" is not allowed", "add --allow-context live"],
    },
    Mistake {
        what: "contexts without a kubeconfig file",
        args: "{tmp}/fails.yaml --backend kubeconfig --context beta=live --allow-context live",
        exit: MISSING,
        says: &["no kubeconfig file can be read", "--kubeconfig FILE"],
    },
    Mistake {
        what: "a backend that is none",
        args: "{tmp}/fails.yaml --backend sin",
        exit: INVALID,
        says: &["there is no such backend", "use sim, envtest, k3s or kubeconfig"],
    },
    Mistake {
        what: "a report that is yet to come",
        args: "{tmp}/fails.yaml --report html=x",
        exit: INVALID,
        says: &["HTML reports are not supported yet: use junit, json or timings"],
    },
    Mistake {
        what: "a report in an unknown format",
        args: "{tmp}/fails.yaml --report foo=x",
        exit: INVALID,
        says: &["there is no report format \"foo\": use junit, json or timings"],
    },
    Mistake {
        what: "a report without a file",
        args: "{tmp}/fails.yaml --report json",
        exit: INVALID,
        says: &["write FORMAT=FILE, such as junit=report.xml"],
    },
    Mistake {
        what: "a report in a folder that is not there",
        args: "{tmp}/fails.yaml --report json={tmp}/nowhere/report.json",
        exit: INVALID,
        says: &["failed to write {tmp}/nowhere/report.json: there is no folder {tmp}/nowhere"],
    },
    Mistake {
        what: "no jobs at all",
        args: "{tmp}/fails.yaml --jobs 0",
        exit: INVALID,
        says: &["invalid value '0' for '--jobs <N>': 0 is not in 1..=65535"],
    },
    Mistake {
        what: "an expectation that is not met",
        args: "{tmp}/fails.yaml --seed 3",
        exit: FAILED,
        says: &[
            "not within 5m: Kustomization/flux-system/applications",
            // Where, and how it differs.
            "at {tmp}/fails.yaml:12",
            "- status: \"True\"",
            "+ status: \"False\"",
            // The commit, the artifact, the build.
            "how it came to this:",
            "line 11: commit ",
            "GitRepository/flux-system/applications: artifact main@sha1:",
            "Kustomization/flux-system/applications: applied nothing yet; Ready=False BuildFailed: ",
            "lstat config/beta/deployment.yaml: no such file or directory",
            "again: seatrial run {tmp}/fails.yaml --seed 3",
            "1 scenario: 1 failed",
        ],
    },
];

const TRY: &[Mistake] = &[
    Mistake {
        what: "a repository that is not there",
        args: "{tmp}/nowhere",
        exit: INVALID,
        says: &["failed to read {tmp}/nowhere: there is no such folder"],
    },
    Mistake {
        what: "a file",
        args: "fixtures/monorepo/README.md",
        exit: INVALID,
        says: &["failed to read fixtures/monorepo/README.md: it is a file, not a folder"],
    },
    Mistake {
        what: "an artifact without a folder",
        args: "fixtures/invalid/repo-missing-file --serve oci://ghcr.io/me/app",
        exit: INVALID,
        says: &[
            "failed to serve oci://ghcr.io/me/app: an artifact is made of a folder: oci://ghcr.io/me/app=FOLDER",
        ],
    },
    Mistake {
        what: "a repository without clusters",
        args: "fixtures/invalid/repo-no-clusters",
        exit: INVALID,
        says: &[
            "failed to find the clusters of fixtures/invalid/repo-no-clusters",
            "a cluster is a folder clusters/<name> with YAML in it",
        ],
    },
    Mistake {
        what: "a cluster that the repository does not have",
        args: "fixtures/invalid/repo-missing-file --cluster gamma",
        exit: INVALID,
        says: &["failed to find the cluster gamma: the repository has beta"],
    },
    Mistake {
        what: "a repository without commits",
        args: "{tmp}/empty-repository",
        exit: INVALID,
        says: &["failed to play {tmp}/empty-repository: nothing is committed there yet"],
    },
    Mistake {
        what: "a Flux release that is not emulated",
        args: "fixtures/invalid/repo-missing-file --flux 2.3",
        exit: INVALID,
        says: &["'--flux <RELEASE>': the releases that are emulated are 2.2.3 and 2.9"],
    },
    Mistake {
        what: "a kustomization with a missing file",
        args: "fixtures/invalid/repo-missing-file",
        exit: FAILED,
        says: &[
            "lstat config/beta/deployment.yaml: no such file or directory",
            "applications: BuildFailed: ",
        ],
    },
    Mistake {
        what: "kustomizations that contain each other",
        args: "fixtures/invalid/repo-cycle",
        exit: FAILED,
        says: &[
            "cycle detected: candidate root 'config/beta'",
            "applications: BuildFailed: ",
            "by config/beta -> config/shared",
        ],
    },
    Mistake {
        what: "a manifest that is not YAML",
        args: "fixtures/invalid/repo-invalid-yaml",
        exit: FAILED,
        says: &["at config/beta/settings.yaml:6:2", "applications: BuildFailed: ", "MalformedYAMLError"],
    },
    Mistake {
        what: "a cluster folder that is not YAML",
        args: "fixtures/invalid/repo-invalid-cluster",
        exit: FAILED,
        says: &[
            "at clusters/beta/applications.yaml:18:1",
            "flux-system: BuildFailed: ",
            "MalformedYAMLError",
        ],
    },
    Mistake {
        what: "Kustomizations that wait for each other",
        args: "fixtures/invalid/repo-dependency-cycle",
        exit: FAILED,
        says: &[
            "dependency cycle detected: flux-system/applications -> flux-system/infrastructure -> \
             flux-system/applications",
            "dependency cycle detected: flux-system/alone -> flux-system/alone",
            "infrastructure: DependencyNotReady: ",
        ],
    },
    Mistake {
        what: "a source that nobody serves",
        args: "fixtures/invalid/repo-unserved-source",
        exit: FAILED,
        says: &[
            "add --serve https://github.com/owls-nest-farm/elsewhere=PATH",
            "GitOperationFailed: ",
            "unable to clone 'https://github.com/owls-nest-farm/elsewhere'",
        ],
    },
];

const RENDER: &[Mistake] = &[
    Mistake {
        what: "a folder that is not there",
        args: "{tmp}/nowhere",
        exit: FAILED,
        says: &[
            "must build at directory: not a valid directory: evalsymlink failure on '{tmp}/nowhere' : lstat \
             {tmp}/nowhere: no such file or directory",
        ],
    },
    Mistake {
        what: "a file instead of a folder",
        args: "{tmp}/fails.yaml",
        exit: FAILED,
        says: &["must build at directory: '{tmp}/fails.yaml': file is not directory"],
    },
    Mistake {
        what: "a folder without a kustomization",
        args: "{tmp}/gitops",
        exit: FAILED,
        says: &[
            "unable to find one of 'kustomization.yaml', 'kustomization.yml' or 'Kustomization' in directory",
            "'{tmp}/gitops'",
        ],
    },
    Mistake {
        what: "a missing file",
        args: "fixtures/invalid/repo-missing-file/config/beta",
        exit: FAILED,
        says: &["fixtures/invalid/repo-missing-file/config/beta/deployment.yaml: no such file or directory"],
    },
    Mistake {
        what: "kustomizations that contain each other",
        args: "fixtures/invalid/repo-cycle/config/beta",
        exit: FAILED,
        says: &["cycle detected: candidate root ", "repo-cycle/config/shared"],
    },
    Mistake {
        what: "a manifest that is not YAML",
        args: "fixtures/invalid/repo-invalid-yaml/config/beta",
        exit: FAILED,
        says: &["fixtures/invalid/repo-invalid-yaml/config/beta/settings.yaml:6:2", "MalformedYAMLError"],
    },
    Mistake {
        what: "a kustomization with a misspelt field",
        args: "{tmp}/misspelt",
        exit: FAILED,
        says: &["unknown field \"resorces\"", "{tmp}/misspelt/kustomization.yaml"],
    },
    Mistake {
        what: "Helm charts",
        args: "{tmp}/helm",
        exit: INVALID,
        says: &["Helm charts are not supported", "list the output of `helm template` as a resource"],
    },
    Mistake {
        what: "the flag for Helm charts",
        args: "{tmp}/helm --enable-helm",
        exit: INVALID,
        says: &["--enable-helm is not supported: it would run another program"],
    },
    Mistake {
        what: "an output that cannot be written",
        args: "{tmp}/good --output {tmp}/nowhere/all.yaml",
        exit: FAILED,
        says: &["failed to write the output: "],
    },
];

/// The files that the mistakes are made with.
fn files() -> tempfile::TempDir {
    let settings = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\n";
    let missing = "apiVersion: seatrial.dev/v1alpha1\nkind: Scenario\nmetadata: {name: x}\nspec:\n  git:\n    \
                   gitops: {from: gitopz}\n  clusters: {beta: {}}\n  steps: [{advance: 1m}]\n";
    let folder = folder(&[
        ("fails.yaml", &failing_scenario()),
        ("missing-fixture.yaml", missing),
        ("gitops/settings.yaml", settings),
        ("good/kustomization.yaml", "resources: [settings.yaml]\n"),
        ("good/settings.yaml", settings),
        ("misspelt/kustomization.yaml", "resorces: [settings.yaml]\n"),
        (
            "helm/kustomization.yaml",
            "helmCharts: [{name: web, repo: https://charts.example, version: 1.0.0}]\n",
        ),
        ("empty-repository/.git/HEAD", "ref: refs/heads/main\n"),
        ("empty-repository/.git/config", "[core]\n\trepositoryformatversion = 0\n\tbare = false\n"),
    ]);
    for of_git in ["objects", "refs/heads"] {
        fs::create_dir_all(folder.path().join("empty-repository/.git").join(of_git)).unwrap();
    }
    folder
}

#[rstest]
#[case::of_run("run", RUN)]
#[case::of_try("try", TRY)]
#[case::of_render("render", RENDER)]
fn each_mistake_has_its_exit_status_and_a_message_of_its_own(
    #[case] command: &str,
    #[case] mistakes: &[Mistake],
) {
    let folder = files();
    let tmp = folder.path().canonicalize().unwrap().to_string_lossy().into_owned();
    let mut problems = Vec::new();
    for mistake in mistakes {
        let what = mistake.what;
        let args: Vec<String> =
            mistake.args.split_whitespace().map(|arg| arg.replace("{tmp}", &tmp)).collect();
        let args = [vec![command.to_owned()], args].concat();
        let Ended { status, stdout, stderr } = seatrial(&root(), folder.path(), &args);
        let output = format!("{stdout}{stderr}");
        let mut problem = |text: String| problems.push(format!("{what}: {text}\n{output}"));
        if status != Some(mistake.exit) {
            problem(format!("exit status {status:?} instead of {}", mistake.exit));
        }
        for says in mistake.says.iter().map(|text| text.replace("{tmp}", &tmp)) {
            if !output.contains(&says) {
                problem(format!("the output lacks {says:?}"));
            }
        }
        for other in mistakes.iter().filter(|other| other.what != what) {
            if output.contains(&other.says[0].replace("{tmp}", &tmp)) {
                problem(format!("the output is that of {}", other.what));
            }
        }
        if output.contains("panicked") || output.trim().is_empty() {
            problem("the program ended without words of its own".to_owned());
        }
        if mistake.exit != FAILED && command != "run" && !stdout.is_empty() {
            problem("standard output has something, although nothing was done".to_owned());
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[rstest]
#[case::the_help("--help", "Usage: seatrial ")]
#[case::the_version("--version", "seatrial ")]
fn what_is_no_mistake_passes(#[case] flag: &str, #[case] says: &str) {
    let scratch = tempfile::tempdir().unwrap();
    let ended = seatrial(&root(), scratch.path(), &[flag]);
    assert_eq!(ended.status, Some(PASSED), "{}", ended.stderr);
    assert!(ended.stdout.contains(says), "{}", ended.stdout);
}

#[test]
fn a_sound_kustomization_passes() {
    let folder = files();
    let ended = seatrial(folder.path(), folder.path(), &["render", "good"]);
    assert_eq!(ended.status, Some(PASSED), "{}", ended.stderr);
    assert_eq!(ended.stdout, "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: settings\n");
}
