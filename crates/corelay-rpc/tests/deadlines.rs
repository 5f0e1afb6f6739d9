//! `connect-timeout-ms` on every engine: handlers see it, no read of a stream waits longer, an answer that comes later is
//! replaced; and a client ends its call by it, whatever the server does.
//!
//! Each deadline here passes because the other side holds still, and never because something is slow.
#![allow(clippy::unwrap_used, reason = "a test that fails says where")]

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use corelay_rpc::buffa_types::google::protobuf::{self, Empty, Int64Value};
use corelay_rpc::{Channel, Code, Context, Error, Requests, Responses, Service, ServiceBuilder, envelope};
use serving::on_every_engine;

mod serving;

/// Long enough for anything but a peer that holds still.
const AMPLE: Duration = Duration::from_secs(600);
const SHORT: Duration = Duration::from_millis(200);

fn service() -> Service {
    ServiceBuilder::new("test.Time", ())
        .unary("Remaining", false, |(): &(), context, _: Empty| Ok(remaining(context)))
        .unary("Late", false, |(): &(), context, _: Empty| {
            outlast(context.deadline());
            Ok(Empty::default())
        })
        .client_stream("Count", |(): &(), _, numbers: Requests<Int64Value>| {
            let numbers = numbers.collect::<Result<Vec<_>, Error>>()?;
            Ok(Int64Value { value: numbers.len() as i64, ..Int64Value::default() })
        })
        .server_stream("LateAfterOne", |(): &(), context, _: Empty| {
            let deadline = context.deadline();
            let late = std::iter::once_with(move || {
                outlast(deadline);
                Ok(Empty::default())
            });
            Ok(Box::new(std::iter::once(Ok(Empty::default())).chain(late)) as Responses<Empty>)
        })
        .finish()
}

/// What is left; nothing at all where there is no deadline.
fn remaining(context: &Context<'_>) -> protobuf::Duration {
    let remaining = context.remaining().unwrap_or_default();
    assert_eq!(context.deadline().is_some(), context.timeout().is_some());
    protobuf::Duration { seconds: remaining.as_secs() as i64, ..protobuf::Duration::default() }
}

fn outlast(deadline: Option<Instant>) {
    let deadline = deadline.expect("the call has a deadline");
    let (_nobody, never) = mpsc::channel::<()>();
    while let Some(left) = deadline.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) {
        let _ = never.recv_timeout(left);
    }
}

fn channel(address: SocketAddr) -> Channel {
    Channel::new(&format!("http://{address}")).unwrap()
}

/// All of the answer to a request that says it is the connection's last.
fn answer(mut stream: &TcpStream) -> String {
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

/// Begins a call that waits for more from its client, and sends this much of its body.
fn begin(address: SocketAddr, method: &str, fields: &str, body: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(address).unwrap();
    let head = format!("POST /test.Time/{method} HTTP/1.1\r\nHost: t\r\nConnection: close\r\n");
    let head = format!("{head}Connect-Timeout-Ms: {}\r\n{fields}\r\n", SHORT.as_millis());
    stream.write_all(&[head.as_bytes(), body].concat()).unwrap();
    stream
}

#[test]
fn a_handler_sees_what_is_left_of_the_callers_time() {
    on_every_engine(service, |address| {
        let call = |channel: &Channel| -> protobuf::Duration {
            channel.unary("/test.Time/Remaining", false, &Empty::default()).unwrap().message
        };
        assert_eq!(call(&channel(address)).seconds, 0);
        let left = call(&channel(address).timeout(AMPLE)).seconds;
        assert!(left > 0 && left <= AMPLE.as_secs() as i64, "{left}");
    });
}

#[test]
fn an_answer_that_comes_late_is_replaced() {
    on_every_engine(service, |address| {
        let fields = "Content-Type: application/json\r\nContent-Length: 2\r\n";
        let text = answer(&begin(address, "Late", fields, b"{}"));
        assert!(text.starts_with("HTTP/1.1 504 ") && text.contains("\"deadline_exceeded\""), "{text}");

        let mut frame = Vec::new();
        envelope::encode(0, b"{}", &mut frame);
        let fields = "Content-Type: application/connect+json\r\nContent-Length: 7\r\n";
        let text = answer(&begin(address, "LateAfterOne", fields, &frame));
        assert!(text.starts_with("HTTP/1.1 200 ") && text.contains("\"deadline_exceeded\""), "{text}");
        assert_eq!(text.matches("\0\0\0\0\u{2}{}").count(), 1, "the message that came in time: {text}");
    });
}

#[test]
fn no_read_of_a_stream_waits_past_the_deadline() {
    on_every_engine(service, |address| {
        let fields = "Content-Type: application/connect+json\r\nTransfer-Encoding: chunked\r\n";
        for body in [&b""[..], b"3\r\n\0\0\0\r\n", b"8\r\n\0\0\0\0\x03\"1\"\r\n", b"5\r\n"] {
            let text = answer(&begin(address, "Count", fields, body));
            assert!(text.contains("\"deadline_exceeded\""), "{body:?}: {text}");
        }
        // A unary call whose body is read by its handler's thread.
        let fields = "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n";
        let text = answer(&begin(address, "Late", fields, b"1\r\n{\r\n"));
        assert!(text.starts_with("HTTP/1.1 504 ") && text.contains("\"deadline_exceeded\""), "{text}");
    });
}

/// Accepts one connection, sends `answer`, and holds still until the test is over.
fn silent(answer: &'static [u8]) -> (SocketAddr, mpsc::Sender<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (over, wait) = mpsc::channel();
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.write_all(answer).unwrap();
        let _ = wait.recv();
    });
    (address, over)
}

#[test]
fn a_client_waits_no_longer_than_it_said() {
    const HEAD: &[u8] =
        b"HTTP/1.1 200 OK\r\ncontent-type: application/connect+proto\r\ntransfer-encoding: chunked\r\n\r\n";
    const ONE: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: application/connect+proto\r\ntransfer-encoding: chunked\r\n\r\n5\r\n\0\0\0\0\0\r\n";
    const CUT: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: application/proto\r\ncontent-length: 5\r\n\r\nab";
    for answer in [&b""[..], b"HTTP/1.1 ", CUT] {
        let (address, _over) = silent(answer);
        let called =
            channel(address).timeout(SHORT).unary::<Empty, Empty>("/a.B/C", false, &Empty::default());
        assert_eq!(called.unwrap_err().code(), Code::DeadlineExceeded, "{answer:?}");
    }
    for (answer, count) in [(HEAD, 0), (ONE, 1)] {
        let (address, _over) = silent(answer);
        let incoming = channel(address).timeout(SHORT).stream::<Empty, Empty>("/a.B/C", [Empty::default()]);
        let mut messages: Vec<_> = incoming.unwrap().collect();
        let last = messages.pop().unwrap().unwrap_err();
        assert_eq!((messages.len(), last.code()), (count, Code::DeadlineExceeded));
    }
    // A server that takes nothing: sockets' buffers fill, and the call ends while it sends.
    let (address, _over) = silent(b"");
    let endless =
        std::iter::repeat_with(|| protobuf::BytesValue { value: vec![0; 1 << 20], ..Default::default() });
    let called = channel(address).timeout(SHORT).stream::<_, Empty>("/a.B/C", endless);
    assert_eq!(called.err().map(|error| error.code()), Some(Code::DeadlineExceeded));
}
