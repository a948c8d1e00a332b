//! What the process says with its exit status.

use std::process::ExitCode;

/// The exit statuses of every command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// 0: everything passed.
    Passed,
    /// 1: a scenario or a check failed.
    Failed,
    /// 2: wrong usage, or an invalid file.
    Invalid,
    /// 3: the environment lacks something; the message says what, and how to get it.
    Missing,
    /// 4: an error inside Seatrial.
    Internal,
    /// 128 and the number of the signal that ended the run: 130 for Ctrl-C, 143 for SIGTERM.
    Interrupted(u8),
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(match exit {
            Exit::Passed => 0,
            Exit::Failed => 1,
            Exit::Invalid => 2,
            Exit::Missing => 3,
            Exit::Internal => 4,
            Exit::Interrupted(signal) => 128 + signal,
        })
    }
}
