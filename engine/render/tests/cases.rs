//! Small trees with what the real kustomize v5.8.1 prints for them, or refuses (see `cases/record`).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use seatrial_render::{Entry, Options, RemoteDir, RemoteError, Remotes, Renderer, Tree};

/// What kustomize does with a case.
#[derive(Debug)]
enum Wanted {
    /// Prints this.
    Prints(String),
    /// Refuses it, in whatever words.
    Refuses,
    /// Refuses it in these words.
    Says(String),
}

/// Remote sources by URL: the files of repositories (`URL path`), and single files (`URL`).
#[derive(Default)]
struct Remote(BTreeMap<String, Tree>);

impl Remotes for Remote {
    fn file(&self, url: &str) -> Result<bytes::Bytes, RemoteError> {
        let found = self.0.get(url).and_then(|tree| tree.read("file"));
        found.ok_or(RemoteError::Status { code: 404, reason: "Not Found".to_owned() })
    }

    fn repository(&self, remote: &RemoteDir) -> Result<Tree, RemoteError> {
        let no = || RemoteError::Failed(format!("no repository {}", remote.url));
        self.0.get(&remote.url).filter(|tree| tree.read("file").is_none()).cloned().ok_or_else(no)
    }
}

/// The files of a case, its remote sources, and what is wanted.
fn read(case: &str) -> (Tree, Remote, Wanted) {
    let mut tree = Tree::new();
    let mut remote = Remote::default();
    let mut wanted = Wanted::Refuses;
    let mut name = String::new();
    let mut content = String::new();
    let mut ends = |name: &str, content: String| match name {
        "" | "refuses" => {}
        "prints" => wanted = Wanted::Prints(content),
        "says" => wanted = Wanted::Says(content),
        path => match path.strip_prefix("remote ") {
            Some(place) => {
                let (url, path) = place.split_once(' ').unwrap_or((place, "file"));
                let files = remote.0.entry(url.to_owned()).or_default();
                *files = files.with_file(path, content);
            }
            None => tree = tree.with_file(path, content),
        },
    };
    for line in case.split_inclusive('\n') {
        let header =
            line.trim_end_matches('\n').strip_prefix("-- ").and_then(|rest| rest.strip_suffix(" --"));
        match header {
            Some(next) => {
                ends(&name, std::mem::take(&mut content));
                next.clone_into(&mut name);
            }
            None => content.push_str(line),
        }
    }
    ends(&name, content);
    (tree, remote, wanted)
}

/// The recorded cases: file, title, and what follows the title.
fn recorded() -> Vec<(PathBuf, String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let mut cases = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "txt") {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        for case in text.split("\n=== ").map(|case| case.trim_start_matches("=== ")) {
            let (title, files) = case.split_once('\n').unwrap();
            cases.push((path.clone(), title.to_owned(), format!("{files}\n")));
        }
    }
    cases
}

#[test]
fn cases_print_what_kustomize_prints() {
    let (mut count, mut wrong) = (0, String::new());
    for (path, title, files) in recorded() {
        count += 1;
        let (tree, remote, wanted) = read(&files);
        let top = if tree.is_dir("top") { "top" } else { "" };
        let tree = tree.shown_at("/t");
        let remotes: Arc<dyn Remotes> = Arc::new(remote);
        let with = |threads| {
            let options = Options { threads, remotes: Some(remotes.clone()), ..Options::default() };
            Renderer::new().build(&tree, top, &options).and_then(|r| r.to_yaml())
        };
        let built = with(1);
        assert_eq!(built, with(3), "{title}: what comes out depends on the number of threads");
        // The line break before the next case belongs to the separator.
        let same = |ours: &str, theirs: &str| ours.trim_end_matches('\n') == theirs.trim_end_matches('\n');
        let as_wanted = match (&built, &wanted) {
            (Ok(ours), Wanted::Prints(theirs)) => same(ours, theirs),
            (Err(errors), Wanted::Says(theirs)) => same(&errors.errors[0].message, theirs),
            (Err(_), Wanted::Refuses) => true,
            _ => false,
        };
        if !as_wanted {
            wrong.push_str(&format!("{}: {title}\n{built:#?}\nkustomize: {wanted:#?}\n", path.display()));
        }
    }
    assert!(count > 300, "only {count} cases");
    assert!(wrong.is_empty(), "{wrong}");
}

/// All trees of the recorded cases, by title.
fn trees() -> Vec<(String, Tree)> {
    recorded().into_iter().map(|(_, title, files)| (title, read(&files).0)).collect()
}

/// The tree with one file changed, taken away or added, in several ways.
fn changed(tree: &Tree) -> Vec<Tree> {
    let mut all = Vec::new();
    for (path, entry) in tree.iter() {
        let Entry::File(content) = entry else { continue };
        let text = String::from_utf8_lossy(content);
        all.push(tree.with_file(path, text.replace("name: ", "name: x")));
        let mut without = tree.clone();
        without.remove(path);
        all.push(without);
        let folder = path.rsplit_once('/').map_or(String::new(), |(folder, _)| format!("{folder}/"));
        all.push(tree.with_file(&format!("{folder}kustomization.yml"), "namePrefix: y-\n"));
        all.push(tree.with_file(&format!("{path}/below"), "a: b\n"));
    }
    all
}

#[test]
fn a_renderer_that_has_built_other_trees_builds_what_a_new_one_does() {
    let mut builds = 0;
    for (title, tree) in trees() {
        let tree = tree.shown_at("/t");
        let top = if tree.is_dir("top") { "top" } else { "" };
        let options = Options::default();
        let build = |renderer: &Renderer, tree: &Tree, dir: &str| {
            let built = renderer.build(tree, dir, &options).map(|r| (r.to_yaml(), r.warnings));
            built.map_err(|errors| (errors.report(), errors.warnings))
        };
        let used = Renderer::new();
        let mut dirs = vec![top];
        dirs.extend(["mid", "base0"].into_iter().filter(|dir| tree.is_dir(dir)));
        let changed = changed(&tree);
        // There and back, so that what is known is used in both directions.
        for tree in std::iter::once(&tree).chain(changed.iter().flat_map(|other| [other, &tree])) {
            for dir in &dirs {
                builds += 1;
                let fresh = build(&Renderer::for_one_build(), tree, dir);
                assert_eq!(build(&used, tree, dir), fresh, "{title}: {dir}");
            }
        }
    }
    assert!(builds > 5000, "only {builds} builds");
}

#[test]
fn a_base_that_is_known_is_a_cycle_from_within_itself_all_the_same() {
    let renderer = Renderer::new();
    let tree = Tree::new()
        .with_file("top/kustomization.yaml", "resources: [../lib]\n")
        .with_file("lib/kustomization.yaml", "resources: [../apps]\n")
        .with_file("apps/kustomization.yaml", "resources: [c.yaml]\n")
        .with_file("apps/c.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\n")
        .with_file("apps/one/kustomization.yaml", "resources: [../../lib]\n");
    assert!(renderer.build(&tree, "top", &Options::default()).is_ok());
    let errors = renderer.build(&tree, "apps/one", &Options::default()).unwrap_err().to_string();
    assert!(errors.contains("cycle detected"), "{errors}");
}
