//! The servers of `bench rpc` have the code that each one's own generator makes of the same `.proto` file. Without their features there is
//! nothing to do.

use anyhow::Result;

fn main() -> Result<()> {
    println!("cargo:rerun-if-changed=proto");
    corelay()?;
    connectrpc()?;
    tonic()
}

#[cfg(any(feature = "rpc-connectrpc", feature = "rpc-corelay", feature = "rpc-tonic"))]
const PROTO: &str = "proto/corelay/bench/v1/draw.proto";

#[cfg(feature = "rpc-corelay")]
fn corelay() -> Result<()> {
    let config = corelay_rpc_build::Config::new().file(PROTO).include("proto");
    config.compile().map_err(|error| anyhow::anyhow!("{error:?}"))
}

#[cfg(not(feature = "rpc-corelay"))]
fn corelay() -> Result<()> {
    Ok(())
}

/// Its generator runs protoc, unless it is given what protoc would say.
#[cfg(feature = "rpc-connectrpc")]
fn connectrpc() -> Result<()> {
    use anyhow::Context as _;

    let out = std::path::PathBuf::from(std::env::var_os("OUT_DIR").context("this is a build script")?);
    let set = out.join("draw.binpb");
    let mut compiler = protox::Compiler::new(["proto"])?;
    compiler.include_imports(true).include_source_info(true).open_file(PROTO)?;
    std::fs::write(&set, compiler.encode_file_descriptor_set())?;
    connectrpc_build::Config::new()
        .descriptor_set(set)
        .files(&["corelay/bench/v1/draw.proto"])
        .gate_client_feature(true)
        .include_file("_connectrpc.rs")
        .compile()
}

#[cfg(not(feature = "rpc-connectrpc"))]
fn connectrpc() -> Result<()> {
    Ok(())
}

#[cfg(feature = "rpc-tonic")]
fn tonic() -> Result<()> {
    let set = protox::compile([PROTO], ["proto"])?;
    Ok(tonic_prost_build::configure().build_client(false).compile_fds(set)?)
}

#[cfg(not(feature = "rpc-tonic"))]
fn tonic() -> Result<()> {
    Ok(())
}
