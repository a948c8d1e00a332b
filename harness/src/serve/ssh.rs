//! Git over SSH: public keys open the repositories that they are deploy keys of, or that their user may use. The transport is
//! russh's, the protocol of Git is `git upload-pack`'s and `git receive-pack`'s.
//!
//! # Errors
//! A client is told in GitHub's words, on its standard error.

mod pipe;

use super::git::find;
use super::process::Programs;
use crate::forge::keys::{KeyAlgorithm, PrivateKey, PublicKey};
use crate::forge::{Credentials, Forge, Repo, Wants};
use futures::future::{Either, select};
use pipe::Pipe;
use russh::keys::decode_secret_key;
use russh::server::{
    Auth, ChannelOpenHandle, Config, Handler, Msg, PublicKeyOffer, Session, VerifiedPublicKey, run_stream,
};
use russh::{Channel, ChannelId, MethodKind, MethodSet};
use seatrial_time::{Clock, Task};
use std::collections::BTreeMap;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// How long to wait where no connection can be accepted, as when files are short.
const BREATH: Duration = Duration::from_millis(100);
/// How often a silent connection is asked whether it is still there.
const KEEP_ALIVE: Duration = Duration::from_secs(30);
/// How long a client may take for the handshake and for logging in, as with OpenSSH.
const LOGIN: Duration = Duration::from_secs(120);
/// How long a client may take to hear that the server ends.
const PARTING: Duration = Duration::from_secs(1);
/// The stream of a channel that is the client's standard error.
const STDERR: u32 = 1;
/// The user whose name stands in SSH URLs, as on every forge.
const USER: &str = "git";

/// Serves the repositories of a forge over SSH.
#[derive(Clone)]
pub(super) struct Ssh {
    forge: Forge,
    clock: Clock,
    programs: Programs,
    /// As for HTTP: URLs of other repositories are looked up below it.
    base: String,
    config: Arc<Config>,
    /// How long a client may take until it is logged in.
    login: Duration,
    /// The public halves of the host keys.
    keys: Vec<PublicKey>,
}

impl Ssh {
    /// A server with host keys of its own, from the system's randomness; `None` where that cannot be had.
    pub(super) fn new(forge: &Forge, clock: &Clock, programs: &Programs, base: &str) -> Option<Ssh> {
        let (mut secrets, mut keys) = (Vec::new(), Vec::new());
        for algorithm in [KeyAlgorithm::Ed25519, KeyAlgorithm::EcdsaP256] {
            let key = PrivateKey::random(algorithm).ok()?;
            secrets.push(decode_secret_key(key.reveal(), None).ok()?);
            keys.push(key.public().clone());
        }
        let config = Config {
            methods: MethodSet::from([MethodKind::PublicKey].as_slice()),
            // There are no passwords to guess, and keys cannot be.
            auth_rejection_time: Duration::ZERO,
            keys: secrets,
            nodelay: true,
            keepalive_interval: Some(KEEP_ALIVE),
            inactivity_timeout: None,
            max_auth_attempts: 20,
            ..Config::default()
        };
        forge.set_host_keys(keys.iter().map(PublicKey::to_string).collect());
        let (forge, clock, programs) = (forge.clone(), clock.clone(), programs.clone());
        let (base, config, login) = (base.to_owned(), Arc::new(config), LOGIN);
        Some(Ssh { forge, clock, programs, base, config, login, keys })
    }

    /// The lines of a `known_hosts` file for these hosts.
    pub(super) fn known_hosts(&self, hosts: &[String], port: u16) -> String {
        let name = |host: &String| if port == 22 { host.clone() } else { format!("[{host}]:{port}") };
        let names = hosts.iter().map(name).collect::<Vec<_>>().join(",");
        self.keys.iter().map(|key| format!("{names} {key}\n")).collect()
    }

    /// Serves on a listener for ever. Dropping the task closes the listener and ends what runs.
    pub(super) fn serve(self, listener: TcpListener) -> Task {
        let clock = self.clock.clone();
        clock.clone().spawn("serve Git over SSH", async move {
            // Goes with this task, which every connection sees.
            let running = watch::Sender::new(());
            loop {
                match listener.accept().await {
                    Ok((stream, address)) => {
                        let (server, stop) = (self.clone(), running.subscribe());
                        let connection = async move {
                            if let Err(error) = server.connect(stream, stop).await {
                                tracing::debug!(%address, %error, "an SSH connection broke");
                            }
                        };
                        clock.spawn("SSH connection", connection).detach();
                    }
                    Err(error) => {
                        tracing::warn!(%error, "accepting a connection failed");
                        clock.sleep(BREATH).await;
                    }
                }
            }
        })
    }

    /// Serves one connection, until either side ends it, and no longer than it may take where nobody logs in.
    async fn connect(self, stream: TcpStream, stop: watch::Receiver<()>) -> Result<(), russh::Error> {
        let stream = stream.into_std()?;
        let closer = Closer(stream.try_clone()?);
        let stream = TcpStream::from_std(stream)?;
        let (clock, config, login) = (self.clock.clone(), self.config.clone(), self.login);
        let logged_in = Arc::new(AtomicBool::new(false));
        let channels = BTreeMap::new();
        let handler = Connection {
            server: self,
            key: None,
            logged_in: logged_in.clone(),
            channels,
            stop: stop.clone(),
        };
        let mut stop = stop;
        let late = async {
            clock.sleep(login).await;
            if logged_in.load(Ordering::Relaxed) {
                std::future::pending::<()>().await;
            }
        };
        let stopped = stop.changed();
        let (late, stopped) = (std::pin::pin!(late), std::pin::pin!(stopped));
        let mut ends = select(late, stopped);
        let begun = match select(std::pin::pin!(run_stream(config, stream, handler)), &mut ends).await {
            Either::Left((begun, _)) => begun?,
            Either::Right(_) => return Err(russh::Error::ConnectionTimeout),
        };
        let handle = begun.handle();
        let mut session = std::pin::pin!(begun);
        let words = match select(&mut session, ends).await {
            Either::Left((ended, _)) => return ended,
            Either::Right((Either::Left(_), _)) => "nobody has logged in",
            Either::Right((Either::Right(_), _)) => "the server ends",
        };
        let parting = async {
            let reason = russh::Disconnect::ByApplication;
            drop(handle.disconnect(reason, words.to_owned(), "en".to_owned()).await);
            session.await
        };
        let parted = clock.timeout(PARTING, parting).await;
        // Whoever hears nothing is cut off.
        drop(closer);
        parted.unwrap_or(Err(russh::Error::ConnectionTimeout))
    }
}

/// Closes a socket when it is dropped, whoever else holds it.
struct Closer(std::net::TcpStream);

impl Drop for Closer {
    fn drop(&mut self) {
        // It fails where the other side has closed it.
        let _ = self.0.shutdown(std::net::Shutdown::Both);
    }
}

/// One client.
struct Connection {
    server: Ssh,
    /// The key whose private half the client has shown to have.
    key: Option<PublicKey>,
    logged_in: Arc<AtomicBool>,
    channels: BTreeMap<ChannelId, Opened>,
    stop: watch::Receiver<()>,
}

/// A channel on which nothing runs yet.
struct Opened {
    channel: Channel<Msg>,
    /// The version of Git's protocol that the client asks for.
    protocol: Option<String>,
}

impl Connection {
    fn known(&self, user: &str, key: &russh::keys::PublicKey) -> Option<PublicKey> {
        let key = PublicKey::from_blob(&key.to_bytes().ok()?).ok()?;
        (user == USER && self.server.forge.knows_key(&key)).then_some(key)
    }

    /// Says something on the client's standard error, and ends the channel with exit status 1.
    fn refuse(&mut self, id: ChannelId, words: String, session: &mut Session) -> Result<(), russh::Error> {
        self.channels.remove(&id);
        session.channel_success(id)?;
        session.extended_data(id, STDERR, words.into_bytes())?;
        session.exit_status_request(id, 1)?;
        session.eof(id)?;
        session.close(id)
    }

    /// The process that a command asks for, or the words of the refusal.
    fn run(
        &self,
        command: &str,
        protocol: Option<&str>,
    ) -> Result<(tokio::process::Child, Option<Repo>), String> {
        let failed = |words: &str| format!("ERROR: {words}\n");
        let Some((program, path)) = parse(command) else {
            return Err(format!("Invalid command: '{command}'\n"));
        };
        let wants = if program == "git-receive-pack" { Wants::Write } else { Wants::Read };
        let key = self.key.clone().map_or(Credentials::Nothing, Credentials::Key);
        let repo = find(&self.server.forge, &self.server.base, &path);
        let repo = repo.ok_or_else(|| failed("Repository not found."))?;
        let allowed = self.server.forge.authorize(&repo, &key, wants);
        allowed.map_err(|refusal| failed(&refusal.over_ssh()))?;
        let mut command = self.server.programs.command(program, repo.path());
        command.arg(repo.path()).stderr(Stdio::piped());
        if let Some(protocol) = protocol {
            command.env("GIT_PROTOCOL", protocol);
        }
        let child = command.spawn().map_err(|error| failed(&format!("git did not start: {error}")))?;
        Ok((child, (wants == Wants::Write).then_some(repo)))
    }
}

impl Handler for Connection {
    type Error = russh::Error;

    async fn auth_publickey_offered(
        &mut self,
        user: &str,
        offer: PublicKeyOffer<'_>,
    ) -> Result<Auth, russh::Error> {
        Ok(if self.known(user, offer.public_key).is_some() { Auth::Accept } else { Auth::reject() })
    }

    async fn auth_publickey(&mut self, user: &str, key: VerifiedPublicKey<'_>) -> Result<Auth, russh::Error> {
        self.key = self.known(user, key.public_key);
        self.logged_in.store(self.key.is_some(), Ordering::Relaxed);
        Ok(if self.key.is_some() { Auth::Accept } else { Auth::reject() })
    }

    async fn channel_open_session(
        &mut self,
        channel: Channel<Msg>,
        reply: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), russh::Error> {
        self.channels.insert(channel.id(), Opened { channel, protocol: None });
        reply.accept().await;
        Ok(())
    }

    async fn channel_close(&mut self, id: ChannelId, _: &mut Session) -> Result<(), russh::Error> {
        self.channels.remove(&id);
        Ok(())
    }

    async fn env_request(
        &mut self,
        id: ChannelId,
        name: &str,
        value: &str,
        session: &mut Session,
    ) -> Result<(), russh::Error> {
        match self.channels.get_mut(&id).filter(|_| name == "GIT_PROTOCOL") {
            Some(opened) => {
                opened.protocol = Some(value.to_owned());
                session.channel_success(id)
            }
            None => session.channel_failure(id),
        }
    }

    async fn pty_request(
        &mut self,
        id: ChannelId,
        _: &str,
        _: u32,
        _: u32,
        _: u32,
        _: u32,
        _: &[(russh::Pty, u32)],
        session: &mut Session,
    ) -> Result<(), russh::Error> {
        session.channel_failure(id)
    }

    async fn subsystem_request(
        &mut self,
        id: ChannelId,
        _: &str,
        session: &mut Session,
    ) -> Result<(), russh::Error> {
        session.channel_failure(id)
    }

    async fn shell_request(&mut self, id: ChannelId, session: &mut Session) -> Result<(), russh::Error> {
        let name = self.key.as_ref().and_then(|key| self.server.forge.holder(key)).unwrap_or_default();
        let words = format!(
            "Hi {name}! You've successfully authenticated, but Seatrial does not provide shell access.\n"
        );
        self.refuse(id, words, session)
    }

    async fn exec_request(
        &mut self,
        id: ChannelId,
        command: &[u8],
        session: &mut Session,
    ) -> Result<(), russh::Error> {
        let command = String::from_utf8_lossy(command).into_owned();
        let protocol = self.channels.get(&id).and_then(|opened| opened.protocol.clone());
        if self.stop.has_changed().is_err() {
            return self.refuse(id, "ERROR: the server ends\n".to_owned(), session);
        }
        let (child, pushed) = match self.run(&command, protocol.as_deref()) {
            Ok(started) => started,
            Err(words) => return self.refuse(id, words, session),
        };
        let Some(opened) = self.channels.remove(&id) else { return session.channel_failure(id) };
        session.channel_success(id)?;
        let pipe = Pipe { clock: self.server.clock.clone(), programs: self.server.programs.clone(), pushed };
        let mut stop = self.stop.clone();
        let work = async move {
            let stopped = stop.changed();
            // Whichever ends first: what is dropped ends its process.
            futures::future::select(std::pin::pin!(pipe.run(child, opened.channel)), std::pin::pin!(stopped))
                .await;
        };
        self.server.clock.spawn("git over SSH", work).detach();
        Ok(())
    }
}

/// Program and path of `git-upload-pack 'PATH'` or `git-receive-pack 'PATH'`, also with a space for the first dash.
fn parse(command: &str) -> Option<(&'static str, String)> {
    let programs = ["git-upload-pack", "git-receive-pack"];
    let (program, rest) = programs.into_iter().find_map(|program| {
        let spaced = program.replacen('-', " ", 1);
        let rest = command.strip_prefix(program).or_else(|| command.strip_prefix(spaced.as_str()))?;
        Some((program, rest.strip_prefix(' ')?.trim()))
    })?;
    let quoted = rest.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\''));
    let path = match quoted {
        // The shell's way of quoting the quote itself.
        Some(inner) => inner.replace("'\\''", "'").replace("'\\!'", "!"),
        None => rest.to_owned(),
    };
    (!path.is_empty() && !path.contains('\0')).then_some((program, path))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    /// What a client reads until the server closes, which is what this waits for.
    fn until_closed(login: Duration, says: &'static [u8], stops: bool) -> String {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let (clock, folder) = (Clock::wall(), tempfile::tempdir().unwrap());
            let programs = Programs::find().await.unwrap();
            let forge = Forge::new(clock.clone(), folder.path());
            let ssh = Ssh { login, ..Ssh::new(&forge, &clock, &programs, "http://x").unwrap() };
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap();
            let mut task = Some(ssh.serve(listener));
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.write_all(says).await.unwrap();
            let mut said = [0; 4];
            stream.read_exact(&mut said).await.unwrap();
            if stops {
                drop(task.take());
            }
            let mut rest = Vec::new();
            let closed = clock.timeout(Duration::from_secs(20), stream.read_to_end(&mut rest)).await;
            assert!(closed.is_ok(), "the connection stays");
            String::from_utf8_lossy(&said).into_owned()
        })
    }

    #[rstest]
    #[case::that_says_nothing(b"")]
    #[case::that_stops_in_the_handshake(b"SSH-2.0-silent\r\n")]
    fn a_client_is_cut_off(#[case] says: &'static [u8]) {
        assert_eq!(until_closed(Duration::from_millis(200), says, false), "SSH-");
        assert_eq!(until_closed(LOGIN, says, true), "SSH-", "when the server ends");
    }

    #[rstest]
    #[case::fetch("git-upload-pack '/owls/gitops.git'", Some(("git-upload-pack", "/owls/gitops.git")))]
    #[case::push("git-receive-pack 'owls/gitops.git'", Some(("git-receive-pack", "owls/gitops.git")))]
    #[case::in_two_words("git upload-pack '/gitops'", Some(("git-upload-pack", "/gitops")))]
    #[case::without_quotes("git-upload-pack /gitops", Some(("git-upload-pack", "/gitops")))]
    #[case::a_quote("git-upload-pack '/it'\\''s'", Some(("git-upload-pack", "/it's")))]
    #[case::archive("git-upload-archive '/gitops'", None)]
    #[case::another_program("sh -c 'git-upload-pack x'", None)]
    #[case::no_path("git-upload-pack ''", None)]
    #[case::nothing("git-upload-pack", None)]
    fn a_command_is(#[case] command: &str, #[case] want: Option<(&str, &str)>) {
        let found = parse(command);
        assert_eq!(found.as_ref().map(|(program, path)| (*program, path.as_str())), want);
    }
}
