//! What a service takes, and when it compresses.

/// Limits of a set of services, or of a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The largest message that is read, in bytes, both as it comes and decompressed. Larger: `resource_exhausted`.
    /// 4 MiB by default.
    pub message_bytes_max: usize,
    /// The smallest message that is compressed for a peer that accepts it, in bytes. 1 KiB by default: below that the
    /// whole answer is one segment either way.
    pub compress_bytes_min: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { message_bytes_max: 4 << 20, compress_bytes_min: 1024 }
    }
}
