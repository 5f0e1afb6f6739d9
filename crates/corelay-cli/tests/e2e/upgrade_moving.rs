//! What moves in an upgrade, and in which state: between two messages whatever there is, else when that is finished.

use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::process::Command;

use rustix::process::Signal;

use crate::on_every_engine;
use crate::support::{Client, Engine, Generations, Scratch, Server, has_request_in_hand, until};

on_every_engine!(
    half_a_head_is_completed_in_the_new_process,
    an_answer_that_was_not_taken_is_sent_by_the_new_process,
    an_answer_that_is_still_made_is_finished_and_its_connection_follows,
    a_request_in_a_handler_is_answered_and_its_connection_follows,
    a_body_under_way_is_read_to_its_end_and_its_connection_follows,
    pipelined_requests_are_answered_once_and_in_order,
    a_deadline_goes_on,
    counters_go_on,
    what_does_not_finish_in_time_is_cut_off,
    others_move_past_a_handler_that_does_not_return,
    many_upgrades_lose_nothing,
    no_descriptor_is_left_over,
    the_new_process_may_use_the_processors_of_the_old_one,
    every_socket_is_served_with_fewer_cores,
    a_unix_path_stays_until_the_last_process_ends,
    an_admin_listener_goes_along,
    a_killed_old_process_leaves_what_has_moved,
    nothing_is_touched_before_it_is_committed,
    what_was_under_way_from_a_dead_process_is_served,
    a_process_without_its_predecessor_does_not_serve,
);

const GET: &str = "GET /plaintext HTTP/1.1\r\nHost: test\r\n\r\n";
const PEER: &str = include_str!("upgrade_peer.py");

fn status(client: &mut Client) -> serde_json::Value {
    serde_json::from_slice(&client.get("/status").body).expect("JSON")
}

/// The process that serves this connection.
fn process_of(client: &mut Client) -> u32 {
    u32::try_from(status(client)["pid"].as_u64().expect("a process id")).expect("one of Linux")
}

fn idle(server: &Generations) -> Client {
    let mut client = server.connect();
    assert_eq!(client.get("/plaintext").status, 200);
    client
}

/// Waits until the new process has let in somebody: the old one lets in nobody any more.
fn wait_for_new_process(server: &Generations) {
    until(|| (process_of(&mut server.connect()) == server.id()).then_some(()));
}

/// A server, and where its admin listener is.
fn with_admin(engine: Engine, flags: &[&str]) -> (Generations, SocketAddr) {
    let mut command = Server::command(engine, flags);
    command.args(["--listen", "127.0.0.1:0", "--admin", "0"]);
    let first = Server::spawn(command);
    let admin = first.admin().strip_prefix("http://").expect("a URL").parse().expect("an address");
    (Generations::of(first), admin)
}

fn connect(admin: SocketAddr) -> Client {
    Client::new(TcpStream::connect(admin).expect("the admin listener accepts"))
}

/// Waits until a handler runs.
fn wait_for_handler(admin: SocketAddr) {
    let mut admin = connect(admin);
    until(|| has_request_in_hand(&status(&mut admin)).then_some(()));
}

fn half_a_head_is_completed_in_the_new_process(engine: Engine) {
    let mut server = Generations::start(engine, &[]);
    let mut client = server.connect();
    // In one segment: with the answer to the first request the part of the second one was read.
    client.send(format!("{GET}GET /sta"));
    assert_eq!(client.response().status, 200);
    server.upgrade();
    client.send("tus HTTP/1.1\r\nHost: test\r\n\r\n");
    let status: serde_json::Value = serde_json::from_slice(&client.response().body).expect("JSON");
    assert_eq!(status["pid"], server.id());
}

fn an_answer_that_was_not_taken_is_sent_by_the_new_process(engine: Engine) {
    let mut server = Generations::start(engine, &["--max-pipelined", "1000", "--notsent-lowat", "16k"]);
    let mut client = server.connect_with_receive_buffer(4096);
    // Small answers are encoded at once, and what the kernel does not take is kept: 180 KB, of the 256 that may move.
    let many = 30;
    client.send("GET /random?n=3000&max=2 HTTP/1.1\r\nHost: test\r\n\r\n".repeat(many));
    server.upgrade();
    for _ in 0..many {
        let response = client.response();
        let numbers: Vec<u64> = serde_json::from_slice(&response.body).expect("JSON");
        assert_eq!(numbers.len(), 3000);
    }
    assert_eq!(process_of(&mut client), server.id());
}

fn an_answer_that_is_still_made_is_finished_and_its_connection_follows(engine: Engine) {
    let mut server = Generations::start(engine, &[]);
    let mut client = server.connect_with_receive_buffer(64 * 1024);
    client.send("GET /bytes/20000000 HTTP/1.1\r\nHost: test\r\n\r\n");
    assert_eq!(client.response_head().status, 200);
    server.begin();
    wait_for_new_process(&server);
    assert!(client.exactly(20_000_000).iter().all(|byte| *byte == 0));
    // Who asks at once may be answered by the old process still: it sends the last of the answer only when there is room for that.
    server.wait_for_predecessor();
    assert_eq!(process_of(&mut client), server.id());
}

fn a_request_in_a_handler_is_answered_and_its_connection_follows(engine: Engine) {
    let (mut server, admin) = with_admin(engine, &[]);
    let mut client = server.connect();
    client.send("GET /sleep/700 HTTP/1.1\r\nHost: test\r\n\r\n");
    wait_for_handler(admin);
    server.upgrade();
    assert_eq!(client.response().status, 200);
    assert_eq!(process_of(&mut client), server.id());
}

fn a_body_under_way_is_read_to_its_end_and_its_connection_follows(engine: Engine) {
    let mut server = Generations::start(engine, &[]);
    let mut streamed = server.connect();
    streamed
        .send("POST /upload HTTP/1.1\r\nHost: test\r\nExpect: 100-continue\r\nContent-Length: 10\r\n\r\n");
    assert_eq!(streamed.response().status, 100);
    let mut gathered = server.connect();
    gathered.send(format!("{GET}POST /echo HTTP/1.1\r\nHost: test\r\nContent-Length: 10\r\n\r\nhello"));
    assert_eq!(gathered.response().status, 200);
    server.begin();
    wait_for_new_process(&server);
    streamed.send("hellohello");
    gathered.send("world");
    assert_eq!(streamed.response().text().trim_end(), "10");
    assert_eq!(gathered.response().text(), "helloworld");
    server.wait_for_predecessor();
    for client in [&mut streamed, &mut gathered] {
        assert_eq!(process_of(client), server.id());
    }
}

fn pipelined_requests_are_answered_once_and_in_order(engine: Engine) {
    let mut server = Generations::start(engine, &["--max-pipelined", "2"]);
    let mut client = server.connect();
    for round in 0..5 {
        let requests: String = (0..200)
            .map(|number| {
                format!("POST /echo HTTP/1.1\r\nHost: test\r\nContent-Length: 8\r\n\r\n{round:02}{number:06}")
            })
            .collect();
        client.send(requests);
        server.begin();
        for number in 0..200 {
            assert_eq!(client.response().text(), format!("{round:02}{number:06}"));
        }
        server.wait_for_predecessor();
    }
    assert_eq!(process_of(&mut client), server.id());
}

fn a_deadline_goes_on(engine: Engine) {
    let mut server = Generations::start(engine, &["--idle-timeout", "3s"]);
    let mut client = idle(&server);
    server.upgrade();
    client.expect_end();
    // By the new process, for its deadline. It is counted when it is closed.
    until(|| {
        let cores = status(&mut server.connect())["cores"].clone();
        let closed = cores.as_array()?.iter().any(|core| core["closes"]["idle_timeout"] == 1);
        closed.then_some(())
    });
}

fn counters_go_on(engine: Engine) {
    let mut server = Generations::start(engine, &[]);
    let total = |status: &serde_json::Value, name: &str| -> u64 {
        status["cores"].as_array().expect("cores").iter().filter_map(|core| core[name].as_u64()).sum()
    };
    let mut client = idle(&server);
    (0..20).for_each(|_| drop(idle(&server)));
    let before = status(&mut client);
    server.upgrade();
    let mut asked = 0;
    // What the old process counted last comes when it has ended.
    let after = until(|| {
        let after = status(&mut client);
        asked += 1;
        let [came, left] = ["connections_moved_in", "connections_moved_away"].map(|name| total(&after, name));
        (came == left && came > 0).then_some(after)
    });
    assert_eq!(total(&after, "requests"), total(&before, "requests") + asked, "{after}");
    assert_eq!(total(&after, "connections_accepted"), 21, "{after}");
    assert_eq!(after["upgrades"], 1);
    assert_eq!(after["connections"], 1);
}

fn what_does_not_finish_in_time_is_cut_off(engine: Engine) {
    let mut server = Generations::start(engine, &["--upgrade-timeout", "300ms"]);
    let mut busy = server.connect();
    busy.send("POST /upload HTTP/1.1\r\nHost: test\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
    assert_eq!(busy.response().status, 100);
    let mut client = idle(&server);
    server.upgrade();
    busy.expect_any_end();
    assert_eq!(server.predecessor_exit(), 1);
    assert_eq!(process_of(&mut client), server.id());
}

/// Also in a pool whose only worker is in it.
fn others_move_past_a_handler_that_does_not_return(engine: Engine) {
    let (mut server, admin) = with_admin(engine, &["--cores", "1", "--upgrade-timeout", "3s"]);
    let mut client = idle(&server);
    let mut busy = server.connect();
    busy.send("GET /sleep/60000 HTTP/1.1\r\nHost: test\r\n\r\n");
    wait_for_handler(admin);
    server.begin();
    until(|| (process_of(&mut client) == server.id()).then_some(()));
    busy.expect_any_end();
    server.wait_for_predecessor();
    assert_eq!(server.predecessor_exit(), 1);
}

fn many_upgrades_lose_nothing(engine: Engine) {
    let mut server = Generations::start(engine, &[]);
    let mut clients: Vec<Client> = (0..20).map(|_| idle(&server)).collect();
    for _ in 0..5 {
        server.begin();
        clients.iter_mut().for_each(|client| assert_eq!(client.get("/plaintext").status, 200));
        assert_eq!(idle(&server).get("/plaintext").status, 200);
        server.wait_for_predecessor();
    }
    clients.iter_mut().for_each(|client| assert_eq!(process_of(client), server.id()));
    assert_eq!(status(&mut clients[0])["upgrades"], 5);
}

fn no_descriptor_is_left_over(engine: Engine) {
    let mut server = Generations::start(engine, &[]);
    let mut clients: Vec<Client> = (0..20).map(|_| idle(&server)).collect();
    // The first process has its standard input still; from then on all are alike.
    server.upgrade();
    let before = settled_files(&server, &mut clients);
    server.upgrade();
    server.upgrade();
    // A thread on its way out may hold one for a moment.
    until(|| (settled_files(&server, &mut clients) <= before).then_some(()));
}

/// Open files when the upgrade is over in the new process too.
fn settled_files(server: &Generations, clients: &mut [Client]) -> usize {
    clients.iter_mut().for_each(|client| assert_eq!(client.get("/plaintext").status, 200));
    server.wait_until_alone();
    server.process().open_files()
}

fn the_new_process_may_use_the_processors_of_the_old_one(engine: Engine) {
    let mut server = Generations::start(engine, &["--pin", "on"]);
    let before = server.process().processors();
    server.upgrade();
    assert_eq!(server.process().processors(), before);
}

fn every_socket_is_served_with_fewer_cores(engine: Engine) {
    let scratch = Scratch::new();
    let settings = scratch.write("corelay.toml", "cores = 2\n");
    let mut command = Server::bare_command();
    command.arg("serve").args(engine.flags).args(["--listen", "127.0.0.1:0", "--config"]).arg(&settings);
    let mut server = Generations::of(Server::spawn(command));
    for cores in [1, 2, 1] {
        std::fs::write(&settings, format!("cores = {cores}\n")).expect("the file is ours");
        server.upgrade();
        // The kernel chooses among all sockets of the address: of sixty connections none would be left out.
        for _ in 0..60 {
            assert_eq!(process_of(&mut server.connect()), server.id());
        }
        let cores_now = status(&mut server.connect())["cores"].as_array().expect("cores").len();
        assert_eq!(cores_now, cores);
    }
}

fn a_unix_path_stays_until_the_last_process_ends(engine: Engine) {
    let scratch = Scratch::new();
    let path = scratch.path("socket");
    let mut command = Server::command(engine, &[]);
    command.args(["--listen", "127.0.0.1:0", "--listen"]).arg(format!("unix:{}", path.display()));
    let mut server = Generations::of(Server::spawn_with_listeners(command, 2));
    let connect = || Client::over(UnixStream::connect(&path).expect("the path is there"));
    let mut client = connect();
    assert_eq!(client.get("/plaintext").status, 200);
    server.upgrade();
    server.upgrade();
    assert_eq!(client.get("/plaintext").status, 200);
    assert_eq!(connect().get("/plaintext").status, 200);
    settled_files(&server, &mut []);
    server.signal(Signal::TERM);
    server.wait_for_end();
    assert!(!path.exists(), "the last one removes it");
}

fn an_admin_listener_goes_along(engine: Engine) {
    let (mut server, admin) = with_admin(engine, &[]);
    let mut client = idle(&server);
    for _ in 0..2 {
        server.upgrade();
        let mut admin = connect(admin);
        assert_eq!(process_of(&mut admin), server.id());
        assert_eq!(admin.get("/readyz").status, 200);
        assert_eq!(process_of(&mut client), server.id());
    }
}

fn a_killed_old_process_leaves_what_has_moved(engine: Engine) {
    let mut server = Generations::start(engine, &[]);
    let mut clients: Vec<Client> = (0..20).map(|_| idle(&server)).collect();
    let mut busy = server.connect();
    busy.send("POST /upload HTTP/1.1\r\nHost: test\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
    assert_eq!(busy.response().status, 100);
    server.begin();
    for client in &mut clients {
        until(|| (process_of(client) == server.id()).then_some(()));
    }
    server.signal_predecessor(Signal::KILL);
    busy.expect_any_end();
    clients.iter_mut().for_each(|client| assert_eq!(client.get("/plaintext").status, 200));
    assert_eq!(process_of(&mut server.connect()), server.id());
    // It has noticed, and can be upgraded in turn.
    settled_files(&server, &mut []);
    server.upgrade();
    clients.iter_mut().for_each(|client| assert_eq!(process_of(client), server.id()));
}

/// Runs a script that plays the old process, with the binary, and gives what it prints.
fn old_process(engine: Engine, body: &str) -> String {
    let scratch = Scratch::new();
    scratch.write_program("old", &format!("{PEER}\nbinary, flags = sys.argv[1], sys.argv[2:]\n{body}\n"));
    let output =
        Command::new(scratch.path("old")).arg(env!("CARGO_BIN_EXE_corelay")).args(engine.flags).output();
    let output = output.expect("the script starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn nothing_is_touched_before_it_is_committed(engine: Engine) {
    let printed = old_process(
        engine,
        "\
line, child = old_process(binary, flags)
line.say('go')
line.receive_until('listening')
client, server = socket.socketpair()
client.sendall(b'GET /plaintext HTTP/1.1\\r\\nHost: test\\r\\n\\r\\n')
line.say('move', [server.fileno()], connections=[idle(7)])
have, _ = line.receive_until('have')
# An answer to another message comes after whatever the first one has set going.
line.say('move', [], connections=[])
line.receive_until('have')
client.settimeout(0.3)
try:
    print('touched', client.recv(100))
except TimeoutError:
    print('untouched', have['ids'], len(server.recv(4096, socket.MSG_PEEK)))
client.settimeout(60)
line.say('commit', ids=have['ids'])
print(client.recv(15).decode())
child.kill(); child.wait()",
    );
    assert!(printed.contains("untouched [7] 39\nHTTP/1.1 200 OK"), "{printed}");
}

fn what_was_under_way_from_a_dead_process_is_served(engine: Engine) {
    let printed = old_process(
        engine,
        "\
client, server = socket.socketpair()
read, write = os.pipe()
if os.fork() == 0:
    client.close()
    line, child = old_process(binary, flags)
    line.say('go')
    line.receive_until('listening')
    line.say('move', [server.fileno()], connections=[idle(7)])
    line.receive_until('have')
    os.write(write, str(child.pid).encode())
    die()
server.close()
child = int(os.read(read, 20))
client.sendall(b'GET /plaintext HTTP/1.1\\r\\nHost: test\\r\\n\\r\\n')
client.settimeout(60)
print(client.recv(15).decode())
os.kill(child, signal.SIGKILL)",
    );
    assert!(printed.contains("HTTP/1.1 200 OK"), "{printed}");
}

fn a_process_without_its_predecessor_does_not_serve(engine: Engine) {
    let printed = old_process(
        engine,
        "\
line, child = old_process(binary, flags)
line.sock.close()
print('exit status', child.wait())",
    );
    assert!(printed.contains("exit status 1"), "{printed}");
}
