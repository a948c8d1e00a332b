//! Sealed secrets in a run: what no artifact shows, what a repository's check finds, how fast keys are renewed.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a test fails by panicking"
)]

mod support;

use seatrial_harness::report::{Human, Outcome, Paint, json, junit, timings};
use seatrial_harness::run::{RunOptions, run_scenarios};
use seatrial_harness::sealed::{Finding, Opener, Openers, Verdict, check_repository};
use seatrial_seal::secret::seal;
use seatrial_seal::{Certificate, PrivateKey, Scope, Validity};
use serde_json::json as value;
use support::{copy, root};

/// The repository of the scenarios, with a value sealed for `key` in this scope.
struct Repository {
    folder: tempfile::TempDir,
    key: PrivateKey,
}

impl Repository {
    fn new(scope: Scope) -> Repository {
        let folder = tempfile::tempdir().unwrap();
        copy(&root().join("scenarios/secrets/repo"), folder.path());
        let manifest = root().join("fixtures/sealed-secrets/controller.yaml");
        std::fs::copy(manifest, folder.path().join("infrastructure/controller.yaml")).unwrap();
        let key = PrivateKey::generate(2048).unwrap();
        let secret = value!({
            "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "sealed-secret", "namespace": "default"},
            "stringData": {"test": "bar"},
        });
        let sealed = seal(&secret, key.public(), scope).unwrap();
        std::fs::write(folder.path().join("applications/web/sealed-secret.yaml"), sealed.to_string())
            .unwrap();
        Repository { folder, key }
    }

    fn edit(&self, file: &str, find: &str, with: &str) {
        let path = self.folder.path().join(file);
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains(find), "{file}");
        std::fs::write(path, text.replace(find, with)).unwrap();
    }

    fn certificate(&self) -> Opener {
        let validity =
            Validity { from: jiff::Timestamp::UNIX_EPOCH, lasts: std::time::Duration::from_secs(1) };
        Opener::Certificate(Certificate::self_signed(&self.key, validity, "", [1; 16]).unwrap())
    }

    fn keys(&self) -> Opener {
        let pem = self.key.to_pem().unwrap();
        Opener::Keys([PrivateKey::from_pem(pem.as_bytes()).unwrap()].into_iter().collect())
    }

    fn check(&self, opener: &Opener) -> Vec<Finding> {
        let openers = Openers { others: Some(opener.clone()), ..Openers::default() };
        check_repository(self.folder.path(), &[], &openers).unwrap()
    }
}

fn only(findings: &[Finding], verdict: Verdict) -> Vec<&str> {
    let of = findings.iter().filter(|finding| finding.verdict == verdict);
    of.map(|finding| finding.message.as_str()).collect()
}

#[test]
fn what_is_sealed_for_its_namespace_opens_under_the_name_with_the_hash() {
    let repository = Repository::new(Scope::NamespaceWide);
    let findings = repository.check(&repository.keys());
    assert_eq!(only(&findings, Verdict::Opens), ["1 of 1 values open"], "{findings:?}");
    assert!(findings[0].object.starts_with("SealedSecret/default/sealed-secret-"), "{findings:?}");
    let findings = repository.check(&repository.certificate());
    let message = "the scope is namespace-wide; whether it opens takes the private keys to say";
    assert_eq!(only(&findings, Verdict::Plausible), [message], "{findings:?}");
}

#[test]
fn what_is_sealed_for_its_name_does_not_follow_the_hash() {
    let repository = Repository::new(Scope::Strict);
    for opener in [repository.keys(), repository.certificate()] {
        let findings = repository.check(&opener);
        let [message] = only(&findings, Verdict::Broken)[..] else { panic!("{findings:?}") };
        assert!(
            message.contains("applications/web/sealed-secret.yaml has it as default/sealed-secret, the rendered output calls it default/sealed-secret-"),
            "{message}"
        );
        assert!(message.ends_with("seal it namespace-wide or cluster-wide"), "{message}");
    }
}

#[test]
fn a_generator_with_another_name_is_found() {
    let repository = Repository::new(Scope::Strict);
    repository.edit("applications/web/kustomization.yaml", "- name: sealed-secret", "- name: sample-secret");
    let findings = repository.check(&repository.keys());
    // Nothing is renamed then, so that the value opens; what the generator is for does not come about.
    assert_eq!(only(&findings, Verdict::Opens), ["1 of 1 values open"], "{findings:?}");
    let [message] = only(&findings, Verdict::Broken)[..] else { panic!("{findings:?}") };
    assert!(message.starts_with("the secretGenerator \"sample-secret\" is over the file of"), "{message}");
}

#[test]
fn another_namespace_and_another_key_are_found() {
    let repository = Repository::new(Scope::NamespaceWide);
    repository.edit("applications/web/kustomization.yaml", "namespace: default", "namespace: web");
    for opener in [repository.keys(), repository.certificate()] {
        let findings = repository.check(&opener);
        let [message] = only(&findings, Verdict::Broken)[..] else { panic!("{findings:?}") };
        assert!(message.ends_with("seal it cluster-wide"), "{message}");
    }
    let (mine, other) = (Repository::new(Scope::ClusterWide), Repository::new(Scope::ClusterWide));
    assert_eq!(only(&mine.check(&other.keys()), Verdict::Broken), ["no key could decrypt secret (test)"]);
    let large = PrivateKey::generate(3072).unwrap();
    let validity = Validity { from: jiff::Timestamp::UNIX_EPOCH, lasts: std::time::Duration::from_secs(1) };
    let large = Certificate::self_signed(&large, validity, "", [1; 16]).unwrap();
    // A controller may have a former key of another size.
    let message = "\"test\" is sealed for another key, of 2048 bits (the certificate's has 3072): whether the controller has it, too, \
                   takes the private keys to say";
    assert_eq!(only(&mine.check(&Opener::Certificate(large)), Verdict::Unknown), [message]);
}

/// A cluster that gets the folder `app`: what is found out about it, with a key and with its certificate alone.
fn app(kustomization: &str, sealed: impl Fn(&PrivateKey) -> String, post_build: &str) -> [Vec<Finding>; 2] {
    let repository = Repository::new(Scope::Strict);
    std::fs::remove_dir_all(repository.folder.path()).unwrap();
    let applied = format!(
        "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {{name: app, namespace: flux-system}}\n\
         spec:\n  interval: 1m\n  prune: true\n  path: ./app\n  sourceRef: {{kind: GitRepository, name: flux-system}}\n{post_build}"
    );
    let deployment = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web, namespace: default}\n";
    for (file, text) in [
        ("clusters/beta/app.yaml", applied.as_str()),
        ("app/kustomization.yaml", kustomization),
        ("app/deployment.yaml", deployment),
        ("app/sealed.yaml", &sealed(&repository.key)),
    ] {
        let path = repository.folder.path().join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    [repository.keys(), repository.certificate()].map(|opener| repository.check(&opener))
}

/// A value that is sealed strictly for `default/web`.
fn strict(key: &PrivateKey) -> String {
    let metadata = value!({"name": "web", "namespace": "default"});
    let secret =
        value!({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": {"k": "v"}});
    seal(&secret, key.public(), Scope::Strict).unwrap().to_string()
}

#[test]
fn a_changed_place_is_found_in_whatever_order_the_files_stand() {
    for resources in ["[deployment.yaml, sealed.yaml]", "[sealed.yaml, deployment.yaml]"] {
        for change in ["namespace: prod", "namePrefix: a-"] {
            let [keys, certificate] = app(&format!("{change}\nresources: {resources}\n"), strict, "");
            let [message] = only(&keys, Verdict::Broken)[..] else {
                panic!("{change} {resources}: {keys:?}")
            };
            assert!(message.contains("; app/sealed.yaml has it as default/web"), "{resources}: {message}");
            let [message] = only(&certificate, Verdict::Broken)[..] else { panic!("{certificate:?}") };
            assert!(
                message.starts_with("it cannot open: app/sealed.yaml has it as default/web"),
                "{message}"
            );
        }
    }
}

#[test]
fn what_an_api_server_refuses_and_what_has_unknown_variables_does_not_open() {
    let plain = "resources: [sealed.yaml]\n";
    for (find, with, says) in [
        ("encryptedData", "encryptdData", "spec.encryptedData: Required value"),
        (
            "bitnami.com/v1alpha1",
            "bitnami.com/v1",
            "no matches for kind \"SealedSecret\" in version \"bitnami.com/v1\"",
        ),
    ] {
        for findings in app(plain, |key| strict(key).replace(find, with), "") {
            let [message] = only(&findings, Verdict::Broken)[..] else { panic!("{findings:?}") };
            assert!(message.starts_with(says), "{message}");
        }
    }
    let from = "  postBuild: {substituteFrom: [{kind: Secret, name: vars}]}\n";
    let named = |key: &PrivateKey| strict(key).replace("\"web\"", "\"${NAME}\"");
    for findings in app(plain, named, from) {
        let [message] = only(&findings, Verdict::Unknown)[..] else { panic!("{findings:?}") };
        assert!(message.starts_with("the variable ${NAME} is not known here"), "{message}");
        assert_eq!(only(&findings, Verdict::Broken), [""; 0], "{findings:?}");
    }
}

#[test]
fn what_is_not_looked_at_is_told() {
    let repository = Repository::new(Scope::NamespaceWide);
    // Another cluster, of whose keys nothing is known, and a kustomization that no cluster builds.
    copy(&repository.folder.path().join("clusters/beta"), &repository.folder.path().join("clusters/gamma"));
    copy(&repository.folder.path().join("applications"), &repository.folder.path().join("unused"));
    repository.edit("unused/web/kustomization.yaml", "- name: sealed-secret", "- name: sample-secret");
    let clusters = [("beta".to_owned(), repository.keys())].into_iter().collect();
    let mut openers = Openers { clusters, others: None };
    let findings = check_repository(repository.folder.path(), &[], &openers).unwrap();
    assert_eq!(only(&findings, Verdict::Opens).len(), 1, "{findings:?}");
    assert_eq!(only(&findings, Verdict::Broken), [""; 0], "{findings:?}");
    let message = "neither a private key nor the certificate of its controller is given";
    assert_eq!(only(&findings, Verdict::Unknown), [message], "{findings:?}");
    openers.clusters.insert("nobody".to_owned(), repository.keys());
    let refused = check_repository(repository.folder.path(), &[], &openers).unwrap_err();
    assert!(refused.to_string().contains("nobody"), "{refused}");
}

/// Plants values, plays a scenario that fails where they are near, and looks for them in all that it leaves.
#[test]
fn planted_values_are_in_no_artifact() {
    let folder = tempfile::tempdir().unwrap();
    copy(&root().join("scenarios/secrets/keys"), &folder.path().join("repo"));
    let manifest = root().join("fixtures/sealed-secrets/controller.yaml");
    std::fs::copy(manifest, folder.path().join("repo/infrastructure/controller.yaml")).unwrap();
    let planted = ["planted-hunter2-value", "planted-other-value", "planted-wanted-value"];
    let scenario = format!(
        r#"apiVersion: seatrial.dev/v1alpha1
kind: Scenario
metadata: {{name: planted}}
spec:
  clusters: {{beta: {{}}}}
  git: {{gitops: {{from: repo}}}}
  steps:
  - bootstrap: {{path: clusters/beta}}
  - seal:
      to: applications/sealed.yaml
      name: planted
      values: {{password: {0}, template: {1}}}
      within: 10m
  - expect: {{within: 15m, secret: {{name: planted, keys: {{password: {{equals: {0}}}, template: {{contains: other}}}}}}}}
  - expect:
      within: 1m
      secret: {{name: planted, keys: {{password: {{equals: {2}}}}}}}
"#,
        planted[0], planted[1], planted[2]
    );
    let file = folder.path().join("planted.yaml");
    std::fs::write(&file, scenario).unwrap();
    let mut screen = Vec::new();
    let options = RunOptions::default();
    let mut human = Human::new(&mut screen, Paint::plain(), true);
    let report = run_scenarios(std::slice::from_ref(&file), &options, &mut human).unwrap();
    human.end(&report, std::time::Duration::ZERO);
    let played = &report.scenarios[0];
    assert_eq!(played.outcome, Outcome::Failed, "{played:?}");
    let failed = played.steps.last().unwrap().failure.as_ref().unwrap();
    assert!(failed.message.contains("\"password\" has another value (<redacted>)"), "{}", failed.message);
    let artifacts = [
        ("the screen", String::from_utf8(screen).unwrap()),
        ("the JSON report", json(&report)),
        ("the JUnit report", junit(&report).unwrap()),
        ("the debug form of the report", format!("{report:?}")),
        ("the wall times", timings(&report)),
    ];
    for (name, text) in artifacts {
        assert!(!text.is_empty(), "{name} is empty");
        for value in planted {
            assert!(!text.contains(value) && !text.contains(&encoded(value)), "{name} shows {value}");
        }
    }
}

/// A value of several lines, substituted into one ConfigMap and written, line by line and as JSON, into another.
#[test]
fn no_line_of_a_planted_value_is_in_any_artifact() {
    let folder = tempfile::tempdir().unwrap();
    copy(&root().join("scenarios/secrets/keys"), &folder.path().join("repo"));
    let manifest = root().join("fixtures/sealed-secrets/controller.yaml");
    std::fs::copy(manifest, folder.path().join("repo/infrastructure/controller.yaml")).unwrap();
    let scenario = r#"apiVersion: seatrial.dev/v1alpha1
kind: Scenario
metadata: {name: planted-lines}
spec:
  clusters: {beta: {}}
  git: {gitops: {from: repo}}
  steps:
  - bootstrap: {path: clusters/beta}
  - seal:
      to: applications/sealed.yaml
      name: planted
      namespace: flux-system
      values: {many: "planted-first= \"hunter\"\n      planted-second\n"}
      within: 10m
  - expect: {within: 15m, secret: {name: planted, namespace: flux-system, keys: {many: {contains: planted-second}}}}
  - commit:
      write:
        clusters/beta/planted.yaml: |
          apiVersion: kustomize.toolkit.fluxcd.io/v1
          kind: Kustomization
          metadata: {name: planted, namespace: flux-system}
          spec:
            interval: 10m
            path: ./planted
            prune: true
            sourceRef: {kind: GitRepository, name: flux-system}
            postBuild: {substituteFrom: [{kind: Secret, name: planted}]}
        planted/config.yaml: |
          apiVersion: v1
          kind: ConfigMap
          metadata: {name: planted, namespace: default}
          data:
            lines: |
              before
              planted-first= "hunter"
                    planted-second
            json: '{"many": "planted-first= \"hunter\"\n      planted-second\n"}'
            substituted: '${many}'
  - expect: {within: 15m, resource: {apiVersion: v1, kind: ConfigMap, metadata: {name: planted, namespace: default}}}
  - expect:
      within: 1m
      resource:
        apiVersion: v1
        kind: ConfigMap
        metadata: {name: planted, namespace: default}
        data: {lines: "else\nlines", json: else, substituted: else}
"#;
    let file = folder.path().join("planted.yaml");
    std::fs::write(&file, scenario).unwrap();
    let mut screen = Vec::new();
    let mut human = Human::new(&mut screen, Paint::plain(), true);
    let report = run_scenarios(std::slice::from_ref(&file), &RunOptions::default(), &mut human).unwrap();
    human.end(&report, std::time::Duration::ZERO);
    let steps = &report.scenarios[0].steps;
    let failed = steps.last().unwrap().failure.as_ref().unwrap();
    assert_eq!(steps.len(), 6, "{failed:?}");
    let diff = &failed.nearest.as_ref().unwrap().diff;
    let shown: Vec<String> =
        diff.iter().map(ToString::to_string).filter(|line| line.contains("<redacted")).collect();
    assert!(shown.len() >= 3, "{diff:#?}");
    let artifacts = [
        ("the screen", String::from_utf8(screen).unwrap()),
        ("the JSON report", json(&report)),
        ("the JUnit report", junit(&report).unwrap()),
        ("the debug form of the report", format!("{report:?}")),
    ];
    for (name, text) in artifacts {
        for part in ["planted-first", "planted-second", "hunter"] {
            assert!(!text.contains(part), "{name} shows {part}: {text}");
        }
    }
}

fn encoded(value: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(value)
}

#[test]
fn the_manifests_bring_the_definition_of_the_kind() {
    let text = std::fs::read(root().join("fixtures/sealed-secrets/controller.yaml")).unwrap();
    let documents = seatrial_yaml::parse(&text, &seatrial_yaml::ParseOptions::default()).unwrap();
    let first = documents[0].root.to_json(seatrial_yaml::Dialect::KubernetesJson).unwrap();
    assert_eq!(first, seatrial_api::sealed::crd());
}
