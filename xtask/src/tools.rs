//! What the gates need besides the Rust toolchain: found, else installed by name from Debian, npm, PyPI or crates.io,
//! else told in one line.
//!
//! What comes from npm, PyPI and crates.io stays in the target directory, so that nothing of the machine's own is
//! replaced and deleting the target directory undoes it.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::shell::{find, run, succeeds};
use crate::workspace::{self, cargo};

/// The second toolchain of [`crate::xcheck`], by the paths that Debian gives it.
pub(crate) const CROSS_RUSTC: &str = "/usr/bin/rustc";
pub(crate) const CROSS_CARGO: &str = "/usr/bin/cargo";

/// The version is fixed: a newer one may know rules that this tree was not checked by.
const CARGO_DENY_VERSION: &str = "0.20.2";

/// A program and the Debian package that brings it.
struct Tool {
    program: &'static str,
    package: &'static str,
}

const CLIENTS: [Tool; 16] = [
    Tool { program: "curl", package: "curl" },
    Tool { program: "chromium", package: "chromium" },
    Tool { program: "node", package: "nodejs" },
    Tool { program: "npm", package: "npm" },
    Tool { program: "python3", package: "python3" },
    Tool { program: "strace", package: "strace" },
    Tool { program: "promtool", package: "prometheus" },
    Tool { program: "prlimit", package: "util-linux" },
    Tool { program: "systemd-analyze", package: "systemd" },
    // Namespaces with links between them, for tests of faults.
    Tool { program: "ip", package: "iproute2" },
    Tool { program: "tc", package: "iproute2" },
    Tool { program: "iptables", package: "iptables" },
    // Debian starts no server while it installs, see [`apt_get`].
    Tool { program: "haproxy", package: "haproxy" },
    // Its server is outside the search path; this program comes with every server and with nothing less.
    Tool { program: "pg_ctlcluster", package: "postgresql" },
    Tool { program: "redis-cli", package: "redis-tools" },
    Tool { program: "redis-server", package: "redis-server" },
];

const CROSS_CHECK: [Tool; 2] = [
    Tool { program: CROSS_RUSTC, package: "rustc-web" },
    Tool { program: CROSS_CARGO, package: "cargo-web" },
];

/// Installs everything that any gate needs.
///
/// # Errors
///
/// Something cannot be installed; the message says how to do it by hand.
pub(crate) fn install_all() -> Result<()> {
    install_clients()?;
    install_cross_check()?;
    cargo_deny().map(drop)
}

/// Installs what the end-to-end, real-client and budget tests run.
///
/// # Errors
///
/// As [`install_all`].
pub(crate) fn install_clients() -> Result<()> {
    debian(&CLIENTS)?;
    python_packages()?;
    node_packages()
}

/// Installs the toolchain that type-checks for other systems.
///
/// # Errors
///
/// As [`install_all`].
pub(crate) fn install_cross_check() -> Result<()> {
    debian(&CROSS_CHECK)?;
    // Its presence shows in no program: the standard library's sources lie where the compiler looks for them.
    let sources = Command::new(CROSS_RUSTC).args(["--print", "sysroot"]).output()?;
    let sysroot = PathBuf::from(String::from_utf8(sources.stdout)?.trim());
    match sysroot.join("lib/rustlib/src/rust/library/std/Cargo.toml").exists() {
        true => Ok(()),
        false => debian_packages(&["rust-web-src"]),
    }
}

/// The path of cargo-deny: the machine's own, else one built here, unoptimised, which takes minutes once.
///
/// # Errors
///
/// It cannot be built.
pub(crate) fn cargo_deny() -> Result<PathBuf> {
    if let Some(installed) = find("cargo-deny") {
        return Ok(installed);
    }
    let root = workspace::target().join("tools");
    let binary = root.join("bin/cargo-deny");
    if !binary.exists() {
        println!("building cargo-deny {CARGO_DENY_VERSION}, once");
        let mut install =
            cargo(&["install", "cargo-deny", "--version", CARGO_DENY_VERSION, "--locked", "--debug"]);
        let build = root.join("build");
        run(install
            .arg("--root")
            .arg(&root)
            .env("CARGO_TARGET_DIR", &build)
            .env("CARGO_PROFILE_DEV_DEBUG", "0"))?;
        std::fs::remove_dir_all(&build).context("the build of cargo-deny can be removed")?;
    }
    Ok(binary)
}

/// Installs the packages of those tools that the search path lacks.
fn debian(tools: &[Tool]) -> Result<()> {
    let missing = tools.iter().filter(|tool| find(tool.program).is_none());
    debian_packages(&missing.map(|tool| tool.package).collect::<Vec<_>>())
}

/// Installs Debian packages, as root; else says how.
fn debian_packages(packages: &[&str]) -> Result<()> {
    if packages.is_empty() {
        return Ok(());
    }
    let by_hand = format!("apt-get install -y --no-install-recommends {}", packages.join(" "));
    if find("apt-get").is_none() {
        bail!("missing here: {}; on Debian: {by_hand}", packages.join(", "));
    }
    if !is_root()? {
        bail!("missing here: {}; install: sudo {by_hand}", packages.join(", "));
    }
    println!("{by_hand}");
    apt_get(&["update", "--quiet=2"])?;
    let options = ["install", "--yes", "--quiet=2", "--no-install-recommends"];
    apt_get(&[options.as_slice(), packages].concat()).with_context(|| format!("failed: {by_hand}"))
}

fn apt_get(arguments: &[&str]) -> Result<()> {
    // RUNLEVEL=1 tells invoke-rc.d(8) to start no service.
    run(Command::new("apt-get").args(arguments).env("DEBIAN_FRONTEND", "noninteractive").env("RUNLEVEL", "1"))
}

fn is_root() -> Result<bool> {
    let id = crate::shell::output(Command::new("id").arg("-u"))?;
    Ok(id.trim() == "0")
}

/// requests, httpx, the RPC client with its codecs and the schemas of Kubernetes, in a virtual environment under the target
/// directory.
fn python_packages() -> Result<()> {
    let venv = workspace::target().join("clients/venv");
    let python = venv.join("bin/python");
    let needed =
        "import requests, httpx, connectrpc, google.protobuf, brotli, zstandard, kubernetes_validate";
    if succeeds(Command::new(&python).args(["-c", needed])) {
        return Ok(());
    }
    if !succeeds(Command::new("python3").args(["-c", "import ensurepip, venv"])) {
        debian_packages(&["python3-venv"])?;
    }
    run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&venv))?;
    run(Command::new(&python).args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "requests>=2.32,<3",
        "httpx>=0.28,<1",
        "connectrpc>=0.13,<0.14",
        "protobuf>=6,<8",
        "brotli>=1.1,<2",
        "zstandard>=0.23,<1",
        "kubernetes-validate>=1.37,<2",
    ]))
}

/// undici, and the RPC clients, under the target directory.
fn node_packages() -> Result<()> {
    let directory = workspace::target().join("clients");
    let installed =
        |package: &str| directory.join("node_modules").join(package).join("package.json").exists();
    if ["undici", "@bufbuild/buf", "@connectrpc/connect-node"].into_iter().all(installed) {
        return Ok(());
    }
    std::fs::create_dir_all(&directory)?;
    let packages = [
        "undici@6",
        "@bufbuild/buf@1",
        "@bufbuild/protobuf@2",
        "@connectrpc/connect@2",
        "@connectrpc/connect-node@2",
    ];
    run(Command::new("npm")
        .args(["install", "--silent", "--no-audit", "--no-fund", "--prefix"])
        .arg(&directory)
        .args(packages))
}
