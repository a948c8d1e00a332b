//! `render DIR`: the command of that name of `seatrial`, without the rest of it (it builds in a fraction of the time).
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "this is a program")]

#[path = "../../../harness/cli/src/commands/render.rs"]
mod command;
#[allow(dead_code, reason = "other commands end in other ways")]
#[path = "../../../harness/cli/src/exit_code.rs"]
mod exit_code;

use std::process::ExitCode;

use clap::Parser;

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
