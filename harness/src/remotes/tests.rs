use super::folder::Folder;
use super::{RemoteSources, clone, http};
use base64::Engine as _;
use seatrial_render::{Options, RemoteError, Remotes as _, Renderer, Tree};
use std::ffi::OsStr;
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
        let mut counted = 0;
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
                "/counted.yaml" => {
                    counted += 1;
                    ("200 OK", String::new(), format!("{counted}"))
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
    let escaped = server.replace("http://", "http://m%65:se%63ret@");
    assert_eq!(build(&[], &[format!("{escaped}/me.yaml")]), Ok(config_map("me")));
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

#[test]
fn git_works_on_the_clone_though_the_caller_is_a_hook_of_another_repository() {
    let command = clone::command(&["init"], Path::new("/tmp"));
    let removed: Vec<_> =
        command.as_std().get_envs().filter(|(_, value)| value.is_none()).map(|(name, _)| name).collect();
    for name in [
        "GIT_DIR",
        "GIT_WORK_TREE",
        "GIT_INDEX_FILE",
        "GIT_COMMON_DIR",
        "GIT_OBJECT_DIRECTORY",
        "GIT_ALTERNATE_OBJECT_DIRECTORIES",
        "GIT_NAMESPACE",
        "GIT_PREFIX",
        "GIT_QUARANTINE_PATH",
        "GIT_SHALLOW_FILE",
        "GIT_GRAFT_FILE",
    ] {
        assert!(removed.contains(&OsStr::new(name)), "{name}");
    }
    // Keys and settings of the user stay.
    assert_eq!(command.as_std().get_envs().count(), removed.len());
    assert_eq!(removed.len(), clone::REPOSITORY_VARIABLES.len());
}

#[test]
fn the_files_of_git_are_not_in_a_clone() {
    for (file, is_there) in [("c.txt", true), (".git/config", false), (".git/HEAD", false), ("link", false)] {
        let repository = tempfile::tempdir().unwrap();
        let path = repository.path();
        git(path, &["init", "--quiet"]);
        let text = format!("configMapGenerator: [{{name: c, files: [{file}]}}]\n");
        write(path, &[("kustomization.yaml", &text), ("c.txt", "c")]);
        std::os::unix::fs::symlink(".git/config", path.join("link")).unwrap();
        git(path, &["add", "-A"]);
        git(path, &["commit", "--quiet", "-m", "one"]);
        let built = build(&[], &[format!("file://{}", path.display())]);
        assert_eq!(built.is_ok(), is_there, "{file}: {built:?}");
    }
}

#[test]
fn folders_show_nothing_named_git() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    write(
        path,
        &[
            (".git/config", "secret"),
            ("sub/.git", "gitdir: secret"),
            ("sub/c.yaml", "c"),
            ("deep/sub/.GIT/config", "secret"),
            ("x.git/c.yaml", "x"),
            (".gitignore", "i"),
        ],
    );
    std::os::unix::fs::symlink(".git", path.join("to-folder")).unwrap();
    std::os::unix::fs::symlink("../sub/.git", path.join("deep/to-file")).unwrap();
    let tree = Folder::tree(path, None).unwrap();
    for (file, wanted) in [
        (".git/config", None),
        ("sub/.git", None),
        ("deep/sub/.GIT/config", None),
        ("to-folder/config", None),
        ("deep/to-file", None),
        ("sub/c.yaml", Some("c")),
        ("x.git/c.yaml", Some("x")),
        (".gitignore", Some("i")),
    ] {
        assert_eq!(tree.read(file).as_deref(), wanted.map(str::as_bytes), "{file}");
    }
    for dir in ["", "sub", "deep/sub", ".git"] {
        let names = tree.list(dir);
        assert!(names.iter().all(|name| !name.eq_ignore_ascii_case(".git")), "{dir}: {names:?}");
    }
    assert_eq!(tree.list("sub"), ["c.yaml"]);
    assert!(tree.list(".git").is_empty() && !tree.is_dir(".git"));
}

#[test]
fn redirects_lead_where_their_location_says() {
    let from = "http://h:1/a/b.yaml?x=1".parse().unwrap();
    for (location, wanted) in [
        ("/login?next=https://x/y", "http://h:1/login?next=https://x/y"),
        ("login?next=https://x/y", "http://h:1/a/login?next=https://x/y"),
        ("login#https://x/y", "http://h:1/a/login"),
        ("//o/c.yaml?next=https://x/y", "http://o/c.yaml?next=https://x/y"),
        ("?page=2", "http://h:1/a/b.yaml?page=2"),
        ("?next=https://x/y", "http://h:1/a/b.yaml?next=https://x/y"),
        ("#top", "http://h:1/a/b.yaml?x=1"),
        ("/c.yaml", "http://h:1/c.yaml"),
        ("c.yaml", "http://h:1/a/c.yaml"),
        ("https://o/c.yaml?x=2", "https://o/c.yaml?x=2"),
    ] {
        assert_eq!(http::target(&from, location).unwrap().to_string(), wanted, "{location}");
    }
    assert!(http::target(&from, "http://").is_err());
}

#[test]
fn user_and_password_of_a_url_are_sent_unescaped() {
    for (userinfo, wanted) in [
        ("me:secret", Some("me:secret")),
        ("me", Some("me:")),
        ("me:", Some("me:")),
        (":token", Some(":token")),
        ("a%40b:p%2Fw%3a", Some("a@b:p/w:")),
        ("me:a+b:c", Some("me:a+b:c")),
        ("me:%zz", None),
        ("me:%+1", None),
        ("m%4", None),
    ] {
        let wanted =
            wanted.map(|plain| format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(plain)));
        assert_eq!(http::basic(userinfo), wanted, "{userinfo}");
    }
}

#[test]
fn the_longest_served_url_holds_and_its_folder_is_not_left() {
    let outside = tempfile::tempdir().unwrap();
    let (all, main) = (outside.path().join("all"), outside.path().join("main"));
    write(outside.path(), &[("secret.yaml", "secret"), ("one.yaml", "one"), ("asked.yaml", "asked")]);
    write(&all, &[("c.yaml", "all"), ("main/c.yaml", "all"), ("mainly/c.yaml", "mainly")]);
    write(&main, &[("c.yaml", "main"), (".git/c.yaml", "git"), ("sub/.git/c.yaml", "git")]);
    for (target, link) in
        [("../secret.yaml", "out.yaml"), ("..", "out"), ("c.yaml", "in.yaml"), (".git", "git")]
    {
        std::os::unix::fs::symlink(target, main.join(link)).unwrap();
    }
    let served = [
        ("https://raw.invalid/o", all),
        ("https://raw.invalid/o/main/", main),
        ("https://raw.invalid/o/main/one.yaml", outside.path().join("one.yaml")),
        ("https://raw.invalid/o/main/one.yaml?file=2", outside.path().join("asked.yaml")),
    ];
    let served = served.map(|(url, path)| (url.to_owned(), path));
    let mut reversed = served.clone();
    reversed.reverse();
    for served in [served, reversed] {
        let sources = RemoteSources::new(&served).unwrap();
        for (path, wanted) in [
            ("c.yaml", Some("all")),
            ("main/c.yaml", Some("main")),
            ("main/c.yaml?token=a/b", Some("main")),
            ("mainly/c.yaml", Some("mainly")),
            ("main/one.yaml", Some("one")),
            ("main/one.yaml?token=x", Some("one")),
            ("main/one.yaml#top", Some("one")),
            ("main/one.yaml?file=2", Some("asked")),
            ("main/in.yaml", Some("main")),
            ("main/out.yaml", None),
            ("main/out/secret.yaml", None),
            ("main/../secret.yaml", None),
            ("main/.git/c.yaml", None),
            ("main/sub/.git/c.yaml", None),
            ("main/git/c.yaml", None),
            ("main/sub", None),
            ("main", None),
        ] {
            let found = sources.file(&format!("https://raw.invalid/o/{path}"));
            match (&found, wanted) {
                (Ok(content), Some(wanted)) => assert_eq!(&content[..], wanted.as_bytes(), "{path}"),
                (Err(RemoteError::Status { code: 404, .. }), None) => {}
                _ => panic!("{path}: {found:?}"),
            }
        }
    }
}

#[test]
fn a_file_is_asked_for_once() {
    let url = format!("{}/counted.yaml", server());
    for wanted in ["1", "2"] {
        let sources = RemoteSources::new(&[]).unwrap();
        for _ in 0..3 {
            assert_eq!(&sources.file(&url).unwrap()[..], wanted.as_bytes());
        }
    }
}
