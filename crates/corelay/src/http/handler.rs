//! What can answer a route: functions of up to eight extractors, or of the request itself.
//!
//! [`Handler`] is implemented for functions by their parameter types, which is why it has a marker parameter:
//! without it the implementations would overlap. A handler is erased to one `dyn` call when it is added to a
//! router, and its [`Profile`], what its signature says about it, is worked out then too, so that a request
//! pays for none of this.

use std::marker::PhantomData;
use std::sync::Arc;

use super::extract::FromRequest;
use super::into_response::IntoResponse;
use super::request::Request;
use super::response::Response;
use super::state::NeededState;

/// What a handler does with the request's body, known from its extractors before any request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum BodyUse {
    /// Does not look at it: the engine discards it.
    Unused,
    /// Wants all of it at once: the engine gathers it before it calls the handler.
    Whole {
        /// The most bytes this route accepts, where that differs from the server's own limit.
        limit: Option<usize>,
    },
    /// Reads it as it arrives.
    Stream,
    /// Takes it either way: the engine gathers what declares a length within the limit, and hands on anything else as it
    /// arrives.
    Either {
        /// The most bytes that are gathered, where that differs from the server's own limit.
        limit: Option<usize>,
    },
}

/// Where a handler runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Placement {
    /// Where the engine finds best.
    #[default]
    Auto,
    /// Always on the core that read the request: for handlers known never to wait.
    Inline,
    /// On a service thread from the start: for handlers known to wait.
    Blocking,
}

/// Something that answers requests. Implemented for `Fn(A, B, …) -> R` where each parameter is a
/// [`FromRequest`] and `R` an [`IntoResponse`], for `Fn(&mut Request<'_>) -> R`, and for [`EndpointBuilder`].
///
/// Parameters are extracted from left to right; the first that fails answers. At most one may take the body,
/// in any position.
/// There is no need to implement it: what is not a function can be captured by a closure.
///
/// ```
/// use corelay::Router;
/// use corelay::http::{Path, Query, StatusCode, TestClient};
/// use std::collections::HashMap;
///
/// type Options = HashMap<String, String>;
///
/// fn greet(Path(name): Path<String>, Query(options): Query<Options>) -> Result<String, StatusCode> {
///     let greeting = options.get("greeting").ok_or(StatusCode::NOT_FOUND)?;
///     Ok(format!("{greeting}, {name}"))
/// }
///
/// let client = TestClient::new(Router::new().get("/{name}", greet))?;
/// assert_eq!(client.get("/Ada?greeting=Hello").send().text(), "Hello, Ada");
/// assert_eq!(client.get("/Ada").send().status(), 404);
/// # Ok::<(), corelay::http::RouteError>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a handler",
    note = "a handler takes up to eight extractors (`FromRequest`), or one `&mut Request<'_>`, \
            and returns an `IntoResponse`; it is `Send + Sync + 'static`"
)]
pub trait Handler<Marker>: Send + Sync + 'static {
    /// Answers `request`. May block.
    fn call(&self, request: &mut Request<'_>) -> Response;

    /// What is known about this handler before any request.
    fn profile(&self) -> Profile;
}

/// What is known about a handler before any request: the body it takes, the states it needs, where it runs.
#[derive(Debug, Clone)]
pub struct Profile {
    pub(crate) body: BodyUse,
    pub(crate) body_takers: usize,
    pub(crate) body_limit: Option<usize>,
    pub(crate) states: Vec<NeededState>,
    pub(crate) placement: Placement,
}

impl Profile {
    pub(crate) fn new() -> Self {
        Self {
            body: BodyUse::Unused,
            body_takers: 0,
            body_limit: None,
            states: Vec::new(),
            placement: Placement::default(),
        }
    }

    /// Notes that an extractor uses the body like this.
    pub fn uses_body(&mut self, body: BodyUse) {
        if body != BodyUse::Unused {
            self.body = body;
            self.body_takers += 1;
        }
    }

    /// Notes that the state `T` must have been given to the router.
    pub fn needs_state<T: Send + Sync + 'static>(&mut self) {
        self.states.push(NeededState::of::<T>());
    }
}

/// A handler with its type erased.
///
/// It answers in place: a response that is handed up through several calls is copied in each, and reading
/// back at once what was just written piece by piece costs more than the copying.
pub(crate) trait Call: Send + Sync {
    fn call(&self, request: &mut Request<'_>, response: &mut Response);
}

struct Erased<H, M> {
    handler: H,
    marker: PhantomData<fn() -> M>,
}

impl<M: 'static, H: Handler<M>> Call for Erased<H, M> {
    fn call(&self, request: &mut Request<'_>, response: &mut Response) {
        *response = self.handler.call(request);
    }
}

pub(crate) fn erase<M: 'static>(handler: impl Handler<M>) -> Arc<dyn Call> {
    Arc::new(Erased { handler, marker: PhantomData })
}

/// Starts the options of one route.
///
/// ```
/// use corelay::Router;
/// use corelay::http::{TestClient, endpoint};
///
/// fn import(body: Vec<u8>) -> String {
///     format!("{} bytes", body.len())
/// }
///
/// // Waits for a disk: straight to a service thread. Takes no more than 16 bytes.
/// let router = Router::new().post("/import", endpoint(import).blocking().body_limit(16));
/// let client = TestClient::new(router)?;
/// assert_eq!(client.post("/import").body("0123456789").send().text(), "10 bytes");
/// assert_eq!(client.post("/import").body("0123456789abcdefg").send().status(), 413);
/// # Ok::<(), corelay::http::RouteError>(())
/// ```
pub fn endpoint<M, H: Handler<M>>(handler: H) -> EndpointBuilder<H, M> {
    let placement = Placement::default();
    EndpointBuilder { handler, placement, body_limit: None, gathers: false, marker: PhantomData }
}

/// A handler with options: made by [`endpoint`], itself a [`Handler`].
pub struct EndpointBuilder<H, M> {
    handler: H,
    placement: Placement,
    body_limit: Option<usize>,
    gathers: bool,
    marker: PhantomData<fn() -> M>,
}

impl<H, M> EndpointBuilder<H, M> {
    /// Runs the handler on a service thread from the start: it waits for disks, databases or other servers.
    pub fn blocking(mut self) -> Self {
        self.placement = Placement::Blocking;
        self
    }

    /// Runs the handler on the core that read the request, always: it never waits.
    pub fn inline(mut self) -> Self {
        self.placement = Placement::Inline;
        self
    }

    /// Refuses bodies of more than `bytes`: with 413 where the handler takes the whole body, with an
    /// [error](super::BodyError) of that status where it reads it as it arrives.
    pub fn body_limit(mut self, bytes: usize) -> Self {
        self.body_limit = Some(bytes);
        self
    }

    /// For a handler that reads the body as it arrives: has it gathered before the call all the same where it declares a
    /// length within the limit, so that small bodies keep no thread waiting and need no copy. The handler finds it in
    /// [`Request::whole_body`], and what was not gathered in [`Request::take_body`]; a body past the limit is the
    /// handler's to refuse.
    ///
    /// ```
    /// use corelay::Router;
    /// use corelay::http::{BodyError, Request, TestClient, endpoint};
    /// use std::io::{self, Read};
    ///
    /// fn measure(request: &mut Request<'_>) -> io::Result<String> {
    ///     if let Some(body) = request.whole_body() {
    ///         return Ok(format!("{} bytes at once", body.len()));
    ///     }
    ///     match request.take_body().read_to_end(&mut Vec::new()) {
    ///         Ok(length) => Ok(format!("{length} bytes as they came")),
    ///         Err(error) => match BodyError::of(&error) {
    ///             Some(refusal) => Ok(format!("refused: {refusal}")),
    ///             None => Err(error),
    ///         },
    ///     }
    /// }
    ///
    /// let router = Router::new().post("/", endpoint(measure).gathered().body_limit(4));
    /// let client = TestClient::new(router)?;
    /// assert_eq!(client.post("/").body("1234").send().text(), "4 bytes at once");
    /// assert_eq!(client.post("/").body("123").streamed().send().text(), "3 bytes as they came");
    /// assert!(client.post("/").body("12345").send().text().starts_with("refused: "));
    /// # Ok::<(), corelay::http::RouteError>(())
    /// ```
    pub fn gathered(mut self) -> Self {
        self.gathers = true;
        self
    }
}

impl<H, M> std::fmt::Debug for EndpointBuilder<H, M> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut debug = formatter.debug_struct("EndpointBuilder");
        debug
            .field("placement", &self.placement)
            .field("body_limit", &self.body_limit)
            .finish_non_exhaustive()
    }
}

/// Marks the implementation for [`EndpointBuilder`].
#[doc(hidden)]
#[derive(Debug)]
pub struct WithOptions;

impl<M: 'static, H: Handler<M>> Handler<WithOptions> for EndpointBuilder<H, M> {
    fn call(&self, request: &mut Request<'_>) -> Response {
        self.handler.call(request)
    }

    fn profile(&self) -> Profile {
        let inner = self.handler.profile();
        let placement = if self.placement == Placement::Auto { inner.placement } else { self.placement };
        let body = match inner.body {
            BodyUse::Stream if self.gathers => BodyUse::Either { limit: None },
            other => other,
        };
        Profile { placement, body, body_limit: self.body_limit.or(inner.body_limit), ..inner }
    }
}

/// Marks the implementation for functions of the request itself.
#[doc(hidden)]
#[derive(Debug)]
pub struct TakesRequest;

impl<F, R> Handler<TakesRequest> for F
where
    F: Fn(&mut Request<'_>) -> R + Send + Sync + 'static,
    R: IntoResponse,
{
    fn call(&self, request: &mut Request<'_>) -> Response {
        self(request).into_response()
    }

    fn profile(&self) -> Profile {
        // It may call `Request::take_body`, so the body is kept for it.
        Profile { body: BodyUse::Stream, ..Profile::new() }
    }
}

/// The one implementation that Rust cannot write once for all numbers of parameters.
macro_rules! handler_of {
    ($($extractor:ident)*) => {
        impl<F, R, $($extractor,)*> Handler<($($extractor,)*)> for F
        where
            F: Fn($($extractor),*) -> R + Send + Sync + 'static,
            R: IntoResponse,
            $($extractor: FromRequest,)*
        {
            #[allow(non_snake_case, reason = "each type parameter names its own value")]
            #[allow(unused_variables, reason = "a function without parameters looks at no request")]
            fn call(&self, request: &mut Request<'_>) -> Response {
                $(
                    let $extractor = match $extractor::from_request(request) {
                        Ok(value) => value,
                        Err(rejection) => return rejection.into_response(),
                    };
                )*
                self($($extractor),*).into_response()
            }

            #[allow(unused_mut, reason = "a function without parameters needs nothing")]
            fn profile(&self) -> Profile {
                let mut profile = Profile::new();
                $($extractor::describe(&mut profile);)*
                profile
            }
        }
    };
}

handler_of!();
handler_of!(A);
handler_of!(A B);
handler_of!(A B C);
handler_of!(A B C D);
handler_of!(A B C D E);
handler_of!(A B C D E G);
handler_of!(A B C D E G H);
handler_of!(A B C D E G H I);
