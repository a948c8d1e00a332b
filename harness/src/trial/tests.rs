//! Trials of small repositories.

use super::*;
use rstest::rstest;
use std::fs;
use tempfile::TempDir;

/// A folder with these files.
fn folder(files: &[(&str, &str)]) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = dir.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    dir
}

const CONFIG: &str =
    "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: hello, namespace: default}\ndata: {a: b}\n";

fn source(url: &str) -> String {
    format!(
        "apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata: {{name: other, namespace: flux-system}}\n\
         spec: {{interval: 1m, url: '{url}', ref: {{branch: main}}}}\n"
    )
}

#[test]
fn a_repository_that_works_is_steady_and_says_what_it_applied() {
    let dir = folder(&[("clusters/beta/config.yaml", CONFIG)]);
    let trial = try_repository(&TrialOptions::new(dir.path())).unwrap();
    assert!(trial.passed(), "{}", Print::default().trial(&trial));
    let text = Print { all: true, ..Print::default() }.trial(&trial);
    assert!(text.contains("beta (bootstrapped at clusters/beta): steady"), "{text}");
    assert!(text.contains("ConfigMap") && text.contains("default/hello"), "{text}");
}

#[test]
fn the_same_repository_gives_the_same_trial() {
    let dir = folder(&[("clusters/a/config.yaml", CONFIG), ("clusters/b/config.yaml", CONFIG)]);
    let options = TrialOptions::new(dir.path());
    assert_eq!(try_repository(&options).unwrap(), try_repository(&options).unwrap());
}

#[test]
fn a_source_that_is_not_served_is_named_with_its_flag() {
    let url = "https://example.test/org/elsewhere";
    let dir = folder(&[("clusters/beta/source.yaml", &source(url))]);
    let mut options = TrialOptions::new(dir.path());
    let trial = try_repository(&options).unwrap();
    assert!(!trial.passed());
    let hints = trial.clusters[0].hints.join("\n");
    assert!(hints.contains(&format!("--serve {url}=PATH")), "{hints}");

    options.serve = vec![(url.to_owned(), None)];
    let trial = try_repository(&options).unwrap();
    assert!(trial.passed(), "{}", Print::default().trial(&trial));
}

#[test]
fn a_token_in_a_url_is_shown_nowhere() {
    let more = "apiVersion: v1\nkind: Secret\nmetadata: {name: vars, namespace: flux-system}\nstringData: {token: planted-token}\n---\n\
         apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: more, namespace: flux-system}\n\
         spec: {interval: 1m, prune: true, path: ./more, sourceRef: {kind: GitRepository, name: flux-system},\n\
         \x20 postBuild: {substituteFrom: [{kind: Secret, name: vars}]}}\n";
    let upper = source("https://x:${token^^}@example.test/org/upper").replace("name: other", "name: upper");
    let sources = format!("{}---\n{upper}", source("https://x:${token}@example.test/org/elsewhere"));
    let dir = folder(&[("clusters/beta/more.yaml", more), ("more/sources.yaml", &sources)]);
    let trial = try_repository(&TrialOptions::new(dir.path())).unwrap();
    let hints = trial.clusters[0].hints.join("\n");
    for path in ["elsewhere", "upper"] {
        assert!(hints.contains(&format!("@example.test/org/{path}=PATH")), "{hints}");
    }
    assert!(hints.contains("--serve https://x:<redacted "), "{hints}");
    let text = Print { all: true, ..Print::default() }.trial(&trial);
    for shown in [text, serde_json::to_string(&trial).unwrap()] {
        assert!(!shown.to_lowercase().contains("planted-token"), "{shown}");
    }
}

#[test]
fn a_remote_base_that_is_not_served_is_named_with_its_flag() {
    let base = folder(&[
        ("app/kustomization.yaml", "resources: [c.yaml]\n"),
        ("app/c.yaml", CONFIG),
        ("app/not-used/c.yaml", CONFIG),
    ]);
    let url = "https://github.com/org/bases";
    let kustomization = format!("resources: ['{url}//app?ref=main']\n");
    let dir = folder(&[("clusters/beta/kustomization.yaml", &kustomization)]);
    let mut options = TrialOptions::new(dir.path());
    let trial = try_repository(&options).unwrap();
    assert!(!trial.passed());
    let hints = trial.clusters[0].hints.join("\n");
    assert!(hints.contains(&format!("--serve {url}=PATH")), "{hints}");

    options.serve = vec![(url.to_owned(), Some(base.path().to_owned()))];
    let trial = try_repository(&options).unwrap();
    assert!(trial.passed(), "{}", Print::default().trial(&trial));
}

#[test]
fn a_url_that_ends_in_the_repositorys_name_leads_to_it() {
    let dir = folder(&[]);
    let repository = dir.path().join("fleet");
    fs::create_dir_all(repository.join("clusters/beta")).unwrap();
    fs::write(repository.join("clusters/beta/source.yaml"), source("https://example.test/org/fleet.git"))
        .unwrap();
    let trial = try_repository(&TrialOptions::new(&repository)).unwrap();
    assert!(trial.passed(), "{}", Print::default().trial(&trial));
}

/// A repository with these files in one commit on `master`.
fn repository(files: &[(&str, &str)]) -> (TempDir, git2::Repository) {
    let dir = folder(files);
    let mut options = git2::RepositoryInitOptions::new();
    let git = git2::Repository::init_opts(dir.path(), options.initial_head("master")).unwrap();
    let mut index = git.index().unwrap();
    index.add_all(["*"], git2::IndexAddOption::DEFAULT, None).unwrap();
    index.write().unwrap();
    let by = git2::Signature::new("A", "a@example.test", &git2::Time::new(1_767_225_600, 0)).unwrap();
    let tree = index.write_tree().unwrap();
    git.commit(Some("HEAD"), &by, &by, "One", &git.find_tree(tree).unwrap(), &[]).unwrap();
    (dir, git)
}

#[rstest]
#[case::https("https://example.test/org/fleet")]
#[case::file("file:///srv/git/fleet.git")]
#[case::git("git://example.test/org/fleet")]
#[case::path("/srv/git/fleet.git")]
fn a_repository_is_played_whatever_its_origin_is(#[case] origin: &str) {
    let (dir, git) = repository(&[("clusters/beta/config.yaml", CONFIG)]);
    git.remote("origin", origin).unwrap();
    let trial = try_repository(&TrialOptions::new(dir.path())).unwrap();
    assert!(trial.passed(), "{}", Print::default().trial(&trial));
}

#[test]
fn a_repository_without_remotes_is_taken_for_the_one_that_its_clusters_name() {
    let followed = source("https://example.test/org/fleet").replace("main", "master");
    let kustomization = "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\n\
        metadata: {name: app, namespace: flux-system}\n\
        spec: {interval: 1m, prune: true, path: ./app, sourceRef: {kind: GitRepository, name: other}}\n";
    let (dir, git) = repository(&[
        ("clusters/beta/source.yaml", &followed),
        ("clusters/beta/app.yaml", kustomization),
        ("app/config.yaml", CONFIG),
    ]);
    let branch = git.head().unwrap().shorthand().unwrap().to_owned();
    let trial = try_repository(&TrialOptions::new(dir.path())).unwrap();
    assert!(trial.revision.starts_with(&format!("{branch}@")), "{}", trial.revision);
    assert!(trial.notes[0].starts_with("the folder is taken for https://example.test/org/fleet: "));
    if branch == "master" {
        assert!(trial.passed(), "{}", Print::default().trial(&trial));
    }
}

#[test]
fn a_commit_on_no_branch_is_played_as_the_branch_that_is_followed() {
    let followed = source("https://example.test/org/fleet").replace("main", "master");
    let (dir, git) = repository(&[("clusters/beta/source.yaml", &followed)]);
    git.remote("origin", "https://example.test/org/fleet").unwrap();
    git.set_head_detached(git.head().unwrap().target().unwrap()).unwrap();
    git.find_branch("master", git2::BranchType::Local).unwrap().delete().unwrap();
    let trial = try_repository(&TrialOptions::new(dir.path())).unwrap();
    assert!(trial.passed(), "{}", Print::default().trial(&trial));
    assert!(trial.revision.starts_with("master@"), "{}", trial.revision);
    assert_eq!(trial.notes, ["HEAD is on no branch: its commit is played as master"]);
}

#[test]
fn an_artifact_that_is_not_served_is_named_with_its_flag() {
    let url = "oci://ghcr.io/me/app";
    let oci = format!(
        "apiVersion: source.toolkit.fluxcd.io/v1\nkind: OCIRepository\nmetadata: {{name: app, namespace: flux-system}}\n\
         spec: {{interval: 1m, url: '{url}', ref: {{tag: '1.0'}}}}\n---\n\
         apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {{name: app, namespace: flux-system}}\n\
         spec: {{interval: 1m, prune: true, path: ./, sourceRef: {{kind: OCIRepository, name: app}}}}\n"
    );
    let dir = folder(&[("clusters/beta/oci.yaml", &oci)]);
    let app = folder(&[("config.yaml", CONFIG)]);
    let mut options = TrialOptions::new(dir.path());
    let trial = try_repository(&options).unwrap();
    assert!(!trial.passed());
    let hints = trial.clusters[0].hints.join("\n");
    assert!(hints.contains(&format!("add --serve {url}[:TAG]=FOLDER")), "{hints}");

    options.serve = vec![(format!("{url}:1.0"), Some(app.path().to_owned()))];
    let trial = try_repository(&options).unwrap();
    let text = Print { all: true, ..Print::default() }.trial(&trial);
    assert!(trial.passed() && text.contains("default/hello"), "{text}");
}

#[test]
fn keys_of_a_cluster_that_is_left_out_are_refused() {
    let dir = folder(&[("clusters/a/config.yaml", CONFIG), ("clusters/b/config.yaml", CONFIG)]);
    let mut options = TrialOptions::new(dir.path());
    options.clusters = vec!["a".to_owned()];
    options.sealing_keys.insert("b".to_owned(), KeyBackup::default());
    let error = try_repository(&options).unwrap_err().to_string();
    assert_eq!(error, "give sealing keys to the cluster b: it is not among those that are played");
}

#[rstest]
#[case::no_folder("nowhere", "failed to read")]
#[case::no_clusters(
    "repo-no-clusters",
    "a cluster is a folder clusters/<name> with YAML in it, and there is none"
)]
fn what_cannot_be_tried_is_refused(#[case] fixture: &str, #[case] says: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/invalid").join(fixture);
    let error = try_repository(&TrialOptions::new(path)).unwrap_err();
    let text = format!("failed to {error}");
    assert!(text.contains(says), "{text}");
}

#[test]
fn a_version_of_another_release_is_named() {
    let hint = other_release(
        "OCIRepository/a/b dry-run failed: no matches for kind \"OCIRepository\" in version \
         \"source.toolkit.fluxcd.io/v1beta2\"",
    );
    assert!(hint.unwrap().contains("--flux 2.2.3"));
    assert_eq!(other_release("no matches for kind \"Foo\" in version \"example.com/v1\""), None);
}

#[test]
fn kinds_that_are_not_supported_are_named_before_and_behind_what_waits_for_them() {
    let waiting = "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\n\
         metadata: {name: apps, namespace: flux-system}\n\
         spec: {interval: 1m, prune: true, path: ./apps, dependsOn: [{name: charts}],\n\
         \x20 sourceRef: {kind: GitRepository, name: flux-system}}\n---\n\
         apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\n\
         metadata: {name: charts, namespace: flux-system}\n\
         spec: {interval: 1m, prune: true, wait: true, path: ./charts,\n\
         \x20 sourceRef: {kind: GitRepository, name: flux-system}}\n";
    let chart = |version: &str| {
        format!(
            "apiVersion: source.toolkit.fluxcd.io/{version}\nkind: HelmRepository\n\
             metadata: {{name: chart, namespace: flux-system}}\n\
             spec: {{interval: 1m, url: 'https://example.test/charts'}}\n"
        )
    };
    let release = "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\n\
         metadata: {name: app, namespace: flux-system}\nspec: {interval: 1m}\n";
    for (flux, version) in [(FluxRelease::V2_9, "v1"), (FluxRelease::V2_2_3, "v1beta2")] {
        let dir = folder(&[
            ("clusters/beta/waiting.yaml", waiting),
            ("charts/chart.yaml", &chart(version)),
            ("apps/release.yaml", release),
        ]);
        let options = TrialOptions { flux, ..TrialOptions::new(dir.path()) };
        let trial = try_repository(&options).unwrap();
        let text = Print::default().trial(&trial);
        for line in [
            "HelmRepository/flux-system/chart: NotSupported: Seatrial does not support HelmRepository yet",
            "Kustomization/flux-system/apps would apply HelmRelease ×1; not supported yet: HelmRelease",
        ] {
            assert!(text.contains(line), "{flux}: {text}");
        }
    }
}
