//! Repositories by the `git` program, which knows the user's proxies, rewrites of URLs and protocol policy. Credentials reach it by
//! its environment and by files of a private folder: they stand in no argument, no URL and no file of the clone.

use super::hosts::{Access, Checkout, Commit, Pending, PushError, Remote};
use super::signing::signed;
use seatrial_engine::CommitKey;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Stdio;
use tempfile::TempDir;
use tokio::process::Command;

/// What names another repository than the folder's own.
const REPOSITORY_VARIABLES: [&str; 10] = [
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_DIR",
    "GIT_INDEX_FILE",
    "GIT_NAMESPACE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_PREFIX",
    "GIT_QUARANTINE_PATH",
    "GIT_SHALLOW_FILE",
    "GIT_WORK_TREE",
];
/// Where the helpers find the password.
const PASSWORD: &str = "SEATRIAL_GIT_PASSWORD";
const USERNAME: &str = "SEATRIAL_GIT_USERNAME";

/// A clone in a private folder, which goes with it.
pub(super) struct Clone {
    folder: TempDir,
    branch: String,
    remote: Remote,
    tip: String,
}

impl Clone {
    /// Clones a branch.
    pub(super) async fn of(remote: &Remote, branch: &str) -> Result<Clone, String> {
        let folder = tempfile::Builder::new().prefix("seatrial-bootstrap-").tempdir();
        let folder = folder.map_err(|error| format!("failed to make a temporary folder: {error}"))?;
        let mut clone =
            Clone { folder, branch: branch.to_owned(), remote: remote.clone(), tip: String::new() };
        fs::create_dir(clone.work()).map_err(|error| format!("failed to make a folder: {error}"))?;
        clone.credentials()?;
        clone.git(&["init", "--quiet"]).await?;
        let url = clone.remote.url.clone();
        let heads = clone.git(&["ls-remote", "--heads", "--", &url]).await?;
        let reference = format!("refs/heads/{branch}");
        if heads.lines().any(|line| line.split('\t').nth(1) == Some(&reference)) {
            clone.git(&["fetch", "--quiet", "--depth=1", "--", &url, &reference]).await?;
            clone.git(&["checkout", "--quiet", "-B", branch, "FETCH_HEAD"]).await?;
            clone.tip = clone.git(&["rev-parse", "HEAD"]).await?.trim().to_owned();
        } else if heads.trim().is_empty() {
            clone.git(&["symbolic-ref", "HEAD", &reference]).await?;
        } else {
            return Err(format!("unable to clone '{url}': couldn't find remote ref {reference:?}"));
        }
        Ok(clone)
    }

    fn work(&self) -> std::path::PathBuf {
        self.folder.path().join("work")
    }

    fn file(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    /// Writes what the programs read: the key, the server's keys, the helper that tells a passphrase.
    fn credentials(&self) -> Result<(), String> {
        let Access::Key { key, known_hosts, .. } = &self.remote.access else { return Ok(()) };
        let helper = format!("#!/bin/sh\nprintf '%s\\n' \"${PASSWORD}\"\n");
        for (name, content, mode) in
            [("identity", key, 0o600), ("known_hosts", known_hosts, 0o600), ("askpass", &helper, 0o700)]
        {
            let path = self.folder.path().join(name);
            let written = fs::write(&path, content)
                .and_then(|()| fs::set_permissions(&path, fs::Permissions::from_mode(mode)));
            written.map_err(|error| format!("failed to write {name}: {error}"))?;
        }
        Ok(())
    }

    /// The call of git, with the credentials in its environment.
    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new("git");
        command.args(args).current_dir(self.work()).stdin(Stdio::null()).kill_on_drop(true);
        for name in REPOSITORY_VARIABLES {
            command.env_remove(name);
        }
        command.env("GIT_TERMINAL_PROMPT", "0").env("LC_ALL", "C");
        // Whatever the user's own setting: a commit is read as UTF-8 before it is signed.
        let mut settings = vec![("i18n.commitEncoding", "UTF-8".to_owned())];
        match &self.remote.access {
            Access::User => {}
            Access::Password { username, password } => {
                command.env(USERNAME, username).env(PASSWORD, password);
                let helper = format!(
                    "!f() {{ printf 'username=%s\\npassword=%s\\n' \"${USERNAME}\" \"${PASSWORD}\"; }}; f"
                );
                // The empty one forgets the user's own helpers.
                settings.extend([("credential.helper", String::new()), ("credential.helper", helper)]);
            }
            Access::Bearer(token) => {
                settings.push(("http.extraHeader", format!("Authorization: Bearer {token}")));
            }
            Access::Key { passphrase, .. } => {
                let ssh = format!(
                    "ssh -i '{}' -o IdentitiesOnly=yes -o IdentityAgent=none -o StrictHostKeyChecking=yes \
                     -o UserKnownHostsFile='{}' -o GlobalKnownHostsFile=/dev/null{}",
                    self.file("identity"),
                    self.file("known_hosts"),
                    if passphrase.is_empty() { " -o BatchMode=yes" } else { "" }
                );
                command.env("GIT_SSH_COMMAND", ssh).env_remove("GIT_SSH");
                if !passphrase.is_empty() {
                    command.env("SSH_ASKPASS", self.file("askpass")).env("SSH_ASKPASS_REQUIRE", "force");
                    command.env(PASSWORD, passphrase);
                }
            }
        }
        if let Some(ca) = &self.remote.ca_file {
            let ca = std::path::absolute(ca).unwrap_or_else(|_| ca.clone());
            // The variable goes before every setting.
            command.env("GIT_SSL_CAINFO", ca);
        }
        command.env("GIT_CONFIG_COUNT", settings.len().to_string());
        for (index, (name, value)) in settings.iter().enumerate() {
            command
                .env(format!("GIT_CONFIG_KEY_{index}"), name)
                .env(format!("GIT_CONFIG_VALUE_{index}"), value);
        }
        command
    }

    /// Puts the newest commit under its signature. The `git` program would ask gpg, and that one the user's keys.
    async fn sign(&self, key: &CommitKey) -> Result<(), String> {
        let commit = self.git(&["cat-file", "commit", "HEAD"]).await?;
        let file = self.folder.path().join("commit");
        fs::write(&file, signed(&commit, key)?)
            .map_err(|error| format!("failed to write a commit: {error}"))?;
        let id = self.git(&["hash-object", "-t", "commit", "-w", "--", &self.file("commit")]).await?;
        self.git(&["update-ref", "HEAD", id.trim()]).await.map(drop)
    }

    async fn git(&self, args: &[&str]) -> Result<String, String> {
        run(self.command(args), args).await
    }
}

/// Runs it; the result is what it prints.
async fn run(mut command: Command, args: &[&str]) -> Result<String, String> {
    let verb = args.first().copied().unwrap_or_default();
    let output = command.output().await.map_err(|error| format!("failed to run 'git {verb}': {error}"))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let said: Vec<&str> = said.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    Err(format!("git {verb}: {}", said.join("; ")))
}

impl Checkout for Clone {
    fn read(&mut self, path: &str) -> Result<Option<Vec<u8>>, String> {
        match fs::read(inside(&self.work(), path)?) {
            Ok(content) => Ok(Some(content)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(format!("failed to read {path}: {error}")),
        }
    }

    fn commit<'a>(&'a mut self, commit: &'a Commit) -> Pending<'a, Result<Option<String>, String>> {
        Box::pin(async move {
            for (path, content) in &commit.files {
                let file = inside(&self.work(), path)?;
                let folder = file.parent().unwrap_or(&file);
                let written = fs::create_dir_all(folder).and_then(|()| fs::write(&file, content));
                written.map_err(|error| format!("failed to write {path}: {error}"))?;
                self.git(&["add", "--force", "--", path]).await?;
            }
            if self.git(&["status", "--porcelain", "--untracked-files=no"]).await?.is_empty() {
                return Ok(None);
            }
            let args = ["commit", "--quiet", "--no-verify", "--no-gpg-sign", "--message", &commit.message];
            let mut command = self.command(&args);
            for who in ["AUTHOR", "COMMITTER"] {
                command.env(format!("GIT_{who}_NAME"), &commit.name);
                command.env(format!("GIT_{who}_EMAIL"), &commit.email);
            }
            run(command, &args).await?;
            if let Some(key) = &commit.signer {
                self.sign(key).await?;
            }
            self.tip = self.git(&["rev-parse", "HEAD"]).await?.trim().to_owned();
            Ok(Some(self.tip.clone()))
        })
    }

    fn tip(&self) -> String {
        self.tip.clone()
    }

    fn push(&mut self) -> Pending<'_, Result<(), PushError>> {
        Box::pin(async move {
            let to = format!("HEAD:refs/heads/{}", self.branch);
            let pushed = self.git(&["push", "--quiet", "--", &self.remote.url, &to]).await;
            pushed.map(drop).map_err(push_error)
        })
    }
}

/// Whether git was too late, by its words: those before it sends, and those of a server that another push reached meanwhile.
fn push_error(said: String) -> PushError {
    let late = ["(fetch first)", "(non-fast-forward)", "failed to update ref", "cannot lock ref"];
    match late.iter().any(|words| said.contains(words)) {
        true => PushError::Conflict(said),
        false => PushError::Refused(said),
    }
}

/// A path of the clone. Links of the repository lead nowhere: what stands behind one is not the repository's.
fn inside(root: &Path, path: &str) -> Result<std::path::PathBuf, String> {
    let mut file = root.to_owned();
    for part in path.split('/') {
        file.push(part);
        if file.symlink_metadata().is_ok_and(|found| found.is_symlink()) {
            return Err(format!("{path} leads through a link"));
        }
    }
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case::another_clone(
        "git push: To /r; ! [rejected]        HEAD -> main (fetch first); error: failed",
        true
    )]
    #[case::rewritten("git push: ! [rejected] HEAD -> main (non-fast-forward)", true)]
    #[case::at_the_same_time("git push: ! [remote rejected] HEAD -> main (failed to update ref)", true)]
    #[case::read_only(
        "git push: ERROR: The key you are authenticating with has been marked as read only.",
        false
    )]
    fn a_push_that_came_first_is_a_conflict(#[case] said: &str, #[case] conflict: bool) {
        assert_eq!(matches!(push_error(said.to_owned()), PushError::Conflict(_)), conflict);
    }
}
