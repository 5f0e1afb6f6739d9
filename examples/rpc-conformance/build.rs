//! Generates the suite's services from its `.proto` files.

fn main() -> Result<(), corelay_rpc_build::Error> {
    let folder = "proto/connectrpc/conformance/v1";
    corelay_rpc_build::Config::new()
        .file(format!("{folder}/service.proto"))
        .file(format!("{folder}/server_compat.proto"))
        .file(format!("{folder}/client_compat.proto"))
        .include("proto")
        .compile()
}
