//! The forge of a scenario: what it starts with, and steps that are about it.

use super::failure::StepError;
use super::world::World;
use crate::forge::declare::{Asking, Declared, DeclaredRepository, create};
use crate::forge::github::Api;
use crate::forge::keys::{KeyAlgorithm, PrivateKey};
use crate::forge::{AccountError, DEFAULT_USER, Forge, GitUrl, Token};
use crate::plan::{Op, Plan};
use seatrial_engine::Secret;
use serde_json::json;

/// The field manager of `kubectl create secret`.
const MANAGER: &str = "kubectl";

/// Makes the users and organizations of a plan. Repositories come after them, so that they find their owners.
pub(crate) fn accounts(forge: &Forge, plan: &Plan) -> Result<(), AccountError> {
    for (login, user) in &plan.forge.users {
        if login != DEFAULT_USER {
            forge.add_user(login)?;
        }
        if let Some(token) = &user.token {
            let scopes: Vec<&str> = user.scopes.iter().map(String::as_str).collect();
            let scopes = if scopes.is_empty() { Token::ALL_SCOPES.to_vec() } else { scopes };
            forge.add_token(login, &Secret(token.clone()), &scopes)?;
        }
    }
    for (login, organization) in &plan.forge.organizations {
        forge.add_organization(login)?;
        for member in &organization.members {
            forge.add_member(login, member, false)?;
        }
        for owner in &organization.owners {
            forge.add_member(login, owner, true)?;
        }
        for (team, members) in &organization.teams {
            forge.add_team(login, team, members)?;
        }
    }
    Ok(())
}

/// Gives the repositories of a plan their settings.
pub(crate) fn repositories(forge: &Forge, plan: &Plan) -> Result<(), AccountError> {
    for repo in &plan.repos {
        forge.configure(&repo.name, |hosted| {
            hosted.checked = hosted.checked || repo.checked || repo.private;
            hosted.private = repo.private;
            hosted.template = repo.template;
        })?;
    }
    Ok(())
}

/// Plays a step; the result is what a report says about it.
pub(super) async fn play(world: &mut World, op: &Op) -> Result<Vec<String>, StepError> {
    match op {
        Op::CreateRepository { organization, name, template, private, refused } => {
            let repository = DeclaredRepository {
                name: name.clone(),
                private: Some(*private),
                owner: template.as_ref().and_then(|template| Some(template.split_once('/')?.0.to_owned())),
                tpl_name: template.as_ref().and_then(|template| Some(template.split_once('/')?.1.to_owned())),
                ..DeclaredRepository::default()
            };
            let wanted = [Declared { organization: organization.clone(), repositories: vec![repository] }];
            create_repository(world, &wanted, refused.as_deref()).await
        }
        Op::AddDeployKey { repo, title, read_write, secret } => {
            let key = match world.clock.is_virtual() {
                true => {
                    let mut rng = world.clock.rng(&format!("{repo}/deploy key"));
                    PrivateKey::generate(KeyAlgorithm::EcdsaP384, &mut rng)
                }
                false => PrivateKey::random(KeyAlgorithm::EcdsaP384),
            };
            let key = key.map_err(AccountError::from)?;
            world.forge.add_deploy_key(repo, title, key.public(), !read_write, DEFAULT_USER)?;
            if let Some((cluster, namespace, name)) = secret {
                store(world, &key, repo, cluster, namespace, name).await?;
            }
            Ok(vec![key.public().fingerprint()])
        }
        Op::RemoveDeployKey { repo, title } => {
            let hosted = world.forge.hosted(repo)?;
            let missing = || AccountError::NoKey { key: title.clone() };
            let key = hosted.keys.iter().find(|key| key.title == *title).ok_or_else(missing)?;
            world.forge.remove_deploy_key(repo, key.id)?;
            Ok(Vec::new())
        }
        Op::ExpectDeployKey { repo, title, read_only, absent } => {
            let hosted = world.forge.hosted(repo)?;
            let named: Vec<_> = hosted.keys.iter().filter(|key| key.title == *title).collect();
            let sort = |read_only: bool| if read_only { "read-only" } else { "read-write" };
            let fits =
                |key: &&&crate::forge::DeployKey| read_only.is_none_or(|wanted| key.read_only == wanted);
            if *absent != named.iter().any(|key| fits(&key)) {
                return Ok(Vec::new());
            }
            let all: Vec<String> =
                hosted.keys.iter().map(|key| format!("{} ({})", key.title, sort(key.read_only))).collect();
            let all = if all.is_empty() { "none".to_owned() } else { all.join(", ") };
            let wanted = match (absent, read_only) {
                (true, _) => "no".to_owned(),
                (false, Some(wanted)) => format!("a {}", sort(*wanted)),
                (false, None) => "a".to_owned(),
            };
            Err(StepError::Refused(format!("find {wanted} deploy key {title:?} of {repo}: it has {all}")))
        }
        _ => Ok(Vec::new()),
    }
}

async fn create_repository(
    world: &World,
    wanted: &[Declared],
    refused: Option<&str>,
) -> Result<Vec<String>, StepError> {
    let token = world.forge.issue_token(DEFAULT_USER, &Token::ALL_SCOPES)?;
    let api = Api::new(world.forge.clone());
    let asking = Asking { requests: &api, api: world.forge.site().api, token: token.clone() };
    let lines = create(&asking, wanted).await;
    world.forge.revoke_token(&token);
    let mut facts = Vec::new();
    for line in lines {
        match (line, refused) {
            (Ok(line), None) => facts.push(line),
            (Ok(line), Some(text)) => {
                return Err(StepError::Refused(format!("see a refusal with {text:?}: {line}")));
            }
            (Err(line), Some(text)) if line.contains(text) => facts.push(line),
            (Err(line), Some(text)) => {
                return Err(StepError::Refused(format!("see a refusal with {text:?}: {line}")));
            }
            (Err(line), None) => return Err(StepError::Refused(format!("create the repository: {line}"))),
        }
    }
    Ok(facts)
}

/// Applies a Secret with a key, as Flux wants it.
async fn store(
    world: &World,
    key: &PrivateKey,
    repo: &str,
    cluster: &str,
    namespace: &str,
    name: &str,
) -> Result<(), StepError> {
    let site = world.forge.site();
    let host = GitUrl::parse(&format!("{}/{}", site.web, world.forge.hosted(repo)?.full_name()))?;
    let secret = json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "Opaque",
        "metadata": {"name": name, "namespace": namespace},
        "stringData": {
            "identity": key.reveal(),
            "identity.pub": format!("{}\n", key.public()),
            // In process no connection is made: nobody looks at the host's key.
            "known_hosts": format!("{} ssh-ed25519 AAAA\n", host.host()),
        },
    });
    let handle = world.cluster(cluster)?;
    handle.note_made(&secret);
    let applied = handle.objects.apply(&secret, MANAGER, true).await;
    applied.map(drop).map_err(|error| StepError::api(format!("apply Secret/{namespace}/{name}"), &error))
}
