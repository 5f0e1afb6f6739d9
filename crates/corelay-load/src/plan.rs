//! What to send: groups of connections, each with its paths and its pace.

use crate::{Error, Placement, seconds};
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
    /// At least one.
    pub groups: Vec<Group>,
}

/// Connections that are alike, reported together and by path.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Group {
    /// What the report calls it.
    pub name: String,
    /// How many connections, each with one request out at most.
    pub connections: u32,
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

/// Paths with weights: each request draws one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mix(Vec<(String, u32)>);

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
        Self { name: name.to_owned(), connections, pace, mix, fields: Vec::new(), placement: None }
    }

    /// A request for `path`, as it goes out.
    pub(crate) fn request(&self, path: &str, host: &str) -> Vec<u8> {
        let fields = self.fields.iter().map(|(name, value)| format!("{name}: {value}\r\n"));
        format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n{}\r\n", fields.collect::<String>()).into_bytes()
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
        if self.mix.total_weight() == 0 {
            return wrong("no path has a weight above 0".into());
        }
        if let Some((name, value)) = self.fields.iter().find(|(name, value)| !is_field(name, value)) {
            return wrong(format!("{name:?} with {value:?} is no field that may be added"));
        }
        let probe = self.placement.iter().map(|placement| placement.probe.as_str());
        match self.mix.paths().chain(probe).find(|path| !path.starts_with('/') || !is_visible(path)) {
            Some(path) => wrong(format!("{path:?} is no path: it begins with / and has no space or control")),
            None => Ok(()),
        }
    }
}

impl Mix {
    /// One path.
    pub fn only(path: &str) -> Self {
        Self::weighted([(path, 1)])
    }

    /// Paths drawn in proportion to their weights: `[("/a", 99), ("/b", 1)]` asks for `/b` once in a hundred times.
    pub fn weighted<'a>(paths: impl IntoIterator<Item = (&'a str, u32)>) -> Self {
        Self(paths.into_iter().map(|(path, weight)| (path.to_owned(), weight)).collect())
    }

    /// The paths, in the order they were given.
    pub fn paths(&self) -> impl ExactSizeIterator<Item = &str> {
        self.0.iter().map(|(path, _)| path.as_str())
    }

    fn total_weight(&self) -> u64 {
        self.0.iter().map(|(_, weight)| u64::from(*weight)).sum()
    }

    /// Draws the index of a path. A mix of one draws nothing.
    pub(crate) fn draw(&self, random: &mut fastrand::Rng) -> usize {
        if self.0.len() == 1 {
            return 0;
        }
        let mut left = random.u64(..self.total_weight());
        let fits = |(_, weight): &(String, u32)| match left.checked_sub(u64::from(*weight)) {
            None => true,
            Some(rest) => {
                left = rest;
                false
            }
        };
        self.0.iter().position(fits).unwrap_or(0)
    }
}

/// Neither empty, nor with a byte that would end a request line or a field (RFC 9112 sections 3 and 5).
fn is_visible(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// A field whose line ends where it should, and which changes neither where the request goes nor where it ends: a name of
/// token characters, a value of visible ones with spaces only between (RFC 9110 sections 5.5 and 5.6.2).
fn is_field(name: &str, value: &str) -> bool {
    const FIXED: [&str; 5] = ["content-length", "expect", "host", "transfer-encoding", "upgrade"];
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !name.is_empty()
        && name.bytes().all(is_token)
        && !FIXED.iter().any(|fixed| fixed.eq_ignore_ascii_case(name))
        && value.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic())
        && value.trim() == value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mix_is_drawn_by_weight_and_the_seed_repeats_it() {
        let mix = Mix::weighted([("/a", 99), ("/never", 0), ("/b", 1)]);
        let draw = |seed| {
            let mut random = fastrand::Rng::with_seed(seed);
            (0..100_000).map(|_| mix.draw(&mut random)).collect::<Vec<_>>()
        };
        let drawn = draw(7);
        let count = |wanted| drawn.iter().filter(|&&path| path == wanted).count();
        assert_eq!(count(1), 0);
        // Mean 1,000, standard deviation 31; the seed makes it one number, this says it is a sane one.
        assert!((850..1150).contains(&count(2)), "{}", count(2));
        assert_eq!(drawn, draw(7));
        assert_ne!(drawn, draw(8));
    }

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
    fn fields_are_sent_as_they_are() {
        let group = with_field("Accept-Encoding", "gzip, br;q=0.5");
        let request = "GET /a HTTP/1.1\r\nHost: h\r\nAccept-Encoding: gzip, br;q=0.5\r\n\r\n";
        assert_eq!(String::from_utf8_lossy(&group.request("/a", "h")), request);
        assert!(group.check().is_ok());
    }

    #[test]
    fn a_plan_survives_json() {
        let mut plan = Plan::new(([127, 0, 0, 1], 80).into());
        plan.groups.push(Group::open("g", 3, 2.5, Mix::weighted([("/a", 1), ("/b", 2)])));
        let text = serde_json::to_string(&plan).expect("a plan is plain data");
        assert!(text.contains(r#""warm_up":0.5"#), "{text}");
        assert_eq!(serde_json::from_str::<Plan>(&text).expect("its own JSON"), plan);
    }
}
