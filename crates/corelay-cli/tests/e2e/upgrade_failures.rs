//! Upgrades that fail: the old process goes on, and nobody but the new one's own connections notices.
//!
//! Where the moment matters the other process is a script that speaks the protocol (`upgrade_peer.py`), and dies or hangs where it is told to.

use rustix::process::Signal;

use crate::on_every_engine;
use crate::support::{Client, Engine, Generations, Scratch};

on_every_engine!(
    a_new_process_that_fails_changes_nothing,
    one_that_is_killed_before_it_is_ready_changes_nothing,
    one_that_is_never_ready_is_killed,
    one_of_another_format_is_not_understood,
    one_that_dies_with_the_listeners_gives_them_back,
    one_that_dies_half_way_takes_only_its_own_with_it,
    one_that_hangs_half_way_is_killed,
    what_it_could_not_take_stays,
    one_that_takes_no_connections_lets_them_drain,
    one_that_takes_only_idle_connections_gets_the_others_later,
    one_that_is_told_to_end_ends_the_service,
    a_signal_to_end_gives_up_what_is_not_begun,
    an_upgrade_during_an_upgrade_is_refused,
);

const PEER: &str = include_str!("upgrade_peer.py");

/// A server whose program is about to be replaced by a script that goes on with `body` as the new process.
struct Replaced {
    server: Generations,
    scratch: Scratch,
    /// With which no real process may be in time either.
    is_impatient: bool,
}

impl Replaced {
    fn start(engine: Engine, flags: &[&str]) -> Self {
        let scratch = Scratch::new();
        let server = Generations::start_at(engine, flags, &scratch.path("corelay"));
        Self { server, scratch, is_impatient: !flags.is_empty() }
    }

    /// An upgrade to the script, as far as its start.
    fn upgrade(&mut self, body: &str) {
        self.scratch.write_program("corelay", &format!("{PEER}\n{body}\n"));
        self.server.begin();
    }

    /// An upgrade to the script that fails, and then one to the real program.
    fn fails(mut self, body: &str) {
        let mut idle: Vec<Client> = (0..10).map(|_| idle(&self.server)).collect();
        self.upgrade(body);
        self.server.wait_for_failure();
        idle.iter_mut().for_each(|client| assert_eq!(client.get("/plaintext").status, 200));
        for _ in 0..20 {
            assert_eq!(self.server.connect().get("/plaintext").status, 200);
        }
        self.goes_on(idle);
    }

    /// It serves, and can be upgraded still.
    fn goes_on(mut self, mut clients: Vec<Client>) {
        if !self.is_impatient {
            self.scratch.link_program("corelay");
            self.server.upgrade();
        }
        clients.iter_mut().for_each(|client| assert_eq!(client.get("/plaintext").status, 200));
        assert_eq!(self.server.connect().get("/plaintext").status, 200);
    }
}

fn idle(server: &Generations) -> Client {
    let mut client = server.connect();
    assert_eq!(client.get("/plaintext").status, 200);
    client
}

fn a_new_process_that_fails_changes_nothing(engine: Engine) {
    Replaced::start(engine, &[]).fails("sys.exit(3)");
}

fn one_that_is_killed_before_it_is_ready_changes_nothing(engine: Engine) {
    Replaced::start(engine, &[]).fails("new_process().receive_until('hello'); die()");
}

fn one_that_is_never_ready_is_killed(engine: Engine) {
    Replaced::start(engine, &["--upgrade-ready-timeout", "300ms"]).fails("hang()");
}

fn one_of_another_format_is_not_understood(engine: Engine) {
    Replaced::start(engine, &[]).fails("ready(new_process(), format=99); hang()");
}

fn one_that_dies_with_the_listeners_gives_them_back(engine: Engine) {
    Replaced::start(engine, &[]).fails("line = new_process(); listening(line); die()");
    Replaced::start(engine, &["--upgrade-ready-timeout", "300ms"])
        .fails("line = new_process(); ready(line); line.receive_until('go'); hang()");
}

/// How many of these connections were closed; the others answer.
fn closed(clients: Vec<Client>) -> (usize, Vec<Client>) {
    let (mut closed, mut open) = (0, Vec::new());
    for mut client in clients {
        let sent = client.try_send("GET /plaintext HTTP/1.1\r\nHost: test\r\n\r\n");
        if sent.is_ok() && client.answers() {
            assert_eq!(client.response().status, 200);
            open.push(client);
        } else {
            closed += 1;
        }
    }
    (closed, open)
}

fn one_that_dies_half_way_takes_only_its_own_with_it(engine: Engine) {
    let mut replaced = Replaced::start(engine, &[]);
    let clients: Vec<Client> = (0..200).map(|_| idle(&replaced.server)).collect();
    // One batch is its own, a second one is under way, the rest has not left.
    replaced.upgrade("line = new_process(); listening(line); take(line); line.receive_until('move'); die()");
    replaced.server.wait_for_failure();
    let (closed, open) = closed(clients);
    assert!((1..=64).contains(&closed), "{closed} of 200 connections were lost");
    replaced.goes_on(open);
}

fn one_that_hangs_half_way_is_killed(engine: Engine) {
    let mut replaced = Replaced::start(engine, &["--upgrade-answer-timeout", "300ms"]);
    let clients: Vec<Client> = (0..100).map(|_| idle(&replaced.server)).collect();
    replaced.upgrade("line = new_process(); listening(line); line.receive_until('move'); hang()");
    replaced.server.wait_for_failure();
    let (closed, open) = closed(clients);
    assert_eq!(closed, 0, "none was its own");
    replaced.goes_on(open);
}

fn what_it_could_not_take_stays(engine: Engine) {
    let mut replaced = Replaced::start(engine, &[]);
    let mut clients: Vec<Client> = (0..10).map(|_| idle(&replaced.server)).collect();
    replaced.upgrade(
        "line = new_process(); listening(line); line.receive_until('move'); line.say('have', ids=[])\n\
         line.receive_until('commit'); line.receive_until('move'); line.say('have', ids=[12345678])\n\
         line.receive_until('commit'); line.receive_until('move'); die()",
    );
    replaced.server.wait_for_failure();
    clients.iter_mut().for_each(|client| assert_eq!(client.get("/plaintext").status, 200));
    replaced.goes_on(clients);
}

fn one_that_takes_no_connections_lets_them_drain(engine: Engine) {
    let mut replaced = Replaced::start(engine, &[]);
    let mut clients: Vec<Client> = (0..10).map(|_| idle(&replaced.server)).collect();
    let mut busy = in_flight(&replaced.server);
    replaced
        .upgrade("line = new_process(); listening(line, kinds=[]); line.receive_until('goodbye'); hang()");
    clients.iter_mut().for_each(Client::expect_end);
    busy.send("hello");
    let response = busy.response();
    assert_eq!((response.text().trim_end(), response.closes()), ("5", true));
    replaced.server.wait_for_predecessor();
}

/// A connection whose request is in its handler for certain: the handler has asked for the body.
fn in_flight(server: &Generations) -> Client {
    let mut client = server.connect();
    client.send("POST /upload HTTP/1.1\r\nHost: test\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
    assert_eq!(client.response().status, 100);
    client
}

fn one_that_takes_only_idle_connections_gets_the_others_later(engine: Engine) {
    let mut replaced = Replaced::start(engine, &[]);
    let (mut idle, mut half) = (idle(&replaced.server), replaced.server.connect());
    // In one segment: with the first request the part of the second one was read.
    half.send("GET /plaintext HTTP/1.1\r\nHost: test\r\n\r\nGET /plaintext HTTP/1.1\r\nHo");
    assert_eq!(half.response().status, 200);
    // The script answers on each connection when that is its own.
    replaced.upgrade(
        "line = new_process(); listening(line, kinds=['idle'])\n\
         for _ in range(2):\n\
        \x20   moved, came = line.receive_until('move')\n\
        \x20   assert len(came) == 1, moved\n\
        \x20   line.say('have', ids=[moved['connections'][0]['id']]); line.receive_until('commit')\n\
        \x20   socket.socket(fileno=os.dup(came[0])).sendall(b'HTTP/1.1 204 Taken\\r\\n\\r\\n')\n\
         line.receive_until('goodbye'); hang()",
    );
    assert_eq!(idle.response().status, 204);
    assert!(!half.has_answer(), "it stays");
    half.send("st: test\r\n\r\n");
    assert_eq!(half.response().status, 200, "finished where it was");
    assert_eq!(half.response().status, 204, "and its connection followed");
    replaced.server.wait_for_predecessor();
}

fn one_that_is_told_to_end_ends_the_service(engine: Engine) {
    let mut replaced = Replaced::start(engine, &[]);
    let busy = in_flight(&replaced.server);
    replaced.upgrade("line = new_process(); listening(line); sys.exit(0)");
    drop(busy);
    replaced.server.wait_for_predecessor();
}

fn a_signal_to_end_gives_up_what_is_not_begun(engine: Engine) {
    let mut replaced = Replaced::start(engine, &[]);
    let mut client = idle(&replaced.server);
    replaced.upgrade("hang()");
    replaced.server.signal_predecessor(Signal::TERM);
    client.expect_end();
    replaced.server.wait_for_predecessor();
    replaced.server.wait_for_end();
}

fn an_upgrade_during_an_upgrade_is_refused(engine: Engine) {
    let mut replaced = Replaced::start(engine, &[]);
    let mut client = idle(&replaced.server);
    replaced.upgrade("line = new_process(); line.receive_until('hello'); hang()");
    replaced.server.signal_predecessor(Signal::USR2);
    assert_eq!(client.get("/plaintext").status, 200);
    replaced.server.kill();
    replaced.server.wait_for_failure();
    replaced.goes_on(vec![client]);
}
