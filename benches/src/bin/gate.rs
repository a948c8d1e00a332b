//! Fails where rendering has become slower than the stored baseline allows.
//!
//! Times are told as ratios to a calibration loop that runs in turn with what is measured, the fastest of many rounds each:
//! machines differ and are noisy, ratios differ much less. A ratio may be half as large again as its baseline.
//!
//! ```text
//! cargo run --release -p seatrial-benches --bin gate            compare with benches/baseline.txt
//! cargo run --release -p seatrial-benches --bin gate -- --store write it anew
//! ```
#![allow(clippy::disallowed_methods, reason = "what is measured here is the machine's time")]
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "this is a program")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::process::ExitCode;
use std::time::Instant;

use seatrial_benches::{monorepo, one_change};
use seatrial_render::{Options, RenderErrors, Renderer, Tree};

const BASELINE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/baseline.txt");
const SERVICES: usize = 100;
const ROUNDS: u32 = 40;
const TOLERANCE: f64 = 1.5;

/// Work of the kind that rendering does: small texts, made, sorted, looked up and joined.
fn calibrate() -> usize {
    let mut map: BTreeMap<String, String> = BTreeMap::new();
    for number in 0..4_000_u32 {
        let key = format!("key-{:05}", number.wrapping_mul(2_654_435_761) % 99_991);
        map.entry(key).or_default().push_str("value");
    }
    let copy = map.clone();
    let found = copy.keys().filter(|key| map.contains_key(*key)).count();
    copy.into_iter().fold(String::new(), |all, (key, value)| all + &key + ": " + &value + "\n").len() + found
}

/// The fastest of the measured times, in seconds.
struct Fastest(f64);

impl Fastest {
    fn time<T>(&mut self, work: impl FnOnce() -> T) -> T {
        let began = Instant::now();
        let result = std::hint::black_box(work());
        self.0 = self.0.min(began.elapsed().as_secs_f64());
        result
    }
}

fn measure() -> Result<BTreeMap<&'static str, f64>, RenderErrors> {
    let (tree, options) = (monorepo(SERVICES), Options::default());
    let warm = Renderer::new();
    let build = |renderer: &Renderer, tree: &Tree| renderer.build(tree, "config/beta", &options);
    let built = build(&warm, &tree)?;
    let [mut loops, mut cold, mut change, mut emit] = [(); 4].map(|()| Fastest(f64::INFINITY));
    for round in 0..ROUNDS {
        loops.time(calibrate);
        cold.time(|| build(&Renderer::new(), &tree))?;
        let changed = one_change(&tree, round + 3);
        change.time(|| build(&warm, &changed))?;
        emit.time(|| built.to_yaml())?;
    }
    let ratio = |time: Fastest| time.0 / loops.0;
    Ok(BTreeMap::from([
        ("render-cold", ratio(cold)),
        ("render-after-one-change", ratio(change)),
        ("emit", ratio(emit)),
    ]))
}

fn stored(text: &str) -> BTreeMap<&str, f64> {
    let words = text.lines().filter_map(|line| line.split_once(' '));
    words.filter_map(|(name, ratio)| Some((name, ratio.trim().parse().ok()?))).collect()
}

fn main() -> ExitCode {
    let ratios = match measure() {
        Ok(ratios) => ratios,
        Err(errors) => {
            eprintln!("failed to render: {errors}");
            return ExitCode::FAILURE;
        }
    };
    if std::env::args().any(|arg| arg == "--store") {
        let mut text = String::new();
        for (name, ratio) in &ratios {
            // Writing to a String does not fail.
            let _ = writeln!(text, "{name} {ratio:.2}");
        }
        return match std::fs::write(BASELINE, text) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("failed to write {BASELINE}: {error}");
                ExitCode::FAILURE
            }
        };
    }
    let text = std::fs::read_to_string(BASELINE).unwrap_or_default();
    let baseline = stored(&text);
    let mut exit = ExitCode::SUCCESS;
    for (name, ratio) in ratios {
        match baseline.get(name) {
            None => println!("{name}: {ratio:.2} times the calibration loop; no baseline"),
            Some(before) => {
                let slower = ratio > before * TOLERANCE;
                let verdict = if slower { "slower than allowed" } else { "ok" };
                println!("{name}: {ratio:.2} times the calibration loop, baseline {before:.2}: {verdict}");
                if slower {
                    exit = ExitCode::FAILURE;
                }
            }
        }
    }
    exit
}
