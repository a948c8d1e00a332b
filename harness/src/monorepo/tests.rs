//! Lists are edited byte by byte; the rest of the repository is found by its paths.

use super::*;
use crate::forge::{Change, Forge, Repo, Seed};
use rstest::rstest;
use seatrial_time::{Simulation, simulate};
use std::path::PathBuf;

#[rstest]
#[case::behind_the_last("resources:\n- a\n- b\n", "resources:\n- a\n- b\n- NEW\n")]
#[case::before_the_next_field("resources:\n- a\n\nimages: []\n", "resources:\n- a\n- NEW\n\nimages: []\n")]
#[case::indented("resources:\n  - a\nimages: []\n", "resources:\n  - a\n  - NEW\nimages: []\n")]
#[case::wide_dashes("resources:\n-   a\n", "resources:\n-   a\n-   NEW\n")]
#[case::comments_stay(
    "# top\nresources: # list\n# one\n- a # first\n# end\n",
    "# top\nresources: # list\n# one\n- a # first\n- NEW\n# end\n"
)]
#[case::quotes_stay("resources:\n- 'a'\n- \"b\"\n", "resources:\n- 'a'\n- \"b\"\n- NEW\n")]
#[case::windows_line_ends("resources:\r\n- a\r\n", "resources:\r\n- a\r\n- NEW\r\n")]
#[case::no_line_end("resources:\n- a", "resources:\n- a\n- NEW")]
#[case::flow("resources: [a, b] # list\n", "resources: [a, b, NEW] # list\n")]
#[case::flow_over_lines("resources: [\n  a,\n  b\n]\n", "resources: [\n  a,\n  b, NEW\n]\n")]
#[case::empty_flow("resources: []\nimages: []\n", "resources:\n- NEW\nimages: []\n")]
#[case::empty_flow_with_a_comment("resources: [] # none\n", "resources:\n- NEW # none\n")]
#[case::null("resources:\nimages: []\n", "resources:\n- NEW\nimages: []\n")]
#[case::no_field("kind: Kustomization\n", "kind: Kustomization\nresources:\n- NEW\n")]
#[case::no_field_no_line_end("kind: Kustomization", "kind: Kustomization\nresources:\n- NEW\n")]
#[case::document_marker("---\nresources:\n- a\n...\n", "---\nresources:\n- a\n- NEW\n...\n")]
fn an_entry_is_added(#[case] file: &str, #[case] want: &str) {
    let got = add_entry(file.as_bytes(), "NEW").unwrap();
    assert_eq!(String::from_utf8(got.clone()).unwrap(), want);
    assert!(entries(&got).unwrap().iter().any(|entry| entry == "NEW"), "it reads back");
}

#[rstest]
#[case::first("resources:\n- a\n- b\n- c\n", 0, "resources:\n- b\n- c\n")]
#[case::middle("resources:\n- a\n- b\n- c\n", 1, "resources:\n- a\n- c\n")]
#[case::last("resources:\n- a\n- b\n", 1, "resources:\n- a\n")]
#[case::with_its_comment("resources:\n- a\n- b # mine\n# end\n", 1, "resources:\n- a\n# end\n")]
#[case::comments_above_stay(
    "resources:\n# web\n- a\n# devops\n- b\n",
    0,
    "resources:\n# web\n# devops\n- b\n"
)]
#[case::no_line_end("resources:\n- a\n- b", 1, "resources:\n- a\n")]
#[case::windows_line_ends("resources:\r\n- a\r\n- b\r\n", 0, "resources:\r\n- b\r\n")]
#[case::quoted("resources:\n  - 'a'\n  - \"b\"\n", 0, "resources:\n  - \"b\"\n")]
#[case::flow_first("resources: [a, b, c]\n", 0, "resources: [b, c]\n")]
#[case::flow_last("resources: [a, b, c]\n", 2, "resources: [a, b]\n")]
#[case::flow_only("resources: [a]\n", 0, "resources: []\n")]
#[case::the_only_one("resources:\n- a\nimages: []\n", 0, "resources: []\nimages: []\n")]
#[case::the_only_one_with_comments("resources: # list\n- a\n", 0, "resources: [] # list\n")]
fn an_entry_is_removed(#[case] file: &str, #[case] index: usize, #[case] want: &str) {
    let before = entries(file.as_bytes()).unwrap();
    let got = remove_entry(file.as_bytes(), index).unwrap();
    assert_eq!(String::from_utf8(got.clone()).unwrap(), want);
    let mut rest = before;
    rest.remove(index);
    assert_eq!(entries(&got).unwrap(), rest, "it reads back");
}

#[rstest]
#[case::no_yaml("resources: [\n", "edit the list of resources")]
#[case::no_list("resources: a\n", "resources is no list")]
#[case::no_texts("resources:\n- {a: b}\n", "an entry of resources is no text")]
#[case::all_in_braces("{resources: [a]}\n", "no map of one field per line")]
#[case::an_alias("x: &x a\nresources:\n- b\n- *x\n", "an entry is written by means of an anchor")]
#[case::dash_alone("resources:\n-\n  a\n", "does not stand on a line of its own behind a dash")]
fn what_cannot_be_edited_is_refused(#[case] file: &str, #[case] want: &str) {
    let message = add_entry(file.as_bytes(), "NEW").unwrap_err().to_string();
    assert!(message.contains(want), "{message}");
}

#[rstest]
#[case("devops/debug")]
#[case("applications/devops/debug")]
#[case("./applications/devops/debug/")]
fn a_service_is_named_with_or_without_its_folder(#[case] text: &str) {
    let service = Service::parse(text).unwrap();
    assert_eq!(service.to_string(), "devops/debug");
    assert_eq!(service.overlay("beta"), "applications/devops/debug/overlays/beta");
}

#[rstest]
#[case("debug")]
#[case("devops/../debug")]
#[case("apps/devops/debug")]
#[case("")]
fn what_is_no_service_is_refused(#[case] text: &str) {
    assert!(matches!(Service::parse(text), Err(MonorepoError::BadService { .. })));
}

fn fixture() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../fixtures/monorepo")
}

/// Plays `test` with the fixture's repository.
fn play(test: impl FnOnce(Repo)) {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().to_owned();
    simulate(Simulation::default(), |clock| async move {
        test(Forge::new(clock, root).create("gitops", &Seed::Folder(fixture()), "master", &[]).unwrap());
    })
    .unwrap();
}

#[test]
fn the_fixture_has_the_clusters_services_and_lists_of_the_fleet() {
    play(|repo| {
        let layout = Layout::of(repo.paths("master").unwrap());
        let clusters: Vec<&str> = layout.clusters.iter().map(|cluster| cluster.path.as_str()).collect();
        assert_eq!(clusters, ["clusters/beta", "clusters/development", "clusters/production"]);
        let services: Vec<String> = layout.services_for("beta").iter().map(ToString::to_string).collect();
        assert_eq!(services, ["devops/debug", "devops/dnsutils", "web/benjamintoll"]);
        assert!(layout.environments.iter().eq(["beta", "development", "production"]));
    });
}

#[test]
fn a_list_has_the_services_that_its_entries_lead_to() {
    let list = "resources:\n- ../../applications/devops/debug/overlays/beta\n- ./../../applications/web/site/base/\n\
                - namespace.yaml\n";
    let services: Vec<String> =
        listed(list.as_bytes(), "beta").unwrap().iter().map(ToString::to_string).collect();
    assert_eq!(services, ["devops/debug", "web/site"]);
}

#[test]
fn files_beside_clusters_are_no_clusters() {
    let layout =
        Layout::of(["clusters/README.md", "clusters/beta/README.md", "clusters/x/flux-system/a.yml"]);
    assert_eq!(layout.clusters, [Cluster { name: "x".into(), path: "clusters/x".into() }]);
}

#[test]
fn a_service_is_disabled_and_enabled_by_one_line() {
    play(|repo| {
        let debug = Service::parse("devops/debug").unwrap();
        let read = |repo: &Repo| String::from_utf8(repo.read("master", &list_path("beta")).unwrap()).unwrap();
        let before = read(&repo);
        let off = toggle(&repo, "master", "beta", &debug, Switch::Disable).unwrap();
        repo.commit("master", &off).unwrap();
        let line = "- ../../applications/devops/debug/overlays/beta\n";
        assert_eq!(read(&repo), before.replace(line, ""));
        let on = toggle(&repo, "master", "beta", &debug, Switch::Enable).unwrap();
        repo.commit("master", &on).unwrap();
        assert_eq!(read(&repo), format!("{}{line}", before.replace(line, "")));
        assert_eq!(repo.info("master").unwrap().subject(), "Enable devops/debug on beta");
        assert_eq!(repo.changed_files("master").unwrap(), ["config/beta/kustomization.yaml"]);
    });
}

#[rstest]
#[case::listed_already("devops/debug", "beta", Switch::Enable, "lists it already")]
#[case::no_service(
    "devops/debgu",
    "beta",
    Switch::Enable,
    "for beta there are devops/debug, devops/dnsutils"
)]
#[case::no_environment(
    "devops/debug",
    "bete",
    Switch::Enable,
    "there are lists for beta, development, production"
)]
fn a_toggle_without_sense_is_refused(
    #[case] service: &str,
    #[case] env: &str,
    #[case] switch: Switch,
    #[case] want: &str,
) {
    play(|repo| {
        let service = Service::parse(service).unwrap();
        let message = toggle(&repo, "master", env, &service, switch).unwrap_err().to_string();
        assert!(message.contains(want), "{message}");
    });
}

#[test]
fn an_entry_is_recognised_however_its_path_is_written() {
    play(|repo| {
        let list = "resources:\n- ./../../applications/devops/debug/overlays/beta/\n";
        repo.commit("master", &Change::new("Rewrite").write(list_path("beta"), list)).unwrap();
        let debug = Service::parse("devops/debug").unwrap();
        let off = toggle(&repo, "master", "beta", &debug, Switch::Disable).unwrap();
        repo.commit("master", &off).unwrap();
        assert_eq!(repo.read("master", &list_path("beta")).unwrap(), b"resources: []\n");
        let message = toggle(&repo, "master", "beta", &debug, Switch::Disable).unwrap_err().to_string();
        assert!(message.contains("does not list it"), "{message}");
    });
}
