//! Starting the program, and folders for it to work on.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// How a process ended.
pub(crate) struct Ended {
    /// Its exit status.
    pub(crate) status: Option<i32>,
    /// Its standard output.
    pub(crate) stdout: String,
    /// Its standard error.
    pub(crate) stderr: String,
}

/// The folder of the repository, where the program is started: paths such as `scenarios/` begin there.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// Runs the program in `dir`; `scratch` is where it would put temporary files.
pub(crate) fn seatrial(dir: &Path, scratch: &Path, args: &[impl AsRef<std::ffi::OsStr>]) -> Ended {
    let output = Command::new(env!("CARGO_BIN_EXE_seatrial"))
        .args(args)
        .current_dir(dir)
        .env("TMPDIR", scratch)
        // What real clusters need is nowhere, whatever the machine has.
        .env("KUBEBUILDER_ASSETS", scratch.join("nowhere"))
        .env("KUBECONFIG", scratch.join("nowhere/config"))
        .env("DOCKER_HOST", "unix:///nowhere/docker.sock")
        .env_remove("SEATRIAL_CONTEXTS")
        .env_remove("SEATRIAL_ALLOW_CONTEXTS")
        .output()
        .unwrap();
    Ended {
        status: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// A scenario that expects a Kustomization to be ready whose build lacks a file.
pub(crate) fn failing_scenario() -> String {
    let repository = root().join("fixtures/invalid/repo-missing-file");
    format!(
        "apiVersion: seatrial.dev/v1alpha1
kind: Scenario
metadata: {{name: a missing file does no harm}}
spec:
  clusters: {{beta: {{}}}}
  git:
    gitops:
      from: {}
      urls: [https://github.com/owls-nest-farm/repo-missing-file]
  steps:
  - bootstrap: {{path: clusters/beta}}
  - expect: {{within: 5m, condition: {{kind: Kustomization, name: applications}}}}
",
        repository.display()
    )
}

/// A folder with these files, by paths in it.
pub(crate) fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (path, content) in files {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    folder
}
