//! `seatrial up` as a process: what it leaves while it runs, and that it leaves nothing afterwards.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]
#![allow(clippy::disallowed_methods, reason = "a test of processes waits on the wall clock")]

#[allow(dead_code, reason = "this test starts the program itself")]
mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rstest::rstest;
use serde_json::Value;
use support::{folder, root};
use tempfile::TempDir;

/// Far more than a start takes, for machines with much else to do.
const PATIENCE: Duration = Duration::from_secs(120);

const CONFIG: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: hello, namespace: default}\n";

/// A running `seatrial up` with a temporary folder of its own.
struct Up {
    child: Child,
    scratch: TempDir,
}

impl Drop for Up {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Up {
    fn start(args: &[&str]) -> Up {
        Up::start_with(args, |_| {})
    }

    fn start_with(args: &[&str], more: impl FnOnce(&mut Command)) -> Up {
        let scratch = folder(&[("fleet/clusters/beta/config.yaml", CONFIG)]);
        fs::create_dir(scratch.path().join("tmp")).unwrap();
        let own: &[&str] = if args.contains(&"--ready-file") { &[] } else { &["--ready-file", "ready.json"] };
        let mut command = Command::new(env!("CARGO_BIN_EXE_seatrial"));
        command
            .arg("up")
            .args(own)
            .args(args)
            .current_dir(scratch.path())
            .env("TMPDIR", scratch.path().join("tmp"))
            .env_remove("KUBECONFIG")
            .env("HOME", scratch.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        more(&mut command);
        Up { child: command.spawn().unwrap(), scratch }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.scratch.path().join(name)
    }

    /// Waits for the ready file.
    fn ready(&mut self) -> Value {
        let began = Instant::now();
        loop {
            if let Ok(text) = fs::read_to_string(self.path("ready.json")) {
                // It is written in one step: what can be read is complete.
                return serde_json::from_str(&text).unwrap();
            }
            if let Some(status) = self.child.try_wait().unwrap() {
                panic!("it ended with {status}: {}", self.text().1);
            }
            assert!(began.elapsed() < PATIENCE, "no ready file");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn signal(&self, signal: &str) {
        let status =
            Command::new("kill").args([&format!("-{signal}"), &self.child.id().to_string()]).status();
        assert!(status.unwrap().success());
    }

    /// Waits for the end; the result is the exit status.
    fn end(&mut self) -> Option<i32> {
        let began = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            assert!(began.elapsed() < PATIENCE, "it does not end");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Standard output and standard error, after the end.
    fn text(&mut self) -> (String, String) {
        use std::io::Read as _;
        let mut texts = (String::new(), String::new());
        self.child.stdout.take().unwrap().read_to_string(&mut texts.0).unwrap();
        self.child.stderr.take().unwrap().read_to_string(&mut texts.1).unwrap();
        texts
    }

    /// Nothing of the run is left: no temporary file, no ready file, no process with the run's folder in its
    /// environment.
    fn assert_left_nothing(&self) {
        assert_eq!(listed(&self.path("tmp")), Vec::<String>::new());
        assert!(!self.path("ready.json").exists());
        assert_eq!(processes_in(self.scratch.path()), Vec::<String>::new());
    }
}

fn listed(path: &Path) -> Vec<String> {
    let entries = fs::read_dir(path).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

/// The command lines of processes whose environment or working directory names the folder.
fn processes_in(folder: &Path) -> Vec<String> {
    let folder = folder.to_str().unwrap();
    let Ok(processes) = fs::read_dir("/proc") else { return Vec::new() };
    let own = std::process::id().to_string();
    let named = |path: &Path| {
        let environment = fs::read(path.join("environ")).unwrap_or_default();
        String::from_utf8_lossy(&environment).contains(folder)
            || fs::read_link(path.join("cwd")).is_ok_and(|cwd| cwd.starts_with(folder))
    };
    processes
        .flatten()
        .filter(|process| process.file_name().to_str() != Some(&own) && named(&process.path()))
        .map(|process| {
            fs::read_to_string(process.path().join("cmdline")).unwrap_or_default().replace('\0', " ")
        })
        .collect()
}

#[rstest]
#[case::ctrl_c("INT")]
#[case::stopped_by_a_supervisor("TERM")]
#[case::terminal_closed("HUP")]
fn a_signal_ends_it_with_status_0_and_leaves_nothing(#[case] signal: &str) {
    let mut up = Up::start(&["fleet"]);
    let ready = up.ready();
    for field in ["kubeconfig", "ca"] {
        assert!(Path::new(ready[field].as_str().unwrap()).is_file(), "{ready}");
    }
    assert!(ready["clusters"]["beta"]["server"].as_str().unwrap().starts_with("https://127.0.0.1:"));
    assert_eq!(ready["clusters"]["production"]["context"], "production");
    assert!(ready["forge"]["repositories"]["fleet"].as_str().unwrap().ends_with("/fleet.git"));
    up.signal(signal);
    assert_eq!(up.end(), Some(0));
    up.assert_left_nothing();
    let (screen, errors) = up.text();
    for line in
        ["export KUBECONFIG=", "kubectl --context beta", "git clone -c", "production is not bootstrapped"]
    {
        assert!(screen.contains(line), "{screen}");
    }
    assert_eq!(errors, "");
}

#[rstest]
#[case::at_once(0)]
#[case::while_it_starts(15)]
#[case::while_it_bootstraps(60)]
#[case::later(250)]
#[case::about_when_it_is_ready(700)]
fn a_signal_at_any_moment_leaves_nothing(#[case] milliseconds: u64) {
    for signal in ["INT", "TERM"] {
        // Shells start background jobs with SIGINT ignored: what comes before the handlers are there is lost then.
        if signal == "INT" && ignores_interrupts() {
            continue;
        }
        let mut up = Up::start(&["fleet", "--kubeconfig", "kubeconfig"]);
        std::thread::sleep(Duration::from_millis(milliseconds));
        up.signal(signal);
        let status = up.end();
        // Before the handlers are there, the signal itself ends the process, which has made nothing yet.
        assert!(status == Some(0) || status.is_none(), "{status:?}: {}", up.text().1);
        up.assert_left_nothing();
        assert!(!up.path("kubeconfig").exists());
    }
}

/// Whether this process ignores SIGINT, and with it every process that it starts.
fn ignores_interrupts() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:")).map(str::trim);
    mask.and_then(|mask| u64::from_str_radix(mask, 16).ok()).is_some_and(|mask| mask & 2 != 0)
}

#[test]
fn git_that_is_busy_ends_too() {
    let mut up = Up::start(&["fleet"]);
    let ready = up.ready();
    // A push that sends nothing: git waits for it.
    let address = ready["forge"]["http"].as_str().unwrap().trim_start_matches("http://").to_owned();
    let token = fs::read_to_string(ready["forge"]["token_file"].as_str().unwrap()).unwrap();
    let mut stream = std::net::TcpStream::connect(address).unwrap();
    let request = format!(
        "POST /fleet.git/git-receive-pack HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n\
         Content-Type: application/x-git-receive-pack-request\r\nContent-Length: 1000\r\n\r\n",
        token.trim_end()
    );
    std::io::Write::write_all(&mut stream, request.as_bytes()).unwrap();
    let began = Instant::now();
    let folder = up.path("tmp");
    while processes_in(&folder).iter().filter(|line| line.contains("receive-pack")).count() == 0 {
        assert!(began.elapsed() < PATIENCE, "git does not run");
        std::thread::sleep(Duration::from_millis(20));
    }
    up.signal("INT");
    assert_eq!(up.end(), Some(0));
    up.assert_left_nothing();
}

#[test]
fn two_at_the_same_time_do_not_meet() {
    let (mut one, mut two) = (Up::start(&["fleet"]), Up::start(&["fleet"]));
    let (first, second) = (one.ready(), two.ready());
    assert_ne!(first["kubeconfig"], second["kubeconfig"]);
    assert_ne!(first["clusters"]["beta"]["server"], second["clusters"]["beta"]["server"]);
    one.signal("INT");
    assert_eq!(one.end(), Some(0));
    assert!(Path::new(second["kubeconfig"].as_str().unwrap()).is_file());
    two.signal("INT");
    assert_eq!(two.end(), Some(0));
    two.assert_left_nothing();
}

#[test]
fn secrets_are_private_and_not_on_the_screen() {
    use std::os::unix::fs::PermissionsExt as _;
    let mut up = Up::start(&["fleet"]);
    let ready = up.ready();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let token_file = Path::new(ready["forge"]["token_file"].as_str().unwrap());
    assert_eq!(mode(token_file.parent().unwrap()), 0o700);
    for file in [&ready["kubeconfig"], &ready["forge"]["token_file"], &ready["forge"]["credentials"]] {
        assert_eq!(mode(Path::new(file.as_str().unwrap())), 0o600, "{file}");
    }
    let token = fs::read_to_string(token_file).unwrap();
    up.signal("INT");
    up.end();
    let (screen, errors) = up.text();
    assert!(!screen.contains(token.trim_end()) && !errors.contains(token.trim_end()));
    assert!(!ready.to_string().contains(token.trim_end()));
}

#[test]
fn contexts_are_merged_where_asked_and_taken_back() {
    let old =
        "# mine\napiVersion: v1\nkind: Config\nclusters:\n- {name: other, cluster: {server: 'https://x'}}\n";
    let mut up = Up::start_with(&["--merge-kubeconfig", "--cluster", "staging"], |command| {
        let home = command.get_current_dir().unwrap().join(".kube");
        fs::create_dir(&home).unwrap();
        fs::write(home.join("config"), old).unwrap();
    });
    let ready = up.ready();
    let file = up.path(".kube/config").canonicalize().unwrap();
    assert_eq!(ready["kubeconfig"], file.to_str().unwrap());
    let merged = fs::read_to_string(&file).unwrap();
    assert!(merged.contains("name: staging") && merged.contains("name: other"), "{merged}");
    up.signal("TERM");
    assert_eq!(up.end(), Some(0));
    assert_eq!(fs::read_to_string(&file).unwrap(), old);
    assert_eq!(listed(&up.path(".kube")), ["config"]);
    up.assert_left_nothing();
}

#[rstest]
#[case::kubeconfig_exists(&["--kubeconfig", "fleet/clusters/beta/config.yaml"], 2, "the file exists")]
#[case::not_a_kubeconfig(&["--merge-kubeconfig", "--kubeconfig", "fleet/clusters/beta/config.yaml"], 2, "no kubeconfig")]
#[case::foreign_ready_file(&["--ready-file", "fleet/clusters/beta/config.yaml"], 2, "that no run has written")]
#[case::no_repository(&["nowhere"], 2, "no such folder")]
#[case::cluster_name(&["--cluster", "Beta"], 2, "lower-case letters")]
#[case::no_scenario(&["fleet/clusters/beta/config.yaml"], 2, "read the scenario")]
#[case::serve_without_a_repository(&["--serve", "https://x/y"], 2, "it needs a repository")]
#[case::bad_port(&["--port-base", "65534"], 2, "the last port is 65535")]
#[case::address_of_another(&["--listen", "192.0.2.1"], 3, "listen on 192.0.2.1:0 for Git")]
fn what_cannot_be_is_refused(#[case] args: &[&str], #[case] exit: i32, #[case] says: &str) {
    let mut up = Up::start(args);
    assert_eq!(up.end(), Some(exit));
    let (screen, errors) = up.text();
    assert!(errors.starts_with("error: failed to ") && errors.contains(says), "{errors}");
    assert_eq!(screen, "");
    assert_eq!(fs::read_to_string(up.path("fleet/clusters/beta/config.yaml")).unwrap(), CONFIG);
    up.assert_left_nothing();
}

#[test]
fn without_git_it_says_how_to_get_it() {
    let mut up = Up::start_with(&["fleet"], |command| {
        command.env("PATH", "/nonexistent");
    });
    assert_eq!(up.end(), Some(3));
    let (_, errors) = up.text();
    assert!(errors.contains("apt install git"), "{errors}");
    up.assert_left_nothing();
}

#[test]
fn ports_can_be_fixed_and_a_taken_one_is_named() {
    let base = free_ports(4);
    let args = ["--cluster", "beta", "--port-base", &base.to_string()];
    let mut up = Up::start(&args);
    let ready = up.ready();
    let server = format!("https://127.0.0.1:{}", base + 3);
    assert_eq!(ready["clusters"]["beta"]["server"], server);
    assert_eq!(ready["registry"]["https"], format!("https://127.0.0.1:{}", base + 2));
    let mut second = Up::start(&args);
    assert_eq!(second.end(), Some(3));
    assert!(second.text().1.contains(&format!("127.0.0.1:{base} for Git")));
    second.assert_left_nothing();
    up.signal("INT");
    assert_eq!(up.end(), Some(0));
}

/// The first of some ports in a row that nobody uses.
fn free_ports(count: u16) -> u16 {
    let bind = |port| std::net::TcpListener::bind(("127.0.0.1", port));
    let free = |base: &u16| (*base..*base + count).map(bind).collect::<Result<Vec<_>, _>>().is_ok();
    let start = 20_000 + u16::try_from(std::process::id() % 10_000).unwrap();
    (start..start + 2_000).step_by(usize::from(count)).find(free).unwrap()
}

#[test]
fn a_scenario_is_set_up_and_its_other_steps_are_named() {
    let scenario = root().join("scenarios/promotion/beta-first.yaml");
    let mut up = Up::start(&[scenario.to_str().unwrap()]);
    let ready = up.ready();
    assert!(ready["forge"]["repositories"]["gitops"].is_string(), "{ready}");
    up.signal("INT");
    assert_eq!(up.end(), Some(0));
    let (screen, _) = up.text();
    assert!(screen.contains("Flux 2.9, bootstrapped"), "{screen}");
    assert!(screen.contains("steps are not played, from line"), "{screen}");
    up.assert_left_nothing();
}

/// A scenario for a cluster of others: what it makes must not be there before.
const GUEST: &str = "apiVersion: seatrial.dev/v1alpha1
kind: Scenario
metadata: {name: a guest}
spec:
  clusters: {beta: {}}
  git:
    gitops:
      from: guest
      urls: [https://github.com/owls-nest-farm/guest]
  steps:
  - expect: {absent: {apiVersion: v1, kind: Namespace, metadata: {name: guest}}}
  - expect: {absent: {apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: guest}}}
  - bootstrap: {cluster: beta, path: clusters/beta}
  - expect:
      within: 2m
      resource: {apiVersion: v1, kind: ConfigMap, metadata: {name: guest, namespace: guest}, data: {say: VALUE}}
";

const GUESTS_OBJECTS: &str = "apiVersion: v1
kind: Namespace
metadata: {name: guest}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: guest, namespace: guest}
data: {say: hello}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: guest}
rules: []
";

#[test]
fn scenarios_play_on_clusters_of_others_and_leave_them_as_they_were() {
    let mut up = Up::start(&["--kubeconfig", "config"]);
    up.ready();
    let objects = up.path("guest/clusters/beta/guest/objects.yaml");
    fs::create_dir_all(objects.parent().unwrap()).unwrap();
    fs::write(objects, GUESTS_OBJECTS).unwrap();
    fs::write(up.path("good.yaml"), GUEST.replace("VALUE", "hello")).unwrap();
    fs::write(up.path("bad.yaml"), GUEST.replace("VALUE", "farewell").replace("2m", "2s")).unwrap();
    let play = |file: &str| {
        let output = Command::new(env!("CARGO_BIN_EXE_seatrial"))
            .args([
                "run",
                file,
                "--backend",
                "kubeconfig",
                "--context",
                "beta=beta",
                "--allow-context",
                "beta",
            ])
            .current_dir(up.scratch.path())
            .env("TMPDIR", up.path("tmp"))
            .env("KUBECONFIG", up.path("config"))
            .output()
            .unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    // Each finds nothing of the one before it, also where that one failed.
    for (file, status) in [("good.yaml", 0), ("bad.yaml", 1), ("good.yaml", 0)] {
        let (found, screen) = play(file);
        assert_eq!(found, Some(status), "{screen}");
    }
    // A cluster that has Flux is somebody's: it is not touched.
    let mut theirs = Up::start(&["fleet", "--kubeconfig", "config"]);
    theirs.ready();
    fs::copy(theirs.path("config"), up.path("config")).unwrap();
    let (status, screen) = play("good.yaml");
    assert!(screen.contains("it has Namespace/flux-system"), "{screen}");
    assert_eq!(status, Some(2), "{screen}");
    for up in [&mut up, &mut theirs] {
        up.signal("INT");
        assert_eq!(up.end(), Some(0));
    }
}
