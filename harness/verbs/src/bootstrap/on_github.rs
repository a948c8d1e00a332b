//! `bootstrap github`.

use super::args::{Options, Shared};
use super::confirm::confirmed;
use super::github::{GitHub, GitHubError, Wanted};
use super::hosts::{Access, Hosts, Pending, Remote};
use super::keys::KeyPair;
use super::{Bootstrap, Credentials, Secrets, Source, SourceSecret, ca, play};
use crate::flags::{SWITCH, list, switch};
use crate::{Env, Global, Screen, Session, VerbError};
use std::io::BufRead as _;

/// A repository of GitHub or GitHub Enterprise, which is made where it does not exist. The token is that of GITHUB_TOKEN, else it is
/// read from standard input.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The host of the forge [default: github.com].
    #[arg(long, value_name = "HOST")]
    hostname: Option<String>,
    /// User or organization.
    #[arg(long, value_name = "NAME")]
    owner: Option<String>,
    /// The owner is a user.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = SWITCH)]
    personal: Option<String>,
    /// The repository is made private [default: true].
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = SWITCH)]
    private: Option<String>,
    /// The deploy key may push.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = SWITCH)]
    read_write_key: Option<String>,
    /// Give a repository that is there the settings of the flags, too.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = SWITCH)]
    reconcile: Option<String>,
    /// Name of the repository.
    #[arg(long, value_name = "NAME")]
    repository: Option<String>,
    /// A team of the organization, with its access behind a colon [default: maintain].
    #[arg(long, value_name = "TEAM[:ACCESS]")]
    team: Vec<String>,
}

const QUESTION: &str = "Please enter your GitHub personal access token (PAT): ";

pub(super) async fn run(
    args: &Args,
    shared: &Shared,
    options: &Options,
    global: &Global,
    env: &Env,
    screen: &mut Screen,
) -> Result<(), VerbError> {
    if shared.private_key_file.is_some() {
        let why = "a deploy key is made and registered; --token-auth does without one";
        return Err(VerbError::unsupported("--private-key-file", why));
    }
    let personal = switch("--personal", args.personal.as_deref())?;
    let private = args.private.as_deref().map_or(Ok(true), |text| switch("--private", Some(text)))?;
    let read_only = !switch("--read-write-key", args.read_write_key.as_deref())?;
    let reconcile = switch("--reconcile", args.reconcile.as_deref())?;
    let teams = teams(&list("--team", &args.team)?)?;
    let given = |flag: &str, value: &Option<String>| match value.as_deref().unwrap_or_default() {
        "" => Err(VerbError::usage(format!("{flag} is required"))),
        name if name.contains('/') => {
            Err(VerbError::usage(format!("{flag}: {name:?} is no name: it contains a slash")))
        }
        name => Ok(name.to_owned()),
    };
    let (owner, repository) = (given("--owner", &args.owner)?, given("--repository", &args.repository)?);
    let host = args.hostname.clone().unwrap_or_else(|| "github.com".to_owned());
    if host.is_empty() || host.contains('/') {
        return Err(VerbError::usage(format!("invalid hostname {host:?}")));
    }
    if personal && !teams.is_empty() {
        return Err(VerbError::usage("--team is for organizations: a user has none"));
    }
    let session = Session::open(env, global).await?;
    let token = token(env, screen)?;
    if !options.force {
        confirmed(&session, env, screen).await?;
    }
    let hosts = env.hosts();
    let github = GitHub::of(hosts.as_ref(), &host, token.clone(), shared.ca_file.clone());

    screen.action(format!("connecting to {host}"));
    let web = format!("https://{host}/{owner}/{repository}");
    let wanted = Wanted { owner: &owner, name: &repository, personal, private, branch: &options.branch };
    reconcile_repository(&github, &wanted, &web, reconcile, screen).await?;
    let granted = reconcile_teams(&github, &wanted, reconcile, &teams, screen).await;

    let url = format!("{web}.git");
    let remote = Remote {
        url: url.clone(),
        access: Access::Password { username: "git".to_owned(), password: token.clone() },
        ca_file: shared.ca_file.clone(),
    };
    let ssh_host = shared.ssh_hostname.clone().unwrap_or_else(|| host.clone());
    let followed = match options.token_auth {
        true => url.clone(),
        false => format!("ssh://git@{ssh_host}/{owner}/{repository}"),
    };
    let (install, sync) = (options.install(&session), options.sync(&session, &followed));
    let title = format!("{}-{}-{}-./{}", session.namespace, options.branch, sync.secret, options.path);
    let mut secrets: Box<dyn Secrets> = match options.token_auth {
        true => Box::new(super::git::Given(Credentials::Password {
            username: "git".to_owned(),
            password: token,
            ca: ca(shared)?,
        })),
        false => Box::new(DeployKey {
            github: &github,
            hosts: hosts.as_ref(),
            wanted,
            web: &web,
            title,
            read_only,
            ssh_host,
            ssh_is_named: shared.ssh_hostname.is_some(),
            options,
        }),
    };
    let mut bootstrap = Bootstrap {
        session: &session,
        screen,
        install: &install,
        manifests: options.manifests.clone(),
        sync: &sync,
        repository: &url,
        author: options.author.clone(),
        appendix: options.appendix.clone(),
        signer: options.signer.clone(),
        applied: None,
    };
    let source = Source { hosts: hosts.as_ref(), remote: &remote };
    play(&mut bootstrap, &source, secrets.as_mut()).await?;
    // As in flux, what a team does not get is told at once, holds nothing up, and is no success in the end.
    match granted {
        true => Ok(()),
        false => Err(VerbError::failed("failed to grant permissions to team: reconciled with warning")),
    }
}

/// The token: that of the environment, else what the user types.
fn token(env: &Env, screen: &mut Screen) -> Result<String, VerbError> {
    let given = env.variable("GITHUB_TOKEN").filter(|token| !token.trim().is_empty());
    if let Some(token) = given {
        return Ok(token.trim().to_owned());
    }
    if env.variables.is_some() {
        return Err(VerbError::failed("could not read token: GITHUB_TOKEN is not set"));
    }
    screen.say(QUESTION);
    let mut typed = String::new();
    let read = std::io::stdin().lock().read_line(&mut typed);
    screen.say("\n");
    match read {
        Ok(_) if !typed.trim().is_empty() => Ok(typed.trim().to_owned()),
        Ok(_) => Err(VerbError::failed("could not read token: nothing was given; set GITHUB_TOKEN")),
        Err(error) => Err(VerbError::failed(format!("could not read token: {error}"))),
    }
}

/// Teams, each with its permission.
fn teams(given: &[String]) -> Result<Vec<(String, String)>, VerbError> {
    let known = ["pull", "triage", "push", "maintain", "admin"];
    let read = |text: &String| {
        let (team, permission) = text.split_once(':').unwrap_or((text, "maintain"));
        if team.is_empty() || !known.contains(&permission) {
            let known = known.join(", ");
            return Err(VerbError::usage(format!(
                "invalid permission {permission:?} of team {team:?}: it must be one of {known}"
            )));
        }
        Ok((team.to_owned(), permission.to_owned()))
    };
    given.iter().map(read).collect()
}

async fn reconcile_repository(
    github: &GitHub<'_>,
    wanted: &Wanted<'_>,
    web: &str,
    reconcile: bool,
    screen: &mut Screen,
) -> Result<(), VerbError> {
    let failed = |error: GitHubError| {
        VerbError::failed(format!("failed to get Git repository {web:?}: provider error: {error}"))
    };
    let there = github.has_repository(wanted.owner, wanted.name).await.map_err(failed)?;
    if !there {
        let failed = |error: GitHubError| {
            VerbError::failed(format!("failed to create new Git repository {web:?}: {error}"))
        };
        if wanted.personal {
            let login = github.login().await.map_err(failed)?;
            if login != wanted.owner {
                return Err(VerbError::failed(format!(
                    "failed to create new Git repository {web:?}: the token is that of {login}, not of {}",
                    wanted.owner
                )));
            }
        }
        github.create(wanted).await.map_err(failed)?;
        screen.success(format!("repository {web:?} created"));
    } else if reconcile {
        let configured = github.configure(wanted).await.map_err(|error| {
            VerbError::failed(format!("failed to reconcile Git repository {web:?}: {error}"))
        });
        if configured? {
            screen.success(format!("repository {web:?} reconciled"));
        }
    }
    Ok(())
}

/// Gives teams their permissions, those that have one already only where the settings are reconciled; whether all have them.
async fn reconcile_teams(
    github: &GitHub<'_>,
    wanted: &Wanted<'_>,
    reconcile: bool,
    teams: &[(String, String)],
    screen: &mut Screen,
) -> bool {
    if teams.is_empty() {
        return true;
    }
    let mut all = true;
    screen.action("reconciling repository permissions");
    for (team, permission) in teams {
        let has = github.permission(wanted, team).await;
        if matches!(&has, Ok(Some(has)) if !reconcile || has == permission) {
            continue;
        }
        match github.grant(wanted, team, permission).await {
            Ok(()) => screen.success(format!("granted {permission:?} permissions to {team:?}")),
            Err(error) => {
                all = false;
                screen.failure(format!("failed to grant {permission:?} permissions to {team:?}: {error}"));
            }
        }
    }
    screen.success("reconciled repository permissions");
    all
}

/// A deploy key that is made here and registered at the forge.
struct DeployKey<'a> {
    github: &'a GitHub<'a>,
    hosts: &'a dyn Hosts,
    wanted: Wanted<'a>,
    web: &'a str,
    title: String,
    read_only: bool,
    ssh_host: String,
    ssh_is_named: bool,
    options: &'a Options,
}

impl Secrets for DeployKey<'_> {
    fn make<'a>(
        &'a mut self,
        there: Option<SourceSecret>,
        screen: &'a mut Screen,
    ) -> Pending<'a, Result<Option<Credentials>, VerbError>> {
        Box::pin(async move {
            let failed =
                |error: GitHubError| VerbError::failed(format!("failed to reconcile deploy key: {error}"));
            let (owner, name) = (self.wanted.owner, self.wanted.name);
            if let Some(there) = there {
                // A key that may do something else than what is asked for now is made anew; so is one that the forge does not
                // have (any more): a bootstrap may have broken off between the forge and the cluster.
                let keys = self.github.keys(owner, name, &self.title).await.map_err(failed)?;
                let fits = |(_, read_only, key): &(u64, bool, String)| {
                    *read_only == self.read_only && there.has_the_key(key)
                };
                if keys.iter().any(fits) {
                    return Ok(None);
                }
            }
            screen.action("generating source secret");
            let (host, port) = host_and_port(&self.ssh_host);
            let known_hosts = self.hosts.known_hosts(host, port).await;
            let known_hosts = known_hosts.map_err(|error| {
                // On a host of one's own SSH has another port than HTTPS.
                let hint = match port {
                    Some(_) if !self.ssh_is_named => "; --ssh-hostname names the SSH server",
                    _ => "",
                };
                let ssh_host = &self.ssh_host;
                VerbError::failed(format!("failed to scan the host keys of {ssh_host}: {error}{hint}"))
            })?;
            let pair = KeyPair::generate(self.options.algorithm, &mut |bytes| self.hosts.random(bytes));
            let pair = pair.map_err(|error| VerbError::failed(format!("failed to {error}")))?;
            screen.success(format!("public key: {}", pair.public));
            self.github
                .set_key(owner, name, &self.title, &pair.public, self.read_only)
                .await
                .map_err(failed)?;
            screen.success(format!("configured deploy key {:?} for {:?}", self.title, self.web));
            Ok(Some(Credentials::Key { pair, passphrase: String::new(), known_hosts }))
        })
    }
}

/// `host:port`, taken apart.
pub(super) fn host_and_port(text: &str) -> (&str, Option<u16>) {
    match text.rsplit_once(':') {
        Some((host, port)) if !host.ends_with(':') => match port.parse() {
            Ok(port) => (host.trim_start_matches('[').trim_end_matches(']'), Some(port)),
            Err(_) => (text, None),
        },
        _ => (text, None),
    }
}
