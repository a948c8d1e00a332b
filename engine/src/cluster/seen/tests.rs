//! Stories of what a watch tells, what this process reads and writes, and what is known then.

use super::*;
use rstest::rstest;
use seatrial_time::{Simulation, simulate};
use serde_json::json;

fn who() -> ObjectRef {
    ObjectRef::new("v1", "Thing", "ns", "one")
}

/// The object with this uid at this version.
fn thing(uid: &str, version: u64) -> Arc<Value> {
    Arc::new(json!({ "apiVersion": "v1", "kind": "Thing",
        "metadata": { "name": "one", "namespace": "ns", "uid": uid, "resourceVersion": version.to_string() } }))
}

fn deleted(uid: &str, version: u64, finalizers: &[&str]) -> Arc<Value> {
    let mut thing = (*thing(uid, version)).clone();
    thing["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z".into();
    thing["metadata"]["finalizers"] = json!(finalizers);
    Arc::new(thing)
}

fn listed(seen: &Seen, objects: &[Arc<Value>]) {
    seen.listed("v1", "Thing", objects);
}

fn wrote(seen: &Seen, answer: Option<&Arc<Value>>) {
    seen.write(&who()).ended(answer);
}

fn read(seen: &Seen, found: Option<&Arc<Value>>) {
    seen.found(&who(), seen.asks(), found);
}

/// What is known after `story`, by uid and version.
fn known(story: impl FnOnce(&Seen)) -> Option<(String, String)> {
    let seen = Seen::new(&Clock::wall());
    story(&seen);
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    seen.find(&who()).map(|it| (text(&it["metadata"]["uid"]), text(&it["metadata"]["resourceVersion"])))
}

type Story = fn(&Seen);

#[rstest]
#[case::nothing_is_watched(|_: &Seen| {}, None)]
#[case::what_no_watch_has_shown_is_not_kept(|s: &Seen| { listed(s, &[]); read(s, Some(&thing("a", 5))); }, None)]
#[case::a_list(|s: &Seen| listed(s, &[thing("a", 5)]), Some(("a", 5)))]
#[case::a_change(|s: &Seen| { listed(s, &[thing("a", 5)]); s.set(&thing("a", 7)); }, Some(("a", 7)))]
#[case::versions_are_numbers(|s: &Seen| { listed(s, &[thing("a", 9)]); s.set(&thing("a", 10)); }, Some(("a", 10)))]
#[case::an_own_write(|s: &Seen| { listed(s, &[thing("a", 5)]); wrote(s, Some(&thing("a", 8))); }, Some(("a", 8)))]
#[case::a_watch_that_is_behind_an_own_write(
    |s: &Seen| { listed(s, &[thing("a", 5)]); wrote(s, Some(&thing("a", 8))); s.set(&thing("a", 7)); },
    Some(("a", 8))
)]
#[case::a_list_that_is_behind_an_own_write(
    |s: &Seen| { listed(s, &[thing("a", 5)]); wrote(s, Some(&thing("a", 8))); listed(s, &[thing("a", 7)]); },
    Some(("a", 8))
)]
#[case::an_answer_that_comes_after_a_newer_event(
    |s: &Seen| { listed(s, &[thing("a", 5)]); s.set(&thing("a", 9)); wrote(s, Some(&thing("a", 8))); },
    Some(("a", 9))
)]
#[case::a_write_that_fails(|s: &Seen| { listed(s, &[thing("a", 5)]); wrote(s, None); }, None)]
#[case::a_write_that_is_given_up(|s: &Seen| { listed(s, &[thing("a", 5)]); drop(s.write(&who())); }, None)]
#[case::an_event_ends_no_doubt(
    |s: &Seen| { listed(s, &[thing("a", 5)]); wrote(s, None); s.set(&thing("a", 6)); },
    None
)]
#[case::a_list_ends_no_doubt(
    |s: &Seen| { listed(s, &[thing("a", 5)]); wrote(s, None); listed(s, &[thing("a", 6)]); },
    None
)]
#[case::an_answer_ends_no_doubt(
    |s: &Seen| { listed(s, &[thing("a", 5)]); wrote(s, None); wrote(s, Some(&thing("a", 6))); },
    None
)]
#[case::a_read_ends_doubt(
    |s: &Seen| { listed(s, &[thing("a", 5)]); wrote(s, None); read(s, Some(&thing("a", 7))); },
    Some(("a", 7))
)]
#[case::a_read_that_began_before_does_not(
    |s: &Seen| {
        listed(s, &[thing("a", 5)]);
        let asked = s.asks();
        wrote(s, None);
        s.found(&who(), asked, Some(&thing("a", 6)));
    },
    None
)]
#[case::gone(|s: &Seen| { listed(s, &[thing("a", 5)]); s.gone(&thing("a", 6)); }, None)]
#[case::not_listed_any_more(|s: &Seen| { listed(s, &[thing("a", 5)]); listed(s, &[]); }, None)]
#[case::a_read_does_not_find_it(|s: &Seen| { listed(s, &[thing("a", 5)]); read(s, None); }, None)]
#[case::a_read_that_comes_after_it_has_gone(
    |s: &Seen| {
        listed(s, &[thing("a", 5)]);
        let asked = s.asks();
        s.gone(&thing("a", 6));
        s.found(&who(), asked, Some(&thing("a", 5)));
    },
    None
)]
#[case::an_event_after_it_was_not_found(
    |s: &Seen| { listed(s, &[thing("a", 5)]); read(s, None); s.set(&thing("a", 6)); },
    None
)]
#[case::the_last_finalizer_is_taken_off(
    |s: &Seen| { listed(s, &[deleted("a", 5, &["x"])]); wrote(s, Some(&deleted("a", 6, &[]))); },
    None
)]
#[case::and_the_watch_is_behind(
    |s: &Seen| {
        listed(s, &[thing("a", 4)]);
        wrote(s, Some(&deleted("a", 6, &[])));
        s.set(&deleted("a", 5, &["x"]));
    },
    None
)]
#[case::a_finalizer_is_left(
    |s: &Seen| { listed(s, &[deleted("a", 5, &["x", "y"])]); wrote(s, Some(&deleted("a", 6, &["y"]))); },
    Some(("a", 6))
)]
#[case::it_comes_back(
    |s: &Seen| { listed(s, &[thing("a", 5)]); s.gone(&thing("a", 6)); s.set(&thing("b", 7)); },
    Some(("b", 7))
)]
#[case::it_comes_back_after_doubt(
    |s: &Seen| { listed(s, &[thing("a", 5)]); wrote(s, None); s.gone(&thing("a", 6)); s.set(&thing("b", 7)); },
    Some(("b", 7))
)]
#[case::the_watch_learns_later_than_a_read_that_it_came_back(
    |s: &Seen| { listed(s, &[thing("a", 5)]); read(s, Some(&thing("b", 7))); s.gone(&thing("a", 6)); },
    Some(("b", 7))
)]
#[case::an_own_write_met_another_object(
    |s: &Seen| { listed(s, &[thing("a", 5)]); wrote(s, Some(&thing("b", 7))); },
    None
)]
#[case::the_watch_breaks(|s: &Seen| { listed(s, &[thing("a", 5)]); s.broke("v1", "Thing"); }, None)]
#[case::and_goes_on(
    |s: &Seen| { listed(s, &[thing("a", 5)]); s.broke("v1", "Thing"); s.heard("v1", "Thing"); },
    Some(("a", 5))
)]
#[case::another_kind(|s: &Seen| s.listed("v1", "Other", &[thing("a", 5)]), None)]
fn what_is_known(#[case] story: Story, #[case] expected: Option<(&str, u64)>) {
    let expected = expected.map(|(uid, version)| (uid.to_owned(), version.to_string()));
    assert_eq!(known(story), expected);
}

#[test]
fn a_watch_that_is_silent_is_not_believed() {
    let end = simulate(Simulation::seeded(1), |clock| async move {
        let seen = Seen::new(&clock);
        listed(&seen, &[thing("a", 5)]);
        clock.sleep(SILENCE).await;
        assert!(seen.find(&who()).is_some());
        clock.sleep(Duration::from_secs(1)).await;
        assert!(seen.find(&who()).is_none());
        seen.heard("v1", "Thing");
        assert!(seen.find(&who()).is_some());
    });
    end.unwrap();
}

#[test]
fn the_default_keeps_nothing() {
    let seen = Seen::default();
    listed(&seen, &[thing("a", 5)]);
    assert!(seen.find(&who()).is_none());
    assert!(!seen.write(&who()).is_kept());
}
