//! Answers are framed as their reader can read them (RFC 9112 6, 7.1).

use crate::on_every_engine;
use crate::support::{Engine, Server};

on_every_engine!(
    http_1_0_gets_no_chunks,
    every_answer_has_a_date_of_the_fixed_form,
    a_refusal_is_a_whole_answer,
);

fn http_1_0_gets_no_chunks(engine: Engine) {
    let server = Server::start(engine, &[]);
    for target in ["/plaintext", "/json", "/bytes/200000", "/"] {
        let mut client = server.connect();
        client.send(format!("GET {target} HTTP/1.0\r\n\r\n"));
        let response = client.response();
        assert_eq!((response.status, response.field("transfer-encoding")), (200, None), "{target}");
        client.expect_end();
    }
}

/// IMF-fixdate, as in `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110 5.6.7).
fn every_answer_has_a_date_of_the_fixed_form(engine: Engine) {
    let server = Server::start(engine, &[]);
    let mut client = server.connect();
    for target in ["/plaintext", "/nothing", "/bytes/100000", "/random?n=0"] {
        let response = client.get(target);
        let date = response.field("date").expect("Date is there");
        let shape: String = date.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
        assert!(
            shape.len() == 29 && shape.ends_with(" 0000 00:00:00 GMT") && &shape[3..8] == ", 00 ",
            "{date}"
        );
    }
}

fn a_refusal_is_a_whole_answer(engine: Engine) {
    let server = Server::start(engine, &[]);
    let mut client = server.connect();
    client.send("GET / HTTP/3.0\r\n\r\n");
    let response = client.response();
    assert_eq!(response.status, 505);
    assert!(
        response.field("date").is_some() && response.field("content-length").is_some(),
        "{:?}",
        response.fields
    );
    client.expect_end();
}
