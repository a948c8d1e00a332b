//! What a run with planted secrets leaves in its folder and on its clusters, before it ends.

use super::world::World;
use super::{RunOptions, step};
use crate::plan::plan;
use crate::scenario::parse_file;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use seatrial_time::{Simulation, simulate};
use std::io::Read as _;
use std::ops::ControlFlow;
use std::path::Path;

fn files(folder: &Path, found: &mut Vec<(String, Vec<u8>)>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
            continue;
        }
        let content = std::fs::read(&path).unwrap();
        // Objects of Git.
        let mut plain = Vec::new();
        if flate2::read::ZlibDecoder::new(content.as_slice()).read_to_end(&mut plain).is_ok() {
            found.push((path.display().to_string(), plain));
        }
        found.push((path.display().to_string(), content));
    }
}

/// The scenario plants its values with `seal`. In Git, in every state of every object but the Secrets themselves (events, statuses
/// and all), and in the log of the controller there is none of them, nor a private key.
#[test]
fn neither_git_nor_the_history_of_a_cluster_shows_what_was_sealed() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios/secrets/kustomize-hash-strict.yaml");
    let plan = plan(&parse_file(&file).unwrap()[0]);
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().to_owned();
    let (history, log) = simulate(Simulation::seeded(1), |clock| async move {
        let mut world = World::new(clock.clone(), &RunOptions::default(), &place);
        world.build(&plan).await.unwrap();
        let started = clock.now();
        for planned in &plan.steps {
            step::play(&mut world, planned, started).await.map_err(|failure| failure.message).unwrap();
        }
        let mut history = Vec::new();
        let cluster = &world.clusters["beta"];
        cluster.history.since(0, &mut |past| {
            if past.object["kind"] != "Secret" {
                history.push(past.object.to_string());
            }
            ControlFlow::Continue(())
        });
        let log = cluster.sealed.as_ref().unwrap().log("kube-system", "sealed-secrets-controller").unwrap();
        (history, log)
    })
    .unwrap();
    let mut all = vec![("the log of the controller".to_owned(), log.into_bytes())];
    all.extend(history.into_iter().map(|object| (object.clone(), object.into_bytes())));
    let states = all.len();
    files(folder.path(), &mut all);
    assert!(states > 100 && all.len() > states + 20, "{states} states, {} in all", all.len());
    let secrets = ["bar-of-the-scenario".to_owned(), STANDARD.encode("bar-of-the-scenario")];
    for (name, content) in all {
        for secret in secrets.iter().map(String::as_str).chain(["PRIVATE KEY"]) {
            let shows = content.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!shows, "{secret} is in {name}");
        }
    }
}
