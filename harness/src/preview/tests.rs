//! Changes to the fixture repository, and what the preview says of them.

use super::*;
use git2::{IndexAddOption, Repository, Signature, Time};
use rstest::rstest;
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// One edit of a file of the repository.
#[derive(Clone, Copy)]
enum Edit<'a> {
    Write(&'a str, &'a str),
    Replace(&'a str, &'a str, &'a str),
    Remove(&'a str),
}
use Edit::{Remove, Replace, Write};

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => copy(&entry.path(), &to),
            false => drop(fs::copy(entry.path(), to).unwrap()),
        }
    }
}

/// The fixture as a Git repository with one commit.
struct Fleet(TempDir);

impl Fleet {
    fn new(edits: &[Edit<'_>]) -> Fleet {
        let fleet = Fleet(tempfile::tempdir().unwrap());
        copy(&root().join("fixtures/monorepo"), &fleet.path());
        let mut options = git2::RepositoryInitOptions::new();
        Repository::init_opts(fleet.path(), options.initial_head("master")).unwrap();
        fleet.edit(edits);
        fleet.commit("The fleet");
        fleet
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("gitops")
    }

    fn edit(&self, edits: &[Edit<'_>]) {
        for edit in edits {
            match edit {
                Write(path, text) => {
                    let path = self.path().join(path);
                    fs::create_dir_all(path.parent().unwrap()).unwrap();
                    fs::write(path, text).unwrap();
                }
                Replace(path, from, to) => {
                    let path = self.path().join(path);
                    let text = fs::read_to_string(&path).unwrap();
                    assert!(text.contains(from), "{from:?} is not in {}", path.display());
                    fs::write(path, text.replace(from, to)).unwrap();
                }
                Remove(path) => {
                    let path = self.path().join(path);
                    match path.is_dir() {
                        true => fs::remove_dir_all(path).unwrap(),
                        false => fs::remove_file(path).unwrap(),
                    }
                }
            }
        }
    }

    fn commit(&self, message: &str) {
        let git = Repository::open(self.path()).unwrap();
        let mut index = git.index().unwrap();
        index.add_all(["*"], IndexAddOption::FORCE, None).unwrap();
        index.update_all(["*"], None).unwrap();
        index.write().unwrap();
        let tree = git.find_tree(index.write_tree().unwrap()).unwrap();
        let by = Signature::new("A", "a@example.test", &Time::new(1_767_225_600, 0)).unwrap();
        let parent = git.head().and_then(|head| head.peel_to_commit()).ok();
        git.commit(Some("HEAD"), &by, &by, message, &tree, &parent.iter().collect::<Vec<_>>()).unwrap();
    }

    fn preview(&self, clusters: &[&str]) -> Preview {
        let clusters = clusters.iter().map(|name| (*name).to_owned()).collect();
        preview(&PreviewOptions { clusters, ..PreviewOptions::new(self.path()) }).unwrap()
    }
}

/// What is said of the clusters, without the lines on the order.
fn told(preview: &Preview) -> Vec<String> {
    let text = Text::default().preview(preview);
    let is_order = |line: &&str| {
        line.starts_with("  reconciles in") || line.trim_start().starts_with(|c: char| c.is_ascii_digit())
    };
    let lines = text.lines().skip_while(|line| !line.is_empty()).filter(|line| !is_order(line));
    lines.filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

const LIST: &str = "config/beta/kustomization.yaml";
const DEBUG: &str = "- ../../applications/devops/debug/overlays/beta\n";
const APPS: &str = "clusters/beta/applications.yaml";
const ROOT: &str = "clusters/beta/kustomization.yaml";
const PLAIN: &str =
    "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: plain, namespace: default}\ndata: {a: b}\n";
const KEPT: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: plain\n  namespace: default\n\
     \x20 annotations: {kustomize.toolkit.fluxcd.io/prune: disabled}\n";
const DEFINITION: &str = "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\n\
     metadata: {name: widgets.example.com}\nspec:\n  group: example.com\n  scope: Namespaced\n\
     \x20 names: {kind: Widget, plural: widgets}\n  versions:\n  - name: v1\n    served: true\n    storage: true\n\
     \x20   schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}\n";
const WIDGET: &str =
    "apiVersion: example.com/v1\nkind: Widget\nmetadata: {name: w, namespace: default}\nspec: {size: 1}\n";
const TENANT: &str = "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\n\
     metadata: {name: tenant, namespace: flux-system}\n\
     spec:\n  interval: 1m\n  prune: true\n  path: ./tenant\n\
     \x20 sourceRef: {kind: GitRepository, name: applications}\n";
const WITH_TENANT: [Edit<'_>; 3] = [
    Write("clusters/beta/tenant.yaml", TENANT),
    Replace(ROOT, "- applications.yaml\n", "- applications.yaml\n- tenant.yaml\n"),
    Write("tenant/plain.yaml", PLAIN),
];
const WITHOUT_TENANT: [Edit<'_>; 2] =
    [Remove("clusters/beta/tenant.yaml"), Replace(ROOT, "- tenant.yaml\n", "")];

#[rstest]
#[case::nothing(&[], &[Write("README.md", "Hello\n")], &["beta: nothing changes"])]
#[case::a_service_taken_from_the_list(&[], &[Replace(LIST, DEBUG, "")], &["beta: 2 pruned", "  - service devops/debug is switched off (config/beta)", "  - Deployment/default/debug (Kustomization flux-system/applications)", "  - ConfigMap/default/env-debug-d4d25h98bk (Kustomization flux-system/applications)", "    and with them Pod ×2, ReplicaSet ×1"])]
#[case::a_service_put_on_the_list(&[Replace(LIST, DEBUG, "")], &[Replace(LIST, "resources:\n", "resources:\n- ../../applications/devops/debug/overlays/beta\n")], &["beta: 2 added", "  + service devops/debug is switched on (config/beta)", "  + ConfigMap/default/env-debug-d4d25h98bk (Kustomization flux-system/applications)", "  + Deployment/default/debug (Kustomization flux-system/applications)"])]
#[case::an_overlay(&[], &[Write("applications/devops/debug/overlays/beta/env", "LOG_LEVEL=info\n")], &["beta: 2 changed", "  ~ ConfigMap/default/env-debug-mg977d2dfh, was env-debug-d4d25h98bk (Kustomization flux-system/applications)", "       data:", "      -  ENVIRONMENT: beta", "      -  LOG_LEVEL: debug", "      +  LOG_LEVEL: info", "  ~ Deployment/default/debug (Kustomization flux-system/applications)", "       spec:", "         template:", "           spec:", "             containers:", "             - command:", "               envFrom:", "               - configMapRef:", "      -            name: env-debug-d4d25h98bk", "      +            name: env-debug-mg977d2dfh", "               name: debug"])]
#[case::a_kustomization_that_goes(&[], &[Remove(APPS), Replace(ROOT, "- applications.yaml\n", "")], &["beta: 7 pruned", "  - Kustomization/flux-system/applications (Kustomization flux-system/flux-system)", "    - Pod/default/dnsutils", "    - Deployment/default/debug", "    - Deployment/default/benjamintoll", "    - Service/default/benjamintoll", "    - ConfigMap/default/env-debug-d4d25h98bk", "    - ConfigMap/default/env-benjamintoll-7mcf7b24db", "    and with them EndpointSlice ×1, Pod ×7, ReplicaSet ×2"])]
#[case::broken_yaml(&[], &[Replace(LIST, "resources:\n", "resources: [\n")], &["beta: 1 new problem", "  ✗ Kustomization/flux-system/applications does not build: error converting YAML to JSON: yaml: line 5: \"-\" is only valid inside a block", "      at config/beta/kustomization.yaml"])]
#[case::broken_yaml_at_the_root(&[], &[Write(APPS, "a: [\n")], &["beta: 1 new problem", "  ✗ Kustomization/flux-system/flux-system does not build: kustomize build failed: accumulating resources: accumulating resources from 'applications.yaml': MalformedYAMLError: yaml: line 1: did not find expected node content in File: applications.yaml", "      at clusters/beta/applications.yaml:2:1"])]
#[case::a_file_that_is_not_there(&[], &[Replace(LIST, "overlays/beta\n", "overlays/betta\n")], &["beta: 1 new problem", "  ✗ Kustomization/flux-system/applications does not build: kustomize build failed: accumulating resources: accumulation err='accumulating resources from '../../applications/devops/debug/overlays/betta': open config/beta/../../applications/devops/debug/overlays/betta: no such file or directory': must build at directory: not a valid directory: evalsymlink failure on 'applications/devops/debug/overlays/betta' : lstat applications/devops/debug/overlays/betta: no such file or directory", "      accumulating resources: accumulation err='accumulating resources from '../../applications/devops/dnsutils/overlays/betta': open config/beta/../../applications/devops/dnsutils/overlays/betta: no such file or directory': must build at directory: not a valid directory: evalsymlink failure on 'applications/devops/dnsutils/overlays/betta' : lstat applications/devops/dnsutils/overlays/betta: no such file or directory", "      accumulating resources: accumulation err='accumulating resources from '../../applications/web/benjamintoll/overlays/betta': open config/beta/../../applications/web/benjamintoll/overlays/betta: no such file or directory': must build at directory: not a valid directory: evalsymlink failure on 'applications/web/benjamintoll/overlays/betta' : lstat applications/web/benjamintoll/overlays/betta: no such file or directory"])]
#[case::a_cycle(&[], &[Replace("clusters/beta/infrastructure.yaml", "spec:\n", "spec:\n  dependsOn: [{name: applications}]\n")], &["beta: 2 new problems, 1 changed", "  ✗ Kustomization/flux-system/applications dependency cycle: dependency cycle detected: flux-system/applications -> flux-system/infrastructure-controllers -> flux-system/applications", "  ✗ Kustomization/flux-system/infrastructure-controllers dependency cycle: dependency cycle detected: flux-system/infrastructure-controllers -> flux-system/applications -> flux-system/infrastructure-controllers", "  ~ Kustomization/flux-system/infrastructure-controllers (Kustomization flux-system/flux-system)", "       spec:", "      +  dependsOn:", "      +  - name: applications"])]
#[case::on_itself(&[], &[Replace(APPS, "- name: infrastructure-controllers", "- name: applications")], &["beta: 1 new problem, 1 changed", "  ✗ Kustomization/flux-system/applications depends on itself: dependency cycle detected: flux-system/applications -> flux-system/applications", "  ~ Kustomization/flux-system/applications (Kustomization flux-system/flux-system)", "       spec:", "         dependsOn:", "      -  - name: infrastructure-controllers", "      +  - name: applications"])]
#[case::on_nothing(&[], &[Replace(APPS, "- name: infrastructure-controllers", "- name: infra")], &["beta: 1 new problem, 1 changed", "  ✗ Kustomization/flux-system/applications dependency does not exist: dependency 'flux-system/infra' not found: kustomizations.kustomize.toolkit.fluxcd.io \"infra\" not found", "  ~ Kustomization/flux-system/applications (Kustomization flux-system/flux-system)", "       spec:", "         dependsOn:", "      -  - name: infrastructure-controllers", "      +  - name: infra"])]
#[case::no_source(&[], &[Replace(APPS, "    name: applications", "    name: apps")], &["beta: 1 new problem, 1 changed", "  ✗ Kustomization/flux-system/applications source does not exist: GitRepository.source.toolkit.fluxcd.io \"apps\" not found", "  ~ Kustomization/flux-system/applications (Kustomization flux-system/flux-system)", "       spec:", "         sourceRef:", "      -    name: applications", "      +    name: apps"])]
#[case::no_path(&[], &[Replace(APPS, "./config/beta", "./config/betta")], &["beta: 1 new problem, 1 changed", "  ✗ Kustomization/flux-system/applications path does not exist: kustomization path not found: stat /config/betta: no such file or directory", "  ~ Kustomization/flux-system/applications (Kustomization flux-system/flux-system)", "       spec:", "      -  path: ./config/beta", "      +  path: ./config/betta"])]
#[case::no_substitutes(&[], &[Replace(APPS, "  prune: true\n", "  prune: true\n  postBuild: {substituteFrom: [{kind: ConfigMap, name: vars}]}\n")], &["beta: 1 new problem, 1 changed", "  ✗ Kustomization/flux-system/applications substitution source does not exist: post build failed for 'ConfigMap.v1.[noGrp]/env-benjamintoll-7mcf7b24db': substitute from 'ConfigMap/vars' error: configmaps \"vars\" not found", "  ~ Kustomization/flux-system/applications (Kustomization flux-system/flux-system)", "       spec:", "      +  postBuild:", "      +    substituteFrom:", "      +    - kind: ConfigMap", "      +      name: vars"])]
#[case::refused(&[], &[Replace(LIST, "resources:\n", "resources:\n- plain.yaml\n"), Write("config/beta/plain.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: plain}\ndata: [a]\n")], &["beta: 1 new problem", "  ✗ Kustomization/flux-system/applications cannot be applied: ConfigMap/default/plain dry-run failed: failed to create typed patch object (default/plain; /v1, Kind=ConfigMap): .data: expected map, got &{[a]}"])]
#[case::prune_disabled(&[WITH_TENANT[0], WITH_TENANT[1], Write("tenant/plain.yaml", KEPT)], &[Write("tenant/other.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: other, namespace: default}\n"), Remove("tenant/plain.yaml")], &["beta: 1 added, 1 left behind", "  + ConfigMap/default/other (Kustomization flux-system/tenant)", "  ! ConfigMap/default/plain stays, and nobody manages it any more: kustomize.toolkit.fluxcd.io/prune: disabled"])]
#[case::a_secret_with_another_value(
    &[Replace(LIST, "resources:\n", "secretGenerator: [{name: token, literals: [key=one-planted]}]\nresources:\n")],
    &[Replace(LIST, "one-planted", "two-planted")],
    &["beta: 1 changed", "  ~ Secret/default/token-6tcdd8dg79, was token-g55mb56cgb (Kustomization flux-system/applications)", "       data:", "      -  key: <redacted 1>", "      +  key: <redacted 2>"])]
#[case::another_namespace(&[], &[Replace(APPS, "targetNamespace: default", "targetNamespace: kyverno")], &["beta: 6 added, 1 changed, 6 pruned", "  + ConfigMap/kyverno/env-benjamintoll-7mcf7b24db (Kustomization flux-system/applications)", "  + ConfigMap/kyverno/env-debug-d4d25h98bk (Kustomization flux-system/applications)", "  + Deployment/kyverno/benjamintoll (Kustomization flux-system/applications)", "  + Deployment/kyverno/debug (Kustomization flux-system/applications)", "  + Pod/kyverno/dnsutils (Kustomization flux-system/applications)", "  + Service/kyverno/benjamintoll (Kustomization flux-system/applications)", "  ~ Kustomization/flux-system/applications (Kustomization flux-system/flux-system)", "       spec:", "      -  targetNamespace: default", "      +  targetNamespace: kyverno", "  - Deployment/default/debug (Kustomization flux-system/applications)", "  - Deployment/default/benjamintoll (Kustomization flux-system/applications)", "  - Service/default/benjamintoll (Kustomization flux-system/applications)", "  - ConfigMap/default/env-debug-d4d25h98bk (Kustomization flux-system/applications)", "  - ConfigMap/default/env-benjamintoll-7mcf7b24db (Kustomization flux-system/applications)", "  - Pod/default/dnsutils (Kustomization flux-system/applications)", "    and with them EndpointSlice ×1, Pod ×7, ReplicaSet ×2"])]
#[case::a_definition_and_an_object_of_it(&WITH_TENANT, &[Write("tenant/crd.yaml", DEFINITION), Write("tenant/widget.yaml", WIDGET)], &["beta: 2 added", "  + CustomResourceDefinition/widgets.example.com (Kustomization flux-system/tenant)", "  + Widget/default/w (Kustomization flux-system/tenant)"])]
#[case::orphans(
    &[WITH_TENANT[0], WITH_TENANT[1], WITH_TENANT[2], Replace("clusters/beta/tenant.yaml", "prune: true", "prune: true\n  deletionPolicy: Orphan")],
    &WITHOUT_TENANT, &["beta: 1 pruned, 1 left behind", "  - Kustomization/flux-system/tenant (Kustomization flux-system/flux-system)", "  ! ConfigMap/default/plain stays, and nobody manages it any more: Kustomization/flux-system/tenant had deletionPolicy: Orphan"])]
#[case::applied_by_two(&WITH_TENANT, &[Replace(LIST, "resources:\n", "resources:\n- plain.yaml\n"), Write("config/beta/plain.yaml", PLAIN)], &["beta: 1 new problem", "  ✗ ConfigMap/default/plain applied by two: Kustomization/flux-system/applications and Kustomization/flux-system/tenant apply it"])]
#[case::moved(&WITH_TENANT, &[WITHOUT_TENANT[0], WITHOUT_TENANT[1], Replace(LIST, "resources:\n", "resources:\n- plain.yaml\n"), Write("config/beta/plain.yaml", PLAIN)], &["beta: 1 changed, 1 pruned", "  ~ ConfigMap/default/plain (Kustomization flux-system/applications)", "      moves here from Kustomization flux-system/tenant", "      is deleted and created again on the way", "  - Kustomization/flux-system/tenant (Kustomization flux-system/flux-system)"])]
fn the_preview_says_what_a_change_does_to_a_cluster(
    #[case] base: &[Edit<'_>],
    #[case] change: &[Edit<'_>],
    #[case] expected: &[&str],
) {
    let fleet = Fleet::new(base);
    fleet.edit(change);
    assert_eq!(steady(&told(&fleet.preview(&["beta"]))), steady(expected));
}

#[test]
fn patches_of_secrets_show_no_value_where_no_secret_is_patched() {
    let fleet = Fleet::new(&[]);
    let patch = "{apiVersion: v1, kind: Secret, metadata: {name: x}, stringData: {y: planted}}";
    let patches = format!("  prune: true\n  patches:\n  - target: {{kind: Secret}}\n    patch: '{patch}'\n");
    fleet.edit(&[Replace(APPS, "  prune: true\n", &patches)]);
    let told = told(&fleet.preview(&["beta"])).join("\n");
    assert!(told.contains("<redacted") && !told.contains("planted"), "{told}");
}

/// Without what each change of the engine can change: in which order objects go, and whether a ReplicaSet makes one more pod
/// before it goes.
fn steady<T: AsRef<str>>(lines: &[T]) -> Vec<String> {
    let counts = |line: &str| match line.trim_start().starts_with("and with them") {
        true => line.chars().filter(|c| !c.is_ascii_digit()).collect(),
        false => line.to_owned(),
    };
    let mut lines: Vec<String> = lines.iter().map(|line| counts(line.as_ref())).collect();
    lines.sort();
    lines
}

/// The change that `docs/preview.md` shows.
fn documented() -> Fleet {
    let fleet = Fleet::new(&[]);
    fleet.edit(&[
        Replace(LIST, "- ../../applications/devops/dnsutils/overlays/beta\n", ""),
        Replace("applications/devops/debug/base/deployment.yaml", "btoll/debug:1.0.0", "btoll/debug:1.1.0"),
        Replace(
            "clusters/production/applications.yaml",
            "- name: infrastructure-controllers",
            "- name: infra",
        ),
    ]);
    fleet
}

/// The examples in the docs are what the command prints. With `SEATRIAL_UPDATE_DOCS=1` they are written anew.
#[test]
fn the_documented_examples_are_what_is_printed() {
    let fleet = documented();
    let (all, beta) = (fleet.preview(&[]), fleet.preview(&["beta"]));
    let text = Text::default().preview(&all);
    let examples = [
        ("text", "```", text.clone()),
        ("markdown", "````markdown", markdown(&all, false)),
        ("json", "```json", json(&beta).unwrap()),
    ];
    let path = root().join("docs/preview.md");
    let docs = fs::read_to_string(&path).unwrap();
    let mut wanted = docs.clone();
    for (name, fence, example) in examples {
        let (before, rest) = wanted.split_once(&format!("<!-- {name} -->\n")).unwrap();
        let (_, after) = rest.split_once("<!-- end -->").unwrap();
        let close = fence.trim_end_matches(char::is_alphabetic);
        wanted = format!("{before}<!-- {name} -->\n{fence}\n{example}{close}\n<!-- end -->{after}");
    }
    if std::env::var_os("SEATRIAL_UPDATE_DOCS").is_some() {
        fs::write(path, &wanted).unwrap();
        return;
    }
    assert!(docs == wanted, "docs/preview.md is not what is printed: SEATRIAL_UPDATE_DOCS=1 writes it anew");
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let shown = text.split("\n\n").find(|paragraph| paragraph.starts_with("beta: ")).unwrap();
    assert!(readme.contains(shown), "README.md shows something else than {shown}");
}

#[test]
fn a_base_that_all_overlays_use_changes_all_clusters_and_an_overlay_one() {
    let fleet = Fleet::new(&[]);
    fleet.edit(&[Replace(
        "applications/devops/debug/base/deployment.yaml",
        "btoll/debug:1.0.0",
        "btoll/debug:2",
    )]);
    let preview = fleet.preview(&[]);
    for cluster in &preview.clusters {
        let [changed] = cluster.changed.as_slice() else { panic!("{}: {:?}", cluster.name, cluster.changed) };
        assert_eq!(changed.object.to_string(), "Deployment/default/debug");
        assert_eq!(
            changed.fields,
            [FieldChange {
                path: "spec.template.spec.containers[name=debug].image".to_owned(),
                before: Some("btoll/debug:1.0.0".into()),
                after: Some("btoll/debug:2".into()),
            }]
        );
    }
    fleet.commit("Debug 2");
    fleet.edit(&[Write("applications/devops/debug/overlays/beta/env", "LOG_LEVEL=info\n")]);
    let preview = fleet.preview(&[]);
    let differs: Vec<&str> = preview
        .clusters
        .iter()
        .filter(|cluster| cluster.differs())
        .map(|cluster| cluster.name.as_str())
        .collect();
    assert_eq!(differs, ["beta"]);
}

#[test]
fn kustomizations_reconcile_in_the_order_of_their_dependencies() {
    let fleet = documented();
    let preview = fleet.preview(&["beta"]);
    let order: Vec<(&str, Outcome)> = preview.clusters[0]
        .order
        .iter()
        .map(|step| (step.kustomization.name.as_str(), step.outcome))
        .collect();
    let place = |name: &str| order.iter().position(|(known, _)| *known == name).unwrap();
    assert!(place("infrastructure-controllers") < place("applications"), "{order:?}");
    assert!(order.iter().all(|(_, outcome)| *outcome == Outcome::Applied), "{order:?}");
}

/// A source that stays at a tag, with the files of one that moves among its own, and a Kustomization of each kind of source.
const PINNED: &str = "apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\n\
     metadata: {name: pinned, namespace: flux-system}\nspec:\n  interval: 1m\n  url: https://git.test/pinned\n\
     \x20 include: [{repository: {name: applications}, fromPath: tenant, toPath: in}]\n---\n\
     apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\n\
     metadata: {name: included, namespace: flux-system}\nspec:\n  interval: 1m\n  prune: true\n  path: ./in\n\
     \x20 sourceRef: {kind: GitRepository, name: pinned}\n";

#[rstest]
#[case::a_cycle(&[Replace("clusters/beta/infrastructure.yaml", "spec:\n", "spec:\n  dependsOn: [{name: applications}]\n")], "applications", Outcome::Waiting)]
#[case::no_source(&[Replace(APPS, "    name: applications", "    name: apps")], "applications", Outcome::Waiting)]
#[case::no_path(&[Replace(APPS, "./config/beta", "./config/betta")], "applications", Outcome::Failed)]
fn the_outcome_is_that_after_the_change(
    #[case] change: &[Edit<'_>],
    #[case] name: &str,
    #[case] outcome: Outcome,
) {
    let other = tempfile::tempdir().unwrap();
    fs::write(other.path().join("other.yaml"), PLAIN.replace("plain", "other")).unwrap();
    let fleet = Fleet::new(&[
        Write("clusters/beta/pinned.yaml", PINNED),
        Replace(ROOT, "- applications.yaml\n", "- applications.yaml\n- pinned.yaml\n"),
        Write("tenant/plain.yaml", PLAIN),
    ]);
    fleet.edit(change);
    let preview = preview(&PreviewOptions {
        clusters: vec!["beta".to_owned()],
        serve: vec![("https://git.test/pinned".to_owned(), Some(other.path().to_owned()))],
        ..PreviewOptions::new(fleet.path())
    })
    .unwrap();
    let order = &preview.clusters[0].order;
    let step = order.iter().find(|step| step.kustomization.name == name);
    let step = step.unwrap_or_else(|| panic!("{order:?}"));
    assert_eq!(step.outcome, outcome, "{order:?}");
    assert_eq!(step.applied.is_some(), outcome == Outcome::Applied, "{order:?}");
    assert_eq!(step.began.is_some(), outcome != Outcome::Waiting, "{order:?}");
}

#[test]
fn clusters_can_come_and_go() {
    let fleet = Fleet::new(&[]);
    fleet.edit(&[Write("clusters/gamma/plain.yaml", PLAIN), Remove("clusters/development")]);
    let preview = fleet.preview(&["gamma", "development"]);
    let [development, gamma] = preview.clusters.as_slice() else { panic!("{preview:?}") };
    assert!(!gamma.at_base && gamma.at_head);
    assert_eq!(
        gamma.added.iter().map(|a| a.object.to_string()).collect::<Vec<_>>(),
        ["ConfigMap/default/plain"]
    );
    assert!(development.at_base && !development.at_head);
    // Flux prunes nothing where it finds no path.
    assert!(development.pruned.is_empty(), "{:?}", development.pruned);
    assert_eq!(development.problems[0].problem, ProblemKind::PathMissing);
    assert!(preview.breaks());
}

#[test]
fn the_same_inputs_give_the_same_bytes() {
    let fleet = documented();
    let (a, b) = (fleet.preview(&[]), fleet.preview(&[]));
    assert_eq!(json(&a).unwrap(), json(&b).unwrap());
    assert_eq!(markdown(&a, true), markdown(&b, true));
}
