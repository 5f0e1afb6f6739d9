//! Pipelined requests around one that blocks: every answer once, complete, in order.
//!
//! What is in front of a request that blocks unexpectedly is answered with it, as one turn's answers are sent together;
//! in front of one that is known to block (said, or learnt) the answers go out first. What is behind waits, as it must.

use super::support::{Client, Gates, Serving};
use corelay::Router;
use corelay::http::{Path, endpoint};

fn serving() -> (Serving, Gates) {
    let gates = Gates::default();
    let wait = {
        let gates = gates.clone();
        move |Path((gate, number)): Path<(String, usize)>| {
            gates.pass(&gate);
            number.to_string()
        }
    };
    let router = Router::new()
        .get("/wait/{gate}/{number}", wait.clone())
        .get("/inline/{gate}/{number}", endpoint(wait.clone()).inline())
        .get("/blocking/{gate}/{number}", endpoint(wait).blocking())
        .get("/fast/{number}", |Path(number): Path<usize>| number.to_string())
        .post("/echo", |body: String| body);
    (Serving::start(router), gates)
}

fn get(target: &str) -> String {
    format!("GET {target} HTTP/1.1\r\nHost: test\r\n\r\n")
}

fn expect(client: &mut Client, numbers: std::ops::Range<usize>) {
    for number in numbers {
        assert_eq!(client.answer().text(), number.to_string());
    }
}

#[test]
fn answers_are_complete_and_in_order_wherever_the_one_that_blocks_is() {
    for place in 0..6 {
        let (serving, gates) = serving();
        let (mut client, mut other) = (serving.client(), serving.client());
        let target = |number| match number {
            number if number == place => get(&format!("/inline/a/{number}")),
            number => get(&format!("/fast/{number}")),
        };
        client.send((0..6).map(target).collect::<String>());
        gates.wait_for_take("a", &serving);
        assert_eq!(other.get("/fast/7").text(), "7");
        gates.open("a");
        expect(&mut client, 0..6);
        assert_eq!(client.get("/fast/8").text(), "8", "nothing came twice");
        serving.end().unwrap();
    }
}

#[test]
fn several_that_block_on_one_connection_do_so_one_after_the_other() {
    let (serving, gates) = serving();
    let mut client = serving.client();
    let requests = ["/inline/a/0", "/fast/1", "/inline/b/2", "/inline/c/3", "/fast/4"];
    client.send(requests.map(get).concat());
    for gate in ["a", "b", "c"] {
        gates.wait_for_take(gate, &serving);
        gates.open(gate);
    }
    expect(&mut client, 0..5);
    assert_eq!(client.get("/fast/5").text(), "5");
    serving.end().unwrap();
}

#[test]
fn requests_that_come_while_one_blocks_wait_for_it() {
    let (serving, gates) = serving();
    let mut client = serving.client();
    client.send(get("/inline/a/0"));
    gates.wait_for_take("a", &serving);
    client.send(get("/fast/1") + "POST /echo HTTP/1.1\r\nHost: test\r\nContent-Length: 3\r\n\r\n2");
    assert_eq!(serving.client().get("/fast/9").text(), "9");
    gates.open("a");
    expect(&mut client, 0..2);
    client.send("bc");
    assert_eq!(client.answer().text(), "2bc", "a body that was half there");
    serving.end().unwrap();
}

#[test]
fn in_front_of_one_that_says_it_blocks_answers_go_out_first() {
    let (serving, gates) = serving();
    let mut client = serving.client();
    client.send(["/fast/0", "/fast/1", "/blocking/a/2", "/fast/3"].map(get).concat());
    expect(&mut client, 0..2);
    gates.wait_for("a");
    gates.open("a");
    expect(&mut client, 2..4);
    serving.end().unwrap();
}

/// More than one turn answers: the rest of the input has to come home with the connection.
#[test]
fn hundreds_behind_it_are_answered_in_order() {
    const MANY: usize = 500;
    let (serving, gates) = serving();
    let mut client = serving.client();
    let behind: String = (1..MANY).map(|number| get(&format!("/fast/{number}"))).collect();
    client.send(get("/inline/a/0") + &behind);
    gates.wait_for_take("a", &serving);
    gates.open("a");
    expect(&mut client, 0..MANY);
    serving.end().unwrap();
}
