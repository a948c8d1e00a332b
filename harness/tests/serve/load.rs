//! Many at once: none is lost.
//!
//! 20 clones and 5 pushes; with `SEATRIAL_LOAD=full` 100 and 20.

use crate::programs::{add_key, git, has_ssh, key_pair, public};
use crate::world::{World, serve};
use futures::future::join_all;
use rstest::rstest;
use std::path::Path;

/// Clones and pushes at the same time, over `url`.
async fn load(world: &World, key: Option<&Path>, url: &str) {
    let full = std::env::var("SEATRIAL_LOAD").is_ok_and(|load| load == "full");
    let (clones, pushes) = if full { (100, 20) } else { (20, 5) };
    let dir = world.folder.path().to_owned();
    git(world, &dir, key, &["clone", "-q", url, "base"]).await.must();
    let head = git(world, &dir.join("base"), None, &["rev-parse", "HEAD"]).await.must();
    let clone = async |at: usize| {
        let name = format!("clone-{at}");
        git(world, &dir, key, &["clone", "-q", url, &name]).await.must();
        git(world, &dir.join(name), None, &["rev-parse", "HEAD"]).await.must()
    };
    let push = async |at: usize| {
        let name = format!("push-{at}");
        git(world, &dir, None, &["clone", "-q", "base", &name]).await.must();
        let own = dir.join(&name);
        std::fs::write(own.join(&name), "content").unwrap();
        git(world, &own, None, &["add", "."]).await.must();
        git(world, &own, None, &["commit", "-q", "-m", &name]).await.must();
        git(world, &own, key, &["push", "-q", url, &format!("HEAD:refs/heads/{name}")]).await.must();
        let commit = git(world, &own, None, &["rev-parse", "HEAD"]).await.must();
        format!("{commit}\trefs/heads/{name}")
    };
    let began = seatrial_time::Clock::wall().now();
    let (cloned, pushed) =
        futures::future::join(join_all((0..clones).map(clone)), join_all((0..pushes).map(push))).await;
    let took = seatrial_time::Clock::wall().now().duration_since(began);
    eprintln!("{clones} clones and {pushes} pushes in {took:#}");
    assert!(cloned.iter().all(|found| *found == head));
    let refs = git(world, &dir, key, &["ls-remote", "--heads", url]).await.must();
    for line in pushed {
        assert!(refs.lines().any(|found| found == line), "{line} is lost:\n{refs}");
    }
    let stored = world.folder.path().join("run/git/fleet.git");
    let sound = git(world, &stored, None, &["fsck", "--strict", "--full"]).await;
    assert!(sound.ok && !sound.err.contains("error"), "{sound:?}");
}

#[rstest]
#[case::http(false)]
#[case::https(true)]
fn many_clone_and_push_over_http(#[case] tls: bool) {
    serve(false, async |world| {
        let forge = &world.ready().forge;
        let server = if tls { &forge.https } else { &forge.http };
        let (scheme, host) = server.split_once("://").unwrap();
        let url = format!("{scheme}://jane:{}@{host}/seatrial/fleet.git", world.token());
        load(&world, None, &url).await;
    });
}

#[cfg(feature = "ssh")]
#[test]
fn many_clone_and_push_over_ssh() {
    if !has_ssh() {
        return;
    }
    serve(false, async |world| {
        let key = key_pair(world.folder.path(), "rw", &["-t", "ed25519"]).await;
        add_key(&world, "rw", &public(&key), false).await;
        let url = format!("{}/seatrial/fleet.git", world.ready().forge.ssh.as_ref().unwrap());
        load(&world, Some(&key), &url).await;
    });
}
