//! What matched: the route's endpoint and the values of its path's parameters.
//!
//! Values are slices of the request's own path, still percent-encoded: decoding is for those who read them.
//! Two are held inline, which is what most routes have, so that matching them allocates nothing.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

use super::endpoint::Endpoint;

/// How many parameters are held without allocating.
const INLINE: usize = 2;

/// The parameters of a matched path, in the order of the pattern.
///
/// ```
/// use corelay::Router;
/// use corelay::http::{Request, TestClient};
///
/// let router = Router::new().get("/{owner}/{name}", |request: &mut Request<'_>| {
///     request.params().iter().map(|(key, value)| format!("{key}={value} ")).collect::<String>()
/// });
/// assert_eq!(TestClient::new(router)?.get("/ada/engine").send().text(), "owner=ada name=engine ");
/// # Ok::<(), corelay::http::RouteError>(())
/// ```
pub struct Params<'a> {
    endpoint: &'a Endpoint,
    inline: [(&'a str, &'a str); INLINE],
    inline_count: usize,
    more: Vec<(&'a str, &'a str)>,
}

impl<'a> Params<'a> {
    /// No parameters: a path matched to the letter, or nothing matched.
    #[inline]
    pub(crate) fn none(endpoint: &'a Endpoint) -> Self {
        Self { endpoint, inline: [("", ""); INLINE], inline_count: 0, more: Vec::new() }
    }

    pub(crate) fn matched(endpoint: &'a Endpoint, matched: &matchit::Params<'a, 'a>) -> Self {
        let mut params = Self::none(endpoint);
        for pair in matched.iter() {
            match params.inline.get_mut(params.inline_count) {
                Some(place) => {
                    *place = pair;
                    params.inline_count += 1;
                }
                None => params.more.push(pair),
            }
        }
        params
    }

    /// The endpoint they were matched for: its pattern and limits.
    pub(crate) fn endpoint(&self) -> &'a Endpoint {
        self.endpoint
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.inline_count + self.more.len()
    }

    /// Whether the matched pattern has none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Names and values, the values as they came: percent-encoded.
    pub fn iter(&self) -> impl Iterator<Item = (&'a str, &'a str)> + '_ {
        self.inline[..self.inline_count].iter().chain(&self.more).copied()
    }

    /// The decoded value of the parameter `name`; `None` if the pattern has none of that name, or the value
    /// does not decode to UTF-8.
    pub fn value(&self, name: &str) -> Option<Cow<'a, str>> {
        let (_, value) = self.iter().find(|(key, _)| *key == name)?;
        percent_decode_str(value).decode_utf8().ok()
    }
}

impl std::fmt::Debug for Params<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_map().entries(self.iter()).finish()
    }
}
