//! A panic in user code is a 500 and a log line, and the thread goes on as if nothing had happened.
#![allow(clippy::unwrap_used, reason = "a test stops where something is not as expected")]

use std::fmt;
use std::sync::{Arc, Mutex};

use corelay::Router;
use corelay::http::{
    Extension, FromRequest, IntoResponse, Json, Next, Path, Request, Response, State, TestClient, TestRequest,
};
use serde::{Serialize, Serializer};
use tracing::field::{Field, Visit};
use tracing::{Event, Metadata, Subscriber, span};

/// Keeps what is logged at level ERROR on this thread.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0 += &format!("{field}={value:?} ");
    }
}

impl Subscriber for Log {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() == tracing::Level::ERROR
    }

    fn event(&self, event: &Event<'_>) {
        let mut line = Line(String::new());
        event.record(&mut line);
        self.0.lock().unwrap().push(line.0);
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

/// The status of each answer, and what was logged meanwhile.
fn statuses<'c>(requests: impl IntoIterator<Item = TestRequest<'c>>) -> (Vec<u16>, Vec<String>) {
    let log = Log::default();
    let statuses = tracing::subscriber::with_default(log.clone(), || {
        requests.into_iter().map(|request| request.send().status().as_u16()).collect()
    });
    let lines = log.0.lock().unwrap().clone();
    (statuses, lines)
}

struct PanicsWhenDropped;

impl Drop for PanicsWhenDropped {
    fn drop(&mut self) {
        panic!("dropped");
    }
}

#[test]
fn it_is_a_500_and_one_line_with_the_request_and_the_message() {
    let handler = |Path(n): Path<u8>| if n == 7 { panic!("no {n} today") } else { "fine" };
    let client = TestClient::new(Router::new().get("/{n}", handler)).unwrap();
    let (statuses, log) = statuses([client.get("/1"), client.get("/7?why=x"), client.get("/1")]);
    assert_eq!(statuses, [200, 500, 200]);
    let [line] = log.as_slice() else {
        panic!("one line, not {log:?}");
    };
    for part in ["method=GET", r#"target="/7?why=x""#, r#"panic="no 7 today""#] {
        assert!(line.contains(part), "{part} in {line}");
    }
}

#[test]
fn the_peer_is_not_told_why() {
    let handler = || -> &'static str { panic!("secret") };
    let response = TestClient::new(Router::new().get("/", handler)).unwrap().get("/").send();
    assert_eq!(response.text(), "Internal Server Error");
}

#[test]
fn it_does_not_matter_where_user_code_panics() {
    struct Extractor;
    impl FromRequest for Extractor {
        type Rejection = ();
        fn from_request(_: &mut Request<'_>) -> Result<Self, ()> {
            panic!("in an extractor");
        }
    }
    struct Answer;
    impl IntoResponse for Answer {
        fn into_response(self) -> Response {
            panic!("in a response");
        }
    }
    struct Value;
    impl Serialize for Value {
        fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            panic!("in a serialiser");
        }
    }
    fn outer(request: &mut Request<'_>, next: Next<'_>) -> Response {
        next.run(request);
        panic!("in a middleware")
    }
    let router = Router::new()
        .get("/middleware", || "")
        .layer(outer)
        .get("/extractor", |_: Extractor| "")
        .get("/response", || Answer)
        .get("/json", || Json(Value))
        .get("/argument", |_: Option<Extension<u8>>| drop(PanicsWhenDropped))
        .fallback(|| -> &'static str { panic!("in the fallback") });
    let client = TestClient::new(router).unwrap();
    let paths = ["/middleware", "/extractor", "/response", "/json", "/argument", "/none"];
    let (statuses, log) = statuses(paths.map(|path| client.get(path)));
    assert_eq!((statuses, log.len()), (vec![500; 6], 6));
}

#[test]
fn values_that_panic_when_they_are_dropped_do_no_harm() {
    fn leave(request: &mut Request<'_>, next: Next<'_>) -> Response {
        request.extensions_mut().insert(Arc::new(PanicsWhenDropped));
        next.run(request)
    }
    let router = Router::new()
        .get("/drop", || "")
        .get("/panic-then-drop", || -> &'static str { panic!("first") })
        .layer(leave)
        .get("/payload", || -> &'static str { std::panic::panic_any(PanicsWhenDropped) });
    let client = TestClient::new(router).unwrap();
    let paths = ["/drop", "/panic-then-drop", "/payload"];
    let (statuses, log) = statuses(paths.map(|path| client.get(path)));
    assert_eq!((statuses, log.len()), (vec![500; 3], 3));
}

#[test]
fn a_log_that_panics_does_no_harm_either() {
    struct Broken;
    impl Subscriber for Broken {
        fn enabled(&self, _: &Metadata<'_>) -> bool {
            true
        }
        fn event(&self, _: &Event<'_>) {
            panic!("in the log");
        }
        fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
            span::Id::from_u64(1)
        }
        fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
        fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
        fn enter(&self, _: &span::Id) {}
        fn exit(&self, _: &span::Id) {}
    }
    let handler = || -> &'static str { panic!("logged by a broken log") };
    let client = TestClient::new(Router::new().get("/", handler)).unwrap();
    let response = tracing::subscriber::with_default(Broken, || client.get("/").send());
    assert_eq!(response.status(), 500);
}

#[test]
fn a_lock_that_a_panic_poisoned_is_the_programs_to_mend() {
    struct Shared {
        number: Mutex<u32>,
    }
    let handler = |shared: State<Shared>| {
        let mut number = shared.number.lock().unwrap_or_else(|poisoned| {
            shared.number.clear_poison();
            poisoned.into_inner()
        });
        *number += 1;
        assert_ne!(*number, 2, "the second request fails");
        number.to_string()
    };
    let shared = Shared { number: Mutex::new(0) };
    let client = TestClient::new(Router::new().get("/", handler).state(shared)).unwrap();
    let answers = [(); 3].map(|()| client.get("/").send().text());
    assert_eq!(answers, ["1", "Internal Server Error", "3"]);
}
