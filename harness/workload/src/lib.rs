//! Workload controllers and a fake kubelet over a Kubernetes client.
