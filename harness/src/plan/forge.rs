//! Repositories that steps create, and deploy keys.

use super::Op;
use crate::forge::{DEFAULT_USER, GitUrl};
use crate::scenario::{Action, CreateRepository, DeployKeyStep, Spec};

/// The branch that a repository is worked on: its own, or that of the template that it is made from.
pub(super) fn branch<'s>(spec: &'s Spec, repo: &str) -> &'s str {
    let mut name = repo.to_owned();
    // A template may be made from another: not more often than there are steps.
    for _ in 0..=spec.steps.len() {
        if let Some(git) = spec.git.get(&name) {
            return git.branch();
        }
        match created(spec, &name).and_then(|create| named(spec, create.template.as_deref()?)) {
            Some(template) => name = template,
            None => break,
        }
    }
    "main"
}

/// The URLs by which clusters address a repository.
pub(super) fn urls(spec: &Spec, repo: &str) -> Vec<String> {
    match (spec.git.get(repo), created(spec, repo)) {
        (Some(git), _) => git.urls(repo),
        (None, Some(create)) => vec![format!("https://github.com/{}/{}", create.organization, create.name)],
        (None, None) => Vec::new(),
    }
}

fn created<'s>(spec: &'s Spec, repo: &str) -> Option<&'s CreateRepository> {
    spec.steps.iter().find_map(|step| match &step.action {
        Action::CreateRepository(create) if create.name == repo && create.refused.is_none() => Some(create),
        _ => None,
    })
}

/// The name in the run of the repository `owner/name`.
fn named(spec: &Spec, full_name: &str) -> Option<String> {
    let of_urls = spec.git.iter().find(|(name, git)| {
        git.urls(name).iter().filter_map(|url| GitUrl::parse(url).ok()).any(|url| {
            url.owner_and_name()
                .is_some_and(|(owner, name)| format!("{owner}/{name}").eq_ignore_ascii_case(full_name))
        })
    });
    let plain = || full_name.strip_prefix(&format!("{DEFAULT_USER}/")).map(str::to_owned);
    let created = || {
        spec.steps.iter().find_map(|step| match &step.action {
            Action::CreateRepository(create)
                if format!("{}/{}", create.organization, create.name).eq_ignore_ascii_case(full_name) =>
            {
                Some(create.name.clone())
            }
            _ => None,
        })
    };
    of_urls.map(|(name, _)| name.clone()).or_else(created).or_else(plain)
}

pub(super) fn create(create: &CreateRepository) -> Op {
    Op::CreateRepository {
        organization: create.organization.clone(),
        name: create.name.clone(),
        template: create.template.clone(),
        private: create.private,
        refused: create.refused.clone(),
    }
}

pub(super) fn deploy_key(key: &DeployKeyStep, repo: String, cluster: String) -> Op {
    if key.remove {
        return Op::RemoveDeployKey { repo, title: key.title.clone() };
    }
    let secret = key.secret.as_ref().and_then(|secret| {
        let (namespace, name) = secret.split_once('/')?;
        Some((cluster, namespace.to_owned(), name.to_owned()))
    });
    Op::AddDeployKey { repo, title: key.title.clone(), read_write: key.read_write, secret }
}
