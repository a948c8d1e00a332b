//! Clones repositories with the `git` program, which knows the user's keys, helpers, proxies and URL rewrites; kustomize does
//! the same.

use super::failed;
use super::folder::Folder;
use seatrial_render::{RemoteDir, RemoteError, Tree};
use seatrial_time::Clock;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;
use tokio::process::Command;

/// What names another repository than the folder's own: git sets some of them for its hooks, and every step would then work on
/// the repository of the hook.
pub(super) const REPOSITORY_VARIABLES: [&str; 11] = [
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_DIR",
    "GIT_GRAFT_FILE",
    "GIT_INDEX_FILE",
    "GIT_NAMESPACE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_PREFIX",
    "GIT_QUARANTINE_PATH",
    "GIT_SHALLOW_FILE",
    "GIT_WORK_TREE",
];

/// The files of a repository, of the commit that `remote` names.
pub(super) async fn clone(clock: &Clock, remote: &RemoteDir) -> Result<Tree, RemoteError> {
    let folder = tempfile::Builder::new().prefix("seatrial-remote-").tempdir();
    let folder = folder.map_err(|error| failed(format!("failed to make a temporary folder: {error}")))?;
    let reference = remote.reference.as_deref().unwrap_or("HEAD");
    let mut steps = vec![
        vec!["init", "--quiet"],
        vec!["remote", "add", "origin", &remote.url],
        // The dashes keep a reference from being an option.
        vec!["fetch", "--quiet", "--depth=1", "--", &remote.url, reference],
        vec!["checkout", "--quiet", "FETCH_HEAD"],
    ];
    if remote.submodules {
        steps.push(vec!["submodule", "--quiet", "update", "--init", "--recursive"]);
    }
    for step in steps {
        git(clock, &step, folder.path(), remote.timeout).await?;
    }
    let path = folder.path().to_owned();
    // Nothing needs it any more, and passwords may stand in it.
    let removed = std::fs::remove_dir_all(path.join(".git"));
    removed.map_err(|error| failed(format!("failed to remove .git from the clone: {error}")))?;
    Folder::tree(&path, Some(folder)).map_err(|error| failed(format!("failed to read the clone: {error}")))
}

/// Runs git; it ends with the time that it has.
async fn git(clock: &Clock, args: &[&str], folder: &Path, timeout: Duration) -> Result<(), RemoteError> {
    let shown = args.join(" ").replace("--quiet ", "").replace("-- ", "");
    let output = command(args, folder).output();
    match clock.timeout(timeout, output).await {
        Err(_) => Err(failed(format!("hit {} timeout running 'git {shown}'", seconds(timeout)))),
        Ok(Err(error)) => Err(failed(format!("failed to run 'git {shown}': {error}"))),
        Ok(Ok(output)) if output.status.success() => Ok(()),
        Ok(Ok(output)) => {
            let said = String::from_utf8_lossy(&output.stderr);
            Err(failed(format!("failed to run 'git {shown}': {said}: {}", output.status)))
        }
    }
}

/// The call of git in this folder, whatever repository the caller is in.
pub(super) fn command(args: &[&str], folder: &Path) -> Command {
    let mut command = Command::new("git");
    command.args(args).current_dir(folder).stdin(Stdio::null()).kill_on_drop(true);
    for name in REPOSITORY_VARIABLES {
        command.env_remove(name);
    }
    command
}

fn seconds(time: Duration) -> String {
    format!("{}s", time.as_secs_f64())
}
