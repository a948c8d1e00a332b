//! Prints the definitions of Flux's kinds, of the newest release, as a JSON list.
#![allow(clippy::print_stdout, reason = "it prints")]

fn main() {
    println!("{}", serde_json::Value::Array(seatrial_api::crds(seatrial_api::FluxRelease::V2_9)));
}
