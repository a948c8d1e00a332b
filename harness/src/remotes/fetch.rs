//! Repositories that are not the run's, for engines on the wall clock: fetched with the `git` program into a mirror.
//!
//! Credentials come from the source's Secrets alone: the configuration, keys and helpers of the user are not looked at, since no
//! controller has them. They reach git through its environment and through files of a folder that goes with the fetch; they
//! never stand on a command line, and what git says is shown without them.

use super::clone::command;
use crate::forge::Forge;
use futures::future::BoxFuture;
use seatrial_engine::{GitAccess, GitAuth, GitError, GitHosts, GitPush, GitPushError, GitRemote, Secret};
use seatrial_time::{Clock, Signal, Task};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::io;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The run's repositories, and beyond them the network.
pub struct NetworkGit {
    forge: Forge,
    clock: Clock,
    folder: PathBuf,
    mirrors: Mutex<BTreeMap<String, Mirror>>,
    /// Says a little later that something may have changed.
    again: Mutex<Option<Task>>,
}

#[derive(Clone)]
struct Mirror {
    path: PathBuf,
    changes: Signal,
    /// One fetch at a time.
    turn: Arc<tokio::sync::Mutex<()>>,
}

impl NetworkGit {
    /// The repositories of `forge`; others are kept in `folder`, which exists.
    pub fn new(forge: Forge, clock: Clock, folder: &Path) -> NetworkGit {
        let (mirrors, again) = (Mutex::default(), Mutex::default());
        NetworkGit { forge, clock, folder: folder.to_owned(), mirrors, again }
    }

    /// The mirror of `url`, as who asks this way sees it.
    fn mirror(&self, url: &str, access: &GitAccess) -> Mirror {
        let name = key(url, access);
        let mut mirrors = lock(&self.mirrors);
        let new = || Mirror {
            path: self.folder.join(format!("mirror-{name}")),
            changes: Signal::new(),
            turn: Arc::default(),
        };
        mirrors.entry(name.clone()).or_insert_with(new).clone()
    }

    async fn fetch(&self, url: &str, access: &GitAccess) -> Result<GitRemote, GitError> {
        let mirror = self.mirror(url, access);
        let _turn = mirror.turn.lock().await;
        // Also where the fetch is given up half-way.
        let _again = Again { git: self, changes: mirror.changes.clone() };
        let fetched = fetch(url, access, &mirror.path).await;
        fetched.map(|()| GitRemote { path: mirror.path.clone(), changes: mirror.changes.clone() })
    }
}

/// What is elsewhere changes, and heals, without telling: when this goes, it is said that something may have changed, so that
/// the repository is looked at again when its interval, or the pause after a failure, is over.
struct Again<'a> {
    git: &'a NetworkGit,
    changes: Signal,
}

impl Drop for Again<'_> {
    fn drop(&mut self) {
        let clock = self.git.clock.clone();
        let signals = [self.git.forge.signal().clone(), self.changes.clone()];
        *lock(&self.git.again) = Some(self.git.clock.spawn("network repositories", async move {
            clock.sleep(Duration::from_secs(1)).await;
            signals.iter().for_each(Signal::bump);
        }));
    }
}

impl GitHosts for NetworkGit {
    fn open(&self, url: &str, auth: &GitAuth) -> Result<GitRemote, GitError> {
        self.forge.open(url, auth)
    }

    fn reach<'a>(
        &'a self,
        url: &'a str,
        access: &'a GitAccess,
    ) -> BoxFuture<'a, Result<GitRemote, GitError>> {
        Box::pin(async move {
            match self.forge.open(url, &access.auth) {
                Err(GitError::NotServed { .. }) => self.fetch(url, access).await,
                other => other,
            }
        })
    }

    fn may_push(&self, url: &str, access: &GitAccess) -> Result<(), GitPushError> {
        if self.forge.by_url(url).is_ok() {
            return self.forge.may_push(url, access);
        }
        Err(not_served(url))
    }

    /// Repositories of the run take pushes; to others nothing is ever pushed.
    fn push<'a>(
        &'a self,
        url: &'a str,
        access: &'a GitAccess,
        push: &'a GitPush,
    ) -> BoxFuture<'a, Result<(), GitPushError>> {
        if self.forge.by_url(url).is_ok() {
            return self.forge.push(url, access, push);
        }
        Box::pin(std::future::ready(Err(not_served(url))))
    }

    fn changes(&self) -> Option<Signal> {
        self.forge.changes()
    }
}

fn not_served(url: &str) -> GitPushError {
    let message = format!("pushing to '{url}' is not supported: the run does not serve it");
    GitPushError::Refused { message }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A name for what these credentials see under the URL: others must not see it.
fn key(url: &str, access: &GitAccess) -> String {
    let mut hash = Sha256::new();
    let mut add = |text: &str| {
        hash.update((text.len() as u64).to_be_bytes());
        hash.update(text);
    };
    add(url);
    secrets(access).into_iter().for_each(&mut add);
    match &access.auth {
        GitAuth::Basic { username, .. } => add(username),
        GitAuth::Ssh { known_hosts, .. } => add(known_hosts),
        GitAuth::None | GitAuth::Bearer { .. } => add(""),
    }
    add(access.authority.as_deref().unwrap_or_default());
    add(access.certificate.as_ref().map_or("", |(certificate, _)| certificate));
    hash.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

/// Everything that must not be shown.
fn secrets(access: &GitAccess) -> Vec<&str> {
    let auth = match &access.auth {
        GitAuth::None => None,
        GitAuth::Basic { password, .. } => Some(password),
        GitAuth::Bearer { token } => Some(token),
        GitAuth::Ssh { identity, .. } => Some(identity),
    };
    let certificate = access.certificate.as_ref().map(|(_, key)| key);
    let all = [auth, access.passphrase.as_ref(), certificate, access.proxy.as_ref()];
    all.into_iter().flatten().map(|Secret(text)| text.as_str()).filter(|text| !text.is_empty()).collect()
}

/// Brings branches and tags of `url` into the bare repository at `path`, which is made where it is not there.
async fn fetch(url: &str, access: &GitAccess, path: &Path) -> Result<(), GitError> {
    let unavailable = |message: String| GitError::Unavailable { url: url.to_owned(), message };
    let is_ssh = url.starts_with("ssh://") || !url.contains("://");
    if is_ssh && !matches!(access.auth, GitAuth::Ssh { .. }) {
        let message = "ssh needs a secret with identity and known_hosts".to_owned();
        return Err(GitError::AuthenticationFailed { url: url.to_owned(), message });
    }
    let files = tempfile::Builder::new()
        .prefix("seatrial-git-")
        .permissions(PermissionsExt::from_mode(0o700))
        .tempdir()
        .map_err(|error| unavailable(format!("failed to make a folder: {error}")))?;
    let environment = environment(access, files.path())
        .map_err(|error| unavailable(format!("failed to write the credentials: {error}")))?;
    if !path.join("HEAD").exists() {
        std::fs::create_dir_all(path)
            .map_err(|error| unavailable(format!("failed to make a folder: {error}")))?;
        run(&["init", "--quiet", "--bare"], path, &environment, url, access).await?;
    }
    let branches_and_tags = ["+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*"];
    let fetch = ["fetch", "--quiet", "--force", "--prune", "--no-auto-maintenance", "--", url];
    run(&[fetch.as_slice(), &branches_and_tags].concat(), path, &environment, url, access).await
}

async fn run(
    args: &[&str],
    path: &Path,
    environment: &[(String, String)],
    url: &str,
    access: &GitAccess,
) -> Result<(), GitError> {
    let mut command = command(args, path);
    // Whoever starts this has keys, helpers and proxies of their own, which are not meant.
    command.env_clear().envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
    command.envs(environment.iter().map(|(name, value)| (name, value)));
    let output = command.output().await.map_err(|error| GitError::Unavailable {
        url: url.to_owned(),
        message: format!("failed to run git: {error}"),
    })?;
    if output.status.success() {
        return Ok(());
    }
    Err(refused(url, &String::from_utf8_lossy(&output.stderr), access))
}

/// What git says, as an error, without what must not be shown.
fn refused(url: &str, said: &str, access: &GitAccess) -> GitError {
    let mut said = said.to_owned();
    for secret in secrets(access) {
        said = said.replace(secret, "***");
    }
    let lines: Vec<&str> = said.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let fatal = lines.iter().find_map(|line| line.strip_prefix("fatal: "));
    let message = fatal.or(lines.last().copied()).unwrap_or("git failed").to_owned();
    let signs = [
        "Authentication failed",
        "could not read Username",
        "could not read Password",
        "Permission denied",
        "Host key verification failed",
        "requested URL returned error: 401",
        "requested URL returned error: 403",
    ];
    let url = url.to_owned();
    if let Some(sign) = signs.iter().find(|sign| said.contains(**sign)) {
        let message = if message.contains(sign) { message } else { format!("{message}: {sign}") };
        return GitError::AuthenticationFailed { url, message };
    }
    GitError::Unavailable { url, message }
}

/// What git is told through its environment. What it wants as a file is written into `folder`.
fn environment(access: &GitAccess, folder: &Path) -> io::Result<Vec<(String, String)>> {
    let mut all: Vec<(String, String)> = [
        ("GIT_CONFIG_GLOBAL", "/dev/null"),
        ("GIT_CONFIG_NOSYSTEM", "1"),
        ("GIT_TERMINAL_PROMPT", "0"),
        ("GIT_ALLOW_PROTOCOL", "https:http:ssh"),
        ("GIT_ASKPASS", "true"),
        ("LC_ALL", "C"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .to_vec();
    for name in ["HOME", "XDG_CONFIG_HOME"] {
        all.push((name.to_owned(), folder.to_string_lossy().into_owned()));
    }
    let file = |name: &str, content: &str, mode: u32| -> io::Result<String> {
        let path = folder.join(name);
        let mut options = std::fs::OpenOptions::new();
        let mut file = options.write(true).create_new(true).mode(mode).open(&path)?;
        io::Write::write_all(&mut file, content.as_bytes())?;
        Ok(path.to_string_lossy().into_owned())
    };
    let mut settings: Vec<(&str, String)> = Vec::new();
    match &access.auth {
        GitAuth::None => {}
        GitAuth::Basic { username, password } => {
            let script = "#!/bin/sh\ncase \"$1\" in\nUsername*) printf %s \"$SEATRIAL_GIT_USERNAME\" ;;\n\
                          *) printf %s \"$SEATRIAL_GIT_PASSWORD\" ;;\nesac\n";
            all.push(("GIT_ASKPASS".to_owned(), file("askpass", script, 0o700)?));
            all.push(("SEATRIAL_GIT_USERNAME".to_owned(), username.clone()));
            all.push(("SEATRIAL_GIT_PASSWORD".to_owned(), password.0.clone()));
        }
        GitAuth::Bearer { token } => {
            settings.push(("http.extraHeader", format!("Authorization: Bearer {}", token.0)));
        }
        GitAuth::Ssh { identity, known_hosts } => {
            // A key without the line end at its end is none for ssh.
            let identity = file("identity", &format!("{}\n", identity.0.trim_end()), 0o600)?;
            let known_hosts = file("known_hosts", known_hosts, 0o600)?;
            all.push((
                "GIT_SSH_COMMAND".to_owned(),
                format!(
                    "ssh -F /dev/null -i '{identity}' -o IdentitiesOnly=yes -o UserKnownHostsFile='{known_hosts}' \
                     -o GlobalKnownHostsFile=/dev/null -o StrictHostKeyChecking=yes -o PasswordAuthentication=no"
                ),
            ));
            let script = "#!/bin/sh\nprintf '%s\\n' \"$SEATRIAL_GIT_PASSPHRASE\"\n";
            all.push(("SSH_ASKPASS".to_owned(), file("ssh-askpass", script, 0o700)?));
            all.push(("SSH_ASKPASS_REQUIRE".to_owned(), "force".to_owned()));
            let passphrase = access.passphrase.as_ref().map(|Secret(text)| text.clone());
            all.push(("SEATRIAL_GIT_PASSPHRASE".to_owned(), passphrase.unwrap_or_default()));
        }
    }
    if let Some(authority) = &access.authority {
        settings.push(("http.sslCAInfo", file("ca.crt", authority, 0o600)?));
    }
    if let Some((certificate, key)) = &access.certificate {
        settings.push(("http.sslCert", file("tls.crt", certificate, 0o600)?));
        settings.push(("http.sslKey", file("tls.key", &key.0, 0o600)?));
    }
    if let Some(proxy) = &access.proxy {
        settings.push(("http.proxy", proxy.0.clone()));
    }
    all.push(("GIT_CONFIG_COUNT".to_owned(), settings.len().to_string()));
    for (at, (name, value)) in settings.into_iter().enumerate() {
        all.push((format!("GIT_CONFIG_KEY_{at}"), name.to_owned()));
        all.push((format!("GIT_CONFIG_VALUE_{at}"), value));
    }
    Ok(all)
}

#[cfg(test)]
mod tests;
