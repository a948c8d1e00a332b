//! From a request to its answer.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;
use http::Method;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::cluster::Cluster;
use crate::convert;
use crate::kind::Kind;
use crate::meta;
use crate::object::Object;
use crate::request::{Options, Request};
use crate::route::{Route, Target, route};
use crate::status::{Refusal, Result};
use crate::store::State;
use crate::watch::Watch;
use crate::{delete, discovery, network, openapi, patch, rbac, read, subresource, write};

/// What is sent back.
pub(crate) struct Answer {
    pub(crate) code: u16,
    pub(crate) content: Content,
}

/// The body of an answer.
pub(crate) enum Content {
    Json(Bytes),
    /// An object, or another value.
    Whole(Whole),
    /// The aggregated discovery document, which has a media type of its own.
    Discovery(Bytes),
    Text(Bytes),
    /// What a pod answered.
    Proxied {
        headers: Vec<(String, String)>,
        body: Bytes,
    },
    Watch(Box<Watch>),
    Document(openapi::Document),
    /// Stands elsewhere: under this path and query.
    Moved(String),
}

/// A value whose JSON text is made where somebody wants it.
#[derive(Clone, Debug)]
pub(crate) enum Whole {
    /// A stored object, in the version in which it is stored.
    Stored(Arc<Object>),
    /// Another value.
    Value(Arc<Value>),
}

impl Whole {
    /// A stored object in the version of `kind`.
    pub(crate) fn of(kind: &Kind, object: &Arc<Object>) -> Whole {
        match convert::from_stored(kind, object.value()) {
            Cow::Borrowed(_) => Whole::Stored(object.clone()),
            Cow::Owned(value) => Whole::Value(Arc::new(value)),
        }
    }

    pub(crate) fn value(&self) -> &Arc<Value> {
        match self {
            Whole::Stored(object) => object.shared(),
            Whole::Value(value) => value,
        }
    }

    pub(crate) fn text(&self) -> Bytes {
        match self {
            Whole::Stored(object) => object.json(),
            Whole::Value(value) => meta::to_bytes(value),
        }
    }
}

impl Answer {
    pub(crate) fn whole(code: u16, value: Value) -> Answer {
        Answer { code, content: Content::Whole(Whole::Value(Arc::new(value))) }
    }

    pub(crate) fn json(code: u16, value: &Value) -> Answer {
        Answer { code, content: Content::Json(meta::to_bytes(value)) }
    }

    /// A refusal that is found when the answer is written.
    pub(crate) fn refused(refusal: Refusal) -> Answer {
        Answer::json(refusal.code, &refusal.to_value())
    }

    pub(crate) fn text(text: &'static str) -> Answer {
        Answer { code: 200, content: Content::Text(Bytes::from_static(text.as_bytes())) }
    }
}

/// A request that is being answered, under the cluster's lock.
pub(crate) struct Ctx<'a> {
    pub(crate) cluster: &'a Cluster,
    pub(crate) state: &'a mut State,
    pub(crate) now: Timestamp,
    pub(crate) request: &'a Request,
    pub(crate) options: Options,
    pub(crate) warnings: Vec<String>,
    /// Whom to ask for the answer, after the lock.
    pub(crate) asks: Option<network::Ask>,
    /// Where the object that is created was sent with an empty list in a field that always shows.
    pub(crate) empty_lists: Vec<Vec<&'static str>>,
}

/// Answers a request; the second value are its warnings.
pub(crate) fn serve(cluster: &Cluster, request: &Request) -> (Result<Answer>, Vec<String>) {
    let (answer, warnings, asks) = cluster.0.step(|state, now| {
        let mut ctx = Ctx {
            cluster,
            state,
            now,
            request,
            options: request.options.clone(),
            warnings: Vec::new(),
            asks: None,
            empty_lists: Vec::new(),
        };
        let answer = dispatch(&mut ctx);
        let warnings = std::mem::take(&mut ctx.warnings);
        (answer, warnings, ctx.asks)
    });
    match asks {
        Some(ask) if answer.is_ok() => (ask.answer(request), warnings),
        _ => (answer, warnings),
    }
}

fn dispatch(ctx: &mut Ctx<'_>) -> Result<Answer> {
    let route = route(&ctx.request.path);
    rbac::request(ctx.state, ctx.request, &route)?;
    if let Route::Resource(target) = route {
        return resource(ctx, target);
    }
    if !matches!(ctx.request.method, Method::GET | Method::HEAD) {
        return Err(Refusal::method_not_allowed());
    }
    match route {
        Route::Version => {
            // Indented for whoever asks.
            let text =
                serde_json::to_vec_pretty(&version(&ctx.cluster.0.options.version)).unwrap_or_default();
            Ok(Answer { code: 200, content: Content::Json(text.into()) })
        }
        Route::Health => Ok(Answer::text("ok")),
        Route::Root => Ok(Answer::json(200, &discovery::root(ctx.state))),
        Route::CoreVersions => discovery::core(ctx),
        Route::Groups => discovery::groups(ctx),
        Route::Group(group) => discovery::group(ctx, &group),
        Route::Resources { group, version } => discovery::resources(ctx, &group, &version),
        Route::OpenApiV2 => openapi::v2(ctx),
        Route::OpenApiV3(path) => openapi::v3(ctx, &path),
        Route::WatchOfNothing => Ok(watch_of_nothing(&ctx.request.path)),
        Route::Resource(_) | Route::Unknown => Ok(discovery::not_a_page()),
    }
}

fn version(reported: &str) -> Value {
    let mut numbers = reported.trim_start_matches('v').split('.');
    let (major, minor) = (numbers.next().unwrap_or(""), numbers.next().unwrap_or(""));
    json!({
        "major": major, "minor": minor,
        "emulationMajor": major, "emulationMinor": minor,
        "minCompatibilityMajor": major,
        "minCompatibilityMinor": minor.parse::<u32>().map_or_else(|_| minor.to_owned(), |m| m.saturating_sub(1).to_string()),
        "gitVersion": reported, "gitCommit": "", "gitTreeState": "", "buildDate": "",
        "goVersion": "", "compiler": "seatrial", "platform": "simulated",
    })
}

/// The kind under a path, built in or custom.
pub(crate) fn find_kind(state: &State, group: &str, version: &str, plural: &str) -> Option<Kind> {
    Kind::built_in(group, version, plural).or_else(|| state.registry.find(group, version, plural))
}

fn resource(ctx: &mut Ctx<'_>, target: Target) -> Result<Answer> {
    let Some(kind) = find_kind(ctx.state, &target.group, &target.version, &target.plural) else {
        return if discovery::has_version(ctx.state, &target.group, &target.version) {
            Err(Refusal::no_such_path())
        } else {
            Ok(discovery::not_a_page())
        };
    };
    if let Kind::Custom(version) = &kind
        && let Some(text) = &version.deprecation
    {
        ctx.warnings.push(text.clone());
    }
    if kind.is("", "Endpoints") {
        ctx.warnings
            .push("v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice".to_owned());
    } else if kind.is("", "ComponentStatus") {
        ctx.warnings.push("v1 ComponentStatus is deprecated in v1.19+".to_owned());
    }
    check_manager(ctx)?;
    if target.watched {
        return watched(ctx, &kind, &target);
    }
    // An object of a namespace has one in its path; others do not.
    if kind.namespaced == target.namespace.is_empty() {
        let reads_all = kind.namespaced && target.name.is_none() && ctx.request.method == Method::GET;
        let creates_review = kind.namespaced && kind.has_verb("create") && kind.verbs.len() == 1;
        if !reads_all && !creates_review {
            let collection = target.name.is_none() && kind.namespaced;
            return Err(if collection { Refusal::method_not_allowed() } else { Refusal::no_such_path() });
        }
    }
    if let Some(name) = target.subresource.clone() {
        return subresource::serve(ctx, &kind, &target, &name);
    }
    let verb = verb(&ctx.request.method, target.name.is_some()).ok_or_else(Refusal::method_not_allowed)?;
    let watches = verb == "list" && ctx.options.watch;
    if !kind.has_verb(if watches { "watch" } else { verb }) {
        return Err(Refusal::method_not_allowed());
    }
    match (verb, target.name.as_deref()) {
        ("get", Some(name)) => read::get(ctx, &kind, &target.namespace, name),
        ("list", _) if watches => read::watch(ctx, &kind, &target.namespace, None),
        ("list", _) => read::list(ctx, &kind, &target.namespace),
        ("create", _) => write::create(ctx, &kind, &target.namespace),
        ("update", Some(name)) => write::replace(ctx, &kind, &target.namespace, name, ""),
        ("patch", Some(name)) => patch::patch(ctx, &kind, &target.namespace, name, ""),
        ("delete", Some(name)) => delete::one(ctx, &kind, &target.namespace, name),
        ("deletecollection", _) => delete::collection(ctx, &kind, &target.namespace),
        _ => Err(Refusal::method_not_allowed()),
    }
}

/// The old form of a watch, with `watch/` in its path: of a collection, or of one object.
fn watched(ctx: &mut Ctx<'_>, kind: &Kind, target: &Target) -> Result<Answer> {
    let misplaced = match (&target.name, kind.namespaced) {
        (Some(_), namespaced) => namespaced == target.namespace.is_empty(),
        (None, namespaced) => !namespaced && !target.namespace.is_empty(),
    };
    if misplaced || target.subresource.is_some() || !kind.has_verb("watch") {
        return Err(Refusal::no_such_path());
    }
    if ctx.request.method != Method::GET {
        return Err(Refusal::method_not_allowed());
    }
    ctx.options.watch = true;
    read::watch(ctx, kind, &target.namespace, target.name.as_deref())
}

/// The real server finds no kind in such a path, and says so as if it were broken.
fn watch_of_nothing(path: &str) -> Answer {
    let text = format!(
        "Internal Server Error: {path:?}: failed to create RequestInfo: unable to determine kind and namespace from url, {path}\n"
    );
    Answer { code: 500, content: Content::Text(text.into()) }
}

/// The name of a manager must fit into the record of owners.
fn check_manager(ctx: &Ctx<'_>) -> Result<()> {
    let options = match ctx.request.method.as_str() {
        "POST" => "CreateOptions",
        "PUT" => "UpdateOptions",
        "PATCH" => "PatchOptions",
        _ => return Ok(()),
    };
    if ctx.options.field_manager.len() <= 128 {
        return Ok(());
    }
    let body = "Too long: may not be more than 128 bytes".to_owned();
    Err(Refusal::options(options, "fieldManager", "FieldValueTooLong", body))
}

fn verb(method: &Method, has_name: bool) -> Option<&'static str> {
    Some(match (method.as_str(), has_name) {
        ("GET" | "HEAD", true) => "get",
        ("GET" | "HEAD", false) => "list",
        ("POST", false) => "create",
        ("PUT", true) => "update",
        ("PATCH", true) => "patch",
        ("DELETE", true) => "delete",
        ("DELETE", false) => "deletecollection",
        _ => return None,
    })
}
