//! Small trees with what the real kustomize v5.8.1 prints for them, or refuses (see `cases/record`).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use seatrial_render::{Options, Renderer, Tree};

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

/// The files of a case, and what is wanted.
fn read(case: &str) -> (Tree, Wanted) {
    let mut tree = Tree::new();
    let mut wanted = Wanted::Refuses;
    let mut name = String::new();
    let mut content = String::new();
    let mut ends = |name: &str, content: String| match name {
        "" | "refuses" => {}
        "prints" => wanted = Wanted::Prints(content),
        "says" => wanted = Wanted::Says(content),
        path => tree = tree.with_file(path, content),
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
    (tree, wanted)
}

#[test]
fn cases_print_what_kustomize_prints() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let (mut count, mut wrong) = (0, String::new());
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "txt") {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        for case in text.split("\n=== ").map(|case| case.trim_start_matches("=== ")) {
            count += 1;
            let (title, files) = case.split_once('\n').unwrap();
            let (tree, wanted) = read(&format!("{files}\n"));
            let top = if tree.is_dir("top") { "top" } else { "" };
            let tree = tree.shown_at("/t");
            let with = |threads| {
                Renderer::new()
                    .build(&tree, top, &Options { threads, ..Options::default() })
                    .and_then(|r| r.to_yaml())
            };
            let built = with(1);
            assert_eq!(built, with(3), "{title}: what comes out depends on the number of threads");
            // The line break before the next case belongs to the separator.
            let same =
                |ours: &str, theirs: &str| ours.trim_end_matches('\n') == theirs.trim_end_matches('\n');
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
    }
    assert!(count > 300, "only {count} cases");
    assert!(wrong.is_empty(), "{wrong}");
}
