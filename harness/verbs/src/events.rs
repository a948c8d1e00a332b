//! `events`: what the controllers said about Flux resources.

use crate::wait::DEADLINE;
use crate::{Env, Global, Resource, Screen, Session, Table, VerbError, age};
use jiff::Timestamp;
use seatrial_api::FluxKind;
use seatrial_api::catalog::KINDS;
use serde_json::Value;

/// Print the events of Flux resources.
#[derive(Debug, clap::Args)]
#[command(args_override_self = true)]
pub struct Args {
    /// Of all namespaces.
    #[arg(short = 'A', long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    all_namespaces: Option<String>,
    /// Of one object or one kind, and of the sources of an object: KIND/NAME or KIND.
    #[arg(long = "for", value_name = "KIND[/NAME]")]
    object: Option<String>,
    /// Of these types alone: Normal, Warning, separated by commas.
    #[arg(long, value_name = "TYPES", value_delimiter = ',')]
    types: Vec<String>,
    #[arg(short, long, hide = true, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    watch: Option<String>,
    #[command(flatten)]
    global: Global,
}

/// An object, or all of a kind, whose events are wanted.
struct Wanted {
    kind: String,
    name: Option<String>,
    namespace: Option<String>,
}

/// Prints the events, oldest first.
///
/// # Errors
/// See [`VerbError`].
pub async fn run(args: &Args, env: &Env, screen: &mut Screen) -> Result<(), VerbError> {
    let switch = |flag, value: &Option<String>| crate::flags::switch(flag, value.as_deref());
    if switch("--watch", &args.watch)? {
        return Err(VerbError::unsupported("--watch", "events are listed once"));
    }
    let all = switch("--all-namespaces", &args.all_namespaces)?;
    let known = ["Normal", "Warning"];
    if let Some(other) = args.types.iter().find(|t| !known.iter().any(|known| known.eq_ignore_ascii_case(t)))
    {
        let message = format!("type '{other}' not supported. Supported types are Normal, Warning");
        return Err(VerbError::Failed(message));
    }
    let session = Session::open(env, &args.global).await?;
    let namespace = (!all).then_some(session.namespace.as_str());
    let work = async {
        let wanted = match args.object.as_deref().filter(|object| !object.is_empty()) {
            Some(object) => Some(wanted(&session, object).await?),
            None => None,
        };
        Ok((wanted, events(&session, namespace).await?))
    };
    let found = env.clock.timeout(args.global.timeout()?, work).await;
    let (wanted, events) = found.unwrap_or_else(|_| Err(VerbError::failed(DEADLINE)))?;
    let is_type = |event: &Value| {
        let of = event["type"].as_str().unwrap_or_default();
        args.types.is_empty() || args.types.iter().any(|wanted| wanted.eq_ignore_ascii_case(of))
    };
    let is_wanted =
        |event: &Value| wanted.as_ref().is_none_or(|all| all.iter().any(|one| one.matches(event)));
    let events: Vec<&Value> =
        events.iter().filter(|event| is_flux(event) && is_type(event) && is_wanted(event)).collect();
    if events.is_empty() {
        screen.failure(match namespace {
            Some(namespace) => format!("No events found in {namespace} namespace."),
            None => "No events found.".to_owned(),
        });
        return Ok(());
    }
    screen.print(&table(&events, all, env.clock.now()));
    Ok(())
}

/// Whose events `--for` means: of the object, and of what it comes from.
async fn wanted(session: &Session, text: &str) -> Result<Vec<Wanted>, VerbError> {
    let (kind, name) = match text.split_once('/') {
        Some((kind, name)) => (kind, Some(name)),
        None => (text, None),
    };
    let known = KINDS.iter().find(|known| known.kind.eq_ignore_ascii_case(kind));
    let Some(known) = known.filter(|_| !name.is_some_and(|name| name.contains('/'))) else {
        let shown = if text.matches('/').count() > 1 { text } else { kind };
        return Err(VerbError::Failed(format!("'{shown}' is not a recognized Flux kind")));
    };
    let Some(name) = name else {
        return Ok(vec![Wanted { kind: known.kind.to_owned(), name: None, namespace: None }]);
    };
    let resource = session.flux(known).await?;
    let object = session.read(&resource.object(Some(&session.namespace), name)).await?;
    let mut all = vec![Wanted {
        kind: known.kind.to_owned(),
        name: Some(name.to_owned()),
        namespace: Some(session.namespace.clone()),
    }];
    all.extend(source(known, &object).and_then(|reference| {
        Some(Wanted {
            kind: reference["kind"].as_str()?.to_owned(),
            name: Some(reference["name"].as_str()?.to_owned()),
            namespace: Some(reference["namespace"].as_str().unwrap_or(&session.namespace).to_owned()),
        })
    }));
    Ok(all)
}

/// The reference to what an object comes from.
fn source<'a>(kind: &FluxKind, object: &'a Value) -> Option<&'a Value> {
    let spec = &object["spec"];
    let reference = match kind.kind {
        "Kustomization" | "HelmChart" | "ImageUpdateAutomation" => &spec["sourceRef"],
        "HelmRelease" => &spec["chart"]["spec"]["sourceRef"],
        _ => return None,
    };
    reference.is_object().then_some(reference)
}

impl Wanted {
    fn matches(&self, event: &Value) -> bool {
        let involved = &event["involvedObject"];
        let same = |field: &str, wanted: &Option<String>| {
            wanted.as_ref().is_none_or(|wanted| involved[field] == wanted.as_str())
        };
        involved["kind"] == self.kind.as_str()
            && same("name", &self.name)
            && same("namespace", &self.namespace)
    }
}

fn is_flux(event: &Value) -> bool {
    let involved = &event["involvedObject"];
    let group = involved["apiVersion"].as_str().unwrap_or_default().split('/').next().unwrap_or_default();
    KINDS.iter().any(|known| known.group == group && involved["kind"] == known.kind)
}

/// The events by time; those of one second stay as the server lists them.
async fn events(session: &Session, namespace: Option<&str>) -> Result<Vec<Value>, VerbError> {
    let resource = Resource {
        api_version: "v1".to_owned(),
        kind: "Event".to_owned(),
        plural: "events".to_owned(),
        namespaced: true,
    };
    let mut events = session.list(&resource, &resource.path(namespace)).await?;
    events.sort_by_key(last_seen);
    Ok(events)
}

fn time(value: &Value) -> Option<Timestamp> {
    value.as_str()?.parse().ok()
}

fn last_seen(event: &Value) -> Option<Timestamp> {
    time(&event["lastTimestamp"]).or_else(|| time(&event["eventTime"]))
}

fn seen(event: &Value, now: Timestamp) -> String {
    let ago =
        |time: Option<Timestamp>| time.map_or_else(|| "<unknown>".to_owned(), |time| age::since(time, now));
    let (last, count) = (ago(last_seen(event)), event["count"].as_i64().unwrap_or_default());
    if count > 1 {
        return format!("{last} (x{count} over {})", ago(time(&event["firstTimestamp"])));
    }
    last
}

fn table(events: &[&Value], all: bool, now: Timestamp) -> String {
    let heads = ["Last seen", "Type", "Reason", "Object", "Message"];
    let mut table = Table::new(all.then_some("Namespace").into_iter().chain(heads));
    for event in events {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let involved = &event["involvedObject"];
        let object = format!("{}/{}", text(&involved["kind"]), text(&involved["name"]));
        let mut cells = Vec::new();
        if all {
            cells.push(text(&event["metadata"]["namespace"]));
        }
        cells.extend([seen(event, now), text(&event["type"]), text(&event["reason"]), object]);
        cells.push(text(&event["message"]));
        table.row(cells);
    }
    table.render()
}
