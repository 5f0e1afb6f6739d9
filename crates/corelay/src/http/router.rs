//! Collects routes, middleware and states, and checks them when it is finished.
//!
//! Adding never fails, so that routes read as a list; [`Router::finish`] reports the first thing that is
//! wrong, when the program starts. What finishing does is in `assembly.rs`.

use std::sync::Arc;

use ::http::Method;

use super::app::App;
use super::assembly;
use super::handler::{Call, Handler, Profile, erase};
use super::middleware::Middleware;
use super::route_error::RouteError;
use super::state::States;

/// Maps paths and methods to [handlers](Handler).
///
/// A pattern is matched against the path as it came, percent-encoding and all. `{name}` stands for one
/// segment or the part of one that is left beside its literal text, `{*name}` at the end for the rest of the
/// path, of one character at least; `{{` and `}}` are braces. Literal text wins over `{name}`, and that over
/// `{*name}`, whatever the order of the routes.
///
/// Routing answers by itself: 404 where no pattern matches; 405 with `Allow` where one does, but not for the
/// method; `HEAD` with the handler of `GET`; `OPTIONS` with 204 and `Allow`; `CONNECT` with 501, and so a method that no
/// route has and HTTP does not define. A route of your own comes before each of these.
///
/// ```
/// use corelay::Router;
/// use corelay::http::{Path, StatusCode, TestClient};
///
/// let router = Router::new()
///     .get("/", || "home")
///     .get("/users/{id}", |Path(id): Path<u64>| format!("user {id}"))
///     .delete("/users/{id}", |Path(_): Path<u64>| StatusCode::NO_CONTENT)
///     .fallback(|| (StatusCode::NOT_FOUND, "nothing here"));
///
/// let client = TestClient::new(router)?;
/// assert_eq!(client.get("/users/7").send().text(), "user 7");
/// assert_eq!(client.get("/elsewhere").send().text(), "nothing here");
/// let refused = client.put("/users/7").send();
/// assert_eq!((refused.status().as_u16(), refused.header("allow")), (405, Some("GET, HEAD, DELETE, OPTIONS")));
/// # Ok::<(), corelay::http::RouteError>(())
/// ```
#[derive(Default)]
#[must_use = "a router does nothing until it is served"]
pub struct Router {
    pub(crate) routes: Vec<RouteEntry>,
    pub(crate) fallback: Option<UserHandler>,
    /// Around the fallback, or around what answers 404 in its place. Innermost first.
    pub(crate) fallback_layers: Vec<Arc<dyn Middleware>>,
    pub(crate) connect: Option<RouteEntry>,
    pub(crate) states: States,
    pub(crate) error: Option<RouteError>,
}

/// A handler without its type, and what its signature said.
pub(crate) struct UserHandler {
    pub(crate) call: Arc<dyn Call>,
    pub(crate) profile: Profile,
}

/// One route as it was added.
pub(crate) struct RouteEntry {
    /// `None` for any.
    pub(crate) method: Option<Method>,
    pub(crate) pattern: String,
    pub(crate) handler: UserHandler,
    /// Innermost first.
    pub(crate) layers: Vec<Arc<dyn Middleware>>,
}

impl Router {
    /// An empty router: everything is 404.
    pub fn new() -> Self {
        Self::default()
    }

    /// Answers `GET`, and `HEAD` unless it has a route of its own, on paths that match `pattern`.
    pub fn get<M: 'static>(self, pattern: &str, handler: impl Handler<M>) -> Self {
        self.route(Method::GET, pattern, handler)
    }

    /// Answers `POST`.
    pub fn post<M: 'static>(self, pattern: &str, handler: impl Handler<M>) -> Self {
        self.route(Method::POST, pattern, handler)
    }

    /// Answers `PUT`.
    pub fn put<M: 'static>(self, pattern: &str, handler: impl Handler<M>) -> Self {
        self.route(Method::PUT, pattern, handler)
    }

    /// Answers `PATCH`.
    pub fn patch<M: 'static>(self, pattern: &str, handler: impl Handler<M>) -> Self {
        self.route(Method::PATCH, pattern, handler)
    }

    /// Answers `DELETE`.
    pub fn delete<M: 'static>(self, pattern: &str, handler: impl Handler<M>) -> Self {
        self.route(Method::DELETE, pattern, handler)
    }

    /// Answers `HEAD` in place of the handler of `GET`. The body it gives is not sent.
    pub fn head<M: 'static>(self, pattern: &str, handler: impl Handler<M>) -> Self {
        self.route(Method::HEAD, pattern, handler)
    }

    /// Answers `OPTIONS` in place of the automatic answer.
    pub fn options<M: 'static>(self, pattern: &str, handler: impl Handler<M>) -> Self {
        self.route(Method::OPTIONS, pattern, handler)
    }

    /// Answers every method that has no route of its own on this pattern.
    pub fn any<M: 'static>(self, pattern: &str, handler: impl Handler<M>) -> Self {
        self.add(None, pattern, handler)
    }

    /// Answers `method`, which may be one of your own making. For `CONNECT`, see [`Router::connect`].
    pub fn route<M: 'static>(self, method: Method, pattern: &str, handler: impl Handler<M>) -> Self {
        self.add(Some(method), pattern, handler)
    }

    /// Answers `CONNECT`, whose target is a host and port in place of a path (RFC 9110, section 9.3.6).
    ///
    /// The target is in [`Request::target`](super::Request::target); accept with
    /// [`Response::tunnel`](super::Response::tunnel).
    pub fn connect<M: 'static>(mut self, handler: impl Handler<M>) -> Self {
        let entry = RouteEntry::new(Some(Method::CONNECT), String::new(), handler);
        if self.connect.replace(entry).is_some() {
            self.note(RouteError::Duplicate { method: Method::CONNECT.to_string(), pattern: String::new() });
        }
        self
    }

    /// Answers paths that match no pattern.
    pub fn fallback<M: 'static>(mut self, handler: impl Handler<M>) -> Self {
        self.fallback = Some(UserHandler::new(handler));
        self.fallback_layers.clear();
        self
    }

    /// Lends `state` to all handlers, those of merged and nested routers too: see [`State`](super::State).
    ///
    /// There is one state of a type. That each state a handler takes was given is checked by
    /// [`Router::finish`].
    pub fn state<T: Send + Sync + 'static>(self, state: T) -> Self {
        self.shared_state(Arc::new(state))
    }

    /// As [`Router::state`], for a state that others hold too.
    pub fn shared_state<T: Send + Sync + 'static>(mut self, state: Arc<T>) -> Self {
        self.states.add(state);
        self
    }

    /// Puts `middleware` around all routes added so far, the fallback (404) among them.
    ///
    /// The last one added is the outermost: it sees a request first and a response last. Routes added later
    /// are not affected. A path's 405 and automatic `OPTIONS` go through the middleware of its first route.
    pub fn layer(mut self, middleware: impl Middleware) -> Self {
        let middleware: Arc<dyn Middleware> = Arc::new(middleware);
        for entry in self.routes.iter_mut().chain(&mut self.connect) {
            entry.layers.push(Arc::clone(&middleware));
        }
        self.fallback_layers.push(middleware);
        self
    }

    /// Adds all of `other`: routes with their middleware, states, and its fallback if it set one.
    pub fn merge(mut self, other: Router) -> Self {
        if let Some(fallback) = other.fallback {
            if self.fallback.replace(fallback).is_some() {
                self.note(RouteError::TwoFallbacks);
            }
            self.fallback_layers = other.fallback_layers;
        }
        if let Some(connect) = other.connect
            && self.connect.replace(connect).is_some()
        {
            self.note(RouteError::Duplicate { method: Method::CONNECT.to_string(), pattern: String::new() });
        }
        self.routes.extend(other.routes);
        self.states.append(other.states);
        if let Some(error) = other.error {
            self.note(error);
        }
        self
    }

    /// Adds all of `other` below `prefix`, such as `/api` or `/users/{id}`.
    ///
    /// Its route `/` answers `prefix` itself, without a slash behind it. Handlers see the whole path. Its
    /// fallback, if it set one, answers what nothing else matches below the prefix.
    ///
    /// ```
    /// use corelay::Router;
    /// use corelay::http::{Path, TestClient};
    ///
    /// let posts = Router::new()
    ///     .get("/", |Path(user): Path<String>| format!("posts of {user}"))
    ///     .get("/{post}", |Path((user, post)): Path<(String, u32)>| format!("post {post} of {user}"));
    ///
    /// let client = TestClient::new(Router::new().nest("/users/{user}/posts", posts))?;
    /// assert_eq!(client.get("/users/ada/posts").send().text(), "posts of ada");
    /// assert_eq!(client.get("/users/ada/posts/3").send().text(), "post 3 of ada");
    /// # Ok::<(), corelay::http::RouteError>(())
    /// ```
    pub fn nest(mut self, prefix: &str, mut other: Router) -> Self {
        if !prefix.starts_with('/') || prefix.ends_with('/') || prefix.contains("{*") {
            let reason =
                "a prefix starts with a slash, does not end with one, and holds no {*rest}".to_owned();
            self.note(RouteError::BadPattern { pattern: prefix.to_owned(), reason });
            return self;
        }
        for entry in &mut other.routes {
            let below = if entry.pattern == "/" { "" } else { entry.pattern.as_str() };
            entry.pattern = format!("{prefix}{below}");
        }
        assembly::fallback_to_routes(&mut other, prefix);
        self.merge(other)
    }

    /// Checks everything and makes the [`App`] that servers and [test clients](super::TestClient) run.
    ///
    /// # Errors
    /// The first mistake found: a bad pattern, a route added twice, a state that was not given, a body taken
    /// twice.
    ///
    /// ```
    /// use corelay::Router;
    /// use corelay::http::State;
    ///
    /// struct Database;
    /// let forgotten = Router::new().get("/", |_database: State<Database>| "never reached");
    /// let error = forgotten.finish().unwrap_err();
    /// assert!(error.to_string().starts_with(r#"the handler of GET "/" takes State<"#));
    /// ```
    pub fn finish(self) -> Result<App, RouteError> {
        assembly::assemble(self)
    }

    fn add<M: 'static>(mut self, method: Option<Method>, pattern: &str, handler: impl Handler<M>) -> Self {
        self.routes.push(RouteEntry::new(method, pattern.to_owned(), handler));
        self
    }

    /// Keeps the first mistake for [`Router::finish`].
    fn note(&mut self, error: RouteError) {
        self.error.get_or_insert(error);
    }
}

impl std::fmt::Debug for Router {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let routes = self.routes.iter().map(|entry| (entry.method_name(), &entry.pattern));
        formatter.debug_list().entries(routes).finish()
    }
}

impl UserHandler {
    pub(crate) fn new<M: 'static>(handler: impl Handler<M>) -> Self {
        Self { profile: handler.profile(), call: erase(handler) }
    }
}

impl RouteEntry {
    fn new<M: 'static>(method: Option<Method>, pattern: String, handler: impl Handler<M>) -> Self {
        Self { method, pattern, handler: UserHandler::new(handler), layers: Vec::new() }
    }

    /// The method for messages.
    pub(crate) fn method_name(&self) -> String {
        self.method.as_ref().map_or_else(|| "any".to_owned(), Method::to_string)
    }
}
