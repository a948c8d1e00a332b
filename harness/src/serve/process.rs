//! The processes of git that serve: how they are found and started, how they end.

use crate::forge::Repo;
use rustix::process::{Pid, Signal, kill_process_group};
use seatrial_time::{Clock, Task};
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;
use tokio::process::{Child, Command};
use tokio::sync::watch;

/// How long a program may take to end by itself when it is asked to.
const GRACE: Duration = Duration::from_secs(1);

/// Git cannot be served. Every message fits after "failed to ".
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GitProgramError {
    /// There is no `git`.
    #[error(
        "run git, which serves the repositories: {source}; install it (Debian and Ubuntu: apt install git; \
             macOS: xcode-select --install), or put it into PATH"
    )]
    Missing {
        /// Why it did not start.
        source: io::Error,
    },
    /// There is a `git` without its HTTP server.
    #[error("find git's HTTP server at {}: install it (Alpine: apk add git-daemon; Fedora: dnf install git-core)",
        path.display())]
    NoBackend {
        /// Where it should be.
        path: PathBuf,
    },
}

/// The program, and its processes that run. Cheap to clone; clones share the processes.
#[derive(Clone, Debug)]
pub(super) struct Programs {
    /// Where git's own programs are.
    folder: PathBuf,
    /// Where programs and the processes' own needs are found: nothing else of the environment reaches them.
    path: OsString,
    running: Arc<watch::Sender<usize>>,
}

impl Programs {
    /// Finds `git http-backend`.
    pub(super) async fn find() -> Result<Programs, GitProgramError> {
        let output =
            Command::new("git").arg("--exec-path").stdin(Stdio::null()).kill_on_drop(true).output().await;
        let output = output.map_err(|source| GitProgramError::Missing { source })?;
        let folder = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim_end());
        let backend = folder.join("git-http-backend");
        if !backend.is_file() {
            return Err(GitProgramError::NoBackend { path: backend });
        }
        let path = std::env::var_os("PATH").unwrap_or_default();
        Ok(Programs { folder, path, running: Arc::new(watch::Sender::new(0)) })
    }

    /// One of git's own programs, which works on the repository at `path`: with pipes, and with nothing of the environment that
    /// it does not need.
    pub(super) fn command(&self, program: &str, path: &Path) -> Command {
        let mut command = Command::new(self.folder.join(program));
        command
            .env_clear()
            .env("PATH", &self.path)
            .env("LC_ALL", "C")
            // Neither the user's nor the machine's configuration matters here.
            .env("HOME", path)
            .env("XDG_CONFIG_HOME", path)
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true);
        command
    }

    /// Waits until no process runs, but not longer than `limit`.
    pub(super) async fn ended(&self, clock: &Clock, limit: Duration) {
        let mut running = self.running.subscribe();
        let _ = clock.timeout(limit, running.wait_for(|running| *running == 0)).await;
    }
}

/// A process that runs, with everything that it started. It is killed where nobody waits for its end.
pub(super) struct Running {
    process: Option<Process>,
    /// Hands the body over for as long as the process may want it.
    _feeder: Option<Task>,
    /// The repository that it may have changed.
    pushed: Option<Repo>,
    clock: Clock,
}

impl Running {
    pub(super) fn new(
        child: Child,
        clock: Clock,
        programs: &Programs,
        feeder: Option<Task>,
        pushed: Option<Repo>,
    ) -> Running {
        programs.running.send_modify(|running| *running += 1);
        let process = Process { child, count: programs.running.clone() };
        Running { process: Some(process), _feeder: feeder, pushed, clock }
    }

    /// Waits for the end of the process; its exit status is the result where it has one.
    pub(super) async fn end(mut self) -> Option<i32> {
        let mut process = self.process.take()?;
        process.child.wait().await.ok()?.code()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(mut process) = self.process.take() {
            // It removes its locks on refs when it is asked to end, and leaves them where it is killed.
            process.signal(Signal::TERM);
            let clock = self.clock.clone();
            let end = async move {
                if clock.timeout(GRACE, process.child.wait()).await.is_err() {
                    process.signal(Signal::KILL);
                    let _ = process.child.wait().await;
                }
            };
            self.clock.spawn("end of git", end).detach();
        }
        // Also where the client has gone: the refs may have moved before it did.
        if let Some(repo) = &self.pushed {
            repo.refs_moved();
        }
    }
}

struct Process {
    child: Child,
    count: Arc<watch::Sender<usize>>,
}

impl Process {
    fn signal(&self, signal: Signal) {
        // It leads a process group of its own, in which are the programs that it runs.
        let id = self.child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        if let Some(id) = id {
            let _ = kill_process_group(id, signal);
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.count.send_modify(|running| *running -= 1);
    }
}
