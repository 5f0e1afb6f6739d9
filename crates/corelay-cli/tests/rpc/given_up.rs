//! Clients that go in the middle of a call, whichever way it was streaming: the connection is closed, the handler ends, and
//! nothing of it stays.

use crate::proto::corelay::demo::v1::{DrawRequest, RollRequest};
use crate::support::{Engine, Server, until};
use crate::{JSON, STREAM_JSON, channel, client, frame, message, path};

crate::on_every_engine!(
    calls_that_are_given_up_leave_nothing_behind,
    a_service_that_is_not_there_is_unimplemented,
);

fn calls_that_are_given_up_leave_nothing_behind(engine: Engine) {
    let server = Server::start(engine, &[]);
    let client = client(channel(&server));
    client.roll(RollRequest::default()).unwrap().for_each(drop);
    let before = server.process().open_files();
    let chunked = |method: &str, field: &str| {
        format!("POST {} HTTP/1.1\r\nHost: t\r\n{field}\r\nTransfer-Encoding: chunked\r\n\r\n", path(method))
            .into_bytes()
    };
    for _ in 0..20 {
        let whole = message("Draw", &[JSON], b"{\"count\":3}");
        let half = frame(0, b"{\"number\":\"1\"}");
        for begun in [
            whole[..whole.len() - 4].to_vec(),
            [chunked("Draw", JSON), b"4\r\n{\"co\r\n".to_vec()].concat(),
            [
                chunked("Sum", STREAM_JSON),
                format!("{:x}\r\n", half.len()).into_bytes(),
                half.clone(),
                b"\r\n".to_vec(),
            ]
            .concat(),
            [chunked("Exchange", STREAM_JSON), b"3\r\n\0\0\0\r\n".to_vec()].concat(),
            // More than the sockets' buffers hold, of which nothing is read.
            message("Roll", &[STREAM_JSON], &frame(0, b"{\"count\":1000000}")),
        ] {
            server.connect().send(begun);
        }
        let mut rolls = client.roll(RollRequest { count: 1_000_000, ..RollRequest::default() }).unwrap();
        assert!(rolls.next().unwrap().is_ok());
    }
    until(|| (server.process().open_files() <= before).then_some(()));
    assert_eq!(client.draw(&DrawRequest::default()).unwrap().message.numbers.len(), 1);
}

fn a_service_that_is_not_there_is_unimplemented(engine: Engine) {
    let server = Server::start(engine, &[]);
    for path in ["/no.such.Service/Draw", "/corelay.demo.v1.RandomService/Nope"] {
        let called = channel(&server).unary::<DrawRequest, DrawRequest>(path, false, &DrawRequest::default());
        assert_eq!(called.unwrap_err().code(), corelay_rpc::Code::Unimplemented, "{path}");
        let streamed = channel(&server).client_stream::<DrawRequest, DrawRequest>(path, []);
        assert_eq!(streamed.unwrap_err().code(), corelay_rpc::Code::Unimplemented, "{path}");
    }
}
