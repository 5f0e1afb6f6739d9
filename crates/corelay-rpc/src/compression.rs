//! Message compression: each message on its own, bounded on the way out.
//!
//! What the protocol's names mean is HTTP's (RFC 9110, section 8.4.1): `deflate` is the zlib format. Decompression stops at
//! the limit, so a small message cannot become a large one unseen. Deliberately absent: streams of compression across
//! messages, which the protocol does not have.

use std::io::{self, Read, Write};

use flate2::read::{MultiGzDecoder, ZlibDecoder};
use flate2::write::{GzEncoder, ZlibEncoder};

use crate::{Code, Error, room};

/// A content coding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Compression {
    /// As it is.
    #[default]
    Identity,
    /// RFC 1952.
    Gzip,
    /// RFC 1950.
    Deflate,
    /// Brotli, RFC 7932.
    Brotli,
    /// Zstandard, RFC 8878.
    Zstd,
    /// Snappy's framed format.
    Snappy,
}

/// What is offered, in the order it is preferred in.
pub(crate) const SUPPORTED: &str = "gzip, br, zstd, deflate, snappy";

/// Brotli's middle quality: a server answers while its client waits.
const BROTLI_QUALITY: i32 = 5;
const BROTLI_WINDOW_BITS: i32 = 20;
const BROTLI_BUFFER_BYTES: usize = 4096;
/// What every Zstandard reader is to support (RFC 8878, section 3.1.1.1.2).
const ZSTD_WINDOW_BYTES_MAX: u64 = 8 << 20;

impl Compression {
    /// The name in header fields.
    ///
    /// ```
    /// use corelay_rpc::Compression;
    ///
    /// assert_eq!(Compression::Brotli.name(), "br");
    /// assert_eq!(Compression::from_name("GZIP"), Some(Compression::Gzip));
    /// assert_eq!(Compression::from_name("lzw"), None);
    /// ```
    pub fn name(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Gzip => "gzip",
            Self::Deflate => "deflate",
            Self::Brotli => "br",
            Self::Zstd => "zstd",
            Self::Snappy => "snappy",
        }
    }

    /// The coding of this name, in any case.
    pub fn from_name(name: &str) -> Option<Self> {
        let all = [Self::Identity, Self::Gzip, Self::Deflate, Self::Brotli, Self::Zstd, Self::Snappy];
        all.into_iter().find(|coding| coding.name().eq_ignore_ascii_case(name))
    }

    /// The coding that a request declares; none declared is [`Compression::Identity`].
    ///
    /// # Errors
    /// One that is not known: [`Code::Unimplemented`], with what is known.
    pub(crate) fn declared(name: Option<&str>) -> Result<Self, Error> {
        let Some(name) = name.map(str::trim).filter(|name| !name.is_empty()) else {
            return Ok(Self::Identity);
        };
        Self::from_name(name).ok_or_else(|| {
            Error::unimplemented(format!("unknown compression {name:?}: supported are {SUPPORTED}"))
        })
    }

    /// The first coding that a list such as `br;q=1.0, gzip` names and that is known here.
    pub(crate) fn accepted(list: &str) -> Self {
        let mut names = list.split(',').filter_map(|item| {
            let mut parts = item.split(';').map(str::trim);
            let name = parts.next()?;
            let refused = parts.any(|weight| {
                let weight = weight.strip_prefix("q=").unwrap_or("1").trim_end_matches(['0', '.']);
                weight.is_empty()
            });
            Self::from_name(name).filter(|_| !refused)
        });
        names.next().unwrap_or_default()
    }

    /// `data`, compressed.
    ///
    /// # Errors
    /// None that is known of for data in memory, [`Code::Internal`]; or there is no thread with stack enough for it,
    /// [`Code::ResourceExhausted`].
    pub(crate) fn compress(self, data: Vec<u8>) -> Result<Vec<u8>, Error> {
        let written = room::run(room::CODER_BYTES, move || {
            let mut out = Vec::new();
            self.write(&data, &mut out).map(|()| out)
        })?;
        written.map_err(|error| Error::internal(format!("{}: {error}", self.name())))
    }

    fn write(self, data: &[u8], out: &mut Vec<u8>) -> io::Result<()> {
        match self {
            Self::Identity => out.write_all(data),
            Self::Gzip => {
                let mut encoder = GzEncoder::new(out, flate2::Compression::fast());
                encoder.write_all(data)?;
                encoder.finish().map(drop)
            }
            Self::Deflate => {
                let mut encoder = ZlibEncoder::new(out, flate2::Compression::fast());
                encoder.write_all(data)?;
                encoder.finish().map(drop)
            }
            Self::Brotli => {
                let parameters = brotli::enc::BrotliEncoderParams {
                    quality: BROTLI_QUALITY,
                    lgwin: BROTLI_WINDOW_BITS,
                    ..Default::default()
                };
                brotli::BrotliCompress(&mut &*data, out, &parameters).map(drop)
            }
            Self::Zstd => {
                ruzstd::encoding::compress(data, out, ruzstd::encoding::CompressionLevel::Fastest);
                Ok(())
            }
            Self::Snappy => {
                let mut encoder = snap::write::FrameEncoder::new(out);
                encoder.write_all(data)?;
                encoder.flush()
            }
        }
    }

    /// The message inside `data`, of at most `bytes_max` bytes.
    ///
    /// # Errors
    /// It is larger: [`Code::ResourceExhausted`]. It is not of this format: [`Code::InvalidArgument`].
    pub fn decompress(self, data: &[u8], bytes_max: usize) -> Result<Vec<u8>, Error> {
        match self {
            Self::Identity if data.len() > bytes_max => Err(too_large(bytes_max)),
            Self::Identity => Ok(data.to_vec()),
            coding if room::is_here(room::CODER_BYTES) => coding.open(data, bytes_max),
            coding => {
                let data = data.to_vec();
                room::run(room::CODER_BYTES, move || coding.open(&data, bytes_max))?
            }
        }
    }

    fn open(self, data: &[u8], bytes_max: usize) -> Result<Vec<u8>, Error> {
        match self {
            Self::Identity => Ok(data.to_vec()),
            Self::Gzip => self.read(MultiGzDecoder::new(data), bytes_max),
            Self::Deflate => self.read(ZlibDecoder::new(data), bytes_max),
            Self::Brotli => self.read(brotli::Decompressor::new(data, BROTLI_BUFFER_BYTES), bytes_max),
            Self::Zstd if zstd_window_bytes(data) > ZSTD_WINDOW_BYTES_MAX.max(bytes_max as u64) => {
                Err(too_large(bytes_max))
            }
            Self::Zstd => {
                let decoder = ruzstd::decoding::StreamingDecoder::new(data);
                let decoder = decoder.map_err(|error| self.malformed(&error.to_string()))?;
                self.read(decoder, bytes_max)
            }
            Self::Snappy => self.read(snap::read::FrameDecoder::new(data), bytes_max),
        }
    }

    fn read(self, reader: impl Read, bytes_max: usize) -> Result<Vec<u8>, Error> {
        let mut message = Vec::new();
        let limit = (bytes_max as u64).saturating_add(1);
        match reader.take(limit).read_to_end(&mut message) {
            Ok(_) if message.len() > bytes_max => Err(too_large(bytes_max)),
            Ok(_) => Ok(message),
            Err(error) => Err(self.malformed(&error.to_string())),
        }
    }

    #[cold]
    fn malformed(self, reason: &str) -> Error {
        Error::invalid_argument(format!("the message is not in the format {}: {reason}", self.name()))
    }
}

/// The window that a Zstandard frame asks its reader to keep, in bytes (RFC 8878, section 3.1.1.1.2); 0 where it names none.
/// The reader holds as much back, so it counts against the limit like a message.
fn zstd_window_bytes(frame: &[u8]) -> u64 {
    match frame {
        [_, _, _, _, descriptor, window, ..] if descriptor & 0b0010_0000 == 0 => {
            let base = 1_u64 << (10 + (window >> 3));
            base + base / 8 * u64::from(window & 0b111)
        }
        _ => 0,
    }
}

/// A message is larger than the limit.
#[cold]
pub(crate) fn too_large(bytes_max: usize) -> Error {
    Error::new(Code::ResourceExhausted, format!("the message is larger than {bytes_max} bytes"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that fails says where")]
    use super::*;

    const ALL: [Compression; 6] = [
        Compression::Identity,
        Compression::Gzip,
        Compression::Deflate,
        Compression::Brotli,
        Compression::Zstd,
        Compression::Snappy,
    ];

    #[test]
    fn every_coding_gives_back_what_it_took() {
        let text = "the same again, ".repeat(20_000).into_bytes();
        let noise: Vec<u8> = (0..100_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        for coding in ALL {
            for data in [&[][..], b"x", &text, &noise] {
                let compressed = coding.compress(data.to_vec()).unwrap();
                let back = coding.decompress(&compressed, data.len()).unwrap();
                assert!(back == data, "{coding:?}, {} bytes", data.len());
            }
        }
    }

    /// A handler may run on a thread with a quarter of a mebibyte (`--thread-stack-bytes`), and is some way into it.
    #[test]
    fn a_small_stack_is_enough() {
        let text = b"the same again, ".repeat(20_000);
        for coding in ALL {
            let round = || {
                let compressed = coding.compress(text.clone()).unwrap();
                assert!(coding.decompress(&compressed, text.len()).unwrap() == text, "{coding:?}");
            };
            std::thread::scope(|scope| {
                let small = std::thread::Builder::new().stack_size(128 * 1024);
                small.spawn_scoped(scope, round).unwrap().join().unwrap();
            });
        }
    }

    #[test]
    fn what_grows_past_the_limit_is_refused() {
        let zeros = vec![0; 1_000_000];
        for coding in ALL {
            let compressed = coding.compress(zeros.clone()).unwrap();
            let error = coding.decompress(&compressed, 999_999).unwrap_err();
            assert_eq!(error.code(), Code::ResourceExhausted, "{coding:?}");
        }
    }

    #[test]
    fn what_is_not_compressed_is_refused_without_a_panic() {
        for coding in &ALL[1..] {
            for data in [&b"plain text"[..], &[0; 40], &[0xff; 40], &[0x1f, 0x8b]] {
                let error = coding.decompress(data, 1000).unwrap_err();
                assert_eq!(error.code(), Code::InvalidArgument, "{coding:?} {data:?}");
            }
        }
    }

    #[test]
    fn the_first_known_name_of_a_list_is_taken() {
        for (list, expected) in [
            ("", Compression::Identity),
            ("lzw, gzip, br", Compression::Gzip),
            ("br;q=0, zstd;q=0.5, gzip", Compression::Zstd),
            ("gzip;q=0.000", Compression::Identity),
            ("identity, gzip", Compression::Identity),
            ("*", Compression::Identity),
        ] {
            assert_eq!(Compression::accepted(list), expected, "{list}");
        }
    }
}
