//! Values of flags, read as Go's flag library reads them, with its words.
//!
//! Flags are texts to clap: what is wrong with a value is then told in flux's words.

use crate::VerbError;
use seatrial_api::GoDuration;

/// A duration such as `1m30s`; `flag` is the flag's name with its dashes.
///
/// # Errors
/// Wrong usage, in flux's words.
pub fn duration(flag: &str, text: &str) -> Result<GoDuration, VerbError> {
    text.parse().map_err(|error| invalid(flag, text, error))
}

/// A switch: `true`, `false`, and Go's other spellings of them.
///
/// # Errors
/// Wrong usage, in flux's words.
pub fn switch(flag: &str, text: &str) -> Result<bool, VerbError> {
    match text {
        "1" | "t" | "T" | "TRUE" | "true" | "True" => Ok(true),
        "0" | "f" | "F" | "FALSE" | "false" | "False" => Ok(false),
        _ => Err(invalid(flag, text, format_args!("strconv.ParseBool: parsing {text:?}: invalid syntax"))),
    }
}

/// The refusal of a value.
pub(crate) fn invalid(flag: &str, text: &str, why: impl std::fmt::Display) -> VerbError {
    VerbError::usage(format!("invalid argument {text:?} for {flag:?} flag: {why}"))
}
