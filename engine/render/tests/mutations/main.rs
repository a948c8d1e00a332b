//! Broken trees: whatever a file holds, a build ends with objects or with an error, and soon.
//!
//! Trees of the differential test are damaged by chance. A panic, a stack overflow and a build without end fail the test,
//! which prints the seed and the tree.
//!
//! - `SEATRIAL_MUTATION_SECONDS=600`: how long; without it, a fixed number of trees
//! - `SEATRIAL_MUTATION_SEED=7`: the first seed
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]
#![allow(clippy::disallowed_methods, reason = "how long a test runs is told by the clock of the machine")]
#![allow(dead_code, reason = "the differential test uses all of its modules")]

#[path = "../differential/kustomizations.rs"]
mod kustomizations;
#[path = "../differential/random.rs"]
mod random;
#[path = "../differential/resources.rs"]
mod resources;

use std::sync::mpsc;
use std::time::{Duration, Instant};

use random::Rng;
use seatrial_render::{Options, Renderer, Tree};

/// What is put into files.
const PIECES: [&str; 56] = [
    "\n",
    " ",
    "\t",
    ":",
    ": ",
    "- ",
    "? ",
    "|",
    "|-\n",
    ">2+\n",
    "#",
    " # x",
    "&a ",
    "*a",
    "<<: *a\n",
    "!!int ",
    "!!binary ",
    "!<tag:x> ",
    "---\n",
    "...\n",
    "%YAML 1.1\n",
    "{",
    "}",
    "[",
    "]",
    ",",
    "'",
    "\"",
    "\\",
    "\\x",
    "~",
    "null",
    "true",
    "0x1f",
    "1e999",
    "-9223372036854775809",
    "18446744073709551616",
    ".inf",
    "2001-99-99",
    "\u{feff}",
    "\r\n",
    "\u{85}",
    "é",
    "🦀",
    "$patch: delete\n",
    "$patch: replace\n",
    "$(VAR)",
    "..",
    "/",
    "*",
    "../top",
    "kind: List\n",
    "items: [[], {}, null]\n",
    "metadata: null\n",
    "name: null\n",
    "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[",
];

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// Damages a text in a few places.
fn damaged(rng: &mut Rng, text: &str, others: &[String]) -> Vec<u8> {
    let mut bytes = text.as_bytes().to_vec();
    for _ in 0..=rng.below(4) {
        let at = rng.below(bytes.len() + 1);
        let end = (at + rng.below(12)).min(bytes.len());
        match rng.below(9) {
            0 => drop(bytes.drain(at..end)),
            1 => {
                let copy = bytes[at..end].to_vec();
                bytes.splice(at..at, copy);
            }
            2 => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte = u8::try_from(rng.below(256)).unwrap_or(0);
                }
            }
            3 => bytes.truncate(at),
            4 => {
                // A piece of another file.
                let other = &others[rng.below(others.len())].as_bytes();
                let from = rng.below(other.len() + 1);
                let to = (from + rng.below(80)).min(other.len());
                bytes.splice(at..end, other[from..to].iter().copied());
            }
            5 => {
                // A whole line moved or doubled.
                let lines: Vec<&[u8]> = bytes.split_inclusive(|b| *b == b'\n').collect();
                if !lines.is_empty() {
                    let (from, to) = (rng.below(lines.len()), rng.below(lines.len()));
                    let mut lines: Vec<Vec<u8>> = lines.into_iter().map(<[u8]>::to_vec).collect();
                    let line = lines[from].clone();
                    lines.insert(to, line);
                    bytes = lines.concat();
                }
            }
            _ => {
                let piece = PIECES[rng.below(PIECES.len())];
                let many = if rng.chance(3) { 300 } else { 1 };
                bytes.splice(at..end.max(at), piece.repeat(many).bytes());
            }
        }
    }
    bytes
}

fn tree(seed: u64) -> Tree {
    let mut rng = Rng::new(seed ^ 0x5eed);
    let files: Vec<(String, String)> =
        kustomizations::tree(seed).into_iter().map(|(path, pieces)| (path, pieces.concat())).collect();
    let texts: Vec<String> = files.iter().map(|(_, text)| text.clone()).collect();
    let mut out = Tree::new();
    let victim = rng.below(files.len());
    for (at, (path, text)) in files.iter().enumerate() {
        let content = if at == victim || rng.chance(20) {
            damaged(&mut rng, text, &texts)
        } else {
            text.clone().into_bytes()
        };
        out = out.with_file(path, content);
    }
    out
}

fn told(seed: u64) -> String {
    let mut out = format!("seed {seed}\n");
    for (path, _) in tree(seed).iter() {
        let content = tree(seed).read(path).unwrap_or_default();
        out.push_str(&format!("-- {path} --\n{}\n", String::from_utf8_lossy(&content)));
    }
    out
}

/// Builds a tree and prints the result; `false` for a panic.
fn survives(seed: u64) -> bool {
    let tree = tree(seed);
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let built = Renderer::new().build(&tree, "top", &Options::default());
        let _ = built.map(|rendered| rendered.to_yaml().map_err(|errors| errors.report()));
    }))
    .is_ok()
}

#[test]
fn damaged_trees_end_with_objects_or_an_error() {
    let seconds = number("SEATRIAL_MUTATION_SECONDS");
    let first = number("SEATRIAL_MUTATION_SEED").unwrap_or(1);
    let began = Instant::now();
    let (send, receive) = mpsc::channel();
    std::thread::spawn(move || {
        for seed in first.. {
            let begins = Instant::now();
            send.send((seed, true, Duration::ZERO)).unwrap();
            let survived = survives(seed);
            if send.send((seed, survived, begins.elapsed())).is_err() {
                return;
            }
            let enough = match seconds {
                Some(seconds) => began.elapsed().as_secs() >= seconds,
                None => seed >= first + 300,
            };
            if enough {
                return;
            }
        }
    });
    let (mut seed, mut count) = (first, 0_u64);
    loop {
        match receive.recv_timeout(Duration::from_secs(20)) {
            Ok((now, survived, took)) => {
                seed = now;
                count += 1;
                assert!(survived, "panic: {}", told(seed));
                assert!(took < Duration::from_secs(10), "{took:?}: {}", told(seed));
            }
            Err(mpsc::RecvTimeoutError::Timeout) => panic!("no end: {}", told(seed)),
            Err(mpsc::RecvTimeoutError::Disconnected) => break,
        }
    }
    eprintln!("{} damaged trees from seed {first}", count / 2);
}

/// Each of these is small and would grow without limit.
#[test]
fn bombs_are_refused() {
    let resource = "apiVersion: v1\nkind: A\nmetadata: {name: a}\n";
    let mut aliases = format!("{resource}a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..12 {
        let before = format!("*a{}", level - 1);
        aliases.push_str(&format!("a{level}: &a{level} [{}]\n", [before.as_str(); 10].join(", ")));
    }
    let deep = format!("{resource}a: {}{}\n", "[".repeat(100_000), "]".repeat(100_000));
    let deep_block: String = (0..5_000).map(|n| format!("{}a:\n", " ".repeat(n))).collect();
    let itself = format!("{resource}a: &a [*a]\n");
    for (what, text) in [("aliases", &aliases), ("depth", &deep), ("block", &deep_block), ("cycle", &itself)]
    {
        for file in ["resources: [r.yaml]\n", "resources: []\npatches: [{path: r.yaml}]\n"] {
            let tree = Tree::new()
                .with_file("kustomization.yaml", file)
                .with_file("r.yaml", text.as_bytes().to_vec());
            assert!(Renderer::new().build(&tree, "", &Options::default()).is_err(), "{what}: {file}");
        }
        let tree = Tree::new().with_file("kustomization.yaml", text.as_bytes().to_vec());
        assert!(Renderer::new().build(&tree, "", &Options::default()).is_err(), "{what}: kustomization");
    }
}

/// A chain of kustomizations that is long, and one that doubles at each step.
#[test]
fn kustomizations_that_nest_too_deep_are_refused() {
    let mut chain = Tree::new();
    for level in 0..1_000 {
        chain = chain
            .with_file(&format!("d{level}/kustomization.yaml"), format!("resources: [../d{}]\n", level + 1));
    }
    let errors = Renderer::new().build(&chain, "d0", &Options::default()).unwrap_err();
    assert!(errors.to_string().contains("nested more than"), "{errors}");
}
