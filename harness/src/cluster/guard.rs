//! Programs that cannot outlive this process.
//!
//! A guarded program runs under a shell that waits for the end of a pipe from this process. The pipe ends when the guard is
//! dropped, and with the process, however that ends (kill -9 included): the shell then kills the program and removes the
//! program's folder. The shell has a process group of its own, so that Ctrl-C on a terminal reaches only this process.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};

/// Arguments: the folder, then the program and its arguments. Every word in it is built into the shell, but for `rm`.
const SCRIPT: &str = r#"
folder=$1; shift
exec 3<&0
"$@" </dev/null 3<&- &
program=$!
{
  while read -r _ <&3; do :; done
  kill -KILL "$program"
  rm -rf -- "$folder" || { sleep 0.2; rm -rf -- "$folder"; }
} 2>/dev/null &
watcher=$!
wait "$program"
status=$?
if [ "$status" -ne 137 ]; then kill "$watcher"; else wait "$watcher"; fi 2>/dev/null
exit "$status"
"#;

/// A running program. Dropping the guard kills it and waits for its end.
#[derive(Debug)]
pub(crate) struct Guard {
    shell: Child,
    /// Closing it ends the program.
    pipe: Option<ChildStdin>,
}

impl Guard {
    /// Starts `program`, with its output in `log`. `folder` is removed with the program, whoever ends it.
    ///
    /// # Errors
    /// Where there is no shell, or the log cannot be written.
    pub(crate) fn start<S: AsRef<OsStr>>(
        program: &Path,
        arguments: impl IntoIterator<Item = S>,
        log: &Path,
        folder: &Path,
    ) -> io::Result<Guard> {
        use std::os::unix::process::CommandExt;
        let log = File::create(log)?;
        let mut shell = Command::new("/bin/sh")
            .args(["-c", SCRIPT, "seatrial-guard"])
            .arg(folder)
            .arg(program)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(log.try_clone()?)
            .stderr(log)
            .process_group(0)
            .spawn()?;
        let pipe = shell.stdin.take();
        Ok(Guard { shell, pipe })
    }

    /// What became of the program, if it has ended by itself.
    pub(crate) fn ended(&mut self) -> Option<String> {
        self.shell.try_wait().ok().flatten().map(|status| status.to_string())
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        drop(self.pipe.take());
        // The shell ends as soon as its program is dead; nothing can be done where it does not.
        let _ = self.shell.wait();
    }
}

#[cfg(test)]
#[allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::panic,
    reason = "processes live on the wall clock"
)]
mod tests {
    use super::*;
    use std::path::PathBuf;
    use std::time::Duration;

    fn is_running(pid: &str) -> bool {
        // A process that has ended and was not waited for yet is one that has ended.
        std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
    }

    #[allow(clippy::disallowed_methods, reason = "a test of processes waits on the wall clock")]
    fn until(what: &str, mut holds: impl FnMut() -> bool) {
        for _ in 0..500 {
            if holds() {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("{what}");
    }

    /// A program that writes its process id, and ignores polite requests to end.
    fn stubborn(folder: &Path) -> (Guard, String) {
        let pid: PathBuf = folder.join("pid");
        let script =
            format!("trap '' INT TERM HUP; echo $$ > '{}'; while :; do sleep 0.05; done", pid.display());
        let guard = Guard::start(Path::new("/bin/sh"), ["-c", &script], &folder.join("log"), folder).unwrap();
        until("no pid", || std::fs::read_to_string(&pid).is_ok_and(|text| text.ends_with('\n')));
        (guard, std::fs::read_to_string(pid).unwrap().trim().to_owned())
    }

    #[test]
    fn a_dropped_guard_leaves_neither_program_nor_folder() {
        let folder = tempfile::tempdir().unwrap();
        let (guard, pid) = stubborn(folder.path());
        assert!(is_running(&pid));
        drop(guard);
        assert!(!is_running(&pid));
        until("the folder is there", || !folder.path().exists());
    }

    #[test]
    fn a_program_that_ends_by_itself_is_noticed_and_keeps_its_log() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        let mut guard =
            Guard::start(Path::new("/bin/sh"), ["-c", "echo no such flag; exit 3"], &log, folder.path())
                .unwrap();
        until("not ended", || guard.ended().is_some());
        assert_eq!(guard.ended().unwrap(), "exit status: 3");
        assert_eq!(std::fs::read_to_string(&log).unwrap(), "no such flag\n");
        drop(guard);
        assert!(log.exists());
    }
}
