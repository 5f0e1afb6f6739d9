//! Clients that people use: curl, Python requests and httpx, Node undici, Chromium; and Prometheus' own check of the metrics.
//!
//! Each script under `clients/` takes the server's URL, checks what it gets, and exits 0. A client that is missing fails
//! its test with the line that installs it; `cargo xtask test` runs those lines first. The packages from npm and PyPI
//! are in `target/clients`.

#[allow(dead_code, unused_imports, reason = "shared by three test targets, and each uses its own part of it")]
mod support;

use std::io::Write as _;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use support::{Engine, Scratch, Server};

on_every_engine!(
    curl_gets_posts_and_uploads,
    curl_introduces_itself_by_the_proxy_protocol,
    haproxy_introduces_its_clients_by_both_versions,
    python_requests_is_served,
    python_httpx_is_served,
    node_undici_is_served,
    chromium_shows_the_page_and_the_json,
    promtool_has_nothing_to_say_about_the_metrics,
);

/// Where `cargo xtask test` puts what comes from npm and PyPI.
fn clients_directory() -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .parent()
        .expect("the directory tmp is in the target directory");
    target.join("clients")
}

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients").join(name)
}

/// Runs a client to its end and returns its standard output; `install` is for whoever lacks it.
fn run(command: &mut Command, install: &str) -> Vec<u8> {
    let output = match command.stdin(Stdio::null()).output() {
        Ok(output) => output,
        Err(error) => panic!("{command:?} does not start: {error}\ninstall it: {install}"),
    };
    let stderr = String::from_utf8_lossy(&output.stderr);
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{command:?}: {}\n{stdout}\n{stderr}\nif missing: {install}",
        output.status
    );
    output.stdout
}

fn url(server: &Server) -> String {
    format!("http://{}", server.address())
}

fn curl(arguments: &[&str]) -> String {
    let mut command = Command::new("curl");
    command
        .args(["--silent", "--show-error", "--fail", "--noproxy", "*", "--max-time", "60"])
        .args(arguments);
    String::from_utf8(run(&mut command, "apt-get install -y curl")).expect("the answer is text")
}

fn curl_gets_posts_and_uploads(engine: Engine) {
    let server = Server::start(engine, &[]);
    let url = url(&server);
    let at = |path: &str| format!("{url}{path}");
    assert_eq!(curl(&[&at("/plaintext")]), "Hello, World!");
    assert_eq!(curl(&["--http1.0", &at("/plaintext")]), "Hello, World!");
    assert!(curl(&["--head", &at("/json")]).starts_with("HTTP/1.1 200"));
    let scratch = Scratch::new();
    let file = scratch.write("upload", &"x".repeat(3_000_000));
    let file = file.to_str().expect("the path is UTF-8");
    // From 1 MB on curl says `Expect: 100-continue` and waits a second for the answer to that.
    assert_eq!(curl(&["--data-binary", &format!("@{file}"), &at("/upload")]).trim_end(), "3000000");
    let chunked = ["--header", "Transfer-Encoding: chunked", "--request", "POST", "--upload-file", file];
    assert_eq!(curl(&[chunked.as_slice(), &[&at("/upload")]].concat()).trim_end(), "3000000");
    let (one, two) = (at("/plaintext"), at("/json"));
    let reuse = curl(&["--write-out", "|%{num_connects}|", &one, "--output", "-", &two]);
    assert!(reuse.contains("Hello, World!|1|") && reuse.ends_with("|0|"), "one connection for both: {reuse}");
}

fn curl_introduces_itself_by_the_proxy_protocol(engine: Engine) {
    let server = Server::spawn(Server::command(engine, &["--proxy-listen", "127.0.0.1:0", "--access-log"]));
    let url = format!("http://{}", server.proxied_address());
    let at = |path: &str| format!("{url}{path}");
    assert_eq!(curl(&["--haproxy-protocol", &at("/plaintext")]), "Hello, World!");
    let local =
        curl(&["--haproxy-protocol", "--write-out", "|%{local_port}", &at("/json"), &at("/plaintext")]);
    let port = local.rsplit('|').next().expect("curl writes it last");
    // Without its header the same request is not answered.
    let refused = Command::new("curl").args(["--silent", "--noproxy", "*", &at("/plaintext")]).output();
    let refused = refused.expect("curl starts");
    assert!(!refused.status.success() && refused.stdout.is_empty(), "{refused:?}");
    server.signal(rustix::process::Signal::TERM);
    let finished = server.wait();
    assert_eq!(finished.stderr.matches(&format!("peer=127.0.0.1:{port} ")).count(), 2, "{}", finished.stderr);
    assert_eq!(finished.stderr.matches(" target=").count(), 3, "{}", finished.stderr);
}

/// HAProxy on a socket of ours, so that its port is known, until it is dropped.
struct Haproxy {
    child: Child,
    address: SocketAddr,
    _scratch: Scratch,
}

impl Haproxy {
    /// Relays to `server`, with this option of its `server` line.
    fn start(server: SocketAddr, option: &str) -> Self {
        let (listener, scratch) = (TcpListener::bind("127.0.0.1:0").expect("a free port"), Scratch::new());
        let address = listener.local_addr().expect("it is bound");
        // The child inherits it under the same number.
        rustix::io::fcntl_setfd(&listener, rustix::io::FdFlags::empty()).expect("a flag of ours");
        let file = scratch.write(
            "haproxy.cfg",
            &format!(
                "defaults\n mode http\n timeout connect 10s\n timeout client 60s\n timeout server 60s\n\
                 listen relay\n bind fd@{}\n server corelay {server} {option}\n",
                listener.as_raw_fd()
            ),
        );
        let child = Command::new("haproxy").arg("-db").arg("-f").arg(file).stdin(Stdio::null()).spawn();
        let child = child.expect("install it: apt-get install -y haproxy");
        Self { child, address, _scratch: scratch }
    }
}

impl Drop for Haproxy {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn haproxy_introduces_its_clients_by_both_versions(engine: Engine) {
    let server = Server::spawn(Server::command(engine, &["--proxy-listen", "127.0.0.1:0", "--access-log"]));
    let mut peers = Vec::new();
    for option in ["send-proxy", "send-proxy-v2", "send-proxy-v2 proxy-v2-options unique-id,crc32c"] {
        let haproxy = Haproxy::start(server.proxied_address(), option);
        let url = format!("http://{}/plaintext", haproxy.address);
        let answer =
            curl(&["--write-out", "|%{local_port}", "--data-binary", "x", &url.replace("plaintext", "echo")]);
        let (body, port) = answer.split_once('|').expect("curl writes it");
        assert_eq!(body, "x", "{option}");
        peers.push(format!("peer=127.0.0.1:{port} "));
        assert_eq!(curl(&[&url]), "Hello, World!", "{option}");
    }
    server.signal(rustix::process::Signal::TERM);
    let finished = server.wait();
    for peer in peers {
        assert_eq!(finished.stderr.matches(&peer).count(), 1, "{peer}: {}", finished.stderr);
    }
}

/// Runs a Python script in the virtual environment that has its packages.
fn python(script_name: &str, server: &Server) {
    let python = clients_directory().join("venv/bin/python");
    let venv = clients_directory().join("venv");
    let install = format!(
        "python3 -m venv {0} && {0}/bin/pip install requests httpx, or: cargo xtask test",
        venv.display()
    );
    run(Command::new(python).arg(script(script_name)).arg(url(server)), &install);
}

fn python_requests_is_served(engine: Engine) {
    python("requests_client.py", &Server::start(engine, &[]));
}

fn python_httpx_is_served(engine: Engine) {
    python("httpx_client.py", &Server::start(engine, &[]));
}

fn node_undici_is_served(engine: Engine) {
    let server = Server::start(engine, &[]);
    let directory = clients_directory();
    let install = format!("npm install --prefix {} undici@6, or: cargo xtask test", directory.display());
    let mut command = Command::new("node");
    command
        .arg(script("undici_client.cjs"))
        .arg(url(&server))
        .env("NODE_PATH", directory.join("node_modules"));
    run(&mut command, &install);
}

/// Loads a page in a browser without a window, and returns the document as the browser sees it.
fn browse(url: &str) -> String {
    let profile = Scratch::new();
    let mut command = Command::new("chromium");
    command.args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]);
    command.args(["--disable-background-networking", "--disable-component-update", "--disable-sync"]);
    command.args(["--disable-dev-shm-usage", "--no-proxy-server", "--virtual-time-budget=10000"]);
    command.arg(format!("--user-data-dir={}", profile.path("profile").display())).args(["--dump-dom", url]);
    let document = run(&mut command, "apt-get install -y --no-install-recommends chromium");
    String::from_utf8(document).expect("the document is UTF-8")
}

fn chromium_shows_the_page_and_the_json(engine: Engine) {
    let server = Server::start(engine, &[]);
    let page = browse(&url(&server));
    assert!(page.contains("corelay") && page.contains("/plaintext"), "{page}");
    let json = browse(&format!("{}/json", url(&server)));
    assert!(json.contains(r#"{"message":"Hello, World!"}"#), "{json}");
}

/// The report is opened from disk, as who was sent it opens it: its figures are in the document, and its plots are drawn.
#[test]
fn chromium_shows_a_report_and_its_figures() {
    let scratch = Scratch::new();
    let (json, html) = (scratch.path("compared.json"), scratch.path("compared.html"));
    let mut command = Server::bare_command();
    command.args(["compare", "keepalive", "--connections", "4", "--rounds", "2", "--seconds", "0.3"]);
    command.arg("--json").arg(&json).arg("--html").arg(&html);
    let finished = Server::run(command);
    assert_eq!(finished.code, 0, "{}", finished.stderr);
    let document = browse(&format!("file://{}", html.display()));
    let json: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(json).expect("it was written")).expect("JSON");
    let servers = json["scenarios"][0]["servers"].as_array().expect("a list of servers");
    for server in servers {
        let rate = |round: usize| server["samples"][round]["per_second"].as_f64().expect("a rate");
        let median = format!("{:.0}", f64::midpoint(rate(0), rate(1)));
        assert!(document.contains(&median), "{median} of {server} is not in {document}");
    }
    for drawn in ["<svg", "<polyline", "<rect", "Latency by percentile", "p99.99", "kernel stacks MB"] {
        assert!(document.contains(drawn), "{drawn} is not in {document}");
    }
}

fn promtool_has_nothing_to_say_about_the_metrics(engine: Engine) {
    let mut command = Server::command(engine, &["--listen", "127.0.0.1:0", "--admin", "0"]);
    command.args(["--max-connections", "1"]);
    let server = Server::spawn(command);
    // Something of each kind to tell: a request, a refused connection, closed ones.
    let url = url(&server);
    let mut first = server.connect();
    assert_eq!(first.get("/plaintext").status, 200);
    assert_eq!(server.connect().response().status, 503);
    let mut check = Command::new("promtool");
    check.args(["check", "metrics"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let page = curl(&[&format!("{}/metrics", server.admin())]);
    let mut checking = check.spawn().expect("promtool is installed: apt-get install -y prometheus");
    checking.stdin.take().expect("piped").write_all(page.as_bytes()).expect("promtool reads");
    let checked = checking.wait_with_output().expect("promtool ends");
    let said = [checked.stdout, checked.stderr].concat();
    assert!(checked.status.success() && said.is_empty(), "{url}: {}\n{page}", String::from_utf8_lossy(&said));
}
