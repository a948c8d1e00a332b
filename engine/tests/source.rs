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
            json!({ "recurseSubmodules": true }),
            "NotSupported",
            "Seatrial does not support spec.recurseSubmodules of a GitRepository yet",
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
