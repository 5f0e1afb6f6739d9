//! Requests that are refused before they get to their handler: their peer asks too often, or the server is late.
//!
//! A refused request is answered like any other, by an endpoint that does nothing: its body is read past, what is pipelined
//! behind it is answered, and the connection goes on. To close it would cost both sides more than the answer.

use crate::config::Limits;
use crate::http::{Endpoint, Response, StatusCode, fixed, header};
use crate::rates::PeerRates;
use crate::status::Count;
use ::http::HeaderValue;
use std::net::SocketAddr;

/// What is looked at before a handler is called, if anything is.
pub(crate) struct Restraint {
    rates: Option<PeerRates>,
    too_many_requests: Endpoint,
    overloaded: Endpoint,
    /// Requests that were refused for their peer's rate.
    pub(crate) refused_of_peer: Count,
    /// Requests that were refused because they had waited for too long.
    pub(crate) shed_late: Count,
    /// Requests that were refused because service threads wait for processors.
    pub(crate) shed_crowded: Count,
}

impl Restraint {
    pub(crate) fn new(limits: &Limits) -> Self {
        let rates = limits
            .max_request_rate_per_peer
            .map(|rate| PeerRates::new(rate.get(), limits.request_burst_per_peer, limits.max_rated_peers));
        let too_many_requests =
            refusing(StatusCode::TOO_MANY_REQUESTS, "too many requests of this address\n");
        Self {
            rates,
            too_many_requests,
            overloaded: refusing(StatusCode::SERVICE_UNAVAILABLE, "the server is overloaded\n"),
            refused_of_peer: Count::default(),
            shed_late: Count::default(),
            shed_crowded: Count::default(),
        }
    }

    /// Whether every turn has to ask.
    pub(crate) fn is_on(&self) -> bool {
        self.rates.is_some()
    }

    /// What answers a request in place of its endpoint, if it is not let through.
    pub(crate) fn refusal(&self, peer: Option<SocketAddr>, now_nanos: u64, late: bool) -> Option<&Endpoint> {
        if late {
            self.shed_late.add_shared(1);
            return Some(&self.overloaded);
        }
        let rates = self.rates.as_ref()?;
        if rates.take(peer?, now_nanos) {
            return None;
        }
        self.refused_of_peer.add_shared(1);
        Some(&self.too_many_requests)
    }
}

/// Says when to come back: a second is the longest that any peer waits for a token, for the least rate is one a second; and a
/// queue that stands may be gone by then.
fn refusing(status: StatusCode, text: &'static str) -> Endpoint {
    const ONE_SECOND: HeaderValue = HeaderValue::from_static("1");
    fixed("", Vec::new(), move || Response::new(text).status(status).header(header::RETRY_AFTER, ONE_SECOND))
}
