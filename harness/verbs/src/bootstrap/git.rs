//! `bootstrap git`.

use super::args::{Options, Shared};
use super::confirm::confirmed;
use super::hosts::{Access, Hosts, Pending, Remote};
use super::keys::KeyPair;
use super::on_github::host_and_port;
use super::{Bootstrap, Credentials, Secrets, Source, SourceSecret, ca, play};
use crate::flags::{SWITCH, switch};
use crate::{Env, Global, Hidden, Screen, Session, VerbError};
use std::io::BufRead as _;
use std::process::{Command, Stdio};

/// Any Git repository, which must exist.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Take http URLs, too.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = SWITCH)]
    allow_insecure_http: Option<String>,
    /// Basic authentication password, or the passphrase of the private key; GIT_PASSWORD says it, too.
    #[arg(short, long)]
    password: Option<Hidden>,
    /// Assume that the repository knows the key, and ask nothing.
    #[arg(short, long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = SWITCH)]
    silent: Option<String>,
    /// URL of the repository.
    #[arg(long)]
    url: Option<String>,
    /// Basic authentication username [default: git].
    #[arg(short, long)]
    username: Option<String>,
    /// Send the password as a bearer token.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = SWITCH)]
    with_bearer_token: Option<String>,
}

const QUESTION: &str = "Please give the key access to your repository";
const PASSWORD: &str = "Please enter your Git repository password: ";

pub(super) async fn run(
    args: &Args,
    shared: &Shared,
    options: &Options,
    global: &Global,
    env: &Env,
    screen: &mut Screen,
) -> Result<(), VerbError> {
    let silent = switch("-s, --silent", args.silent.as_deref())?;
    let bearer = switch("--with-bearer-token", args.with_bearer_token.as_deref())?;
    let http = switch("--allow-insecure-http", args.allow_insecure_http.as_deref())?;
    let token_auth = options.token_auth || bearer;
    let url = args.url.clone().unwrap_or_default();
    let parts = Url::of(&url);
    check(&parts, &url, http, token_auth, shared)?;
    let username = args.username.clone().unwrap_or_else(|| "git".to_owned());
    let given = args.password.as_ref().map(|Hidden(password)| password.clone());
    let mut password = given.filter(|password| !password.is_empty());
    password = password.or_else(|| env.variable("GIT_PASSWORD").filter(|password| !password.is_empty()));
    if token_auth && password.is_none() {
        password = Some(ask(env, screen)?);
    }
    let password = password.unwrap_or_default();
    let session = Session::open(env, global).await?;
    if !options.force {
        confirmed(&session, env, screen).await?;
    }
    let hosts = env.hosts();

    let key = match &shared.private_key_file {
        Some(file) => Some(std::fs::read_to_string(file).map_err(|error| {
            VerbError::usage(format!("unable to read private key {}: {error}", file.display()))
        })?),
        None => None,
    };
    let followed = parts.followed(token_auth, &username, shared.ssh_hostname.as_deref());
    let keys = HostKeys { hosts: hosts.as_ref(), url: &url };
    let access = match (parts.scheme, &key) {
        ("ssh", Some(key)) => Access::Key {
            key: key.clone(),
            passphrase: password.clone(),
            known_hosts: keys.of(parts.host).await?,
        },
        ("ssh", None) => Access::User,
        _ if password.is_empty() => Access::User,
        _ if bearer => Access::Bearer(password.clone()),
        _ => Access::Password { username: username.clone(), password: password.clone() },
    };
    let mut secrets: Box<dyn Secrets> = match (token_auth, bearer) {
        (true, true) => Box::new(Given(Credentials::Bearer { token: password, ca: ca(shared)? })),
        (true, false) => Box::new(Given(Credentials::Password { username, password, ca: ca(shared)? })),
        (false, _) => Box::new(SshKey {
            hosts: hosts.as_ref(),
            known_hosts: keys.of(Url::of(&followed).host).await?,
            // A key that is made here has none.
            passphrase: if key.is_some() { password } else { String::new() },
            key,
            silent: silent || env.variables.is_some(),
            options,
        }),
    };
    let remote = Remote { url: url.clone(), access, ca_file: shared.ca_file.clone() };
    let (install, sync) = (options.install(&session), options.sync(&session, &followed));
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
    play(&mut bootstrap, &source, secrets.as_mut()).await
}

/// Refuses what does not go together.
fn check(parts: &Url<'_>, url: &str, http: bool, token_auth: bool, shared: &Shared) -> Result<(), VerbError> {
    let refused = match parts.scheme {
        "ssh" | "https" => None,
        "http" if http => None,
        "http" => Some("scheme http is insecure, pass --allow-insecure-http=true to allow it".to_owned()),
        other => Some(format!("scheme {other:?} is not supported")),
    };
    if let Some(refused) = refused {
        return Err(VerbError::usage(format!(
            "failed to create authentication options for {url}: {refused}"
        )));
    }
    if parts.user.contains(':') {
        return Err(VerbError::usage("the URL contains a password: give it with --password or GIT_PASSWORD"));
    }
    if parts.scheme == "ssh" && http {
        return Err(VerbError::usage("--allow-insecure-http is for http URLs"));
    }
    if token_auth && shared.ssh_hostname.is_some() {
        return Err(VerbError::usage("--ssh-hostname is for deploy keys: with --token-auth there is none"));
    }
    if token_auth && parts.scheme != "ssh" && shared.private_key_file.is_some() {
        return Err(VerbError::usage(
            "--private-key-file opens nothing: the URL is no ssh URL, and with --token-auth the cluster has no key",
        ));
    }
    Ok(())
}

/// The password, which the user types.
fn ask(env: &Env, screen: &mut Screen) -> Result<String, VerbError> {
    let nothing = "could not read token: nothing was given; give --password or set GIT_PASSWORD";
    if env.variables.is_some() {
        return Err(VerbError::usage(nothing));
    }
    screen.say(PASSWORD);
    let mut typed = String::new();
    let read = std::io::stdin().lock().read_line(&mut typed);
    screen.say("\n");
    match read {
        Ok(_) if !typed.trim().is_empty() => Ok(typed.trim().to_owned()),
        Ok(_) => Err(VerbError::usage(nothing)),
        Err(error) => Err(VerbError::failed(format!("could not read token: {error}"))),
    }
}

/// Asks SSH servers for their keys.
struct HostKeys<'a> {
    hosts: &'a dyn Hosts,
    url: &'a str,
}

impl HostKeys<'_> {
    async fn of(&self, host: &str) -> Result<String, VerbError> {
        let (name, port) = host_and_port(host);
        self.hosts.known_hosts(name, port).await.map_err(|error| {
            VerbError::failed(format!(
                "failed to create authentication options for {}: failed to scan the host keys of {host}: {error}",
                self.url
            ))
        })
    }
}

/// The parts of a URL.
#[derive(Debug, PartialEq, Eq)]
struct Url<'a> {
    scheme: &'a str,
    user: &'a str,
    /// With the port.
    host: &'a str,
    /// With the slash in front.
    path: &'a str,
}

impl Url<'_> {
    fn of(url: &str) -> Url<'_> {
        let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let (user, host) = authority.rsplit_once('@').unwrap_or(("", authority));
        Url { scheme, user, host, path }
    }

    /// The URL that the cluster follows, which fits its credentials: with a password over HTTPS, else over SSH.
    fn followed(&self, token_auth: bool, username: &str, ssh_host: Option<&str>) -> String {
        let Url { scheme, user, host, path } = *self;
        match (token_auth, scheme) {
            // The port is that of the SSH server.
            (true, "ssh") => {
                let port = host_and_port(host).1.map(|port| format!(":{port}")).unwrap_or_default();
                format!("https://{}{path}", host.strip_suffix(&port).unwrap_or(host))
            }
            (true, _) => format!("{scheme}://{host}{path}"),
            (false, _) => {
                let user = if user.is_empty() || username != "git" { username } else { user };
                format!("ssh://{user}@{}{path}", ssh_host.unwrap_or(host))
            }
        }
    }
}

/// Credentials that the user gave: the Secret gets them each time.
pub(super) struct Given(pub(super) Credentials);

impl Secrets for Given {
    fn make<'a>(
        &'a mut self,
        _: Option<SourceSecret>,
        screen: &'a mut Screen,
    ) -> Pending<'a, Result<Option<Credentials>, VerbError>> {
        screen.action("generating source secret");
        let made = self.0.clone();
        Box::pin(async move { Ok(Some(made)) })
    }
}

/// The user's own key, or one that is made here and that the user registers.
struct SshKey<'a> {
    hosts: &'a dyn Hosts,
    key: Option<String>,
    passphrase: String,
    known_hosts: String,
    silent: bool,
    options: &'a Options,
}

impl Secrets for SshKey<'_> {
    fn make<'a>(
        &'a mut self,
        there: Option<SourceSecret>,
        screen: &'a mut Screen,
    ) -> Pending<'a, Result<Option<Credentials>, VerbError>> {
        Box::pin(async move {
            // Credentials of another kind do not open the URL.
            if self.key.is_none() && there.is_some_and(|there| there.has_key()) {
                return Ok(None);
            }
            screen.action("generating source secret");
            let pair = match &self.key {
                Some(key) => KeyPair { private_pem: key.clone(), public: public(key, &self.passphrase)? },
                None => KeyPair::generate(self.options.algorithm, &mut |bytes| self.hosts.random(bytes))
                    .map_err(|error| VerbError::failed(format!("failed to {error}")))?,
            };
            screen.success(format!("public key: {}", pair.public));
            if !self.silent {
                screen.say(&format!("? {QUESTION}? [y/N] "));
                let mut answer = String::new();
                let _ = std::io::stdin().lock().read_line(&mut answer);
                if !matches!(answer.trim(), "y" | "Y") {
                    return Err(VerbError::failed("aborting"));
                }
            }
            let (passphrase, known_hosts) = (self.passphrase.clone(), self.known_hosts.clone());
            Ok(Some(Credentials::Key { pair, passphrase, known_hosts }))
        })
    }
}

/// The public half of a private key, as `ssh-keygen` finds it.
fn public(key: &str, passphrase: &str) -> Result<String, VerbError> {
    let failed = |why: String| VerbError::failed(format!("failed to read the private key: {why}"));
    let folder = tempfile::Builder::new().prefix("seatrial-key-").tempdir();
    let folder = folder.map_err(|error| failed(error.to_string()))?;
    let write = |name: &str, content: &str, mode: u32| {
        let file = folder.path().join(name);
        let mode = std::os::unix::fs::PermissionsExt::from_mode(mode);
        let written = std::fs::write(&file, content).and_then(|()| std::fs::set_permissions(&file, mode));
        written.map(|()| file).map_err(|error| failed(error.to_string()))
    };
    let file = write("identity", key, 0o600)?;
    let helper = write("askpass", "#!/bin/sh\nprintf '%s\\n' \"$SEATRIAL_GIT_PASSWORD\"\n", 0o700)?;
    let mut command = Command::new("ssh-keygen");
    command.arg("-y").arg("-f").arg(&file).stdin(Stdio::null());
    command.env("SSH_ASKPASS", helper).env("SSH_ASKPASS_REQUIRE", "force");
    command.env("SEATRIAL_GIT_PASSWORD", passphrase);
    let done = command.output().map_err(|error| failed(format!("ssh-keygen: {error}")))?;
    if !done.status.success() {
        let said = String::from_utf8_lossy(&done.stderr);
        return Err(failed(said.trim().replace(&file.display().to_string(), "it")));
    }
    let line = String::from_utf8_lossy(&done.stdout);
    // Without the comment.
    Ok(line.split_whitespace().take(2).collect::<Vec<_>>().join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case::key("https://host/a/b.git", false, "git", None, "ssh://git@host/a/b.git")]
    #[case::key_and_port("https://host:8443/a", false, "git", None, "ssh://git@host:8443/a")]
    #[case::ssh("ssh://me@host:22/a", false, "git", None, "ssh://me@host:22/a")]
    #[case::another_user("ssh://me@host/a", false, "you", None, "ssh://you@host/a")]
    #[case::another_host("ssh://git@git/git.git", false, "git", Some("h:2222"), "ssh://git@h:2222/git.git")]
    #[case::name_in_scheme("ssh://git@s/x", false, "git", Some("h"), "ssh://git@h/x")]
    #[case::token("https://me@host:8443/a", true, "git", None, "https://host:8443/a")]
    #[case::token_for_ssh("ssh://git@host:2222/a", true, "git", None, "https://host/a")]
    #[case::insecure("http://host:80/a", true, "git", None, "http://host:80/a")]
    #[case::no_path("https://host", true, "git", None, "https://host")]
    fn the_cluster_s_url_fits_its_credentials(
        #[case] url: &str,
        #[case] token_auth: bool,
        #[case] username: &str,
        #[case] ssh_host: Option<&str>,
        #[case] wanted: &str,
    ) {
        assert_eq!(Url::of(url).followed(token_auth, username, ssh_host), wanted);
    }
}
