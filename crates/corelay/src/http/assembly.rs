//! How a router becomes an [`App`]: group by pattern, check, and decide for each method who answers.

use std::collections::HashMap;
use std::sync::Arc;

use ::http::{HeaderValue, Method, StatusCode, header};

use crate::buffers::Buffers;
use crate::config::Limits;
use crate::status::Count;

use super::app::{App, PathEndpoints, TABLE_METHODS};
use super::endpoint::{Endpoint, Fixed};
use super::handler::{Call, Profile};
use super::into_response::IntoResponse;
use super::middleware::Middleware;
use super::response::Response;
use super::route_error::RouteError;
use super::router::{RouteEntry, Router, UserHandler};
use super::state::States;
use super::static_paths::StaticPaths;

/// The methods of the table, in its order. `TRACE` is in it so that it is refused like any other.
const TABLE: [corelay_http::Method<'static>; TABLE_METHODS] = {
    use corelay_http::Method::{Delete, Get, Head, Options, Patch, Post, Put, Trace};
    [Get, Head, Post, Put, Patch, Delete, Options, Trace]
};

pub(crate) fn assemble(router: Router) -> Result<App, RouteError> {
    check(&router)?;
    let fallback_layers = outermost_first(&router.fallback_layers);
    let fallback = match router.fallback {
        Some(handler) => Endpoint::new("", &handler.profile, fallback_layers, handler.call),
        None => fixed("", fallback_layers, || StatusCode::NOT_FOUND),
    };
    let connect = match router.connect {
        Some(entry) => entry.into_endpoint(),
        None => fixed("", Vec::new(), || StatusCode::NOT_IMPLEMENTED),
    };
    let mut static_paths = Vec::new();
    let mut patterns = matchit::Router::new();
    let mut paths = Vec::new();
    let extensions = extension_methods(&router.routes);
    for (pattern, entries) in by_pattern(router.routes) {
        let index = paths.len();
        if pattern.contains(['{', '}']) {
            patterns.insert(pattern.as_str(), index).map_err(|error| insert_error(&pattern, error))?;
        } else {
            static_paths.push((pattern.clone(), index));
        }
        paths.push(path_endpoints(&pattern, entries, &extensions)?);
    }
    Ok(App {
        static_paths: StaticPaths::new(static_paths),
        patterns,
        paths: paths.into(),
        fallback,
        server_options: fixed("", Vec::new(), || StatusCode::NO_CONTENT),
        connect,
        states: router.states,
        no_memory: Count::default(),
        buffers: Buffers::new(usize::MAX),
        whole_body_bytes_max: Limits::default().max_buffered_body_bytes,
    })
}

/// Makes the fallback of a router, whose routes are below `prefix` by now, into the last resort below it.
pub(crate) fn fallback_to_routes(router: &mut Router, prefix: &str) {
    let Some(UserHandler { call, profile }) = router.fallback.take() else {
        return;
    };
    for below in ["", "/", "/{*rest}"] {
        let pattern = format!("{prefix}{below}");
        if router.routes.iter().any(|entry| same_paths(&entry.pattern, &pattern)) {
            continue;
        }
        let handler = UserHandler { call: Arc::clone(&call), profile: profile.clone() };
        let layers = router.fallback_layers.clone();
        router.routes.push(RouteEntry { method: None, pattern, handler, layers });
    }
}

/// Whether two patterns are the same but for the name of a catch-all at their end.
fn same_paths(one: &str, other: &str) -> bool {
    let stem = |pattern: &str| pattern.split_once("{*").map(|(stem, _)| stem.to_owned());
    one == other || stem(one).is_some_and(|one| Some(one) == stem(other))
}

/// The first mistake that can be seen without a routing tree.
fn check(router: &Router) -> Result<(), RouteError> {
    if let Some(error) = &router.error {
        return Err(error.clone());
    }
    if let Some(state) = router.states.duplicate() {
        return Err(RouteError::DuplicateState { state });
    }
    for entry in &router.routes {
        check_pattern(&entry.pattern)?;
    }
    for entry in router.routes.iter().chain(&router.connect) {
        check_profile(&entry.handler.profile, &router.states, || {
            (entry.method_name(), entry.pattern.clone())
        })?;
    }
    match &router.fallback {
        Some(fallback) => {
            check_profile(&fallback.profile, &router.states, || ("any".to_owned(), String::new()))
        }
        None => Ok(()),
    }
}

fn check_pattern(pattern: &str) -> Result<(), RouteError> {
    let reason = if !pattern.starts_with('/') {
        "a pattern starts with a slash"
    } else if pattern.contains(|c: char| !c.is_ascii_graphic() || matches!(c, '?' | '#')) {
        "no path contains spaces, `?`, `#` or characters beyond ASCII: write them percent-encoded"
    } else {
        return Ok(());
    };
    Err(RouteError::BadPattern { pattern: pattern.to_owned(), reason: reason.to_owned() })
}

fn check_profile(
    profile: &Profile,
    states: &States,
    name: impl Fn() -> (String, String),
) -> Result<(), RouteError> {
    if profile.body_takers > 1 {
        let (method, pattern) = name();
        return Err(RouteError::BodyTakenTwice { method, pattern });
    }
    match profile.states.iter().find(|needed| !states.has(**needed)) {
        Some(missing) => {
            let (method, pattern) = name();
            Err(RouteError::MissingState { method, pattern, state: missing.name })
        }
        None => Ok(()),
    }
}

/// Routes by pattern, both in the order they were added.
fn by_pattern(routes: Vec<RouteEntry>) -> Vec<(String, Vec<RouteEntry>)> {
    let mut places = HashMap::new();
    let mut groups: Vec<(String, Vec<RouteEntry>)> = Vec::new();
    for entry in routes {
        let place = *places.entry(entry.pattern.clone()).or_insert(groups.len());
        match groups.get_mut(place) {
            Some((_, entries)) => entries.push(entry),
            None => groups.push((entry.pattern.clone(), vec![entry])),
        }
    }
    groups
}

fn insert_error(pattern: &str, error: matchit::InsertError) -> RouteError {
    let pattern = pattern.to_owned();
    match error {
        matchit::InsertError::Conflict { with } => RouteError::Conflict { pattern, with },
        other => RouteError::BadPattern { pattern, reason: other.to_string() },
    }
}

/// The endpoints of one pattern: those of the user's, then the three that routing adds.
fn path_endpoints(
    pattern: &str,
    entries: Vec<RouteEntry>,
    extensions: &[Method],
) -> Result<PathEndpoints, RouteError> {
    let methods = distinct_methods(pattern, &entries)?;
    let layers = entries.first().map(|entry| outermost_first(&entry.layers)).unwrap_or_default();
    let allow = allow(&methods);
    let mut endpoints: Vec<Endpoint> = entries.into_iter().map(RouteEntry::into_endpoint).collect();
    endpoints.push(not_allowed(pattern, layers.clone(), allow.clone()));
    let options = move || (StatusCode::NO_CONTENT, [(header::ALLOW, allow.clone())], ());
    endpoints.push(fixed(pattern, layers.clone(), options));
    endpoints.push(fixed(pattern, layers, || StatusCode::NOT_IMPLEMENTED));
    Ok(PathEndpoints {
        table: TABLE.map(|method| choose(&methods, &method.to_http())),
        extensions: extensions
            .iter()
            .map(|method| (method.as_str().into(), choose(&methods, method)))
            .collect(),
        otherwise: position(&methods, None).unwrap_or(methods.len() + 2),
        endpoints: endpoints.into(),
    })
}

/// The methods of one pattern's routes, `None` for any.
fn distinct_methods(pattern: &str, entries: &[RouteEntry]) -> Result<Vec<Option<Method>>, RouteError> {
    let mut methods = Vec::with_capacity(entries.len());
    for entry in entries {
        if methods.contains(&entry.method) {
            return Err(RouteError::Duplicate { method: entry.method_name(), pattern: pattern.to_owned() });
        }
        methods.push(entry.method.clone());
    }
    Ok(methods)
}

/// Which endpoint answers `method`: the user's for it, the user's for another one that stands in, or
/// routing's own.
fn choose(methods: &[Option<Method>], method: &Method) -> usize {
    let (refusal, options) = (methods.len(), methods.len() + 1);
    position(methods, Some(method))
        .or_else(|| if method == Method::HEAD { position(methods, Some(&Method::GET)) } else { None })
        .or_else(|| position(methods, None))
        .unwrap_or(if method == Method::OPTIONS { options } else { refusal })
}

fn position(methods: &[Option<Method>], wanted: Option<&Method>) -> Option<usize> {
    methods.iter().position(|method| method.as_ref() == wanted)
}

/// The methods that are not in the table and have a route somewhere. Any other is unknown to the whole server, which is not
/// 405 but 501 (RFC 9110, section 9.1).
fn extension_methods(routes: &[RouteEntry]) -> Vec<Method> {
    let mut extensions: Vec<Method> = Vec::new();
    for method in routes.iter().filter_map(|entry| entry.method.as_ref()) {
        if TABLE.iter().all(|known| known.as_str() != method.as_str()) && !extensions.contains(method) {
            extensions.push(method.clone());
        }
    }
    extensions
}

/// The value of `Allow` (RFC 9110, section 10.2.1).
fn allow(methods: &[Option<Method>]) -> HeaderValue {
    let mut names = Vec::new();
    for method in methods.iter().flatten() {
        names.push(method.as_str());
        if method == Method::GET && position(methods, Some(&Method::HEAD)).is_none() {
            names.push("HEAD");
        }
    }
    if position(methods, Some(&Method::OPTIONS)).is_none() {
        names.push("OPTIONS");
    }
    HeaderValue::from_str(&names.join(", ")).expect("methods are tokens, which any field value may hold")
}

/// 405 with what is allowed instead (RFC 9110, section 15.5.6).
fn not_allowed(pattern: &str, layers: Vec<Arc<dyn Middleware>>, allow: HeaderValue) -> Endpoint {
    let status = StatusCode::METHOD_NOT_ALLOWED;
    fixed(pattern, layers, move || Response::new(status).header(header::ALLOW, allow.clone()))
}

/// An endpoint that answers the same to every request.
pub(crate) fn fixed<R: IntoResponse + 'static>(
    pattern: &str,
    layers: Vec<Arc<dyn Middleware>>,
    answer: impl Fn() -> R + Send + Sync + 'static,
) -> Endpoint {
    let handler: Arc<dyn Call> = Arc::new(Fixed(answer));
    Endpoint::new(pattern, &Profile::new(), layers, handler)
}

/// The order in which a request meets them.
fn outermost_first(layers: &[Arc<dyn Middleware>]) -> Vec<Arc<dyn Middleware>> {
    layers.iter().rev().cloned().collect()
}

impl RouteEntry {
    fn into_endpoint(self) -> Endpoint {
        let layers = outermost_first(&self.layers);
        Endpoint::new(&self.pattern, &self.handler.profile, layers, self.handler.call)
    }
}
