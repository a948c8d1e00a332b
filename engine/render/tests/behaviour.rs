//! What a build does, in small trees: results that the real kustomize v5.8.1 gives for the same files.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use rstest::rstest;
use seatrial_render::{Entry, Options, Renderer, Tree, generate_kustomization};

const SERVICE: &str = "apiVersion: v1\nkind: Service\nmetadata: {name: web, labels: {app: web}}\n";
const ACCOUNT: &str = "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: sa}\n";
const POD: &str = "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {serviceAccountName: sa, \
                   containers: [{name: c, image: 'nginx:1', envFrom: [{configMapRef: {name: cm}}]}]}\n";

fn tree(kustomization: &str) -> Tree {
    Tree::new()
        .with_file("kustomization.yaml", kustomization.to_owned())
        .with_file("service.yaml", SERVICE)
        .with_file("account.yaml", ACCOUNT)
        .with_file("pod.yaml", POD)
}

fn build(tree: &Tree, dir: &str) -> Result<String, String> {
    let rendered = Renderer::new().build(tree, dir, &Options::default()).map_err(|e| e.to_string())?;
    rendered.to_yaml().map_err(|e| e.to_string())
}

#[rstest]
#[case::a_prefix_is_followed_by_references(
    "namePrefix: x-\nresources: [account.yaml, pod.yaml]",
    "serviceAccountName: x-sa"
)]
#[case::a_hash_is_followed_by_references(
    "configMapGenerator: [{name: cm, literals: [a=b]}]\nresources: [pod.yaml]",
    "name: cm-4h2mbtbbt6"
)]
#[case::images_get_tags("images: [{name: nginx, newTag: '2'}]\nresources: [pod.yaml]", "image: nginx:2")]
#[case::field_names_match_in_any_case("nameprefix: y-\nresources: [service.yaml]", "name: y-web")]
#[case::a_namespace_is_set("namespace: ns1\nresources: [service.yaml]", "namespace: ns1")]
#[case::json_patches_find_annotations(
    "resources: [service.yaml]\npatches: [{target: {kind: Service}, patch: '[{\"op\": \"add\", \"path\": \
     \"/metadata/annotations/a\", \"value\": 1}]'}]",
    "    a: \"1\""
)]
#[case::new_list_items_come_first(
    "resources: [pod.yaml]\npatches: [{patch: '{apiVersion: v1, kind: Pod, metadata: {name: p}, spec: {containers: \
     [{name: z}]}}'}]",
    "  containers:\n  - name: z\n  - envFrom:"
)]
fn prints(#[case] kustomization: &str, #[case] wanted: &str) {
    let printed = build(&tree(kustomization), ".").unwrap();
    assert!(printed.contains(wanted), "{printed}");
}

#[rstest]
#[case::unknown_field("resource: [a]", "invalid Kustomization: json: unknown field \"resource\"")]
#[case::missing_file("resources: [nope.yaml]", "no such file or directory")]
#[case::glob("resources: ['../../applications/devops/*/overlays/beta']", "the path leads out of the tree")]
#[case::helm("helmCharts: [{name: x}]", "must specify --enable-helm")]
#[case::outside_plugin(
    "transformers: ['{apiVersion: a/v1, kind: B, metadata: {name: c}}']",
    "unable to load external plugin 'B'"
)]
#[case::itself("resources: [.]", "cycle detected")]
#[case::remote("resources: ['https://github.com/a/b//c?ref=v1']", "no source for remote resource")]
#[case::ambiguous_patch_target(
    "resources: [service.yaml]\npatches: [{patch: '{apiVersion: v1, kind: Service, metadata: {name: no}}'}]",
    "no matches for Id Service.v1.[noGrp]/no.[noNs]"
)]
fn refuses(#[case] kustomization: &str, #[case] wanted: &str) {
    let message = build(&tree(kustomization), ".").unwrap_err();
    assert!(message.contains(wanted), "{message}");
}

#[test]
fn tells_all_independent_problems_with_file_line_and_column() {
    let tree = tree("resources: [nope.yaml, bad.yaml, worse.yaml]")
        .with_file("bad.yaml", "a: b\n  c: d\n")
        .with_file("worse.yaml", "kind: A\nkind: B\n");
    let errors = Renderer::new().build(&tree, "", &Options::default()).unwrap_err().errors;
    let places: Vec<_> = errors.iter().map(|e| (e.file.as_str(), e.line)).collect();
    assert_eq!(places, [("", None), ("bad.yaml", Some(2)), ("worse.yaml", Some(2))]);
}

#[test]
fn restricts_files_to_the_kustomization_and_links_to_the_tree() {
    let mut outside = Tree::new()
        .with_file("a/kustomization.yaml", "resources: [../service.yaml]\n")
        .with_file("service.yaml", SERVICE);
    assert!(
        build(&outside, "a").unwrap_err().contains("security; file 'service.yaml' is not in or below 'a'")
    );
    outside.insert("b/kustomization.yaml", Entry::File("resources: [link.yaml]\n".into()));
    outside.insert("b/link.yaml", Entry::Link("../../etc/passwd".to_owned()));
    assert!(build(&outside, "b").unwrap_err().contains("the path leads out of the tree"));
    outside.insert("b/link.yaml", Entry::Link("../b/../service.yaml".to_owned()));
    assert!(build(&outside, "b").unwrap_err().contains("security"));
}

#[test]
fn generates_the_kustomization_of_a_folder_without_one() {
    let tree = Tree::new()
        .with_file("c/a.yaml", SERVICE)
        .with_file("c/README.md", "no")
        .with_file("c/sub/b.yml", ACCOUNT)
        .with_file("c/own/kustomization.yaml", "resources: []")
        .with_file("c/own/x.yaml", POD);
    let made = String::from_utf8(generate_kustomization(&tree, "c").unwrap()).unwrap();
    assert!(made.ends_with("resources:\n- \"./a.yaml\"\n- \"./own\"\n- \"./sub/b.yml\"\n"), "{made}");
}
