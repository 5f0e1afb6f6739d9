//! What the whole program shares.

use std::ops::Deref;
use std::sync::Arc;

use super::{FromRequest, Rejection};
use crate::http::handler::Profile;
use crate::http::request::Request;

/// A state that was given to [`Router::state`](crate::Router::state), found by its type.
///
/// It derefs to the state, which is shared and never cloned. [`Router::finish`](crate::Router::finish) fails
/// if a handler takes a state that nobody gave.
///
/// ```
/// use std::sync::atomic::{AtomicU64, Ordering};
/// use corelay::Router;
/// use corelay::http::{State, TestClient};
///
/// struct Visits { count: AtomicU64 }
///
/// let router = Router::new()
///     .get("/", |visits: State<Visits>| (visits.count.fetch_add(1, Ordering::Relaxed) + 1).to_string())
///     .state(Visits { count: AtomicU64::new(0) });
/// let client = TestClient::new(router)?;
/// assert_eq!(client.get("/").send().text(), "1");
/// assert_eq!(client.get("/").send().text(), "2");
/// # Ok::<(), corelay::http::RouteError>(())
/// ```
#[derive(Debug)]
pub struct State<T>(pub Arc<T>);

impl<T> Clone for State<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Deref for State<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: Send + Sync + 'static> FromRequest for State<T> {
    type Rejection = Rejection;

    fn from_request(request: &mut Request<'_>) -> Result<Self, Rejection> {
        // Missing only where `Request::extract` asks for what no signature told.
        request.app().states().find::<T>().cloned().map(Self).ok_or_else(|| {
            let name = std::any::type_name::<T>();
            Rejection::of_program(format!(
                "a handler extracted State<{name}>, which the router was not given"
            ))
        })
    }

    fn describe(profile: &mut Profile) {
        profile.needs_state::<T>();
    }
}
