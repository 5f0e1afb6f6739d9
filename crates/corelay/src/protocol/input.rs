//! What a connection has received and its protocol has not taken yet.

/// Input, from the first byte that was not consumed.
///
/// ```
/// use corelay::protocol::Input;
///
/// let mut input = Input::new(b"PING\r\nPI");
/// let line = input.bytes().iter().position(|byte| *byte == b'\n').expect("a whole line") + 1;
/// assert_eq!(input.take(line), b"PING\r\n");
/// assert_eq!(input.bytes(), b"PI");
/// ```
#[derive(Debug)]
pub struct Input<'a> {
    bytes: &'a [u8],
    consumed: usize,
}

impl<'a> Input<'a> {
    /// All of `bytes`: for tests of a protocol's parser.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, consumed: 0 }
    }

    /// What is here. Borrowed from the connection's input, so that answers can be written while it is looked at.
    #[inline]
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes.get(self.consumed..).unwrap_or_default()
    }

    /// How many bytes are here.
    #[inline]
    pub fn len(&self) -> usize {
        self.bytes.len() - self.consumed
    }

    /// Whether nothing is here.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Takes `count` bytes from the front; more than there are is all of them.
    #[inline]
    pub fn consume(&mut self, count: usize) {
        self.consumed = self.consumed.saturating_add(count).min(self.bytes.len());
    }

    /// Takes `count` bytes from the front and gives them; more than there are is all of them.
    #[inline]
    pub fn take(&mut self, count: usize) -> &'a [u8] {
        let bytes = self.bytes();
        self.consume(count);
        bytes.get(..count).unwrap_or(bytes)
    }

    pub(crate) fn consumed(&self) -> usize {
        self.consumed
    }
}
