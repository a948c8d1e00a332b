//! A running `seatrial up`, which ends with the test.

use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// How long it may take to start.
const PATIENCE: Duration = Duration::from_secs(180);

/// The process, and the folder that it works in.
pub(crate) struct Up {
    child: Child,
    scratch: TempDir,
}

impl Drop for Up {
    fn drop(&mut self) {
        // So that it takes back what it has made.
        let _ = Command::new("kill").arg(self.child.id().to_string()).status();
        let _ = self.child.wait();
    }
}

impl Up {
    /// Starts it in `scratch`, with these arguments beside those that say where its kubeconfig and its ready file are; waits until it
    /// is ready.
    pub(crate) fn start(scratch: TempDir, args: &[&str]) -> Up {
        let temporary = scratch.path().join("tmp");
        fs::create_dir_all(&temporary).unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_seatrial"))
            .args(["up", "--kubeconfig", "kubeconfig", "--ready-file", "ready.json"])
            .args(args)
            .current_dir(scratch.path())
            .env("TMPDIR", temporary)
            .env("HOME", scratch.path())
            .env_remove("KUBECONFIG")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let up = Up { child, scratch };
        until("seatrial up", || up.path("ready.json").is_file());
        up
    }

    /// A file in its folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.scratch.path().join(name)
    }

    /// What the ready file says.
    #[allow(dead_code, reason = "not every test asks")]
    pub(crate) fn ready(&self) -> Value {
        serde_json::from_str(&fs::read_to_string(self.path("ready.json")).unwrap()).unwrap()
    }

    /// A program that works in its folder, on its clusters, with no input.
    pub(crate) fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.current_dir(self.scratch.path()).env("KUBECONFIG", self.path("kubeconfig"));
        command.env("HOME", self.scratch.path()).stdin(Stdio::null());
        command
    }
}

/// Waits until something is done.
pub(crate) fn until(what: &str, mut done: impl FnMut() -> bool) {
    let began = Instant::now();
    while !done() {
        assert!(began.elapsed() < PATIENCE, "{what} takes too long");
        std::thread::sleep(Duration::from_millis(50));
    }
}
