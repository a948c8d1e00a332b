//! The command line tool: it reads arguments, calls the harness, and turns results into text and exit statuses.

mod args;
mod commands;
mod exit_code;
mod output;

use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    let args = args::Args::parse();
    let exit = match &args.command {
        args::Command::Run(args) => commands::run::run(args),
        args::Command::Try(args) => commands::trial::run(args),
        args::Command::Render(args) => commands::render::run(args),
        args::Command::Schema(args) => commands::schema::run(args),
    };
    exit.into()
}
