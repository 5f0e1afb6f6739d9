//! What is asked for: request templates with weights.

use crate::Error;
use crate::call::Codec;
use crate::response::Asked;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Methods whose requests say that they have no body (RFC 9110 section 8.6).
const METHODS_WITH_BODY: [&str; 3] = ["PATCH", "POST", "PUT"];

const CONTENT_TYPE: &str = "Content-Type";

/// Fields that change where a request goes or where it ends, and are not the mix's to set.
const FIXED: [&str; 5] = ["content-length", "expect", "host", "transfer-encoding", "upgrade"];

/// One request, as often as it is asked.
///
/// ```
/// use corelay_load::Request;
///
/// let mut request = Request::new("POST", "/users");
/// request.fields.push(("Content-Type".into(), "application/json".into()));
/// request.body = br#"{"name":"Ada"}"#.to_vec();
/// assert_eq!(request.label(), "POST /users");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Request {
    /// Of HTTP; an answer to HEAD has no body.
    pub method: String,
    /// Path and query; of a frame, what the report calls it.
    pub path: String,
    /// Fields besides the group's.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<(String, String)>,
    /// Sent with its Content-Length; of a frame, its payload; of a call, its message.
    #[serde(default, skip_serializing_if = "Vec::is_empty", with = "text_or_bytes")]
    pub body: Vec<u8>,
    /// Whether it is a unary call of the Connect protocol, whose answer is a message or an error with a code.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_call: bool,
}

/// Requests with weights: each time, one is drawn.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mix(Vec<Weighted>);

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Weighted {
    request: Request,
    weight: u32,
}

impl Request {
    /// Without fields and body.
    pub fn new(method: &str, path: &str) -> Self {
        Self {
            method: method.to_owned(),
            path: path.to_owned(),
            fields: Vec::new(),
            body: Vec::new(),
            is_call: false,
        }
    }

    /// GET of a path.
    pub fn of_path(path: &str) -> Self {
        Self::new("GET", path)
    }

    /// A unary call of the Connect protocol: a POST of a message to `/package.Service/Method`. The content type is that of the message,
    /// `application/json` or `application/proto`.
    ///
    /// ```
    /// use corelay_load::Request;
    ///
    /// let call = Request::call("/corelay.demo.v1.RandomService/Draw", "application/json", br#"{"count":3}"#);
    /// assert_eq!(call.label(), "corelay.demo.v1.RandomService/Draw");
    /// ```
    pub fn call(path: &str, content_type: &str, message: &[u8]) -> Self {
        let fields = [(CONTENT_TYPE, content_type), ("Connect-Protocol-Version", "1")];
        Self {
            fields: fields.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
            body: message.to_vec(),
            is_call: true,
            ..Self::new("POST", path)
        }
    }

    /// A frame of [`Protocol::Framed`](crate::Protocol::Framed), with the name that the report gives it.
    pub fn frame(name: &str, payload: &[u8]) -> Self {
        Self { body: payload.to_vec(), ..Self::of_path(name) }
    }

    /// What the report calls it: the path, with the method before it unless that is GET; of a call, what is called.
    pub fn label(&self) -> String {
        if self.is_call {
            return self.path.trim_start_matches('/').to_owned();
        }
        match self.method.as_str() {
            "GET" => self.path.clone(),
            method => format!("{method} {}", self.path),
        }
    }

    /// How its answer is read.
    pub(crate) fn asked(&self) -> Asked {
        match self.codec() {
            Some(codec) if self.is_call => Asked::Call(codec),
            _ if self.method == "HEAD" => Asked::Head,
            _ => Asked::Plain,
        }
    }

    fn codec(&self) -> Option<Codec> {
        let content_type = self.fields.iter().find(|(name, _)| name.eq_ignore_ascii_case(CONTENT_TYPE));
        Codec::of(content_type?.1.as_bytes())
    }

    /// As it goes out in HTTP/1.1, with these fields before its own.
    pub(crate) fn encode(&self, host: &str, fields: &[(String, String)], closes: bool) -> Vec<u8> {
        let fields = fields.iter().chain(&self.fields);
        let lines = fields.map(|(name, value)| format!("{name}: {value}\r\n")).collect::<String>();
        let closing = if closes { "Connection: close\r\n" } else { "" };
        let has_length = !self.body.is_empty() || METHODS_WITH_BODY.contains(&&*self.method);
        let length =
            if has_length { format!("Content-Length: {}\r\n", self.body.len()) } else { String::new() };
        let head =
            format!("{} {} HTTP/1.1\r\nHost: {host}\r\n{lines}{closing}{length}\r\n", self.method, self.path);
        [head.as_bytes(), &self.body].concat()
    }

    /// As it goes out as a frame: four bytes of length, the most significant first, and the payload.
    pub(crate) fn encode_frame(&self) -> Vec<u8> {
        // Its length was checked.
        let length = u32::try_from(self.body.len()).unwrap_or(u32::MAX);
        [&length.to_be_bytes()[..], &self.body].concat()
    }

    pub(crate) fn check(&self) -> Result<(), Error> {
        if self.method.is_empty() || !self.method.bytes().all(is_token) {
            return Err(Error::Plan(format!("{:?} is no method", self.method)));
        }
        if self.is_call && (self.method != "POST" || self.codec().is_none()) {
            let path = &self.path;
            return Err(Error::Plan(format!(
                "the call {path:?} is no POST of application/json or application/proto"
            )));
        }
        check_path(&self.path)?;
        check_fields(&self.fields)
    }

    pub(crate) fn check_frame(&self) -> Result<(), Error> {
        match u32::try_from(self.body.len()) {
            Ok(_) => Ok(()),
            Err(_) => Err(Error::Plan("a frame's payload is below 4 GiB".to_owned())),
        }
    }
}

impl Mix {
    /// GET of one path.
    pub fn only(path: &str) -> Self {
        Self::weighted([(path, 1)])
    }

    /// GET of paths, drawn in proportion to their weights: `[("/a", 99), ("/b", 1)]` asks for `/b` once in a hundred times.
    pub fn weighted<'a>(paths: impl IntoIterator<Item = (&'a str, u32)>) -> Self {
        Self::of(paths.into_iter().map(|(path, weight)| (Request::of_path(path), weight)))
    }

    /// Requests, drawn in proportion to their weights.
    pub fn of(requests: impl IntoIterator<Item = (Request, u32)>) -> Self {
        Self(requests.into_iter().map(|(request, weight)| Weighted { request, weight }).collect())
    }

    /// The paths, in the order they were given.
    pub fn paths(&self) -> impl ExactSizeIterator<Item = &str> {
        self.requests().map(|request| request.path.as_str())
    }

    /// The requests, in the order they were given.
    pub fn requests(&self) -> impl ExactSizeIterator<Item = &Request> {
        self.0.iter().map(|weighted| &weighted.request)
    }

    pub(crate) fn total_weight(&self) -> u64 {
        self.0.iter().map(|weighted| u64::from(weighted.weight)).sum()
    }

    /// Draws the index of a request. A mix of one draws nothing.
    pub(crate) fn draw(&self, random: &mut fastrand::Rng) -> usize {
        if self.0.len() == 1 {
            return 0;
        }
        let mut left = random.u64(..self.total_weight());
        let fits = |weighted: &Weighted| match left.checked_sub(u64::from(weighted.weight)) {
            None => true,
            Some(rest) => {
                left = rest;
                false
            }
        };
        self.0.iter().position(fits).unwrap_or(0)
    }
}

/// A path that neither ends its request line nor begins elsewhere than at the root.
pub(crate) fn check_path(path: &str) -> Result<(), Error> {
    if path.starts_with('/') && is_visible(path) {
        return Ok(());
    }
    Err(Error::Plan(format!("{path:?} is no path: it begins with / and has no space or control")))
}

pub(crate) fn check_fields(fields: &[(String, String)]) -> Result<(), Error> {
    match fields.iter().find(|(name, value)| !is_field(name, value)) {
        Some((name, value)) => {
            Err(Error::Plan(format!("{name:?} with {value:?} is no field that may be added")))
        }
        None => Ok(()),
    }
}

/// Neither empty, nor with a byte that would end a request line or a field (RFC 9112 sections 3 and 5).
pub(crate) fn is_visible(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// A field whose line ends where it should, and which changes neither where the request goes nor where it ends: a name of
/// token characters, a value of visible ones with spaces only between (RFC 9110 sections 5.5 and 5.6.2).
fn is_field(name: &str, value: &str) -> bool {
    !name.is_empty()
        && name.bytes().all(is_token)
        && !FIXED.iter().any(|fixed| fixed.eq_ignore_ascii_case(name))
        && value.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic())
        && value.trim() == value
}

fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// Bodies are text more often than not, and a plan is read by people.
mod text_or_bytes {
    use super::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Serialize, Deserialize)]
    #[serde(untagged)]
    enum Body {
        Text(String),
        Bytes(Vec<u8>),
    }

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], to: S) -> Result<S::Ok, S::Error> {
        match std::str::from_utf8(bytes) {
            Ok(text) => text.serialize(to),
            Err(_) => bytes.serialize(to),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
        Ok(match Body::deserialize(from)? {
            Body::Text(text) => text.into_bytes(),
            Body::Bytes(bytes) => bytes,
        })
    }
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
    fn requests_are_sent_as_they_are() {
        let fields = [("Accept".to_owned(), "a, b;q=0.5".to_owned())];
        let text = |request: &Request, closes| {
            String::from_utf8_lossy(&request.encode("h", &fields, closes)).into_owned()
        };
        assert_eq!(
            text(&Request::of_path("/a"), false),
            "GET /a HTTP/1.1\r\nHost: h\r\nAccept: a, b;q=0.5\r\n\r\n"
        );
        let mut post = Request::new("POST", "/b");
        assert!(text(&post, false).ends_with("Content-Length: 0\r\n\r\n"));
        post.body = b"xyz".to_vec();
        post.fields.push(("A".into(), "b".into()));
        assert!(text(&post, true).ends_with("A: b\r\nConnection: close\r\nContent-Length: 3\r\n\r\nxyz"));
        assert_eq!(Request::frame("f", b"ping").encode_frame(), b"\0\0\0\x04ping");
    }

    #[test]
    fn what_would_be_another_request_is_refused() {
        let mut smuggled = Request::of_path("/");
        smuggled.fields.push(("a".into(), "b\r\nc: d".into()));
        let call = Request::call("/a.B/C", "application/json", b"{}");
        assert!(call.check().is_ok());
        let other_method = Request { method: "PUT".into(), ..call };
        let other_type = Request::call("/a.B/C", "text/plain", b"{}");
        for request in [
            Request::new("GET /", "/"),
            Request::new("", "/"),
            Request::new("GET", "/ x"),
            smuggled,
            other_method,
            other_type,
        ] {
            assert!(request.check().is_err(), "{request:?}");
        }
    }

    #[test]
    fn a_body_survives_json_whatever_its_bytes() {
        for body in [&b"plain"[..], b"\xff\0"] {
            let request = Request { body: body.to_vec(), ..Request::new("POST", "/") };
            let text = serde_json::to_string(&request).expect("plain data");
            assert_eq!(serde_json::from_str::<Request>(&text).expect("its own JSON"), request);
        }
    }
}
