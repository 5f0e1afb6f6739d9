//! The corelay binary.
fn main() {}
