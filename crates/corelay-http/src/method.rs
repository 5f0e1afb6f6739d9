//! The request method, as cheap as a byte for those everybody uses.

/// A request method (RFC 9110 section 9). Methods are case-sensitive: `get` is an extension method.
///
/// Borrowed and `Copy`, because `http::Method` has a destructor and costs one on every request; [`Method::to_http`]
/// makes one where the application wants it.
///
/// ```
/// use corelay_http::Method;
/// assert_eq!(Method::Get.as_str(), "GET");
/// assert_eq!(Method::Get.to_http(), http::Method::GET);
/// assert_eq!(Method::Extension("PURGE").to_http().as_str(), "PURGE");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Method<'a> {
    /// `GET`
    Get,
    /// `HEAD`
    Head,
    /// `POST`
    Post,
    /// `PUT`
    Put,
    /// `DELETE`
    Delete,
    /// `OPTIONS`
    Options,
    /// `TRACE`
    Trace,
    /// `CONNECT`
    Connect,
    /// `PATCH` (RFC 5789)
    Patch,
    /// Any other token. Whether it is known is the application's business.
    Extension(&'a str),
}

impl<'a> Method<'a> {
    /// The method as it stands on the wire.
    pub const fn as_str(self) -> &'a str {
        match self {
            Method::Get => "GET",
            Method::Head => "HEAD",
            Method::Post => "POST",
            Method::Put => "PUT",
            Method::Delete => "DELETE",
            Method::Options => "OPTIONS",
            Method::Trace => "TRACE",
            Method::Connect => "CONNECT",
            Method::Patch => "PATCH",
            Method::Extension(name) => name,
        }
    }

    /// The method as the `http` crate has it. Allocates for extension methods of more than 15 bytes only.
    pub fn to_http(self) -> http::Method {
        match self {
            Method::Get => http::Method::GET,
            Method::Head => http::Method::HEAD,
            Method::Post => http::Method::POST,
            Method::Put => http::Method::PUT,
            Method::Delete => http::Method::DELETE,
            Method::Options => http::Method::OPTIONS,
            Method::Trace => http::Method::TRACE,
            Method::Connect => http::Method::CONNECT,
            Method::Patch => http::Method::PATCH,
            // A parsed method is a token, which is what `http` checks for; a hand-made one may not be.
            Method::Extension(name) => http::Method::from_bytes(name.as_bytes()).unwrap_or_default(),
        }
    }
}
