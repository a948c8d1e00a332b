//! flux's verbs, whatever they are: on a runtime, with the wall clock, to an exit status.

use crate::exit_code::Exit;
use crate::output;
use seatrial_time::Clock;
use seatrial_verbs::{Env, Screen, Verb, VerbError, block_on};

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
