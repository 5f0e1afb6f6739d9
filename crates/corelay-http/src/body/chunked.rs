//! The chunked transfer coding (RFC 9112 section 7.1), decoded.
//!
//! ```text
//!  ┌─────────────────────────────────────────────────────┐
//!  ▼                                                     │
//! Size ─▶ Extension ─▶ SizeLf ─▶ Data ─▶ DataCr ─▶ DataLf ┘
//!  └─────────────────────▲  │
//!                           └(size 0)─▶ TrailerStart ─▶ EndLf ─▶ Complete
//!                                         │        ▲
//!                                         ▼        │
//!                                   TrailerName ─▶ TrailerValue ─▶ TrailerLf
//! ```
//!
//! Extensions are skipped: none has ever been put to use, so only their form (`extension.rs`) and their number are
//! checked. Trailer fields are checked for syntax and dropped: merging them into the header section is how a peer smuggles a field
//! past a check that has already been made (RFC 9110 section 6.5.1), and no application here has asked for them.

use super::Decoded;
use super::extension::Extension;
use crate::octets::{Class, Value, is_token};
use crate::{BodyError, BodyErrorKind, Limits};

/// More digits than a 64-bit size has are not a size (RFC 9112 section 7.1 asks recipients to guard against overflow).
const SIZE_DIGITS_MAX: u32 = 16;
/// Nor is what others may read as a negative one: two readings.
const SIZE_MAX: u64 = i64::MAX as u64;

#[derive(Debug, Clone, Default)]
pub(super) struct ChunkedDecoder {
    /// While reading a size: its value so far; in a chunk: data bytes still to come.
    remaining: u64,
    /// Bytes of the chunk-size line so far, or of the trailer section. This and the counters below saturate: a limit
    /// beyond 4 GiB is no limit, but never an overflow.
    section_bytes: u32,
    extension_bytes: u32,
    trailers: u32,
    phase: Phase,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Phase {
    #[default]
    Size,
    Extension(Extension),
    SizeLf,
    Data,
    DataCr,
    DataLf,
    TrailerStart,
    TrailerName,
    TrailerValue,
    TrailerLf,
    EndLf,
    Complete,
    Failed(BodyErrorKind),
}

impl ChunkedDecoder {
    pub(super) fn is_complete(&self) -> bool {
        self.phase == Phase::Complete
    }

    pub(super) fn remaining_in_chunk(&self) -> u64 {
        if self.phase == Phase::Data { self.remaining } else { 0 }
    }

    /// Walks over framing up to the end of one run of data, of the body, or of the input.
    pub(super) fn decode(&mut self, input: &[u8], limits: &Limits) -> Result<Decoded, BodyError> {
        let mut at = 0;
        loop {
            match self.phase {
                Phase::Failed(kind) => return Err(BodyError::new(kind)),
                Phase::Data => return Ok(self.take_data(input, at)),
                Phase::Complete => break,
                _ => {}
            }
            let Some(&octet) = input.get(at) else { break };
            self.phase = self.step(octet, limits).unwrap_or_else(Phase::Failed);
            at += 1;
        }
        Ok(Decoded { consumed: at, data: at..at, complete: self.is_complete() })
    }

    fn take_data(&mut self, input: &[u8], at: usize) -> Decoded {
        let available = input.len() - at;
        let taken = usize::try_from(self.remaining).map_or(available, |most| most.min(available));
        self.remaining -= taken as u64;
        if self.remaining == 0 {
            self.phase = Phase::DataCr;
        }
        Decoded { consumed: at + taken, data: at..at + taken, complete: false }
    }

    /// The phase after one octet of framing.
    fn step(&mut self, octet: u8, limits: &Limits) -> Result<Phase, BodyErrorKind> {
        match self.phase {
            Phase::Size => self.size(octet, limits),
            Phase::Extension(extension) => self.extension(extension, octet, limits),
            Phase::SizeLf => self.size_end(octet),
            Phase::DataCr => expect(octet, b'\r', Phase::DataLf, BodyErrorKind::ChunkEndMalformed),
            Phase::DataLf => expect(octet, b'\n', Phase::Size, BodyErrorKind::ChunkEndMalformed),
            Phase::TrailerStart | Phase::TrailerName | Phase::TrailerValue | Phase::TrailerLf => {
                self.trailer(octet, limits)
            }
            Phase::EndLf => expect(octet, b'\n', Phase::Complete, BodyErrorKind::LineEndMalformed),
            Phase::Data | Phase::Complete | Phase::Failed(_) => Ok(self.phase),
        }
    }

    fn size(&mut self, octet: u8, limits: &Limits) -> Result<Phase, BodyErrorKind> {
        let Some(digit) = (octet as char).to_digit(16) else {
            return match octet {
                _ if self.section_bytes == 0 => Err(BodyErrorKind::ChunkSizeMalformed),
                b'\r' => Ok(Phase::SizeLf),
                b'\n' => Err(BodyErrorKind::LineEndMalformed),
                b';' | b' ' | b'\t' => self.extension(Extension::Before, octet, limits),
                _ => Err(BodyErrorKind::ChunkSizeMalformed),
            };
        };
        if self.section_bytes >= SIZE_DIGITS_MAX {
            return Err(BodyErrorKind::ChunkSizeTooLong);
        }
        self.remaining = self.remaining << 4 | u64::from(digit);
        if self.remaining > SIZE_MAX {
            return Err(BodyErrorKind::ChunkSizeTooLong);
        }
        self.count_line(limits)?;
        Ok(Phase::Size)
    }

    fn extension(
        &mut self,
        extension: Extension,
        octet: u8,
        limits: &Limits,
    ) -> Result<Phase, BodyErrorKind> {
        match octet {
            b'\r' if extension.may_end() => return Ok(Phase::SizeLf),
            b'\n' => return Err(BodyErrorKind::LineEndMalformed),
            _ => {}
        }
        let next = extension.after(octet).ok_or(BodyErrorKind::ChunkExtensionMalformed)?;
        self.count_line(limits)?;
        self.extension_bytes = self.extension_bytes.saturating_add(1);
        if self.extension_bytes as usize > limits.chunk_extension_bytes_total {
            return Err(BodyErrorKind::ChunkExtensionsTooLarge);
        }
        Ok(Phase::Extension(next))
    }

    fn size_end(&mut self, octet: u8) -> Result<Phase, BodyErrorKind> {
        self.section_bytes = 0;
        let next = if self.remaining == 0 { Phase::TrailerStart } else { Phase::Data };
        expect(octet, b'\n', next, BodyErrorKind::LineEndMalformed)
    }

    fn trailer(&mut self, octet: u8, limits: &Limits) -> Result<Phase, BodyErrorKind> {
        let next = match (self.phase, octet) {
            (Phase::TrailerStart, b'\r') => return Ok(Phase::EndLf),
            (Phase::TrailerStart, _) if self.trailers as usize >= limits.trailers => {
                return Err(BodyErrorKind::TooManyTrailers);
            }
            (Phase::TrailerStart, _) if is_token(octet) => {
                self.trailers = self.trailers.saturating_add(1);
                Phase::TrailerName
            }
            (Phase::TrailerName, b':') => Phase::TrailerValue,
            (Phase::TrailerName, _) if is_token(octet) => Phase::TrailerName,
            (Phase::TrailerValue, b'\r') => Phase::TrailerLf,
            (Phase::TrailerValue, _) if Value::accepts(octet) => Phase::TrailerValue,
            (Phase::TrailerLf, b'\n') => Phase::TrailerStart,
            (Phase::TrailerLf, _) | (_, b'\r' | b'\n') => return Err(BodyErrorKind::LineEndMalformed),
            _ => return Err(BodyErrorKind::TrailerMalformed),
        };
        self.section_bytes = self.section_bytes.saturating_add(1);
        if self.section_bytes as usize > limits.trailer_bytes {
            return Err(BodyErrorKind::TrailersTooLarge);
        }
        Ok(next)
    }

    fn count_line(&mut self, limits: &Limits) -> Result<(), BodyErrorKind> {
        self.section_bytes = self.section_bytes.saturating_add(1);
        if self.section_bytes as usize > limits.chunk_line_bytes {
            return Err(BodyErrorKind::ChunkLineTooLong);
        }
        Ok(())
    }
}

fn expect(octet: u8, wanted: u8, next: Phase, otherwise: BodyErrorKind) -> Result<Phase, BodyErrorKind> {
    if octet == wanted { Ok(next) } else { Err(otherwise) }
}
