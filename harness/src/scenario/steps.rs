//! Checks the steps of a scenario, in order.

use super::forge_check;
use super::problem::{Problem, quoted};
use super::references::{Context, is_tag};
use super::registry_step::image_problem;
use super::sealed_check;
use super::shape::Shape;
use super::tree::{self, Node, Pos};
use super::{Action, Expect, ExpectCommit, FilePatch, Push, Step, UsualController};
use crate::monorepo::Service;
use crate::registry::{Digest, RepositoryName};

/// Checks one step, and remembers what later steps can refer to.
pub(super) fn check(context: &mut Context<'_>, step: &Step, node: &Node) {
    let Some(body) = node.get(step.action.verb()) else { return };
    match &step.action {
        Action::AddCluster(add) => {
            let at = body.get("name").map_or(body.at, |n| n.at);
            context.cluster_name(&add.name, at);
            if context.clusters.contains(&add.name) {
                context.problem(at, format!("there is a cluster `{}` already", add.name));
            }
            context.clusters.push(add.name.clone());
            context.profiles(body);
        }
        Action::Bootstrap(bootstrap) => {
            context.cluster(body);
            context.repo(body);
            context.inside(&bootstrap.path, body.get("path"));
            for needed in [UsualController::SourceController, UsualController::KustomizeController] {
                if !bootstrap.components.is_empty() && !bootstrap.components.contains(&needed) {
                    let at = body.entry("components").map_or(body.at, |entry| entry.at);
                    context.problem(at, format!("component {} is required", needed.component().name()));
                }
            }
        }
        Action::Commit(_) => commit(context, body),
        Action::Branch(branch) => {
            context.repo(body);
            let at = body.get("name").map_or(body.at, |n| n.at);
            context.branch_name(&branch.name, at);
        }
        Action::Merge(_) => {
            context.repo(body);
            context.alias(body);
        }
        Action::Revert(revert) => {
            context.repo(body);
            if let (Some(name), Some(at)) = (&revert.commit, body.get("commit").map(|n| n.at))
                && name != "last"
            {
                let known: Vec<String> = context.aliases.keys().cloned().collect();
                let known: Vec<&str> = known.iter().map(String::as_str).collect();
                match known.is_empty() {
                    true => context.problem(
                        at,
                        format!(
                            "no step before this one gives a commit the name `{name}` (with `as: {name}`)"
                        ),
                    ),
                    false => context.known("commit with the name", name, at, &known),
                }
            }
            context.alias(body);
        }
        Action::Enable(toggle) | Action::Disable(toggle) => {
            context.repo(body);
            if let (Err(error), Some(node)) = (Service::parse(&toggle.service), body.get("service")) {
                context.problem(node.at, format!("failed to {error}"));
            }
            context.inside(&toggle.env, body.get("env"));
            context.alias(body);
        }
        Action::Push(push) => {
            image(context, &push.image, body);
            image_built(context, push, body);
            if let (Some(from), Some(node)) = (&push.from, body.get("from")) {
                let path = context.folder.join(from);
                if !path.is_dir() {
                    context.missing(node.at, "folder", from, &path);
                }
            }
        }
        Action::ExpectIsolated(expect) => {
            if let (Some(name), Some(node)) = (&expect.cluster, body.get("cluster")) {
                let known = context.clusters.clone();
                let known: Vec<&str> = known.iter().map(String::as_str).collect();
                context.known("cluster", name, node.at, &known);
            }
        }
        Action::DeleteTag(delete) if delete.image.contains('@') => {
            let at = body.get("image").map_or(body.at, |n| n.at);
            context.problem(at, "`deleteTag` takes a tag alone");
        }
        Action::DeleteTag(delete) => image(context, &delete.image, body),
        Action::SetRegistry(set) => {
            let at = body.get("repository").map_or(body.at, |n| n.at);
            image_repository(context, &set.repository, at);
            if set.expired_tokens {
                guarded(context, &set.repository, body);
            }
            if let Some((field, problem)) = set.problem() {
                context.problem(body.get(field).map_or(body.at, |n| n.at), problem.to_owned());
            }
        }
        Action::ExpectCommit(expect) => {
            context.repo(body);
            let nothing = ExpectCommit {
                repo: expect.repo.clone(),
                branch: expect.branch.clone(),
                within: expect.within,
                ..ExpectCommit::default()
            };
            if *expect == nothing {
                context.problem(
                    body.at,
                    "`expectCommit` checks nothing: it needs one of `author`, `message`, `files`, `diff`",
                );
            }
        }
        Action::Reconcile(reconcile) => {
            context.cluster(body);
            if reconcile.with_source && reconcile.kustomization.is_none() {
                let at = body.entry("withSource").map_or(body.at, |e| e.at);
                context.problem(at, "`withSource` goes with `kustomization` alone");
            }
        }
        Action::Verb(verb) => super::verb_check::check(context, verb, body),
        Action::Services(services) => {
            context.repo(body);
            context.inside(&services.env, body.get("env"));
            context.alias(body);
        }
        Action::CreateRepository(create) => forge_check::create(context, create, body),
        Action::DeployKey(key) => forge_check::deploy_key(context, key, body),
        Action::ExpectDeployKey(expect) => forge_check::expect_deploy_key(context, expect, body),
        Action::Advance(_) => {}
        Action::Apply(_) => {
            context.cluster(body);
            objects(context, body);
        }
        Action::Delete(_) | Action::Patch(_) => context.cluster(body),
        Action::SetProfile(_) => {
            context.cluster(body);
            context.profiles(body);
        }
        Action::Seal(seal) => {
            context.cluster(body);
            context.repo(body);
            context.alias(body);
            context.inside(&seal.to, body.get("to"));
            sealed_check::seal(context, seal, body);
        }
        Action::SealingKeysStep(step) => {
            context.cluster(body);
            sealed_check::keys(context, step, body);
        }
        Action::Expect(expect) => self::expect(context, expect, body),
    }
}

impl Context<'_> {
    pub(super) fn cluster(&mut self, body: &Node) {
        let known = self.clusters.clone();
        let known: Vec<&str> = known.iter().map(String::as_str).collect();
        self.chosen("cluster", "cluster", body, &known);
    }

    pub(super) fn repo(&mut self, body: &Node) {
        let known = self.repos.clone();
        let known: Vec<&str> = known.iter().map(String::as_str).collect();
        self.chosen("repository", "repo", body, &known);
        if let Some((node, branch)) = body.get("branch").and_then(|n| Some((n, n.text()?.to_owned()))) {
            self.branch_name(&branch, node.at);
        }
    }

    fn alias(&mut self, body: &Node) {
        let Some((node, name)) = body.get("as").and_then(|n| Some((n, n.text()?))) else { return };
        if name == "last" || name.is_empty() {
            return self.problem(node.at, format!("a commit cannot be given the name {name:?}"));
        }
        let repo = body.get("repo").and_then(Node::text).unwrap_or_default().to_owned();
        if self.aliases.insert(name.to_owned(), repo).is_some() {
            self.problem(node.at, format!("a step before this one gave the name `{name}` to its commit"));
        }
    }

    /// A path of a repository: relative, and not out of it.
    fn inside(&mut self, path: &str, node: Option<&Node>) {
        let Some(node) = node else { return };
        let wrong = path.is_empty() || path.starts_with('/') || path.split('/').any(|part| part == "..");
        if wrong {
            self.problem(node.at, format!("{path:?} is not a path inside the repository"));
        }
    }

    /// Reads a file that the scenario names; `None` where it is not there, which is then reported.
    fn read(&mut self, node: &Node) -> Option<(String, Vec<u8>)> {
        let written = node.text()?.to_owned();
        let path = self.folder.join(&written);
        match std::fs::read(&path) {
            Ok(content) => Some((written, content)),
            Err(_) => {
                self.missing(node.at, "file", &written, &path);
                None
            }
        }
    }

    /// As [`Context::read`], for text.
    fn read_text(&mut self, node: &Node) -> Option<(String, String)> {
        let (written, content) = self.read(node)?;
        match String::from_utf8(content) {
            Ok(text) => Some((written, text)),
            Err(_) => {
                self.problem(node.at, format!("{written} is not text"));
                None
            }
        }
    }
}

fn commit(context: &mut Context<'_>, body: &Node) {
    context.repo(body);
    context.alias(body);
    let files = body.get("write").map(Node::entries).unwrap_or_default();
    for entry in files {
        context.inside(&entry.key, Some(&Node { at: entry.at, data: entry.value.data.clone() }));
        if let Some((written, content)) = entry.value.get("from").and_then(|from| context.read(from)) {
            context.files.contents.insert(written, content);
        }
    }
    for node in body.get("remove").map(Node::items).unwrap_or_default() {
        context.inside(node.text().unwrap_or_default(), Some(node));
    }
    if let Some(node) = body.get("patch").filter(|n| n.text().is_some())
        && let Some((written, text)) = context.read_text(node)
    {
        let path = context.folder.join(&written);
        match patches(&path, &text) {
            Ok(patches) => {
                context.files.patches.insert(written, patches);
            }
            Err(problems) => context.problems.extend(problems),
        }
    }
    if files.is_empty() && body.get("patch").is_none() && body.get("remove").is_none() {
        context.problem(body.at, "`commit` changes nothing: it needs one of `write`, `patch`, `remove`");
    }
}

/// Reads a file of patches.
fn patches(path: &std::path::Path, text: &str) -> Result<Vec<FilePatch>, Vec<Problem>> {
    let documents = tree::read(path, text).map_err(|p| vec![p])?;
    let shape = Shape::new(super::schema::patch_schema(), "the list of patches");
    let mut patches = Vec::new();
    for document in &documents {
        let problems = shape.check(path, document, "the list of patches");
        if !problems.is_empty() {
            return Err(problems);
        }
        patches.extend(super::parse::to_model::<Vec<FilePatch>>(path, document).map_err(|p| vec![p])?);
    }
    Ok(patches)
}

fn objects(context: &mut Context<'_>, body: &Node) {
    if let Some(node) = body.get("from")
        && let Some((written, text)) = context.read_text(node)
    {
        match tree::read(&context.folder.join(&written), &text) {
            Ok(documents) => {
                let objects: Vec<_> = documents.iter().map(Node::to_json).collect();
                if objects.iter().any(|o| o["apiVersion"].as_str().is_none() || o["kind"].as_str().is_none())
                {
                    context.problem(
                        node.at,
                        format!("{written} contains something that is not a Kubernetes object"),
                    );
                }
                context.files.objects.insert(written, objects);
            }
            Err(problem) => context.problems.push(problem),
        }
    }
    if let Some(node) = body.get("object") {
        for field in ["apiVersion", "kind", "metadata"] {
            if node.get(field).is_none() {
                context.problem(node.at, format!("the object lacks `{field}`"));
            }
        }
    }
}

fn image(context: &mut Context<'_>, image: &str, body: &Node) {
    let at = body.get("image").map_or(body.at, |n| n.at);
    let (image, digest) = match image.split_once('@') {
        Some((image, digest)) => (image, Some(digest)),
        None => (image, None),
    };
    if digest.is_some_and(|digest| Digest::parse(digest).is_none()) {
        return context.problem(at, format!("{image:?} has a digest that is not sha256:<64 hex digits>"));
    }
    let (repository, tag) = match image.rsplit_once(':') {
        Some((repository, tag)) if !tag.contains('/') => (repository, tag),
        _ => return context.problem(at, format!("`{image}` has no tag: write it as {image}:1.0.0")),
    };
    if !is_tag(tag) {
        return context.problem(at, format!("{tag:?} is not an image tag"));
    }
    image_repository(context, repository, at);
}

/// What a push says of the image that it generates.
fn image_built(context: &mut Context<'_>, push: &Push, body: &Node) {
    let at = |field: &str| body.entry(field).map_or(body.at, |entry| entry.at);
    if let Some((field, problem)) = image_problem(push.created.as_ref(), push.digest.as_ref()) {
        context.problem(at(field), problem);
    }
    let there = push.from.is_some() || push.image.contains('@');
    let given = ["labels", "created", "digest"].into_iter().find(|field| body.get(field).is_some());
    if let (true, Some(field)) = (there, given) {
        let message = format!("`{field}` goes with images that are generated: without `from` and without @");
        context.problem(at(field), message);
    }
}

fn image_repository(context: &mut Context<'_>, repository: &str, at: Pos) {
    let known: Vec<&str> = context.scenario.spec.registry.keys().map(String::as_str).collect();
    // `btoll/debug` and `docker.io/btoll/debug` are one repository.
    let name = RepositoryName::parse(repository).ok();
    if name.is_none() || !known.iter().any(|known| RepositoryName::parse(known).ok() == name) {
        context.known("image repository", repository, at, &known);
    }
}

/// Tokens expire where there are some.
fn guarded(context: &mut Context<'_>, repository: &str, body: &Node) {
    let name = RepositoryName::parse(repository).ok();
    let mut all = context.scenario.spec.registry.iter();
    let found = all.find(|(known, _)| RepositoryName::parse(known).ok() == name);
    if found.is_some_and(|(_, spec)| spec.tokens().is_none()) {
        let at = body.entry("expiredTokens").map_or(body.at, |entry| entry.at);
        context.problem(
            at,
            format!("`expiredTokens` goes with a repository that has `tokens`, which `{repository}` has not"),
        );
    }
}

fn expect(context: &mut Context<'_>, expect: &Expect, body: &Node) {
    let at = |field: &str| body.entry(field).map_or(body.at, |e| e.at);
    match (body.get("cluster").is_some(), body.get("clusters")) {
        (true, Some(_)) => context.problem(at("clusters"), "`expect` has both `cluster` and `clusters`"),
        (_, None) => context.cluster(body),
        (false, Some(list)) => {
            let known = context.clusters.clone();
            let known: Vec<&str> = known.iter().map(String::as_str).collect();
            for node in list.items() {
                context.known("cluster", node.text().unwrap_or_default(), node.at, &known);
            }
            if list.items().is_empty() {
                context.problem(list.at, "`clusters` must not be empty");
            }
        }
    }
    if let Some(secret) = &expect.secret {
        sealed_check::expect(context, secret, body);
    }
    if expect.within.is_some() && expect.never.is_some() {
        context.problem(at("never"), "`expect` has both `within` and `never`: one of them at a time");
    }
    for (field, given) in [("absent", expect.absent.is_some()), ("revision", expect.revision.is_some())] {
        if given && expect.never.is_some() {
            let message = format!("`never` goes with `resource`, `condition` or `cel`, not with `{field}`");
            context.problem(at("never"), message);
        }
    }
    if let Some(cel) = &expect.cel {
        match crate::check::compile(cel) {
            Err(error) => context.problem(body.get("cel").map_or(body.at, |n| n.at), error.to_string()),
            Ok(_) if !cel.contains("object") => {
                let at = body.get("cel").map_or(body.at, |n| n.at);
                context.problem(at, "the expression says nothing about `object`");
            }
            Ok(_) => {}
        }
    }
    if let Some(condition) = &expect.condition
        && condition.api_version.is_none()
        && crate::check::default_api_version(&condition.kind, None).is_none()
    {
        let at = body.get("condition").and_then(|c| c.get("kind")).map_or(body.at, |n| n.at);
        let known = crate::check::known_kinds();
        let problem = Problem::new(
            context.file,
            at,
            format!("`{}` is no kind of Kubernetes or Flux: give its `apiVersion`", condition.kind),
        );
        let near = super::problem::nearest(&condition.kind, &known);
        context.problems.push(match near {
            Some(name) => problem.help(format!("did you mean `{name}`?")),
            None => problem,
        });
    }
    if let Some(of) = expect.revision.as_ref().map(|r| &r.of) {
        let known = context.repos.clone();
        let known: Vec<&str> = known.iter().map(String::as_str).collect();
        match of {
            Some(of) => {
                let name = of.split('@').next().unwrap_or_default();
                let at = body.get("revision").and_then(|r| r.get("of")).map_or(body.at, |n| n.at);
                context.known("repository", name, at, &known);
            }
            None if known.len() == 1 => {}
            None => {
                let at = body.get("revision").map_or(body.at, |n| n.at);
                let message = format!("`revision` needs `of`: the repository, one of {}", quoted(&known));
                context.problem(at, message);
            }
        }
    }
}
