//! Checks steps that are commands.

use super::VerbStep;
use super::references::Context;
use super::tree::Node;
use seatrial_verbs::{Verb, secret_flag, words};

/// Verbs that work on files of the caller.
const LOCAL: [&str; 2] = ["build", "diff"];
/// Flags that lead to clusters and files beyond the run.
const ELSEWHERE: [&str; 15] = [
    "--ca-file",
    "--manifests",
    "--private-key-file",
    "--kubeconfig",
    "--cluster",
    "--user",
    "--server",
    "--token",
    "--certificate-authority",
    "--client-certificate",
    "--client-key",
    "--tls-server-name",
    "--insecure-skip-tls-verify",
    "--as",
    "--as-group",
];

/// The value of `--context`, and the other words.
pub(crate) fn context_of(args: &str) -> Result<(Option<String>, Vec<String>), String> {
    let mut given = words(args)?.into_iter();
    let (mut context, mut rest) = (None, Vec::new());
    while let Some(word) = given.next() {
        match word.strip_prefix("--context") {
            Some("") => context = given.next(),
            Some(value) if value.starts_with('=') => context = Some(value[1..].to_owned()),
            _ => rest.push(word),
        }
    }
    Ok((context, rest))
}

/// Checks a `seatrial` step.
pub(super) fn check(context: &mut Context<'_>, step: &VerbStep, body: &Node) {
    let at = body.get("args").map_or(body.at, |node| node.at);
    let (cluster, words) = match context_of(&step.args) {
        Ok(read) => read,
        Err(problem) => return context.problem(at, problem),
    };
    match (&step.cluster, &cluster) {
        (Some(cluster), Some(other)) if cluster != other => {
            context.problem(at, format!("`cluster` is {cluster}, and --context is {other}"));
        }
        (None, Some(other)) => {
            let known = context.clusters.clone();
            let known: Vec<&str> = known.iter().map(String::as_str).collect();
            context.known("cluster", other, at, &known);
        }
        _ => context.cluster(body),
    }
    let named = |word: &String, flags: &[&str]| flags.contains(&word.split('=').next().unwrap_or_default());
    if let Some(word) = words.iter().find(|word| named(word, &ELSEWHERE)) {
        return context.problem(at, format!("{word} does not go into a scenario: it leads out of the run"));
    }
    if let Some(flag) = secret_flag(&words) {
        let problem = format!(
            "{flag} does not go into a scenario, where everybody reads it: GITHUB_TOKEN and GIT_PASSWORD are set to a token of the run"
        );
        return context.problem(at, problem);
    }
    let verb = words.first().map(String::as_str).unwrap_or_default();
    if LOCAL.contains(&verb) {
        return context.problem(at, format!("`{verb}` works on files, and does not go into a scenario"));
    }
    let asks = verb == "uninstall" && !words.iter().any(|word| named(word, &["--silent", "-s", "--dry-run"]));
    if asks {
        return context.problem(at, "`uninstall` asks a question: add --silent".to_owned());
    }
    if let Err(problem) = Verb::parse(&words) {
        context.problem(at, problem);
    }
}
