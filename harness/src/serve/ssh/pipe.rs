//! A process of git and the channel of a client, until one of them has ended.

use super::STDERR;
use crate::forge::Repo;
use crate::serve::process::{Programs, Running};
use bytes::Bytes;
use futures::future::{Either, join, select};
use russh::server::Msg;
use russh::{Channel, ChannelMsg, ChannelReadHalf, ChannelWriteHalf};
use seatrial_time::Clock;
use std::pin::pin;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, ChildStdin};

/// What is read from git at a time.
const CHUNK: usize = 32 * 1024;

/// A process and the channel that it talks through.
pub(super) struct Pipe {
    pub(super) clock: Clock,
    pub(super) programs: Programs,
    /// The repository that the process may change.
    pub(super) pushed: Option<Repo>,
}

impl Pipe {
    /// Passes on what both sides say, until one of them has ended.
    pub(super) async fn run(self, mut child: Child, channel: Channel<Msg>) {
        let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let running = Running::new(child, self.clock, &self.programs, None, self.pushed);
        let (Some(stdin), Some(stdout), Some(stderr)) = (stdin, stdout, stderr) else { return };
        let (reader, writer) = channel.split();
        let speak = async {
            let both = join(pump(stdout, &writer, None), pump(stderr, &writer, Some(STDERR)));
            let (out, err) = both.await;
            out.and(err).is_ok()
        };
        let listen = feed(reader, stdin);
        // The client may have said everything and wait for an answer; where it goes, so does the process.
        let mut listen = pin!(listen);
        let spoken = match select(pin!(speak), listen.as_mut()).await {
            Either::Left((spoken, _)) => spoken,
            Either::Right(_) => return,
        };
        if !spoken {
            return;
        }
        let status = running.end().await;
        let status = status.and_then(|code| u32::try_from(code).ok()).unwrap_or(128);
        for sent in [writer.exit_status(status).await, writer.eof().await, writer.close().await] {
            if sent.is_err() {
                return;
            }
        }
    }
}

/// Hands what the client says to the process, and then waits until the client goes.
async fn feed(mut reader: ChannelReadHalf, stdin: ChildStdin) {
    let mut stdin = Some(stdin);
    while let Some(message) = reader.wait().await {
        match message {
            ChannelMsg::Data { data } => {
                // A process that has heard enough closes its end early.
                if let Some(pipe) = stdin.as_mut()
                    && pipe.write_all(&data).await.is_err()
                {
                    stdin = None;
                }
            }
            ChannelMsg::Eof => stdin = None,
            ChannelMsg::Close => return,
            _ => {}
        }
    }
}

/// Hands what the process says to the client.
async fn pump(
    mut from: impl AsyncRead + Unpin,
    to: &ChannelWriteHalf<Msg>,
    stream: Option<u32>,
) -> Result<(), russh::Error> {
    let mut chunk = vec![0; CHUNK];
    loop {
        let count = from.read(&mut chunk).await.map_err(russh::Error::IO)?;
        let data = Bytes::copy_from_slice(&chunk[..count]);
        match stream {
            _ if count == 0 => return Ok(()),
            None => to.data_bytes(data).await?,
            Some(stream) => to.extended_data_bytes(stream, data).await?,
        }
    }
}
