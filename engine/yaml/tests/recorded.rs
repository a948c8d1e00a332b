//! What the real kustomize said to files right and wrong, recorded: this crate says the same.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)] // a test that panics has failed

mod files;

use files::{FILES, file, read_and_print};

#[test]
fn files_print_as_recorded() {
    let printed: serde_json::Map<String, serde_json::Value> =
        serde_json::from_str(include_str!("files/printed.json")).unwrap();
    assert_eq!(printed.len(), FILES.len());
    for (name, spec) in FILES {
        let ours = read_and_print(&file(spec));
        match printed[*name].as_str() {
            Some(theirs) => assert_eq!(ours.as_deref(), Ok(theirs), "{name}"),
            None => assert!(ours.is_err(), "{name} must be refused"),
        }
    }
}
