//! Changes to the fixture repository, and what `lint` finds then.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a test fails by panicking"
)]

mod support;

use rstest::rstest;
use seatrial_harness::lint::{Finding, Lint, LintOptions, Rule, Text, lint};
use seatrial_seal::secret::seal;
use seatrial_seal::{PrivateKey, Scope};
use serde_json::json;
use std::fs;
use std::path::PathBuf;
use support::Edit::{self, Remove, Replace, Write};
use support::{copy, edit, root};
use tempfile::TempDir;

/// A copy of a repository, in a folder called gitops.
struct Fleet(TempDir);

impl Fleet {
    fn of(fixture: &str, edits: &[Edit<'_>]) -> Fleet {
        let fleet = Fleet(tempfile::tempdir().unwrap());
        copy(&root().join(fixture), &fleet.path());
        edit(&fleet.path(), edits);
        fleet
    }

    fn new(edits: &[Edit<'_>]) -> Fleet {
        Fleet::of("fixtures/monorepo", edits)
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("gitops")
    }

    fn lint(&self) -> Lint {
        lint(&LintOptions::new([self.path()])).unwrap()
    }

    /// What is printed, with paths in the repository.
    fn text(&self, lint: &Lint) -> String {
        Text::default().lint(lint).replace(&format!("{}/", self.path().display()), "")
    }
}

/// Each finding on a line: place, severity, rule, clusters, message, and what to do.
fn lines(fleet: &Fleet, lint: &Lint) -> Vec<String> {
    let prefix = format!("{}/", fleet.path().display());
    let line = |finding: &Finding| {
        let place = finding.place.clone().unwrap_or_default();
        let number = |number: Option<u32>| number.map(|n| format!(":{n}")).unwrap_or_default();
        let help = if finding.help.is_empty() { String::new() } else { format!(" ({})", finding.help) };
        format!(
            "{}{}{} {}[{}] {}: {}{help}",
            place.file.replace(&prefix, ""),
            number(place.line),
            number(place.column),
            finding.severity,
            finding.rule,
            finding.clusters.join("+"),
            finding.message
        )
    };
    lint.findings.iter().map(line).collect()
}

const LIST: &str = "config/beta/kustomization.yaml";
const DEBUG: &str = "- ../../applications/devops/debug/overlays/beta\n";
const APPS: &str = "clusters/beta/applications.yaml";
const SOURCE: &str = "clusters/beta/source.yaml";
const ROOT: &str = "clusters/beta/kustomization.yaml";
const MORE: Edit<'_> = Replace(ROOT, "- applications.yaml\n", "- applications.yaml\n- more.yaml\n");

const PLAIN: &str =
    "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: plain, namespace: default}\ndata: {a: b}\n";
const OTHER: &str =
    "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: plain, namespace: default}\ndata: {a: c}\n";
const KEPT: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: plain\n  namespace: default\n\
     \x20 annotations: {kustomize.toolkit.fluxcd.io/ssa: IfNotPresent}\ndata: {a: c}\n";
const MORE_OF: &str = "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: more, namespace: flux-system}\nspec:\n\
     \x20 interval: 1m\n  prune: true\n  sourceRef: {kind: GitRepository, name: applications}\n  path: ./more\n";
const SUSPENDED: &str = "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: more, namespace: flux-system}\nspec:\n\
     \x20 interval: 1m\n  prune: true\n  sourceRef: {kind: GitRepository, name: applications}\n  path: ./more\n  suspend: true\n";
const PART: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: part}\ndata:\n\
     \x20 image: btoll/debug:1.0.0 # {\"$imagepolicy\": \"flux-system:debug\"}\n";
/// `aaa` has a source that `zzz` brings, whose variables a cluster alone has.
const LATE: &str = "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: aaa, namespace: flux-system}\n\
     spec: {interval: 1m, prune: true, path: ./late, sourceRef: {kind: GitRepository, name: late}}\n---\n\
     apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: zzz, namespace: flux-system}\n\
     spec: {interval: 1m, prune: true, path: ./more, sourceRef: {kind: GitRepository, name: applications},\n\
     \x20 postBuild: {substituteFrom: [{kind: Secret, name: vars}]}}\n";
const MORE_DEPENDS: &str = "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: more, namespace: flux-system}\n\
     spec:\n  interval: 1m\n  prune: true\n  sourceRef: {kind: GitRepository, name: applications}\n  path: ./more\n\
     \x20 dependsOn:\n  - name: applications\n";
const ELSEWHERE: &str = "apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata: {name: elsewhere, namespace: flux-system}\n\
     spec: {interval: 1m, url: 'https://example.test/org/else'}\n---\n\
     apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: more, namespace: flux-system}\n\
     spec: {interval: 1m, prune: true, sourceRef: {kind: GitRepository, name: elsewhere}}\n";
/// `inner` is built at a path that a ConfigMap of the repository gives.
const KNOWN: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: vars, namespace: flux-system}\ndata: {env: nowhere}\n---\n\
     apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: more, namespace: flux-system}\n\
     spec: {interval: 1m, prune: true, path: ./more, sourceRef: {kind: GitRepository, name: applications},\n\
     \x20 postBuild: {substituteFrom: [{kind: ConfigMap, name: vars}]}}\n";
/// As `KNOWN`, with a Secret that a cluster alone has.
const OPEN: &str = "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: more, namespace: flux-system}\n\
     spec: {interval: 1m, prune: true, path: ./more, sourceRef: {kind: GitRepository, name: applications},\n\
     \x20 postBuild: {substituteFrom: [{kind: Secret, name: vars}]}}\n";
const INNER: &str = "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: inner, namespace: flux-system}\n\
     spec: {interval: '${interval:=1m}', prune: true, path: './${env}', sourceRef: {kind: GitRepository, name: applications}}\n";
const SECRETS: &str = "apiVersion: v1\nkind: Secret\nmetadata: {name: a, namespace: b}\nstringData:\n  p: planted\n---\n\
     apiVersion: v1\nkind: Secret\nmetadata: {name: empty}\n---\n\
     apiVersion: v1\nkind: Secret\nmetadata: {name: variable}\nstringData: {p: '${P}'}\n---\n\
     apiVersion: v1\nkind: Secret\nmetadata: {name: closed}\ndata: {p: 'ENC[AES256_GCM,x]'}\nsops: {mac: x}\n---\n\
     apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: Secret\n  metadata: {name: inner}\n  data: {p: cGxhbnRlZA==}\n";
const GENERATOR: &str = "secretGenerator:\n- name: g\n  literals:\n  - password=planted\n  - empty=\n  envs: [x.env, y.env]\n\
     \x20 files:\n  - k=key\n";
const PATCHES: &str = "patches:\n- patch: |\n    apiVersion: v1\n    kind: Secret\n    metadata: {name: merged}\n    data: {p: cGxhbnRlZA==}\n\
     - patch: '[{op: add, path: /data, value: {p: cGxhbnRlZA==}}]'\n  target: {kind: Secret}\n\
     - path: json.yaml\n  target: {kind: Secret}\n\
     - path: secret.yaml\n  target: {kind: Secret}\n\
     - patch: '[{op: add, path: /data/p, value: x}]'\n  target: {kind: ConfigMap}\n\
     - patch: '[{op: remove, path: /data/p}, {op: add, path: /metadata/labels/a, value: b}, {op: add, path: /data/p, value: \"${P}\"}]'\n  target: {kind: Secret}\n\
     - patch: |\n    apiVersion: v1\n    kind: Secret\n    metadata: {name: gone}\n    $patch: delete\n\
     patchesStrategicMerge:\n- secret.yaml\n- |\n  apiVersion: v1\n  kind: Secret\n  metadata: {name: old}\n  stringData: {p: planted}\n";
const IMAGES: &str = include_str!("../../scenarios/images/one-environment-only/images.yaml");
const DEPLOYMENT: &str = "applications/devops/debug/base/deployment.yaml";
const MARKED: Edit<'_> = Replace(
    DEPLOYMENT,
    "image: btoll/debug:1.0.0",
    "image: btoll/debug:1.0.0 # {\"$imagepolicy\": \"flux-system:debug\"}",
);
const CRD: &str = "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\n\
     metadata: {name: kustomizations.kustomize.toolkit.fluxcd.io}\nspec:\n  group: kustomize.toolkit.fluxcd.io\n\
     \x20 names: {kind: Kustomization, plural: kustomizations}\n  scope: Namespaced\n  versions:\n  - name: v1beta2\n    served: true\n\
     \x20   schema: {openAPIV3Schema: {type: object, properties: {spec: {type: object, x-kubernetes-preserve-unknown-fields: true}}}}\n";

#[rstest]
#[case::nothing(&[], &[])]
#[case::a_dependency_by_another_name(
    &[Replace(APPS, "- name: infrastructure-controllers", "- name: infrastructure-controler")],
    &["clusters/beta/applications.yaml:9:5 error[missing-dependency] beta: Kustomization/flux-system/applications depends on Kustomization/flux-system/infrastructure-controler, which the cluster does not get (did you mean infrastructure-controllers?)"]
)]
#[case::a_dependency_in_another_namespace(
    &[Replace(APPS, "- name: infrastructure-controllers", "- name: infrastructure-controllers\n    namespace: apps")],
    &["clusters/beta/applications.yaml:9:5 error[missing-dependency] beta: Kustomization/flux-system/applications depends on Kustomization/apps/infrastructure-controllers, which the cluster does not get (there is one in flux-system: write its namespace)"]
)]
#[case::a_dependency_on_itself(
    &[Replace(APPS, "- name: infrastructure-controllers", "- name: applications")],
    &["clusters/beta/applications.yaml:9:5 error[dependency-cycle] beta: Kustomization/flux-system/applications depends on itself: it never begins (take one of them out of dependsOn)"]
)]
#[case::a_circle(
    &[MORE, Write("clusters/beta/more.yaml", MORE_DEPENDS), Write("more/a.yaml", PLAIN), Replace(APPS, "- name: infrastructure-controllers", "- name: infrastructure-controllers\n  - name: more")],
    &["clusters/beta/applications.yaml:10:5 error[dependency-cycle] beta: Kustomization/flux-system/applications waits for itself: Kustomization/flux-system/applications -> Kustomization/flux-system/more -> Kustomization/flux-system/applications (take one of them out of dependsOn)"]
)]
#[case::a_path_that_is_not_there(
    &[Replace(APPS, "./config/beta", "./config/betta")],
    &["clusters/beta/applications.yaml:11:3 error[missing-path] beta: Kustomization/flux-system/applications builds config/betta, which is not in its source: no such file or directory (did you mean config/beta?)"]
)]
#[case::a_path_that_is_left_out(
    &[Write(".sourceignore", "/config/beta\n")],
    &["clusters/beta/applications.yaml:11:3 error[missing-path] beta: Kustomization/flux-system/applications builds config/beta, which the source leaves out (.sourceignore, or spec.ignore)"]
)]
#[case::a_base_that_is_not_there(
    &[Replace("applications/devops/debug/overlays/beta/kustomization.yaml", "../../base", "../../bass")],
    &["applications/devops/debug/overlays/beta/kustomization.yaml:5:3 error[build] beta: Kustomization/flux-system/applications does not build: accumulating resources: accumulation err='accumulating resources from '../../applications/devops/debug/overlays/beta': read…"]
)]
#[case::a_list_with_another_name(
    &[Replace(LIST, "debug/overlays/beta\n", "debugg/overlays/beta\n")],
    &[
        "config/beta/kustomization.yaml warning[unlisted-service] : devops/debug has an overlay for beta, and is not listed: it is not deployed there (`seatrial services add --env beta devops/debug` adds it)",
        "config/beta/kustomization.yaml:6:3 error[build] beta: Kustomization/flux-system/applications does not build: accumulating resources: accumulation err='accumulating resources from '../../applications/devops/debugg/overlays/beta': open…",
        "config/beta/kustomization.yaml:6:3 error[missing-service] : devops/debugg is listed, but applications/devops/debugg/overlays/beta is missing (did you mean devops/debug?)",
    ]
)]
#[case::broken_yaml(
    &[Replace(LIST, "resources:\n", "resources: [\n")],
    &["config/beta/kustomization.yaml error[build] beta: Kustomization/flux-system/applications does not build: error converting YAML to JSON: yaml: line 5: \"-\" is only valid inside a block"]
)]
#[case::a_source_by_another_name(
    &[Replace(APPS, "name: applications\n  targetNamespace", "name: aplications\n  targetNamespace")],
    &["clusters/beta/applications.yaml:16:5 error[missing-source] beta: Kustomization/flux-system/applications refers to GitRepository/flux-system/aplications, which the cluster does not get (did you mean applications?)"]
)]
#[case::a_source_in_another_namespace(
    &[Replace(APPS, "    name: applications\n  targetNamespace", "    name: applications\n    namespace: apps\n  targetNamespace")],
    &["clusters/beta/applications.yaml:16:5 error[missing-source] beta: Kustomization/flux-system/applications refers to GitRepository/apps/applications, which the cluster does not get (there is one in flux-system: write its namespace)"]
)]
#[case::what_is_missing_may_come_from_elsewhere(
    &[MORE, Write("clusters/beta/more.yaml", ELSEWHERE), Replace(APPS, "- name: infrastructure-controllers", "- name: infrastructure-controler")],
    &["clusters/beta/applications.yaml:9:5 warning[missing-dependency] beta: Kustomization/flux-system/applications depends on Kustomization/flux-system/infrastructure-controler, which the cluster does not get (did you mean infrastructure-controllers?)"]
)]
#[case::fields_of_flux_kinds(
    &[Replace(APPS, "  wait: true", "  wait: yes please\n  timeut: 1m"), Replace(SOURCE, "  interval: 1m0s\n", "")],
    &[
        "clusters/beta/applications.yaml:19:3 error[flux-fields] beta: Kustomization/flux-system/applications: spec.wait: Invalid value: \"string\": spec.wait in body must be of type boolean: \"string\"",
        "clusters/beta/applications.yaml:20:3 error[flux-fields] beta: Kustomization/flux-system/applications: there is no field spec.timeut (did you mean timeout?)",
        "clusters/beta/source.yaml:6:1 error[flux-fields] beta: GitRepository/flux-system/applications: spec.interval: Required value",
    ]
)]
#[case::versions_of_flux_kinds(
    &[Replace(APPS, "kustomize.toolkit.fluxcd.io/v1", "kustomize.toolkit.fluxcd.io/v1beta2")],
    &["clusters/beta/applications.yaml:1:1 error[flux-version] beta: Kustomization/flux-system/applications: Flux 2.9 does not serve kustomize.toolkit.fluxcd.io/v1beta2 (write kustomize.toolkit.fluxcd.io/v1; Flux 2.2.3 has it: --flux 2.2.3 says that it is what runs there)"]
)]
#[case::definitions_of_the_cluster_win(
    &[
        Write("clusters/beta/flux-system/gotk-components.yaml", CRD),
        Replace(APPS, "kustomize.toolkit.fluxcd.io/v1", "kustomize.toolkit.fluxcd.io/v1beta2"),
    ],
    &["clusters/beta/infrastructure.yaml:1:1 error[flux-version] beta: Kustomization/flux-system/infrastructure-controllers: the cluster's own Flux does not serve kustomize.toolkit.fluxcd.io/v1 (write kustomize.toolkit.fluxcd.io/v1beta2)"]
)]
#[case::one_object_twice(
    &[MORE, Write("clusters/beta/more.yaml", MORE_OF), Write("more/a.yaml", PLAIN), Write("clusters/beta/plain.yaml", PLAIN), Replace(ROOT, "- source.yaml", "- plain.yaml\n- source.yaml")],
    &["more/a.yaml:3:12 warning[duplicate-object] beta: ConfigMap/default/plain is applied by Kustomization/flux-system/flux-system and Kustomization/flux-system/more: each takes it from the other, and what one lets go may be pruned (leave it to one of them: it stands in clusters/beta/plain.yaml and more/a.yaml)"]
)]
#[case::one_object_twice_and_otherwise(
    &[MORE, Write("clusters/beta/more.yaml", MORE_OF), Write("more/a.yaml", PLAIN), Write("clusters/beta/plain.yaml", OTHER), Replace(ROOT, "- source.yaml", "- plain.yaml\n- source.yaml")],
    &["more/a.yaml:3:12 error[duplicate-object] beta: ConfigMap/default/plain is applied by Kustomization/flux-system/flux-system and Kustomization/flux-system/more, each time otherwise: they overwrite each other (leave it to one of them: it stands in clusters/beta/plain.yaml and more/a.yaml)"]
)]
#[case::one_object_twice_and_one_is_suspended(
    &[MORE, Write("clusters/beta/more.yaml", SUSPENDED), Write("more/a.yaml", PLAIN), Write("clusters/beta/plain.yaml", OTHER), Replace(ROOT, "- applications.yaml\n", "- applications.yaml\n- plain.yaml\n")],
    &[]
)]
#[case::a_path_that_is_not_there_of_what_is_suspended(
    &[MORE, Write("clusters/beta/more.yaml", SUSPENDED)],
    &["clusters/beta/more.yaml:8:3 warning[missing-path] beta: Kustomization/flux-system/more builds more, which is not in its source…"]
)]
#[case::one_object_twice_as_it_is_meant(
    &[MORE, Write("clusters/beta/more.yaml", MORE_OF), Write("more/a.yaml", PLAIN), Write("clusters/beta/plain.yaml", KEPT), Replace(ROOT, "- source.yaml", "- plain.yaml\n- source.yaml")],
    &[]
)]
#[case::a_pattern(
    &[Replace(LIST, DEBUG, "- ../../applications/devops/*/overlays/beta\n")],
    &[
        "config/beta/kustomization.yaml:6:3 error[build] beta: Kustomization/flux-system/applications does not build: accumulating resources: accumulation err='accumulating resources from '../../applications/devops/*/overlays/beta': open…",
        "config/beta/kustomization.yaml:6:3 error[list-pattern] : the entry ../../applications/devops/*/overlays/beta is a pattern (name each service: `seatrial services sync --env beta` adds those that are missing)",
    ]
)]
#[case::a_service_that_is_not_listed(
    &[Replace(LIST, DEBUG, "")],
    &["config/beta/kustomization.yaml warning[unlisted-service] : devops/debug has an overlay for beta, and is not listed: it is not deployed there (`seatrial services add --env beta devops/debug` adds it)"]
)]
#[case::a_service_that_is_gone(
    &[Remove("applications/devops/debug/overlays/beta")],
    &[
        "config/beta/kustomization.yaml:6:3 error[build] beta: Kustomization/flux-system/applications does not build: accumulating resources: accumulation err='accumulating resources from '../../applications/devops/debug/overlays/beta': open…",
        "config/beta/kustomization.yaml:6:3 error[missing-service] : devops/debug is listed, but applications/devops/debug/overlays/beta is missing (`seatrial services remove --env beta devops/debug` takes it off the list)",
    ]
)]
#[case::an_automation_in_a_shared_base(
    &[Write("clusters/beta/more.yaml", IMAGES), MORE, MARKED],
    &["clusters/beta/more.yaml:47:5 error[isolation] beta: ImageUpdateAutomation/flux-system/beta changes applications/devops/debug/base/deployment.yaml, which development and production build from, too (put the marker into a file that beta alone builds from (its overlay), and narrow spec.update.path to it)"]
)]
#[case::an_automation_that_selects_other_policies(
    &[Write("clusters/beta/more.yaml", IMAGES), MORE, MARKED, Replace("clusters/beta/more.yaml", "  update:\n", "  policySelector: {matchLabels: {a: b}}\n  update:\n")],
    &[]
)]
#[case::an_automation_in_a_component(
    &[
        Write("clusters/beta/more.yaml", IMAGES),
        MORE,
        Write("applications/devops/debug/part/kustomization.yaml", "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nresources: [part.yaml]\n"),
        Write("applications/devops/debug/part/part.yaml", PART),
        Replace("clusters/production/applications.yaml", "  prune: true\n", "  prune: true\n  components: [../../applications/devops/debug/part]\n"),
    ],
    &["clusters/beta/more.yaml:47:5 error[isolation] beta: ImageUpdateAutomation/flux-system/beta changes applications/devops/debug/part/part.yaml, which production builds from, too…"]
)]
#[case::an_automation_in_an_overlay(
    &[
        Write("clusters/beta/more.yaml", IMAGES),
        MORE,
        Write("applications/devops/debug/overlays/beta/image.yaml", "a: btoll/debug:1.0.0 # {\"$imagepolicy\": \"flux-system:debug\"}\n"),
    ],
    &[]
)]
#[case::markers_of_nobody(
    &[
        Write("clusters/beta/more.yaml", IMAGES),
        MORE,
        Write("a/b.yaml", "a: x # {\"$imagepolicy\": \"flux-system:debgu\"}\nb: x # {\"$imagepolicy\": \"flux-system:debug:tags\"}\n"),
        Write("a/c.yaml", "{{ if }}\na: b: # {\"$imagepolicy\": \"flux-system:debug\"}\n"),
        Write("applications/devops/debug/c.yaml", "{{ if }}\na: b: # {\"$imagepolicy\": \"flux-system:debug\"}\n"),
    ],
    &[
        "a/b.yaml:1 error[image-marker] : no ImagePolicy flux-system:debgu is on any cluster: what is marked never changes (did you mean flux-system:debug?)",
        "a/b.yaml:2 error[image-marker] : the marker of flux-system:debug names the part \"tags\", which there is not (name, tag, digest, or none for the whole image)",
        "a/c.yaml:2 warning[image-marker] : a file with a marker is no YAML, which fails every update of its folder: did not find expected <document start>",
        "applications/devops/debug/c.yaml:2 error[image-marker] : a file with a marker is no YAML, which fails every update of its folder: did not find expected <document start>",
    ]
)]
#[case::a_web_site_for_a_registry(
    &[Write("clusters/beta/more.yaml", IMAGES), MORE, Replace("clusters/beta/more.yaml", "image: btoll/debug", "image: hub.docker.com/btoll/debug")],
    &["clusters/beta/more.yaml:8:3 warning[image-host] beta: ImageRepository/flux-system/debug names hub.docker.com/btoll/debug: hub.docker.com is the web site of Docker Hub, and no registry (write btoll/debug or docker.io/btoll/debug)"]
)]
#[case::variables_that_the_repository_has(
    &[MORE, Write("clusters/beta/more.yaml", KNOWN), Write("more/a.yaml", INNER)],
    &["more/a.yaml:4:50 error[missing-path] beta: Kustomization/flux-system/inner builds nowhere, which is not in its source: no such file or directory"]
)]
#[case::variables_that_a_cluster_has(&[MORE, Write("clusters/beta/more.yaml", OPEN), Write("more/a.yaml", INNER)], &[])]
#[case::secrets_in_plain_text(
    &[Write("a/s.yaml", SECRETS), Write("a/kustomization.yaml", GENERATOR), Write("a/x.env", "A=planted\n"), Write("a/y.env", "A=ENC[AES256_GCM,x]\nsops_version=3\n"), Write("a/key", "planted")],
    &[
        "a/kustomization.yaml:4:5 warning[plain-secret] : the secretGenerator \"g\" makes a Secret of a literal, which is in Git in plain text…",
        "a/kustomization.yaml:6:10 warning[plain-secret] : the secretGenerator \"g\" makes a Secret of a/x.env, which is in Git in plain text…",
        "a/kustomization.yaml:8:5 warning[plain-secret] : the secretGenerator \"g\" makes a Secret of a/key, which is in Git in plain text…",
        "a/s.yaml:4:1 warning[plain-secret] : the Secret b/a is in Git in plain text…",
        "a/s.yaml:28:3 warning[plain-secret] : the Secret inner is in Git in plain text…",
    ]
)]
#[case::a_file_of_variables_in_the_old_form(
    &[Write("a/kustomization.yaml", "secretGenerator:\n- name: g\n  env: x.env\n- name: h\n  env: y.env\n"), Write("a/x.env", "A=planted\n"), Write("a/y.env", "A=ENC[AES256_GCM,x]\nsops_version=3\n")],
    &["a/kustomization.yaml:3:3 warning[plain-secret] : the secretGenerator \"g\" makes a Secret of a/x.env, which is in Git in plain text…"]
)]
#[case::secrets_in_patches(
    &[Write("a/kustomization.yaml", PATCHES), Write("a/json.yaml", "- {op: add, path: /stringData/p, value: planted}\n"), Write("a/secret.yaml", "apiVersion: v1\nkind: Secret\nmetadata: {name: file}\nstringData: {p: planted}\n")],
    &[
        "a/kustomization.yaml:2:3 warning[plain-secret] : a patch of the Secret merged has a value that is in Git in plain text…",
        "a/kustomization.yaml:7:3 warning[plain-secret] : a patch of a Secret has a value that is in Git in plain text…",
        "a/kustomization.yaml:9:3 warning[plain-secret] : the patch a/json.yaml of a Secret has a value that is in Git in plain text…",
        "a/kustomization.yaml:25:3 warning[plain-secret] : a patch of the Secret old has a value that is in Git in plain text…",
        "a/secret.yaml:4:1 warning[plain-secret] : the Secret file is in Git in plain text…",
    ]
)]
#[case::secrets_in_patches_of_a_kustomization(
    &[Replace(APPS, "spec:\n", "spec:\n  patches:\n  - target: {kind: Secret, name: x}\n    patch: |\n      - {op: replace, path: /data/p, value: cGxhbnRlZA==}\n")],
    &["clusters/beta/applications.yaml:9:5 warning[plain-secret] : a patch of a Secret has a value that is in Git in plain text…"]
)]
fn what_is_wrong_is_found(#[case] edits: &[Edit<'_>], #[case] expected: &[&str]) {
    let fleet = Fleet::new(edits);
    let lint = fleet.lint();
    compare(&lines(&fleet, &lint), expected, &lint);
}

const BOTH: &str = "resources: []\npatches:\n- path: x.yaml\n  patch: |\n    kind: Secret\n    stringData: {p: hunter2, q: it's planted}\n";
const PATCHED: &str = "resources: [../../applications/devops/debug/overlays/beta]\npatches:\n- patch: |\n    kind: Secret\n\
     \x20   stringData:\n      p: hunter2\n       q: [\"<planted\"]\n";

#[rstest]
#[case::a_literal_without_a_key(
    "secretGenerator:\n- name: g\n  literals: [password=hunter2, planted, k=pw, abc]\n",
    "literal sources [password=<redacted> <redacted> k=<redacted> <redacted>]: invalid literal source <redacted>, expected key=value"
)]
#[case::a_short_literal(
    "secretGenerator:\n- name: g\n  literals: [abc]\n",
    "invalid literal source <redacted>, expected key=value"
)]
#[case::a_patch_that_is_none(PATCHED, "unable to parse SM or JSON patch from [patch: \"<redacted 1>\"]")]
#[case::a_patch_and_its_path(BOTH, "patch and path can't be set at the same time")]
#[case::a_json_patch(
    "resources: []\npatches:\n- patch: '[{op: add, path: /stringData/p, value: hunter2}]'\n",
    "unable to parse SM or JSON patch from [patch: \"<redacted 1>\"]"
)]
#[case::a_quoted_literal(
    "secretGenerator:\n- name: g\n  literals: ['p=\"hunter2\"', '=planted']\n",
    "literal sources [p=<redacted> <redacted>]"
)]
#[case::an_environment_file_that_is_not_there(
    "secretGenerator:\n- name: hunter2\n  literals: [p=hunter2]\n  envs: [gone.env]\n",
    "gone.env"
)]
fn messages_of_kustomize_show_no_value(#[case] list: &str, #[case] says: &str) {
    let fleet = Fleet::new(&[Write(LIST, list)]);
    let lint = fleet.lint();
    let text = fleet.text(&lint);
    assert!(text.contains(says), "{text}");
    for value in ["hunter2", "planted", "abc", "k=pw"] {
        assert!(!text.contains(value), "{value}: {text}");
    }
}

#[test]
fn who_waits_for_a_source_is_given_up_after_who_waits_for_variables() {
    let source = fs::read_to_string(root().join("fixtures/monorepo").join(SOURCE)).unwrap();
    let source = source.replace("name: applications", "name: late");
    let fleet = Fleet::new(&[
        MORE,
        Write("clusters/beta/more.yaml", LATE),
        Write("more/source.yaml", &source),
        Write("late/a.yaml", PLAIN),
    ]);
    let lint = fleet.lint();
    let notes = lint.notes.join("\n");
    assert!(notes.contains("the variables of Kustomization/flux-system/zzz are not known"), "{notes}");
    assert!(!notes.contains("aaa"), "{notes}");
}

/// Compares lines; one that is expected with `…` at its end goes on.
fn compare(found: &[String], expected: &[&str], lint: &Lint) {
    let same = |(found, expected): (&String, &&str)| match expected.strip_suffix('…') {
        Some(start) => found.starts_with(start),
        None => found == expected,
    };
    let all = found.len() == expected.len() && found.iter().zip(expected).all(same);
    assert!(all, "{found:#?}\n{expected:#?}\n{:#?}", lint.notes);
}

#[test]
fn what_is_not_looked_at_is_told() {
    for (file, says) in [
        (
            ELSEWHERE,
            "beta: Kustomization/flux-system/more is not looked at: its source elsewhere is another repository: https://example.test/org/else",
        ),
        (
            OPEN,
            "beta: the variables of Kustomization/flux-system/more are not known: what has ${…} in it is not looked at",
        ),
        (
            OPEN,
            "beta: Kustomization/flux-system/inner is not looked at: it has variables that only a cluster knows",
        ),
    ] {
        let fleet = Fleet::new(&[MORE, Write("clusters/beta/more.yaml", file), Write("more/a.yaml", INNER)]);
        let lint = fleet.lint();
        assert!(lint.notes.iter().any(|note| note == says), "{says}: {:#?}", lint.notes);
    }
}

/// What is sealed, and the rules about it.
fn sealed(scope: Scope, edits: &[Edit<'_>]) -> Vec<String> {
    let key = PrivateKey::generate(2048).unwrap();
    let secret = json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "sealed-secret", "namespace": "default"},
        "stringData": {"test": "bar"},
    });
    let sealed = seal(&secret, key.public(), scope).unwrap().to_string();
    let controller = fs::read_to_string(root().join("fixtures/sealed-secrets/controller.yaml")).unwrap();
    let fleet = Fleet::of(
        "scenarios/secrets/repo",
        &[
            Write("applications/web/sealed-secret.yaml", &sealed),
            Write("infrastructure/controller.yaml", &controller),
        ],
    );
    edit(&fleet.path(), edits);
    let lint = fleet.lint();
    lines(&fleet, &lint)
}

const WEB: &str = "applications/web/kustomization.yaml";

#[rstest]
#[case::as_it_should_be(Scope::NamespaceWide, &[], &[])]
#[case::a_name_that_its_scope_does_not_allow(
    Scope::Strict,
    &[],
    &["applications/web/sealed-secret.yaml:1:", "error[sealed-name] beta: SealedSecret/default/sealed-secret-", "seal it namespace-wide or cluster-wide"]
)]
#[case::a_generator_with_another_name(
    Scope::NamespaceWide,
    &[Replace(WEB, "- name: sealed-secret", "- name: sample-secret")],
    &["applications/web/kustomization.yaml:14:3 error[sealed-generator-name] beta: the secretGenerator \"sample-secret\" is over the file of"]
)]
#[case::no_name_reference(
    Scope::NamespaceWide,
    &[Replace(WEB, "configurations:\n- name-reference.yaml\n", "")],
    &["applications/web/kustomization.yaml:12:3 error[sealed-name-reference] beta: the SealedSecret \"sealed-secret\" keeps its name"]
)]
#[case::output_that_is_not_local(
    Scope::NamespaceWide,
    &[Replace(WEB, "  options:\n    annotations:\n      config.kubernetes.io/local-config: \"true\"\n", "")],
    &["applications/web/kustomization.yaml:14:3 error[sealed-generator-output] beta: the secretGenerator \"sealed-secret\" makes a Secret of the file"]
)]
fn sealed_secrets_that_kustomize_breaks_are_found(
    #[case] scope: Scope,
    #[case] edits: &[Edit<'_>],
    #[case] expected: &[&str],
) {
    let found = sealed(scope, edits);
    assert_eq!(found.is_empty(), expected.is_empty(), "{found:#?}");
    assert!(expected.iter().all(|part| found[0].contains(part)), "{found:#?}");
    assert!(found.len() <= 1, "{found:#?}");
}

/// The same values in several files: the file that is rendered counts.
#[test]
fn a_copy_of_a_sealed_secret_hides_nothing_and_blames_nobody() {
    let key = PrivateKey::generate(2048).unwrap();
    let secret = json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "sealed-secret", "namespace": "default"},
        "stringData": {"test": "bar"},
    });
    for scope in [Scope::Strict, Scope::NamespaceWide] {
        let sealed = seal(&secret, key.public(), scope).unwrap();
        let mut renamed = sealed.clone();
        renamed["metadata"] = json!({"name": "other", "namespace": "elsewhere", "annotations": sealed["metadata"]["annotations"]});
        let (sealed, renamed) = (sealed.to_string(), renamed.to_string());
        let controller = fs::read_to_string(root().join("fixtures/sealed-secrets/controller.yaml")).unwrap();
        let fleet = Fleet::of(
            "scenarios/secrets/repo",
            &[
                Write("a/renamed.yaml", &renamed),
                Write("applications/web/sealed-secret.yaml", &sealed),
                Write("infrastructure/controller.yaml", &controller),
                Write("z/copy.yaml", &sealed),
                Write("z/renamed.yaml", &renamed),
            ],
        );
        let found = lines(&fleet, &fleet.lint());
        match scope {
            Scope::Strict => {
                assert_eq!(found.len(), 1, "{found:#?}");
                let want = "applications/web/sealed-secret.yaml has it as default/sealed-secret";
                assert!(found[0].starts_with("applications/web/sealed-secret.yaml:1:"), "{found:#?}");
                assert!(found[0].contains(want), "{found:#?}");
            }
            _ => assert_eq!(found, Vec::<String>::new()),
        }
    }
}

/// A repository whose clusters follow another branch than the one that is checked out, with something that is not committed.
#[test]
fn the_working_tree_of_a_branch_is_looked_at() {
    let fleet = Fleet::new(&[]);
    let git = git2::Repository::init(fleet.path()).unwrap();
    let mut index = git.index().unwrap();
    index.add_all(["*"], git2::IndexAddOption::FORCE, None).unwrap();
    let tree = git.find_tree(index.write_tree().unwrap()).unwrap();
    let by = git2::Signature::now("A", "a@example.test").unwrap();
    git.commit(Some("refs/heads/feature"), &by, &by, "First", &tree, &[]).unwrap();
    git.set_head("refs/heads/feature").unwrap();
    index.write().unwrap();
    assert_eq!(fleet.lint().findings, []);
    edit(&fleet.path(), &[Replace(APPS, "./config/beta", "./config/betta")]);
    let lint = fleet.lint();
    let [found] = &lines(&fleet, &lint)[..] else { panic!("{lint:?}") };
    assert!(found.starts_with("clusters/beta/applications.yaml:11:3 error[missing-path] beta"), "{found}");
}

/// The rules and the example in the docs are what there is. With `SEATRIAL_UPDATE_DOCS=1` the example is written anew.
#[test]
fn the_docs_have_every_rule_and_show_what_is_printed() {
    let path = root().join("docs/lint.md");
    let docs = fs::read_to_string(&path).unwrap();
    for rule in Rule::ALL {
        let row = docs.lines().find(|line| line.starts_with(&format!("| `{rule}` | ")));
        assert!(row.is_some_and(|row| row.ends_with(&format!(" | {} |", rule.about()))), "{rule}: {row:?}");
    }
    let fleet = Fleet::new(&[
        Replace(APPS, "- name: infrastructure-controllers", "- name: infra"),
        Replace(LIST, "debug/overlays/beta\n", "debugg/overlays/beta\n"),
        Write(
            "applications/web/benjamintoll/overlays/production/secret.yaml",
            "apiVersion: v1\nkind: Secret\nmetadata:\n  name: site\nstringData:\n  password: hunter2\n",
        ),
        Write("clusters/beta/more.yaml", IMAGES),
        MORE,
        MARKED,
    ]);
    let text = fleet.text(&fleet.lint());
    let (before, rest) = docs.split_once("<!-- text -->\n").unwrap();
    let (_, after) = rest.split_once("<!-- end -->").unwrap();
    let wanted = format!("{before}<!-- text -->\n```\n{text}```\n<!-- end -->{after}");
    if std::env::var_os("SEATRIAL_UPDATE_DOCS").is_some() {
        fs::write(path, &wanted).unwrap();
        return;
    }
    assert!(docs == wanted, "docs/lint.md is not what is printed: SEATRIAL_UPDATE_DOCS=1 writes it anew");
}
