//! From the start to the signal that ends it.

use super::{Up, UpError, UpOptions};
use futures::future::{Either, select};
use seatrial_time::Clock;
use std::fs;
use std::future::poll_fn;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// How often the run's folder is tried to be removed: a process that was killed may still be about to end.
const ATTEMPTS: u32 = 40;
const PAUSE: Duration = Duration::from_millis(50);

/// Serves until SIGINT, SIGTERM or SIGHUP comes, at whatever moment, and cleans up. `say` gets the first screen when
/// everything answers. Call it on a thread that is in no runtime.
///
/// # Errors
/// [`UpError`] where it could not start. An interrupt is no error.
pub fn serve_until_interrupted(options: &UpOptions, say: &mut dyn FnMut(&str)) -> Result<(), UpError> {
    let failed = |action| move |source| UpError::System { action, source };
    let runtime = Builder::new_current_thread().enable_all().build().map_err(failed("start the runtime"))?;
    // Before anything exists that would be left: from here on a signal ends the run and not the process.
    let mut interrupt =
        runtime.block_on(async { Interrupt::listen() }).map_err(failed("wait for signals"))?;
    let private = fs::Permissions::from_mode(0o700);
    let folder = tempfile::Builder::new().prefix("seatrial-up-").permissions(private).tempdir();
    let folder = folder.map_err(failed("make a folder for the run"))?;
    let result = runtime.block_on(async {
        let clock = Clock::wall();
        let up = {
            let start = pin!(Up::start(&clock, options, folder.path()));
            match select(pin!(interrupt.next()), start).await {
                Either::Left(_) => return Ok(()),
                Either::Right((up, _)) => up?,
            }
        };
        say(up.screen());
        interrupt.next().await;
        up.stop().await;
        Ok(())
    });
    end(runtime, folder).map_err(|(path, source)| UpError::File { path, source }).and(result)
}

/// Ends the runtime, hence every task, and removes the folder.
fn end(runtime: Runtime, folder: TempDir) -> Result<(), (PathBuf, io::Error)> {
    drop(runtime);
    let path = folder.keep();
    let mut left = ATTEMPTS;
    loop {
        match fs::remove_dir_all(&path) {
            Ok(()) => return Ok(()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) if left == 0 => return Err((path, error)),
            Err(_) => {
                left -= 1;
                pause();
            }
        }
    }
}

#[allow(clippy::disallowed_methods, reason = "the runtime has ended, and with it the clock")]
fn pause() {
    std::thread::sleep(PAUSE);
}

/// The signals that end a run.
struct Interrupt {
    signals: [Signal; 3],
}

impl Interrupt {
    fn listen() -> io::Result<Interrupt> {
        let [int, term, hup] =
            [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()].map(signal);
        Ok(Interrupt { signals: [int?, term?, hup?] })
    }

    /// Returns at the next of them.
    async fn next(&mut self) {
        poll_fn(|cx| {
            let polled = self.signals.iter_mut().map(|signal| signal.poll_recv(cx));
            // Each has to be polled, or it would not wake us.
            if polled.fold(false, |came, poll| came | poll.is_ready()) {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
        .await;
    }
}
