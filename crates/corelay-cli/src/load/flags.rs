//! The flags of `corelay load`, as clap sees them. Values stay texts here; [`options`](super::options) reads them.

use clap::{Arg, ArgAction, Command};

const LONG_ABOUT: &str = "\
Make load on a server and tell what it does to its answers.

With --rate or --rate-per-connection requests are due at fixed moments, and latency counts \
from these: a server that stalls shows all the requests it delayed. Without, the loop is \
closed: each connection sends its next request when it has its answer, which finds out how \
much a server can do, and hides how long users would have waited.";

const AFTER_LONG: &str = "\
Mixes:
  --mix FILE names requests with weights, in TOML. What is left out is as in a plain GET.
  A request with rpc = 'SERVICE/METHOD' is a call, and data its message.

    # mix.toml: nine reads to one write
    [[request]]
    path = \"/users/1\"
    weight = 9

    [[request]]
    method = \"POST\"
    path = \"/users\"
    headers = { Content-Type = \"application/json\" }
    body = '{\"name\":\"Ada\"}'        # or: body_file = \"ada.json\"

Calls:
  --rpc SERVICE/METHOD makes unary calls of the Connect protocol, by POST: --data is their
  message, in JSON unless a --header says 'Content-Type: application/proto'. A path in the URL
  is where the services are. Calls that fail are errors, counted by their code.

Conditions:
  --fail-on takes conditions, separated by commas: p50, p75, p90, p99, p99.9, p99.99,
  mean or max with a duration; errors with a number or a share of all requests; rate with
  answers a second. Each with >, >=, < or <=: 'p99>50ms,errors>0.1%,rate<1000'.

Exit status:
  0  the load was made, and no condition holds
  1  a condition of --fail-on holds; or no connection, no answer, or a run cut short:
     what was measured until then is printed, and marked as partial
  2  a flag, the URL or a file is wrong

Examples:
  corelay load http://127.0.0.1:8080/plaintext
  corelay load http://127.0.0.1:8080/ --connections 10000 --rate-per-connection 5
  corelay load http://127.0.0.1:8080/ --rate 5000 --duration 1m --fail-on 'p99>50ms,errors>0'
  corelay load http://127.0.0.1:8080/echo --method POST --body @order.json --pipeline 16
  corelay load 127.0.0.1:8080 --rpc corelay.demo.v1.RandomService/Draw --data '{\"count\":5}'
  corelay load 127.0.0.1:7000 --framed --body ping --closed";

/// One flag: its name, what stands for its value, its place in help, and what it is for.
struct Flag(&'static str, &'static str, &'static str, &'static str);

const LOAD: &str = "Load";
const REQUESTS: &str = "Requests";
const OUTPUT: &str = "Output";

/// Those that take a value.
const VALUES: [Flag; 22] = [
    Flag("connections", "N", LOAD, "Connections, all open before the load begins [default: 50]"),
    Flag("rate", "R", LOAD, "Requests a second, of all connections together, evenly spaced"),
    Flag("rate-per-connection", "R", LOAD, "Requests a second of each connection, evenly spaced"),
    Flag("pipeline", "N", LOAD, "Requests a connection may have out at once [default: 1]"),
    Flag("requests-per-connection", "N", LOAD, "Close each connection after N requests, and open it anew"),
    Flag("warm-up", "DURATION", LOAD, "Load that is not measured, before the load that is [default: 1s]"),
    Flag("duration", "DURATION", LOAD, "How long is measured [default: 10s]"),
    Flag("timeout", "DURATION", LOAD, "How long a request may take, connecting included [default: 30s]"),
    Flag(
        "source",
        "ADDR",
        LOAD,
        "Come from these addresses, in turn: one, FIRST-LAST or NETWORK/PREFIX; repeatable",
    ),
    Flag(
        "processes",
        "N",
        LOAD,
        "Make the load with N processes [default: as many as the limit of open files needs]",
    ),
    Flag("method", "METHOD", REQUESTS, "The method of the requests [default: GET, or POST with a body]"),
    Flag("header", "NAME: VALUE", REQUESTS, "A field of each request; repeatable"),
    Flag(
        "body",
        "TEXT|@FILE",
        REQUESTS,
        "The body of the requests, or of --framed the payload; @FILE reads it from there",
    ),
    Flag("rpc", "SERVICE/METHOD", REQUESTS, "Call this method by the Connect protocol; unary methods"),
    Flag("data", "JSON|@FILE", REQUESTS, "The message of --rpc; @FILE reads it from there [default: {}]"),
    Flag("path", "PATH", REQUESTS, "A path instead of the URL's; repeatable, and drawn in equal shares"),
    Flag("mix", "FILE", REQUESTS, "Requests with weights, from a TOML file"),
    Flag("fail-on", "CONDITIONS", OUTPUT, "Exit 1 if one of these holds, such as 'p99>50ms,errors>0'"),
    Flag("json", "FILE", OUTPUT, "Write all figures to this file"),
    Flag(
        "hdr",
        "FILE",
        OUTPUT,
        "Write the latency distribution to this file, in HdrHistogram's .hgrm format",
    ),
    Flag("html", "FILE", OUTPUT, "Write a page with the figures and the latency curve to this file"),
    Flag("seed", "N", LOAD, "Where draws from mixes and of --poisson begin [default: 0]"),
];

/// Those that do not.
const SWITCHES: [Flag; 3] = [
    Flag("closed", "", LOAD, "Send the next request when the answer is there; so it is without a rate"),
    Flag(
        "poisson",
        "",
        LOAD,
        "Requests of a rate at random moments, as users who do not know of each other make them",
    ),
    Flag(
        "framed",
        "",
        REQUESTS,
        "Speak frames over TCP: four bytes of length, most significant first, and the payload",
    ),
];

/// Given more than once, each counts.
const REPEATABLE: [&str; 3] = ["source", "header", "path"];

/// `corelay load`.
pub(crate) fn command() -> Command {
    let url = Arg::new("url").value_name("URL").required(true).help("http://HOST:PORT/PATH, or HOST:PORT");
    let values = VALUES.iter().map(|flag| {
        let repeated = REPEATABLE.contains(&flag.0);
        let action = if repeated { ArgAction::Append } else { ArgAction::Set };
        // So that `--connections -5` is a bad value of that flag, not an unknown flag.
        argument(flag).value_name(flag.1).action(action).allow_hyphen_values(true)
    });
    Command::new("load")
        .about("Make load on a server: open or closed loop, with latency percentiles")
        .long_about(LONG_ABOUT)
        .after_help("`--help` tells more than `-h`: mixes, conditions, exit status, examples.")
        .after_long_help(AFTER_LONG)
        .arg(url)
        .args(values)
        .args(SWITCHES.iter().map(|flag| argument(flag).action(ArgAction::SetTrue)))
}

/// `corelay load-driver`: one of the processes of a load, started by `corelay load` and by nobody else.
pub(crate) fn driver_command() -> Command {
    Command::new(super::DRIVER).about("One of the processes of a load").hide(true)
}

fn argument(flag: &Flag) -> Arg {
    Arg::new(flag.0).long(flag.0).help_heading(flag.2).help(flag.3)
}
