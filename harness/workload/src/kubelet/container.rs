//! The life of one container, from its last known status to its next. Pure.

use super::fate::Fate;
use crate::events::Note;
use crate::object::{at, earlier, later, number_or, rfc3339, set, text, time};
use crate::queue::backoff;
use jiff::Timestamp;
use serde_json::{Value, json};
use std::time::Duration;

const FIRST_PAUSE: Duration = Duration::from_secs(10);
const LONGEST_PAUSE: Duration = Duration::from_secs(300);
/// A container that ran this long is restarted without a pause.
const RAN_WELL: i64 = 600;

/// Whether the image is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Image {
    /// It is, under this name where that is another one.
    Present {
        /// The name.
        id: Option<String>,
        /// How long the pull took.
        took: Duration,
    },
    /// It is not, and the container's policy is never to pull it.
    NeverPulled {
        /// When it is looked for again, where no pull on the node decides that.
        until: Option<Timestamp>,
    },
    /// It is being pulled.
    Pulling {
        /// When that is over.
        until: Timestamp,
        /// Whether it has just begun.
        begins: bool,
    },
    /// The last attempt to pull it failed.
    Failed {
        message: String,
        /// That it began has been told.
        announced: bool,
        /// In the pause before the next attempt, as opposed to: just failed.
        pausing: bool,
        /// When this changes.
        until: Timestamp,
    },
}

/// What the next status depends on.
pub(crate) struct Input<'a> {
    pub(crate) pod: &'a Value,
    pub(crate) container: &'a Value,
    /// The path of the container in the pod, for events: `spec.containers{app}`.
    pub(crate) field: String,
    /// The last known status.
    pub(crate) known: Option<&'a Value>,
    pub(crate) is_init: bool,
    /// The fate of the attempt that runs, or that comes next.
    pub(crate) fate: Fate,
    /// Whether the image is there; asked where a start is due, and not before, because it begins a pull.
    pub(crate) image: &'a dyn Fn() -> Image,
    /// Why the container cannot be made, such as a ConfigMap that is missing.
    pub(crate) obstacle: Option<String>,
    /// Not before this time.
    pub(crate) start_at: Timestamp,
    pub(crate) run_time: Duration,
    pub(crate) now: Timestamp,
    /// Makes a new container id.
    pub(crate) id: &'a dyn Fn() -> String,
}

/// The next status of a container.
pub(crate) struct Output {
    pub(crate) status: Value,
    pub(crate) notes: Vec<Note>,
    /// When to look again.
    pub(crate) wake: Option<Timestamp>,
    /// The pod is to be evicted.
    pub(crate) evict: bool,
}

impl Input<'_> {
    fn name(&self) -> &str {
        text(self.container, &["name"])
    }

    fn image_name(&self) -> &str {
        text(self.container, &["image"])
    }

    fn restarts(&self) -> i64 {
        self.known.map_or(0, |known| number_or(known, &["restartCount"], 0))
    }

    /// Whether a container that ended is started again.
    fn restarts_after(&self, code: i64) -> bool {
        match (text(self.container, &["restartPolicy"]), text(self.pod, &["spec", "restartPolicy"])) {
            ("Always", _) => true,
            _ if self.is_init && code == 0 => false,
            (_, "Never") => false,
            (_, "OnFailure") => code != 0,
            _ => true,
        }
    }

    fn status(&self, state: Value, ready: bool) -> Value {
        let id = self.known.map(|known| text(known, &["containerID"]).to_owned()).unwrap_or_default();
        let last = self.known.and_then(|known| known.get("lastState")).cloned().unwrap_or_else(|| json!({}));
        let running = state.get("running").is_some();
        let image_id = self.known.map(|known| text(known, &["imageID"])).unwrap_or_default();
        let mut status = json!({
            "name": self.name(), "image": self.image_name(), "imageID": image_id, "ready": ready,
            "restartCount": self.restarts(), "started": running, "state": state, "lastState": last,
        });
        if !id.is_empty() {
            set(&mut status, "containerID", json!(id));
        }
        status
    }

    fn waiting(&self, reason: &str, message: Option<String>) -> Value {
        let mut waiting = json!({ "reason": reason });
        if let Some(message) = message {
            set(&mut waiting, "message", json!(message));
        }
        self.status(json!({ "waiting": waiting }), false)
    }

    fn note(&self, warning: bool, reason: &'static str, message: String) -> Note {
        let note = if warning { Note::warning(reason, message) } else { Note::normal(reason, message) };
        note.about(self.field.clone())
    }
}

/// Takes a container from its last known status to the one that it has now.
pub(crate) fn step(input: &Input<'_>) -> Output {
    let state = input.known.and_then(|known| known.get("state"));
    if let Some(started) = state.and_then(|state| time(state, &["running", "startedAt"])) {
        return running(input, input.known.cloned().unwrap_or_default(), started, Vec::new());
    }
    if let Some(terminated) = state.and_then(|state| at(state, &["terminated"])) {
        if !input.restarts_after(number_or(terminated, &["exitCode"], 0)) {
            let status = input.known.cloned().unwrap_or_default();
            return Output { status, notes: Vec::new(), wake: None, evict: false };
        }
        return after_end(input, terminated.clone(), Vec::new());
    }
    let last = input.known.and_then(|known| at(known, &["lastState", "terminated"]));
    match last {
        // It has run before: it comes back when its pause is over.
        Some(last) => after_end(input, last.clone(), Vec::new()),
        None if input.now < input.start_at => {
            let reason = state.map(|state| text(state, &["waiting", "reason"])).unwrap_or_default();
            let reason = if reason.is_empty() { "ContainerCreating" } else { reason };
            let status = input.waiting(reason, None);
            Output { status, notes: Vec::new(), wake: Some(input.start_at), evict: false }
        }
        None => start(input, None, Vec::new()),
    }
}

/// A container that runs: it goes on, or its time has come.
fn running(input: &Input<'_>, mut status: Value, started: Timestamp, notes: Vec<Note>) -> Output {
    let going_on = |mut status: Value, ready: bool, wake| {
        set(&mut status, "ready", json!(ready));
        Output { status, notes: notes.clone(), wake, evict: false }
    };
    match &input.fate {
        Fate::Run { ready: false } => going_on(status, false, None),
        Fate::Run { ready: true } => {
            let delay = number_or(input.container, &["readinessProbe", "initialDelaySeconds"], 0);
            let ready_at = crate::object::seconds_later(started, delay.max(0));
            let ready = input.now >= ready_at;
            going_on(status, ready, (!ready).then_some(ready_at))
        }
        Fate::Evict { after } => {
            let end = later(started, *after);
            if input.now < end {
                return going_on(status, true, Some(end));
            }
            let state = ended(&status, started, input.now, 137, "ContainerStatusUnknown");
            set(&mut status, "state", state);
            set(&mut status, "ready", json!(false));
            set(&mut status, "started", json!(false));
            Output { status, notes, wake: None, evict: true }
        }
        Fate::End { code, reason } => {
            // Init containers that end well take no time: nobody waits for them.
            let run_time = if input.is_init && *code == 0 { Duration::ZERO } else { input.run_time };
            let end = later(started, run_time);
            if input.now < end {
                return going_on(status, *code == 0, Some(end));
            }
            let state = ended(&status, started, input.now, *code, reason);
            let terminated = state.get("terminated").cloned().unwrap_or_default();
            if input.restarts_after(*code) {
                return after_end(input, terminated, notes);
            }
            set(&mut status, "state", state);
            set(&mut status, "ready", json!(input.is_init && *code == 0));
            set(&mut status, "started", json!(false));
            Output { status, notes, wake: None, evict: false }
        }
    }
}

fn ended(status: &Value, started: Timestamp, now: Timestamp, code: i64, reason: &str) -> Value {
    json!({"terminated": {
        "exitCode": code, "reason": reason, "startedAt": rfc3339(started), "finishedAt": rfc3339(now),
        "containerID": text(status, &["containerID"]),
    }})
}

/// A container that ended and is to be restarted: after a pause, except for the first time.
fn after_end(input: &Input<'_>, terminated: Value, mut notes: Vec<Note>) -> Output {
    let pause = restart_pause(&terminated, input.restarts());
    let due = time(&terminated, &["finishedAt"]).map_or(input.now, |finished| later(finished, pause));
    if input.now >= due {
        return start(input, Some(terminated), notes);
    }
    let pod = format!(
        "{}_{}({})",
        crate::object::name(input.pod),
        crate::object::namespace(input.pod),
        crate::object::uid(input.pod)
    );
    let message =
        format!("back-off {} restarting failed container={} pod={pod}", go_duration(pause), input.name());
    let was = input.known.map(|known| text(known, &["state", "waiting", "reason"])).unwrap_or_default();
    if was != "CrashLoopBackOff" {
        let text = format!("Back-off restarting failed container {} in pod {pod}", input.name());
        notes.push(input.note(true, "BackOff", text));
    }
    let mut status = input.waiting("CrashLoopBackOff", Some(message));
    set(&mut status, "lastState", json!({ "terminated": terminated }));
    Output { status, notes, wake: Some(due), evict: false }
}

/// The pause before the next restart: none before the first, then 10 s, 20 s, up to 5 minutes.
fn restart_pause(terminated: &Value, restarts: i64) -> Duration {
    let ran = match (time(terminated, &["startedAt"]), time(terminated, &["finishedAt"])) {
        (Some(started), Some(finished)) => finished.duration_since(started).as_secs(),
        _ => 0,
    };
    if restarts <= 0 || ran >= RAN_WELL {
        return Duration::ZERO;
    }
    backoff(FIRST_PAUSE, LONGEST_PAUSE, u32::try_from(restarts - 1).unwrap_or(u32::MAX))
}

/// A duration as Go prints it, in whole milliseconds.
fn go_duration(duration: Duration) -> String {
    let (all, milliseconds) = (duration.as_secs(), duration.subsec_millis());
    if all == 0 && milliseconds > 0 {
        return format!("{milliseconds}ms");
    }
    let part = format!(".{milliseconds:03}");
    let seconds = format!("{}{}s", all % 60, part.trim_end_matches('0').trim_end_matches('.'));
    match (all / 3600, all / 60 % 60) {
        (0, 0) => seconds,
        (0, minutes) => format!("{minutes}m{seconds}"),
        (hours, minutes) => format!("{hours}h{minutes}m{seconds}"),
    }
}

/// Starts a container, or starts it again after it ended as `last` says, if its image and all that it refers to are there.
fn start(input: &Input<'_>, last: Option<Value>, mut notes: Vec<Note>) -> Output {
    let image = input.image_name();
    let was = input.known.map(|known| text(known, &["state", "waiting", "reason"])).unwrap_or_default();
    let found = (input.image)();
    let waiting = |reason: &str, message| {
        let mut status = input.waiting(reason, message);
        if let Some(last) = &last {
            set(&mut status, "lastState", json!({ "terminated": last }));
        }
        status
    };
    if let Image::Pulling { until, begins } = &found {
        // The wait for an image looks like any other, but for its event.
        let reason = if was.is_empty() { "ContainerCreating" } else { was };
        if *begins {
            notes.push(input.note(false, "Pulling", format!("Pulling image \"{image}\"")));
        }
        let status = match &last {
            // It shows how it ended until it has been seen to wait.
            Some(last) if was.is_empty() => input.status(json!({ "terminated": last }), false),
            _ => waiting(reason, None),
        };
        return Output { status, notes, wake: Some(*until), evict: false };
    }
    if let Image::NeverPulled { until } = &found {
        const REASON: &str = "ErrImageNeverPull";
        let shown = format!("Container image \"{image}\" is not present with pull policy of Never");
        if was != REASON {
            notes.push(input.note(true, REASON, shown.clone()));
            notes.push(input.note(true, "Failed", format!("Error: {REASON}")));
        }
        let status = waiting(REASON, Some(shown));
        return Output { status, notes, wake: *until, evict: false };
    }
    if let Image::Failed { message, announced, pausing, until } = &found {
        let (reason, shown) = if *pausing {
            ("ImagePullBackOff", format!("Back-off pulling image \"{image}\": ErrImagePull: {message}"))
        } else {
            ("ErrImagePull", message.clone())
        };
        if was != reason {
            if *pausing {
                notes.push(input.note(false, "BackOff", format!("Back-off pulling image \"{image}\"")));
            } else {
                if !announced {
                    notes.push(input.note(false, "Pulling", format!("Pulling image \"{image}\"")));
                }
                notes.push(input.note(
                    true,
                    "Failed",
                    format!("Failed to pull image \"{image}\": {message}"),
                ));
            }
            notes.push(input.note(true, "Failed", format!("Error: {reason}")));
        }
        let status = waiting(reason, Some(shown));
        return Output { status, notes, wake: Some(*until), evict: false };
    }
    if let Some(obstacle) = &input.obstacle {
        let known =
            input.known.map(|known| text(known, &["state", "waiting", "message"])).unwrap_or_default();
        if known != obstacle {
            notes.push(input.note(true, "Failed", format!("Error: {obstacle}")));
        }
        let status = waiting("CreateContainerConfigError", Some(obstacle.clone()));
        return Output { status, notes, wake: None, evict: false };
    }
    let (id, pulled) = match &found {
        Image::Present { id, took } if !took.is_zero() => {
            let took = go_duration(*took);
            let text = format!("Successfully pulled image \"{image}\" in {took} ({took} including waiting)");
            (id.as_deref(), text)
        }
        other => {
            let id = if let Image::Present { id, .. } = other { id.as_deref() } else { None };
            let text = format!(
                "Container image \"{image}\" already present on machine and can be accessed by the pod"
            );
            (id, text)
        }
    };
    notes.push(input.note(false, "Pulled", pulled));
    notes.push(input.note(false, "Created", "Container created".to_owned()));
    notes.push(input.note(false, "Started", "Container started".to_owned()));
    let again = last.is_some();
    let mut status = input.status(json!({"running": {"startedAt": rfc3339(input.now)}}), false);
    set(&mut status, "containerID", json!(format!("containerd://{}", (input.id)())));
    set(&mut status, "imageID", json!(id.unwrap_or(image)));
    if let Some(last) = last {
        set(&mut status, "lastState", json!({ "terminated": last }));
    }
    set(&mut status, "restartCount", json!(input.restarts() + i64::from(again)));
    // Counted from the whole second that the status shows, so that a second look comes to the same end.
    let started = time(&status, &["state", "running", "startedAt"]).unwrap_or(input.now);
    let mut output = first_moments(input, status, started, notes);
    if again {
        // The fate of the next attempt is not known yet: look again at once.
        output.wake = earlier(output.wake, Some(input.now));
    }
    output
}

/// A container that has just been started. One that came back keeps its own fate for the next look, because the fate
/// in `input` may be the one of the attempt before.
fn first_moments(input: &Input<'_>, status: Value, started: Timestamp, notes: Vec<Note>) -> Output {
    let restarted = number_or(&status, &["restartCount"], 0) > input.restarts();
    if restarted {
        return Output { status, notes, wake: None, evict: false };
    }
    running(input, status, started, notes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn second(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    struct Case {
        pod: Value,
        container: Value,
        fate: Fate,
        image: Image,
        /// How often it was asked for.
        asked: std::cell::Cell<u32>,
        obstacle: Option<String>,
        known: Option<Value>,
    }

    impl Case {
        fn new(policy: &str, fate: Fate) -> Case {
            Case {
                pod: json!({"metadata": {"name": "p", "namespace": "n", "uid": "u"},
                    "spec": {"restartPolicy": policy}}),
                container: json!({"name": "app", "image": "img:1"}),
                fate,
                image: Image::Present { id: None, took: Duration::ZERO },
                asked: std::cell::Cell::default(),
                obstacle: None,
                known: None,
            }
        }

        fn step(&mut self, now: i64) -> Output {
            let output = step(&Input {
                pod: &self.pod,
                container: &self.container,
                field: "spec.containers{app}".into(),
                known: self.known.as_ref(),
                is_init: false,
                fate: self.fate.clone(),
                image: &|| {
                    self.asked.set(self.asked.get() + 1);
                    self.image.clone()
                },
                obstacle: self.obstacle.clone(),
                start_at: second(1),
                run_time: Duration::from_secs(1),
                now: second(now),
                id: &|| "id".to_owned(),
            });
            self.known = Some(output.status.clone());
            output
        }

        /// Runs from wake to wake; what is shown, and when.
        fn play(&mut self, until: i64) -> Vec<(i64, String)> {
            let (mut now, mut shown) = (0, Vec::new());
            loop {
                let output = self.step(now);
                let state = &output.status["state"];
                let text = match state.get("waiting") {
                    Some(waiting) => text(waiting, &["reason"]).to_owned(),
                    None if state.get("running").is_some() => {
                        let ready = if output.status["ready"] == json!(true) { "ready" } else { "unready" };
                        format!("running {ready}")
                    }
                    None => format!("exit {}", state["terminated"]["exitCode"]),
                };
                if shown.last().is_none_or(|(_, last)| *last != text) {
                    shown.push((now, text));
                }
                match output.wake {
                    Some(at) if at.as_second() <= until => now = at.as_second(),
                    _ => return shown,
                }
            }
        }
    }

    const CRASH: Fate = Fate::End { code: 1, reason: "Error" };

    #[rstest]
    #[case::becomes_ready("Always", Fate::Run { ready: true }, 60, &[(0, "ContainerCreating"), (1, "running ready")])]
    #[case::never_ready("Always", Fate::Run { ready: false }, 60, &[(0, "ContainerCreating"), (1, "running unready")])]
    #[case::ends_well("Never", Fate::End { code: 0, reason: "Completed" }, 60,
        &[(0, "ContainerCreating"), (1, "running ready"), (2, "exit 0")])]
    #[case::ends_badly("Never", CRASH, 60, &[(0, "ContainerCreating"), (1, "running unready"), (2, "exit 1")])]
    #[case::crash_loop("Always", CRASH, 60, &[
        (0, "ContainerCreating"), (1, "running unready"), (3, "CrashLoopBackOff"), (13, "running unready"),
        (14, "CrashLoopBackOff"), (34, "running unready"), (35, "CrashLoopBackOff")])]
    fn containers_live(
        #[case] policy: &str,
        #[case] fate: Fate,
        #[case] until: i64,
        #[case] want: &[(i64, &str)],
    ) {
        let got = Case::new(policy, fate).play(until);
        let got: Vec<(i64, &str)> = got.iter().map(|(at, text)| (*at, text.as_str())).collect();
        assert_eq!(got, want);
    }

    #[rstest]
    #[case(0, 1, 0)]
    #[case(1, 1, 10)]
    #[case(2, 1, 20)]
    #[case(5, 1, 160)]
    #[case(6, 1, 300)]
    #[case(60, 1, 300)]
    #[case::after_a_long_run(6, 600, 0)]
    fn pauses_between_restarts_double(#[case] restarts: i64, #[case] ran: i64, #[case] want: u64) {
        let terminated = json!({"startedAt": rfc3339(second(0)), "finishedAt": rfc3339(second(ran))});
        assert_eq!(restart_pause(&terminated, restarts), Duration::from_secs(want));
    }

    #[test]
    fn a_missing_image_is_told_first_and_then_waited_for() {
        let mut case = Case::new("Always", Fate::Run { ready: true });
        let failed = |pausing| Image::Failed {
            message: "not found".into(),
            announced: false,
            pausing,
            until: second(9),
        };
        case.image = failed(false);
        let first = case.step(1);
        assert_eq!(first.status["state"]["waiting"]["reason"], "ErrImagePull");
        assert_eq!(
            first.notes.iter().map(|note| note.reason).collect::<Vec<_>>(),
            ["Pulling", "Failed", "Failed"]
        );
        case.image = failed(true);
        let second_look = case.step(2);
        assert_eq!(second_look.status["state"]["waiting"]["reason"], "ImagePullBackOff");
        assert_eq!(
            second_look.status["state"]["waiting"]["message"],
            "Back-off pulling image \"img:1\": ErrImagePull: not found"
        );
        let third = case.step(3);
        assert_eq!((third.status, third.notes.len()), (second_look.status, 0));
        case.image = Image::Present { id: None, took: Duration::ZERO };
        assert!(case.step(4).status["state"].get("running").is_some());
    }

    #[test]
    fn an_image_that_is_never_pulled_is_looked_for_again() {
        let mut case = Case::new("Always", Fate::Run { ready: true });
        case.image = Image::NeverPulled { until: Some(second(11)) };
        let first = case.step(1);
        let message = "Container image \"img:1\" is not present with pull policy of Never";
        let waiting = json!({"reason": "ErrImageNeverPull", "message": message});
        assert_eq!(first.status["state"]["waiting"], waiting);
        let told: Vec<(&str, &str)> =
            first.notes.iter().map(|note| (note.reason, note.message.as_str())).collect();
        assert_eq!(told, [("ErrImageNeverPull", message), ("Failed", "Error: ErrImageNeverPull")]);
        assert_eq!(first.wake, Some(second(11)));
        assert!(case.step(2).notes.is_empty());
        case.image = Image::Present { id: None, took: Duration::ZERO };
        assert!(case.step(11).status["state"].get("running").is_some());
    }

    #[test]
    fn a_missing_config_map_holds_the_container_until_it_is_there() {
        let mut case = Case::new("Always", Fate::Run { ready: true });
        case.obstacle = Some("configmap \"settings\" not found".into());
        let held = case.step(1);
        assert_eq!(held.status["state"]["waiting"]["reason"], "CreateContainerConfigError");
        assert_eq!(held.notes[0].message, "Error: configmap \"settings\" not found");
        assert!(case.step(2).notes.is_empty());
        case.obstacle = None;
        assert!(case.step(3).status["state"].get("running").is_some());
    }

    #[test]
    fn an_image_is_asked_for_where_a_start_is_due_and_gives_its_name() {
        let mut case = Case::new("Always", CRASH);
        let present = |id: &str| Image::Present { id: Some(id.to_owned()), took: Duration::ZERO };
        case.image = present("img@sha256:1");
        // When, how often it has been asked for, state, restarts, image.
        let cases = [
            (0, 0, "waiting", 0, ""),
            (1, 1, "running", 0, "img@sha256:1"),
            (2, 2, "running", 1, "img@sha256:1"),
            (3, 2, "waiting", 1, "img@sha256:1"),
            (9, 2, "waiting", 1, "img@sha256:1"),
            (13, 3, "running", 2, "img@sha256:2"),
        ];
        for (now, asked, state, restarts, image) in cases {
            if now == 9 {
                case.image = present("img@sha256:2");
            }
            let status = case.step(now).status;
            assert_eq!(case.asked.get(), asked, "at {now}");
            assert!(status["state"].get(state).is_some(), "at {now}: {status}");
            assert_eq!((&status["restartCount"], &status["imageID"]), (&json!(restarts), &json!(image)));
            let id = if now == 0 { Value::Null } else { json!("containerd://id") };
            assert_eq!(status["containerID"], id, "at {now}");
        }
    }

    #[rstest]
    #[case::pulled(Image::Pulling { until: second(4), begins: true }, None, "/terminated/exitCode")]
    #[case::missing(Image::Failed { message: "gone".into(), announced: false, pausing: false, until: second(4) }, None,
        "/waiting/message")]
    #[case::not_made(Image::Present { id: None, took: Duration::ZERO }, Some("no key"), "/waiting/message")]
    fn a_restart_that_is_held_up_still_counts(
        #[case] image: Image,
        #[case] obstacle: Option<&str>,
        #[case] shows: &str,
    ) {
        let mut case = Case::new("Always", CRASH);
        case.step(1);
        let good = std::mem::replace(&mut case.image, image);
        case.obstacle = obstacle.map(str::to_owned);
        let held = case.step(2).status;
        assert!(held["state"].pointer(shows).is_some(), "{held}");
        assert_eq!(held["restartCount"], 0);
        (case.image, case.obstacle) = (good, None);
        let back = case.step(4).status;
        assert_eq!(
            (&back["restartCount"], &back["lastState"]["terminated"]["exitCode"]),
            (&json!(1), &json!(1))
        );
    }

    #[test]
    fn durations_are_printed_as_go_does() {
        let cases = [
            (0, "0s"),
            (7, "7ms"),
            (1500, "1.5s"),
            (40_000, "40s"),
            (160_020, "2m40.02s"),
            (300_000, "5m0s"),
            (3_600_000, "1h0m0s"),
        ];
        for (milliseconds, text) in cases {
            assert_eq!(go_duration(Duration::from_millis(milliseconds)), text);
        }
    }
}
