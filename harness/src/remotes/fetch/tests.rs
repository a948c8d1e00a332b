use super::*;
use rstest::rstest;
use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::process::Command;

/// A bare repository as static files, and the folder that holds it.
fn repository() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let git = |args: &[&str], at: &Path| {
        let identity = ["-c", "user.name=t", "-c", "user.email=t@t"];
        let done = Command::new("git").args(identity).args(args).current_dir(at).output().unwrap();
        assert!(done.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&done.stderr));
    };
    let work = folder.path().join("work");
    std::fs::create_dir(&work).unwrap();
    git(&["init", "--quiet", "-b", "main"], &work);
    std::fs::write(work.join("one.yaml"), "one: 1\n").unwrap();
    git(&["add", "-A"], &work);
    git(&["commit", "--quiet", "-m", "one"], &work);
    git(&["tag", "v1"], &work);
    git(&["clone", "--quiet", "--bare", "work", "fleet.git"], folder.path());
    git(&["update-server-info"], &folder.path().join("fleet.git"));
    folder
}

/// Serves a folder to requests that have this header (in lower case), without the protocol of Git; gives its address.
fn serve(folder: PathBuf, header: Option<&'static str>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let (mut request, mut byte) = (Vec::new(), [0]);
            while !request.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap_or(0) > 0 {
                request.push(byte[0]);
            }
            let request = String::from_utf8_lossy(&request).into_owned();
            let path = request.split(' ').nth(1).unwrap_or_default().split('?').next().unwrap_or_default();
            let allowed = header.is_none_or(|header| {
                request.lines().any(|line| {
                    let (name, value) = line.split_once(": ").unwrap_or_default();
                    format!("{}: {value}", name.to_lowercase()) == header
                })
            });
            let (status, body) = match (allowed, std::fs::read(folder.join(path.trim_start_matches('/')))) {
                (false, _) => ("401 Unauthorized\r\nwww-authenticate: Basic realm=\"x\"", Vec::new()),
                (true, Ok(body)) => ("200 OK", body),
                (true, Err(_)) => ("404 Not Found", Vec::new()),
            };
            let head =
                format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
            let _ = stream.write_all(&[head.as_bytes(), &body].concat());
        }
    });
    format!("http://{address}/fleet.git")
}

fn access(auth: GitAuth) -> GitAccess {
    GitAccess { auth, ..GitAccess::default() }
}

fn basic(password: &str) -> GitAuth {
    GitAuth::Basic { username: "ann".to_owned(), password: Secret(password.to_owned()) }
}

fn wait<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

// `ann:hunter2`, and a token.
const BASIC: &str = "authorization: Basic YW5uOmh1bnRlcjI=";
const BEARER: &str = "authorization: Bearer hunter2";

#[rstest]
#[case::public(None, GitAuth::None, true)]
#[case::password(Some(BASIC), basic("hunter2"), true)]
#[case::wrong_password(Some(BASIC), basic("other"), false)]
#[case::no_password(Some(BASIC), GitAuth::None, false)]
#[case::token(Some(BEARER), GitAuth::Bearer { token: Secret("hunter2".to_owned()) }, true)]
fn a_repository_is_fetched_with_its_credentials(
    #[case] wanted: Option<&'static str>,
    #[case] auth: GitAuth,
    #[case] good: bool,
) {
    let folder = repository();
    let url = serve(folder.path().to_owned(), wanted);
    let mirrors = tempfile::tempdir().unwrap();
    let path = mirrors.path().join("m");
    let access = access(auth);
    match wait(fetch(&url, &access, &path)) {
        Ok(()) => {
            assert!(good);
            let mirror = git2::Repository::open_bare(&path).unwrap();
            for name in ["refs/heads/main", "refs/tags/v1"] {
                assert!(mirror.find_reference(name).is_ok(), "{name}");
            }
            // Again, as at every interval.
            wait(fetch(&url, &access, &path)).unwrap();
            let config = std::fs::read_to_string(path.join("config")).unwrap();
            assert!(!config.contains("hunter2"));
        }
        Err(error) => {
            assert!(!good, "{error}");
            assert!(matches!(error, GitError::AuthenticationFailed { .. }), "{error:?}");
        }
    }
}

#[test]
fn a_server_that_is_not_there_is_unavailable() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mirrors = tempfile::tempdir().unwrap();
    let url = format!("http://127.0.0.1:{port}/fleet.git");
    let error = wait(fetch(&url, &GitAccess::default(), &mirrors.path().join("m"))).unwrap_err();
    assert!(matches!(error, GitError::Unavailable { .. }), "{error:?}");
}

#[test]
fn the_runs_own_repositories_come_first_and_others_from_elsewhere() {
    let folder = repository();
    let url = serve(folder.path().to_owned(), None);
    let run = tempfile::tempdir().unwrap();
    wait(async {
        let clock = Clock::wall();
        let forge = Forge::new(clock.clone(), run.path());
        forge
            .create("own", &crate::forge::Seed::Empty, "main", &["https://git.test/own".to_owned()])
            .unwrap();
        let hosts = NetworkGit::new(forge.clone(), clock.clone(), run.path());
        let access = GitAccess::default();
        let own = hosts.reach("https://git.test/own", &access).await.unwrap();
        assert_eq!(own.path, forge.repo("own").unwrap().path());
        assert!(hosts.open(&url, &GitAuth::None).is_err());
        let before = hosts.changes().unwrap().stamp();
        let other = hosts.reach(&url, &access).await.unwrap();
        assert!(git2::Repository::open_bare(&other.path).unwrap().find_reference("refs/heads/main").is_ok());
        // Who waits for a change of it is told to look again.
        clock.timeout(Duration::from_secs(10), hosts.changes().unwrap().changed(&before)).await.unwrap();
    });
}

#[test]
fn secrets_stand_in_files_of_ones_own_and_never_in_messages() {
    let folder = tempfile::tempdir().unwrap();
    let access = GitAccess {
        auth: GitAuth::Ssh { identity: Secret("KEY".to_owned()), known_hosts: "host key".to_owned() },
        passphrase: Some(Secret("hunter2".to_owned())),
        authority: Some("CA".to_owned()),
        certificate: Some(("CERT".to_owned(), Secret("PRIVATE".to_owned()))),
        proxy: Some(Secret("http://ann:hunter3@proxy.test".to_owned())),
    };
    let all: BTreeMap<String, String> = environment(&access, folder.path()).unwrap().into_iter().collect();
    let ssh = &all["GIT_SSH_COMMAND"];
    assert!(ssh.contains("StrictHostKeyChecking=yes") && !ssh.contains("KEY"), "{ssh}");
    let settings: BTreeSet<&str> = (0..4).map(|at| all[&format!("GIT_CONFIG_KEY_{at}")].as_str()).collect();
    assert_eq!(settings, BTreeSet::from(["http.proxy", "http.sslCAInfo", "http.sslCert", "http.sslKey"]));
    for (name, content) in [("identity", "KEY\n"), ("known_hosts", "host key"), ("tls.key", "PRIVATE")] {
        let path = folder.path().join(name);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), content);
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
    let error =
        refused("ssh://git.test/x", "warning\nfatal: proxy http://ann:hunter3@proxy.test said no\n", &access);
    assert_eq!(error.to_string(), "unable to clone 'ssh://git.test/x': proxy *** said no");
}

#[rstest]
#[case::password(access(basic("a")), access(basic("b")))]
#[case::none(access(basic("a")), GitAccess::default())]
fn what_one_may_see_is_not_shown_to_others(#[case] one: GitAccess, #[case] other: GitAccess) {
    assert_ne!(key("https://git.test/x", &one), key("https://git.test/x", &other));
    assert_eq!(key("https://git.test/x", &one), key("https://git.test/x", &one));
}
