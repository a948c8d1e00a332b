//! Kustomizations with remote bases that the run serves.

#![allow(clippy::unwrap_used, clippy::panic, reason = "this is a test")]

mod support;

use seatrial_api::FluxRelease::V2_9;
use serde_json::json;
use std::time::Duration;
use support::*;

const DAY: Duration = Duration::from_secs(60 * 60 * 24);

#[test]
fn a_remote_base_is_followed_without_a_new_revision_of_the_source() {
    play(V2_9, |mut world, cluster| async move {
        world.write("apps/kustomization.yaml", &format!("resources: ['{URL}//base?ref={BRANCH}']\n"));
        world.write("base/kustomization.yaml", "resources: [one.yaml]\n");
        world.write("base/one.yaml", &cm_file("one", "1"));
        let revision = world.commit("Start");
        world.source().await;
        world.kustomization("apps", "./apps", json!({})).await;
        world.ready("apps", &revision).await;
        assert_eq!(world.get(&cm("one")).await["data"]["key"], "1");
        world.merge(SOURCE, json!({ "spec": { "suspend": true } })).await;
        // Nothing moves: nothing is written, for as long as that lasts.
        world.clock.sleep(DAY).await;
        let before = cluster.log().len();
        world.clock.sleep(DAY).await;
        assert_eq!(cluster.log().len(), before);
        world.write("base/one.yaml", &cm_file("one", "2"));
        world.commit("The base moves");
        world.until(&cm("one"), 660, |one| one["data"]["key"] == "2").await;
        let apps = world.get(&ks("apps")).await;
        assert_eq!(apps["status"]["lastAppliedRevision"], revision);
    });
}

#[test]
fn a_remote_base_that_is_not_served_fails_the_build_and_says_how_to_serve_it() {
    play(V2_9, |mut world, _| async move {
        world.write("apps/kustomization.yaml", "resources: ['https://git.test/other//base?ref=v1']\n");
        world.commit("Start");
        world.source().await;
        world.kustomization("apps", "./apps", json!({})).await;
        let apps = world.fails("apps", "BuildFailed").await;
        let message = ready(&apps)["message"].as_str().unwrap().to_owned();
        for says in ["https://git.test/other", "is not served", "--serve https://git.test/other=PATH"] {
            assert!(message.contains(says), "{message}");
        }
    });
}
