//! What a path means. Pure.

use std::borrow::Cow;

/// A place in the API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Route {
    /// `/version`
    Version,
    /// `/healthz`, `/livez`, `/readyz` and what stands below them.
    Health,
    /// `/api`
    CoreVersions,
    /// `/apis`
    Groups,
    /// `/apis/GROUP`
    Group(String),
    /// `/api/v1`, `/apis/GROUP/VERSION`
    Resources { group: String, version: String },
    /// `/openapi/v2`
    OpenApiV2,
    /// `/openapi/v3`, or one document of it.
    OpenApiV3(String),
    /// An object, a collection or a subresource.
    Resource(Target),
    /// `/`
    Root,
    /// `/api/v1/watch` and the like: of nothing.
    WatchOfNothing,
    /// None of these.
    Unknown,
}

/// A collection, an object in it, or a subresource of an object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) group: String,
    pub(crate) version: String,
    /// Empty at cluster level, and for a list over all namespaces.
    pub(crate) namespace: String,
    pub(crate) plural: String,
    pub(crate) name: Option<String>,
    pub(crate) subresource: Option<String>,
    /// The path has the prefix `watch/`: it is watched, whatever the query says.
    pub(crate) watched: bool,
}

/// Undoes percent encoding; `None` where it is broken.
fn decode(segment: &str) -> Option<Cow<'_, str>> {
    if !segment.contains('%') {
        return Some(segment.into());
    }
    let mut bytes = Vec::with_capacity(segment.len());
    let mut rest = segment.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let (high, low) = (char::from(rest.next()?), char::from(rest.next()?));
            bytes.push((high.to_digit(16)? * 16 + low.to_digit(16)?) as u8);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok().map(Cow::Owned)
}

/// The route of a path.
pub(crate) fn route(path: &str) -> Route {
    let mut segments = Vec::new();
    for segment in path.split('/').filter(|s| !s.is_empty()) {
        match decode(segment) {
            Some(segment) => segments.push(segment),
            None => return Route::Unknown,
        }
    }
    let all: Vec<&str> = segments.iter().map(AsRef::as_ref).collect();
    match all.as_slice() {
        [] => Route::Root,
        ["version"] => Route::Version,
        ["healthz" | "livez" | "readyz", ..] => Route::Health,
        ["openapi", "v2"] => Route::OpenApiV2,
        ["openapi", "v3", rest @ ..] => Route::OpenApiV3(rest.join("/")),
        ["api"] => Route::CoreVersions,
        ["apis"] => Route::Groups,
        ["api", version] => Route::Resources { group: String::new(), version: (*version).to_owned() },
        ["api", version, rest @ ..] => resource("", version, rest),
        ["apis", group] => Route::Group((*group).to_owned()),
        ["apis", group, version] => {
            Route::Resources { group: (*group).to_owned(), version: (*version).to_owned() }
        }
        ["apis", group, version, rest @ ..] => resource(group, version, rest),
        _ => Route::Unknown,
    }
}

fn resource(group: &str, version: &str, rest: &[&str]) -> Route {
    let (watched, rest) = match rest {
        ["watch"] => return Route::WatchOfNothing,
        ["watch", rest @ ..] => (true, rest),
        rest => (false, rest),
    };
    let target = |namespace: &str, plural: &str, name: Option<&str>, subresource: Option<String>| {
        Route::Resource(Target {
            group: group.to_owned(),
            version: version.to_owned(),
            namespace: namespace.to_owned(),
            plural: plural.to_owned(),
            name: name.map(str::to_owned),
            subresource,
            watched,
        })
    };
    match rest {
        ["namespaces", name, sub @ ("status" | "finalize")] if group.is_empty() => {
            target("", "namespaces", Some(name), Some((*sub).to_owned()))
        }
        ["namespaces", namespace, plural] => target(namespace, plural, None, None),
        ["namespaces", namespace, plural, name] => target(namespace, plural, Some(name), None),
        ["namespaces", namespace, plural, name, sub @ ..] if !sub.is_empty() => {
            target(namespace, plural, Some(name), Some(sub.join("/")))
        }
        [plural] => target("", plural, None, None),
        [plural, name] => target("", plural, Some(name), None),
        [plural, name, sub @ ..] => target("", plural, Some(name), Some(sub.join("/"))),
        [] => Route::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn at(group: &str, namespace: &str, plural: &str, name: &str, subresource: &str) -> Route {
        let some = |s: &str| (!s.is_empty()).then(|| s.to_owned());
        Route::Resource(Target {
            group: group.into(),
            version: "v1".into(),
            namespace: namespace.into(),
            plural: plural.into(),
            name: some(name),
            subresource: some(subresource),
            watched: false,
        })
    }

    fn watched(route: Route) -> Route {
        match route {
            Route::Resource(target) => Route::Resource(Target { watched: true, ..target }),
            other => other,
        }
    }

    #[rstest]
    #[case::collection("/apis/apps/v1/namespaces/a/deployments", at("apps", "a", "deployments", "", ""))]
    #[case::object("/api/v1/namespaces/a/pods/b", at("", "a", "pods", "b", ""))]
    #[case::subresource("/api/v1/namespaces/a/pods/b/log", at("", "a", "pods", "b", "log"))]
    #[case::proxied_path("/api/v1/nodes/n/proxy/x/y", at("", "", "nodes", "n", "proxy/x/y"))]
    #[case::all_namespaces("/api/v1/pods", at("", "", "pods", "", ""))]
    #[case::a_namespace("/api/v1/namespaces/a", at("", "", "namespaces", "a", ""))]
    #[case::its_status("/api/v1/namespaces/a/status", at("", "", "namespaces", "a", "status"))]
    #[case::its_finalizers("/api/v1/namespaces/a/finalize", at("", "", "namespaces", "a", "finalize"))]
    #[case::escaped_name("/api/v1/namespaces/a/pods/b%3Ac", at("", "a", "pods", "b:c", ""))]
    #[case::broken_escape("/api/v1/namespaces/a/pods/b%3", Route::Unknown)]
    #[case::version("/version/", Route::Version)]
    #[case::health("/readyz/etcd", Route::Health)]
    #[case::group("/apis/apps", Route::Group("apps".into()))]
    #[case::watched("/api/v1/watch/namespaces/a/pods", watched(at("", "a", "pods", "", "")))]
    #[case::a_watched_object("/api/v1/watch/namespaces/a/pods/b", watched(at("", "a", "pods", "b", "")))]
    #[case::a_watched_namespace("/api/v1/watch/namespaces/a", watched(at("", "", "namespaces", "a", "")))]
    #[case::watched_in_a_group(
        "/apis/apps/v1/watch/deployments",
        watched(at("apps", "", "deployments", "", ""))
    )]
    #[case::a_watch_of_nothing("/api/v1/watch", Route::WatchOfNothing)]
    #[case::elsewhere("/nope/x", Route::Unknown)]
    fn paths_mean(#[case] path: &str, #[case] want: Route) {
        assert_eq!(route(path), want);
    }
}
