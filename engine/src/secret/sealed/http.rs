//! What kubeseal asks of a controller, and its metrics.

use super::instance::Instance;
use crate::object::ObjectRef;
use jiff::Timestamp;
use seatrial_seal::secret::{open, reseal};
use seatrial_time::Clock;
use seatrial_yaml::go_g_float;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A request to a pod of a controller.
#[derive(Clone, Copy, Debug)]
pub struct SealedRequest<'r> {
    /// Namespace of the pod.
    pub namespace: &'r str,
    /// Name of its Deployment.
    pub deployment: &'r str,
    /// Port of the pod.
    pub port: u16,
    /// Method, in capitals.
    pub method: &'r str,
    /// Path, without a query.
    pub path: &'r str,
    /// Body.
    pub body: &'r [u8],
}

/// The answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedAnswer {
    /// HTTP status.
    pub code: u16,
    /// Headers beside the length.
    pub headers: Vec<(&'static str, String)>,
    /// Body.
    pub body: Vec<u8>,
}

impl SealedAnswer {
    fn new(code: u16, media: Option<&str>, body: impl Into<Vec<u8>>) -> SealedAnswer {
        let headers = media.map(|media| ("content-type", media.to_owned())).into_iter().collect();
        SealedAnswer { code, headers, body: body.into() }
    }
}

const TEXT: &str = "text/plain; charset=utf-8";
/// How many values one request may have opened: each takes some milliseconds, and as often as there are keys.
const VALUES: usize = 256;

/// Answers a request to an instance; `None`: nobody listens on the port.
pub(super) fn answer(instance: &Instance, request: &SealedRequest<'_>) -> Option<SealedAnswer> {
    if !instance.counters.serves() {
        return None;
    }
    let not_found = || SealedAnswer::new(404, Some(TEXT), "404 page not found\n");
    if request.port == instance.flags.metrics_port {
        return Some(match request.path {
            "/metrics" => SealedAnswer::new(
                200,
                Some("text/plain; version=0.0.4; charset=utf-8"),
                instance.counters.text(&instance.version),
            ),
            _ => not_found(),
        });
    }
    if request.port != instance.flags.port {
        return None;
    }
    let began = instance.counters.clock.now();
    let answer = match request.path {
        "/healthz" => return Some(SealedAnswer::new(200, Some(TEXT), "ok\n")),
        "/v1/cert.pem" => match instance.keys.certificate() {
            Some(certificate) => {
                SealedAnswer::new(200, Some("application/x-pem-file"), certificate.pem().to_owned())
            }
            None => SealedAnswer::new(500, None, ""),
        },
        "/v1/verify" => verify(instance, request.body),
        "/v1/rotate" => rotate(instance, request.body),
        _ => return Some(not_found()),
    };
    instance.counters.asked(request.method, request.path, answer.code, began);
    Some(answer)
}

/// The SealedSecret in a body; kinds may be missing, as in what `/v1/rotate` answers.
fn sealed(body: &[u8]) -> Option<Value> {
    let mut object: Value = serde_json::from_slice(body).ok()?;
    let kind = object["kind"].as_str().map(str::to_owned);
    if kind.is_some_and(|kind| kind != "SealedSecret") || !object["spec"]["encryptedData"].is_object() {
        return None;
    }
    object["kind"] = "SealedSecret".into();
    Some(object)
}

/// Refuses a SealedSecret that takes too long to open.
fn too_many(object: &Value) -> Option<SealedAnswer> {
    let count = object["spec"]["encryptedData"].as_object().map_or(0, Map::len);
    let refused = || {
        let message = format!("more than {VALUES} values in one request are not supported\n");
        SealedAnswer::new(413, Some(TEXT), message)
    };
    (count > VALUES).then(refused)
}

fn verify(instance: &Instance, body: &[u8]) -> SealedAnswer {
    let rate = instance.counters.limit();
    let mut answer = match rate.wait {
        Some(wait) => {
            let mut refused = SealedAnswer::new(429, Some(TEXT), "limit exceeded\n");
            refused.headers.push(("retry-after", wait.to_string()));
            refused.headers.push(("x-content-type-options", "nosniff".to_owned()));
            refused
        }
        None => verified(instance, body),
    };
    for (name, number) in [
        ("x-ratelimit-limit", rate.limit),
        ("x-ratelimit-remaining", rate.left),
        ("x-ratelimit-reset", rate.reset),
    ] {
        answer.headers.push((name, number.to_string()));
    }
    answer
}

fn verified(instance: &Instance, body: &[u8]) -> SealedAnswer {
    let Some(object) = sealed(body) else { return SealedAnswer::new(500, None, "") };
    if let Some(refused) = too_many(&object) {
        return refused;
    }
    let code = if open(&object, &instance.keys.ring()).is_ok() { 200 } else { 409 };
    SealedAnswer::new(code, None, "")
}

fn rotate(instance: &Instance, body: &[u8]) -> SealedAnswer {
    let Some(object) = sealed(body) else { return SealedAnswer::new(500, None, "") };
    if let Some(refused) = too_many(&object) {
        return refused;
    }
    let resealed = instance
        .keys
        .certificate()
        .and_then(|certificate| reseal(&object, &instance.keys.ring(), &certificate.key).ok());
    let Some(Value::Object(resealed)) = resealed else { return SealedAnswer::new(500, None, "") };
    // The real one leaves out what the object is, and its status.
    let kept = ["metadata", "spec"].map(|field| (field.to_owned(), resealed[field].clone()));
    SealedAnswer::new(200, Some(TEXT), Value::Object(Map::from_iter(kept)).to_string())
}

/// The upper ends of the buckets that latencies are counted in, in seconds.
const BUCKETS: [f64; 11] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// Latencies of the requests to one path by one method.
#[derive(Default)]
struct Latencies {
    /// How many took at most so long, for each of [`BUCKETS`].
    buckets: [u64; BUCKETS.len()],
    /// All together, in seconds.
    sum: f64,
    count: u64,
}

impl Latencies {
    fn add(&mut self, seconds: f64) {
        for (bucket, end) in self.buckets.iter_mut().zip(BUCKETS) {
            *bucket += u64::from(seconds <= end);
        }
        self.sum += seconds;
        self.count += 1;
    }
}

/// How often `/v1/verify` may be asked still.
struct Rate {
    /// How many requests may come at once.
    limit: u64,
    /// How many of them may come now.
    left: u64,
    /// After how many seconds all of them may come again.
    reset: u64,
    /// After how many seconds the next one may come, where this one may not.
    wait: Option<u64>,
}

/// What an instance counts, and how often it may be asked. Cheap to clone; clones share.
#[derive(Clone)]
pub(super) struct Counters {
    clock: Clock,
    rate: (u64, u64),
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    serves: bool,
    requests: BTreeMap<(String, String, u16), u64>,
    latencies: BTreeMap<(String, String), Latencies>,
    unseals: u64,
    errors: BTreeMap<(String, &'static str), u64>,
    conditions: BTreeMap<(String, String), bool>,
    /// When the next request to `/v1/verify` would be due if they came as fast as they may.
    due: Option<Timestamp>,
}

impl Counters {
    pub(super) fn new(clock: &Clock, rate: (u64, u64)) -> Counters {
        Counters { clock: clock.clone(), rate, state: Arc::default() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The servers listen from now on.
    pub(super) fn serve(&self) {
        self.lock().serves = true;
    }

    /// Whether the servers listen.
    pub(super) fn serves(&self) -> bool {
        self.lock().serves
    }

    pub(super) fn unsealed(&self) {
        self.lock().unseals += 1;
    }

    pub(super) fn failed(&self, namespace: &str, reason: &'static str) {
        *self.lock().errors.entry((namespace.to_owned(), reason)).or_default() += 1;
    }

    pub(super) fn condition(&self, namespace: &str, name: &str, good: bool) {
        self.lock().conditions.insert((namespace.to_owned(), name.to_owned()), good);
    }

    /// A SealedSecret has gone, and its condition with it.
    pub(super) fn forget(&self, namespace: &str, name: &str) {
        self.lock().conditions.remove(&(namespace.to_owned(), name.to_owned()));
    }

    fn asked(&self, method: &str, path: &str, code: u16, began: Timestamp) {
        let took = self.clock.now().duration_since(began).as_secs_f64().max(0.0);
        let (method, path) = (method.to_lowercase(), path.to_owned());
        let mut state = self.lock();
        state.latencies.entry((method.clone(), path.clone())).or_default().add(took);
        *state.requests.entry((method, path, code)).or_default() += 1;
    }

    /// Takes a request to `/v1/verify`, or refuses it.
    fn limit(&self) -> Rate {
        let now = self.clock.now();
        let (rate, burst) = (self.rate.0.max(1), self.rate.1);
        let gap = (1_000_000_000 / i128::from(rate)).max(1);
        let all = gap * (i128::from(burst) + 1);
        let mut state = self.lock();
        let due = state.due.filter(|due| *due > now).unwrap_or(now);
        let ahead = due.duration_since(now).as_nanos();
        let over = ahead + gap - all;
        let ahead = match over > 0 {
            true => ahead,
            false => {
                let gap = jiff::SignedDuration::from_nanos(i64::try_from(gap).unwrap_or(i64::MAX));
                state.due = Some(due + gap);
                ahead + gap.as_nanos()
            }
        };
        let wait = (over > 0).then_some(over);
        let seconds =
            |nanoseconds: i128| u64::try_from((nanoseconds + 999_999_999) / 1_000_000_000).unwrap_or(0);
        Rate {
            limit: burst.saturating_add(1),
            left: u64::try_from((all - ahead) / gap).unwrap_or(0),
            reset: seconds(ahead),
            wait: wait.map(seconds),
        }
    }

    /// The metrics, in the format of Prometheus.
    fn text(&self, version: &str) -> String {
        let state = self.lock();
        let mut out = String::new();
        let mut family = |name: &str, kind: &str, help: &str, lines: Vec<(String, String)>| {
            // What has no line is not told of.
            if lines.is_empty() {
                return;
            }
            let name = format!("sealed_secrets_controller_{name}");
            let _ = write!(out, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
            for (labels, value) in lines {
                // Of a histogram, the name goes on: `_sum method="get"`.
                let (ending, labels) = match labels.strip_prefix('_').and_then(|rest| rest.split_once(' ')) {
                    Some((ending, labels)) => (format!("_{ending}"), labels.to_owned()),
                    None => (String::new(), labels),
                };
                let labels = if labels.is_empty() { labels } else { format!("{{{labels}}}") };
                let _ = writeln!(out, "{name}{ending}{labels} {value}");
            }
        };
        family(
            "build_info",
            "gauge",
            "Build information.",
            vec![(format!("revision=\"{version}\""), "0".to_owned())],
        );
        let conditions = state.conditions.iter().map(|((namespace, name), good)| {
            let labels = format!("condition=\"Synced\",name=\"{name}\",namespace=\"{namespace}\"");
            (labels, if *good { "1" } else { "-1" }.to_owned())
        });
        family(
            "condition_info",
            "gauge",
            "Current SealedSecret condition status. Values are -1 (false), 0 (unknown or absent), 1 (true)",
            conditions.collect(),
        );
        let mut latencies = Vec::new();
        for ((method, path), Latencies { buckets, sum, count }) in &state.latencies {
            let labels = format!("method=\"{method}\",path=\"{path}\"");
            let ends = BUCKETS.iter().map(|end| go_g_float(*end)).chain(["+Inf".to_owned()]);
            for (end, count) in ends.zip(buckets.iter().chain([count])) {
                latencies.push((format!("_bucket {labels},le=\"{end}\""), count.to_string()));
            }
            latencies.push((format!("_sum {labels}"), go_g_float(*sum)));
            latencies.push((format!("_count {labels}"), count.to_string()));
        }
        let help = "A histogram of latencies for requests.";
        family("http_request_duration_seconds", "histogram", help, latencies);
        let requests = state.requests.iter().map(|((method, path, code), count)| {
            (format!("code=\"{code}\",method=\"{method}\",path=\"{path}\""), count.to_string())
        });
        let help = "A counter for requests to the wrapped handler.";
        family("http_requests_total", "counter", help, requests.collect());
        let errors = state.errors.iter().map(|((namespace, reason), count)| {
            (format!("namespace=\"{namespace}\",reason=\"{reason}\""), count.to_string())
        });
        let help = "Total number of sealed secret unseal errors by reason";
        family("unseal_errors_total", "counter", help, errors.collect());
        let help = "Total number of sealed secret unseal requests";
        family("unseal_requests_total", "counter", help, vec![(String::new(), state.unseals.to_string())]);
        out
    }
}

/// Which instance a request is for.
pub(super) fn deployment(request: &SealedRequest<'_>) -> ObjectRef {
    ObjectRef::new("apps/v1", "Deployment", request.namespace, request.deployment)
}

#[cfg(test)]
mod tests {
    use super::{Counters, Rate, VALUES, sealed, too_many};
    use serde_json::{Map, Value, json};

    fn body(count: usize) -> Vec<u8> {
        let values: Map<String, Value> = (0..count).map(|key| (key.to_string(), "x".into())).collect();
        json!({"spec": {"encryptedData": values}}).to_string().into_bytes()
    }

    #[test]
    fn one_request_has_so_many_values_at_most() {
        assert_eq!(too_many(&sealed(&body(VALUES)).unwrap()), None);
        assert_eq!(too_many(&sealed(&body(VALUES + 1)).unwrap()).map(|answer| answer.code), Some(413));
    }

    #[test]
    fn what_is_no_sealed_secret_is_none() {
        for body in [
            "",
            "[]",
            "\"text\"",
            "{}",
            "{\"spec\": 1}",
            "{\"spec\": {\"encryptedData\": []}}",
            "{\"kind\": \"Secret\"}",
        ] {
            assert_eq!(sealed(body.as_bytes()), None, "{body}");
        }
    }

    /// What the real controller (v0.27.1, two requests a second, two more at once) answered, one request after the other.
    #[test]
    fn so_many_requests_may_come_and_answers_say_how_many_are_left() {
        let told = seatrial_time::simulate(seatrial_time::Simulation::seeded(1), |clock| async move {
            let counters = Counters::new(&clock, (2, 2));
            let mut told = Vec::new();
            for _ in 0..5 {
                let Rate { limit, left, reset, wait } = counters.limit();
                told.push((limit, left, reset, wait));
                clock.sleep(std::time::Duration::from_millis(10)).await;
            }
            clock.sleep(std::time::Duration::from_secs(2)).await;
            let Rate { limit, left, reset, wait } = counters.limit();
            told.push((limit, left, reset, wait));
            told
        });
        let expected = [
            (3, 2, 1, None),
            (3, 1, 1, None),
            (3, 0, 2, None),
            (3, 0, 2, Some(1)),
            (3, 0, 2, Some(1)),
            (3, 2, 1, None),
        ];
        assert_eq!(told.unwrap(), expected);
    }

    #[test]
    fn there_are_no_limits_that_are_too_high_to_count_with() {
        let simulation = seatrial_time::Simulation::seeded(1);
        let told = seatrial_time::simulate(simulation, |clock| async move {
            [(u64::MAX, u64::MAX), (2_000_000_000, 0)].map(|rate| {
                let Rate { limit, left, reset, wait } = Counters::new(&clock, rate).limit();
                (limit, left, reset, wait)
            })
        });
        assert_eq!(told.unwrap(), [(u64::MAX, u64::MAX, 1, None), (1, 0, 1, None)]);
    }

    /// The lines of the real controller, with another sum.
    #[test]
    fn latencies_are_a_histogram_and_families_without_a_line_are_not_told() {
        let text = seatrial_time::simulate(seatrial_time::Simulation::seeded(1), |clock| async move {
            let counters = Counters::new(&clock, (2, 2));
            counters.asked("POST", "/v1/verify", 200, clock.now());
            let began = clock.now();
            clock.sleep(std::time::Duration::from_millis(300)).await;
            counters.asked("POST", "/v1/verify", 409, began);
            counters.text("v0.27.1")
        })
        .unwrap();
        let name = "sealed_secrets_controller_http_request_duration_seconds";
        let labels = "method=\"post\",path=\"/v1/verify\"";
        for line in [
            format!("# HELP {name} A histogram of latencies for requests."),
            format!("# TYPE {name} histogram"),
            format!("{name}_bucket{{{labels},le=\"0.005\"}} 1"),
            format!("{name}_bucket{{{labels},le=\"0.25\"}} 1"),
            format!("{name}_bucket{{{labels},le=\"0.5\"}} 2"),
            format!("{name}_bucket{{{labels},le=\"1\"}} 2"),
            format!("{name}_bucket{{{labels},le=\"+Inf\"}} 2"),
            format!("{name}_sum{{{labels}}} 0.3"),
            format!("{name}_count{{{labels}}} 2"),
        ] {
            assert!(text.lines().any(|one| one == line), "{line}: {text}");
        }
        assert!(!text.contains("condition_info") && !text.contains("unseal_errors"), "{text}");
    }

    #[test]
    fn a_condition_goes_with_its_sealed_secret() {
        let line = |name: &str| format!("condition=\"Synced\",name=\"{name}\"");
        let text = seatrial_time::simulate(seatrial_time::Simulation::seeded(1), |clock| async move {
            let counters = Counters::new(&clock, (2, 2));
            counters.condition("a", "stays", true);
            counters.condition("a", "goes", true);
            counters.forget("a", "goes");
            counters.text("v0.27.1")
        })
        .unwrap();
        assert!(text.contains(&line("stays")) && !text.contains(&line("goes")), "{text}");
    }
}
