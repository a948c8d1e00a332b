//! What the flags change in the manifests.

use super::*;
use rstest::rstest;
use seatrial_api::FluxRelease;
use serde_json::Value;

fn objects(change: impl FnOnce(&mut InstallOptions)) -> Vec<Value> {
    let mut options = InstallOptions::of(FluxRelease::V2_9);
    change(&mut options);
    components(&options).unwrap().objects.clone()
}

fn named<'a>(objects: &'a [Value], kind: &str, name: &str) -> &'a Value {
    let is = |object: &&Value| object["kind"] == kind && object["metadata"]["name"] == name;
    objects.iter().find(is).unwrap_or_else(|| panic!("no {kind} {name}"))
}

fn container<'a>(objects: &'a [Value], name: &str) -> &'a Value {
    &named(objects, "Deployment", name)["spec"]["template"]["spec"]["containers"][0]
}

fn arguments(objects: &[Value], name: &str) -> Vec<String> {
    let arguments = container(objects, name)["args"].as_array().unwrap();
    arguments.iter().map(|argument| argument.as_str().unwrap().to_owned()).collect()
}

#[test]
fn the_usual_installation_has_flux_s_objects_in_its_order() {
    let all = objects(|_| {});
    let heads: Vec<String> = all
        .iter()
        .filter(|object| object["kind"] != "CustomResourceDefinition")
        .map(|object| {
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            format!("{} {}", text(&object["kind"]), text(&object["metadata"]["name"]))
        })
        .collect();
    let wanted = [
        "Namespace flux-system",
        "NetworkPolicy allow-egress",
        "NetworkPolicy allow-scraping",
        "NetworkPolicy allow-webhooks",
        "ResourceQuota critical-pods-flux-system",
        "ClusterRole crd-controller-flux-system",
        "ClusterRole flux-edit-flux-system",
        "ClusterRole flux-view-flux-system",
        "ClusterRoleBinding cluster-reconciler-flux-system",
        "ClusterRoleBinding crd-controller-flux-system",
        "ServiceAccount source-controller",
        "Service source-controller",
        "Deployment source-controller",
        "ServiceAccount kustomize-controller",
        "Deployment kustomize-controller",
        "ServiceAccount helm-controller",
        "Deployment helm-controller",
        "ServiceAccount notification-controller",
        "Service notification-controller",
        "Service webhook-receiver",
        "Deployment notification-controller",
    ];
    assert_eq!(heads, wanted);
    for object in &all {
        let labels = &object["metadata"]["labels"];
        assert_eq!(labels["app.kubernetes.io/part-of"], "flux", "{}", object["metadata"]["name"]);
    }
}

#[rstest]
#[case::usual(&[], "source-controller", "--events-addr=http://notification-controller.flux-system.svc.cluster.local./")]
#[case::storage(&[], "source-controller", "--storage-adv-addr=source-controller.$(RUNTIME_NAMESPACE).svc.cluster.local.")]
#[case::watcher(&[Component::SourceWatcher], "helm-controller", "--feature-gates=ExternalArtifact=true")]
#[case::level(&[], "notification-controller", "--log-level=info")]
fn controllers_get_their_arguments(
    #[case] extra: &[Component],
    #[case] controller: &str,
    #[case] argument: &str,
) {
    let all = objects(|options| options.components.extend(extra));
    let arguments = arguments(&all, controller);
    assert!(arguments.iter().any(|given| given == argument), "{arguments:?}");
}

/// What the two releases' own manifests have (`manifests/` and `pkg/manifestgen/install` of flux2 2.2.3 and 2.9.5).
#[rstest]
#[case::older(FluxRelease::V2_2_3, false)]
#[case::newer(FluxRelease::V2_9, true)]
fn each_release_has_its_own_rights_and_labels(#[case] flux: FluxRelease, #[case] newer: bool) {
    let all = components(&InstallOptions::of(flux)).unwrap().objects.clone();
    let webhooks = &named(&all, "NetworkPolicy", "allow-webhooks")["spec"]["ingress"][0];
    let port = serde_json::json!([{"port": 9292, "protocol": "TCP"}]);
    assert_eq!(webhooks.get("ports"), newer.then_some(&port));

    let rules = |name: &str| named(&all, "ClusterRole", name)["rules"].as_array().unwrap().clone();
    for role in ["crd-controller-flux-system", "flux-edit-flux-system", "flux-view-flux-system"] {
        let has = |rule: &Value| {
            rule["apiGroups"]
                .as_array()
                .is_some_and(|all| all.iter().any(|g| *g == "source.extensions.fluxcd.io"))
        };
        assert_eq!(rules(role).iter().any(has), newer, "{role}");
    }
    let own = rules("crd-controller-flux-system");
    let tokens = |rule: &Value| {
        rule["resources"] == serde_json::json!(["serviceaccounts/token"])
            && rule["verbs"] == serde_json::json!(["create"])
    };
    assert_eq!(own.iter().any(tokens), newer);
    let ping = |rule: &Value| rule["nonResourceURLs"] == serde_json::json!(["/livez/ping"]);
    assert_eq!(own.iter().any(ping), newer);
    let bound =
        named(&all, "ClusterRoleBinding", "crd-controller-flux-system")["subjects"].as_array().unwrap();
    assert_eq!(bound.len(), if newer { 7 } else { 6 });

    let labels = &named(&all, "Deployment", "helm-controller")["spec"]["template"]["metadata"]["labels"];
    let labels: Vec<&String> = labels.as_object().unwrap().keys().collect();
    let of_flux =
        ["component", "instance", "part-of", "version"].map(|name| format!("app.kubernetes.io/{name}"));
    let mut wanted = vec!["app".to_owned()];
    wanted.extend(of_flux.into_iter().filter(|_| newer));
    assert_eq!(labels, wanted.iter().collect::<Vec<_>>());
}

#[test]
fn every_option_changes_what_it_is_for() {
    let all = objects(|options| {
        options.components = vec![Component::SourceController, Component::KustomizeController];
        options.namespace = "gitops".to_owned();
        options.network_policy = false;
        options.watch_all_namespaces = false;
        options.registry = "registry.test/flux".to_owned();
        options.image_pull_secret = Some("pull".to_owned());
        options.log_level = "debug".to_owned();
        options.cluster_domain = "example.org".to_owned();
        options.toleration_keys = vec!["dedicated".to_owned()];
    });
    assert!(!all.iter().any(|object| object["kind"] == "NetworkPolicy"));
    named(&all, "ClusterRoleBinding", "cluster-reconciler-gitops");
    let wanted = [
        // Nobody takes events.
        "--events-addr=",
        "--watch-all-namespaces=false",
        "--log-level=debug",
        "--log-encoding=json",
        "--enable-leader-election",
        "--storage-path=/data",
        "--storage-adv-addr=source-controller.$(RUNTIME_NAMESPACE).svc.example.org.",
    ];
    assert_eq!(arguments(&all, "source-controller"), wanted);
    let deployment = named(&all, "Deployment", "source-controller");
    assert_eq!(deployment["metadata"]["namespace"], "gitops");
    let pod = &deployment["spec"]["template"]["spec"];
    assert_eq!(pod["imagePullSecrets"][0]["name"], "pull");
    assert_eq!(pod["tolerations"][0]["key"], "dedicated");
    assert_eq!(pod["containers"][0]["image"], "registry.test/flux/source-controller:v1.9.0");
}

#[test]
fn a_placeholder_is_no_controller() {
    let all = objects(|options| options.placeholder = Some("pause:3".to_owned()));
    let container = container(&all, "kustomize-controller");
    assert_eq!(container["image"], "pause:3");
    assert!(container["args"].is_null() && container["readinessProbe"].is_null());
}

#[test]
fn manifests_are_made_once() {
    let options = InstallOptions::of(FluxRelease::V2_2_3);
    let (first, second) = (components(&options).unwrap(), components(&options).unwrap());
    assert!(std::sync::Arc::ptr_eq(&first, &second));
}

#[rstest]
#[case::folder("clusters/beta", "./clusters/beta", "clusters/beta/flux-system")]
#[case::root("", "./", "flux-system")]
fn the_sync_is_of_a_folder(#[case] path: &str, #[case] followed: &str, #[case] folder: &str) {
    let sync = Sync::of("ssh://git@host/x", "main", path);
    assert_eq!(sync.objects()[1]["spec"]["path"], followed);
    assert_eq!(sync.folder(), folder);
}
