//! Generates the demo's service from its `.proto` file.

fn main() -> Result<(), corelay_rpc_build::Error> {
    corelay_rpc_build::Config::new().file("proto/corelay/demo/v1/random.proto").include("proto").compile()
}
