//! What Services are given: addresses and node ports.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use serde_json::{Map, Value, json};

use super::keep;
use crate::kind::Kind;
use crate::meta;
use crate::serve::Ctx;
use crate::status::{FieldError, Refusal, Result};

/// The range of service addresses: 10.96.0.0/12.
const SERVICES: (u32, u32) = (0x0a60_0000, 1 << 20);
const NODE_PORTS: (u64, u64) = (30_000, 2_768);

/// What the Services of a cluster have, and how many of them have it.
#[derive(Debug, Default)]
pub(crate) struct Allocated {
    addresses: BTreeMap<String, usize>,
    node_ports: BTreeMap<u64, usize>,
}

impl Allocated {
    /// A Service has come, has changed, or is gone.
    pub(crate) fn changed(&mut self, old: Option<&Value>, new: Option<&Value>) {
        if let Some(new) = new {
            *self.addresses.entry(address(new).to_owned()).or_default() += 1;
            for port in node_ports(new) {
                *self.node_ports.entry(port).or_default() += 1;
            }
        }
        if let Some(old) = old {
            one_less(&mut self.addresses, address(old));
            for port in node_ports(old) {
                one_less(&mut self.node_ports, &port);
            }
        }
    }
}

fn one_less<K: Ord + std::borrow::Borrow<Q>, Q: Ord + ?Sized>(counts: &mut BTreeMap<K, usize>, key: &Q) {
    if let Some(count) = counts.get_mut(key) {
        *count -= 1;
        if *count == 0 {
            counts.remove(key);
        }
    }
}

fn address(service: &Value) -> &str {
    meta::text(service, &["spec", "clusterIP"])
}

fn node_ports(service: &Value) -> impl Iterator<Item = u64> + '_ {
    let ports = meta::at(service, &["spec", "ports"]).and_then(Value::as_array);
    ports.into_iter().flatten().filter_map(|port| port.get("nodePort")?.as_u64())
}

/// Addresses and node ports of a Service.
pub(super) fn complete(
    ctx: &mut Ctx<'_>,
    kind: &Kind,
    live: Option<&Value>,
    object: &mut Value,
) -> Result<()> {
    let name = meta::name(object).to_owned();
    let ty = meta::text(object, &["spec", "type"]).to_owned();
    let old_type = live.map(|l| meta::text(l, &["spec", "type"]));
    if ty == "ExternalName" {
        if let Some(live) = live.filter(|_| matches!(old_type, Some("NodePort" | "LoadBalancer"))) {
            release_node_ports(live, object);
        }
        let spec = meta::map_mut(object, "spec");
        for field in ["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy", "internalTrafficPolicy"] {
            spec.remove(field);
        }
        return Ok(());
    }
    if let (Some(live), "ClusterIP") = (live, ty.as_str())
        && matches!(old_type, Some("NodePort" | "LoadBalancer"))
    {
        release_node_ports(live, object);
    }
    if let Some(live) = live.filter(|_| old_type != Some("ExternalName")) {
        keep(live, object, &["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"]);
        if ty != "ClusterIP" {
            keep(live, object, &["healthCheckNodePort"]);
            keep_node_ports(live, object);
        }
    }
    // Whoever changes the first address alone means the list as well.
    let part = |object: &Value, field: &str| meta::at(object, &["spec", field]).cloned();
    if let Some(live) = live
        && part(live, "clusterIP") != part(object, "clusterIP")
        && part(live, "clusterIPs") == part(object, "clusterIPs")
        && let Some(first) = part(object, "clusterIP")
    {
        meta::map_mut(object, "spec").insert("clusterIPs".to_owned(), json!([first]));
    }
    let address = match meta::text(object, &["spec", "clusterIP"]) {
        "" => free_address(ctx),
        "None" => "None".to_owned(),
        given => {
            let same = live.is_some_and(|l| meta::text(l, &["spec", "clusterIP"]) == given);
            if !same && ctx.state.allocated.addresses.contains_key(given) {
                let why = format!("failed to allocate IP {given}: provided IP is already allocated");
                let error = FieldError::invalid("spec.clusterIPs", &json!([given]), &why);
                return Err(Refusal::invalid(kind, &name, vec![error]));
            }
            given.to_owned()
        }
    };
    let spec = meta::map_mut(object, "spec");
    spec.insert("clusterIP".to_owned(), address.as_str().into());
    spec.entry("clusterIPs").or_insert_with(|| json!([address]));
    let refused = families(spec, address == "None");
    if !refused.is_empty() {
        return Err(Refusal::invalid(kind, &name, refused));
    }
    if ty == "LoadBalancer"
        && spec.get("externalTrafficPolicy") == Some(&"Local".into())
        && !spec.contains_key("healthCheckNodePort")
    {
        let port = free_port(ctx, &[]);
        spec.insert("healthCheckNodePort".to_owned(), port.into());
    }
    let wants_ports = ty == "NodePort"
        || (ty == "LoadBalancer" && spec.get("allocateLoadBalancerNodePorts") != Some(&Value::Bool(false)));
    if let (true, Some(Value::Array(ports))) = (wants_ports, spec.get_mut("ports")) {
        let mut taken = Vec::new();
        for port in ports.iter_mut().filter_map(Value::as_object_mut) {
            if port.get("nodePort").and_then(Value::as_u64).unwrap_or(0) == 0 {
                let number = free_port(ctx, &taken);
                taken.push(number);
                port.insert("nodePort".to_owned(), number.into());
            }
        }
    }
    Ok(())
}

/// Fills in the families of a Service's addresses. The cluster has IPv4 alone: more is for Services without addresses that somebody
/// else gives their endpoints.
fn families(spec: &mut Map<String, Value>, headless: bool) -> Vec<FieldError> {
    let selects = spec.get("selector").and_then(Value::as_object).is_some_and(|labels| !labels.is_empty());
    let of_others = headless && !selects;
    let families = spec.entry("ipFamilies").or_insert_with(|| json!(["IPv4"])).clone();
    let families: Vec<&str> = families.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let usual = if of_others { "RequireDualStack" } else { "SingleStack" };
    let policy = spec.entry("ipFamilyPolicy").or_insert_with(|| usual.into()).clone();
    let mut refused = Vec::new();
    for (at, family) in families.iter().enumerate() {
        let at_field = format!("spec.ipFamilies[{at}]");
        if !["IPv4", "IPv6"].contains(family) {
            refused.push(FieldError::not_supported(at_field, &(*family).into(), &["IPv4", "IPv6"]));
        } else if families[..at].contains(family) {
            refused.push(FieldError::duplicate(at_field, &(*family).into()));
        }
    }
    if refused.is_empty() && policy == "SingleStack" && families.len() > 1 {
        let why = "must be 'RequireDualStack' or 'PreferDualStack' when multiple IP families are specified";
        refused.push(FieldError::invalid("spec.ipFamilyPolicy", &policy, why));
    }
    if !refused.is_empty() {
        return refused;
    }
    if of_others {
        let other = if families[..] == ["IPv6"] { "IPv4" } else { "IPv6" };
        if let (true, [one]) = (policy != "SingleStack", &families[..]) {
            spec.insert("ipFamilies".to_owned(), json!([one, other]));
        }
        return refused;
    }
    if policy == "RequireDualStack" {
        let why = "this cluster is not configured for dual-stack services";
        refused.push(FieldError::invalid("spec.ipFamilyPolicy", &policy, why));
    }
    for (at, family) in families.iter().enumerate().filter(|(_, family)| **family == "IPv6") {
        let why = "not configured on this cluster";
        refused.push(FieldError::invalid(format!("spec.ipFamilies[{at}]"), &(*family).into(), why));
    }
    refused
}

fn free_address(ctx: &mut Ctx<'_>) -> String {
    loop {
        // The lower addresses are for those who ask for one by name.
        let offset = 256 + ctx.state.address_rng.below(u64::from(SERVICES.1) - 512);
        let address = Ipv4Addr::from(SERVICES.0.wrapping_add(offset as u32)).to_string();
        if !ctx.state.allocated.addresses.contains_key(&address) {
            return address;
        }
    }
}

/// A port that no Service has, nor is among `taken`.
fn free_port(ctx: &mut Ctx<'_>, taken: &[u64]) -> u64 {
    loop {
        let port = NODE_PORTS.0 + ctx.state.address_rng.below(NODE_PORTS.1);
        let used = &ctx.state.allocated.node_ports;
        let free = !used.contains_key(&port) && !taken.contains(&port);
        if free || (used.len() + taken.len()) as u64 >= NODE_PORTS.1 {
            return port;
        }
    }
}

/// A Service that is no longer reached from outside gives back what it had for that, unless the update changes it.
fn release_node_ports(live: &Value, new: &mut Value) {
    let old = live.get("spec").and_then(Value::as_object).cloned().unwrap_or_default();
    let spec = meta::map_mut(new, "spec");
    for field in ["externalTrafficPolicy", "healthCheckNodePort", "allocateLoadBalancerNodePorts"] {
        if spec.get(field) == old.get(field) {
            spec.remove(field);
        }
    }
    let used: BTreeSet<u64> = old
        .get("ports")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(|p| p.get("nodePort")?.as_u64())
        .collect();
    let ports = spec.get_mut("ports").and_then(Value::as_array_mut);
    for port in ports.into_iter().flatten().filter_map(Value::as_object_mut) {
        if port.get("nodePort").and_then(Value::as_u64).is_some_and(|p| used.contains(&p)) {
            port.remove("nodePort");
        }
    }
}

fn keep_node_ports(live: &Value, new: &mut Value) {
    let old = meta::at(live, &["spec", "ports"]).and_then(Value::as_array).cloned().unwrap_or_default();
    let Some(Value::Array(ports)) = new.pointer_mut("/spec/ports") else { return };
    for port in ports.iter_mut() {
        let same = old
            .iter()
            .find(|o| o.get("port") == port.get("port") && o.get("protocol") == port.get("protocol"));
        let number = same.and_then(|o| o.get("nodePort")).cloned();
        if let (Some(number), Value::Object(map)) = (number, port) {
            map.entry("nodePort").or_insert(number);
        }
    }
}
