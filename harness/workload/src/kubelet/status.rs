//! The status of a whole pod, from those of its containers. Pure.

use crate::controllers::conditions::{Condition, find, put};
use crate::controllers::pods::is_sidecar;
use crate::object::{at, list, number, rfc3339, set, text};
use jiff::Timestamp;
use serde_json::{Value, json};

/// What the status of a pod is made of.
pub(crate) struct Parts<'a> {
    pub(crate) pod: &'a Value,
    pub(crate) init: Vec<Value>,
    pub(crate) main: Vec<Value>,
    /// The pod's address, once it has a sandbox.
    pub(crate) pod_ip: Option<String>,
    pub(crate) host_ip: String,
    /// Evicted from its node.
    pub(crate) evicted: bool,
    pub(crate) now: Timestamp,
}

fn exit_code(status: &Value) -> Option<i64> {
    number(status, &["state", "terminated", "exitCode"])
}

fn is_running(status: &Value) -> bool {
    at(status, &["state", "running"]).is_some()
}

/// Whether an init container has done its part: it ended well, or is a sidecar that has started.
pub(crate) fn init_done(container: &Value, status: &Value) -> bool {
    if is_sidecar(container) { is_running(status) } else { exit_code(status) == Some(0) }
}

impl Parts<'_> {
    fn initialized(&self) -> bool {
        let containers = list(self.pod, &["spec", "initContainers"]);
        containers.iter().zip(&self.init).all(|(container, status)| init_done(container, status))
    }

    fn phase(&self) -> &'static str {
        let policy = text(self.pod, &["spec", "restartPolicy"]);
        if self.evicted {
            return "Failed";
        }
        if !self.initialized() {
            let gave_up =
                policy == "Never" && self.init.iter().any(|s| exit_code(s).is_some_and(|code| code != 0));
            return if gave_up { "Failed" } else { "Pending" };
        }
        // A container that waits for its restart has been there already; one that never ran keeps the pod pending.
        let never_ran = |status: &&Value| {
            at(status, &["state", "waiting"]).is_some() && at(status, &["lastState", "terminated"]).is_none()
        };
        if self.main.iter().any(|status| never_ran(&status)) {
            return "Pending";
        }
        let codes: Vec<Option<i64>> = self.main.iter().map(exit_code).collect();
        if codes.iter().any(Option::is_none) || matches!(policy, "Always" | "") {
            return "Running";
        }
        match codes.iter().all(|code| *code == Some(0)) {
            true => "Succeeded",
            false if policy == "OnFailure" => "Running",
            false => "Failed",
        }
    }

    /// The status.
    pub(crate) fn status(&self) -> Value {
        let nothing = json!({});
        let old = self.pod.get("status").unwrap_or(&nothing);
        let phase = self.phase();
        let mut status = old.clone();
        set(&mut status, "phase", json!(phase));
        if let Some(generation) = number(self.pod, &["metadata", "generation"]) {
            set(&mut status, "observedGeneration", json!(generation));
        }
        if at(old, &["startTime"]).is_none() {
            set(&mut status, "startTime", rfc3339(self.now));
        }
        set(&mut status, "hostIP", json!(self.host_ip));
        set(&mut status, "hostIPs", json!([{"ip": self.host_ip}]));
        if let Some(ip) = &self.pod_ip {
            set(&mut status, "podIP", json!(ip));
            set(&mut status, "podIPs", json!([{"ip": ip}]));
        }
        if !self.init.is_empty() {
            set(&mut status, "initContainerStatuses", json!(self.init));
        }
        set(&mut status, "containerStatuses", json!(self.main));
        if self.evicted {
            set(&mut status, "reason", json!("Evicted"));
            set(&mut status, "message", json!(EVICTED));
        }
        set(&mut status, "conditions", json!(self.conditions(list(old, &["conditions"]), phase)));
        status
    }

    fn conditions(&self, known: &[Value], phase: &str) -> Vec<Value> {
        let finished = matches!(phase, "Succeeded" | "Failed");
        let names = |wanted: &dyn Fn(&Value) -> bool, statuses: &[Value]| -> String {
            let names: Vec<&str> =
                statuses.iter().filter(|s| wanted(s)).map(|s| text(s, &["name"])).collect();
            names.join(" ")
        };
        let unready = names(&|status| status.get("ready") != Some(&json!(true)), &self.main);
        let initialized = if self.initialized() {
            let reason = if phase == "Succeeded" { "PodCompleted" } else { "" };
            Condition::new("Initialized", "True", reason, "")
        } else {
            let containers = list(self.pod, &["spec", "initContainers"]);
            let waiting: Vec<Value> = containers
                .iter()
                .zip(&self.init)
                .filter(|(container, status)| !init_done(container, status))
                .map(|(_, status)| status.clone())
                .collect();
            let message = format!("containers with incomplete status: [{}]", names(&|_| true, &waiting));
            Condition::new("Initialized", "False", "ContainersNotInitialized", message)
        };
        let readiness = |kind: &'static str| match phase {
            "Succeeded" => Condition::new(kind, "False", "PodCompleted", ""),
            "Failed" => Condition::new(kind, "False", "PodFailed", ""),
            _ if unready.is_empty() => Condition::new(kind, "True", "", ""),
            _ => {
                let message = format!("containers with unready status: [{unready}]");
                Condition::new(kind, "False", "ContainersNotReady", message)
            }
        };
        let mut ready = readiness("Ready");
        if ready.status == "True"
            && let Some(message) = self.closed_gate(known)
        {
            ready = Condition::new("Ready", "False", "ReadinessGatesNotReady", message);
        }
        let sandbox = self.pod_ip.is_some() && !finished;
        let wanted = [
            Condition::new("PodReadyToStartContainers", if sandbox { "True" } else { "False" }, "", ""),
            initialized,
            ready,
            readiness("ContainersReady"),
            Condition::new("PodScheduled", "True", "", ""),
        ];
        let mut conditions = known.to_vec();
        for condition in wanted {
            let mut value = condition.to_value(find(known, condition.kind), self.now);
            if let Some(generation) = number(self.pod, &["metadata", "generation"]) {
                set(&mut value, "observedGeneration", json!(generation));
            }
            put(&mut conditions, value);
        }
        conditions
    }

    /// The kubelet's message about a readiness gate whose condition is not True.
    fn closed_gate(&self, known: &[Value]) -> Option<String> {
        list(self.pod, &["spec", "readinessGates"]).iter().find_map(|gate| {
            let kind = text(gate, &["conditionType"]);
            match find(known, kind) {
                None => {
                    Some(format!("corresponding condition of pod readiness gate \"{kind}\" does not exist."))
                }
                Some(condition) if text(condition, &["status"]) != "True" => Some(format!(
                    "the status of pod readiness gate \"{kind}\" is not \"True\", but {}",
                    text(condition, &["status"])
                )),
                Some(_) => None,
            }
        })
    }
}

pub(crate) const EVICTED: &str = "The node was low on resource: memory. ";

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn container(state: Value, ready: bool) -> Value {
        json!({"name": "app", "ready": ready, "state": state})
    }

    fn parts(pod: &Value, main: Vec<Value>) -> Value {
        let parts = Parts {
            pod,
            init: vec![],
            main,
            pod_ip: Some("10.244.0.2".into()),
            host_ip: "172.18.0.2".into(),
            evicted: false,
            now: Timestamp::UNIX_EPOCH,
        };
        parts.status()
    }

    fn ended(code: i64) -> Value {
        container(json!({"terminated": {"exitCode": code}}), false)
    }

    #[rstest]
    #[case::creating("Always", container(json!({"waiting": {"reason": "ContainerCreating"}}), false), "Pending", "False")]
    #[case::ready("Always", container(json!({"running": {}}), true), "Running", "True")]
    #[case::unready("Always", container(json!({"running": {}}), false), "Running", "False")]
    #[case::crashing("Always", json!({"name": "app", "ready": false, "state": {"waiting": {}},
        "lastState": {"terminated": {}}}), "Running", "False")]
    #[case::done("Never", ended(0), "Succeeded", "False")]
    #[case::failed("Never", ended(1), "Failed", "False")]
    #[case::to_be_restarted("OnFailure", ended(1), "Running", "False")]
    fn phases(#[case] policy: &str, #[case] main: Value, #[case] phase: &str, #[case] ready: &str) {
        let pod = json!({"spec": {"restartPolicy": policy}});
        let status = parts(&pod, vec![main]);
        assert_eq!(status["phase"], phase);
        assert_eq!(crate::object::condition(&status, "Ready").unwrap()["status"], ready);
    }

    #[test]
    fn a_readiness_gate_keeps_the_pod_unready_until_somebody_opens_it() {
        let mut pod = json!({"spec": {"readinessGates": [{"conditionType": "example.com/ok"}]}});
        let running = || vec![container(json!({"running": {}}), true)];
        let status = parts(&pod, running());
        assert_eq!(crate::object::condition(&status, "Ready").unwrap()["reason"], "ReadinessGatesNotReady");
        assert_eq!(crate::object::condition(&status, "ContainersReady").unwrap()["status"], "True");
        set(&mut pod, "status", json!({"conditions": [{"type": "example.com/ok", "status": "True"}]}));
        let status = parts(&pod, running());
        assert_eq!(crate::object::condition(&status, "Ready").unwrap()["status"], "True");
    }
}
