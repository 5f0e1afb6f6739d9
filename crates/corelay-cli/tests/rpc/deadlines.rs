//! `connect-timeout-ms`: what is read of it, and an answer that comes too late.

use crate::proto::corelay::demo::v1::{DrawRequest, SumRequest};
use crate::support::{Engine, Server};
use crate::{JSON, STREAM_JSON, channel, client, frame, frames, post};
use corelay_rpc::Code;
use std::time::Duration;

crate::on_every_engine!(
    a_deadline_that_has_passed_is_told,
    a_timeout_that_is_no_number_is_refused,
    time_that_is_left_harms_nobody
);

/// No time at all has passed before anything else happens, so nothing here waits.
fn a_deadline_that_has_passed_is_told(engine: Engine) {
    let server = Server::start(engine, &[]);
    let mut connection = server.connect();
    let answer = post(&mut connection, "Draw", &[JSON, "Connect-Timeout-Ms: 0"], b"{}");
    assert_eq!(answer.status, 504);
    assert!(answer.text().contains("\"deadline_exceeded\""), "{}", answer.text());
    for method in ["Roll", "Sum", "Exchange"] {
        let answer = post(&mut connection, method, &[STREAM_JSON, "Connect-Timeout-Ms: 0"], &frame(0, b"{}"));
        assert_eq!(answer.status, 200);
        let (messages, end) = frames(&answer);
        assert!(messages.is_empty() && end.contains("\"deadline_exceeded\""), "{method}: {end}");
    }
    let hasty = client(channel(&server).timeout(Duration::ZERO));
    assert_eq!(hasty.draw(&DrawRequest::default()).unwrap_err().code(), Code::DeadlineExceeded);
}

fn a_timeout_that_is_no_number_is_refused(engine: Engine) {
    let server = Server::start(engine, &[]);
    let mut connection = server.connect();
    for timeout in ["", "-1", "1.5", "ten", "12345678901", "1 2"] {
        let field = format!("Connect-Timeout-Ms: {timeout}");
        let answer = post(&mut connection, "Draw", &[JSON, &field], b"{}");
        assert_eq!(answer.status, 400, "{timeout:?}");
        assert!(answer.text().contains("\"invalid_argument\""), "{}", answer.text());
    }
    assert_eq!(post(&mut connection, "Draw", &[JSON, "Connect-Timeout-Ms: 9999999999"], b"{}").status, 200);
}

fn time_that_is_left_harms_nobody(engine: Engine) {
    let server = Server::start(engine, &[]);
    let patient = client(channel(&server).timeout(Duration::from_secs(600)));
    patient.draw(&DrawRequest::default()).unwrap();
    assert_eq!(patient.sum([SumRequest { number: 7, ..SumRequest::default() }]).unwrap().message.sum, 7);
}
