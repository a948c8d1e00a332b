//! Git over SSH, with the real OpenSSH.

use crate::programs::{add_key, git, has_ssh, key_pair, public, ssh_options, tip};
use crate::world::{World, serve};
use rstest::rstest;
use std::path::{Path, PathBuf};
use tokio::process::Command;

const FLEET: &str = "seatrial/fleet";

fn url(world: &World) -> String {
    format!("{}/{FLEET}.git", world.ready().forge.ssh.as_ref().unwrap())
}

fn folder(world: &World) -> PathBuf {
    world.folder.path().to_owned()
}

/// Clones with a key, and makes a commit that nobody has seen.
async fn commit(world: &World, key: &Path, name: &str) -> PathBuf {
    let dir = folder(world);
    git(world, &dir, Some(key), &["clone", "-q", &url(world), name]).await.must();
    let clone = dir.join(name);
    std::fs::write(clone.join(name), "new").unwrap();
    git(world, &clone, None, &["add", "."]).await.must();
    git(world, &clone, None, &["commit", "-q", "-m", name]).await.must();
    clone
}

#[rstest]
#[case::ed25519(&["-t", "ed25519"])]
#[case::ecdsa_p256(&["-t", "ecdsa", "-b", "256"])]
#[case::ecdsa_p384_as_flux_makes_it(&["-t", "ecdsa", "-b", "384"])]
#[case::ecdsa_p521(&["-t", "ecdsa", "-b", "521"])]
fn a_read_write_deploy_key_clones_and_pushes(#[case] sort: &[&str]) {
    if !has_ssh() {
        return;
    }
    serve(false, async |world| {
        let key = key_pair(&folder(&world), "rw", sort).await;
        add_key(&world, "rw", &public(&key), false).await;
        let clone = commit(&world, &key, "pushed").await;
        git(&world, &clone, Some(&key), &["push", "-q", "origin", "main"]).await.must();
        let head = git(&world, &clone, None, &["rev-parse", "HEAD"]).await.must();
        assert_eq!(tip(&world, FLEET, "main").await, Some(head));
    });
}

#[test]
fn a_read_only_deploy_key_clones_and_does_not_push() {
    if !has_ssh() {
        return;
    }
    serve(false, async |world| {
        let key = key_pair(&folder(&world), "ro", &["-t", "ed25519"]).await;
        add_key(&world, "ro", &public(&key), true).await;
        let before = tip(&world, FLEET, "main").await;
        let clone = commit(&world, &key, "refused").await;
        let pushed = git(&world, &clone, Some(&key), &["push", "origin", "main"]).await;
        let words = "ERROR: The key you are authenticating with has been marked as read only.\n";
        assert!(!pushed.ok && pushed.err.starts_with(words), "{pushed:?}");
        assert_eq!(tip(&world, FLEET, "main").await, before);
    });
}

#[test]
fn a_key_that_opens_nothing_gets_nothing() {
    if !has_ssh() {
        return;
    }
    serve(false, async |world| {
        let dir = folder(&world);
        let refused = "Permission denied (publickey).";
        let wrong = key_pair(&dir, "wrong", &["-t", "ed25519"]).await;
        let said = git(&world, &dir, Some(&wrong), &["clone", &url(&world), "x"]).await;
        assert!(!said.ok && said.err.contains(refused), "{said:?}");

        // One that opened something, until it was removed.
        let key = key_pair(&dir, "revoked", &["-t", "ed25519"]).await;
        let id = add_key(&world, "revoked", &public(&key), false).await;
        let before = tip(&world, FLEET, "main").await;
        let clone = commit(&world, &key, "late").await;
        let path = format!("/api/v3/repos/{FLEET}/keys/{id}");
        assert_eq!(world.github().send("DELETE", &path, "").await.status, 204);
        let said = git(&world, &clone, Some(&key), &["push", "origin", "main"]).await;
        assert!(!said.ok && said.err.contains(refused), "{said:?}");
        assert_eq!(tip(&world, FLEET, "main").await, before);

        // Another user than git, as on every forge.
        add_key(&world, "again", &public(&key), false).await;
        let other = url(&world).replace("git@", "root@");
        let said = git(&world, &dir, Some(&key), &["clone", &other, "x"]).await;
        assert!(!said.ok && said.err.contains(refused), "{said:?}");
    });
}

#[test]
fn a_host_key_that_is_not_known_is_the_clients_affair() {
    if !has_ssh() {
        return;
    }
    serve(false, async |world| {
        let dir = folder(&world);
        let key = key_pair(&dir, "rw", &["-t", "ed25519"]).await;
        add_key(&world, "rw", &public(&key), false).await;
        let known = world.ready().forge.known_hosts.clone().unwrap();
        let right = std::fs::read_to_string(&known).unwrap();
        let stranger = public(&key_pair(&dir, "stranger", &["-t", "ed25519"]).await);
        let (host, _) = right.split_once(' ').unwrap();
        for (lines, want) in [
            (String::new(), "No ED25519 host key is known for"),
            (format!("{host} {stranger}\n"), "REMOTE HOST IDENTIFICATION HAS CHANGED"),
        ] {
            std::fs::write(&known, lines).unwrap();
            let said = git(&world, &dir, Some(&key), &["clone", &url(&world), "x"]).await;
            assert!(!said.ok && said.err.contains(want), "{said:?}");
            assert!(said.err.contains("Host key verification failed."), "{said:?}");
        }
        // Each of the two keys will do.
        for line in right.lines() {
            std::fs::write(&known, format!("{line}\n")).unwrap();
            git(&world, &dir, Some(&key), &["ls-remote", &url(&world)]).await.must();
        }
    });
}

#[test]
fn what_is_no_repository_is_told_so() {
    if !has_ssh() {
        return;
    }
    serve(false, async |world| {
        let dir = folder(&world);
        let key = key_pair(&dir, "key", &["-t", "ed25519"]).await;
        add_key(&world, "key", &public(&key), true).await;
        let ssh = world.ready().forge.ssh.clone().unwrap();
        for path in ["seatrial/nothing.git", "../../etc", "nothing"] {
            let said = git(&world, &dir, Some(&key), &["clone", &format!("{ssh}/{path}"), "x"]).await;
            assert!(!said.ok && said.err.contains("ERROR: Repository not found."), "{said:?}");
        }
        // By the name alone, too.
        git(&world, &dir, Some(&key), &["clone", "-q", &format!("{ssh}/fleet"), "named"]).await.must();

        let known_hosts = world.ready().forge.known_hosts.clone().unwrap();
        let (host, port) = ssh.strip_prefix("ssh://").unwrap().rsplit_once(':').unwrap();
        for (command, want) in [
            (
                &[][..],
                "Hi seatrial/fleet! You've successfully authenticated, but Seatrial does not provide shell access.",
            ),
            (&["ls"], "Invalid command: 'ls'"),
            (&["git-upload-archive 'fleet'"], "Invalid command: 'git-upload-archive 'fleet''"),
        ] {
            let output = Command::new("ssh")
                .args(ssh_options(&key, &known_hosts))
                .args(["-T", "-p", port, host])
                .args(command)
                .stdin(std::process::Stdio::null())
                .output()
                .await
                .unwrap();
            let said = crate::programs::Said::from(output);
            assert!(!said.ok && said.err.contains(want), "{said:?}");
        }
    });
}

#[test]
fn protocol_version_2_and_a_large_push_go_through() {
    if !has_ssh() {
        return;
    }
    serve(false, async |world| {
        let dir = folder(&world);
        let key = key_pair(&dir, "rw", &["-t", "ed25519"]).await;
        add_key(&world, "rw", &public(&key), false).await;
        let clone = commit(&world, &key, "large").await;
        // More than all windows and buffers hold, and nothing that Git could compress.
        let mut state = 7_u64;
        let mut noise = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state as u8
        };
        let noise: Vec<u8> = (0..6_000_000).map(|_| noise()).collect();
        std::fs::write(clone.join("noise"), &noise).unwrap();
        git(&world, &clone, None, &["add", "."]).await.must();
        git(&world, &clone, None, &["commit", "-q", "-m", "noise"]).await.must();
        git(&world, &clone, Some(&key), &["push", "-q", "origin", "HEAD:refs/heads/side"]).await.must();
        let args = [
            "-c",
            "protocol.version=2",
            "clone",
            "-q",
            "--depth=1",
            "--branch=side",
            &url(&world),
            "shallow",
        ];
        git(&world, &dir, Some(&key), &args).await.must();
        assert!(std::fs::read(dir.join("shallow/noise")).unwrap() == noise);

        // The packets of version 2 begin with its name.
        let known_hosts = world.ready().forge.known_hosts.clone().unwrap();
        let ssh = world.ready().forge.ssh.clone().unwrap();
        let (host, port) = ssh.strip_prefix("ssh://").unwrap().rsplit_once(':').unwrap();
        let output = Command::new("ssh")
            .args(ssh_options(&key, &known_hosts))
            .args(["-o", "SendEnv=GIT_PROTOCOL", "-p", port, host, "git-upload-pack 'fleet'"])
            .env("GIT_PROTOCOL", "version=2")
            .stdin(std::process::Stdio::null())
            .output()
            .await
            .unwrap();
        assert!(String::from_utf8_lossy(&output.stdout).starts_with("000eversion 2\n"), "{output:?}");
    });
}
