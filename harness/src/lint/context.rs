//! What rules know.

use super::LintOptions;
use super::finding::Lint;
use super::places::Places;
use crate::offline::{Build, Builds, Fleet, Outcome, Placed};
use seatrial_sim::crd_schema::CrdSchema;
use serde_json::Value;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// A repository, what its clusters get, and what is asked.
pub(super) struct Context<'a> {
    pub(super) fleet: &'a Fleet,
    pub(super) clusters: &'a [Builds],
    pub(super) options: &'a LintOptions,
    pub(super) places: Places<'a>,
    /// Schemas by the text that they were compiled of; none where that is not possible.
    schemas: RefCell<BTreeMap<String, Option<Rc<CrdSchema>>>>,
}

impl<'a> Context<'a> {
    pub(super) fn new(fleet: &'a Fleet, clusters: &'a [Builds], options: &'a LintOptions) -> Context<'a> {
        Context { fleet, clusters, options, places: Places::new(fleet), schemas: RefCell::default() }
    }

    /// What was not looked at.
    pub(super) fn notes(&self, wanted: &BTreeSet<String>) -> Lint {
        let mut lint = Lint { notes: self.fleet.source.notes.clone(), ..Lint::default() };
        // The working tree is what is looked at.
        lint.notes.retain(|note| !note.contains("working tree"));
        for cluster in self.clusters.iter().filter(|cluster| wanted.contains(&cluster.cluster.name)) {
            for build in &cluster.all {
                let name = &cluster.cluster.name;
                if let Outcome::NoSource(why) | Outcome::Unseen(why) = &build.outcome {
                    lint.notes.push(format!("{name}: {} is not looked at: {why}", build.who));
                } else if build.is_open {
                    lint.notes.push(format!(
                        "{name}: the variables of {} are not known: what has ${{…}} in it is not looked at",
                        build.who
                    ));
                }
            }
        }
        lint
    }

    /// Whether all that the clusters get has been seen.
    pub(super) fn is_complete(&self) -> bool {
        self.clusters.iter().all(Builds::is_complete)
    }

    /// A compiled schema of a definition; none where it has what is not supported.
    pub(super) fn schema(&self, schema: &Value, api_version: &str, kind: &str) -> Option<Rc<CrdSchema>> {
        let key = format!("{api_version} {kind} {schema}");
        let compile = || {
            let compiled = CrdSchema::compile(Some(schema), api_version, kind, "spec.versions[0].schema");
            compiled.ok().map(Rc::new)
        };
        self.schemas.borrow_mut().entry(key).or_insert_with(compile).clone()
    }
}

/// The objects of these kinds that a cluster gets.
pub(super) fn of_kinds<'b>(
    cluster: &'b Builds,
    kinds: &'static [&'static str],
) -> impl Iterator<Item = (&'b Build, &'b Placed)> {
    cluster.objects().filter(|(_, placed)| {
        kinds.iter().any(|kind| placed.object["kind"] == **kind) && is_flux(&placed.object)
    })
}

/// Whether an object is of a Flux kind.
pub(super) fn is_flux(object: &Value) -> bool {
    let version = object["apiVersion"].as_str().unwrap_or_default();
    let group = version.split_once('/').map_or("", |(group, _)| group);
    group.ends_with(".fluxcd.io")
}

/// `Kind/namespace/name`.
pub(super) fn who(object: &Value) -> String {
    seatrial_engine::ObjectRef::of(object).to_string()
}

/// Whether a text has a variable in it that was not substituted.
pub(super) fn is_open(text: &str) -> bool {
    text.contains("${")
}

/// The items of a list; none of what is none.
pub(super) fn items(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

/// `a`, `a and b`, `a, b and c`.
pub(super) fn listed(names: &[String]) -> String {
    match names {
        [] => "none".to_owned(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}
