//! The real `flux bootstrap`, where it is found.

use crate::programs::{Said, add_key, git, has_ssh, key_pair, public};
use crate::world::{World, serve};
use rstest::rstest;
use std::path::{Path, PathBuf};
use tokio::process::Command;

/// The real flux; says so where it is not there.
fn flux() -> Option<PathBuf> {
    let given = std::env::var_os("ORACLES_DIR").map(|dir| PathBuf::from(dir).join("bin"));
    let folder = given.or_else(|| Some(std::env::home_dir()?.join(".cache/seatrial-oracles/bin")));
    let found = folder.map(|folder| folder.join("flux")).filter(|program| program.is_file());
    if found.is_none() {
        eprintln!("skipped: there is no flux in $ORACLES_DIR/bin or ~/.cache/seatrial-oracles/bin");
    }
    found
}

/// The component manifests that the repository of the world has, as a folder for `--manifests`: the real program has none of its
/// own where it was built from its module, and would ask the network.
async fn manifests(world: &World) -> PathBuf {
    let dir = world.folder.path().to_owned();
    let forge = &world.ready().forge;
    let url = forge.https.replace("https://", &format!("https://git:{}@", world.token()));
    git(world, &dir, None, &["clone", "-q", &format!("{url}/seatrial/fleet"), "components"]).await.must();
    let folder = dir.join("manifests");
    std::fs::create_dir(&folder).unwrap();
    let from = dir.join("components/clusters/beta/flux-system/gotk-components.yaml");
    std::fs::copy(from, folder.join("components.yaml")).unwrap();
    std::fs::write(folder.join("kustomization.yaml"), "resources: [components.yaml]\n").unwrap();
    folder
}

/// Bootstraps with the real program, with these arguments beside the usual ones.
async fn bootstrap(world: &World, flux: &Path, manifests: &Path, args: &[String]) -> Said {
    let home = world.folder.path().join("home");
    std::fs::create_dir_all(home.join(".ssh")).unwrap();
    if let Some(known_hosts) = &world.ready().forge.known_hosts {
        std::fs::copy(known_hosts, home.join(".ssh/known_hosts")).unwrap();
    }
    let output = Command::new(flux)
        .args([
            "bootstrap",
            "git",
            "--silent",
            "--context=beta",
            "--branch=main",
            "--path=clusters/beta",
            "--timeout=60s",
        ])
        .arg("--manifests")
        .arg(manifests)
        .args(args)
        .env("HOME", &home)
        .env("KUBECONFIG", &world.ready().kubeconfig)
        .output()
        .await;
    Said::from(output.unwrap())
}

#[rstest]
#[case::over_ssh(true)]
#[case::over_https(false)]
fn the_real_bootstrap_ends_well_and_commits_nothing_the_second_time(#[case] over_ssh: bool) {
    let Some(flux) = flux() else { return };
    if over_ssh && (!cfg!(feature = "ssh") || !has_ssh()) {
        return;
    }
    serve(true, async |world| {
        let manifests = manifests(&world).await;
        let forge = world.ready().forge.clone();
        let args: Vec<String> = if over_ssh {
            let key = key_pair(world.folder.path(), "rw", &["-t", "ecdsa", "-b", "384"]).await;
            add_key(&world, "rw", &public(&key), false).await;
            let url = format!("--url={}/seatrial/fleet", forge.ssh.unwrap());
            vec![url, format!("--private-key-file={}", key.display())]
        } else {
            vec![
                format!("--url={}/seatrial/fleet", forge.https),
                "--token-auth".to_owned(),
                "--username=git".to_owned(),
                format!("--password={}", world.token()),
                format!("--ca-file={}", world.ready().ca.display()),
            ]
        };
        let first = bootstrap(&world, &flux, &manifests, &args).await;
        assert!(first.ok && first.err.contains("✔ all components are healthy"), "{first:?}");
        assert!(first.err.contains("✔ committed sync manifests to \"main\""), "{first:?}");
        let again = bootstrap(&world, &flux, &manifests, &args).await;
        for line in ["✔ component manifests are up to date", "✔ sync manifests are up to date"] {
            assert!(again.ok && again.err.contains(line), "{again:?}");
        }
    });
}
