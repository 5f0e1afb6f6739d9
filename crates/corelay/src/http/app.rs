//! A finished router: from a request's head to the endpoint that answers it.
//!
//! Everything that can be decided before the first request has been: each path holds the endpoint for each
//! method, also those of routing itself (405, `OPTIONS`, `HEAD` by way of `GET`). A request costs one look-up
//! of its path and one of its method.

use corelay_http::{Head, Method};

use super::endpoint::Endpoint;
use super::params::Params;
use super::state::States;
use super::static_paths::StaticPaths;
use crate::buffers::Buffers;
use crate::status::Count;
use std::sync::Arc;

/// A router that has been checked and is ready to serve: made by [`Router::finish`](super::Router::finish).
pub struct App {
    /// Patterns without parameters.
    pub(crate) static_paths: StaticPaths,
    /// Patterns with parameters.
    pub(crate) patterns: matchit::Router<usize>,
    /// What both of these point into.
    pub(crate) paths: Box<[PathEndpoints]>,
    /// Answers what no path matched.
    pub(crate) fallback: Endpoint,
    /// Answers `OPTIONS *`.
    pub(crate) server_options: Endpoint,
    /// Answers `CONNECT`.
    pub(crate) connect: Endpoint,
    pub(crate) states: States,
    /// Bodies refused with 503 because there was no memory for them.
    pub(crate) no_memory: Count,
    /// What all connections keep.
    pub(crate) buffers: Arc<Buffers>,
    /// The most that an extractor may gather where the route does not say, in bytes.
    pub(crate) whole_body_bytes_max: usize,
}

/// The methods that have a place of their own in a [`PathEndpoints`] table.
pub(crate) const TABLE_METHODS: usize = 8;

/// The endpoints of one pattern.
pub(crate) struct PathEndpoints {
    pub(crate) endpoints: Box<[Endpoint]>,
    /// Indexes into `endpoints`, by [`table_index`].
    pub(crate) table: [usize; TABLE_METHODS],
    /// The same for methods of other names, all that have a route on any path.
    pub(crate) extensions: Vec<(Box<str>, usize)>,
    /// For methods that have a route nowhere.
    pub(crate) otherwise: usize,
}

impl App {
    /// The endpoint for `head`. There always is one: 404, 405 and the like are endpoints too.
    ///
    /// A `HEAD` that has no route of its own gets the endpoint of `GET`, whose body is not to be sent. The values of
    /// the path's parameters go to `params`, which most requests leave empty.
    #[inline]
    pub(crate) fn route<'s: 'a, 'a>(&'s self, head: &Head<'a>, params: &mut Params<'a>) -> &'s Endpoint {
        match self.static_paths.find(head.path_bytes()).and_then(|entry| self.paths.get(entry)) {
            Some(path) => path.endpoint(head.method()),
            None => self.route_by_pattern(head, params),
        }
    }

    #[inline(never)]
    fn route_by_pattern<'s: 'a, 'a>(&'s self, head: &Head<'a>, params: &mut Params<'a>) -> &'s Endpoint {
        let Ok(matched) = self.patterns.at(head.path()) else {
            return self.route_elsewhere(head);
        };
        let Some(path) = self.paths.get(*matched.value) else {
            return &self.fallback;
        };
        params.fill(&matched.params);
        path.endpoint(head.method())
    }

    #[cold]
    fn route_elsewhere(&self, head: &Head<'_>) -> &Endpoint {
        match head.method() {
            Method::Connect => &self.connect,
            Method::Options if head.target() == "*" => &self.server_options,
            _ => &self.fallback,
        }
    }

    /// Every endpoint there is.
    fn endpoints(&self) -> impl Iterator<Item = &Endpoint> {
        let own = [&self.fallback, &self.connect, &self.server_options];
        self.paths.iter().flat_map(|path| &path.endpoints).chain(own)
    }

    pub(crate) fn endpoint_numbered(&self, number: u32) -> Option<&Endpoint> {
        self.endpoints().find(|endpoint| endpoint.number() == number)
    }

    /// The patterns of routes that were learnt to keep a core waiting.
    pub(crate) fn learnt_routes(&self) -> Vec<String> {
        self.endpoints()
            .filter(|endpoint| endpoint.habit().is_learnt())
            .map(|endpoint| endpoint.pattern().to_owned())
            .collect()
    }

    /// Learns what another process has learnt.
    pub(crate) fn learn(&self, patterns: &[String]) {
        for endpoint in self.endpoints() {
            if patterns.iter().any(|pattern| pattern == endpoint.pattern()) {
                endpoint.habit().learn();
            }
        }
    }

    /// Sets what an extractor may gather where the route does not say: the server's own limit.
    pub(crate) fn limit_whole_bodies(&mut self, bytes: usize) {
        self.whole_body_bytes_max = bytes;
    }

    pub(crate) fn states(&self) -> &States {
        &self.states
    }
}

impl std::fmt::Debug for App {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("App").field("paths", &self.paths.len()).finish_non_exhaustive()
    }
}

impl PathEndpoints {
    #[inline]
    fn endpoint(&self, method: Method<'_>) -> &Endpoint {
        let index = match table_index(method) {
            Some(place) => self.table[place],
            None => self.extension(method.as_str()),
        };
        &self.endpoints[index]
    }

    fn extension(&self, method: &str) -> usize {
        let named = self.extensions.iter().find(|(name, _)| **name == *method);
        named.map_or(self.otherwise, |(_, index)| *index)
    }
}

/// The place of a method in the table; `None` for methods that are looked up by name.
#[inline]
pub(crate) fn table_index(method: Method<'_>) -> Option<usize> {
    match method {
        Method::Get => Some(0),
        Method::Head => Some(1),
        Method::Post => Some(2),
        Method::Put => Some(3),
        Method::Patch => Some(4),
        Method::Delete => Some(5),
        Method::Options => Some(6),
        Method::Trace => Some(7),
        Method::Connect | Method::Extension(_) => None,
    }
}
