//! `deploy/kubernetes/corelay.yaml`: its settings are settings of this server, and its times belong together. That its objects are
//! Kubernetes's is checked by the gates, against the schemas.

use rustix::process::Signal;

use crate::support::{Scratch, Server};

const MANIFEST: &str =
    include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/kubernetes/corelay.yaml"));

/// The file of settings in its ConfigMap.
fn settings() -> String {
    let lines = MANIFEST.lines().skip_while(|line| line.trim() != "corelay.toml: |").skip(1);
    let lines = lines.take_while(|line| line.starts_with("    "));
    lines.map(|line| format!("{}\n", line.trim_start())).collect()
}

/// The seconds behind this key.
fn seconds(text: &str, key: &str) -> u64 {
    let value = text.split_once(key).expect("the key is there").1;
    let digits: String = value.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().expect("a number of seconds")
}

#[test]
fn its_settings_start_a_server_that_its_probes_find_ready() {
    let scratch = Scratch::new();
    let file = scratch.write("corelay.toml", &settings());
    let mut command = Server::bare_command();
    command.arg("serve").arg("--config").arg(file).args(["--cores", "1"]);
    // Only the ports are a test's own.
    command.args(["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"]);
    let server = Server::spawn(command);
    assert_eq!(server.connect().get("/plaintext").status, 200);
    for probe in ["/readyz", "/healthz"] {
        assert!(MANIFEST.contains(&format!("path: {probe}, port: admin")), "{probe}");
        assert_eq!(server.connect_to_admin().get(probe).status, 200, "{probe}");
    }
    server.signal(Signal::TERM);
    while server.connect_to_admin().get("/readyz").status != 503 {}
    assert_eq!(server.connect_to_admin().get("/healthz").status, 200);
    assert_eq!(server.connect().get("/plaintext").status, 200, "unready, and still serving");
}

#[test]
fn its_grace_period_is_longer_than_all_that_it_is_for() {
    let grace = seconds(MANIFEST, "terminationGracePeriodSeconds: ");
    let used = seconds(MANIFEST, "sleep: {seconds: ")
        + seconds(MANIFEST, "drain-delay = \"")
        + seconds(MANIFEST, "drain = \"");
    assert!(grace > used, "{grace} s for {used} s");
}
