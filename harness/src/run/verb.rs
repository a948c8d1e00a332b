//! Steps that are commands: verbs, and the services tool.

use super::bootstrap::{images, start_engine};
use super::expect::chain;
use super::failure::StepError;
use super::flux::setting;
use super::tokens;
use super::world::World;
use crate::bootstrap::{Component, ForgeHosts};
use crate::check::lines::{self, Difference};
use crate::check::{Target, default_api_version};
use crate::forge::{Change, CommitId, DEFAULT_USER, Repo, Token};
use crate::monorepo::{Layout, Listing, Service, list_path};
use crate::plan::{Op, ServicesOp, VerbOp};
use crate::report::Failure;
use seatrial_verbs::{Env, Screen, Verb};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Plays a step; the result is what a report says about it.
pub(super) async fn play(world: &mut World, line: u32, op: &Op) -> Result<Vec<String>, Failure> {
    match op {
        Op::Verb(verb) => match self::verb(world, line, verb).await {
            Err(error @ StepError::Printed { .. }) => {
                let chain = causes(world, verb).await;
                Err(Failure { chain, ..Failure::from(error) })
            }
            played => Ok(played?),
        },
        Op::Services(services) => Ok(self::services(world, line, services)?),
        _ => Ok(Vec::new()),
    }
}

/// How it came to what a verb printed.
async fn causes(world: &World, op: &VerbOp) -> Vec<String> {
    let Ok(cluster) = world.cluster(&op.cluster) else { return Vec::new() };
    let about = Verb::parse(&op.words).ok().and_then(|verb| verb.about());
    let target = about.and_then(|about| {
        let api_version = default_api_version(about.kind, Some(cluster.flux()))?;
        let (kind, namespace) = (about.kind.to_owned(), Some(about.namespace));
        Some(Target { api_version, kind, namespace, name: about.name })
    });
    chain(world, cluster, target.as_ref()).await
}

async fn verb(world: &mut World, line: u32, op: &VerbOp) -> Result<Vec<String>, StepError> {
    let verb = Verb::parse(&op.words).map_err(|message| StepError::Verb { message })?;
    let bootstraps = matches!(verb, Verb::Bootstrap(_));
    if bootstraps {
        // It waits for the first reconcile, so somebody has to work meanwhile, as soon as the controllers run.
        let Some(mut handle) = world.clusters.remove(&op.cluster) else {
            return Err(StepError::NoCluster { name: op.cluster.clone() });
        };
        start_engine(&setting(world), &mut handle);
        world.clusters.insert(op.cluster.clone(), handle);
        for (name, tags) in images(&Component::ALL) {
            world.registry.create(&name, tags)?;
        }
    }
    let before = if bootstraps { heads(world) } else { BTreeMap::new() };
    let handle = world.cluster(&op.cluster)?;
    // One that could not be read is not taken back.
    let had = match bootstraps {
        true => tokens::of_cluster(&world.forge, handle).await.ok().flatten(),
        false => None,
    };
    let mut variables = BTreeMap::new();
    let mut issued = None;
    if bootstraps {
        let token = world.forge.issue_token(DEFAULT_USER, &Token::ALL_SCOPES);
        let token = token.map_err(|error| StepError::Verb { message: error.to_string() })?;
        for name in ["GITHUB_TOKEN", "GIT_PASSWORD"] {
            variables.insert(name.to_owned(), token.0.clone());
        }
        issued = Some(token);
    }
    let hosts = ForgeHosts::new(&world.forge, &world.clock, &format!("{}/deploy key", op.cluster));
    let env = Env {
        hosts: Some(Arc::new(hosts)),
        variables: Some(variables),
        flux: handle.flux(),
        placeholder: handle.placeholder_image.clone(),
        ..Env::with_client(world.clock.clone(), handle.objects.client().clone())
    };
    let (mut screen, printed) = Screen::joined();
    let result = verb.run(&env, &mut screen).await;
    if let Err(error) = &result {
        error.tell(&mut screen);
    }
    let printed = printed.out();
    if let Some(token) = issued.filter(|_| !op.words.iter().any(|word| keeps_token(word))) {
        world.forge.revoke_token(&token);
    }
    tokens::revoke_replaced(&world.forge, handle, had).await;
    if let (Verb::Bootstrap(args), Ok(())) = (&verb, &result) {
        handle.release.set(args.release().unwrap_or_else(|| handle.flux()));
    }
    let facts = new_commits(world, line, &before)?;
    if result.is_err() != op.fails {
        let ended = if op.fails { "succeeded, and was to fail" } else { "failed" };
        return Err(StepError::Printed { ended: ended.to_owned(), printed });
    }
    if let Some(expected) = &op.expect
        && let Err(Difference { line, wanted, found }) = lines::compare(expected, &printed)
    {
        let ended = format!("printed something else: line {line} is {found:?}, and not {wanted:?}");
        return Err(StepError::Printed { ended, printed });
    }
    Ok(facts)
}

/// Whether a flag of `bootstrap` has the cluster keep the token.
fn keeps_token(word: &str) -> bool {
    ["--token-auth", "--with-bearer-token"].iter().any(|flag| word.starts_with(flag))
}

/// The tips of all repositories.
fn heads(world: &World) -> BTreeMap<String, CommitId> {
    let head = |repo: &Repo| Some((repo.name().to_owned(), repo.head(repo.default_branch()).ok()?));
    world.forge.repos().iter().filter_map(head).collect()
}

/// Notes what has been committed since.
fn new_commits(
    world: &mut World,
    line: u32,
    before: &BTreeMap<String, CommitId>,
) -> Result<Vec<String>, StepError> {
    let mut facts = Vec::new();
    for (name, tip) in before {
        let repo = world.repo(name)?;
        let branch = repo.default_branch().to_owned();
        let log = repo.log(&branch, 16)?;
        let new: Vec<CommitId> = log.iter().map(|info| info.id).take_while(|id| id != tip).collect();
        for id in new.into_iter().rev() {
            facts.push(world.made(line, &repo, &branch, id, None)?);
        }
    }
    Ok(facts)
}

fn services(world: &mut World, line: u32, op: &ServicesOp) -> Result<Vec<String>, StepError> {
    let repo = world.repo(&op.repo)?;
    let listing = Listing::of(&op.env);
    let layout = Layout::of(repo.paths(&op.branch)?);
    let project = |service: &&Service| op.project.as_ref().is_none_or(|wanted| *wanted == service.project);
    let there = layout.services_for(&op.env).into_iter().filter(project).cloned();
    let path = list_path(&op.env);
    let before = repo.read(&op.branch, &path)?;
    let (after, added) = listing.add(&before, &there.collect::<Vec<_>>())?;
    let names: Vec<String> = added.iter().map(ToString::to_string).collect();
    if let Some(wanted) = op.added.as_ref().filter(|wanted| **wanted != names) {
        let shown = |names: &[String]| if names.is_empty() { "none".to_owned() } else { names.join(", ") };
        let message = format!("add {}: {} are not listed", shown(wanted), shown(&names));
        return Err(StepError::Verb { message });
    }
    if added.is_empty() {
        return Ok(vec!["up to date".to_owned()]);
    }
    let change = Change::new(format!("Deploy {} on {}", names.join(", "), op.env)).write(path, after);
    let id = repo.commit(&op.branch, &change)?;
    Ok(vec![world.made(line, &repo, &op.branch, id, op.alias.as_ref())?])
}
