//! One handler with all that belongs to it, and the one place where user code is entered.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use super::habit::Habit;
use super::handler::{BodyUse, Call, Profile};
use super::into_response::IntoResponse;
use super::middleware::{Middleware, Next};
use super::panics::caught;
use super::request::Request;
use super::response::Response;

static NEXT_NUMBER: AtomicU32 = AtomicU32::new(0);

/// A handler, the middleware around it, and what the engine must know before it calls them.
pub(crate) struct Endpoint {
    /// Its own, in this process.
    number: u32,
    habit: Habit,
    pattern: Box<str>,
    body_use: BodyUse,
    body_limit: Option<usize>,
    /// From the outermost to the innermost.
    layers: Box<[Arc<dyn Middleware>]>,
    handler: Arc<dyn Call>,
}

impl Endpoint {
    pub(crate) fn new(
        pattern: &str,
        profile: &Profile,
        layers: Vec<Arc<dyn Middleware>>,
        handler: Arc<dyn Call>,
    ) -> Self {
        let body_use = match profile.body {
            BodyUse::Whole { limit } => BodyUse::Whole { limit: profile.body_limit.or(limit) },
            BodyUse::Either { limit } => BodyUse::Either { limit: profile.body_limit.or(limit) },
            other => other,
        };
        let body_limit = match body_use {
            BodyUse::Whole { limit } | BodyUse::Either { limit } => limit,
            _ => profile.body_limit,
        };
        let layers = layers.into_boxed_slice();
        let number = NEXT_NUMBER.fetch_add(1, Ordering::Relaxed);
        let habit = Habit::new(profile.placement);
        Self { number, habit, pattern: pattern.into(), body_use, body_limit, layers, handler }
    }

    /// What to do with the body before the call.
    #[inline]
    pub(crate) fn body_use(&self) -> BodyUse {
        self.body_use
    }

    /// What tells it from all others.
    #[inline]
    pub(crate) fn number(&self) -> u32 {
        self.number
    }

    /// Whether it runs on a service thread: the handler said so, or it was learnt.
    #[inline]
    pub(crate) fn is_blocking(&self) -> bool {
        self.habit.is_blocking()
    }

    /// What was learnt about it.
    pub(crate) fn habit(&self) -> &Habit {
        &self.habit
    }

    /// The route's own limit on a body that the handler takes, in bytes.
    pub(crate) fn body_limit(&self) -> Option<usize> {
        self.body_limit
    }

    /// The pattern of the route's path; empty for the fallback.
    pub(crate) fn pattern(&self) -> &str {
        &self.pattern
    }

    /// Answers `request`. Whatever user code does, this returns: a panic is logged and answered with a 500. `false`: there was one.
    ///
    /// Values of user code's making are dropped in here too, save for those in the response.
    #[inline]
    #[must_use]
    pub(crate) fn call(&self, request: &mut Request<'_>, response: &mut Response) -> bool {
        let outcome = caught(|| {
            if self.layers.is_empty() {
                self.handler.call(request, response);
            } else {
                *response = Next::new(&self.layers, &*self.handler).run(request);
            }
            request.drop_user_values();
        });
        if let Err(message) = &outcome {
            after_panic(request, response, message);
        }
        outcome.is_ok()
    }
}

#[cold]
#[inline(never)]
fn after_panic(request: &mut Request<'_>, response: &mut Response, message: &str) {
    // All can enter user code again, a destructor or a log subscriber, and either may panic.
    let dropped = caught(|| request.drop_user_values());
    let logged = caught(|| {
        let (method, target) = (request.method(), request.target());
        tracing::error!(%method, target, panic = message, "a handler panicked");
    });
    let answered = caught(|| *response = Response::internal_error());
    let _ = (dropped, logged, answered);
}

/// Answers that need no handler of the user's: what routing itself says.
pub(crate) struct Fixed<F>(pub(crate) F);

impl<F, R> Call for Fixed<F>
where
    F: Fn() -> R + Send + Sync,
    R: IntoResponse,
{
    fn call(&self, _: &mut Request<'_>, response: &mut Response) {
        *response = (self.0)().into_response();
    }
}
