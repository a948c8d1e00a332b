//! Edits of marked scalars, in all styles.

#![allow(clippy::expect_used, reason = "this is a test")]

use std::collections::BTreeMap;

use proptest::prelude::*;
use seatrial_image::message::{Generation, message};
use seatrial_image::setter::{self, Policies, is_under, markers};
use seatrial_image::{Image, Update};

fn policies() -> Policies {
    let image = |name: &str, tag: &str, digest: Option<&str>| Image {
        name: name.into(),
        tag: tag.into(),
        digest: digest.map(str::to_owned),
    };
    [
        ("flux-system:debug".to_owned(), image("btoll/debug", "1.0.1", None)),
        ("flux-system:web".to_owned(), image("ghcr.io/owls/web", "2.1", Some("sha256:abcd"))),
    ]
    .into()
}

fn updated(text: &str) -> (String, Update) {
    let update = setter::update([("a.yaml", text.as_bytes())], "", &policies()).expect("an update");
    let new = update
        .files
        .get("a.yaml")
        .map_or(text.to_owned(), |new| String::from_utf8(new.clone()).expect("UTF-8"));
    (new, update)
}

#[test]
fn marked_scalars_change_and_nothing_else() {
    let cases = [
        // The tutorial's line.
        (
            "      - image: btoll/debug:1.0.0 # {\"$imagepolicy\": \"flux-system:debug\"}\n",
            "      - image: btoll/debug:1.0.1 # {\"$imagepolicy\": \"flux-system:debug\"}\n",
        ),
        // Quotes stay.
        (
            "a: 'x' # {\"$imagepolicy\": \"flux-system:debug\"}",
            "a: 'btoll/debug:1.0.1' # {\"$imagepolicy\": \"flux-system:debug\"}",
        ),
        (
            "a: \"x\" # {\"$imagepolicy\": \"flux-system:debug\"}",
            "a: \"btoll/debug:1.0.1\" # {\"$imagepolicy\": \"flux-system:debug\"}",
        ),
        // Parts of the image; a tag that reads as a number stays a text.
        (
            "image:\n  repository: x # {\"$imagepolicy\": \"flux-system:web:name\"}\n  tag: v1 # {\"$imagepolicy\": \"flux-system:web:tag\"}\n  digest: sha256:0 # {\"$imagepolicy\": \"flux-system:web:digest\"}\n",
            "image:\n  repository: ghcr.io/owls/web # {\"$imagepolicy\": \"flux-system:web:name\"}\n  tag: \"2.1\" # {\"$imagepolicy\": \"flux-system:web:tag\"}\n  digest: sha256:abcd # {\"$imagepolicy\": \"flux-system:web:digest\"}\n",
        ),
        // The whole image has its digest.
        (
            "a: x # {\"$imagepolicy\": \"flux-system:web\"}\n",
            "a: ghcr.io/owls/web:2.1@sha256:abcd # {\"$imagepolicy\": \"flux-system:web\"}\n",
        ),
        // Items of lists, line ends of Windows, anchors, tags, documents, Unicode.
        (
            "- x # {\"$imagepolicy\": \"flux-system:debug\"}\r\n- y\r\n",
            "- btoll/debug:1.0.1 # {\"$imagepolicy\": \"flux-system:debug\"}\r\n- y\r\n",
        ),
        (
            "a:   &i x   # {\"$imagepolicy\": \"flux-system:debug\"}\nb: *i\n# end",
            "a:   &i btoll/debug:1.0.1   # {\"$imagepolicy\": \"flux-system:debug\"}\nb: *i\n# end",
        ),
        (
            "a: !!str x # {\"$imagepolicy\": \"flux-system:web:tag\"}\n",
            "a: !!str 2.1 # {\"$imagepolicy\": \"flux-system:web:tag\"}\n",
        ),
        (
            "---\nü: \"ä\"\n...\n---\n\"k\" : x # {\"$imagepolicy\": \"flux-system:debug\"}\n---\n",
            "---\nü: \"ä\"\n...\n---\n\"k\" : btoll/debug:1.0.1 # {\"$imagepolicy\": \"flux-system:debug\"}\n---\n",
        ),
        // A comment may be written without spaces, and with other keys.
        (
            "a: x #{\"$imagepolicy\":\"flux-system:debug\",\"b\":\"c\"}",
            "a: btoll/debug:1.0.1 #{\"$imagepolicy\":\"flux-system:debug\",\"b\":\"c\"}",
        ),
    ];
    for (before, after) in cases {
        let (new, update) = updated(before);
        assert_eq!(new, after);
        assert!(!update.changes.is_empty());
        assert_eq!(updated(&new).1, Update::default(), "not idempotent: {new}");
    }
}

#[test]
fn what_is_not_a_marker_of_a_known_policy_changes_nothing() {
    for text in [
        "a: x # {\"$imagepolicy\": \"other:debug\"}\n",
        "a: x # {\"$imagepolicy\": \"flux-system:debug:digest\"}\n",
        "a: x # {\"$imagepolicy\": \"flux-system:debug:other\"}\n",
        "a: x # {\"$imagepolicy\": 1}\n",
        "a: x # \"$imagepolicy\"\n",
        "a: x # see {\"$imagepolicy\": \"flux-system:debug\"}\n",
        "# {\"$imagepolicy\": \"flux-system:debug\"}\na: x\n",
        "a: 'x # {\"$imagepolicy\": \"flux-system:debug\"}'\n",
        "a: # {\"$imagepolicy\": \"flux-system:debug\"}\n  b: x\n",
        "a: btoll/debug:1.0.1 # {\"$imagepolicy\": \"flux-system:debug\"}\n",
    ] {
        assert_eq!(updated(text).1, Update::default(), "{text}");
    }
}

#[test]
fn only_yaml_files_under_the_path_are_touched() {
    let text: &[u8] = b"a: x # {\"$imagepolicy\": \"flux-system:debug\"}\n";
    let files = [
        ("a/b/c.yaml", text),
        ("a/b2/c.yaml", text),
        ("a/b/c.json", text),
        ("a/b/d/e.yml", text),
        ("f.yaml", text),
    ];
    let touched = |path: &str| {
        let update = setter::update(files, path, &policies()).expect("an update");
        update.files.into_keys().collect::<Vec<_>>().join(" ")
    };
    assert_eq!(touched("./a/b"), "a/b/c.yaml a/b/d/e.yml");
    assert_eq!(touched("a/b/"), "a/b/c.yaml a/b/d/e.yml");
    assert_eq!(touched(""), "a/b/c.yaml a/b/d/e.yml a/b2/c.yaml f.yaml");
    assert_eq!(touched("./"), "a/b/c.yaml a/b/d/e.yml a/b2/c.yaml f.yaml");
    assert!(is_under("a/b", "a/b") && !is_under("a/bc", "a/b"));
}

#[test]
fn a_file_that_cannot_be_changed_is_told() {
    let wrong = |text: &str| {
        let error = setter::update([("a.yaml", text.as_bytes())], "", &policies()).expect_err("refused");
        error.to_string()
    };
    let text = wrong("a: [ # {\"$imagepolicy\": \"flux-system:debug\"}\n");
    assert!(text.starts_with("read a.yaml: line "), "{text}");
    // Behind `|`, a comment belongs to no scalar.
    assert_eq!(updated("a: | # {\"$imagepolicy\": \"flux-system:debug\"}\n  x\n").1, Update::default());
    // A file without markers is none of our business.
    assert_eq!(updated("a: [\n").1, Update::default());
}

#[test]
fn markers_are_listed() {
    let text = "a: x # {\"$imagepolicy\": \"n:p\"}\nb:\n- y # {\"$imagepolicy\": \"n:p:tag\"}\n";
    let found = markers("a.yaml", text.as_bytes()).expect("markers");
    let shown: Vec<_> = found.iter().map(|m| (m.policy.as_str(), m.part.as_deref(), m.line)).collect();
    assert_eq!(shown, [("n:p", None, 1), ("n:p", Some("tag"), 3)]);
}

const DEPLOYMENT: &str = "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: debug\n  namespace: default\nspec:\n  image: btoll/debug:1.0.0 # {\"$imagepolicy\": \"flux-system:debug\"}\n";

#[test]
fn messages_are_those_of_the_release() {
    use Generation::{Changed, Updated};
    let (_, update) = updated(DEPLOYMENT);
    let values: BTreeMap<String, String> = [("team".to_owned(), "web".to_owned())].into();
    let cases = [
        (Updated, "", "Update from image update automation"),
        (Updated, "{{range .Updated.Images}}{{println .}}{{end}}", "btoll/debug:1.0.1\n"),
        (
            Updated,
            "{{ .AutomationObject }} {{ .AutomationObject.Name }}{{ range $f, $_ := .Updated.Files }} {{ $f }}{{ end }}",
            "flux-system/auto auto a.yaml",
        ),
        (
            Updated,
            "{{ range $r, $_ := .Updated.Objects }}{{ $r.Kind }} {{ $r.Name }} {{ $r.Namespace }}{{ end }}",
            "Deployment debug default",
        ),
        (
            Updated,
            "{{ range .Updated.Images }}{{ .Registry }} {{ .Repository }} {{ .Identifier }} {{ .Name }} {{ .Policy.Name }}{{ end }}",
            "index.docker.io btoll/debug 1.0.1 index.docker.io/btoll/debug:1.0.1 debug",
        ),
        (
            Updated,
            "{{ .Changed }}",
            "template: commit message:1:3: executing \"commit message\" at <.Changed>: can't evaluate field Changed in type controller.TemplateData",
        ),
        (Updated, "{{ upper \"a\" }}", "A"),
        (
            Changed,
            "{{ range .Changed.Changes }}{{ .OldValue }} -> {{ .NewValue }} ({{ .Setter }}){{ end }}",
            "btoll/debug:1.0.0 -> btoll/debug:1.0.1 (flux-system:debug)",
        ),
        (
            Changed,
            "{{ range $r, $c := .Changed.Objects }}{{ $r.Kind | lower }}/{{ $r.Name }}:{{ range $c }} {{ .NewValue }}{{ end }}{{ end }} {{ .Values.team }}",
            "deployment/debug: btoll/debug:1.0.1 web",
        ),
        (
            Changed,
            "{{ range $f, $o := .Changed.FileChanges }}{{ $f }}{{ range $r, $c := $o }} {{ $r.APIVersion }} {{ len $c }}{{ end }}{{ end }}",
            "a.yaml apps/v1 1",
        ),
        (
            Changed,
            "{{range .Updated.Images}}{{println .}}{{end}}",
            "template uses removed '.Updated' field. Please use '.Changed' instead.",
        ),
        (
            Changed,
            "{{ if .Values.none }}{{ .Updated }}{{ end }}{{/* .Updated */}}{{ \".Updated\" }}",
            ".Updated",
        ),
        (
            Changed,
            "{{ $ := .Changed }}{{ with $root := . }}{{ $root.Updated }}{{ end }}",
            "template uses removed '.Updated' field. Please use '.Changed' instead.",
        ),
        (
            Changed,
            "{{ .Changed.Updated }}",
            "template: commit message:1:11: executing \"commit message\" at <.Changed.Updated>: can't evaluate field Updated in type update.Result",
        ),
        (Changed, ".Updated {{ .Values.none | default \"x\" }}", ".Updated x"),
        (
            Changed,
            "{{ now }}",
            "template: commit message:1: function \"now\" is not supported: it deals with the time",
        ),
    ];
    for (generation, template, wanted) in cases {
        let text = message(template, ("flux-system", "auto"), &update, &values, generation);
        assert_eq!(text.unwrap_or_else(|error| error.to_string()), wanted, "{template}");
    }
}

fn line() -> impl Strategy<Value = (String, bool)> {
    let scalar = prop_oneof![
        "[a-z][a-z0-9./-]{0,12}(:[0-9][0-9.]{0,4}[0-9])?",
        "'[a-zA-Z0-9 ü#:]{0,12}'",
        "\"[a-zA-Z0-9 ✓#:]{0,12}\"",
        "[0-9]{1,3}\\.[0-9]",
        Just("true".to_owned()),
        Just("&anchor x".to_owned()),
        Just("!!str 1.0".to_owned()),
    ];
    let comment = prop_oneof![
        3 => Just(" # {\"$imagepolicy\": \"flux-system:debug\"}".to_owned()),
        1 => Just("   #  {\"$imagepolicy\":  \"flux-system:web:tag\"}  ".to_owned()),
        1 => Just(" # {\"$imagepolicy\": \"other:policy\"}".to_owned()),
        2 => Just(" # plain".to_owned()),
        2 => Just(String::new()),
    ];
    let ends = prop_oneof![3 => Just("\n"), 1 => Just("\r\n")];
    (scalar, comment, ends).prop_map(|(scalar, comment, end)| {
        let marked = comment.contains("flux-system");
        (format!("{scalar}{comment}{end}"), marked)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn lines_without_a_marker_stay_and_a_second_update_does_nothing(lines in prop::collection::vec((0usize..3, line()), 1..12)) {
        let mut text = String::new();
        for (index, (shape, (line, _))) in lines.iter().enumerate() {
            match shape {
                0 => text.push_str(&format!("key{index}: {line}")),
                1 => text.push_str(&format!("list{index}:\n- {line}- b\n")),
                _ => text.push_str(&format!("map{index}:\n    deep: {line}")),
            }
        }
        let (new, update) = updated(&text);
        let marked: Vec<bool> = text.split('\n').map(|line| line.contains("flux-system:")).collect();
        prop_assert_eq!(text.split('\n').count(), new.split('\n').count());
        for ((before, after), marked) in text.split('\n').zip(new.split('\n')).zip(marked) {
            if !marked {
                prop_assert_eq!(before, after);
            } else {
                // What stands in front of the value and behind it stays.
                let comment = before.find(" #").map(|_| before.rfind('#').unwrap_or(0)).unwrap_or(0);
                prop_assert!(after.ends_with(&before[comment..]), "{} {}", before, after);
                let head = before.find([':', '-']).unwrap_or(0);
                prop_assert!(after.starts_with(&before[..=head]));
                prop_assert!(after.contains("btoll/debug:1.0.1") || after.contains("2.1"));
            }
        }
        prop_assert_eq!(updated(&new).1, Update::default());
        prop_assert!(update.changes.iter().all(|change| change.old != change.new));
    }
}
