//! The distribution specification's own conformance program, where it is found.
//!
//! It is a Go module: `go install github.com/opencontainers/distribution-spec/conformance@v0.0.0-20260831232431-97274622c111`
//! makes `conformance`, which is looked for as `oci-conformance` in `$ORACLES_DIR/bin` or `~/.cache/seatrial-oracles/bin`.

use crate::world::{World, serve};
use std::path::PathBuf;
use tokio::process::Command;

/// A program to compare with; says so where it is not there.
pub(crate) fn program(name: &str) -> Option<PathBuf> {
    let given = std::env::var_os("ORACLES_DIR").map(|dir| PathBuf::from(dir).join("bin"));
    let folder = given.or_else(|| Some(std::env::home_dir()?.join(".cache/seatrial-oracles/bin")));
    let found = folder.map(|folder| folder.join(name)).filter(|program| program.is_file());
    if found.is_none() {
        eprintln!("skipped: there is no {name} in $ORACLES_DIR/bin or ~/.cache/seatrial-oracles/bin");
    }
    found
}

/// How many tests passed and how many did not, with all that the program said.
async fn run(world: &World, program: &PathBuf) -> (usize, usize, String) {
    let output = Command::new(program)
        .current_dir(world.folder.path())
        .env("OCI_REGISTRY", world.ready().registry.http.trim_start_matches("http://"))
        .env("OCI_TLS", "disabled")
        .env("OCI_USERNAME", "anybody")
        .env("OCI_PASSWORD", world.token())
        .env("OCI_VERSION", "1.1")
        // What is optional, too.
        .env("OCI_API_BLOBS_UPLOAD_CANCEL", "true")
        .env("OCI_API_BLOBS_DIGEST_HEADER", "true")
        .env("OCI_API_MANIFESTS_DIGEST_HEADER", "true")
        .env("OCI_API_MANIFESTS_TAG_PARAM", "true")
        .output()
        .await
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let count = |word: &str| {
        let line = said.lines().find(|line| line.trim_start().starts_with(&format!("{word}..")));
        line.and_then(|line| line.rsplit(' ').next()?.parse().ok()).unwrap_or(usize::MAX)
    };
    let wrong = count("FAIL").saturating_add(count("Error"));
    (count("Pass"), wrong, said)
}

#[test]
fn the_registry_conforms_to_the_specification() {
    let Some(program) = program("oci-conformance") else { return };
    serve(false, async |world| {
        let (passed, wrong, said) = run(&world, &program).await;
        assert!(wrong == 0 && (800..usize::MAX).contains(&passed), "{said}");
        eprintln!("{passed} of the program's tests passed");
        // A range that ends before it begins is none (RFC 9110), and a server may answer with everything.
        let unsupported =
            said.lines().filter(|line| line.ends_with(" Skip") && !line.contains("range 500-0"));
        assert_eq!(unsupported.collect::<Vec<_>>(), Vec::<&str>::new());
    });
}
