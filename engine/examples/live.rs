//! The engine on a real API server, over HTTPS, until it is interrupted: for `benches/against-kustomize-controller`.
//!
//! Arguments: the server's URL, a bearer token, the folder of a bare repository, which is served at `https://git.test/fleet`, and how many
//! objects of a kind are reconciled at once. The server's certificate is not checked.
#![allow(clippy::unwrap_used, clippy::panic, reason = "an example fails by panicking")]
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "it says when it runs and how it ended")]
#![allow(unreachable_pub, dead_code, reason = "the bench uses the same module")]

#[path = "fleet/world.rs"]
mod world;

use seatrial_engine::Engine;
use seatrial_time::Clock;
use std::path::Path;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use world::{Repo, options};

/// As the command line tool allocates.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let [_, server, token, folder, concurrent] = &args[..] else {
        panic!("usage: live SERVER TOKEN FOLDER CONCURRENT")
    };
    rustls::crypto::aws_lc_rs::default_provider().install_default().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut config = kube::Config::new(server.parse().unwrap());
        config.accept_invalid_certs = true;
        config.auth_info.token = Some(token.clone().into());
        let client = kube::Client::try_from(config).unwrap();
        let mut options = options(&Clock::wall(), &client, Repo::open(Path::new(folder)), None);
        options.driver.concurrent = Some(concurrent.parse().unwrap());
        options.driver.concurrent_ssa = 16;
        let engine = Engine::start(options);
        println!("started");
        let mut terminated = signal(SignalKind::terminate()).unwrap();
        terminated.recv().await;
        if let Err(error) = engine.stop(Duration::from_secs(30)).await {
            eprintln!("failed to {error}");
        }
    });
}
