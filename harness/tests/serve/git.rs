//! Git over smart HTTP, with the real `git`.

use crate::client::{Client, Tls};
use crate::world::{World, serve};
use rstest::rstest;
use std::path::Path;
use std::process::Output;
use tokio::process::Command;

/// Runs git in `dir`, without the user's configuration, with the credentials of the run where asked.
async fn git(world: &World, dir: &Path, credentials: bool, args: &[&str]) -> Output {
    let mut command = Command::new("git");
    if credentials {
        let file = world.ready().forge.credentials.display();
        command.arg("-c").arg(format!("credential.helper=store --file={file}"));
    }
    command
        .args(["-c", "user.name=Jane", "-c", "user.email=jane@example.test"])
        .args(args)
        .current_dir(dir)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_TERMINAL_PROMPT", "0")
        .output()
        .await
        .unwrap()
}

async fn must(world: &World, dir: &Path, args: &[&str]) -> String {
    let output = git(world, dir, true, args).await;
    assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
}

fn url(world: &World) -> String {
    world.ready().forge.repositories["fleet"].clone()
}

#[test]
fn a_clone_a_commit_and_a_push_reach_the_cluster() {
    serve(true, async |world| {
        let dir = world.folder.path().to_owned();
        must(&world, &dir, &["clone", "-q", &url(&world), "clone"]).await;
        let clone = dir.join("clone");
        let subjects = must(&world, &clone, &["log", "--format=%s"]).await;
        assert!(subjects.starts_with("Add Flux sync manifests\nAdd Flux v"), "{subjects}");

        let more = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: pushed, namespace: default}\n";
        std::fs::write(clone.join("clusters/beta/more.yaml"), more).unwrap();
        must(&world, &clone, &["add", "."]).await;
        must(&world, &clone, &["commit", "-q", "-m", "more"]).await;
        must(&world, &clone, &["push", "-q", "origin", "main"]).await;

        // Ask as `flux reconcile source git flux-system` does, so as not to wait for the interval.
        let bearer = format!("Bearer {}", world.user("token"));
        let api = world.api(Tls { pair: None, protocol: "h2" }).with("authorization", &bearer);
        let patch = r#"{"metadata": {"annotations": {"reconcile.fluxcd.io/requestedAt": "now"}}}"#;
        let source = "/apis/source.toolkit.fluxcd.io/v1/namespaces/flux-system/gitrepositories/flux-system";
        let patching = api.clone().with("content-type", "application/merge-patch+json");
        assert_eq!(patching.send("PATCH", source, patch).await.status, 200);
        let clock = seatrial_time::Clock::wall();
        for attempt in 0.. {
            if api.get("/api/v1/namespaces/default/configmaps/pushed").await.status == 200 {
                break;
            }
            assert!(attempt < 300, "the push does not reach the cluster: {:?}", api.get(source).await);
            clock.sleep(std::time::Duration::from_millis(100)).await;
        }
    });
}

#[test]
fn a_large_push_and_a_shallow_clone_work() {
    serve(false, async |world| {
        let dir = world.folder.path().to_owned();
        must(&world, &dir, &["clone", "-q", &url(&world), "clone"]).await;
        let clone = dir.join("clone");
        // More than Git sends without chunks, and nothing that it could compress.
        let mut state = 7_u64;
        let mut noise = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state as u8
        };
        let noise: Vec<u8> = (0..4_000_000).map(|_| noise()).collect();
        std::fs::write(clone.join("noise"), &noise).unwrap();
        must(&world, &clone, &["add", "."]).await;
        must(&world, &clone, &["commit", "-q", "-m", "noise"]).await;
        must(&world, &clone, &["push", "-q", "origin", "HEAD:refs/heads/side"]).await;
        must(&world, &dir, &["clone", "-q", "--depth=1", "--branch=side", &url(&world), "shallow"]).await;
        assert!(std::fs::read(dir.join("shallow/noise")).unwrap() == noise);
    });
}

#[test]
fn git_without_the_token_is_refused() {
    serve(false, async |world| {
        let dir = world.folder.path().to_owned();
        let output = git(&world, &dir, false, &["clone", &url(&world), "clone"]).await;
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && stderr.contains("could not read Username"), "{stderr}");
        let wrong = url(&world).replace("http://", "http://git:wrong@");
        let output = git(&world, &dir, false, &["clone", &wrong, "clone"]).await;
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && stderr.contains("Authentication failed"), "{stderr}");
    });
}

#[rstest]
#[case::read("GET", "/fleet.git/info/refs?service=git-upload-pack")]
#[case::write("POST", "/fleet.git/git-receive-pack")]
#[case::another_repository("GET", "/other.git/info/refs?service=git-upload-pack")]
#[case::root("GET", "/")]
fn every_path_asks_for_credentials(#[case] method: &str, #[case] path: &str) {
    serve(false, async |world| {
        let client = Client::http(&world.ready().forge.http);
        let answer = client.send(method, path, "").await;
        assert_eq!(answer.status, 401);
        assert!(answer.header("www-authenticate").starts_with("Basic "), "{answer:?}");
        let bearer = format!("Bearer {}", world.token());
        let answer = client.with("authorization", &bearer).send(method, path, "").await;
        assert_ne!(answer.status, 401);
    });
}

#[test]
fn a_repository_that_is_not_there_is_named_with_those_that_are() {
    serve(false, async |world| {
        let bearer = format!("Bearer {}", world.token());
        let client = Client::http(&world.ready().forge.http).with("authorization", &bearer);
        let answer = client.get("/..%2f..%2fetc.git/info/refs?service=git-upload-pack").await;
        assert_eq!(answer.status, 404);
        let words = String::from_utf8_lossy(&answer.body);
        assert!(words.contains(&url(&world)), "{words}");
    });
}
