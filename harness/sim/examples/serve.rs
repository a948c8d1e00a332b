//! Serves a simulated cluster over plain HTTP on loopback, for trying programs on it:
//! `cargo run -p seatrial-sim --example serve 8001`, then `kubectl --server http://127.0.0.1:8001 get ns`.
#![allow(clippy::unwrap_used, reason = "an example fails by panicking")]
#![allow(clippy::print_stdout, clippy::disallowed_methods, reason = "it says where it listens")]

use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use seatrial_sim::{Cluster, ClusterOptions, Identity};
use seatrial_time::Clock;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let port: u16 = std::env::args().nth(1).map_or(0, |port| port.parse().unwrap());
    let cluster = Cluster::new(Clock::wall(), ClusterOptions::default());
    let mount = cluster.mount(Identity::admin());
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await.unwrap();
    println!("http://{}", listener.local_addr().unwrap());
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let service = TowerToHyperService::new(mount.clone());
        tokio::spawn(async move {
            let served =
                hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service);
            if let Err(error) = served.await {
                eprintln!("{error}");
            }
        });
    }
}
