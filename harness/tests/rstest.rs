//! Scenarios as cases of an `rstest` test, as other people's repositories can have them.

use rstest::rstest;
use seatrial_harness::testing::{Failure, check};
use std::path::PathBuf;

#[rstest]
fn bootstrap_scenarios(#[files("../scenarios/bootstrap/*.yaml")] file: PathBuf) -> Result<(), Failure> {
    check(file)
}

#[rstest]
#[case::misspelt_step("misspelt-step", "12:5: a step has no field `bootstap` (did you mean `bootstrap`?)")]
#[case::missing_file("missing-patch-file", "did you mean `patches/marker.yaml`?")]
fn a_file_that_cannot_be_played_says_why(#[case] name: &str, #[case] why: &str) {
    let file = format!("{}/../fixtures/invalid/scenario/{name}.yaml", env!("CARGO_MANIFEST_DIR"));
    match check(file) {
        Ok(()) => unreachable!("the file is not valid"),
        Err(failure) => assert!(failure.to_string().contains(why), "{failure}"),
    }
}
