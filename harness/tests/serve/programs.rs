//! The real `git`, `ssh` and `ssh-keygen`, without the user's configuration.

use crate::world::World;
use std::path::{Path, PathBuf};
use std::process::Output;
use tokio::process::Command;

/// What a program said and how it ended.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) ok: bool,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl From<Output> for Said {
    fn from(output: Output) -> Said {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim_end().to_owned();
        Said { ok: output.status.success(), out: text(&output.stdout), err: text(&output.stderr) }
    }
}

impl Said {
    pub(crate) fn must(self) -> String {
        assert!(self.ok, "{}{}", self.out, self.err);
        self.out
    }
}

/// Whether OpenSSH is there; says so where it is not.
pub(crate) fn has_ssh() -> bool {
    let found = std::process::Command::new("ssh").arg("-V").output().is_ok()
        && std::process::Command::new("ssh-keygen").arg("-?").output().is_ok();
    if !found {
        eprintln!("skipped: there is no OpenSSH client (Debian: apt install openssh-client)");
    }
    found
}

/// Makes a key pair of OpenSSH's; the file of the private half is the result.
pub(crate) async fn key_pair(folder: &Path, name: &str, args: &[&str]) -> PathBuf {
    let path = folder.join(name);
    let output = Command::new("ssh-keygen")
        .args(["-q", "-N", "", "-C", name, "-f"])
        .arg(&path)
        .args(args)
        .output()
        .await;
    Said::from(output.unwrap()).must();
    path
}

/// The public half of a key pair.
pub(crate) fn public(key: &Path) -> String {
    std::fs::read_to_string(key.with_extension("pub")).unwrap().trim_end().to_owned()
}

/// Options of `ssh` with nothing of the user's: this key, and these known hosts.
pub(crate) fn ssh_options(key: &Path, known_hosts: &Path) -> Vec<String> {
    let known_hosts = format!("UserKnownHostsFile={}", known_hosts.display());
    let key = key.display().to_string();
    let fixed = [
        "GlobalKnownHostsFile=/dev/null",
        "StrictHostKeyChecking=yes",
        "IdentitiesOnly=yes",
        "BatchMode=yes",
    ];
    let mut all = vec!["-F".to_owned(), "/dev/null".to_owned(), "-i".to_owned(), key];
    for option in fixed.into_iter().chain([known_hosts.as_str()]) {
        all.extend(["-o".to_owned(), option.to_owned()]);
    }
    all
}

/// Runs git in `dir`. With a key it speaks SSH as its holder.
pub(crate) async fn git(world: &World, dir: &Path, key: Option<&Path>, args: &[&str]) -> Said {
    let mut command = Command::new("git");
    command
        .args(["-c", "user.name=Jane", "-c", "user.email=jane@example.test", "-c", "init.defaultBranch=main"])
        .args(args)
        .current_dir(dir)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("GIT_SSL_CAINFO", &world.ready().ca);
    if let Some(key) = key {
        let known_hosts = world.ready().forge.known_hosts.clone().unwrap();
        command.env("GIT_SSH_COMMAND", format!("ssh {}", ssh_options(key, &known_hosts).join(" ")));
    }
    Said::from(command.output().await.unwrap())
}

/// The commit of a branch of a repository on the forge; none where it does not exist.
pub(crate) async fn tip(world: &World, full_name: &str, branch: &str) -> Option<String> {
    let answer = world.github().get(&format!("/api/v3/repos/{full_name}/branches/{branch}")).await;
    (answer.status == 200).then(|| answer.json()["commit"]["sha"].as_str().unwrap().to_owned())
}

/// Adds a deploy key to the repository of the world; its number is the result.
pub(crate) async fn add_key(world: &World, title: &str, key: &str, read_only: bool) -> u64 {
    let body = serde_json::json!({"title": title, "key": key, "read_only": read_only}).to_string();
    let answer = world.github().send("POST", "/api/v3/repos/seatrial/fleet/keys", body).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    answer.json()["id"].as_u64().unwrap()
}
