//! The chunked transfer coding (RFC 9112 section 7.1), written.

/// Ends the data of a chunk.
pub const CHUNK_END: &[u8] = b"\r\n";

/// Ends a chunked body: the chunk of size zero and an empty trailer section.
pub const LAST_CHUNK: &[u8] = b"0\r\n\r\n";

/// Appends a whole chunk. Empty `data` appends nothing, because a chunk of size zero would end the body.
///
/// ```
/// let mut output = Vec::new();
/// corelay_http::encode_chunk(b"Hello, World!", &mut output);
/// corelay_http::encode_chunk(b"", &mut output);
/// assert_eq!(output, b"d\r\nHello, World!\r\n");
/// ```
pub fn encode_chunk(data: &[u8], output: &mut Vec<u8>) {
    if data.is_empty() {
        return;
    }
    output.reserve(data.len() + 20);
    encode_chunk_head(data.len() as u64, output);
    output.extend_from_slice(data);
    output.extend_from_slice(CHUNK_END);
}

/// Appends the size line of a chunk of `len` bytes, for data that is sent without being copied; the data and
/// [`CHUNK_END`] come after it. `len` of zero would end the body: the caller sends [`LAST_CHUNK`] for that.
///
/// ```
/// let mut output = Vec::new();
/// corelay_http::encode_chunk_head(65_536, &mut output);
/// assert_eq!(output, b"10000\r\n");
/// ```
pub fn encode_chunk_head(len: u64, output: &mut Vec<u8>) {
    let digits = (u64::BITS - len.leading_zeros()).div_ceil(4).max(1);
    for digit in (0..digits).rev() {
        output.push(b"0123456789abcdef"[(len >> (digit * 4) & 0xf) as usize]);
    }
    output.extend_from_slice(CHUNK_END);
}
