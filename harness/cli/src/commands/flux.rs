//! flux's verbs, whatever they are: on a runtime, with the wall clock, to an exit status.

use crate::exit_code::Exit;
use crate::output;
use clap::Subcommand as _;
use clap::error::ErrorKind;
use seatrial_time::Clock;
use seatrial_verbs::{Env, Screen, Verb, VerbError, block_on};
use std::ffi::OsString;
use std::process::ExitCode;

/// Runs a verb on the streams of the process.
pub(crate) fn run(verb: &Verb) -> Exit {
    let mut screen = Screen::system();
    let result = block_on(async {
        let env = Env::new(Clock::wall());
        verb.run(&env, &mut screen).await
    });
    match result {
        Ok(Ok(())) => Exit::Passed,
        Ok(Err(error)) => {
            error.tell(&mut screen);
            match error {
                VerbError::Failed(_) | VerbError::Differs(_) | VerbError::Told => Exit::Failed,
                VerbError::Usage(_) => Exit::Invalid,
                VerbError::Missing(_) => Exit::Missing,
            }
        }
        Err(error) => output::fail(Exit::Internal, &error),
    }
}

/// Tells what is wrong with the arguments of the process. Where a verb such as `get image` only lacks its subcommand, its help is
/// what was asked for, as of flux; other commands of ours want one.
pub(crate) fn unparsed(error: &clap::Error, arguments: &[OsString]) -> ExitCode {
    let verb = arguments.get(1).and_then(|verb| verb.to_str()).is_some_and(Verb::has_subcommand);
    if verb && error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        print!("{}", error.render());
        return Exit::Passed.into();
    }
    error.exit()
}
