//! Artifacts of container registries on simulated clusters, in virtual time.

#![allow(clippy::unwrap_used, clippy::panic, reason = "this is a test")]

mod support;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use seatrial_api::FluxRelease::{self, V2_2_3, V2_9};
use seatrial_sim::{Cluster, ClusterOptions, Identity};
use serde_json::{Value, json};
use support::registry::{CONTENT, TestRegistry, layer};
use support::*;

const REPOSITORY: &str = "ghcr.io/owls/manifests";

fn version(flux: FluxRelease) -> &'static str {
    if flux == V2_9 { "v1" } else { "v1beta2" }
}

fn path(flux: FluxRelease) -> String {
    format!(
        "/apis/source.toolkit.fluxcd.io/{}/namespaces/flux-system/ocirepositories/manifests",
        version(flux)
    )
}

async fn source(world: &World, flux: FluxRelease, rest: Value) {
    let mut spec = json!({ "interval": "1m", "url": format!("oci://{REPOSITORY}") });
    for (key, value) in rest.as_object().into_iter().flatten() {
        spec[key] = value.clone();
    }
    world
        .apply(json!({
            "apiVersion": format!("source.toolkit.fluxcd.io/{}", version(flux)),
            "kind": "OCIRepository",
            "metadata": { "name": "manifests", "namespace": "flux-system" },
            "spec": spec,
        }))
        .await;
}

fn files(value: &str) -> Vec<u8> {
    layer(&[("one.yaml", &cm_file("one", value)), ("logo.png", "not a manifest")])
}

#[test]
fn a_tag_becomes_an_artifact_is_applied_and_followed() {
    for flux in [V2_9, V2_2_3] {
        play(flux, |mut world, cluster| async move {
            let registry = TestRegistry::new();
            let origin = json!({
                "org.opencontainers.image.source": "https://git.test/fleet",
                "org.opencontainers.image.revision": "main@sha1:0123",
            });
            let digest = registry.push(REPOSITORY, "latest", &[(CONTENT, files("1"))], origin.clone());
            world.ask(registry.clone());
            source(&world, flux, json!({})).await;
            let found = world.until(&path(flux), 10, |s| ready(s)["status"] == "True").await;
            let status = &found["status"];
            let revision = format!("latest@{digest}");
            assert_eq!(status["artifact"]["revision"], revision);
            assert_eq!(ready(&found)["message"], format!("stored artifact for revision '{revision}'"));
            assert_eq!(condition(&found, "ArtifactInStorage")["status"], "True");
            assert_eq!(status["artifact"]["metadata"], origin);
            let hex = digest.trim_start_matches("sha256:");
            assert_eq!(
                status["artifact"]["path"],
                format!("ocirepository/flux-system/manifests/{hex}.tar.gz")
            );
            assert_eq!(
                status["url"],
                "http://source-controller.flux-system.svc.cluster.local./ocirepository/flux-system/manifests/latest.tar.gz"
            );
            assert_eq!(
                world.events("manifests").await,
                [format!(
                    "NewArtifact: stored artifact with revision '{revision}' from 'oci://{REPOSITORY}', \
                     origin source 'https://git.test/fleet', origin revision 'main@sha1:0123'"
                )]
            );
            let reference = json!({ "kind": "OCIRepository", "name": "manifests" });
            world.kustomization("apps", "./", json!({ "sourceRef": reference })).await;
            let apps = world.ready("apps", &revision).await;
            if flux == V2_9 {
                assert_eq!(apps["status"]["lastAppliedOriginRevision"], "main@sha1:0123");
            }
            world.clock.sleep(std::time::Duration::from_secs(60)).await;
            let before = cluster.log().len();
            world.clock.sleep(std::time::Duration::from_secs(400)).await;
            assert_eq!(cluster.log().len(), before, "an unchanged tag writes nothing");
            assert_eq!(registry.pulled(), 1);

            registry.push(REPOSITORY, "latest", &[(CONTENT, files("2"))], json!({}));
            world.until(&cm("one"), 120, |one| one["data"]["key"] == "2").await;
        });
    }
}

#[test]
fn a_reference_finds_what_it_stands_for() {
    for (reference, expected) in [
        (json!({}), "latest@D0"),
        (json!({ "tag": "1.0.0" }), "1.0.0@D1"),
        (json!({ "semver": "1.x" }), "1.1.0@D2"),
        (json!({ "semver": ">=1.0.0-0", "semverFilter": "-rc" }), "2.0.0-rc.1@D3"),
        (json!({ "semver": "1.x", "tag": "latest" }), "1.1.0@D2"),
        (json!({ "digest": "D1", "semver": "1.x", "tag": "latest" }), "D1"),
    ] {
        play(V2_9, |mut world, _| async move {
            let registry = TestRegistry::new();
            let tags = ["latest", "1.0.0", "1.1.0", "2.0.0-rc.1"];
            let digests: Vec<String> = tags
                .iter()
                .map(|tag| registry.push(REPOSITORY, tag, &[(CONTENT, files(tag))], json!({})))
                .collect();
            let named = |text: &str| {
                let mut text = text.to_owned();
                for (at, digest) in digests.iter().enumerate() {
                    text = text.replace(&format!("D{at}"), digest);
                }
                text
            };
            world.ask(registry.clone());
            let reference: Value = serde_json::from_str(&named(&reference.to_string())).unwrap();
            source(&world, V2_9, json!({ "ref": reference })).await;
            let found = world.until(&path(V2_9), 10, |s| ready(s)["status"] == "True").await;
            assert_eq!(found["status"]["artifact"]["revision"], named(expected));
        });
    }
}

#[test]
fn a_layer_is_chosen_and_taken_as_files_or_as_it_is() {
    play(V2_9, |mut world, _| async move {
        let registry = TestRegistry::new();
        let (first, second) = (files("1"), files("2"));
        let digest = |data: &[u8]| {
            use sha2::Digest as _;
            let hex: String = sha2::Sha256::digest(data).iter().map(|byte| format!("{byte:02x}")).collect();
            format!("sha256:{hex}")
        };
        let (layer, size) = (digest(&second), second.len());
        registry.push(
            REPOSITORY,
            "latest",
            &[(CONTENT, first), ("application/x.tar+gzip", second)],
            json!({}),
        );
        world.ask(registry.clone());
        let selector = |operation: &str| json!({ "layerSelector": { "mediaType": "application/x.tar+gzip", "operation": operation } });
        source(&world, V2_9, selector("copy")).await;
        let found = world.until(&path(V2_9), 10, |s| ready(s)["status"] == "True").await;
        assert_eq!(found["status"]["artifact"]["digest"], layer);
        assert_eq!(found["status"]["artifact"]["size"], size);
        assert_eq!(found["status"]["observedLayerSelector"]["operation"], "copy");
        let reference = json!({ "kind": "OCIRepository", "name": "manifests" });
        world.kustomization("apps", "./", json!({ "sourceRef": reference })).await;
        world.until(&cm("one"), 120, |one| one["data"]["key"] == "2").await;
        source(&world, V2_9, selector("extract")).await;
        let found = world.until(&path(V2_9), 70, |s| s["status"]["artifact"]["digest"] != layer).await;
        assert_eq!(found["status"]["observedLayerSelector"]["operation"], "extract");
    });
}

#[test]
fn failures_have_fluxs_words() {
    let url = format!("oci://{REPOSITORY}");
    let get = "GET https://ghcr.io/v2/owls/manifests/manifests";
    for (spec, reason, message, stalled) in [
        (
            json!({ "ref": { "tag": "nope" } }),
            "OCIArtifactPullFailed",
            format!("failed to determine artifact digest: {get}/nope: MANIFEST_UNKNOWN: manifest unknown"),
            false,
        ),
        (
            json!({ "ref": { "semver": ">=9" } }),
            "ReadOperationFailed",
            format!("failed to determine the artifact tag for '{url}': no match found for semver: >=9"),
            false,
        ),
        (
            json!({ "layerSelector": { "mediaType": "application/none" } }),
            "OCIArtifactLayerOperationFailed",
            "failed to find layer with media type 'application/none' in artifact".to_owned(),
            false,
        ),
        (
            json!({ "ref": { "tag": "plain" } }),
            "OCIArtifactLayerOperationFailed",
            "failed to extract layer contents from artifact: requires gzip-compressed body: gzip: invalid header"
                .to_owned(),
            false,
        ),
        (
            json!({ "ref": { "tag": "empty" } }),
            "OCIArtifactLayerOperationFailed",
            "no layers found in artifact".to_owned(),
            false,
        ),
        (
            json!({ "secretRef": { "name": "gone" } }),
            "AuthenticationFailed",
            "failed to get secret 'flux-system/gone': secrets \"gone\" not found".to_owned(),
            false,
        ),
        (
            json!({ "url": "oci://ghcr.io/owls/manifests:1.0" }),
            "URLInvalid",
            "URL validation failed for 'oci://ghcr.io/owls/manifests:1.0': repository can only contain the characters \
             `abcdefghijklmnopqrstuvwxyz0123456789_-./`: owls/manifests:1.0"
                .to_owned(),
            true,
        ),
        (
            json!({ "verify": { "provider": "cosign" } }),
            "NotSupported",
            "Seatrial does not support spec.verify of an OCIRepository yet".to_owned(),
            true,
        ),
        (
            json!({ "provider": "aws" }),
            "NotSupported",
            "Seatrial does not support spec.provider of an OCIRepository yet".to_owned(),
            true,
        ),
    ] {
        play(V2_9, |mut world, _| async move {
            let registry = TestRegistry::new();
            registry.push(REPOSITORY, "latest", &[(CONTENT, files("1"))], json!({}));
            registry.push(REPOSITORY, "plain", &[(CONTENT, b"hello".to_vec())], json!({}));
            registry.push(REPOSITORY, "empty", &[], json!({}));
            world.ask(registry.clone());
            source(&world, V2_9, spec).await;
            let found = world.until(&path(V2_9), 10, |s| ready(s)["status"] == "False").await;
            assert_eq!(ready(&found)["message"], message);
            assert_eq!(ready(&found)["reason"], reason);
            assert_eq!(condition(&found, "FetchFailed")["message"], message);
            assert_eq!(condition(&found, "Stalled")["status"] == "True", stalled);
            assert_eq!(world.events("manifests").await, [format!("{reason}: {message}")]);
        });
    }
}

#[test]
fn a_pull_secret_is_used_and_never_shown() {
    play(V2_9, |mut world, cluster| async move {
        let registry = TestRegistry::new();
        registry.push(REPOSITORY, "latest", &[(CONTENT, files("1"))], json!({}));
        let config = json!({ "auths": { "ghcr.io": { "username": "ann", "password": "hunter2" } } });
        world
            .apply(json!({
                "apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/dockerconfigjson",
                "metadata": { "name": "pull", "namespace": "flux-system" },
                "data": { ".dockerconfigjson": STANDARD.encode(config.to_string()) },
            }))
            .await;
        world.ask(registry.clone());
        source(&world, V2_9, json!({ "secretRef": { "name": "pull" } })).await;
        let found = world.until(&path(V2_9), 10, |s| ready(s)["status"] == "True").await;
        assert_eq!(registry.asked_with().first().unwrap(), "Basic { username: \"ann\", password: *** }");
        assert!(!found.to_string().contains("hunter2"));
        drop(cluster);
    });
}

#[test]
fn a_revision_that_two_clusters_share_is_fetched_and_built_once() {
    play(V2_9, |mut world, _| async move {
        let registry = TestRegistry::new();
        let digest = registry.push(REPOSITORY, "latest", &[(CONTENT, files("1"))], json!({}));
        let other = Cluster::new(world.clock.clone(), ClusterOptions::default());
        world.ask(registry.clone());
        let other = world.beside(other.client(Identity::admin()), Some(other.changes())).await;
        world.write("two.yaml", &cm_file("two", "1"));
        let commit = world.commit("Start");
        for world in [&world, &other] {
            world.source().await;
            source(world, V2_9, json!({})).await;
            let reference = json!({ "kind": "OCIRepository", "name": "manifests" });
            world.kustomization("from-oci", "./", json!({ "sourceRef": reference })).await;
            world.kustomization("from-git", "./", json!({})).await;
        }
        for world in [&world, &other] {
            world.ready("from-oci", &format!("latest@{digest}")).await;
            world.ready("from-git", &commit).await;
        }
        assert_eq!(registry.pulled(), 1);
        let counts = world.artifacts().counts();
        assert_eq!((counts.fetched, counts.built), (2, 2));
        // What is new is fetched and built once more.
        registry.push(REPOSITORY, "latest", &[(CONTENT, files("2"))], json!({}));
        for world in [&world, &other] {
            world.until(&cm("one"), 120, |one| one["data"]["key"] == "2").await;
        }
        assert_eq!(registry.pulled(), 2);
        let counts = world.artifacts().counts();
        assert_eq!((counts.fetched, counts.built), (3, 3));
    });
}
