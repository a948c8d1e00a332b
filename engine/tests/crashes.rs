//! An engine that dies at any write, and is started again, ends where one that lives does.

#![allow(clippy::unwrap_used, clippy::panic, reason = "this is a test")]

mod support;

use rstest::rstest;
use seatrial_api::FluxRelease::V2_9;
use seatrial_engine::{ArtifactStore, Engine};
use seatrial_render::Renderer;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use support::*;

/// All that people and engine make in the story.
const RESOURCES: [&str; 6] = [
    "/api/v1/namespaces",
    "/api/v1/configmaps",
    "/api/v1/persistentvolumeclaims",
    "/apis/rbac.authorization.k8s.io/v1/clusterroles",
    "/apis/kustomize.toolkit.fluxcd.io/v1/kustomizations",
    "/apis/source.toolkit.fluxcd.io/v1/gitrepositories",
];
const CLAIM: &str = "/api/v1/namespaces/team/persistentvolumeclaims/data";

fn team_cm(name: &str, extra: &str, value: &str) -> String {
    format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\n  namespace: team\n{extra}data:\n  key: \"{value}\"\n"
    )
}

fn team(name: &str) -> String {
    format!("/api/v1/namespaces/team/configmaps/{name}")
}

type Snapshot = BTreeMap<String, Value>;

/// What there is to see after the commit, and after the deletion; and every write of the first engine.
struct Played {
    snapshots: [Snapshot; 2],
    writes: Vec<String>,
    deaths: usize,
}

/// Starts an engine for each of these gates, the next when the last has died; none of the process is left to it.
fn engines(world: &mut World, gates: Vec<Gate>) -> (seatrial_time::Task, Arc<Mutex<usize>>) {
    let deaths = Arc::new(Mutex::new(0));
    let (clock, client, options) = (world.clock.clone(), world.client.clone(), world.options().clone());
    let task = world.clock.clone().spawn("engines", {
        let deaths = deaths.clone();
        async move {
            for gate in gates {
                let mut options = options.clone();
                options.client = gate.client(&client);
                options.artifacts = Arc::new(ArtifactStore::new());
                options.renderer = Arc::new(Renderer::new());
                let engine = Engine::start(options);
                gate.death().await;
                drop(engine);
                *deaths.lock().unwrap() += 1;
                clock.sleep(Duration::from_secs(3)).await;
            }
        }
    });
    (task, deaths)
}

/// Two Kustomizations, one after the other; health; a commit that changes, replaces, takes over and removes; a deletion that has to
/// wait for somebody.
async fn story(world: &mut World) -> [Snapshot; 2] {
    world.write("infra/namespace.yaml", "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: team\n");
    world.write(
        "infra/role.yaml",
        "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata:\n  name: reader\nrules: []\n",
    );
    world.write("infra/shared.yaml", &team_cm("shared", "", "1"));
    world.write("apps/one.yaml", &team_cm("one", "", "1")).write("apps/two.yaml", &team_cm("two", "", "1"));
    world.write("apps/fixed.yaml", &team_cm("fixed", "immutable: true\n", "1"));
    world.write("apps/guarded.yaml", &team_cm("guarded", "  finalizers: [test.dev/guard]\n", "1"));
    world.write(
        "apps/claim.yaml",
        "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata:\n  name: data\n  namespace: team\n\
         spec:\n  accessModes: [ReadWriteOnce]\n  resources: {requests: {storage: 1Gi}}\n",
    );
    let revision = world.commit("Start");
    world.source().await;
    let after = json!({ "dependsOn": [{ "name": "infra" }], "wait": true, "force": true,
                        "deletionPolicy": "WaitForTermination" });
    world.kustomization("apps", "./apps", after).await;
    world.kustomization("infra", "./infra", json!({})).await;
    world.until(CLAIM, 600, |claim| !claim.is_null()).await;
    world.merge(&format!("{CLAIM}/status"), json!({ "status": { "phase": "Bound" } })).await;
    world.ready("infra", &revision).await;
    world.ready("apps", &revision).await;

    let edited = json!({ "metadata": { "labels": { "edited": "yes" } }, "data": { "more": "x" } });
    world.merge(&format!("{}?fieldManager=kubectl-edit", team("one")), edited).await;
    world
        .write("apps/one.yaml", &team_cm("one", "", "2"))
        .write("apps/three.yaml", &team_cm("three", "", "1"));
    world.write("apps/fixed.yaml", &team_cm("fixed", "immutable: true\n", "2")).remove("apps/two.yaml");
    world.write("infra/shared.yaml", &team_cm("shared", "", "2")).remove("infra/role.yaml");
    let revision = world.commit("Change");
    world.ready("infra", &revision).await;
    world.ready("apps", &revision).await;
    world.clock.sleep(Duration::from_secs(1500)).await;
    let changed = snapshot(world, &RESOURCES).await;

    world.delete(&ks("apps")).await;
    world.until(&team("guarded"), 900, |it| it["metadata"]["deletionTimestamp"].is_string()).await;
    world.clock.sleep(Duration::from_secs(20)).await;
    assert!(!world.get(&ks("apps")).await.is_null(), "it does not wait for what it deletes");
    world.merge(&team("guarded"), json!({ "metadata": { "finalizers": null } })).await;
    world.until(&ks("apps"), 900, Value::is_null).await;
    world.clock.sleep(Duration::from_secs(1500)).await;
    [changed, snapshot(world, &RESOURCES).await]
}

/// Plays the story with engines that die so.
fn played(place: Place, kills: &[Kill]) -> Played {
    let out = Arc::new(Mutex::new(None));
    let result = out.clone();
    let gates: Vec<Gate> = kills.iter().map(|kill| Gate::deadly(*kill)).chain([Gate::open()]).collect();
    play_at(place, V2_9, &["Kustomization", "GitRepository"], |mut world, _| async move {
        world.engine = None;
        let first = gates[0].clone();
        let (_task, deaths) = engines(&mut world, gates);
        let snapshots = story(&mut world).await;
        let deaths = *deaths.lock().unwrap();
        *result.lock().unwrap() = Some(Played { snapshots, writes: first.writes(), deaths });
    });
    out.lock().unwrap().take().unwrap()
}

/// What differs, as lines.
fn differences(expected: &Snapshot, found: &Snapshot) -> Vec<String> {
    let keys: std::collections::BTreeSet<&String> = expected.keys().chain(found.keys()).collect();
    keys.into_iter()
        .filter(|key| expected.get(*key) != found.get(*key))
        .map(|key| {
            let text = |all: &Snapshot| all.get(key).map_or("(none)".to_owned(), Value::to_string);
            format!("{key}\n  lives {}\n  died  {}", text(expected), text(found))
        })
        .collect()
}

fn compare(place: Place, lives: &Played, kills: &[Kill]) -> Vec<String> {
    let died = played(place, kills);
    assert!(died.deaths > 0, "{kills:?}: the engine outlived its story");
    let all = lives.snapshots.iter().zip(&died.snapshots);
    let found: Vec<String> = all.flat_map(|(lives, died)| differences(lives, died)).collect();
    found.into_iter().map(|line| format!("{kills:?} ({}): {line}", died.writes.last().unwrap())).collect()
}

#[rstest]
fn an_engine_that_dies_at_any_write_ends_where_one_that_lives_does(
    #[values(Place::Here, Place::Elsewhere)] place: Place,
) {
    let lives = played(place, &[]);
    let writes = lives.writes.len();
    assert!(writes > 40, "a story of {writes} writes: {:#?}", lives.writes);
    let shown: Vec<&String> = lives.snapshots[0].keys().collect();
    assert!(shown.iter().any(|key| key.ends_with("team/three")), "{shown:?}");
    // On a cluster elsewhere no period is skipped: there, fewer engines die.
    let sparse = if place == Place::Here { 1 } else { 8 };
    let before = (1..=writes).step_by(sparse).map(Kill::Before);
    // What one write did is mostly what the next finds: the difference is what else is under way.
    let after = (1..=writes).step_by(3 * sparse).map(Kill::After);
    let wrong: Vec<String> = before.chain(after).flat_map(|kill| compare(place, &lives, &[kill])).collect();
    assert!(wrong.is_empty(), "{} differences\n{}", wrong.len(), wrong.join("\n"));
}

#[rstest]
fn an_engine_that_dies_again_soon_after_its_start_does_too(
    #[values(Place::Here, Place::Elsewhere)] place: Place,
) {
    let lives = played(place, &[]);
    let mut wrong = Vec::new();
    for first in (2..lives.writes.len()).step_by(if place == Place::Here { 5 } else { 25 }) {
        let again = first % 4 + 1;
        wrong.extend(compare(place, &lives, &[Kill::After(first), Kill::Before(again), Kill::After(again)]));
    }
    assert!(wrong.is_empty(), "{} differences\n{}", wrong.len(), wrong.join("\n"));
}
