//! What a request wants to do. Pure.

use http::Method;

use super::User;
use crate::request::Request;
use crate::route::{Route, Target};
use crate::status::{Refusal, qualified};

/// An action on something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Attributes {
    pub(super) verb: String,
    pub(super) what: What,
}

/// What an action is on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum What {
    /// Empty names stand for none: no subresource, the whole cluster, all objects.
    Resource { group: String, resource: String, subresource: String, namespace: String, name: String },
    /// A path that is no resource.
    Path(String),
}

impl Attributes {
    pub(super) fn resource(
        verb: &str,
        group: &str,
        resource: &str,
        subresource: &str,
        namespace: &str,
        name: &str,
    ) -> Attributes {
        Attributes {
            verb: verb.to_owned(),
            what: What::Resource {
                group: group.to_owned(),
                resource: resource.to_owned(),
                subresource: subresource.to_owned(),
                namespace: namespace.to_owned(),
                name: name.to_owned(),
            },
        }
    }

    /// Those of a request to this place.
    pub(super) fn of(request: &Request, route: &Route) -> Attributes {
        match route {
            Route::Resource(target) => of_resource(request, target),
            _ => {
                let verb = match request.method {
                    Method::HEAD => "get".to_owned(),
                    ref method => method.as_str().to_lowercase(),
                };
                Attributes { verb, what: What::Path(request.path.clone()) }
            }
        }
    }

    pub(super) fn namespace(&self) -> &str {
        match &self.what {
            What::Resource { namespace, .. } => namespace,
            What::Path(_) => "",
        }
    }

    /// The refusal where a user may not do this; `why` is what else is to be said.
    pub(super) fn refusal(&self, user: &User, why: &str) -> Refusal {
        let why = if why.is_empty() { String::new() } else { format!(": {why}") };
        let (verb, name) = (&self.verb, &user.name);
        match &self.what {
            What::Path(path) => {
                let message = format!("forbidden: User {name:?} cannot {verb} path {path:?}{why}");
                let mut refusal = Refusal::new(403, "Forbidden", message);
                refusal.empty_details = true;
                refusal
            }
            What::Resource { group, resource, subresource, namespace, name: object } => {
                let place = match namespace.as_str() {
                    "" => "at the cluster scope".to_owned(),
                    namespace => format!("in the namespace {namespace:?}"),
                };
                let whole = match subresource.as_str() {
                    "" => resource.clone(),
                    part => format!("{resource}/{part}"),
                };
                let head = match object.as_str() {
                    "" => qualified(resource, group),
                    object => format!("{} {object:?}", qualified(resource, group)),
                };
                let message = format!(
                    "{head} is forbidden: User {name:?} cannot {verb} resource {whole:?} in API group {group:?} {place}{why}"
                );
                Refusal::new(403, "Forbidden", message).about(object, group, resource)
            }
        }
    }
}

fn of_resource(request: &Request, target: &Target) -> Attributes {
    let watches = target.watched || request.options.watch;
    let verb = match (&request.method, &target.name) {
        (&Method::GET | &Method::HEAD, Some(_)) if target.watched => "watch",
        (&Method::GET | &Method::HEAD, Some(_)) => "get",
        (&Method::GET | &Method::HEAD, None) if watches => "watch",
        (&Method::GET | &Method::HEAD, None) => "list",
        (&Method::POST, _) => "create",
        (&Method::PUT, _) => "update",
        (&Method::PATCH, _) => "patch",
        (&Method::DELETE, Some(_)) => "delete",
        (&Method::DELETE, None) => "deletecollection",
        (method, _) => &method.as_str().to_lowercase(),
    };
    let name = match &target.name {
        Some(name) => name.clone(),
        None if matches!(verb, "list" | "watch" | "deletecollection") => selected_name(request),
        None => String::new(),
    };
    // A namespace counts as being in itself.
    let namespace = match target.group.is_empty() && target.plural == "namespaces" {
        true => &name,
        false => &target.namespace,
    };
    let subresource = target.subresource.as_deref().unwrap_or_default();
    Attributes::resource(verb, &target.group, &target.plural, subresource, namespace, &name)
}

/// The one name that a field selector asks for; empty where it asks for none.
fn selected_name(request: &Request) -> String {
    let selector = request.query_value("fieldSelector").unwrap_or_default();
    let name = selector.split(',').find_map(|part| part.trim().strip_prefix("metadata.name="));
    name.map(|name| name.trim_start_matches('=').to_owned()).unwrap_or_default()
}
