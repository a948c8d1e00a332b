//! Both embedded tables: that they parse, and facts that other crates stand on.

use rstest::rstest;
use seatrial_schema::{ListType, MapType, Scalar, Schema, TypeKind, kubernetes, kustomize, table};

const KUBERNETES: &str = include_str!("../src/tables/kubernetes.txt");
const KUSTOMIZE: &str = include_str!("../src/tables/kustomize.txt");

#[rstest]
#[case::kubernetes(KUBERNETES, 580)]
#[case::kustomize(KUSTOMIZE, 620)]
fn an_embedded_table_parses_and_writes_back_to_the_same_text(
    #[case] text: &'static str,
    #[case] types: usize,
) {
    let schema = table::parse(text).unwrap();
    assert!(schema.types().count() > types);
    assert_eq!(table::write(&schema).unwrap(), text);
}

#[rstest]
#[case::kubernetes(kubernetes())]
#[case::kustomize(kustomize())]
fn every_reference_leads_to_a_defined_type(#[case] schema: &Schema) {
    for (name, ty) in schema.types() {
        for field in ty.fields() {
            let leaf = field.ty.items().unwrap_or(field.ty);
            let leaf = leaf.values().unwrap_or(leaf);
            if leaf.kind() == TypeKind::Any {
                let target = leaf.name().unwrap_or_default();
                assert!(
                    target.contains("JSON") || target.ends_with("RawExtension"),
                    "{name}.{} is of the unknown type {target:?}",
                    field.name
                );
            }
        }
    }
}

#[rstest]
#[case("v1", "Namespace", false)]
#[case("v1", "Pod", true)]
#[case("apps/v1", "Deployment", true)]
#[case("rbac.authorization.k8s.io/v1", "ClusterRole", false)]
#[case("rbac.authorization.k8s.io/v1", "Role", true)]
#[case("apiextensions.k8s.io/v1", "CustomResourceDefinition", false)]
fn both_tables_know_the_scope_of(#[case] api_version: &str, #[case] kind: &str, #[case] namespaced: bool) {
    assert_eq!(kubernetes().is_namespaced(api_version, kind), Some(namespaced));
    assert_eq!(kustomize().is_namespaced(api_version, kind), Some(namespaced));
}

#[test]
fn only_the_old_table_knows_kinds_that_were_removed() {
    for (api_version, kind) in [("policy/v1beta1", "PodSecurityPolicy"), ("extensions/v1beta1", "Ingress")] {
        assert!(kustomize().type_of(api_version, kind).is_some());
        assert!(kubernetes().type_of(api_version, kind).is_none());
    }
}

#[rstest]
#[case(&["spec", "template", "spec", "containers"], ListType::Map(&["name".into()]))]
#[case(&["spec", "template", "spec", "containers", "ports"], ListType::Map(&["containerPort".into(), "protocol".into()]))]
#[case(&["spec", "template", "spec", "containers", "command"], ListType::Atomic)]
#[case(&["metadata", "finalizers"], ListType::Set)]
#[case(&["metadata", "ownerReferences"], ListType::Map(&["uid".into()]))]
fn a_deployments_lists_merge_as(#[case] path: &[&str], #[case] expected: ListType<'_>) {
    let deployment = kubernetes().type_of("apps/v1", "Deployment").unwrap();
    assert_eq!(deployment.at(path).unwrap().list_type(), expected);
}

#[test]
fn a_place_goes_before_the_definition_that_it_refers_to() {
    let deployment = kubernetes().type_of("apps/v1", "Deployment").unwrap();
    let strategy = deployment.at(&["spec", "strategy"]).unwrap();
    assert!(strategy.patch_strategy().retain_keys);
    assert_eq!(strategy.name(), Some("io.k8s.api.apps.v1.DeploymentStrategy"));
    assert_eq!(deployment.at(&["spec", "selector"]).unwrap().map_type(), MapType::Atomic);
    let surge = strategy.at(&["rollingUpdate", "maxSurge"]).unwrap();
    assert_eq!(surge.scalar(), Some(Scalar::IntOrString));
    let port = deployment.at(&["spec", "template", "spec", "containers", "ports"]).unwrap().items().unwrap();
    assert_eq!(port.declared("protocol").unwrap().default, Some(&serde_json::json!("TCP")));
    assert!(port.declared("containerPort").unwrap().required);
    assert_eq!(port.field("containerPort").unwrap().format(), Some("int32"));
    let stamp = deployment.at(&["metadata", "creationTimestamp"]).unwrap();
    assert_eq!((stamp.scalar(), stamp.format()), (Some(Scalar::String), Some("date-time")));
    let requests = deployment.at(&["spec", "template", "spec", "containers", "resources", "requests", "cpu"]);
    assert_eq!(requests.unwrap().scalar(), Some(Scalar::Quantity));
}

#[test]
fn kustomize_merges_by_its_own_keys() {
    let deployment = kustomize().type_of("apps/v1", "Deployment").unwrap();
    let spec = deployment.at(&["spec", "template", "spec"]).unwrap();
    assert_eq!(spec.field("containers").unwrap().merge_key(), Some("name"));
    assert_eq!(spec.field("volumes").unwrap().merge_key(), Some("name"));
    assert!(spec.field("volumes").unwrap().patch_strategy().retain_keys);
    assert_eq!(spec.at(&["containers", "args"]).unwrap().merge_key(), None);
    let ports = spec.at(&["containers", "ports"]).unwrap();
    assert_eq!(ports.list_map_keys(), ["containerPort", "protocol"]);
    assert!(kustomize().type_of("kustomize.config.k8s.io/v1beta1", "Kustomization").is_some());
}

#[test]
fn discovery_lists_names_verbs_and_subresources() {
    let schema = kubernetes();
    let deployments = schema.resource("apps", "v1", "Deployment").unwrap();
    assert_eq!(deployments, schema.resource_by_plural("apps", "v1", "deployments").unwrap());
    assert_eq!(deployments.api_version(), "apps/v1");
    assert_eq!(
        (deployments.short_names.as_slice(), deployments.has_verb("watch")),
        (&["deploy".into()][..], true)
    );
    let scale = deployments.subresource("scale").unwrap();
    assert_eq!((&*scale.group, &*scale.version, &*scale.kind), ("autoscaling", "v1", "Scale"));
    let log = schema.resource("", "v1", "Pod").unwrap().subresource("log").unwrap();
    assert_eq!((&*log.group, &*log.version, &*log.kind), ("", "v1", "Pod"));
    let review = schema.resource("authorization.k8s.io", "v1", "SubjectAccessReview").unwrap();
    assert_eq!(review.verbs, ["create"]);
    assert_eq!(schema.groups()[0].name, "");
    assert!(schema.resource("apps", "v1", "Deploymen").is_none());
    assert!(schema.resource("apps", "v1", "Deployments").is_none());
}

#[rstest]
#[case("", "line 1")]
#[case("seatrial-schema 1 v1\nkind a b c", "line 2 of the type table: a kind without a type")]
#[case("seatrial-schema 1 v1\ntype A .\n x [s", "line 3 of the type table: expected ']'")]
#[case("seatrial-schema 1 v1\ntype A .\n x s list=sets", "unknown attribute \"list=sets\"")]
#[case("seatrial-schema 1 v1\nresource - v1 Pod pods pod some - - -", "unknown scope \"some\"")]
fn a_bad_line_is_refused(#[case] text: &'static str, #[case] message: &str) {
    let error = table::parse(text).unwrap_err().to_string();
    assert!(error.contains(message), "{error}");
}

#[test]
fn types_read_piece_by_piece_are_those_of_the_whole_table() {
    use seatrial_schema::{TypeRef, kustomize_is_namespaced, kustomize_type};
    fn same(whole: TypeRef<'_>, piece: TypeRef<'_>, depth: usize) {
        assert_eq!((whole.kind(), whole.format()), (piece.kind(), piece.format()));
        assert_eq!(whole.list_type(), piece.list_type());
        assert_eq!((whole.merge_key(), whole.patch_strategy()), (piece.merge_key(), piece.patch_strategy()));
        assert_eq!(whole.list_map_keys(), piece.list_map_keys());
        if depth == 0 {
            return;
        }
        assert_eq!(whole.fields().count(), piece.fields().count());
        assert_eq!(whole.name(), piece.name());
        for (ours, theirs) in whole.fields().zip(piece.fields()) {
            assert_eq!((ours.name, ours.required), (theirs.name, theirs.required));
            same(ours.ty, theirs.ty, depth - 1);
        }
        for (ours, theirs) in [(whole.items(), piece.items()), (whole.values(), piece.values())] {
            assert_eq!(ours.is_some(), theirs.is_some());
            if let (Some(ours), Some(theirs)) = (ours, theirs) {
                same(ours, theirs, depth - 1);
            }
        }
    }
    for (group, version, kind, ty) in kustomize().kinds() {
        let api_version = if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") };
        same(ty, kustomize_type(&api_version, kind).unwrap(), 5);
    }
    for resource in kustomize().resources() {
        let api_version = match resource.group.is_empty() {
            true => resource.version.to_string(),
            false => format!("{}/{}", resource.group, resource.version),
        };
        assert_eq!(kustomize_is_namespaced(&api_version, &resource.kind), Some(resource.namespaced));
    }
    assert!(kustomize_type("apps/v1", "Unknown").is_none());
    assert_eq!(kustomize_is_namespaced("v1", "Deployment"), None);
}
