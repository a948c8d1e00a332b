//! Sources on a simulated cluster, in virtual time.

#![allow(clippy::unwrap_used, clippy::panic, reason = "this is a test")]

mod support;

use seatrial_api::FluxRelease::V2_9;
use serde_json::{Value, json};
use support::*;

#[test]
fn a_branch_becomes_an_artifact_and_is_followed() {
    play(V2_9, |mut world, _| async move {
        world.write("apps/one.yaml", &cm_file("one", "1")).write("logo.png", "not a manifest");
        let revision = world.commit("Start\n\nwith a body");
        world.source().await;
        let source = world.until(SOURCE, 10, |s| ready(s)["status"] == "True").await;
        assert_eq!(source["status"]["artifact"]["revision"], revision);
        assert_eq!(ready(&source)["reason"], "Succeeded");
        assert_eq!(ready(&source)["message"], format!("stored artifact for revision '{revision}'"));
        assert_eq!(condition(&source, "ArtifactInStorage")["status"], "True");
        assert_eq!(source["status"]["observedGeneration"], 1);
        assert_eq!(world.events("fleet").await, ["NewArtifact: stored artifact for commit 'Start'"]);
        let digest = source["status"]["artifact"]["digest"].clone();
        world.write("logo.png", "another");
        let revision = world.commit("A picture");
        let source = world.until(SOURCE, 70, |s| s["status"]["artifact"]["revision"] == revision).await;
        assert_eq!(source["status"]["artifact"]["digest"], digest);
    });
}

#[test]
fn failures_have_fluxs_words() {
    for (spec, reason, message) in [
        (
            json!({ "ref": { "branch": "nope" } }),
            "GitOperationFailed",
            "failed to checkout and determine revision: unable to clone 'https://git.test/fleet': \
             couldn't find remote ref \"refs/heads/nope\"",
        ),
        (
            json!({ "ref": { "semver": ">=9" } }),
            "GitOperationFailed",
            "failed to checkout and determine revision: no match found for semver: >=9",
        ),
        (
            json!({ "url": "https://elsewhere.test/x" }),
            "GitOperationFailed",
            "failed to checkout and determine revision: unable to clone 'https://elsewhere.test/x': the URL is not \
             served (serve it with --serve https://elsewhere.test/x=PATH)",
        ),
        (
            json!({ "secretRef": { "name": "gone" } }),
            "AuthenticationFailed",
            "failed to get secret 'flux-system/gone': secrets \"gone\" not found",
        ),
        (
            json!({ "serviceAccountName": "x" }),
            "NotSupported",
            "Seatrial does not support spec.serviceAccountName of a GitRepository yet",
        ),
        (
            json!({ "proxySecretRef": { "name": "gone" } }),
            "AuthenticationFailed",
            "failed to get secret 'flux-system/gone': secrets \"gone\" not found",
        ),
    ] {
        play(V2_9, |mut world, _| async move {
            world.write("one.yaml", "");
            world.commit("Start");
            world.source().await;
            world.merge(SOURCE, json!({ "spec": spec })).await;
            let source = world.until(SOURCE, 60, |s| ready(s)["status"] == "False").await;
            assert_eq!(ready(&source)["reason"], reason);
            assert_eq!(ready(&source)["message"], message);
        });
    }
}

#[test]
fn a_tag_in_a_range_is_followed() {
    play(V2_9, |mut world, _| async move {
        world.write("one.yaml", "");
        world.commit("Start");
        world.git.tag("v1.0.0");
        world.git.tag("v1.0.1");
        world.git.tag("v2.0.0");
        world.source().await;
        world.merge(SOURCE, json!({ "spec": { "ref": { "semver": "1.0.x" } } })).await;
        let tagged = |source: &Value, tag: &str| {
            source["status"]["artifact"]["revision"]
                .as_str()
                .is_some_and(|r| r.starts_with(&format!("{tag}@sha1:")))
        };
        world.until(SOURCE, 10, |source| tagged(source, "v1.0.1")).await;
        world.git.tag("v1.0.2");
        world.until(SOURCE, 70, |source| tagged(source, "v1.0.2")).await;
    });
}

#[test]
fn another_repository_can_be_included() {
    play(V2_9, |mut world, _| async move {
        world.write("base/one.yaml", &cm_file("one", "1"));
        world.commit("Start");
        let spec = json!({ "include": [{ "repository": { "name": "fleet" }, "fromPath": "base", "toPath": "vendor" }] });
        let mut both = json!({
            "apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "GitRepository",
            "metadata": { "name": "both", "namespace": "flux-system" },
            "spec": { "interval": "1m", "url": URL, "ref": { "branch": BRANCH } },
        });
        both["spec"]["include"] = spec["include"].clone();
        world.apply(both).await;
        let path = SOURCE.replace("/fleet", "/both");
        let failed = world.until(&path, 10, |source| ready(source)["status"] == "False").await;
        assert_eq!(ready(&failed)["message"], "no artifact available for include 'fleet'");
        world.source().await;
        let source = world.until(&path, 10, |source| ready(source)["status"] == "True").await;
        assert_eq!(source["status"]["includedArtifacts"].as_array().map(Vec::len), Some(1));
    });
}

#[test]
fn an_artifact_is_cut_into_pieces() {
    play(V2_9, |mut world, _| async move {
        world.write("apps/base/one.yaml", &cm_file("one", "1")).write("infra/two.yaml", &cm_file("two", "2"));
        let revision = world.commit("Start");
        world.source().await;
        world
            .apply(json!({
                "apiVersion": "source.extensions.fluxcd.io/v1beta1",
                "kind": "ArtifactGenerator",
                "metadata": { "name": "pieces", "namespace": "flux-system" },
                "spec": {
                    "sources": [{ "alias": "repo", "kind": "GitRepository", "name": "fleet" }],
                    "artifacts": [
                        { "name": "infra", "originRevision": "@repo",
                          "copy": [{ "from": "@repo/infra/**", "to": "@artifact/" }] },
                        { "name": "apps", "originRevision": "@repo",
                          "copy": [{ "from": "@repo/apps/base/**", "to": "@artifact/base/" }] },
                    ],
                },
            }))
            .await;
        let source = json!({ "kind": "ExternalArtifact", "name": "apps" });
        world.kustomization("apps", "./base", json!({ "sourceRef": source })).await;
        let apps = world.until(&ks("apps"), 120, |ks| ready(ks)["status"] == "True").await;
        assert_eq!(apps["status"]["lastAppliedOriginRevision"], revision);
        assert_eq!(world.get(&cm("one")).await["data"]["key"], "1");
        let pieces = "/apis/source.toolkit.fluxcd.io/v1/namespaces/flux-system/externalartifacts";
        let before = world.get(&format!("{pieces}/infra")).await;
        world.write("apps/base/one.yaml", &cm_file("one", "2"));
        world.commit("Change apps");
        world.until(&cm("one"), 120, |one| one["data"]["key"] == "2").await;
        let after = world.get(&format!("{pieces}/infra")).await;
        assert_eq!(before["status"]["artifact"]["digest"], after["status"]["artifact"]["digest"]);
    });
}

#[test]
fn a_kind_that_is_not_supported_says_so_once() {
    play(V2_9, |world, cluster| async move {
        let path = "/apis/helm.toolkit.fluxcd.io/v2/namespaces/flux-system/helmreleases/podinfo";
        world
            .apply(json!({
                "apiVersion": "helm.toolkit.fluxcd.io/v2",
                "kind": "HelmRelease",
                "metadata": { "name": "podinfo", "namespace": "flux-system" },
                "spec": { "interval": "1m" },
            }))
            .await;
        // Before anybody has seen it, it must not pass for ready.
        assert_eq!(world.get(path).await["status"]["observedGeneration"], -1);
        let release = world.until(path, 10, |release| ready(release)["status"] == "False").await;
        assert_eq!(ready(&release)["message"], "Seatrial does not support HelmRelease yet");
        assert_eq!(condition(&release, "Stalled")["status"], "True");
        world.clock.sleep(std::time::Duration::from_secs(60)).await;
        let before = cluster.log().len();
        world.clock.sleep(std::time::Duration::from_secs(3600)).await;
        assert_eq!(cluster.log().len(), before);
    });
}

fn fixture(name: &str) -> String {
    let path = format!("{}/tests/data/signatures/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(path).unwrap()
}

/// A signed object of the fixtures, in the repository.
fn put(world: &World, type_: git2::ObjectType, name: &str) -> git2::Oid {
    let repository = world.git.repository();
    // The tree and the commit that the fixtures are about.
    let mut index = git2::Index::new().unwrap();
    let blob = repository.blob(cm_file("one", "1").as_bytes()).unwrap();
    let time = git2::IndexTime::new(0, 0);
    let entry = git2::IndexEntry {
        ctime: time,
        mtime: time,
        dev: 0,
        ino: 0,
        mode: 0o100_644,
        uid: 0,
        gid: 0,
        file_size: 0,
        id: blob,
        flags: 0,
        flags_extended: 0,
        path: b"one.yaml".to_vec(),
    };
    index.add(&entry).unwrap();
    index.write_tree_to(&repository).unwrap();
    let database = repository.odb().unwrap();
    database.write(git2::ObjectType::Commit, fixture("commit-unsigned").as_bytes()).unwrap();
    database.write(type_, fixture(name).as_bytes()).unwrap()
}

async fn keys(world: &World, names: &[&str]) {
    let data: serde_json::Map<String, Value> =
        names.iter().map(|name| ((*name).to_owned(), fixture(name).into())).collect();
    world
        .apply(json!({
            "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "keys", "namespace": "flux-system" },
            "stringData": data,
        }))
        .await;
}

async fn verifying(world: &World, mode: &str, reference: Value) {
    world
        .apply(json!({
            "apiVersion": "source.toolkit.fluxcd.io/v1",
            "kind": "GitRepository",
            "metadata": { "name": "fleet", "namespace": "flux-system" },
            "spec": {
                "interval": "1m", "url": URL, "ref": reference,
                "verify": { "mode": mode, "secretRef": { "name": "keys" } },
            },
        }))
        .await;
}

/// Object, mode, status, reference, files of the Secret, reason, message.
type Signed =
    (&'static str, &'static str, &'static str, Value, &'static [&'static str], &'static str, String);

#[test]
fn signatures_of_commits_and_tags_are_verified() {
    let head = json!({ "branch": BRANCH });
    let tag = |name: &str| json!({ "tag": name });
    let cases: [Signed; 8] = [
        (
            "commit-rsa",
            "HEAD",
            "True",
            head.clone(),
            &["rsa.asc"],
            "Succeeded",
            "verified signature of\n\t- commit 'ID' with key '7D38D4D7F45550D0'".to_owned(),
        ),
        (
            "commit-ssh-ed",
            "HEAD",
            "True",
            head.clone(),
            &["ed.sshpub"],
            "Succeeded",
            "verified signature of\n\t- commit 'ID' with key 'SHA256:FcBTFOF16ZU8LMqRz1z/58hxsBZiB6Rs/Xi7PxX6NJI'"
                .to_owned(),
        ),
        (
            "commit-rsa",
            "HEAD",
            "False",
            head.clone(),
            &["ed.asc"],
            "InvalidCommitSignature",
            "signature verification of commit 'ID' failed: unable to verify Git commit: unable to verify payload with any \
             of the given key rings: no matching key"
                .to_owned(),
        ),
        (
            "commit-unsigned",
            "HEAD",
            "False",
            head.clone(),
            &["rsa.asc"],
            "InvalidCommitSignature",
            "signature verification of commit 'ID' failed: unsupported signature type: empty".to_owned(),
        ),
        (
            "tag-rsa",
            "Tag",
            "True",
            tag("v1"),
            &["rsa.asc"],
            "Succeeded",
            "verified signature of\n\t- tag 'v1@ID' with key '7D38D4D7F45550D0'".to_owned(),
        ),
        (
            "tag-rsa",
            "TagAndHEAD",
            "False",
            tag("v1"),
            &["rsa.asc"],
            "InvalidCommitSignature",
            "signature verification of commit 'f10b484651dfd38332678e22b9dcdbda9bac461d' failed: unsupported signature \
             type: empty"
                .to_owned(),
        ),
        (
            "commit-rsa",
            "Tag",
            "False",
            head.clone(),
            &["rsa.asc"],
            "InvalidVerificationMode",
            "cannot verify tag object's signature if a tag reference is not specified".to_owned(),
        ),
        (
            "commit-rsa",
            "Tag",
            "False",
            tag("v1"),
            &["rsa.asc"],
            "InvalidGitObject",
            "cannot verify signature of tag 'v1' since it is not annotated".to_owned(),
        ),
    ];
    for (object, mode, status, reference, names, reason, message) in cases {
        play(V2_9, |world, _| async move {
            let type_ =
                if object.starts_with("tag") { git2::ObjectType::Tag } else { git2::ObjectType::Commit };
            let id = put(&world, type_, object);
            if type_ == git2::ObjectType::Commit {
                world.git.point(&format!("refs/heads/{BRANCH}"), id);
            }
            world.git.point("refs/tags/v1", id);
            keys(&world, names).await;
            verifying(&world, mode, reference).await;
            let source = world.until(SOURCE, 10, |s| !condition(s, "SourceVerified").is_null()).await;
            let verified = condition(&source, "SourceVerified");
            assert_eq!(verified["message"], message.replace("ID", &id.to_string()));
            assert_eq!(
                (verified["status"].as_str(), verified["reason"].as_str()),
                (Some(status), Some(reason))
            );
            assert_eq!(ready(&source)["status"], status);
            let good = status == "True";
            assert_eq!(source["status"]["artifact"].is_object(), good);
            assert_eq!(source["status"]["sourceVerificationMode"].as_str(), good.then_some(mode));
            if !good {
                assert_eq!(ready(&source)["message"], verified["message"]);
            }
        });
    }
}

#[test]
fn a_key_that_comes_later_is_tried() {
    play(V2_9, |world, _| async move {
        let id = put(&world, git2::ObjectType::Commit, "commit-ed");
        world.git.point(&format!("refs/heads/{BRANCH}"), id);
        verifying(&world, "HEAD", json!({ "branch": BRANCH })).await;
        let source = world.until(SOURCE, 10, |s| ready(s)["status"] == "False").await;
        assert_eq!(ready(&source)["message"], "PGP public keys secret error: secrets \"keys\" not found");
        assert_eq!(condition(&source, "SourceVerified")["reason"], "VerificationError");
        keys(&world, &["ed.asc"]).await;
        world.until(SOURCE, 60, |s| ready(s)["status"] == "True").await;
    });
}

#[test]
fn submodules_are_checked_out_where_they_are_asked_for() {
    play(V2_9, |world, _| async move {
        let inner = world.git.serve("https://git.test/inner", &[("deep.yaml", &cm_file("deep", "1"))], &[]);
        let modules = "[submodule \"inner\"]\n\tpath = sub\n\turl = https://git.test/inner\n";
        let files = [(".gitmodules", modules), ("base.yaml", &*cm_file("base", "1")), ("logo.png", "")];
        let base = world.git.serve("https://git.test/base.git", &files, &[("sub", inner)]);
        let modules = "[submodule \"base\"]\n\tpath = vendor/base\n\turl = ../base.git\n";
        let files = [(".gitmodules", modules), ("one.yaml", &*cm_file("one", "1"))];
        let links = [("vendor/base", base)];
        commit_with(&world.git.repository(), &files, &links);
        world.source().await;
        world.kustomization("all", "./", json!({})).await;
        world.until(&cm("one"), 60, |one| one["data"]["key"] == "1").await;
        assert!(world.get(&cm("base")).await.is_null());

        world.merge(SOURCE, json!({ "spec": { "recurseSubmodules": true } })).await;
        for name in ["base", "deep"] {
            // The revision is the same: nobody is woken, and the Kustomization looks when its interval is over.
            world.until(&cm(name), 700, |found| found["data"]["key"] == "1").await;
        }
        let source = world.get(SOURCE).await;
        assert_eq!(source["status"]["observedRecurseSubmodules"], true);
        assert_eq!(
            world.get(&ks("all")).await["status"]["inventory"]["entries"].as_array().unwrap().len(),
            3
        );
    });
}

#[test]
fn a_submodule_that_is_not_served_is_named() {
    play(V2_9, |world, _| async move {
        let modules = "[submodule \"x\"]\n\tpath = x\n\turl = https://elsewhere.test/x\n";
        let id = git2::Oid::from_str("0123456789012345678901234567890123456789").unwrap();
        commit_with(&world.git.repository(), &[(".gitmodules", modules)], &[("x", id)]);
        world.source().await;
        world.merge(SOURCE, json!({ "spec": { "recurseSubmodules": true } })).await;
        let source = world.until(SOURCE, 60, |s| ready(s)["status"] == "False").await;
        assert_eq!(
            ready(&source)["message"],
            "failed to checkout and determine revision: unable to clone 'https://git.test/fleet': submodule 'x': unable to \
             clone 'https://elsewhere.test/x': the URL is not served (serve it with --serve https://elsewhere.test/x=PATH)"
        );
    });
}

#[test]
fn the_form_of_a_secret_is_checked() {
    let https = "https://git.test/fleet";
    for (url, data, message) in [
        (https, json!({ "username": "ann" }), "required fields 'username' and 'password'"),
        (
            https,
            json!({ "bearerToken": "t", "username": "ann", "password": "x" }),
            "'bearerToken' goes with neither 'username' nor 'password'",
        ),
        (https, json!({ "tls.crt": "x" }), "key 'tls.key' not found"),
        ("ssh://git@git.test/fleet", json!({ "known_hosts": "x" }), "key 'identity' not found"),
        ("ssh://git@git.test/fleet", json!({ "identity": "x" }), "key 'known_hosts' not found"),
    ] {
        play(V2_9, |mut world, _| async move {
            world.write("one.yaml", "");
            world.commit("Start");
            world
                .apply(json!({
                    "apiVersion": "v1", "kind": "Secret",
                    "metadata": { "name": "auth", "namespace": "flux-system" }, "stringData": data,
                }))
                .await;
            world.source().await;
            world.merge(SOURCE, json!({ "spec": { "url": url, "secretRef": { "name": "auth" } } })).await;
            let source = world.until(SOURCE, 60, |s| ready(s)["status"] == "False").await;
            assert_eq!(
                ready(&source)["message"],
                format!("invalid 'flux-system/auth' secret data: {message}")
            );
            assert_eq!(ready(&source)["reason"], "AuthenticationFailed");
        });
    }
}

#[test]
fn an_artifact_is_composed_with_exclusions_and_strategies() {
    play(V2_9, |mut world, _| async move {
        let values = "replicas: 1\nimage: {tag: '1', name: web}\n";
        world
            .write("chart/values.yaml", values)
            .write("chart/notes.md", "no")
            .write("chart/Chart.yaml", "name: web\n");
        world.write("prod.yaml", "replicas: 3\nimage: {tag: '2'}\n");
        world.commit("Start");
        world.source().await;
        let generator = |copy: Value| {
            json!({
                "apiVersion": "source.extensions.fluxcd.io/v1beta1",
                "kind": "ArtifactGenerator",
                "metadata": { "name": "web", "namespace": "flux-system" },
                "spec": {
                    "commonMetadata": { "labels": { "team": "owls" }, "annotations": { "note": "composed" } },
                    "sources": [{ "alias": "repo", "kind": "GitRepository", "name": "fleet" }],
                    "artifacts": [{ "name": "web", "copy": copy }],
                },
            })
        };
        world
            .apply(generator(json!([
                { "from": "@repo/chart/", "to": "@artifact/", "exclude": ["*.md"] },
                { "from": "@repo/prod.yaml", "to": "@artifact/chart/values.yaml", "strategy": "Merge" },
            ])))
            .await;
        let path = "/apis/source.toolkit.fluxcd.io/v1/namespaces/flux-system/externalartifacts/web";
        let artifact = world.until(path, 60, |artifact| ready(artifact)["status"] == "True").await;
        assert_eq!(artifact["metadata"]["labels"]["team"], "owls");
        assert_eq!(artifact["metadata"]["annotations"]["note"], "composed");
        let digest = artifact["status"]["artifact"]["digest"].as_str().unwrap();
        let tree = world.artifacts().get(digest).unwrap().tree;
        assert_eq!(
            tree.iter().map(|(path, _)| path).collect::<Vec<_>>(),
            ["chart/Chart.yaml", "chart/values.yaml"]
        );
        let merged = tree.read("chart/values.yaml").unwrap();
        assert_eq!(merged, "image:\n  name: web\n  tag: \"2\"\nreplicas: 3\n");

        let mut refused = generator(json!([{ "from": "@repo/{app}/**", "to": "@artifact/" }]));
        refused["spec"]["pathPattern"] = "@repo/{app}".into();
        world.apply(refused).await;
        let path = "/apis/source.extensions.fluxcd.io/v1beta1/namespaces/flux-system/artifactgenerators/web";
        let generator = world.until(path, 60, |found| ready(found)["status"] == "False").await;
        assert_eq!(
            ready(&generator)["message"],
            "Seatrial does not support spec.pathPattern of an ArtifactGenerator yet"
        );
    });
}
