//! kustomize's own field specs. Lines are `group version kind path`, `-` for any, with `+` before paths that are created.

use std::sync::{Arc, LazyLock};

use super::references::{REFERENCES, WORKLOADS};
use super::{FieldSpec, NameReference, TransformerConfig};

const COMMON_LABELS: &str = "
- - - +metadata/labels
- v1 Service +spec/selector
- v1 ReplicationController +spec/selector
- v1 ReplicationController +spec/template/metadata/labels
- - Deployment +spec/selector/matchLabels
- - Deployment +spec/template/metadata/labels
apps - Deployment AFFINITY
- - ReplicaSet +spec/selector/matchLabels
- - ReplicaSet +spec/template/metadata/labels
- - DaemonSet +spec/selector/matchLabels
- - DaemonSet +spec/template/metadata/labels
apps - StatefulSet +spec/selector/matchLabels
apps - StatefulSet +spec/template/metadata/labels
apps - StatefulSet AFFINITY
apps - StatefulSet +spec/volumeClaimTemplates[]/metadata/labels
batch - Job spec/selector/matchLabels
batch - Job +spec/template/metadata/labels
batch - CronJob spec/jobTemplate/spec/selector/matchLabels
batch - CronJob +spec/jobTemplate/metadata/labels
batch - CronJob +spec/jobTemplate/spec/template/metadata/labels
policy - PodDisruptionBudget spec/selector/matchLabels
networking.k8s.io - NetworkPolicy spec/podSelector/matchLabels
networking.k8s.io - NetworkPolicy spec/ingress/from/podSelector/matchLabels
networking.k8s.io - NetworkPolicy spec/egress/to/podSelector/matchLabels
";

/// Label selectors in the pod template of a workload.
const AFFINITY: [&str; 5] = [
    "spec/template/spec/affinity/podAffinity/preferredDuringSchedulingIgnoredDuringExecution/podAffinityTerm/labelSelector/matchLabels",
    "spec/template/spec/affinity/podAffinity/requiredDuringSchedulingIgnoredDuringExecution/labelSelector/matchLabels",
    "spec/template/spec/affinity/podAntiAffinity/preferredDuringSchedulingIgnoredDuringExecution/podAffinityTerm/labelSelector/matchLabels",
    "spec/template/spec/affinity/podAntiAffinity/requiredDuringSchedulingIgnoredDuringExecution/labelSelector/matchLabels",
    "spec/template/spec/topologySpreadConstraints/labelSelector/matchLabels",
];

const TEMPLATE_LABELS: &str = "
- v1 ReplicationController +spec/template/metadata/labels
- - Deployment +spec/template/metadata/labels
- - ReplicaSet +spec/template/metadata/labels
- - DaemonSet +spec/template/metadata/labels
apps - StatefulSet +spec/template/metadata/labels
apps - StatefulSet +spec/volumeClaimTemplates[]/metadata/labels
batch - Job +spec/template/metadata/labels
batch - CronJob +spec/jobTemplate/metadata/labels
batch - CronJob +spec/jobTemplate/spec/template/metadata/labels
";

const COMMON_ANNOTATIONS: &str = "
- - - +metadata/annotations
- v1 ReplicationController +spec/template/metadata/annotations
- - Deployment +spec/template/metadata/annotations
- - ReplicaSet +spec/template/metadata/annotations
- - DaemonSet +spec/template/metadata/annotations
- - StatefulSet +spec/template/metadata/annotations
batch - Job +spec/template/metadata/annotations
batch - CronJob +spec/jobTemplate/metadata/annotations
batch - CronJob +spec/jobTemplate/spec/template/metadata/annotations
";

const NAMESPACE: &str = "
- - - +metadata/namespace
- - Namespace +metadata/name
apiregistration.k8s.io - APIService +spec/service/namespace
apiextensions.k8s.io - CustomResourceDefinition spec/conversion/webhook/clientConfig/service/namespace
";

const REPLICAS: &str = "
- - Deployment +spec/replicas
- - ReplicationController +spec/replicas
- - ReplicaSet +spec/replicas
- - StatefulSet +spec/replicas
";

const IMAGES: &str = "
- - - +spec/containers[]/image
- - - +spec/initContainers[]/image
- - - +spec/volumes[]/image/reference
- - - +spec/template/spec/containers[]/image
- - - +spec/template/spec/initContainers[]/image
- - - +spec/template/spec/volumes[]/image/reference
";

const VARIABLES: &str = "
- - CronJob POD:spec/jobTemplate/spec/template/spec
- - DaemonSet POD:spec/template/spec
- - DaemonSet spec/template/spec/volumes/nfs/server
- - Deployment POD:spec/template/spec
- - Deployment spec/template/spec/volumes/nfs/server
- - Ingress spec/rules/host
- - Ingress spec/tls/hosts
- - Ingress spec/tls/secretName
- - Job POD:spec/template/spec
- - Job spec/template/spec/volumes/nfs/server
- - Pod POD:spec
- - Pod spec/volumes/nfs/server
- - ReplicaSet POD:spec/template/spec
- - ReplicaSet spec/template/spec/volumes/nfs/server
- - Service spec/ports/port
- - Service spec/ports/targetPort
- - StatefulSet POD:spec/template/spec
- - StatefulSet spec/volumeClaimTemplates/spec/nfs/server
- - CronJob spec/jobTemplate/spec/template/volumes/nfs/server
- - PersistentVolume spec/nfs/server
- - - metadata/labels
- - - metadata/annotations
- - Deployment spec/template/metadata/annotations
";

const POD_VARIABLES: [&str; 8] = [
    "containers/args",
    "containers/command",
    "containers/env/value",
    "containers/volumeMounts/mountPath",
    "initContainers/args",
    "initContainers/command",
    "initContainers/env/value",
    "initContainers/volumeMounts/mountPath",
];

fn specs(lines: &str) -> Vec<FieldSpec> {
    let mut out = Vec::new();
    for line in lines.lines() {
        let mut words = line.split(' ');
        let mut word = || words.next().unwrap_or_default();
        let (group, version, kind, path) = (word(), word(), word(), word());
        if path.is_empty() {
            continue;
        }
        let [group, version, kind] = [group, version, kind].map(|w| if w == "-" { "" } else { w });
        let mut push = |path: &str, create| out.push(FieldSpec::new(group, version, kind, path, create));
        match (path, path.strip_prefix("POD:")) {
            ("AFFINITY", _) => AFFINITY.iter().for_each(|path| push(path, false)),
            (_, Some(pod)) => POD_VARIABLES.iter().for_each(|rest| push(&format!("{pod}/{rest}"), false)),
            _ => push(path.trim_start_matches('+'), path.starts_with('+')),
        }
    }
    out
}

fn references() -> Vec<NameReference> {
    let mut out: Vec<NameReference> = Vec::new();
    for line in REFERENCES.lines() {
        if let Some(target) = line.strip_prefix("= ") {
            let mut words = target.split(' ').map(|w| if w == "-" { "" } else { w }.to_owned());
            let mut word = || words.next().unwrap_or_default();
            let (group, version, kind) = (word(), word(), word());
            out.push(NameReference { group, version, kind, field_specs: Vec::new() });
        } else if let Some(last) = out.last_mut() {
            match line.strip_prefix("WORKLOADS ") {
                Some(rest) => {
                    last.field_specs
                        .extend(WORKLOADS.iter().flat_map(|kind| specs(&format!("{kind}/{rest}"))));
                }
                None => last.field_specs.extend(specs(line)),
            }
        }
    }
    out
}

fn build() -> TransformerConfig {
    TransformerConfig {
        name_prefix: specs("- - - metadata/name"),
        name_suffix: specs("- - - metadata/name"),
        namespace: specs(NAMESPACE),
        labels: specs("- - - +metadata/labels"),
        common_labels: specs(COMMON_LABELS),
        template_labels: specs(TEMPLATE_LABELS),
        common_annotations: specs(COMMON_ANNOTATIONS),
        name_reference: references(),
        var_reference: specs(VARIABLES),
        images: specs(IMAGES),
        replicas: specs(REPLICAS),
    }
}

/// All of them.
pub(super) fn builtin() -> Arc<TransformerConfig> {
    static BUILTIN: LazyLock<Arc<TransformerConfig>> = LazyLock::new(|| Arc::new(build()));
    BUILTIN.clone()
}
