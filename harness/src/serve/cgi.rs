//! Runs `git http-backend` for one request: the body streams in, the answer streams out, the signal moves after a push.

use super::http::{Answer, Body, BodyError, Peer, text};
use super::process::{Programs, Running};
use crate::forge::Repo;
use bytes::{Bytes, BytesMut};
use futures::stream;
use http::{HeaderName, HeaderValue, Request, Response, StatusCode, header};
use http_body::Frame;
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::Incoming;
use seatrial_time::Clock;
use std::io;
use std::process::Stdio;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{ChildStdin, ChildStdout, Command};

/// One request to `git http-backend`.
pub(super) struct Cgi<'a> {
    pub(super) clock: &'a Clock,
    pub(super) programs: &'a Programs,
    pub(super) repo: Repo,
    /// Who asks.
    pub(super) user: &'a str,
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
        let mut command = self.programs.command("git-http-backend", path);
        command
            .env("GIT_PROJECT_ROOT", path.parent().unwrap_or(path))
            .env("GIT_HTTP_EXPORT_ALL", "1")
            .env("PATH_INFO", format!("/{folder}/{service}"))
            .env("QUERY_STRING", parts.uri.query().unwrap_or_default())
            .env("REQUEST_METHOD", parts.method.as_str())
            .env("CONTENT_TYPE", text(header::CONTENT_TYPE))
            .env("REMOTE_ADDR", peer.address.ip().to_string())
            // A user of that name makes it take pushes in; whether they may was decided before.
            .env("REMOTE_USER", self.user)
            .stderr(Stdio::null());
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
