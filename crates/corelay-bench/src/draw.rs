//! What the servers of `bench rpc` do, and the request they are sent: `corelay.bench.v1.DrawService/Draw`, with 32 bytes each way.

/// The path of the method, in Connect and in gRPC.
pub const PATH: &str = "/corelay.bench.v1.DrawService/Draw";

/// The message that is sent, in protobuf: a count of 7, a bound of 100, and a seed of 26 bytes.
pub const REQUEST: [u8; 32] = *b"\x08\x07\x10\x64\x1a\x1aabcdefghijklmnopqrstuvwxyz";

/// The length of the message that is answered, in protobuf.
pub const RESPONSE_BYTES: usize = 32;

/// Numbers below a bound, as many as asked for, up to a thousand. The seed is only looked at, so that nobody may skip it.
///
/// ```
/// assert!(corelay_bench::draw::numbers(7, 100, b"abc").iter().all(|number| *number < 100));
/// ```
pub fn numbers(count: u32, max: u32, seed: &[u8]) -> Vec<u32> {
    let offset = seed.first().map_or(0, |byte| u32::from(*byte));
    let max = max.max(1);
    (0..count.min(1_000)).map(|_| (fastrand::u32(0..max).wrapping_add(offset)) % max).collect()
}
