//! A writer whose length was announced is held to it. (So far only [`Response::reader`] announces one, and that counts
//! by itself: the check is the engine's own.)

use super::Rig;
use crate::connection::CloseReason;
use crate::http::{Response, ResponseBody, Router};
use std::io::{self, Write};

const ANNOUNCED: u64 = 5;

fn serve(write: fn(&mut dyn Write) -> io::Result<()>) -> (Option<CloseReason>, String) {
    let body = move || Response::of(ResponseBody::Writer { write: Box::new(write), length: Some(ANNOUNCED) });
    let mut rig = Rig::new(Router::new().get("/", body));
    let closed = rig.send("GET / HTTP/1.1\r\nHost: test\r\n\r\n");
    let answer = rig.received_text();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.contains("\r\nContent-Length: 5"), "{head}");
    (closed, body.to_owned())
}

#[test]
fn as_much_as_announced_is_an_answer() {
    assert_eq!(serve(|out| out.write_all(b"whole")), (None, "whole".to_owned()));
}

#[test]
fn more_is_never_sent_also_if_the_writer_makes_nothing_of_the_error() {
    let (closed, body) = serve(|out| {
        out.write_all(b"who")?;
        let _ = out.write_all(b"le, and more");
        Ok(())
    });
    assert_eq!(closed, Some(CloseReason::AnswerBroken));
    assert!(body.len() <= 3, "{body}");
}

#[test]
fn less_is_an_answer_that_broke_off() {
    let (closed, body) = serve(|out| out.write_all(b"who"));
    assert_eq!(closed, Some(CloseReason::AnswerBroken));
    assert!(body.len() <= 3, "{body}");
}
