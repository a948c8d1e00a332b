//! `dependency-cycle`: `dependsOn` that leads in a circle.

use super::context::{Context, of_kinds};
use super::dependencies::{self, KINDS};
use super::finding::{Finding, Lint};
use super::rule::Rule;
use crate::offline::{Builds, Placed, place};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

type Node = (String, String, String);

pub(super) fn check(context: &Context<'_>, cluster: &Builds, found: &mut Lint) {
    let mut edges: BTreeMap<Node, Vec<(usize, Node)>> = BTreeMap::new();
    let mut objects: BTreeMap<Node, &Placed> = BTreeMap::new();
    for (_, placed) in of_kinds(cluster, KINDS) {
        let kind = placed.object["kind"].as_str().unwrap_or_default();
        let (namespace, name) = place(&placed.object);
        let node = |namespace: &str, name: &str| (kind.to_owned(), namespace.to_owned(), name.to_owned());
        let all = dependencies::of(&placed.object).map(|(index, ns, name)| (index, node(ns, name))).collect();
        edges.insert(node(namespace, name), all);
        objects.insert(node(namespace, name), placed);
    }
    let mut told = BTreeSet::new();
    for start in edges.keys() {
        if told.contains(start) {
            continue;
        }
        let Some(circle) = shortest(&edges, start) else { continue };
        told.extend(circle.iter().map(|(_, node)| node.clone()));
        let shown = |(kind, namespace, name): &Node| format!("{kind}/{namespace}/{name}");
        let message = match circle.as_slice() {
            [_] => format!("{} depends on itself: it never begins", shown(start)),
            _ => {
                let way: Vec<String> = circle.iter().map(|(_, node)| shown(node)).collect();
                format!("{} waits for itself: {} -> {}", shown(start), shown(start), way.join(" -> "))
            }
        };
        let index = circle.first().map_or(0, |(index, _)| *index);
        let place = objects
            .get(start)
            .and_then(|at| context.places.field(at, &format!("spec.dependsOn[{index}].name")));
        let finding = Finding::error(Rule::DependencyCycle, message).at(place);
        found.findings.push(finding.help("take one of them out of dependsOn").on(&cluster.cluster.name));
    }
}

/// The shortest way from a node back to it: each step with the place of its edge among those of the node before.
fn shortest(edges: &BTreeMap<Node, Vec<(usize, Node)>>, start: &Node) -> Option<Vec<(usize, Node)>> {
    let mut before: BTreeMap<&Node, (&Node, usize)> = BTreeMap::new();
    let mut queue = VecDeque::from([start]);
    while let Some(at) = queue.pop_front() {
        for (index, next) in edges.get(at).into_iter().flatten() {
            if next == start {
                let mut way = vec![(*index, next.clone())];
                let mut back = at;
                while back != start {
                    let (from, index) = *before.get(back)?;
                    way.push((index, back.clone()));
                    back = from;
                }
                way.reverse();
                return Some(way);
            }
            if !before.contains_key(next) {
                before.insert(next, (at, *index));
                queue.push_back(next);
            }
        }
    }
    None
}
