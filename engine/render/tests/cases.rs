//! Small trees with what the real kustomize v5.8.1 prints for them, or refuses (see `cases/record`).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use seatrial_render::{Options, Renderer, Tree};

/// The files of a case, and what must be printed (`None`: it must be refused).
fn read(case: &str) -> (Tree, Option<String>) {
    let mut tree = Tree::new();
    let mut prints = None;
    let mut name = String::new();
    let mut content = String::new();
    let mut ends = |name: &str, content: String| match name {
        "" | "refuses" => {}
        "prints" => prints = Some(content),
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
    (tree, prints)
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
            let (tree, prints) = read(&format!("{files}\n"));
            // The line break before the next case belongs to the separator.
            let prints = prints.map(|text| text.strip_suffix('\n').unwrap_or(&text).to_owned());
            let top = if tree.is_dir("top") { "top" } else { "" };
            let built = Renderer::new().build(&tree, top, &Options::default()).and_then(|r| r.to_yaml());
            let same = match (&built, &prints) {
                (Ok(ours), Some(theirs)) => ours.trim_end_matches('\n') == theirs.trim_end_matches('\n'),
                (Err(_), None) => true,
                _ => false,
            };
            if !same {
                wrong.push_str(&format!("{}: {title}\n{built:#?}\nkustomize: {prints:#?}\n", path.display()));
            }
        }
    }
    assert!(count > 50, "only {count} cases");
    assert!(wrong.is_empty(), "{wrong}");
}
