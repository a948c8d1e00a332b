//! `render DIR`: the command of that name of `seatrial`, without the rest of it (it builds in a fraction of the time).
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "this is a program")]

#[path = "../../../harness/cli/src/commands/render.rs"]
mod command;
#[allow(unreachable_pub, reason = "it is a part of a library elsewhere")]
#[path = "../../../harness/verbs/src/disk.rs"]
mod disk;
#[allow(dead_code, reason = "other commands end in other ways")]
#[path = "../../../harness/cli/src/exit_code.rs"]
mod exit_code;

use std::process::ExitCode;

use clap::Parser;

/// The network, and what is served, are the command's alone.
mod remotes {
    use std::path::PathBuf;
    use std::sync::Arc;

    use bytes::Bytes;
    use seatrial_render::{RemoteDir, RemoteError, Remotes, Tree};

    pub(super) fn served(_: &str) -> Result<(String, PathBuf), &'static str> {
        Err("this example serves nothing")
    }

    pub(super) fn sources(_: &[(String, PathBuf)]) -> Result<Arc<dyn Remotes>, String> {
        Ok(Arc::new(Nowhere))
    }

    struct Nowhere;

    impl Remotes for Nowhere {
        fn file(&self, url: &str) -> Result<Bytes, RemoteError> {
            Err(RemoteError::Failed(format!("this example does not fetch {url}")))
        }

        fn repository(&self, remote: &RemoteDir) -> Result<Tree, RemoteError> {
            Err(RemoteError::Failed(format!("this example does not clone {}", remote.url)))
        }
    }
}

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Print what `kustomize build DIR` prints.
#[derive(Debug, Parser)]
struct Program {
    #[command(flatten)]
    args: command::Args,
}

fn main() -> ExitCode {
    command::run(&Program::parse().args).into()
}
