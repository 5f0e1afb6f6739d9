//! From methods to routes.
//!
//! Generated code makes a [`Service`] from an implementation of its trait, method by method; [`Services`] puts several on
//! a router, with `GET /rpc` to list them. A method is an ordinary route of the server's, with all that comes with one:
//! relays, learnt placement, middleware, metrics by pattern. Deliberately absent: interceptors. A
//! [`Middleware`](corelay::http::Middleware) around the router is one.

use std::sync::Arc;

use corelay::Router;
use corelay::http::{Request, endpoint};

use crate::context::Context;
use crate::stream::{self, Answer, Requests, Responses};
use crate::{Error, Limits, Message, unary};

/// A service whose methods are known.
pub struct Service {
    name: &'static str,
    methods: Vec<Method>,
}

/// One method: what a person wants to know of it, and how it becomes routes.
struct Method {
    line: Line,
    mount: Mount,
}

type Mount = Box<dyn FnOnce(Router, &str, Limits) -> Router + Send>;

/// A handler of a stream each way.
type StreamCall<S, Q, R> = fn(&S, &Context<'_>, Requests<Q>) -> Result<Responses<R>, Error>;

/// A method's line in the listing.
struct Line {
    name: &'static str,
    is_get: bool,
    request: String,
    response: String,
}

/// Makes a [`Service`]: what generated code does, and a program may do by hand.
///
/// ```
/// use buffa_types::google::protobuf::{Duration, Timestamp};
/// use corelay_rpc::{ServiceBuilder, Services};
///
/// let clock = ServiceBuilder::new("example.Clock", ())
///     .unary("At", true, |(): &(), _context, after: Duration| {
///         Ok(Timestamp { seconds: after.seconds, nanos: after.nanos, ..Timestamp::default() })
///     })
///     .finish();
/// let client = corelay::http::TestClient::new(Services::new().add(clock).router())?;
/// let answer = client.post("/example.Clock/At").header("content-type", "application/json").body("\"1.5s\"").send();
/// assert_eq!(answer.text(), "\"1970-01-01T00:00:01.500Z\"");
/// # Ok::<(), corelay::http::RouteError>(())
/// ```
pub struct ServiceBuilder<S> {
    name: &'static str,
    service: Arc<S>,
    methods: Vec<Method>,
}

impl<S: Send + Sync + 'static> ServiceBuilder<S> {
    /// Starts a service of this full name, such as `corelay.demo.v1.RandomService`.
    pub fn new(name: &'static str, service: S) -> Self {
        Self { name, service: Arc::new(service), methods: Vec::new() }
    }

    /// A method with one message each way; `is_get` for those without side effects, which may be called by GET.
    pub fn unary<Q: Message, R: Message>(
        self,
        name: &'static str,
        is_get: bool,
        call: fn(&S, &Context<'_>, Q) -> Result<R, Error>,
    ) -> Self {
        let service = Arc::clone(&self.service);
        let mount: Mount = Box::new(move |router, pattern, limits| {
            let posted = Arc::clone(&service);
            let post = move |request: &mut Request<'_>| {
                unary::post(request, &limits, |context, message| call(&posted, context, message))
            };
            let router = router.post(pattern, endpoint(post).gathered().body_limit(limits.message_bytes_max));
            if !is_get {
                return router;
            }
            router.get(pattern, move |request: &mut Request<'_>| {
                unary::get(request, &limits, |context, message| call(&service, context, message))
            })
        });
        self.method(Line::of::<Q, R>(name, is_get, ["", ""]), mount)
    }

    /// A method with one message in and any number out.
    pub fn server_stream<Q: Message, R: Message>(
        self,
        name: &'static str,
        call: fn(&S, &Context<'_>, Q) -> Result<Responses<R>, Error>,
    ) -> Self {
        let line = Line::of::<Q, R>(name, false, ["", "stream "]);
        self.stream(line, move |service, context, mut requests: Requests<Q>| {
            call(service, context, requests.only()?).map(Answer::Many)
        })
    }

    /// A method with any number of messages in and one out.
    pub fn client_stream<Q: Message, R: Message>(
        self,
        name: &'static str,
        call: fn(&S, &Context<'_>, Requests<Q>) -> Result<R, Error>,
    ) -> Self {
        let line = Line::of::<Q, R>(name, false, ["stream ", ""]);
        self.stream(line, move |service, context, requests| call(service, context, requests).map(Answer::One))
    }

    /// A method with any number of messages each way.
    pub fn bidi_stream<Q: Message, R: Message>(self, name: &'static str, call: StreamCall<S, Q, R>) -> Self {
        let line = Line::of::<Q, R>(name, false, ["stream ", "stream "]);
        self.stream(line, move |service, context, requests| {
            call(service, context, requests).map(Answer::Many)
        })
    }

    /// The service, to be [added](Services::add).
    pub fn finish(self) -> Service {
        Service { name: self.name, methods: self.methods }
    }

    fn stream<Q: Message, R: Message>(
        self,
        line: Line,
        call: impl Fn(&S, &Context<'_>, Requests<Q>) -> Result<Answer<R>, Error> + Send + Sync + 'static,
    ) -> Self {
        let service = Arc::clone(&self.service);
        let mount: Mount = Box::new(move |router, pattern, limits| {
            router.post(pattern, move |request: &mut Request<'_>| {
                stream::post(request, &limits, |context, requests| call(&service, context, requests))
            })
        });
        self.method(line, mount)
    }

    fn method(mut self, line: Line, mount: Mount) -> Self {
        self.methods.push(Method { line, mount });
        self
    }
}

/// Several services, and what they share.
///
/// `GET /rpc` answers with every method, its path and its messages.
#[derive(Default)]
#[must_use = "services do nothing until their router is served"]
pub struct Services {
    services: Vec<Service>,
    limits: Limits,
}

impl Services {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// One more.
    #[allow(clippy::should_implement_trait, reason = "it adds a service, and is no arithmetic")]
    pub fn add(mut self, service: Service) -> Self {
        self.services.push(service);
        self
    }

    /// Other limits than the usual, for all of them.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// The routes: one for each method, one that answers `unimplemented` for what a service does not have, and the list.
    pub fn router(self) -> Router {
        let list = self.list();
        let mut router = Router::new().get("/rpc", move || list.clone());
        for service in self.services {
            let unknown = format!("/{}/{{method}}", service.name);
            router = router.any(&unknown, |request: &mut Request<'_>| unary::unknown_method(request));
            for method in service.methods {
                let pattern = format!("/{}/{}", service.name, method.line.name);
                router = (method.mount)(router, &pattern, self.limits);
            }
        }
        router
    }

    /// The same, added to a router.
    pub fn mount(self, router: Router) -> Router {
        router.merge(self.router())
    }

    /// As a person reads it, in the words of a `.proto` file.
    fn list(&self) -> String {
        let mut list = String::new();
        for service in &self.services {
            list.push_str(&format!("service {} {{\n", service.name));
            for Method { line: Line { name, is_get, request, response }, .. } in &service.methods {
                let methods = if *is_get { "GET, POST" } else { "POST" };
                list.push_str(&format!("  rpc {name}({request}) returns ({response});"));
                list.push_str(&format!("  // {methods} /{}/{name}\n", service.name));
            }
            list.push_str("}\n");
        }
        list
    }
}

impl Line {
    fn of<Q: Message, R: Message>(name: &'static str, is_get: bool, streams: [&str; 2]) -> Self {
        let request = format!("{}{}", streams[0], Q::FULL_NAME);
        let response = format!("{}{}", streams[1], R::FULL_NAME);
        Self { name, is_get, request, response }
    }
}

impl std::fmt::Debug for Service {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Service").field("name", &self.name).finish_non_exhaustive()
    }
}

impl<S> std::fmt::Debug for ServiceBuilder<S> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("ServiceBuilder").field("name", &self.name).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Services {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_list().entries(self.services.iter().map(|service| service.name)).finish()
    }
}
