//! Image updates on a simulated cluster, in virtual time: scans, policies, commits, of both generations.

#![allow(clippy::unwrap_used, clippy::panic, reason = "this is a test")]

mod support;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use seatrial_api::FluxRelease::{self, V2_2_3, V2_9};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use support::registry::TestRegistry;
use support::*;

const IMAGE: &str = "ghcr.io/owls/debug";
const KINDS: [&str; 4] = ["ImageRepository", "ImagePolicy", "ImageUpdateAutomation", "GitRepository"];
const FILE: &str = "# the app\nkind: Deployment\nmetadata: {name: debug}\nspec:\n  image:   'ghcr.io/owls/debug:1.0.0'  # {\"$imagepolicy\": \"flux-system:debug\"}\n  other: x\r\n";

fn version(flux: FluxRelease, kind: &str) -> &'static str {
    match (flux, kind) {
        (V2_9, _) => "v1",
        (_, "ImageUpdateAutomation") => "v1beta1",
        _ => "v1beta2",
    }
}

fn at(flux: FluxRelease, kind: &str, name: &str) -> String {
    let plural = match kind {
        "ImageRepository" => "imagerepositories",
        "ImagePolicy" => "imagepolicies",
        _ => "imageupdateautomations",
    };
    format!("/apis/image.toolkit.fluxcd.io/{}/namespaces/flux-system/{plural}/{name}", version(flux, kind))
}

async fn object(world: &World, flux: FluxRelease, kind: &str, name: &str, spec: Value) {
    world
        .apply(json!({
            "apiVersion": format!("image.toolkit.fluxcd.io/{}", version(flux, kind)),
            "kind": kind,
            "metadata": { "name": name, "namespace": "flux-system" },
            "spec": spec,
        }))
        .await;
}

/// A registry with these tags, and a repository and a policy that follow them.
async fn follow(world: &mut World, flux: FluxRelease, tags: &[&str]) -> Arc<TestRegistry> {
    let registry = TestRegistry::new();
    for tag in tags {
        registry.push(IMAGE, tag, &[], json!({ "tag": tag }));
    }
    world.ask(registry.clone());
    object(world, flux, "ImageRepository", "debug", json!({ "image": IMAGE, "interval": "5m" })).await;
    let policy =
        json!({ "imageRepositoryRef": { "name": "debug" }, "policy": { "semver": { "range": "1.0.x" } } });
    object(world, flux, "ImagePolicy", "debug", policy).await;
    registry
}

fn automation(template: &str) -> Value {
    json!({
        "interval": "30m",
        "sourceRef": { "kind": "GitRepository", "name": "fleet" },
        "git": {
            "checkout": { "ref": { "branch": "main" } },
            "commit": {
                "author": { "name": "fluxcdbot", "email": "fluxcdbot@users.noreply.github.com" },
                "messageTemplate": template,
            },
            "push": { "branch": "main" },
        },
        "update": { "path": "./apps", "strategy": "Setters" },
    })
}

fn is_ready(object: &Value) -> bool {
    ready(object)["status"] == "True"
}

fn tip(world: &World, branch: &str) -> git2::Oid {
    world.git.repository().refname_to_id(&format!("refs/heads/{branch}")).unwrap()
}

fn file(world: &World, commit: git2::Oid, path: &str) -> String {
    let repository = world.git.repository();
    let tree = repository.find_commit(commit).unwrap().tree().unwrap();
    let blob = tree.get_path(std::path::Path::new(path)).unwrap().to_object(&repository).unwrap();
    String::from_utf8(blob.as_blob().unwrap().content().to_vec()).unwrap()
}

#[test]
fn a_scan_tells_of_its_tags_and_is_repeated() {
    for flux in [V2_2_3, V2_9] {
        play_kinds(flux, &KINDS, |mut world, _| async move {
            let tags = ["latest", "1.0.0", "sha256-ab.sig"];
            let registry = follow(&mut world, flux, &tags).await;
            let path = at(flux, "ImageRepository", "debug");
            let found = world.until(&path, 10, is_ready).await;
            let status = &found["status"];
            let message = ready(&found)["message"].as_str().unwrap();
            assert!(message.starts_with("successful scan: found 2 tags"), "{message}");
            assert_eq!(message.contains(" with checksum "), flux == V2_9);
            assert_eq!(status["lastScanResult"]["revision"].is_string(), flux == V2_9);
            assert_eq!(ready(&found)["reason"], "Succeeded");
            assert_eq!(status["canonicalImageName"], IMAGE);
            assert_eq!(status["lastScanResult"]["latestTags"], json!(["latest", "1.0.0"]));
            assert_eq!(status["observedExclusionList"], json!(["^.*\\.sig$"]));
            assert_eq!(status["observedGeneration"], 1);
            assert!(world.events("debug").await.contains(&format!("Succeeded: {message}")));

            registry.push(IMAGE, "1.0.1", &[], json!({}));
            world.clock.sleep(Duration::from_secs(60)).await;
            assert_eq!(
                world.get(&path).await["status"]["lastScanResult"]["tagCount"],
                2,
                "it is not time yet"
            );
            world.until(&path, 300, |found| found["status"]["lastScanResult"]["tagCount"] == 3).await;

            registry.push(IMAGE, "1.0.2", &[], json!({}));
            let asked =
                json!({ "metadata": { "annotations": { "reconcile.fluxcd.io/requestedAt": "now" } } });
            world.merge(&path, asked).await;
            let found =
                world.until(&path, 5, |found| found["status"]["lastScanResult"]["tagCount"] == 4).await;
            assert_eq!(found["status"]["lastHandledReconcileAt"], "now");

            world.merge(&path, json!({ "spec": { "exclusionList": ["^latest$"] } })).await;
            let scanned = world
                .until(&path, 5, |found| found["status"]["observedExclusionList"] == json!(["^latest$"]))
                .await;

            // flux waits for a Ready condition of the new generation, also where there is nothing to scan.
            world.merge(&path, json!({ "spec": { "interval": "10m" } })).await;
            let up_to_date =
                |found: &Value| ready(found)["observedGeneration"] == found["metadata"]["generation"];
            let found = world.until(&path, 5, up_to_date).await;
            assert_eq!(
                found["status"]["lastScanResult"], scanned["status"]["lastScanResult"],
                "no scan is due"
            );
            let since = |found: &Value| ready(found)["lastTransitionTime"].clone();
            assert_eq!(since(&found), since(&scanned), "it is as it was");
        });
    }
}

#[test]
fn what_is_wrong_with_a_repository_is_told() {
    let cases = [
        (
            json!({ "image": "https://ghcr.io/a/b" }),
            "ImageURLInvalid",
            ".spec.image value should not start with URL scheme; remove 'https://'",
            true,
        ),
        (
            json!({ "image": "ghcr.io/a/b:1.0" }),
            "ImageURLInvalid",
            ".spec.image value should not contain a tag; remove ':1.0'",
            true,
        ),
        (
            json!({ "provider": "aws" }),
            "NotSupported",
            "Seatrial does not support spec.provider of an ImageRepository yet",
            true,
        ),
        (
            json!({ "exclusionList": ["["] }),
            "ReadOperationFailed",
            "failed to compile regex [: error parsing regexp: missing closing ]: `[`",
            true,
        ),
        (
            json!({ "secretRef": { "name": "none" } }),
            "AuthenticationFailed",
            "failed to get secret 'flux-system/none': secrets \"none\" not found",
            false,
        ),
        (json!({ "cache": "1m" }), "InvalidSpec", "unknown field `cache`", true),
    ];
    play_kinds(V2_9, &KINDS, |mut world, _| async move {
        world.ask(TestRegistry::new());
        for (index, (fields, reason, message, stalled)) in cases.into_iter().enumerate() {
            let name = format!("wrong-{index}");
            let mut spec = json!({ "image": IMAGE, "interval": "5m" });
            for (key, value) in fields.as_object().unwrap() {
                spec[key] = value.clone();
            }
            object(&world, V2_9, "ImageRepository", &name, spec).await;
            let found = world
                .until(&at(V2_9, "ImageRepository", &name), 10, |found| ready(found)["status"] == "False")
                .await;
            assert_eq!(ready(&found)["reason"], reason);
            let told = ready(&found)["message"].as_str().unwrap();
            assert!(told.starts_with(message), "{told}");
            assert_eq!(condition(&found, "Stalled")["status"] == "True", stalled, "{name}");
        }
    });
}

#[test]
fn a_registry_that_refuses_is_asked_again_less_and_less_often() {
    play_kinds(V2_9, &KINDS, |mut world, _| async move {
        let registry = TestRegistry::new();
        registry.push(IMAGE, "1.0.0", &[], json!({}));
        registry.refuse(6);
        world.ask(registry.clone());
        object(&world, V2_9, "ImageRepository", "debug", json!({ "image": IMAGE, "interval": "5m" })).await;
        let path = at(V2_9, "ImageRepository", "debug");
        let found = world.until(&path, 10, |found| ready(found)["status"] == "False").await;
        assert_eq!(ready(&found)["reason"], "ReadOperationFailed");
        assert_eq!(
            ready(&found)["message"],
            "scan failed: GET https://ghcr.io/v2/owls/debug/tags/list?n=1000: TOOMANYREQUESTS: You have reached your pull rate limit"
        );
        assert_eq!(condition(&found, "Reconciling")["reason"], "ProgressingWithRetry");
        // Somebody touches the cluster and the registry meanwhile: failures are not passed over then.
        for round in 0..200 {
            registry.push(IMAGE, "1.0.0", &[], json!({ "round": round }));
            world.clock.sleep(Duration::from_secs(1)).await;
            if is_ready(&world.get(&path).await) {
                break;
            }
        }
        assert!(is_ready(&world.get(&path).await));
        assert_eq!(registry.listed(), 7, "six refusals, and no storm of requests");
    });
}

#[test]
fn credentials_of_a_pull_secret_reach_the_registry() {
    play_kinds(V2_9, &KINDS, |mut world, _| async move {
        let registry = TestRegistry::new();
        registry.push(IMAGE, "1.0.0", &[], json!({}));
        world.ask(registry.clone());
        let config = json!({ "auths": { "ghcr.io": { "username": "ann", "password": "hunter2" } } });
        world
            .apply(json!({
                "apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/dockerconfigjson",
                "metadata": { "name": "pull", "namespace": "flux-system" },
                "data": { ".dockerconfigjson": STANDARD.encode(config.to_string()) },
            }))
            .await;
        let spec = json!({ "image": IMAGE, "interval": "5m", "secretRef": { "name": "pull" } });
        object(&world, V2_9, "ImageRepository", "debug", spec).await;
        let policy = json!({
            "imageRepositoryRef": { "name": "debug" },
            "policy": { "semver": { "range": "*" } },
            "digestReflectionPolicy": "Always",
            "interval": "10m",
        });
        object(&world, V2_9, "ImagePolicy", "debug", policy).await;
        world.until(&at(V2_9, "ImagePolicy", "debug"), 10, is_ready).await;
        let asked = registry.asked_with().join(" ");
        assert!(asked.contains("ann") && !asked.contains("hunter2"), "{asked}");
    });
}

#[test]
fn a_pull_secret_of_a_service_account_that_changes_is_used_at_once() {
    play_kinds(V2_9, &KINDS, |mut world, _| async move {
        let registry = TestRegistry::new();
        registry.push(IMAGE, "1.0.0", &[], json!({}));
        world.ask(registry.clone());
        world
            .apply(json!({
                "apiVersion": "v1", "kind": "ServiceAccount",
                "metadata": { "name": "puller", "namespace": "flux-system" },
                "imagePullSecrets": [{ "name": "pull" }],
            }))
            .await;
        let secret = |user: &str| {
            let config = json!({ "auths": { "ghcr.io": { "username": user, "password": "hunter2" } } });
            json!({
                "apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/dockerconfigjson",
                "metadata": {
                    "name": "pull", "namespace": "flux-system",
                    "labels": { "reconcile.fluxcd.io/watch": "Enabled" },
                },
                "data": { ".dockerconfigjson": STANDARD.encode(config.to_string()) },
            })
        };
        let spec = json!({ "image": IMAGE, "interval": "5h", "serviceAccountName": "puller" });
        object(&world, V2_9, "ImageRepository", "debug", spec).await;
        let path = at(V2_9, "ImageRepository", "debug");
        let found = world.until(&path, 10, |found| ready(found)["status"] == "False").await;
        assert_eq!(
            ready(&found)["message"],
            "failed to get secret 'flux-system/pull': secrets \"pull\" not found"
        );
        // The back-off has grown by now.
        world.clock.sleep(Duration::from_secs(1000)).await;
        world.apply(secret("bob")).await;
        world.until(&path, 5, is_ready).await;
    });
}

#[test]
fn a_policy_takes_a_tag_and_tells_of_the_one_before() {
    for flux in [V2_2_3, V2_9] {
        play_kinds(flux, &KINDS, |mut world, _| async move {
            let registry = follow(&mut world, flux, &["latest", "1.0.0", "2.0.0"]).await;
            let path = at(flux, "ImagePolicy", "debug");
            let found = world.until(&path, 60, is_ready).await;
            let (first, second) = match flux {
                V2_2_3 => (
                    format!("Latest image tag for '{IMAGE}' resolved to 1.0.0"),
                    format!("Latest image tag for '{IMAGE}' updated from 1.0.0 to 1.0.1"),
                ),
                V2_9 => (
                    format!("Latest image tag for {IMAGE} resolved to 1.0.0"),
                    format!("Latest image tag for {IMAGE} resolved to 1.0.1 (previously {IMAGE}:1.0.0)"),
                ),
            };
            assert_eq!(ready(&found)["message"], first);
            registry.push(IMAGE, "1.0.1", &[], json!({}));
            let found = world.until(&path, 400, |found| ready(found)["message"] == second).await;
            let status = &found["status"];
            match flux {
                V2_2_3 => {
                    assert_eq!(status["latestImage"], format!("{IMAGE}:1.0.1"));
                    assert_eq!(status["observedPreviousImage"], format!("{IMAGE}:1.0.0"));
                }
                V2_9 => {
                    assert_eq!(status["latestRef"], json!({ "name": IMAGE, "tag": "1.0.1" }));
                    assert_eq!(status["observedPreviousRef"], json!({ "name": IMAGE, "tag": "1.0.0" }));
                }
            }
            // Flux 2.2.3 forgets what was taken where nothing can be taken.
            world.merge(&path, json!({ "spec": { "policy": { "semver": { "range": "9.x" } } } })).await;
            let found = world.until(&path, 60, |found| ready(found)["status"] == "False").await;
            assert_eq!(
                ready(&found)["message"],
                "cannot determine latest tag for policy: unable to determine latest version from provided list"
            );
            let kept = |found: &Value| {
                let status = &found["status"];
                assert!(status["latestImage"].is_null() && status["observedPreviousImage"].is_null());
                let tag = |field: &str| status[field]["tag"].as_str().map(str::to_owned);
                let wanted = |tag: &str| (flux == V2_9).then(|| tag.to_owned());
                assert_eq!(tag("latestRef"), wanted("1.0.1"));
                assert_eq!(tag("observedPreviousRef"), wanted("1.0.0"));
            };
            kept(&found);
            world.merge(&path, json!({ "spec": { "policy": { "semver": { "range": "latest" } } } })).await;
            let found = world.until(&path, 60, |found| condition(found, "Stalled")["status"] == "True").await;
            assert_eq!(ready(&found)["message"], "invalid policy: improper constraint: \"latest\"");
            assert_eq!(ready(&found)["reason"], "InvalidPolicy");
            kept(&found);
            world.merge(&path, json!({ "spec": { "policy": { "semver": { "range": "1.0.x" } } } })).await;
            let found = world.until(&path, 60, is_ready).await;
            let first = format!("Latest image tag for '{IMAGE}' resolved to 1.0.1");
            assert_eq!(ready(&found)["message"], if flux == V2_9 { second } else { first });
        });
    }
}

#[test]
fn a_policy_needs_its_repository_and_the_right_to_use_it() {
    play_kinds(V2_9, &KINDS, |mut world, _| async move {
        let policy = json!({ "imageRepositoryRef": { "name": "debug" }, "policy": { "alphabetical": {} } });
        object(&world, V2_9, "ImagePolicy", "debug", policy).await;
        let path = at(V2_9, "ImagePolicy", "debug");
        let found = world.until(&path, 10, |found| ready(found)["status"] == "False").await;
        assert_eq!(ready(&found)["reason"], "DependencyNotReady");
        assert_eq!(
            ready(&found)["message"],
            "failed to get the referred ImageRepository: referenced ImageRepository does not exist: \
             ImageRepository.image.toolkit.fluxcd.io \"debug\" not found"
        );
        follow(&mut world, V2_9, &["1.0.0"]).await;
        world.until(&path, 60, is_ready).await;

        // From another namespace.
        world
            .apply(json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "shop", "labels": { "team": "a" } } }))
            .await;
        let other = "/apis/image.toolkit.fluxcd.io/v1/namespaces/shop/imagepolicies/debug";
        world
            .apply(json!({
                "apiVersion": "image.toolkit.fluxcd.io/v1", "kind": "ImagePolicy",
                "metadata": { "name": "debug", "namespace": "shop" },
                "spec": {
                    "imageRepositoryRef": { "name": "debug", "namespace": "flux-system" },
                    "policy": { "alphabetical": {} },
                },
            }))
            .await;
        let found = world.until(other, 10, |found| ready(found)["status"] == "False").await;
        assert_eq!(ready(&found)["reason"], "AccessDenied");
        assert_eq!(
            ready(&found)["message"],
            "failed to get the referred ImageRepository: access denied: 'flux-system/debug' can't be accessed due to missing ACL labels on 'accessFrom'"
        );
        let repository = at(V2_9, "ImageRepository", "debug");
        let open = |team: &str| json!({ "spec": { "accessFrom": { "namespaceSelectors": [{ "matchLabels": { "team": team } }] } } });
        world.merge(&repository, open("b")).await;
        world
            .until(other, 60, |found| {
                ready(found)["message"]
                    .as_str()
                    .unwrap_or_default()
                    .ends_with("due to ACL labels mismatch on namespace 'shop'")
            })
            .await;
        assert!(condition(&world.get(other).await, "Stalled").is_null());
        // Nobody asks for a reconcile: it is tried again.
        world.merge(&repository, open("a")).await;
        world.until(other, 300, is_ready).await;
    });
}

#[test]
fn digests_are_reflected_as_the_policy_says() {
    play_kinds(V2_9, &KINDS, |mut world, _| async move {
        let registry = follow(&mut world, V2_9, &[]).await;
        let first = registry.push(IMAGE, "1.0.0", &[], json!({ "n": "1" }));
        let path = at(V2_9, "ImagePolicy", "debug");
        world.merge(&path, json!({ "spec": { "digestReflectionPolicy": "IfNotPresent" } })).await;
        let found = world.until(&path, 400, is_ready).await;
        assert_eq!(found["status"]["latestRef"]["digest"], first);
        assert!(
            ready(&found)["message"]
                .as_str()
                .unwrap()
                .ends_with(&format!("resolved to 1.0.0 with digest {first}"))
        );
        let moved = registry.push(IMAGE, "1.0.0", &[], json!({ "n": "2" }));
        world.clock.sleep(Duration::from_secs(1000)).await;
        assert_eq!(world.get(&path).await["status"]["latestRef"]["digest"], first);
        world.merge(&path, json!({ "spec": { "digestReflectionPolicy": "Always" } })).await;
        let found = world.until(&path, 10, |found| condition(found, "Stalled")["status"] == "True").await;
        assert_eq!(ready(&found)["reason"], "IntervalNotConfigured");
        assert_eq!(
            ready(&found)["message"],
            "spec.interval must be set when spec.digestReflectionPolicy is set to 'Always'"
        );
        world.merge(&path, json!({ "spec": { "interval": "10m" } })).await;
        world.until(&path, 10, |found| found["status"]["latestRef"]["digest"] == moved).await;
        let again = registry.push(IMAGE, "1.0.0", &[], json!({ "n": "3" }));
        world.until(&path, 700, |found| found["status"]["latestRef"]["digest"] == again).await;
    });
}

#[test]
fn one_line_changes_in_a_commit_of_the_bot() {
    for flux in [V2_2_3, V2_9] {
        play_kinds(flux, &KINDS, |mut world, cluster| async move {
            world.write("apps/debug.yaml", FILE).write("elsewhere.yaml", FILE).commit("Begin");
            let begin = tip(&world, "main");
            let registry = follow(&mut world, flux, &["1.0.0"]).await;
            world.source().await;
            let template = match flux {
                V2_2_3 => "{{range .Updated.Images}}{{println .}}{{end}}",
                V2_9 => "{{range .Changed.Changes}}{{.OldValue}} -> {{.NewValue}}{{end}}",
            };
            object(&world, flux, "ImageUpdateAutomation", "fleet", automation(template)).await;
            let path = at(flux, "ImageUpdateAutomation", "fleet");
            let found = world.until(&path, 60, is_ready).await;
            let nothing = if flux == V2_9 { "repository up-to-date" } else { "no updates made" };
            assert_eq!(ready(&found)["message"], nothing);
            assert_eq!(tip(&world, "main"), begin, "no commit without a change");

            registry.push(IMAGE, "1.0.1", &[], json!({}));
            let found = world.until(&path, 400, |found| found["status"]["lastPushCommit"].is_string()).await;
            let now = tip(&world, "main");
            assert_eq!(found["status"]["lastPushCommit"], now.to_string());
            assert_eq!(file(&world, now, "apps/debug.yaml"), FILE.replace("1.0.0", "1.0.1"));
            assert_eq!(file(&world, now, "elsewhere.yaml"), FILE, "it lies outside of the path");
            let repository = world.git.repository();
            let commit = repository.find_commit(now).unwrap();
            assert_eq!(commit.parent_id(0).unwrap(), begin);
            assert_eq!(commit.author().name(), Ok("fluxcdbot"));
            assert_eq!(commit.author().email(), Ok("fluxcdbot@users.noreply.github.com"));
            let message = match flux {
                V2_2_3 => format!("{IMAGE}:1.0.1\n"),
                V2_9 => format!("{IMAGE}:1.0.0 -> {IMAGE}:1.0.1"),
            };
            assert_eq!(commit.message(), Ok(message.as_str()));
            let short = &now.to_string()[..7];
            let told = world.events("fleet").await;
            match flux {
                V2_2_3 => {
                    let wanted =
                        format!("info: committed and pushed commit '{now}' to branch 'main'\n{message}");
                    assert!(told.contains(&wanted), "{told:?}");
                    let wanted = format!("no updates made; last commit {short} at ");
                    world
                        .until(&path, 2000, |found| {
                            ready(found)["message"].as_str().unwrap().starts_with(&wanted)
                        })
                        .await;
                }
                V2_9 => {
                    let wanted = format!("Succeeded: pushed commit '{short}' to branch 'main'\n{message}");
                    assert!(told.contains(&wanted), "{told:?}");
                    assert_eq!(ready(&found)["message"], "repository up-to-date");
                    assert_eq!(found["status"]["observedSourceRevision"], format!("main@sha1:{now}"));
                    assert_eq!(
                        found["status"]["observedPolicies"],
                        json!({ "debug": { "name": IMAGE, "tag": "1.0.1" } })
                    );
                }
            }
            world.clock.sleep(Duration::from_secs(4000)).await;
            assert_eq!(tip(&world, "main"), now, "no empty commits");
            let before = cluster.log().len();
            world.clock.sleep(Duration::from_secs(40_000)).await;
            assert_eq!(cluster.log().len(), before, "where nothing changes nothing is written");
        });
    }
}

#[test]
fn a_key_that_may_not_write_is_told_and_its_replacement_helps() {
    for flux in [V2_2_3, V2_9] {
        play_kinds(flux, &KINDS, |mut world, _| async move {
            let refusal =
                "unknown error: ERROR: The key you are authenticating with has been marked as read only.";
            *world.git.refuses.lock().unwrap() = Some(refusal.to_owned());
            world.write("apps/debug.yaml", &FILE.replace("1.0.0", "0.9.0")).commit("Begin");
            let begin = tip(&world, "main");
            follow(&mut world, flux, &["1.0.0"]).await;
            world.source().await;
            object(&world, flux, "ImageUpdateAutomation", "fleet", automation("")).await;
            let path = at(flux, "ImageUpdateAutomation", "fleet");
            let found = world.until(&path, 60, |found| ready(found)["status"] == "False").await;
            assert_eq!(ready(&found)["message"], format!("failed to push to remote: {refusal}"));
            let reason = if flux == V2_9 { "GitOperationFailed" } else { "ReconciliationFailed" };
            assert_eq!(ready(&found)["reason"], reason);
            assert_eq!(tip(&world, "main"), begin);
            assert!(found["status"]["lastAutomationRunTime"].is_null(), "no run came to its end");
            world.clock.sleep(Duration::from_secs(600)).await;
            let mut commits = 0;
            let repository = world.git.repository();
            let odb = repository.odb().unwrap();
            odb.foreach(|id| {
                commits += usize::from(repository.find_commit(*id).is_ok());
                true
            })
            .unwrap();
            assert_eq!(commits, 1, "what may not be pushed is not committed");
            world.git.let_in();
            let found = world.until(&path, 1800, |found| found["status"]["lastPushCommit"].is_string()).await;
            assert!(found["status"]["lastAutomationRunTime"].is_string());
            assert_eq!(file(&world, tip(&world, "main"), "apps/debug.yaml"), FILE);
        });
    }
}

#[test]
fn an_update_is_worked_out_again_where_the_branch_has_moved() {
    play_kinds(V2_9, &KINDS, |mut world, _| async move {
        let old = FILE.replace("1.0.0", "0.9.0");
        world.write("apps/debug.yaml", &old).commit("Begin");
        let git = world.git.clone();
        *world.git.overtaken.lock().unwrap() = Some(Box::new(move || {
            let files = [("apps/debug.yaml".to_owned(), old), ("apps/note".to_owned(), "by hand".to_owned())];
            git.commit("By hand", &files.into());
        }));
        follow(&mut world, V2_9, &["1.0.0"]).await;
        world.source().await;
        object(&world, V2_9, "ImageUpdateAutomation", "fleet", automation("")).await;
        let path = at(V2_9, "ImageUpdateAutomation", "fleet");
        world.until(&path, 60, |found| found["status"]["lastPushCommit"].is_string()).await;
        let now = tip(&world, "main");
        assert_eq!(file(&world, now, "apps/note"), "by hand", "the commit that came between stays");
        assert_eq!(file(&world, now, "apps/debug.yaml"), FILE);
        assert_eq!(world.git.pushes.lock().unwrap().len(), 2);
    });
}

#[test]
fn another_branch_is_made_anew_from_the_one_that_was_checked_out() {
    play_kinds(V2_9, &KINDS, |mut world, _| async move {
        world.write("apps/debug.yaml", &FILE.replace("1.0.0", "0.9.0")).commit("Begin");
        let begin = tip(&world, "main");
        let registry = follow(&mut world, V2_9, &["1.0.0"]).await;
        world.source().await;
        let mut spec = automation("");
        spec["git"]["push"] = json!({
            "branch": "updates",
            "refspec": "refs/heads/updates:refs/for/main",
            "options": { "topic": "images" },
        });
        object(&world, V2_9, "ImageUpdateAutomation", "fleet", spec).await;
        let path = at(V2_9, "ImageUpdateAutomation", "fleet");
        let found = world.until(&path, 60, |found| found["status"]["lastPushCommit"].is_string()).await;
        assert_eq!(found["status"]["observedSourceRevision"], format!("main@sha1:{begin}"));
        let first = tip(&world, "updates");
        assert_eq!(world.git.repository().refname_to_id("refs/for/main").unwrap(), first);
        assert_eq!(world.git.pushes.lock().unwrap()[0].options["topic"], "images");
        assert_eq!(tip(&world, "main"), begin);
        world.clock.sleep(Duration::from_secs(8000)).await;
        assert_eq!(tip(&world, "updates"), first, "it is there already");
        // A refspec without force cannot follow: the branch alone is pushed anew.
        let branch_only = json!({ "spec": { "git": { "push": { "refspec": null } } } });
        world.merge(&path, branch_only).await;
        registry.push(IMAGE, "1.0.1", &[], json!({}));
        world.until(&path, 400, |found| found["status"]["lastPushCommit"] != first.to_string()).await;
        let second = tip(&world, "updates");
        assert_eq!(world.git.repository().find_commit(second).unwrap().parent_id(0).unwrap(), begin);
        assert_eq!(file(&world, second, "apps/debug.yaml"), FILE.replace("1.0.0", "1.0.1"));
    });
}

#[test]
fn policies_are_selected_by_their_labels() {
    play_kinds(V2_9, &KINDS, |mut world, _| async move {
        world.write("apps/debug.yaml", &FILE.replace("1.0.0", "0.9.0")).commit("Begin");
        follow(&mut world, V2_9, &["1.0.0"]).await;
        world.source().await;
        let mut spec = automation("");
        spec["policySelector"] =
            json!({ "matchExpressions": [{ "key": "team", "operator": "In", "values": ["a"] }] });
        object(&world, V2_9, "ImageUpdateAutomation", "fleet", spec).await;
        let path = at(V2_9, "ImageUpdateAutomation", "fleet");
        world.until(&path, 60, is_ready).await;
        world.clock.sleep(Duration::from_secs(100)).await;
        assert!(world.get(&path).await["status"]["lastPushCommit"].is_null());
        world
            .merge(&at(V2_9, "ImagePolicy", "debug"), json!({ "metadata": { "labels": { "team": "a" } } }))
            .await;
        world.until(&path, 2000, |found| found["status"]["lastPushCommit"].is_string()).await;
    });
}

#[test]
fn commits_are_signed_with_an_ssh_key() {
    play_kinds(V2_9, &KINDS, |mut world, _| async move {
        world.write("apps/debug.yaml", &FILE.replace("1.0.0", "0.9.0")).commit("Begin");
        follow(&mut world, V2_9, &["1.0.0"]).await;
        let secret = |name: &str, data: Value| {
            json!({
                "apiVersion": "v1", "kind": "Secret",
                "metadata": { "name": name, "namespace": "flux-system" }, "data": data,
            })
        };
        let encoded = |text: &str| STANDARD.encode(text);
        world
            .apply(secret("key", json!({ "identity": encoded(include_str!("data/signatures/signing-key")) })))
            .await;
        world
            .apply(secret(
                "public",
                json!({ "bot.sshpub": encoded(include_str!("data/signatures/signing-key.pub")) }),
            ))
            .await;
        world.source().await;
        let source = "/apis/source.toolkit.fluxcd.io/v1/namespaces/flux-system/gitrepositories/fleet";
        let mut spec = automation("");
        spec["git"]["commit"]["signingKey"] = json!({ "type": "ssh", "secretRef": { "name": "key" } });
        object(&world, V2_9, "ImageUpdateAutomation", "fleet", spec.clone()).await;
        let path = at(V2_9, "ImageUpdateAutomation", "fleet");
        world.until(&path, 60, |found| found["status"]["lastPushCommit"].is_string()).await;
        let now = tip(&world, "main");
        world
            .merge(
                source,
                json!({ "spec": { "verify": { "mode": "HEAD", "secretRef": { "name": "public" } } } }),
            )
            .await;
        let found =
            world.until(source, 120, |found| condition(found, "SourceVerified")["status"] == "True").await;
        assert!(found["status"]["artifact"]["revision"].as_str().unwrap().ends_with(&now.to_string()));
        // Without a type it is an OpenPGP key.
        spec["git"]["commit"]["signingKey"] = json!({ "secretRef": { "name": "key" } });
        object(&world, V2_9, "ImageUpdateAutomation", "pgp", spec).await;
        let found = world
            .until(&at(V2_9, "ImageUpdateAutomation", "pgp"), 60, |found| ready(found)["status"] == "False")
            .await;
        assert_eq!(
            ready(&found)["message"],
            "failed configuring source manager: signing key secret 'key' does not contain a 'git.asc' key"
        );
    });
}

#[test]
fn commits_are_signed_with_an_openpgp_key() {
    let manager = "failed configuring source manager: ";
    for (flux, shown, context) in [(V2_2_3, "flux-system/key", ""), (V2_9, "key", manager)] {
        play_kinds(flux, &KINDS, move |mut world, _| async move {
            world.write("apps/debug.yaml", &FILE.replace("1.0.0", "0.9.0")).commit("Begin");
            follow(&mut world, flux, &["1.0.0"]).await;
            let secret = |name: &str, data: Value| {
                json!({
                    "apiVersion": "v1", "kind": "Secret",
                    "metadata": {
                        "name": name, "namespace": "flux-system", "labels": { "reconcile.fluxcd.io/watch": "Enabled" },
                    },
                    "stringData": data,
                })
            };
            let locked = include_str!("data/signatures/openpgp/locked.asc");
            world.apply(secret("key", json!({ "git.asc": locked }))).await;
            let public = include_str!("data/signatures/openpgp/locked.pub.asc");
            world.apply(secret("public", json!({ "bot.asc": public }))).await;
            world.source().await;
            let mut spec = automation("");
            spec["git"]["commit"]["signingKey"] = json!({ "secretRef": { "name": "key" } });
            object(&world, flux, "ImageUpdateAutomation", "fleet", spec).await;
            let path = at(flux, "ImageUpdateAutomation", "fleet");
            let words = [
                (
                    json!({ "git.asc": locked }),
                    format!(
                        "{context}can not use passphrase protected signing key without 'passphrase' field present in secret {shown}"
                    ),
                ),
                (
                    json!({ "git.asc": locked, "passphrase": "hunter3" }),
                    format!(
                        "{context}could not decrypt private key of the signing key present in secret {shown}: \
                         openpgp: invalid data: private key checksum failure"
                    ),
                ),
            ];
            for (data, words) in words {
                world.apply(secret("key", data)).await;
                let found = world.until(&path, 2000, |found| ready(found)["message"] == words.as_str()).await;
                let reason = if flux == V2_9 { "SourceManagerFailed" } else { "ReconciliationFailed" };
                assert_eq!(ready(&found)["reason"], reason);
            }
            // That a key does not sign is found out where there is something to sign.
            world.apply(secret("key", json!({ "git.asc": public }))).await;
            let words = "failed to commit: openpgp: invalid argument: signing key doesn't have a private key";
            let found = world.until(&path, 2000, |found| ready(found)["message"] == words).await;
            let reason = if flux == V2_9 { "GitOperationFailed" } else { "ReconciliationFailed" };
            assert_eq!(ready(&found)["reason"], reason);
            let before = tip(&world, "main");
            world.apply(secret("key", json!({ "git.asc": locked, "passphrase": "hunter2" }))).await;
            world.until(&path, 2000, |found| found["status"]["lastPushCommit"].is_string()).await;
            let now = tip(&world, "main");
            assert_ne!(before, now);
            if flux == V2_9 {
                let source = "/apis/source.toolkit.fluxcd.io/v1/namespaces/flux-system/gitrepositories/fleet";
                let verify = json!({ "mode": "HEAD", "secretRef": { "name": "public" } });
                world.merge(source, json!({ "spec": { "verify": verify } })).await;
                let verified = |found: &Value| condition(found, "SourceVerified")["status"] == "True";
                let found = world.until(source, 120, verified).await;
                let revision = found["status"]["artifact"]["revision"].as_str().unwrap();
                assert!(revision.ends_with(&now.to_string()));
            }
        });
    }
}

/// An automation that signs with a key of this type in this Secret.
fn signed_with(type_: &str, secret: &str) -> Value {
    let key = json!({ "type": type_, "secretRef": { "name": secret } });
    json!({ "git": { "checkout": { "ref": { "branch": "main" } },
        "commit": { "author": { "email": "a@b" }, "signingKey": key } } })
}

/// An automation that pushes with this refspec, too.
fn pushed_with(refspec: &str) -> Value {
    let mut git = automation("")["git"].clone();
    git["push"]["refspec"] = refspec.into();
    json!({ "git": git })
}

#[test]
fn a_template_is_looked_at_when_the_release_does() {
    for flux in [V2_2_3, V2_9] {
        play_kinds(flux, &KINDS, |mut world, _| async move {
            world.write("apps/debug.yaml", FILE).commit("Begin");
            let registry = follow(&mut world, flux, &["1.0.0"]).await;
            world.until(&at(flux, "ImagePolicy", "debug"), 60, is_ready).await;
            world.source().await;
            object(&world, flux, "ImageUpdateAutomation", "fleet", automation("{{ .Nothing }}")).await;
            let path = at(flux, "ImageUpdateAutomation", "fleet");
            if flux == V2_9 {
                world.until(&path, 60, is_ready).await;
                registry.push(IMAGE, "1.0.1", &[], json!({}));
            }
            let found = world.until(&path, 400, |found| ready(found)["status"] == "False").await;
            let message = ready(&found)["message"].as_str().unwrap().to_owned();
            assert!(message.contains("can't evaluate field Nothing in type "), "{message}");
        });
    }
}

#[test]
fn an_automation_of_the_old_release_waits_for_its_source() {
    play_kinds(V2_2_3, &KINDS, |mut world, _| async move {
        world.write("apps/debug.yaml", FILE).commit("Begin");
        follow(&mut world, V2_2_3, &["1.0.0"]).await;
        object(&world, V2_2_3, "ImageUpdateAutomation", "fleet", automation("")).await;
        let path = at(V2_2_3, "ImageUpdateAutomation", "fleet");
        let found = world.until(&path, 60, |found| ready(found)["status"] == "False").await;
        assert_eq!(ready(&found)["reason"], "GitRepositoryNotAvailable");
        assert_eq!(ready(&found)["message"], "referenced git repository is missing");
        assert_eq!(world.events("fleet").await, Vec::<String>::new());
        world.source().await;
        world.until(&path, 60, is_ready).await;
    });
}

#[test]
fn two_repositories_of_one_image_wake_their_own_policies() {
    for flux in [V2_2_3, V2_9] {
        play_kinds(flux, &KINDS, |mut world, _| async move {
            let registry = follow(&mut world, flux, &["1.0.0"]).await;
            let second = json!({ "image": IMAGE, "interval": "7m" });
            object(&world, flux, "ImageRepository", "second", second).await;
            let policy = json!({ "imageRepositoryRef": { "name": "second" }, "policy": { "semver": { "range": "1.0.x" } } });
            object(&world, flux, "ImagePolicy", "second", policy).await;
            let path = at(flux, "ImagePolicy", "second");
            world.until(&path, 60, is_ready).await;
            registry.push(IMAGE, "1.0.1", &[], json!({}));
            let told = |found: &Value| ready(found)["message"].as_str().unwrap().contains("1.0.1");
            world.until(&at(flux, "ImagePolicy", "debug"), 310, told).await;
            assert!(!told(&world.get(&path).await), "its own repository is not scanned yet");
            world.until(&path, 130, told).await;
        });
    }
}

#[test]
fn what_is_wrong_with_an_automation_is_told() {
    let cases = [
        (
            "{{range .Updated.Images}}{{end}}",
            json!({}),
            "RemovedTemplateField",
            "template uses removed '.Updated' field. Please use '.Changed' instead.",
        ),
        (
            "{{ nope }}",
            json!({}),
            "GitOperationFailed",
            "unable to create commit message from template: template: commit message:1: function \"nope\" not defined",
        ),
        (
            "",
            json!({ "update": { "path": "./nowhere" } }),
            "UpdateFailed",
            "failed to update source: path './nowhere' not found in repository",
        ),
        (
            "",
            json!({ "sourceRef": { "kind": "GitRepository", "name": "none" } }),
            "SourceManagerFailed",
            "failed configuring source manager: failed to get source: GitRepository.source.toolkit.fluxcd.io \"none\" not found",
        ),
        (
            "",
            json!({ "sourceRef": { "kind": "Bucket", "name": "b" } }),
            "InvalidSourceConfiguration",
            "source kind 'Bucket' not supported",
        ),
        (
            "",
            json!({ "git": { "checkout": { "ref": { "branch": "none" } }, "commit": { "author": { "email": "a@b" } } } }),
            "GitOperationFailed",
            "failed to checkout source: unable to clone 'https://git.test/fleet': couldn't find remote ref \"refs/heads/none\"",
        ),
        (
            "",
            json!({ "git": { "checkout": { "ref": { "tag": "v1" } }, "commit": { "author": { "email": "a@b" } } } }),
            "SourceManagerFailed",
            "failed configuring source manager: push spec not provided, and cannot be inferred from .spec.git.checkout.ref or GitRepository .spec.ref",
        ),
        (
            "",
            json!({ "git": { "checkout": { "ref": { "name": "refs/heads/main" } }, "commit": { "author": { "email": "a@b" } } } }),
            "SourceManagerFailed",
            "failed configuring source manager: push spec not provided, and cannot be inferred",
        ),
        (
            "",
            pushed_with("+HEAD:refs/for/main"),
            "NotSupported",
            "Seatrial does not support spec.git.push.refspec '+HEAD:refs/for/main' of an ImageUpdateAutomation",
        ),
        (
            "",
            pushed_with("refs/heads/other:refs/for/main"),
            "NotSupported",
            "Seatrial does not support spec.git.push.refspec 'refs/heads/other:refs/for/main' of an ImageUpdateAutomation",
        ),
        (
            "",
            signed_with("ssh", "none"),
            "SourceManagerFailed",
            "failed configuring source manager: could not find signing key secret 'none': ",
        ),
        (
            "",
            signed_with("ssh", "key"),
            "SourceManagerFailed",
            "failed configuring source manager: signing key secret 'key' does not contain an 'identity' key",
        ),
        ("", pushed_with("HEAD"), "InvalidSourceConfiguration", "invalid refspec 'HEAD'"),
    ];
    play_kinds(V2_9, &KINDS, |mut world, _| async move {
        world.write("apps/debug.yaml", &FILE.replace("1.0.0", "0.9.0")).commit("Begin");
        follow(&mut world, V2_9, &["1.0.0"]).await;
        world.until(&at(V2_9, "ImagePolicy", "debug"), 60, is_ready).await;
        world
            .apply(json!({
                "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "key", "namespace": "flux-system" },
            }))
            .await;
        world.source().await;
        for (index, (template, fields, reason, message)) in cases.into_iter().enumerate() {
            let name = format!("wrong-{index}");
            let mut spec = automation(template);
            for (key, value) in fields.as_object().unwrap() {
                spec[key] = value.clone();
            }
            object(&world, V2_9, "ImageUpdateAutomation", &name, spec).await;
            let found = world
                .until(&at(V2_9, "ImageUpdateAutomation", &name), 10, |found| {
                    ready(found)["status"] == "False"
                })
                .await;
            assert_eq!(ready(&found)["reason"], reason, "{name}");
            let told = ready(&found)["message"].as_str().unwrap();
            assert!(told.starts_with(message), "{told}");
        }
    });
}

#[test]
fn suspended_objects_do_nothing() {
    play_kinds(V2_9, &KINDS, |mut world, _| async move {
        world.write("apps/debug.yaml", &FILE.replace("1.0.0", "0.9.0")).commit("Begin");
        world.source().await;
        let mut spec = automation("");
        spec["suspend"] = true.into();
        object(&world, V2_9, "ImageUpdateAutomation", "fleet", spec).await;
        follow(&mut world, V2_9, &["1.0.0"]).await;
        let policy = at(V2_9, "ImagePolicy", "debug");
        world.until(&policy, 60, is_ready).await;
        world.clock.sleep(Duration::from_secs(100)).await;
        let path = at(V2_9, "ImageUpdateAutomation", "fleet");
        assert!(world.get(&path).await["status"]["conditions"].is_null());
        world.merge(&path, json!({ "spec": { "suspend": false } })).await;
        world.until(&path, 10, |found| found["status"]["lastPushCommit"].is_string()).await;
    });
}
