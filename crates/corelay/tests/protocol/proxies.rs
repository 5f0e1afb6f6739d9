//! Where proxies connect a protocol hears of a connection when its PROXY protocol header is whole, and of the client that it names.

use super::support::{Serving, config, on_every_engine, script, until};
use corelay::CloseReason;
use corelay::config::Engine;
use std::time::Duration;

const HEADER: &str = "PROXY TCP4 192.0.2.7 203.0.113.1 40000 443\r\n";
const CLIENT: &str = "Some(192.0.2.7:40000)";

fn start(engine: Engine) -> Serving {
    let mut config = config(engine, 2);
    config.limits.max_connections_per_peer = Some(1);
    config.deadlines.head_timeout = Duration::from_millis(300);
    Serving::proxied(config, script().0)
}

#[test]
fn the_peer_is_the_client_and_the_server_may_speak_first() {
    on_every_engine(|engine| {
        let serving = start(engine);
        let mut client = serving.client();
        client.send(HEADER);
        assert_eq!(client.line(), "hello");
        assert_eq!(client.ask("who"), CLIENT);
        serving.end().unwrap();
    });
}

#[test]
fn what_comes_with_the_header_is_the_first_input_wherever_it_is_cut() {
    on_every_engine(|engine| {
        let input = format!("{HEADER}who\nwho\nbye\n");
        let serving = start(engine);
        for cut in 0..=input.len() {
            let mut client = serving.client();
            client.send(&input[..cut]);
            client.send(&input[cut..]);
            let lines = [client.line(), client.line(), client.line()];
            assert_eq!(lines, ["hello", CLIENT, CLIENT], "cut at {cut}");
            assert_eq!(client.end(), b"bye\n");
            until("it is closed", || serving.status().connections == 0);
        }
        serving.end().unwrap();
    });
}

#[test]
fn who_is_not_introduced_is_closed_and_the_protocol_hears_nothing_of_it() {
    on_every_engine(|engine| {
        let serving = start(engine);
        let (mut plain, silent) = (serving.client(), serving.client());
        plain.send("who\n");
        assert_eq!(plain.end(), b"");
        assert_eq!(silent.end(), b"", "after head_timeout");
        serving.wait_for_close(CloseReason::ProxyHeader, 2);
        serving.end().unwrap();
    });
}

#[test]
fn connections_count_for_the_client() {
    on_every_engine(|engine| {
        let serving = start(engine);
        let mut first = serving.client();
        first.send(HEADER);
        assert_eq!(first.line(), "hello");
        let mut second = serving.client();
        second.send(HEADER);
        assert_eq!(second.end(), b"");
        assert_eq!(serving.status().refused["too_many_connections_of_peer"], 1);
        let mut other = serving.client();
        other.send(HEADER.replace(".7", ".8"));
        assert_eq!(other.line(), "hello");
        serving.end().unwrap();
    });
}

#[test]
fn a_drain_closes_who_has_not_begun_its_header() {
    on_every_engine(|engine| {
        let mut config = config(engine, 2);
        config.deadlines.head_timeout = Duration::from_secs(3600);
        let serving = Serving::proxied(config, script().0);
        let silent = serving.client();
        let mut client = serving.client();
        client.send(HEADER);
        assert_eq!(client.line(), "hello");
        serving.end().unwrap();
        assert_eq!(silent.end(), b"");
    });
}
