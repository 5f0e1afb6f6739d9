//! What to do: groups of connections, each with its mix of requests and its pace.

use crate::mix::{check_fields, check_path, is_visible};
use crate::{Error, Mix, Placement, Request, Source, seconds};
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;
use std::time::Duration;

/// A whole run: where to, how long, and which groups of connections at once.
///
/// ```
/// use corelay_load::{Group, Mix, Plan};
/// use std::time::Duration;
///
/// let mut plan = Plan::new("127.0.0.1:8080".parse()?);
/// plan.duration = Duration::from_secs(5);
/// plan.groups.push(Group::closed("plain", 32, Mix::only("/plaintext")));
/// plan.groups.push(Group::open("paced", 100, 2_000.0, Mix::weighted([("/json", 99), ("/sleep/20", 1)])));
/// plan.check()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Plan {
    /// The server.
    pub address: SocketAddr,
    /// The Host field of every request; the address unless set.
    pub host: String,
    /// Load before the measurement begins, at the same pace, on connections that are open. Default 500 ms.
    #[serde(with = "seconds")]
    pub warm_up: Duration,
    /// How long is measured. Default 10 s.
    #[serde(with = "seconds")]
    pub duration: Duration,
    /// How long to wait, after that, for answers that are still out; nothing new falls due. Default 1 s.
    #[serde(with = "seconds")]
    pub drain: Duration,
    /// How long one attempt, connecting included, may take; looked after every 100 ms. Default 30 s.
    #[serde(with = "seconds")]
    pub timeout: Duration,
    /// Where the draws from mixes begin. The same seed gives each connection the same sequence of paths.
    pub seed: u64,
    /// Where connections come from, in turn; the kernel chooses if there are none.
    #[serde(default)]
    pub sources: Vec<Source>,
    /// Ends the run when for this long requests have failed and none was answered: the server is gone, or is none. `None`, the
    /// default: the run goes on to its end.
    #[serde(default, with = "seconds::optional")]
    pub give_up: Option<Duration>,
    /// At least one.
    pub groups: Vec<Group>,
}

/// Connections that are alike, reported together and by path.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Group {
    /// What the report calls it.
    pub name: String,
    /// How many connections.
    pub connections: u32,
    /// How many requests a connection may have out at once. Default 1.
    #[serde(default = "one")]
    pub pipeline: u32,
    /// Requests until a connection is closed and opened anew; the last of them says `Connection: close`. `None`, the default: as
    /// many as there are.
    #[serde(default)]
    pub requests_per_connection: Option<u32>,
    /// What is spoken. Default HTTP/1.1.
    #[serde(default)]
    pub protocol: Protocol,
    /// When a request is due.
    pub pace: Pace,
    /// What is asked for.
    pub mix: Mix,
    /// Fields of every request besides Host, names with values, such as `("Accept-Encoding", "gzip")`. Not Host, which is
    /// the plan's, nor what would announce a body.
    #[serde(default)]
    pub fields: Vec<(String, String)>,
    /// That all its connections be served by one thread of the server; see [`Placement`]. `None`: wherever they fall.
    #[serde(default)]
    pub placement: Option<Placement>,
}

/// What the bytes on a connection mean.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Protocol {
    /// HTTP/1.1, in the clear.
    #[default]
    Http1,
    /// Frames: four bytes of length, the most significant first, and as many of payload. A request is one frame, its payload the
    /// request's body; so is its answer, whatever its payload, up to 16 MiB.
    Framed,
}

/// When a request is due.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub enum Pace {
    /// As soon as the connection has its answer. The server sets the pace: it says how much it can do, and hides how
    /// long users would have waited.
    Closed,
    /// At fixed moments, whatever the server does.
    Open {
        /// Requests per second of all connections of the group together. Connections take turns, so each has a request
        /// due every `connections / requests_per_second` seconds, and no two at once.
        requests_per_second: f64,
    },
    /// At moments drawn beforehand from the plan's seed, as many users who do not know of each other would ask (a Poisson
    /// process): now and then several at once, so that a server which could do more than this a second still has queues.
    /// Moments that are evenly spaced show none until it is full. They are drawn for the whole run, 8 bytes each.
    Poisson {
        /// The mean, of all connections of the group together; they take turns.
        requests_per_second: f64,
    },
}

impl Plan {
    /// A plan without groups, with the defaults named at the fields.
    pub fn new(address: SocketAddr) -> Self {
        Self {
            address,
            host: address.to_string(),
            warm_up: Duration::from_millis(500),
            duration: Duration::from_secs(10),
            drain: Duration::from_secs(1),
            timeout: Duration::from_secs(30),
            seed: 0,
            sources: Vec::new(),
            give_up: None,
            groups: Vec::new(),
        }
    }

    /// Whether it can be carried out; [`run`](crate::run) asks too.
    ///
    /// # Errors
    ///
    /// [`Error::Plan`] with the first thing that cannot be.
    pub fn check(&self) -> Result<(), Error> {
        let wrong = |why: String| Err(Error::Plan(why));
        if self.groups.is_empty() {
            return wrong("it has no group".into());
        }
        if self.duration.is_zero() || self.timeout.is_zero() {
            return wrong("the duration and the timeout must be more than nothing".into());
        }
        if !is_visible(&self.host) {
            return wrong(format!("{:?} is no Host", self.host));
        }
        self.groups.iter().try_for_each(Group::check)
    }
}

impl Group {
    /// Connections that send their next request when the answer is there.
    pub fn closed(name: &str, connections: u32, mix: Mix) -> Self {
        Self::new(name, connections, Pace::Closed, mix)
    }

    /// Connections that share a fixed rate.
    pub fn open(name: &str, connections: u32, requests_per_second: f64, mix: Mix) -> Self {
        Self::new(name, connections, Pace::Open { requests_per_second }, mix)
    }

    /// Connections of that pace.
    pub fn new(name: &str, connections: u32, pace: Pace, mix: Mix) -> Self {
        Self {
            name: name.to_owned(),
            connections,
            pipeline: 1,
            requests_per_connection: None,
            protocol: Protocol::Http1,
            pace,
            mix,
            fields: Vec::new(),
            placement: None,
        }
    }

    /// A request, as it goes out; `closes` on the last of a connection.
    pub(crate) fn encode(&self, request: &Request, host: &str, closes: bool) -> Vec<u8> {
        match self.protocol {
            Protocol::Http1 => request.encode(host, &self.fields, closes),
            Protocol::Framed => request.encode_frame(),
        }
    }

    fn check(&self) -> Result<(), Error> {
        let name = &self.name;
        let wrong = |why: String| Err(Error::Plan(format!("group {name:?}: {why}")));
        if self.connections == 0 {
            return wrong("it has no connection".into());
        }
        if let Pace::Open { requests_per_second: rate } | Pace::Poisson { requests_per_second: rate } =
            self.pace
            && !(rate.is_finite() && rate > 0.0)
        {
            return wrong(format!("{rate} requests a second is no rate"));
        }
        if self.pipeline == 0 || self.requests_per_connection == Some(0) {
            return wrong("a connection has at least one request".into());
        }
        if self.mix.total_weight() == 0 {
            return wrong("no path has a weight above 0".into());
        }
        self.check_requests().map_err(|error| match error {
            Error::Plan(why) => Error::Plan(format!("group {name:?}: {why}")),
            other => other,
        })
    }

    fn check_requests(&self) -> Result<(), Error> {
        if let Protocol::Framed = self.protocol {
            if self.placement.is_some() {
                return Err(Error::Plan("frames cannot be placed: a placement's probe is HTTP".to_owned()));
            }
            return self.mix.requests().try_for_each(Request::check_frame);
        }
        check_fields(&self.fields)?;
        self.placement.iter().try_for_each(|placement| check_path(&placement.probe))?;
        self.mix.requests().try_for_each(Request::check)
    }
}

fn one() -> u32 {
    1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_says_what_is_wrong_with_it() {
        let plan = |group: Group| {
            let mut plan = Plan::new(([127, 0, 0, 1], 80).into());
            plan.groups.push(group);
            plan.check().map_err(|error| error.to_string())
        };
        assert_eq!(plan(Group::closed("g", 1, Mix::only("/"))), Ok(()));
        for (group, named) in [
            (Group::closed("g", 0, Mix::only("/")), "no connection"),
            (Group::open("g", 1, 0.0, Mix::only("/")), "no rate"),
            (Group::open("g", 1, f64::INFINITY, Mix::only("/")), "no rate"),
            (Group::closed("g", 1, Mix::only("x")), "no path"),
            (Group::closed("g", 1, Mix::only("/ HTTP/1.1\r\nx: y")), "no path"),
            (Group::closed("g", 1, Mix::weighted([("/", 0)])), "weight"),
            (with_field("a", "b\r\nc: d"), "no field"),
            (with_field("a: b\r\nc", "d"), "no field"),
            (with_field("a ", "b"), "no field"),
            (with_field("", "b"), "no field"),
            (with_field("a", " b"), "no field"),
            (with_field("HOST", "b"), "no field"),
            (with_field("Content-Length", "1"), "no field"),
        ] {
            let error = plan(group).expect_err(named);
            assert!(error.contains(named), "{error}");
        }
    }

    fn with_field(name: &str, value: &str) -> Group {
        Group { fields: vec![(name.into(), value.into())], ..Group::closed("g", 1, Mix::only("/")) }
    }

    #[test]
    fn a_plan_survives_json() {
        let mut plan = Plan::new(([127, 0, 0, 1], 80).into());
        plan.groups.push(Group::open("g", 3, 2.5, Mix::weighted([("/a", 1), ("/b", 2)])));
        plan.sources.push("127.0.0.0/8".parse().expect("a source"));
        plan.give_up = Some(Duration::from_secs(1));
        let text = serde_json::to_string(&plan).expect("a plan is plain data");
        assert!(text.contains(r#""warm_up":0.5"#), "{text}");
        assert_eq!(serde_json::from_str::<Plan>(&text).expect("its own JSON"), plan);
    }
}
