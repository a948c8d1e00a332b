//! Which fields hold names of which objects. `= group version kind` starts the fields of a target; `WORKLOADS path` stands
//! for the path in the pod templates of all workloads.

pub(super) const REFERENCES: &str = r"
= storage.k8s.io v1 StorageClass
- - PersistentVolume spec/storageClassName
- - PersistentVolumeClaim spec/storageClassName
- - StatefulSet spec/volumeClaimTemplates/spec/storageClassName
= - v1 ServiceAccount
rbac.authorization.k8s.io - RoleBinding subjects
rbac.authorization.k8s.io - ClusterRoleBinding subjects
- - Pod spec/serviceAccountName
- - StatefulSet spec/template/spec/serviceAccountName
- - Deployment spec/template/spec/serviceAccountName
- - ReplicationController spec/template/spec/serviceAccountName
- - CronJob spec/jobTemplate/spec/template/spec/serviceAccountName
- - Job spec/template/spec/serviceAccountName
- - DaemonSet spec/template/spec/serviceAccountName
= rbac.authorization.k8s.io - Role
rbac.authorization.k8s.io - RoleBinding roleRef/name
= rbac.authorization.k8s.io - ClusterRole
rbac.authorization.k8s.io - RoleBinding roleRef/name
rbac.authorization.k8s.io - ClusterRoleBinding roleRef/name
= - v1 ConfigMap
WORKLOADS volumes/configMap/name
WORKLOADS containers/env/valueFrom/configMapKeyRef/name
WORKLOADS initContainers/env/valueFrom/configMapKeyRef/name
WORKLOADS containers/envFrom/configMapRef/name
WORKLOADS initContainers/envFrom/configMapRef/name
WORKLOADS volumes/projected/sources/configMap/name
- - Node spec/configSource/configMap
- - Role rules/resourceNames
- - ClusterRole rules/resourceNames
- - Ingress metadata/annotations/nginx.ingress.kubernetes.io\/fastcgi-params-configmap
= - v1 Secret
WORKLOADS volumes/secret/secretName
WORKLOADS containers/env/valueFrom/secretKeyRef/name
WORKLOADS initContainers/env/valueFrom/secretKeyRef/name
WORKLOADS containers/envFrom/secretRef/name
WORKLOADS initContainers/envFrom/secretRef/name
WORKLOADS imagePullSecrets/name
WORKLOADS volumes/projected/sources/secret/name
serving.knative.dev v1 Service spec/template/spec/containers/env/valueFrom/secretKeyRef/name
- - Ingress spec/tls/secretName
- - Ingress metadata/annotations/ingress.kubernetes.io\/auth-secret
- - Ingress metadata/annotations/nginx.ingress.kubernetes.io\/auth-secret
- - Ingress metadata/annotations/nginx.ingress.kubernetes.io\/auth-tls-secret
- - ServiceAccount imagePullSecrets/name
- - StorageClass parameters/secretName
- - StorageClass parameters/adminSecretName
- - StorageClass parameters/userSecretName
- - StorageClass parameters/secretRef
- - PersistentVolume spec/azureFile/secretName
- - Role rules/resourceNames
- - ClusterRole rules/resourceNames
= - v1 Service
apps - StatefulSet spec/serviceName
- - Ingress spec/rules/http/paths/backend/serviceName
- - Ingress spec/backend/serviceName
- - Ingress spec/rules/http/paths/backend/service/name
- - Ingress spec/defaultBackend/service/name
apiregistration.k8s.io - APIService spec/service/name
admissionregistration.k8s.io - ValidatingWebhookConfiguration webhooks/clientConfig/service
admissionregistration.k8s.io - MutatingWebhookConfiguration webhooks/clientConfig/service
= scheduling.k8s.io v1 PriorityClass
- - Pod spec/priorityClassName
- - StatefulSet spec/template/spec/priorityClassName
- - Deployment spec/template/spec/priorityClassName
- - ReplicationController spec/template/spec/priorityClassName
- - CronJob spec/jobTemplate/spec/template/spec/priorityClassName
- - Job spec/template/spec/priorityClassName
- - DaemonSet spec/template/spec/priorityClassName
= - v1 PersistentVolume
- - PersistentVolumeClaim spec/volumeName
- - ClusterRole rules/resourceNames
= - v1 PersistentVolumeClaim
- - Pod spec/volumes/persistentVolumeClaim/claimName
- - StatefulSet spec/template/spec/volumes/persistentVolumeClaim/claimName
- - Deployment spec/template/spec/volumes/persistentVolumeClaim/claimName
- - ReplicationController spec/template/spec/volumes/persistentVolumeClaim/claimName
- - CronJob spec/jobTemplate/spec/template/spec/volumes/persistentVolumeClaim/claimName
- - Job spec/template/spec/volumes/persistentVolumeClaim/claimName
- - DaemonSet spec/template/spec/volumes/persistentVolumeClaim/claimName
= - - Deployment
- - HorizontalPodAutoscaler spec/scaleTargetRef/name
= - - StatefulSet
- - HorizontalPodAutoscaler spec/scaleTargetRef/name
= - - ReplicaSet
- - HorizontalPodAutoscaler spec/scaleTargetRef/name
= - - ReplicationController
- - HorizontalPodAutoscaler spec/scaleTargetRef/name
= admissionregistration.k8s.io - ValidatingAdmissionPolicy
admissionregistration.k8s.io - ValidatingAdmissionPolicyBinding spec/policyName
";

/// The kinds behind `WORKLOADS`, and where they hold a pod's spec.
pub(super) const WORKLOADS: [&str; 8] = [
    "- v1 Pod spec",
    "- - PodTemplate template/spec",
    "- - Deployment spec/template/spec",
    "- - ReplicaSet spec/template/spec",
    "- - DaemonSet spec/template/spec",
    "- - StatefulSet spec/template/spec",
    "- - Job spec/template/spec",
    "- - CronJob spec/jobTemplate/spec/template/spec",
];
