//! Who may do what: roles, network policies, the quota of critical pods.

use super::component::Component;
use super::manifests::InstallOptions;
use seatrial_api::FluxRelease;
use serde_json::{Value, json};

/// The API groups of Flux's kinds.
const GROUPS: [&str; 5] = [
    "source.toolkit.fluxcd.io",
    "kustomize.toolkit.fluxcd.io",
    "helm.toolkit.fluxcd.io",
    "notification.toolkit.fluxcd.io",
    "image.toolkit.fluxcd.io",
];
/// The group of ArtifactGenerator, which releases behind 2.2.3 have.
const EXTENSIONS: &str = "source.extensions.fluxcd.io";
const RBAC: &str = "rbac.authorization.k8s.io";

/// Everything may leave; within the namespace everything may come in; from elsewhere only metrics and webhooks are reached.
pub(super) fn network_policies(options: &InstallOptions) -> [Value; 3] {
    let mut webhooks = json!({"from": [{"namespaceSelector": {}}]});
    if options.flux > FluxRelease::V2_2_3 {
        webhooks["ports"] = json!([{"port": 9292, "protocol": "TCP"}]);
    }
    let policy = |name: &str, spec: Value| {
        json!({
            "apiVersion": "networking.k8s.io/v1",
            "kind": "NetworkPolicy",
            "metadata": options.metadata(name, None),
            "spec": spec,
        })
    };
    [
        policy(
            "allow-egress",
            json!({
                "podSelector": {},
                "egress": [{}],
                "ingress": [{"from": [{"podSelector": {}}]}],
                "policyTypes": ["Ingress", "Egress"],
            }),
        ),
        policy(
            "allow-scraping",
            json!({
                "podSelector": {},
                "ingress": [{
                    "from": [{"namespaceSelector": {}}],
                    "ports": [{"port": 8080, "protocol": "TCP"}],
                }],
                "policyTypes": ["Ingress"],
            }),
        ),
        policy(
            "allow-webhooks",
            json!({
                "podSelector": {"matchLabels": {"app": Component::NotificationController.name()}},
                "ingress": [webhooks],
                "policyTypes": ["Ingress"],
            }),
        ),
    ]
}

/// The quota, the roles of the controllers and of people, and the bindings. Their names end in that of the namespace.
pub(super) fn cluster_roles(options: &InstallOptions) -> Vec<Value> {
    let named = |name: &str| format!("{name}-{}", options.namespace);
    let accounts = |components: &[Component]| -> Vec<Value> {
        let account = |component: &Component| json!({"kind": "ServiceAccount", "name": component.name(), "namespace": options.namespace});
        components.iter().map(account).collect()
    };
    let role = |name: &str, aggregate: &[&str], rules: Value| {
        let mut labels = options.labels(None);
        for to in aggregate {
            labels[format!("rbac.authorization.k8s.io/aggregate-to-{to}")] = json!("true");
        }
        json!({
            "apiVersion": format!("{RBAC}/v1"),
            "kind": "ClusterRole",
            "metadata": {"name": named(name), "labels": labels},
            "rules": rules,
        })
    };
    let binding = |name: &str, role: String, subjects: Vec<Value>| {
        json!({
            "apiVersion": format!("{RBAC}/v1"),
            "kind": "ClusterRoleBinding",
            "metadata": {"name": named(name), "labels": options.labels(None)},
            "roleRef": {"apiGroup": RBAC, "kind": "ClusterRole", "name": role},
            "subjects": subjects,
        })
    };
    let quota = json!({
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": options.metadata(&named("critical-pods"), None),
        "spec": {
            "hard": {"pods": "1000"},
            "scopeSelector": {"matchExpressions": [{
                "operator": "In",
                "scopeName": "PriorityClass",
                "values": ["system-node-critical", "system-cluster-critical"],
            }]},
        },
    });
    let groups = groups(options);
    let people = |verbs: &[&str]| json!([{"apiGroups": groups, "resources": ["*"], "verbs": verbs}]);
    let mut controllers = vec![
        Component::KustomizeController,
        Component::HelmController,
        Component::SourceController,
        Component::NotificationController,
        Component::ImageReflectorController,
        Component::ImageAutomationController,
    ];
    // They stand there whether or not they are installed, if the release has them.
    controllers.extend(Some(Component::SourceWatcher).filter(|watcher| watcher.is_in(options.flux)));
    vec![
        quota,
        role("crd-controller", &[], controller_rules(options)),
        role(
            "flux-edit",
            &["admin", "edit"],
            people(&["create", "delete", "deletecollection", "patch", "update"]),
        ),
        role("flux-view", &["admin", "edit", "view"], people(&["get", "list", "watch"])),
        binding(
            "cluster-reconciler",
            "cluster-admin".to_owned(),
            accounts(&[Component::KustomizeController, Component::HelmController]),
        ),
        binding("crd-controller", named("crd-controller"), accounts(&controllers)),
    ]
}

/// The API groups of the release.
fn groups(options: &InstallOptions) -> Vec<&'static str> {
    let more = Some(EXTENSIONS).filter(|_| options.flux > FluxRelease::V2_2_3);
    GROUPS.into_iter().chain(more).collect()
}

/// What every controller may do.
fn controller_rules(options: &InstallOptions) -> Value {
    let core = |resources: &[&str], verbs: &[&str]| {
        json!({
            "apiGroups": [""], "resources": resources, "verbs": verbs
        })
    };
    let mut rules: Vec<Value> = groups(options)
        .iter()
        .map(|group| json!({"apiGroups": [group], "resources": ["*"], "verbs": ["*"]}))
        .collect();
    let write = ["get", "list", "watch", "create", "update", "patch", "delete"];
    rules.push(core(&["namespaces", "secrets", "configmaps", "serviceaccounts"], &["get", "list", "watch"]));
    rules.push(core(&["events"], &["create", "patch"]));
    rules.push(core(&["configmaps"], &write));
    rules.push(core(&["configmaps/status"], &["get", "update", "patch"]));
    rules.push(json!({"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": write}));
    if options.flux > FluxRelease::V2_2_3 {
        rules.push(core(&["serviceaccounts/token"], &["create"]));
        rules.push(json!({"nonResourceURLs": ["/livez/ping"], "verbs": ["head"]}));
    }
    Value::Array(rules)
}
