//! Checks what a scenario says of its forge.

use super::references::Context;
use super::tree::Node;
use super::{CreateRepository, DeployKeyStep, ExpectDeployKey};
use crate::forge::{DEFAULT_USER, is_login, is_repository_name};

/// Users, organizations and teams.
pub(super) fn accounts(context: &mut Context<'_>, spec: &Node) {
    let Some(forge) = spec.get("forge") else { return };
    let users = forge.get("users").map(Node::entries).unwrap_or_default();
    let organizations = forge.get("organizations").map(Node::entries).unwrap_or_default();
    let mut known = vec![DEFAULT_USER.to_owned()];
    for entry in users.iter().chain(organizations) {
        if !is_login(&entry.key) {
            let message = format!(
                "{:?} cannot be a name on the forge: use letters, digits and single '-' between them, at most 39",
                entry.key
            );
            context.problem(entry.at, message);
        }
        if known.iter().any(|name| name.eq_ignore_ascii_case(&entry.key)) && entry.key != DEFAULT_USER {
            context.problem(entry.at, format!("the name `{}` is taken on the forge", entry.key));
        }
        known.push(entry.key.clone());
    }
    let mut names: Vec<&str> = users.iter().map(|entry| entry.key.as_str()).collect();
    names.push(DEFAULT_USER);
    for entry in users {
        let token = entry.value.get("token");
        if let Some(node) = token.filter(|node| node.text().is_some_and(|text| text.trim().is_empty())) {
            context.problem(node.at, "a token must not be empty");
        }
        if let (None, Some(node)) = (token, entry.value.get("scopes")) {
            context.problem(node.at, "`scopes` needs `token`");
        }
    }
    for entry in organizations {
        let lists = ["members", "owners"].into_iter().filter_map(|field| entry.value.get(field));
        let teams = entry.value.get("teams").map(Node::entries).unwrap_or_default();
        for node in lists.chain(teams.iter().map(|team| &team.value)).flat_map(Node::items) {
            context.known("user", node.text().unwrap_or_default(), node.at, &names);
        }
    }
}

pub(super) fn create(context: &mut Context<'_>, create: &CreateRepository, body: &Node) {
    let at = |field: &str| body.get(field).map_or(body.at, |node| node.at);
    let name = create.name.as_str();
    if !is_repository_name(name) {
        let message =
            format!("{name:?} cannot be the name of a repository: use letters, digits, '.', '_' and '-'");
        return context.problem(at("name"), message);
    }
    if let Some(template) = &create.template
        && template.split('/').filter(|part| !part.is_empty()).count() != 2
    {
        context.problem(
            at("template"),
            format!("{template:?} is not a repository of the forge: write owner/name"),
        );
    }
    if create.refused.is_none() {
        if context.repos.iter().any(|known| known == name) {
            context.problem(
                at("name"),
                format!("the run has a repository `{name}` already: later steps could not tell them apart"),
            );
        } else {
            context.repos.push(name.to_owned());
        }
    }
}

pub(super) fn deploy_key(context: &mut Context<'_>, key: &DeployKeyStep, body: &Node) {
    context.repo(body);
    let at = |field: &str| body.entry(field).map_or(body.at, |entry| entry.at);
    if key.remove && (key.read_write || key.secret.is_some()) {
        context.problem(at("remove"), "`remove` goes with neither `readWrite` nor `secret`");
    }
    match &key.secret {
        Some(secret) => {
            context.cluster(body);
            if secret.split('/').filter(|part| !part.is_empty()).count() != 2 {
                context.problem(at("secret"), format!("{secret:?} is not a Secret: write namespace/name"));
            }
        }
        None if key.cluster.is_some() => context.problem(at("cluster"), "`cluster` goes with `secret`"),
        None => {}
    }
}

pub(super) fn expect_deploy_key(context: &mut Context<'_>, expect: &ExpectDeployKey, body: &Node) {
    context.repo(body);
    if expect.absent && expect.read_only.is_some() {
        let at = body.entry("readOnly").map_or(body.at, |entry| entry.at);
        context.problem(at, "`readOnly` does not go with `absent`");
    }
}
