//! Runs `git http-backend` for one request: the body streams in, the answer streams out, the signal moves after a push.

use super::http::{Answer, Body, BodyError, Peer, text};
use crate::forge::Repo;
use bytes::{Bytes, BytesMut};
use futures::stream;
use http::{HeaderName, HeaderValue, Request, Response, StatusCode, header};
use http_body::Frame;
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::Incoming;
use rustix::process::{Pid, Signal, kill_process_group};
use seatrial_time::{Clock, Task};
use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::watch;

/// How long a program may take to end by itself when it is asked to.
const GRACE: Duration = Duration::from_secs(1);

/// Git cannot be served. Every message fits after "failed to ".
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GitProgramError {
    /// There is no `git`.
    #[error(
        "run git, which serves the repositories: {source}; install it (Debian and Ubuntu: apt install git; \
             macOS: xcode-select --install), or put it into PATH"
    )]
    Missing {
        /// Why it did not start.
        source: io::Error,
    },
    /// There is a `git` without its HTTP server.
    #[error("find git's HTTP server at {}: install it (Alpine: apk add git-daemon; Fedora: dnf install git-core)",
        path.display())]
    NoBackend {
        /// Where it should be.
        path: PathBuf,
    },
}

/// The program, and its processes that run. Cheap to clone; clones share the processes.
#[derive(Clone, Debug)]
pub(super) struct Programs {
    backend: PathBuf,
    /// Where programs and the processes' own needs are found: nothing else of the environment reaches them.
    path: OsString,
    running: Arc<watch::Sender<usize>>,
}

impl Programs {
    /// Finds `git http-backend`.
    pub(super) async fn find() -> Result<Programs, GitProgramError> {
        let output =
            Command::new("git").arg("--exec-path").stdin(Stdio::null()).kill_on_drop(true).output().await;
        let output = output.map_err(|source| GitProgramError::Missing { source })?;
        let folder = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim_end());
        let backend = folder.join("git-http-backend");
        if !backend.is_file() {
            return Err(GitProgramError::NoBackend { path: backend });
        }
        let path = std::env::var_os("PATH").unwrap_or_default();
        Ok(Programs { backend, path, running: Arc::new(watch::Sender::new(0)) })
    }

    /// Waits until no process runs, but not longer than `limit`.
    pub(super) async fn ended(&self, clock: &Clock, limit: Duration) {
        let mut running = self.running.subscribe();
        let _ = clock.timeout(limit, running.wait_for(|running| *running == 0)).await;
    }
}

/// One request to `git http-backend`.
pub(super) struct Cgi<'a> {
    pub(super) clock: &'a Clock,
    pub(super) programs: &'a Programs,
    pub(super) repo: Repo,
}

impl Cgi<'_> {
    /// Passes the request on.
    pub(super) async fn answer(
        self,
        service: &str,
        pushes: bool,
        request: Request<Incoming>,
        peer: &Peer,
    ) -> Answer {
        let (parts, body) = request.into_parts();
        let mut child = match self.command(service, &parts, peer).spawn() {
            Ok(child) => child,
            Err(error) => {
                return text(StatusCode::BAD_GATEWAY, format!("git http-backend did not start: {error}\n"));
            }
        };
        let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
        let feeder = stdin.map(|stdin| self.clock.spawn("git request", feed(body, stdin)));
        let running =
            Running::new(child, self.clock.clone(), self.programs, feeder, pushes.then_some(self.repo));
        let Some(stdout) = stdout else {
            return text(StatusCode::BAD_GATEWAY, "git http-backend has no output\n");
        };
        let mut stdout = BufReader::new(stdout);
        match head(&mut stdout).await {
            Ok(answer) => answer.map(|()| stream(stdout, running)),
            Err(error) => text(StatusCode::BAD_GATEWAY, format!("git http-backend failed: {error}\n")),
        }
    }

    fn command(&self, service: &str, parts: &http::request::Parts, peer: &Peer) -> Command {
        let path = self.repo.path();
        let folder = path.file_name().unwrap_or_default().to_string_lossy();
        let text =
            |name: HeaderName| parts.headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or_default();
        let mut command = Command::new(&self.programs.backend);
        command
            .env_clear()
            .env("PATH", &self.programs.path)
            .env("LC_ALL", "C")
            // Neither the user's nor the machine's configuration matters here.
            .env("HOME", path)
            .env("XDG_CONFIG_HOME", path)
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_PROJECT_ROOT", path.parent().unwrap_or(path))
            .env("GIT_HTTP_EXPORT_ALL", "1")
            .env("PATH_INFO", format!("/{folder}/{service}"))
            .env("QUERY_STRING", parts.uri.query().unwrap_or_default())
            .env("REQUEST_METHOD", parts.method.as_str())
            .env("CONTENT_TYPE", text(header::CONTENT_TYPE))
            .env("REMOTE_ADDR", peer.address.ip().to_string())
            .env("REMOTE_USER", super::auth::basic(&parts.headers).map_or("git".to_owned(), |(user, _)| user))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .process_group(0)
            .kill_on_drop(true);
        // Without a length it reads to the end, which is what a chunked body needs.
        for (variable, name) in [
            ("CONTENT_LENGTH", header::CONTENT_LENGTH),
            ("HTTP_CONTENT_ENCODING", header::CONTENT_ENCODING),
            ("GIT_PROTOCOL", HeaderName::from_static("git-protocol")),
        ] {
            let value = text(name);
            if !value.is_empty() {
                command.env(variable, value);
            }
        }
        command
    }
}

/// Hands the request's body to the process. A process that has heard enough ends this early.
async fn feed(mut body: Incoming, mut stdin: ChildStdin) {
    while let Some(Ok(frame)) = body.frame().await {
        let Ok(data) = frame.into_data() else { continue };
        if stdin.write_all(&data).await.is_err() {
            return;
        }
    }
    // Dropping the pipe is the end of the body.
}

/// Reads the header of a CGI answer.
async fn head(stdout: &mut BufReader<ChildStdout>) -> io::Result<Response<()>> {
    let mut answer = Response::new(());
    let mut line = Vec::new();
    loop {
        line.clear();
        if stdout.read_until(b'\n', &mut line).await? == 0 {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "it ended before its answer began"));
        }
        let text = String::from_utf8_lossy(&line);
        let text = text.trim_end();
        if text.is_empty() {
            return Ok(answer);
        }
        let bad = || io::Error::new(io::ErrorKind::InvalidData, format!("it answered {text:?}"));
        let (name, value) = text.split_once(':').ok_or_else(bad)?;
        let value = value.trim();
        if name.eq_ignore_ascii_case("status") {
            let code = value.split(' ').next().unwrap_or_default();
            *answer.status_mut() = StatusCode::from_bytes(code.as_bytes()).map_err(|_| bad())?;
        } else {
            let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| bad())?;
            answer.headers_mut().append(name, HeaderValue::from_str(value).map_err(|_| bad())?);
        }
    }
}

/// The rest of the answer. Its end comes after that of the process, and after the signal of a push.
fn stream(stdout: BufReader<ChildStdout>, running: Running) -> Body {
    let frames = stream::try_unfold((stdout, running), |(mut stdout, running)| async move {
        let mut chunk = BytesMut::with_capacity(32 * 1024);
        if stdout.read_buf(&mut chunk).await.map_err(BodyError::from)? == 0 {
            running.end().await;
            return Ok(None);
        }
        Ok::<_, BodyError>(Some((Frame::<Bytes>::data(chunk.freeze()), (stdout, running))))
    });
    StreamBody::new(frames).boxed_unsync()
}

/// A process that runs, with everything that it started. It is killed where nobody waits for its end.
struct Running {
    process: Option<Process>,
    /// Hands the body over for as long as the process may want it.
    _feeder: Option<Task>,
    /// The repository that it may have changed.
    pushed: Option<Repo>,
    clock: Clock,
}

impl Running {
    fn new(
        child: Child,
        clock: Clock,
        programs: &Programs,
        feeder: Option<Task>,
        pushed: Option<Repo>,
    ) -> Running {
        programs.running.send_modify(|running| *running += 1);
        let process = Process { child, count: programs.running.clone() };
        Running { process: Some(process), _feeder: feeder, pushed, clock }
    }

    async fn end(mut self) {
        if let Some(mut process) = self.process.take() {
            let _ = process.child.wait().await;
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(mut process) = self.process.take() {
            // It removes its locks on refs when it is asked to end, and leaves them where it is killed.
            process.signal(Signal::TERM);
            let clock = self.clock.clone();
            let end = async move {
                if clock.timeout(GRACE, process.child.wait()).await.is_err() {
                    process.signal(Signal::KILL);
                    let _ = process.child.wait().await;
                }
            };
            self.clock.spawn("end of git", end).detach();
        }
        // Also where the client has gone: the refs may have moved before it did.
        if let Some(repo) = &self.pushed {
            repo.refs_moved();
        }
    }
}

struct Process {
    child: Child,
    count: Arc<watch::Sender<usize>>,
}

impl Process {
    fn signal(&self, signal: Signal) {
        // It leads a process group of its own, in which are the programs that it runs.
        let id = self.child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        if let Some(id) = id {
            let _ = kill_process_group(id, signal);
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.count.send_modify(|running| *running -= 1);
    }
}
