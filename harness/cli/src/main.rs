//! The command line tool: it reads arguments, calls the harness, and turns results into text and exit statuses.

mod args;
mod commands;
mod disk;
mod exit_code;
mod output;

use clap::Parser;
use std::process::ExitCode;

/// A run makes millions of small values: a third of its time went into the system's allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let arguments = commands::services::as_git_extension(std::env::args_os().collect());
    let arguments = seatrial_verbs::verb_first(arguments);
    if let Some(why) = seatrial_verbs::flux_only(&arguments) {
        eprintln!("error: {why}");
        return exit_code::Exit::Invalid.into();
    }
    let args = match args::Args::try_parse_from(&arguments) {
        Ok(args) => args,
        Err(error) => return commands::flux::unparsed(&error, &arguments),
    };
    let exit = match &args.command {
        args::Command::Run(args) => commands::run::run(args),
        args::Command::Try(args) => commands::trial::run(args),
        args::Command::Preview(args) => commands::preview::run(args),
        args::Command::Lint(args) => commands::lint::run(args),
        args::Command::Up(args) => commands::up::run(args),
        args::Command::Forge(args) => commands::forge::run(args),
        args::Command::Render(args) => commands::render::run(args),
        args::Command::Seal(args) => commands::seal::run(args),
        args::Command::Schema(args) => commands::schema::run(args),
        args::Command::Services(args) => commands::services::run(args),
        args::Command::Flux(verb) => commands::flux::run(verb),
    };
    exit.into()
}
