//! Random trees, built by this crate and by the real kustomize: the same bytes, or refused by both.
//!
//! Opt-in: the program is looked for in `ORACLES_DIR` and in `~/.cache/seatrial-oracles/bin`. A difference prints its seed
//! and the smallest tree that still shows it, in the form of the files under `tests/cases`.
//!
//! - `SEATRIAL_FUZZ_TREES=10000`: how many trees, 150 by default
//! - `SEATRIAL_FUZZ_SEED=7`: the first seed
//! - `SEATRIAL_FUZZ_SERVER=PROGRAM`: build with the server of `oracle/main.go`, ten times faster
//! - `SEATRIAL_FUZZ_OUT=DIR`: write each difference into a file
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]
#![allow(clippy::disallowed_methods, reason = "a program from outside is timed by no clock of ours")]

mod kustomizations;
mod random;
mod resources;

use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use kustomizations::Tree;
use seatrial_render::{Options, Renderer, Tree as Files};

fn oracle() -> Option<PathBuf> {
    let folder = match std::env::var_os("ORACLES_DIR") {
        Some(folder) => PathBuf::from(folder),
        None => PathBuf::from(std::env::var_os("HOME")?).join(".cache/seatrial-oracles/bin"),
    };
    Some(folder.join("kustomize")).filter(|program| program.is_file())
}

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// The real program, or a server made of its library (see `oracle/main.go`).
struct Kustomize {
    program: PathBuf,
    server: Option<(Child, ChildStdin, BufReader<ChildStdout>)>,
}

impl Kustomize {
    fn new(program: &Path) -> Kustomize {
        let server = std::env::var_os("SEATRIAL_FUZZ_SERVER").map(|server| {
            let mut child = Command::new(server)
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            let (stdin, stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
            (child, stdin, BufReader::new(stdout))
        });
        Kustomize { program: program.to_owned(), server }
    }

    /// What kustomize prints, or its complaint.
    fn build(&mut self, tree: &Tree) -> Result<String, String> {
        let folder = tempfile::tempdir().unwrap();
        for (path, pieces) in tree {
            let path = folder.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, pieces.concat()).unwrap();
        }
        let top = folder.path().join("top");
        let said =
            |bytes: &[u8]| String::from_utf8_lossy(bytes).replace(&*folder.path().to_string_lossy(), "");
        // Types from `openapi` stay in the process, and its version is unknown there: such trees get the program.
        let needs = |piece: &String| piece.contains("openapi") || piece.contains("managedByLabel");
        let own = tree.values().flatten().any(needs);
        if let Some((_, stdin, stdout)) = self.server.as_mut().filter(|_| !own) {
            writeln!(stdin, "{}", top.display()).unwrap();
            let mut line = String::new();
            stdout.read_line(&mut line).unwrap();
            let (status, length) = line.trim_end().split_once(' ').unwrap();
            let mut bytes = vec![0; length.parse().unwrap()];
            stdout.read_exact(&mut bytes).unwrap();
            return if status == "ok" { Ok(said(&bytes)) } else { Err(said(&bytes)) };
        }
        let mut command = Command::new(&self.program);
        command.arg("build").arg(top).env_remove("KUSTOMIZE_PLUGIN_HOME").env("GOMAXPROCS", "1");
        let output = command.output().unwrap();
        match output.status.success() {
            true => Ok(said(&output.stdout)),
            false => Err(said(&output.stderr)),
        }
    }
}

impl Drop for Kustomize {
    fn drop(&mut self) {
        if let Some((child, _, _)) = &mut self.server {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// What this crate prints, or its complaint.
fn ours(tree: &Tree) -> Result<String, String> {
    let files =
        tree.iter().fold(Files::new(), |files, (path, pieces)| files.with_file(path, pieces.concat()));
    let built = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let rendered = Renderer::new()
            .build(&files, "top", &Options { threads: 2, ..Options::default() })
            .map_err(|e| e.to_string())?;
        rendered.to_yaml().map_err(|e| e.to_string())
    }));
    built.unwrap_or_else(|_| Err("PANIC".to_owned()))
}

/// How two results differ; `None` where they do not.
fn difference(ours: &Result<String, String>, theirs: &Result<String, String>) -> Option<&'static str> {
    match (ours, theirs) {
        (Err(message), _) if message == "PANIC" => Some("panic"),
        (Ok(ours), Ok(theirs)) if ours == theirs => None,
        (Err(_), Err(_)) => None,
        // A crash is no answer.
        (_, Err(message)) if message.contains("goroutine") => None,
        (Ok(_), Ok(_)) => Some("bytes"),
        (Ok(_), Err(_)) => Some("we accept"),
        (Err(_), Ok(_)) => Some("we refuse"),
    }
}

struct Shrinker<'a> {
    kustomize: &'a mut Kustomize,
    kind: &'static str,
    left: usize,
}

impl Shrinker<'_> {
    fn still(&mut self, tree: &Tree) -> bool {
        self.left = self.left.saturating_sub(1);
        self.left > 0 && difference(&ours(tree), &self.kustomize.build(tree)) == Some(self.kind)
    }

    /// Leaves out files, pieces and lines as long as the difference stays.
    fn shrink(&mut self, mut tree: Tree) -> Tree {
        loop {
            let before = tree.clone();
            for path in before.keys() {
                let mut smaller = tree.clone();
                smaller.remove(path);
                if self.still(&smaller) {
                    tree = smaller;
                    continue;
                }
                self.leave_out_runs(&mut tree, path, 1);
                let pieces = &tree[path];
                let lines: Vec<String> = pieces.concat().split_inclusive('\n').map(str::to_owned).collect();
                tree.insert(path.clone(), lines);
                for size in [8, 4, 2, 1] {
                    self.leave_out_runs(&mut tree, path, size);
                }
            }
            if tree == before || self.left == 0 {
                return tree;
            }
        }
    }

    fn leave_out_runs(&mut self, tree: &mut Tree, path: &str, size: usize) {
        let mut at = 0;
        while at < tree[path].len() {
            let mut smaller = tree.clone();
            let pieces = smaller.get_mut(path).unwrap();
            let end = (at + size).min(pieces.len());
            pieces.drain(at..end);
            if self.still(&smaller) {
                *tree = smaller;
            } else {
                at += size;
            }
        }
    }
}

fn told(
    seed: u64,
    kind: &str,
    tree: &Tree,
    ours: &Result<String, String>,
    theirs: &Result<String, String>,
) -> String {
    let mut out = format!("# seed {seed}: {kind}\n");
    for (path, pieces) in tree {
        let _ = writeln!(out, "-- {path} --\n{}", pieces.concat().trim_end_matches('\n'));
    }
    for (who, result) in [("ours", ours), ("kustomize", theirs)] {
        let (Ok(text) | Err(text)) = result;
        let what = if result.is_ok() { "prints" } else { "refuses" };
        let _ = writeln!(out, "-- {who} {what} --\n{}", text.trim_end_matches('\n'));
    }
    out
}

#[test]
fn random_trees_build_as_kustomize_builds_them() {
    let Some(program) = oracle() else {
        eprintln!("skipped: no kustomize (set ORACLES_DIR)");
        return;
    };
    let (first, count) = (number("SEATRIAL_FUZZ_SEED", 1), number("SEATRIAL_FUZZ_TREES", 150));
    let shrinks = number("SEATRIAL_FUZZ_SHRINKS", 400);
    let out = std::env::var_os("SEATRIAL_FUZZ_OUT").map(PathBuf::from);
    let next = AtomicU64::new(first);
    let accepted = AtomicU64::new(0);
    let found: Mutex<Vec<String>> = Mutex::default();
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let mut kustomize = Kustomize::new(&program);
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= first + count
                        || found.lock().unwrap().len() as u64 >= number("SEATRIAL_FUZZ_MOST", 20)
                    {
                        return;
                    }
                    let tree = kustomizations::tree(seed);
                    let (mine, real) = (ours(&tree), kustomize.build(&tree));
                    accepted.fetch_add(u64::from(real.is_ok()), Ordering::Relaxed);
                    if let (true, Err(why)) = (std::env::var_os("SEATRIAL_FUZZ_WHY").is_some(), &real) {
                        eprintln!("WHY {seed} {}", why.lines().last().unwrap_or_default());
                    }
                    let Some(kind) = difference(&mine, &real) else { continue };
                    let mut shrinker = Shrinker { kustomize: &mut kustomize, kind, left: shrinks as usize };
                    let small = if shrinks > 0 { shrinker.shrink(tree) } else { tree };
                    let text = told(seed, kind, &small, &ours(&small), &kustomize.build(&small));
                    if let Some(out) = &out {
                        std::fs::create_dir_all(out).unwrap();
                        std::fs::write(out.join(format!("{seed}.txt")), &text).unwrap();
                    }
                    found.lock().unwrap().push(text);
                }
            });
        }
    });
    let found = found.into_inner().unwrap();
    eprintln!(
        "{count} trees from seed {first}: kustomize built {}, {} differed",
        accepted.into_inner(),
        found.len()
    );
    assert!(found.is_empty(), "{}", found.join("\n"));
}
