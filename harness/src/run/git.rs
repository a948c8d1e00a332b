//! Steps that change repositories and the registry.

use super::failure::StepError;
use super::world::World;
use crate::forge::{Author, Change, ForgeError, MergeStyle, Merged, Repo};
use crate::monorepo::{Service, Switch, toggle};
use crate::plan::{Edits, Op, edit};
use crate::registry::{Registry, RegistryError};
use crate::scenario::MergeHow;
use seatrial_time::Clock;
use std::collections::BTreeMap;

/// Plays a step; the result is what a report says about it.
pub(super) fn play(world: &mut World, line: u32, op: &Op) -> Result<Vec<String>, StepError> {
    match op {
        Op::Commit { repo, branch, message, author, edits, alias } => {
            let repo = world.repo(repo)?;
            let mut change = change(&repo, branch, message, edits)?;
            if let Some((name, email)) = author {
                change = change.by(Author { name: name.clone(), email: email.clone() });
            }
            let id = repo.commit(branch, &change)?;
            Ok(vec![world.made(line, &repo, branch, id, alias.as_ref())?])
        }
        Op::Branch { repo, name, from } => {
            let id = world.repo(repo)?.create_branch(name, from)?;
            Ok(vec![format!("{name}@{}", world.shown(repo, id))])
        }
        Op::Merge { repo, from, into, how, message, alias } => {
            let repo = world.repo(repo)?;
            let style = match how {
                MergeHow::Auto => MergeStyle::Auto,
                MergeHow::Commit => MergeStyle::Commit,
                MergeHow::FastForwardOnly => MergeStyle::FastForwardOnly,
            };
            let merged = repo.merge(into, from, style, message.as_deref(), &Author::default())?;
            let how = match merged {
                Merged::UpToDate(_) => "already up to date",
                Merged::FastForward(_) => "fast-forward",
                Merged::Commit(_) => "merge commit",
            };
            let fact = world.made(line, &repo, into, merged.head(), alias.as_ref())?;
            Ok(vec![fact, how.to_owned()])
        }
        Op::Revert { repo, branch, commit, message, alias } => {
            let repo = world.repo(repo)?;
            let commit = match commit {
                Some(name) => {
                    *world.aliases.get(name).ok_or_else(|| StepError::NoAlias { alias: name.clone() })?
                }
                None => repo.head(branch)?,
            };
            let id = repo.revert(branch, &commit.to_string(), message.as_deref(), &Author::default())?;
            Ok(vec![world.made(line, &repo, branch, id, alias.as_ref())?])
        }
        Op::Toggle { repo, branch, env, service, enable, alias } => {
            let repo = world.repo(repo)?;
            let switch = if *enable { Switch::Enable } else { Switch::Disable };
            let change = toggle(&repo, branch, env, &Service::parse(service)?, switch)?;
            let id = repo.commit(branch, &change)?;
            Ok(vec![world.made(line, &repo, branch, id, alias.as_ref())?])
        }
        Op::Push { .. } | Op::SetRegistry { .. } | Op::DeleteTag { .. } => {
            Ok(registry(&world.registry, &world.clock, op)?)
        }
        _ => Ok(Vec::new()),
    }
}

/// Plays a step that concerns the registry alone; others do nothing.
pub(crate) fn registry(registry: &Registry, clock: &Clock, op: &Op) -> Result<Vec<String>, RegistryError> {
    match op {
        Op::Push { image, from, build } => {
            let digest = match from {
                Some(folder) => registry.push_artifact(image, folder, clock)?,
                None if image.contains('@') => registry.push(image)?,
                None => registry.push_built(image, build)?,
            };
            Ok(vec![short(&digest.to_string())])
        }
        Op::SetRegistry { repository, rule } => {
            registry.set_rule(repository, rule.clone(), clock)?;
            Ok(Vec::new())
        }
        Op::DeleteTag { image } => {
            let (repository, tag) = image.rsplit_once(':').unwrap_or((image, "latest"));
            registry.delete_tag(repository, tag)?;
            Ok(Vec::new())
        }
        _ => Ok(Vec::new()),
    }
}

/// The edits as a commit: patches first, each on what the one before it left.
fn change(repo: &Repo, branch: &str, message: &str, edits: &Edits) -> Result<Change, StepError> {
    let mut change = Change::new(message);
    let mut patched: BTreeMap<&str, Vec<u8>> = BTreeMap::new();
    for patch in &edits.patches {
        let path = patch.path.as_str();
        let before = match patched.remove(path) {
            Some(content) => content,
            None => match repo.read(branch, path) {
                Ok(content) => content,
                // A file that does not exist can be begun by appending to it.
                Err(ForgeError::NoFile { .. }) if patch.append.is_some() => Vec::new(),
                Err(error) => return Err(error.into()),
            },
        };
        patched.insert(path, edit(patch, &before)?);
    }
    for (path, content) in patched {
        change = change.write(path, content);
    }
    for (path, content) in &edits.write {
        change = change.write(path, content.clone());
    }
    for path in &edits.remove {
        change = change.remove(path);
    }
    Ok(change)
}

/// `sha256:` and twelve digits.
fn short(digest: &str) -> String {
    digest.chars().take("sha256:".len() + 12).collect()
}
