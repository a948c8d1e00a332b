//! `bootstrap git`.

use super::args::{Options, Shared};
use super::hosts::{Access, Checkout, Hosts, Pending, Remote};
use super::keys::KeyPair;
use super::on_github::host_and_port;
use super::{Bootstrap, Credentials, Secrets, ca, play};
use crate::flags::{SWITCH, switch};
use crate::{Env, Global, Screen, Session, VerbError};
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
    password: Option<String>,
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

/// How often a repository is asked for, as with flux.
const ATTEMPTS: u32 = 2;
const QUESTION: &str = "Please give the key access to your repository";

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
    let url = args.url.clone().unwrap_or_default();
    let Url { scheme, user, host } = Url::of(&url);
    let refused = match scheme {
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
    if user.contains(':') {
        return Err(VerbError::usage("the URL contains a password: give it with --password or GIT_PASSWORD"));
    }
    if bearer && scheme == "ssh" {
        return Err(VerbError::usage("--with-bearer-token is for http and https URLs"));
    }
    if scheme != "ssh" && shared.private_key_file.is_some() {
        return Err(VerbError::usage("--private-key-file is for ssh URLs"));
    }
    let username = args.username.clone().unwrap_or_else(|| "git".to_owned());
    let password = args.password.clone().or_else(|| env.variable("GIT_PASSWORD")).unwrap_or_default();
    let session = Session::open(env, global).await?;
    let hosts = env.hosts();

    let (host_name, port) = host_and_port(host);
    let ssh_host = shared.ssh_hostname.clone();
    let known_hosts = async |host: &str, port| {
        hosts.known_hosts(host, port).await.map_err(|error| {
            VerbError::failed(format!("failed to create authentication options for {url}: {error}"))
        })
    };
    let (access, mut secrets): (Access, Box<dyn Secrets>) = match scheme {
        "ssh" => {
            let key = match &shared.private_key_file {
                Some(file) => {
                    let read = std::fs::read_to_string(file).map_err(|error| {
                        VerbError::usage(format!("unable to read private key {}: {error}", file.display()))
                    });
                    Some(read?)
                }
                None => None,
            };
            let known_hosts = known_hosts(host_name, port).await?;
            let access = match &key {
                Some(key) => Access::Key {
                    key: key.clone(),
                    passphrase: password.clone(),
                    known_hosts: known_hosts.clone(),
                },
                None => Access::User,
            };
            let secrets = SshKey {
                hosts: hosts.as_ref(),
                key,
                passphrase: password,
                known_hosts,
                silent: silent || env.variables.is_some(),
                options,
            };
            (access, Box::new(secrets))
        }
        _ => {
            let ca = ca(shared)?;
            match bearer {
                true => {
                    let made = Credentials::Bearer { token: password.clone(), ca };
                    (Access::Bearer(password), Box::new(Given(made)))
                }
                false => {
                    let made =
                        Credentials::Password { username: username.clone(), password: password.clone(), ca };
                    let access = match password.is_empty() {
                        true => Access::User,
                        false => Access::Password { username, password },
                    };
                    (access, Box::new(Given(made)))
                }
            }
        }
    };
    let remote = Remote { url: url.clone(), access, ca_file: shared.ca_file.clone() };
    screen.action(format!("cloning branch {:?} from Git repository {url:?}", options.branch));
    let mut checkout = cloned(hosts.as_ref(), &remote, &options.branch, screen).await?;

    let source = match (&ssh_host, scheme) {
        (Some(other), "ssh") => url.replacen(host, other, 1),
        _ => url.clone(),
    };
    let (install, sync) = (options.install(&session), options.sync(&session, &source));
    let mut bootstrap = Bootstrap {
        session: &session,
        screen,
        install: &install,
        sync: &sync,
        repository: &url,
        author: options.author.clone(),
        appendix: options.appendix.clone(),
        applied: None,
    };
    play(&mut bootstrap, checkout.as_mut(), secrets.as_mut()).await
}

/// Clones, and tells of it.
pub(super) async fn cloned(
    hosts: &dyn Hosts,
    remote: &Remote,
    branch: &str,
    screen: &mut Screen,
) -> Result<Box<dyn Checkout>, VerbError> {
    let mut attempts = 0;
    loop {
        match hosts.check_out(remote, branch).await {
            Ok(checkout) => {
                screen.success("cloned repository");
                return Ok(checkout);
            }
            Err(error) => {
                screen.warning(format!(" clone failure: {error}"));
                attempts += 1;
                if attempts == ATTEMPTS {
                    return Err(VerbError::failed(format!("failed to clone repository: {error}")));
                }
            }
        }
    }
}

/// The parts of a URL that matter here.
struct Url<'a> {
    scheme: &'a str,
    user: &'a str,
    host: &'a str,
}

impl Url<'_> {
    fn of(url: &str) -> Url<'_> {
        let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
        let authority = rest.split('/').next().unwrap_or_default();
        let (user, host) = authority.rsplit_once('@').unwrap_or(("", authority));
        Url { scheme, user, host }
    }
}

/// Credentials that the user gave: the Secret gets them each time.
pub(super) struct Given(pub(super) Credentials);

impl Secrets for Given {
    fn make<'a>(
        &'a mut self,
        _: bool,
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
        there: bool,
        screen: &'a mut Screen,
    ) -> Pending<'a, Result<Option<Credentials>, VerbError>> {
        Box::pin(async move {
            if there && self.key.is_none() {
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
