//! Transcripts: what kubectl and flux print, byte for byte, against a real and against the simulated server, after ages,
//! times, ids and addresses have been replaced.
//!
//! Opt-in: `SEATRIAL_DIFFERENTIAL=1`, with the programs in `ORACLES_DIR` or `~/.cache/seatrial-oracles`. The commands stand in
//! `data/transcripts.txt`; those whose output is known to differ are marked there, with the reason.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]
#![allow(clippy::disallowed_methods, reason = "it serves real programs")]

#[allow(dead_code, reason = "each test program uses a part of it")]
mod kube;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use regex::Regex;
use seatrial_sim::{Cluster, ClusterOptions, Identity};
use seatrial_time::Clock;

const TRANSCRIPTS: &str = include_str!("data/transcripts.txt");

/// A line of the file: a command, or a file that is written for those that follow.
enum Step {
    Command { text: String, differs: bool },
    File { name: String, content: String },
}

/// The sections of the file with their steps.
fn sections() -> Vec<(String, Vec<Step>)> {
    let mut all: Vec<(String, Vec<Step>)> = Vec::new();
    let mut lines = TRANSCRIPTS.lines();
    let mut differs = false;
    while let Some(line) = lines.next() {
        if let Some(name) = line.strip_prefix("== ") {
            all.push((name.to_owned(), Vec::new()));
        } else if line.starts_with("! ") {
            differs = true;
        } else if let Some(name) = line.strip_prefix("< ") {
            let content: Vec<&str> = lines.by_ref().take_while(|line| *line != "<").collect();
            let file = Step::File { name: name.to_owned(), content: content.join("\n") + "\n" };
            all.last_mut().unwrap().1.push(file);
        } else if let Some(text) = line.strip_prefix("$ ") {
            let step = Step::Command { text: text.to_owned(), differs: std::mem::take(&mut differs) };
            all.last_mut().unwrap().1.push(step);
        }
    }
    all
}

/// Replaces what differs from run to run.
struct Normal(Vec<(Regex, &'static str)>);

impl Normal {
    fn new() -> Normal {
        let rules = [
            (r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "UID"),
            (r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?Z?( [+-]\d+)?", "TIME"),
            (r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d [+-]\d{4}", "DATE"),
            (r#"(resourceVersion"?: ?\\?"?)\d+"#, "${1}N"),
            (r"(Resource Version:\s+)\d+", "${1}N"),
            // A column of ages is as wide as the oldest.
            (r" *\b\d+[smhd](\d+[smh])?\b", " AGE"),
            (r"/tmp/(LIVE|MERGED)-\d+", "/tmp/$1"),
            // So is one of addresses.
            (r"\b10\.\d+\.\d+\.\d+\b *", "ADDRESS "),
            (r"CLUSTER-IP +", "CLUSTER-IP "),
            (r"W\d{4} \d\d:\d\d:\d\d\.\d+ +\d+ ", "WARNING "),
        ];
        Normal(rules.map(|(rule, name)| (Regex::new(rule).unwrap(), name)).into())
    }

    fn apply(&self, output: &str, command: &str, server: &str, folder: &Path) -> String {
        let mut text = output.replace(server, "SERVER").replace(folder.to_str().unwrap(), "FOLDER");
        for (rule, name) in &self.0 {
            text = rule.replace_all(&text, *name).into_owned();
        }
        if command.contains("explain") {
            // The simulated server has no descriptions: fields and types count.
            let told = Regex::new(r"^(GROUP|KIND|VERSION|FIELD|error|Error|\s*[A-Za-z$-]+\t)").unwrap();
            let lines: Vec<&str> = text.lines().filter(|l| told.is_match(l)).map(str::trim_end).collect();
            text = lines.join("\n");
        }
        sort_causes(&text)
    }
}

/// What is wrong with a custom resource comes in the order of a Go map.
fn sort_causes(text: &str) -> String {
    let mut lines: Vec<&str> = text.split('\n').collect();
    for run in lines.chunk_by_mut(|a, b| a.starts_with("* ") && b.starts_with("* ")) {
        run.sort_unstable();
    }
    lines.join("\n")
}

fn programs() -> PathBuf {
    match std::env::var_os("ORACLES_DIR") {
        Some(dir) => PathBuf::from(dir),
        None => PathBuf::from(std::env::var_os("HOME").unwrap()).join(".cache/seatrial-oracles"),
    }
    .join("bin")
}

/// Runs all commands on the server at this address; returns what each printed, with its exit status.
fn play(server: &str) -> Vec<String> {
    let home = tempfile::tempdir().unwrap();
    let config = home.path().join("config");
    std::fs::write(
        &config,
        format!(
            r#"{{"apiVersion":"v1","kind":"Config","clusters":[{{"name":"k","cluster":{{"server":"{server}"}}}}],
            "contexts":[{{"name":"k","context":{{"cluster":"k","user":"k"}}}}],"current-context":"k","users":[{{"name":"k","user":{{}}}}]}}"#
        ),
    )
    .unwrap();
    let path = format!("{}:{}", programs().display(), std::env::var("PATH").unwrap_or_default());
    let (normal, mut printed) = (Normal::new(), Vec::new());
    for (_, steps) in sections() {
        let folder = tempfile::tempdir().unwrap();
        for step in steps {
            match step {
                Step::File { name, content } => {
                    std::fs::write(folder.path().join(name), content).unwrap();
                }
                Step::Command { text, .. } => {
                    let output = Command::new("sh")
                        .args(["-c", &format!("exec 2>&1; {text}")])
                        .current_dir(folder.path())
                        .env("HOME", home.path())
                        .env("KUBECONFIG", &config)
                        .env("PATH", &path)
                        .env("TZ", "UTC")
                        .stdin(Stdio::null())
                        .output()
                        .unwrap();
                    let shown = String::from_utf8_lossy(&output.stdout);
                    let status = output.status.code().unwrap_or(-1);
                    printed.push(normal.apply(&format!("{shown}[{status}]"), &text, server, folder.path()));
                }
            }
        }
    }
    printed
}

/// Serves the simulated cluster on loopback, in a thread of its own that lives as long as this process; returns its address.
fn serve() -> String {
    let (sender, receiver) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let cluster = Cluster::new(Clock::wall(), ClusterOptions::default());
            let mount = cluster.mount(Identity::admin());
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            sender.send(listener.local_addr().unwrap()).unwrap();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let service = TowerToHyperService::new(mount.clone());
                tokio::spawn(async move {
                    let http = hyper::server::conn::http1::Builder::new();
                    // A client that goes away in the middle of a watch is none of our business.
                    let _ = http.serve_connection(TokioIo::new(stream), service).await;
                });
            }
        });
    });
    format!("http://{}", receiver.recv().unwrap())
}

#[test]
fn kubectl_and_flux_print_what_they_print_with_a_real_server() {
    let Some(mut kube) = kube::Kube::start() else { return };
    if !kube.start_controllers(&programs()) {
        eprintln!("skipped: no kube-controller-manager in {}", programs().display());
        return;
    }
    // It answers before it says that it is ready.
    while kube.request("GET", "/readyz", "application/json", None).0 != 200 {
        std::thread::sleep(std::time::Duration::from_millis(200));
    }
    let with_flux = programs().join("flux").exists();
    if !with_flux {
        eprintln!("skipped: the commands of flux, which is not in {}", programs().display());
    }
    let (real, simulated) = (play(&format!("http://{}", kube.address())), play(&serve()));
    let mut commands = Vec::new();
    for (section, steps) in sections() {
        for step in steps {
            if let Step::Command { text, differs } = step {
                commands.push((format!("{section} $ {text}"), differs));
            }
        }
    }
    let (mut wrong, mut surprising, mut known) = (String::new(), Vec::new(), 0);
    for (((name, differs), want), found) in commands.iter().zip(&real).zip(&simulated) {
        if name.contains("$ flux") && !with_flux {
            continue;
        }
        match (want == found, differs) {
            (true, false) => {}
            (true, true) => surprising.push(name),
            (false, true) => known += 1,
            (false, false) => {
                let prefixed = |text: &str, sign: char| -> String {
                    text.lines().map(|line| format!("    {sign} {line}\n")).collect()
                };
                wrong.push_str(&format!("{name}\n{}{}", prefixed(want, '-'), prefixed(found, '+')));
            }
        }
    }
    let mut out = std::io::stdout();
    let _ = writeln!(out, "{} commands, {known} known differences", commands.len());
    assert!(wrong.is_empty(), "- real, + found\n{wrong}");
    assert!(surprising.is_empty(), "no longer different: {surprising:#?}");
}
