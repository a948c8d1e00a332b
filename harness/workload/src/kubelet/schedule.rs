//! Which node a pod goes to. Pure.
//!
//! Taken into account: cordoned nodes, `nodeSelector`, required node affinity, taints of effect NoSchedule and
//! NoExecute. Among the nodes that fit, the one with the fewest pods is taken.

use crate::labels::requirement;
use crate::object::{Object, at, flag, list, map, name, text};
use serde_json::Value;
use std::collections::BTreeMap;

/// The node for a pod, or the scheduler's message that there is none.
pub(crate) fn place(pod: &Value, nodes: &[Object], load: &BTreeMap<String, usize>) -> Result<String, String> {
    let mut refusals: BTreeMap<String, usize> = BTreeMap::new();
    let mut fitting = Vec::new();
    for node in nodes {
        match refusal(pod, node) {
            None => fitting.push(name(node)),
            Some(reason) => *refusals.entry(reason).or_default() += 1,
        }
    }
    let least = fitting.into_iter().min_by_key(|node| (load.get(*node).copied().unwrap_or(0), *node));
    match least {
        Some(node) => Ok(node.to_owned()),
        None => {
            let reasons: Vec<String> =
                refusals.iter().map(|(reason, count)| format!("{count} {reason}")).collect();
            let reasons = if reasons.is_empty() { "no nodes".to_owned() } else { reasons.join(", ") };
            Err(format!("0/{} nodes are available: {reasons}.", nodes.len()))
        }
    }
}

/// Why a pod cannot go to a node, as the scheduler counts it.
fn refusal(pod: &Value, node: &Value) -> Option<String> {
    let tolerates = |key: &str, value: &str, effect: &str| {
        list(pod, &["spec", "tolerations"]).iter().any(|toleration| {
            let (for_key, for_effect) = (text(toleration, &["key"]), text(toleration, &["effect"]));
            let exists = text(toleration, &["operator"]) == "Exists";
            (for_effect.is_empty() || for_effect == effect)
                && (if for_key.is_empty() { exists } else { for_key == key })
                && (exists || text(toleration, &["value"]) == value)
        })
    };
    if flag(node, &["spec", "unschedulable"])
        && !tolerates("node.kubernetes.io/unschedulable", "", "NoSchedule")
    {
        return Some("node(s) were unschedulable".to_owned());
    }
    if !fits_selectors(pod, node) {
        return Some("node(s) didn't match Pod's node affinity/selector".to_owned());
    }
    list(node, &["spec", "taints"])
        .iter()
        // Simulated nodes are always ready: the taints of a node's own state are passed over.
        .filter(|taint| !text(taint, &["key"]).starts_with("node.kubernetes.io/"))
        .map(|taint| (text(taint, &["key"]), text(taint, &["value"]), text(taint, &["effect"])))
        .find(|(key, value, effect)| *effect != "PreferNoSchedule" && !tolerates(key, value, effect))
        .map(|(key, value, _)| format!("node(s) had untolerated taint(s) {{{key}: {value}}}"))
}

/// Whether a node matches the pod's `nodeSelector` and required node affinity.
pub(crate) fn fits_selectors(pod: &Value, node: &Value) -> bool {
    let node_label = |key: &str| crate::object::label(node, key).map(String::as_str);
    let selector = map(pod, &["spec", "nodeSelector"])
        .is_none_or(|wanted| wanted.iter().all(|(key, value)| node_label(key) == value.as_str()));
    let required =
        at(pod, &["spec", "affinity", "nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution"]);
    selector
        && required.is_none_or(|required| {
            list(required, &["nodeSelectorTerms"]).iter().any(|term| {
                let expressions = list(term, &["matchExpressions"]);
                let fields = list(term, &["matchFields"]);
                // A term without requirements matches nothing.
                !(expressions.is_empty() && fields.is_empty())
                    && expressions.iter().all(|e| requirement(e, node_label(text(e, &["key"]))))
                    && fields
                        .iter()
                        .all(|e| text(e, &["key"]) == "metadata.name" && requirement(e, Some(name(node))))
            })
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use serde_json::json;
    use std::sync::Arc;

    fn nodes() -> Vec<Object> {
        vec![
            Arc::new(json!({"metadata": {"name": "a", "labels": {"disk": "ssd"}}})),
            Arc::new(json!({"metadata": {"name": "b", "labels": {"disk": "hdd"}},
                "spec": {"taints": [{"key": "team", "value": "x", "effect": "NoSchedule"}]}})),
        ]
    }

    #[rstest]
    #[case::anywhere(json!({}), Ok("a"))]
    #[case::selector(json!({"nodeSelector": {"disk": "nvme"}}),
        Err("0/2 nodes are available: 2 node(s) didn't match Pod's node affinity/selector."))]
    #[case::taint(json!({"nodeSelector": {"disk": "hdd"}}),
        Err("0/2 nodes are available: 1 node(s) didn't match Pod's node affinity/selector, \
             1 node(s) had untolerated taint(s) {team: x}."))]
    #[case::tolerated(json!({"nodeSelector": {"disk": "hdd"}, "tolerations":
        [{"key": "team", "operator": "Equal", "value": "x", "effect": "NoSchedule"}]}), Ok("b"))]
    #[case::by_name(json!({"tolerations": [{"operator": "Exists"}], "affinity": {"nodeAffinity":
        {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms":
        [{"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["b"]}]}]}}}}), Ok("b"))]
    fn pods_are_placed(#[case] spec: Value, #[case] want: Result<&str, &str>) {
        let got = place(&json!({"spec": spec}), &nodes(), &BTreeMap::new());
        assert_eq!(got, want.map(str::to_owned).map_err(str::to_owned));
    }

    #[test]
    fn the_node_with_fewer_pods_is_taken() {
        let pod = json!({"spec": {"tolerations": [{"operator": "Exists"}]}});
        let load = BTreeMap::from([("a".to_owned(), 3), ("b".to_owned(), 2)]);
        assert_eq!(place(&pod, &nodes(), &load), Ok("b".to_owned()));
    }
}
