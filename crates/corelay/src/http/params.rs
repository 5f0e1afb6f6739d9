//! What a path matched: the values of its parameters.
//!
//! Values are slices of the request's own path, still percent-encoded: decoding is for those who read them.
//! Two are held inline, which is what most routes have, so that matching them allocates nothing.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

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
    inline: [(&'a str, &'a str); INLINE],
    inline_count: usize,
    more: Vec<(&'a str, &'a str)>,
}

impl<'a> Params<'a> {
    /// No parameters: a path matched to the letter, or nothing matched.
    #[inline]
    pub(crate) fn none() -> Self {
        Self { inline: [("", ""); INLINE], inline_count: 0, more: Vec::new() }
    }

    /// Takes over what a pattern matched.
    pub(crate) fn fill(&mut self, matched: &matchit::Params<'a, 'a>) {
        for pair in matched.iter() {
            match self.inline.get_mut(self.inline_count) {
                Some(place) => {
                    *place = pair;
                    self.inline_count += 1;
                }
                None => self.more.push(pair),
            }
        }
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
