//! What a service takes, and when it compresses.

/// Limits of a set of services, or of a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The largest message that is read, in bytes, both as it comes and decompressed. Larger: `resource_exhausted`.
    /// 4 MiB by default.
    pub message_bytes_max: usize,
    /// What the lists, maps and unknown fields of a message may take once it is read, in bytes: a small message can be a
    /// large one in memory, as many empty ones in a list. More: `resource_exhausted`. 32 MiB by default.
    ///
    /// In protobuf their sizes are counted. In JSON each object, list, member and item counts as 64 bytes, which is what
    /// those of a `google.protobuf.Value` take; an object of a type with many fields takes more.
    pub decoded_bytes_max: usize,
    /// How many levels of messages may lie in a message, in JSON of objects and lists. Deeper: `invalid_argument`. 100 by
    /// default, as in other implementations of protobuf; JSON is not read deeper than 126 whatever this says.
    pub nesting_max: usize,
    /// The smallest message that is compressed for a peer that accepts it, in bytes. 1 KiB by default: below that the
    /// whole answer is one segment either way.
    pub compress_bytes_min: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            message_bytes_max: 4 << 20,
            decoded_bytes_max: 32 << 20,
            nesting_max: 100,
            compress_bytes_min: 1024,
        }
    }
}
