//! Generates the service from its `.proto` file; no protoc is needed.

fn main() -> Result<(), corelay_rpc_build::Error> {
    corelay_rpc_build::Config::new().file("proto/greet/v1/greet.proto").include("proto").compile()
}
