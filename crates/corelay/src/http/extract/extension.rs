//! What middleware left for the handler.

use super::{FromRequest, Rejection};
use crate::http::request::Request;

/// A clone of a value that a middleware put into the [request's extensions](Request::extensions_mut).
///
/// ```
/// use corelay::Router;
/// use corelay::http::{Extension, Next, Request, Response, TestClient};
///
/// #[derive(Clone)]
/// struct User(&'static str);
///
/// fn sign_in(request: &mut Request<'_>, next: Next<'_>) -> Response {
///     request.extensions_mut().insert(User("ada"));
///     next.run(request)
/// }
///
/// let router = Router::new().get("/me", |Extension(user): Extension<User>| user.0).layer(sign_in);
/// assert_eq!(TestClient::new(router)?.get("/me").send().text(), "ada");
/// # Ok::<(), corelay::http::RouteError>(())
/// ```
///
/// Where none of that type was put, the answer is a logged 500: the middleware is missing, which is the
/// program's mistake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extension<T>(pub T);

impl<T: Clone + Send + Sync + 'static> FromRequest for Extension<T> {
    type Rejection = Rejection;

    fn from_request(request: &mut Request<'_>) -> Result<Self, Rejection> {
        let value = request.extensions().and_then(|extensions| extensions.get::<T>());
        value.cloned().map(Self).ok_or_else(|| {
            let name = std::any::type_name::<T>();
            Rejection::of_program(format!("a handler takes Extension<{name}>, which no middleware put"))
        })
    }
}
