//! How deep JSON lies in itself, told without recursion: before it is read, and while it is written.

use std::io::{self, Write};

use serde_json::ser::Formatter;

/// What is read and written on any thread. Deeper messages, which are rare, are given a thread with room.
pub(crate) const SHALLOW: usize = 8;

/// What a text costs to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Outline {
    /// Objects and lists in each other, the outermost counted.
    pub(crate) depth: usize,
    /// Objects, lists, and members and items but for the first of each.
    pub(crate) elements: usize,
}

impl Outline {
    /// That of a text, at least as far as it is JSON.
    pub(crate) fn of(json: &[u8]) -> Self {
        let (mut outline, mut depth) = (Self::default(), 0_usize);
        let mut rest = json.iter();
        while let Some(byte) = rest.next() {
            match byte {
                b'"' => skip_text(&mut rest),
                b'{' | b'[' => {
                    depth += 1;
                    outline.depth = outline.depth.max(depth);
                    outline.elements += 1;
                }
                b'}' | b']' => depth = depth.saturating_sub(1),
                b',' => outline.elements += 1,
                _ => {}
            }
        }
        outline
    }
}

/// Whether a text cannot be deep, at the cost of a glance: it has few brackets, those in strings among them.
pub(crate) fn is_plainly_shallow(json: &[u8]) -> bool {
    json.iter().filter(|byte| **byte | 0x20 == b'{').count() <= SHALLOW
}

fn skip_text(rest: &mut std::slice::Iter<'_, u8>) {
    while let Some(byte) = rest.next() {
        match byte {
            b'"' => return,
            b'\\' => {
                rest.next();
            }
            _ => {}
        }
    }
}

/// Writes JSON as it is, and stops with an error where it is not shallow.
#[derive(Default)]
pub(crate) struct Shallow {
    depth: usize,
}

impl Shallow {
    fn descend(&mut self) -> io::Result<()> {
        self.depth += 1;
        if self.depth > SHALLOW { Err(io::ErrorKind::Other.into()) } else { Ok(()) }
    }
}

impl Formatter for Shallow {
    fn begin_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.descend()?;
        writer.write_all(b"{")
    }

    fn end_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.depth -= 1;
        writer.write_all(b"}")
    }

    fn begin_array<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.descend()?;
        writer.write_all(b"[")
    }

    fn end_array<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.depth -= 1;
        writer.write_all(b"]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brackets_in_strings_do_not_count() {
        for (json, depth, elements) in [
            ("", 0, 0),
            ("7", 0, 0),
            ("{}", 1, 1),
            (r#"{"a":[{},{}],"b":1}"#, 3, 6),
            (r#"["[[[[", "\"[[", "\\", [",{"]]"#, 2, 5),
            (r#""[{"#, 0, 0),
            ("]]]][", 1, 1),
        ] {
            assert_eq!(Outline::of(json.as_bytes()), Outline { depth, elements }, "{json}");
        }
    }

    #[test]
    fn what_is_plainly_shallow_is_shallow() {
        for levels in 0..20 {
            let json = "[{\"a\":".repeat(levels) + "1" + &"}]".repeat(levels);
            let depth = Outline::of(json.as_bytes()).depth;
            assert_eq!(depth, 2 * levels);
            assert_eq!(is_plainly_shallow(json.as_bytes()), depth <= SHALLOW);
        }
    }
}
