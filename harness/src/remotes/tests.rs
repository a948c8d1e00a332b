use super::RemoteSources;
use seatrial_render::{Options, Renderer, Tree};
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

fn git(folder: &Path, args: &[&str]) {
    let done = Command::new("git")
        .args(["-c", "user.name=t", "-c", "user.email=t@t", "-c", "init.defaultBranch=main"])
        .args(args)
        .current_dir(folder)
        .output()
        .unwrap();
    assert!(done.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&done.stderr));
}

fn write(folder: &Path, files: &[(&str, &str)]) {
    for (path, content) in files {
        let path = folder.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }
}

fn config_map(name: &str) -> String {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\n")
}

/// A repository with two commits on `main`, a tag at the first, another branch, and links that lead out.
fn repository() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    git(path, &["init", "--quiet"]);
    write(
        path,
        &[
            ("kustomization.yaml", "resources: [c.yaml]\n"),
            ("c.yaml", &config_map("one")),
            ("app/base/kustomization.yaml", "resources: [c.yaml, ../other]\n"),
            ("app/base/c.yaml", &config_map("base")),
            ("app/other/kustomization.yaml", "resources: [c.yaml]\n"),
            ("app/other/c.yaml", &config_map("other")),
            ("up/kustomization.yaml", "resources: [../../outside]\n"),
            ("link/kustomization.yaml", "resources: [l.yaml]\n"),
        ],
    );
    std::os::unix::fs::symlink("/etc/hostname", path.join("link/l.yaml")).unwrap();
    git(path, &["add", "-A"]);
    git(path, &["commit", "--quiet", "-m", "one"]);
    git(path, &["tag", "v1"]);
    write(path, &[("c.yaml", &config_map("two"))]);
    git(path, &["commit", "--quiet", "-am", "two"]);
    git(path, &["checkout", "--quiet", "-b", "dev"]);
    write(path, &[("c.yaml", &config_map("three"))]);
    git(path, &["commit", "--quiet", "-am", "three"]);
    git(path, &["checkout", "--quiet", "main"]);
    folder
}

/// Builds a kustomization with these resources.
fn build(served: &[(String, PathBuf)], resources: &[String]) -> Result<String, String> {
    let text = format!("resources: {resources:?}\n");
    let tree = Tree::new().with_file("top/kustomization.yaml", text);
    let remotes = RemoteSources::new(served).map_err(|e| e.to_string())?;
    let options = Options { remotes: Some(Arc::new(remotes)), threads: 2, ..Options::default() };
    let built = Renderer::new().build(&tree, "top", &options).and_then(|rendered| rendered.to_yaml());
    built.map_err(|errors| errors.to_string())
}

fn kustomize() -> Option<PathBuf> {
    let folder = match std::env::var_os("ORACLES_DIR") {
        Some(folder) => PathBuf::from(folder),
        None => PathBuf::from(std::env::var_os("HOME")?).join(".cache/seatrial-oracles/bin"),
    };
    Some(folder.join("kustomize")).filter(|program| program.is_file())
}

/// What the real program makes of the same; `None` where it refuses.
fn theirs(program: &Path, resources: &[String]) -> Option<String> {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), &[("kustomization.yaml", &format!("resources: {resources:?}\n"))]);
    let done = Command::new(program).arg("build").arg(folder.path()).output().unwrap();
    done.status.success().then(|| String::from_utf8(done.stdout).unwrap())
}

/// Answers requests by their path, as often as they come.
fn server() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut request = Vec::new();
            let mut byte = [0];
            while !request.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap_or(0) > 0 {
                request.push(byte[0]);
            }
            let request = String::from_utf8_lossy(&request).into_owned();
            let path = request.split(' ').nth(1).unwrap_or_default();
            let (status, header, body) = match path {
                "/c.yaml" | "/a/b/c.yaml" => ("200 OK", String::new(), config_map("http")),
                "/me.yaml" if request.to_lowercase().contains("authorization: basic bwu6c2vjcmv0") => {
                    ("200 OK", String::new(), config_map("me"))
                }
                "/moved.yaml" => ("302 Found", "Location: /c.yaml\r\n".to_owned(), String::new()),
                "/circle.yaml" => ("302 Found", "Location: circle.yaml\r\n".to_owned(), String::new()),
                "/broken.yaml" => ("200 OK", String::new(), "a: [\n".to_owned()),
                _ => ("404 Not Found", String::new(), "nothing".to_owned()),
            };
            let length = body.len();
            let answer = format!(
                "HTTP/1.1 {status}\r\n{header}Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
            );
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    format!("http://{address}")
}

#[test]
fn repositories_are_cloned_at_the_revision_and_directory_of_the_url() {
    let repository = repository();
    let url = format!("file://{}", repository.path().display());
    let program = kustomize();
    if program.is_none() {
        eprintln!("skipped: no kustomize to compare with (ORACLES_DIR, ~/.cache/seatrial-oracles/bin)");
    }
    let base = format!("{}---\n{}", config_map("base"), config_map("other"));
    for (rest, wanted) in [
        ("", Some(config_map("two"))),
        ("?ref=v1", Some(config_map("one"))),
        ("?version=dev", Some(config_map("three"))),
        ("//app/base", Some(base.clone())),
        ("//app/base?ref=dev&submodules=false&timeout=20s", Some(base)),
        ("//up", None),
        ("//link", None),
        ("//app", None),
        ("?ref=nope", None),
        ("?ref=--upload-pack=touch%20/tmp/x", None),
        ("//../x", None),
    ] {
        let resources = [format!("{url}{rest}")];
        let built = build(&[], &resources);
        assert_eq!(built.as_ref().ok(), wanted.as_ref(), "{rest}: {built:?}");
        if let Some(program) = &program {
            assert_eq!(theirs(program, &resources), wanted, "{rest}");
        }
    }
    let errors = build(&[], &[format!("{url}?ref=nope")]).unwrap_err();
    assert!(errors.contains("couldn't find remote ref nope"), "{errors}");
}

#[test]
fn files_come_by_http() {
    let server = server();
    let program = kustomize();
    for (path, wanted) in [
        ("/c.yaml", Ok(config_map("http"))),
        ("/a/b/c.yaml", Ok(config_map("http"))),
        ("/moved.yaml", Ok(config_map("http"))),
        ("/broken.yaml", Err("MalformedYAMLError")),
        ("/none.yaml", Err("HTTP Error: status code 404 (Not Found)")),
        ("/circle.yaml", Err("stopped after 10 redirects")),
        // Two parts are enough for a repository's name.
        ("/a/none.yaml", Err("URL is a git repository")),
    ] {
        let resources = [format!("{server}{path}")];
        let built = build(&[], &resources);
        match (&built, &wanted) {
            (Ok(built), Ok(wanted)) => assert_eq!(built, wanted, "{path}"),
            (Err(errors), Err(says)) => assert!(errors.contains(says), "{path}: {errors}"),
            _ => panic!("{path}: {built:?}"),
        }
        if let Some(program) = &program {
            assert_eq!(theirs(program, &resources), wanted.ok(), "{path}");
        }
    }
    let with_password = server.replace("http://", "http://me:secret@");
    assert_eq!(build(&[], &[format!("{with_password}/me.yaml")]), Ok(config_map("me")));
    let errors = build(&[], &[format!("{with_password}/none.yaml")]).unwrap_err();
    assert!(!errors.contains("secret"), "{errors}");
}

#[test]
fn what_is_served_never_asks_the_network() {
    let repository = repository();
    let folder = tempfile::tempdir().unwrap();
    write(
        folder.path(),
        &[("kustomization.yaml", "resources: [c.yaml]\n"), ("c.yaml", &config_map("folder"))],
    );
    let serve = |url: &str, path: &Path| (url.to_owned(), path.to_owned());
    let served = [
        serve("https://git.invalid/o/repo", repository.path()),
        serve("https://git.invalid/o/folder.git", folder.path()),
        serve("https://raw.invalid/o/main", folder.path()),
        serve("https://raw.invalid/one.yaml", &folder.path().join("c.yaml")),
    ];
    for (entry, wanted) in [
        ("https://git.invalid/o/repo?ref=v1", Ok("one")),
        ("https://git.invalid/o/repo.git?ref=dev", Ok("three")),
        ("git@git.invalid:o/repo//app/other", Ok("other")),
        ("ssh://git@git.invalid/o/repo", Ok("two")),
        ("https://git.invalid/o/folder?ref=v7", Ok("folder")),
        ("https://raw.invalid/o/main/c.yaml", Ok("folder")),
        ("https://raw.invalid/one.yaml", Ok("folder")),
        ("https://git.invalid/o/repo?ref=v9", Err("couldn't find remote ref \"v9\"")),
        ("https://raw.invalid/o/main/../c.yaml", Err("")),
    ] {
        let built = build(&served, &[entry.to_owned()]);
        match (&built, wanted) {
            (Ok(built), Ok(name)) => assert_eq!(*built, config_map(name), "{entry}"),
            (Err(errors), Err(says)) => assert!(errors.contains(says), "{entry}: {errors}"),
            _ => panic!("{entry}: {built:?}"),
        }
    }
    for (url, path) in [("nonsense", folder.path()), ("https://git.invalid/o/r", Path::new("/no/such"))] {
        assert!(RemoteSources::new(&[serve(url, path)]).is_err(), "{url}");
    }
}
