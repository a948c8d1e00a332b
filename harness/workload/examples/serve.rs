//! Brings a real API server without nodes to life, on the wall clock: `serve http://127.0.0.1:8001` behind
//! `kubectl proxy`.

use seatrial_time::Clock;
use seatrial_workload::{WorkloadOptions, start};
use std::time::Duration;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let url = std::env::args().nth(1).ok_or("give the URL of an API server")?;
    let profiles =
        std::env::args().nth(2).map(|text| serde_json::from_str(&text)).transpose()?.unwrap_or_default();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let client = kube::Client::try_from(kube::Config::new(url.parse()?))?;
        let clock = Clock::wall();
        let options = WorkloadOptions { profiles, ..WorkloadOptions::for_cluster("beta") };
        let _workloads = start(client, clock.clone(), options);
        loop {
            clock.sleep(Duration::from_secs(3600)).await;
        }
    })
}
