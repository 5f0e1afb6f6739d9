//! A body that user code keeps past its answer is dead: it cannot read what belongs to the next request.

use super::support::{PATIENCE, Serving};
use corelay::Router;
use corelay::http::Body;
use std::io::Read;
use std::sync::mpsc::channel;
use std::thread;

#[test]
fn a_body_kept_past_its_answer_reads_an_error_and_leaves_the_next_request_alone() {
    let (keep, kept) = channel();
    let steal = move |body: Body| {
        keep.send(body).unwrap();
        "stolen"
    };
    let serving = Serving::start(Router::new().post("/steal", steal).post("/echo", |body: String| body));
    let mut client = serving.client();
    client.send("POST /steal HTTP/1.1\r\nHost: test\r\nContent-Length: 4\r\n\r\n");
    assert_eq!(client.answer().text(), "stolen");
    client.send("lateGET /nowhere HTTP/1.1\r\nHost: test\r\n\r\n");
    assert_eq!(client.answer().status, 404, "what was left of the body is no request");
    let mut body: Body = kept.recv_timeout(PATIENCE).unwrap();
    client.send("POST /echo HTTP/1.1\r\nHost: test\r\nContent-Length: 5\r\n\r\n");
    assert!(body.read(&mut [0; 16]).is_err());
    client.send("hello");
    assert_eq!(client.answer().text(), "hello", "all of it: nothing was read away");
    assert!(body.read(&mut [0; 16]).is_err());
    serving.end().unwrap();
}

#[test]
fn a_thread_that_reads_on_past_the_answer_is_stopped() {
    let (report, outcomes) = channel();
    let (first, first_read) = channel();
    let first_read = std::sync::Mutex::new(first_read);
    let lend = move |mut body: Body| {
        let (report, first) = (report.clone(), first.clone());
        thread::spawn(move || {
            let mut byte = [0];
            body.read_exact(&mut byte).unwrap();
            first.send(()).unwrap();
            // Whether the request is over before this reads, or while it waits: it is told.
            report.send(body.read(&mut byte).map_err(|_| "an error")).unwrap();
        });
        first_read.lock().unwrap().recv_timeout(PATIENCE).unwrap();
        "lent"
    };
    let serving = Serving::start(Router::new().post("/lend", lend).get("/", || "next"));
    for _ in 0..20 {
        let mut client = serving.client();
        client.send("POST /lend HTTP/1.1\r\nHost: test\r\nContent-Length: 10\r\n\r\nx");
        assert_eq!(client.answer().text(), "lent");
        assert_eq!(outcomes.recv_timeout(PATIENCE).unwrap(), Err("an error"));
        assert_eq!(serving.client().get("/").text(), "next");
    }
    serving.end().unwrap();
}
