//! Checks what a scenario refers to: clusters, repositories, images, files; and rules that span several fields.

use super::problem::{Problem, nearest, quoted};
use super::registry_step::image_problem;
use super::tree::{Node, Pos};
use super::{FilePatch, Scenario, steps};
use crate::forge::GitUrl;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// The files that a scenario refers to, by the path that it writes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Files {
    /// Files of patches.
    pub(crate) patches: BTreeMap<String, Vec<FilePatch>>,
    /// Files whose content is committed.
    pub(crate) contents: BTreeMap<String, Vec<u8>>,
    /// Files with objects to apply.
    pub(crate) objects: BTreeMap<String, Vec<serde_json::Value>>,
}

/// What is known while the steps are gone through, and what was found wrong.
pub(super) struct Context<'a> {
    pub(super) file: &'a Path,
    pub(super) folder: &'a Path,
    pub(super) scenario: &'a Scenario,
    /// Clusters so far: those of `spec.clusters`, then those that steps add.
    pub(super) clusters: Vec<String>,
    /// Repositories so far: those of `spec.git`, then those that steps create.
    pub(super) repos: Vec<String>,
    /// Names that steps gave to commits: alias and repository.
    pub(super) aliases: BTreeMap<String, String>,
    /// Backups of sealing keys that steps have made.
    pub(super) backups: BTreeSet<String>,
    pub(super) files: Files,
    pub(super) problems: Vec<Problem>,
}

/// Checks a scenario whose shape is right, and reads the files that it needs.
pub(super) fn check(file: &Path, folder: &Path, root: &Node, scenario: &Scenario) -> (Files, Vec<Problem>) {
    let mut context = Context {
        file,
        folder,
        scenario,
        clusters: scenario.spec.clusters.keys().cloned().collect(),
        repos: scenario.spec.git.keys().cloned().collect(),
        aliases: BTreeMap::new(),
        backups: BTreeSet::new(),
        files: Files::default(),
        problems: Vec::new(),
    };
    let Some(spec) = root.get("spec") else { return (context.files, context.problems) };
    if let Some(metadata) = root.get("metadata").and_then(|m| m.get("name"))
        && scenario.metadata.name.trim().is_empty()
    {
        context.problem(metadata.at, "the scenario's name must not be empty");
    }
    context.clusters_of(spec);
    context.repositories(spec);
    context.registry(spec);
    super::forge_check::accounts(&mut context, spec);
    let nodes = spec.get("steps").map(Node::items).unwrap_or_default();
    for (step, node) in scenario.spec.steps.iter().zip(nodes) {
        steps::check(&mut context, step, node);
    }
    (context.files, context.problems)
}

impl Context<'_> {
    pub(super) fn problem(&mut self, at: Pos, message: impl Into<String>) {
        let problem = Problem::new(self.file, at, message);
        self.problems.push(problem);
    }

    fn clusters_of(&mut self, spec: &Node) {
        let Some(node) = spec.get("clusters") else { return };
        let first_step_adds = self.scenario.spec.steps.iter().any(|s| s.action.verb() == "addCluster");
        if node.entries().is_empty() && !first_step_adds {
            self.problem(node.at, "`clusters` must not be empty");
        }
        for entry in node.entries() {
            self.cluster_name(&entry.key, entry.at);
            self.profiles(&entry.value);
        }
    }

    pub(super) fn cluster_name(&mut self, name: &str, at: Pos) {
        let part = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        let ends = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        if name.len() > 63 || !name.chars().all(part) || !name.starts_with(ends) || !name.ends_with(ends) {
            let message =
                format!("{name:?} cannot be the name of a cluster: use a-z, 0-9 and '-', at most 63");
            self.problem(at, message);
        }
    }

    /// Profiles whose fields contradict each other. They have been read into the model once already.
    pub(super) fn profiles(&mut self, node: &Node) {
        for item in node.get("profiles").map(Node::items).unwrap_or_default() {
            let profile = serde_json::from_value::<super::profile::Profile>(item.to_json());
            if let Ok(Err(error)) = profile.map(|p| p.validate()) {
                self.problem(item.at, format!("the profile tries to {error}"));
            }
        }
    }

    fn repositories(&mut self, spec: &Node) {
        let mut urls: BTreeMap<GitUrl, String> = BTreeMap::new();
        for entry in spec.get("git").map(Node::entries).unwrap_or_default() {
            let name = entry.key.as_str();
            if !crate::forge::is_repository_name(name) {
                let message = format!(
                    "{name:?} cannot be the name of a repository: use letters, digits, '.', '_' and '-'"
                );
                self.problem(entry.at, message);
            }
            if let Some((node, from)) = entry.value.get("from").and_then(|n| Some((n, n.text()?))) {
                let path = self.folder.join(from);
                if !path.is_dir() {
                    self.missing(node.at, "folder", from, &path);
                }
            }
            if let Some((node, branch)) = entry.value.get("branch").and_then(|n| Some((n, n.text()?))) {
                self.branch_name(branch, node.at);
            }
            for node in entry.value.get("urls").map(Node::items).unwrap_or_default() {
                let Some(text) = node.text() else { continue };
                match GitUrl::parse(text) {
                    Err(error) => {
                        self.problem(node.at, format!("{text:?} is not a Git URL: {}", reason(&error)))
                    }
                    Ok(url) => {
                        if let Some(other) = urls.insert(url, name.to_owned())
                            && other != name
                        {
                            self.problem(
                                node.at,
                                format!("{text} leads to the repository `{other}` already"),
                            );
                        }
                    }
                }
            }
        }
    }

    pub(super) fn branch_name(&mut self, branch: &str, at: Pos) {
        if branch.starts_with('-') || !git2::Reference::is_valid_name(&format!("refs/heads/{branch}")) {
            self.problem(at, format!("Git does not allow {branch:?} as the name of a branch"));
        }
    }

    fn registry(&mut self, spec: &Node) {
        for entry in spec.get("registry").map(Node::entries).unwrap_or_default() {
            let last = entry.key.rsplit('/').next().unwrap_or_default();
            if last.is_empty() || last.contains([':', '@']) {
                let message = format!("`{}` is not an image repository: write it without a tag", entry.key);
                self.problem(entry.at, message);
            }
            if let Some(tokens) = entry.value.get("tokens") {
                self.tokens(tokens);
            }
            for image in entry.value.get("images").unwrap_or(&entry.value).items() {
                let tag = image.get("tag").unwrap_or(image);
                if tag.text().is_some_and(|t| !is_tag(t)) {
                    self.problem(tag.at, format!("{:?} is not an image tag", tag.text().unwrap_or_default()));
                }
                let field = |name: &str| image.get(name).and_then(Node::text).map(str::to_owned);
                let problem = image_problem(field("created").as_ref(), field("digest").as_ref());
                if let Some((name, problem)) = problem {
                    self.problem(image.get(name).map_or(image.at, |node| node.at), problem);
                }
            }
        }
    }

    fn tokens(&mut self, tokens: &Node) {
        let span = |node: &Node| node.text().and_then(|text| text.parse::<super::Span>().ok());
        let expires = tokens.get("expiresAfter").and_then(|node| Some((node, span(node)?.0)));
        if let Some((node, span)) = expires.filter(|(_, span)| span.as_secs() == 0) {
            let problem = if span.is_zero() {
                "a token that holds for no time opens nothing: `expiredTokens` of `setRegistry` is that fault"
            } else {
                "a token holds for a second or longer: clients are told it in whole seconds"
            };
            self.problem(node.at, problem);
        }
        for user in tokens.get("users").map(Node::entries).unwrap_or_default() {
            if user.key.is_empty() || user.key.contains(':') {
                self.problem(
                    user.at,
                    format!("{:?} is no user name: it has no colon, and is not empty", user.key),
                );
            }
        }
    }

    /// A file or folder that the scenario names is not there; what is like it is offered.
    pub(super) fn missing(&mut self, at: Pos, what: &str, written: &str, path: &Path) {
        let mut problem = Problem::new(self.file, at, format!("there is no {what} {written}"));
        let parent = path.parent().unwrap_or(Path::new("."));
        let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        let mut beside: Vec<String> = std::fs::read_dir(parent)
            .into_iter()
            .flatten()
            .filter_map(|entry| Some(entry.ok()?.file_name().to_string_lossy().into_owned()))
            .collect();
        beside.sort();
        let beside: Vec<&str> = beside.iter().map(String::as_str).collect();
        let help = match nearest(&name, &beside) {
            Some(near) => {
                let folder =
                    written.rsplit_once('/').map(|(folder, _)| format!("{folder}/")).unwrap_or_default();
                format!("did you mean `{folder}{near}`?")
            }
            None => "paths are relative to the scenario file".to_owned(),
        };
        problem = problem.help(help);
        self.problems.push(problem);
    }

    /// A name must be one of `known`.
    pub(super) fn known(&mut self, what: &str, name: &str, at: Pos, known: &[&str]) {
        if known.contains(&name) {
            return;
        }
        let problem = Problem::new(self.file, at, format!("there is no {what} `{name}`"));
        let problem = match known {
            [] => problem.help(format!("the scenario has no {what}")),
            known => problem.suggest(name, known.iter().copied()),
        };
        self.problems.push(problem);
    }

    /// A name that may be left out where there is only one to choose.
    pub(super) fn chosen(&mut self, what: &str, field: &str, node: &Node, known: &[&str]) {
        match node.get(field) {
            Some(value) => {
                let name = value.text().unwrap_or_default().to_owned();
                self.known(what, &name, value.at, known);
            }
            None if known.len() == 1 => {}
            None => {
                let problem = Problem::new(self.file, node.at, format!("`{field}` is needed"));
                let help = match known {
                    [] => format!("the scenario has no {what}"),
                    known => format!("there is more than one {what}: {}", quoted(known)),
                };
                self.problems.push(problem.help(help));
            }
        }
    }
}

/// The part of a message that stands behind what it is about.
fn reason(error: &crate::forge::ForgeError) -> String {
    match error {
        crate::forge::ForgeError::BadUrl { problem, .. } => (*problem).to_owned(),
        other => other.to_string(),
    }
}

pub(super) fn is_tag(text: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    !text.is_empty() && text.len() <= 128 && !text.starts_with(['.', '-']) && text.chars().all(allowed)
}
