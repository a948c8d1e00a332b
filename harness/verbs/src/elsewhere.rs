//! flux's verbs that are not here.

use crate::Global;
use clap::{Args as _, Command};
use std::ffi::OsString;

const VERBS: [&str; 16] = [
    "completion",
    "debug",
    "delete",
    "envsubst",
    "export",
    "install",
    "list",
    "logs",
    "migrate",
    "plugin",
    "pull",
    "push",
    "stats",
    "tag",
    "trigger",
    "version",
];

/// What flux's verbs take that the verbs of the same names here do not.
const KINDS: [(&str, &[&str]); 9] = [
    (
        "get",
        &[
            "alert",
            "alerts",
            "alert-provider",
            "alert-providers",
            "artifact",
            "artifacts",
            "helmrelease",
            "helmreleases",
            "hr",
            "receiver",
            "receivers",
        ],
    ),
    ("create", &["alert", "alert-provider", "helmrelease", "hr", "receiver", "secret", "tenant"]),
    ("reconcile", &["helmrelease", "hr", "receiver"]),
    ("suspend", &["alert", "alert-provider", "helmrelease", "hr", "receiver"]),
    ("resume", &["alert", "alert-provider", "helmrelease", "hr", "receiver"]),
    ("bootstrap", &["bitbucket-server", "gitea", "gitlab"]),
    ("build", &["artifact"]),
    ("diff", &["artifact"]),
    ("tree", &["artifact"]),
];

/// The same of the sources that some verbs take.
const SOURCES: [&str; 4] = ["bucket", "chart", "external", "helm"];

/// Why a command line (the program's name first) is not for this program, where it has one of flux's verbs that is not here.
pub fn flux_only(arguments: &[OsString]) -> Option<String> {
    let words = plain_words(arguments);
    let known = match words.as_slice() {
        [verb, ..] if VERBS.contains(verb) => 1,
        ["get" | "create" | "reconcile" | "suspend" | "resume", "source" | "sources", kind, ..]
            if SOURCES.contains(kind) =>
        {
            3
        }
        [verb, kind, ..] if KINDS.iter().any(|(known, kinds)| known == verb && kinds.contains(kind)) => 2,
        _ => return None,
    };
    let verb = words[..known].join(" ");
    Some(format!("flux's verb {verb} is not supported by seatrial; the real flux does it"))
}

/// The first words that are neither flags nor values of global ones.
fn plain_words(arguments: &[OsString]) -> Vec<&str> {
    let globals = Global::augment_args(Command::new("globals"));
    let takes_value = |flag: &str| {
        let found = globals.get_arguments().find(|known| match flag.strip_prefix("--") {
            Some(long) => known.get_long() == Some(long),
            None => flag.strip_prefix('-').is_some_and(|short| {
                known.get_short().is_some_and(|own| short.chars().eq(std::iter::once(own)))
            }),
        });
        found.is_some_and(|known| !known.is_require_equals_set())
    };
    let mut words = Vec::new();
    let mut rest = arguments.iter().skip(1).filter_map(|argument| argument.to_str());
    while let Some(word) = rest.next() {
        if !word.starts_with('-') {
            words.push(word);
        } else if takes_value(word) {
            rest.next();
        }
        if words.len() == 3 {
            break;
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case::a_verb("logs --all-namespaces", Some("logs"))]
    #[case::a_kind("get hr -A", Some("get hr"))]
    #[case::flags_between("get -A -n apps helmreleases", Some("get helmreleases"))]
    #[case::flags_in_front("--context beta install", Some("install"))]
    #[case::a_source("get sources chart", Some("get sources chart"))]
    #[case::another_source("create source helm podinfo --url=https://h/x", Some("create source helm"))]
    #[case::a_forge("bootstrap gitlab --owner=me", Some("bootstrap gitlab"))]
    #[case::a_kind_that_is_here("get ks", None)]
    #[case::a_source_that_is_here("get sources git helm", None)]
    #[case::a_name("reconcile ks hr", None)]
    #[case::a_command_of_its_own("run export", None)]
    #[case::nothing("", None)]
    fn verbs_that_flux_alone_has_are_named(#[case] line: &str, #[case] verb: Option<&str>) {
        let line: Vec<OsString> =
            ["seatrial"].into_iter().chain(line.split_whitespace()).map(Into::into).collect();
        let wanted = verb
            .map(|verb| format!("flux's verb {verb} is not supported by seatrial; the real flux does it"));
        assert_eq!(flux_only(&line), wanted);
    }
}
