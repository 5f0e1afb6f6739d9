//! Messages between the suite's runner and this program: four bytes of length, then the message.

use std::io::{self, Read as _, Write as _};

use corelay_rpc::{Codec, Message};

/// The largest message that the runner sends, in bytes.
const MESSAGE_BYTES_MAX: usize = 16 << 20;

/// The next message from standard input; `None` at its end.
pub(crate) fn read<M: Message>() -> Result<Option<M>, Box<dyn std::error::Error>> {
    let mut length = [0; 4];
    match io::stdin().read_exact(&mut length) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        read => read?,
    }
    let length = usize::try_from(u32::from_be_bytes(length))?;
    if length > MESSAGE_BYTES_MAX {
        return Err("the runner's message is too long".into());
    }
    let mut bytes = vec![0; length];
    io::stdin().read_exact(&mut bytes)?;
    Ok(Some(Codec::Proto.decode(&bytes)?))
}

pub(crate) fn write<M: Message>(message: &M) -> Result<(), Box<dyn std::error::Error>> {
    let mut bytes = Vec::new();
    Codec::Proto.encode(message, &mut bytes)?;
    let mut out = io::stdout().lock();
    out.write_all(&u32::try_from(bytes.len())?.to_be_bytes())?;
    out.write_all(&bytes)?;
    Ok(out.flush()?)
}
