//! One spare output buffer per thread, so that a warm keep-alive connection serialises JSON without
//! allocating.
//!
//! A responder [takes](take) the thread's spare, fills it and sends it off inside a
//! [`ResponseBody::Owned`](super::ResponseBody); the engine copies it to its output and [recycles](recycle)
//! it. One buffer is enough because a thread encodes a response before it calls the next handler. A buffer
//! that grew past [`KEPT_BYTES_MAX`] is let go: one huge answer must not pin its memory to a thread for ever.

use std::cell::Cell;

/// The largest buffer, in bytes of capacity, that a thread keeps for its next response.
pub(crate) const KEPT_BYTES_MAX: usize = 64 * 1024;

thread_local! {
    static SPARE: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// Takes the thread's spare buffer: empty, with whatever capacity it has grown to.
pub(crate) fn take() -> Vec<u8> {
    // A thread on its way out has no spare any more: it allocates.
    SPARE.try_with(Cell::take).unwrap_or_default()
}

/// Gives a buffer back for the next [`take`] on this thread, unless the one already there is larger.
pub(crate) fn recycle(mut buffer: Vec<u8>) {
    if buffer.capacity() > KEPT_BYTES_MAX {
        return;
    }
    buffer.clear();
    let _ = SPARE.try_with(|spare| {
        let kept = spare.take();
        spare.set(if kept.capacity() > buffer.capacity() { kept } else { buffer });
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recycled_buffer_is_taken_next_and_comes_empty() {
        let mut buffer = Vec::with_capacity(1000);
        buffer.extend_from_slice(b"old answer");
        let address = buffer.as_ptr();
        recycle(buffer);
        let taken = take();
        assert_eq!((taken.as_ptr(), taken.len()), (address, 0));
        assert_eq!(take().capacity(), 0, "there is one spare, and it is out");
    }

    #[test]
    fn the_larger_of_two_buffers_is_kept() {
        recycle(Vec::with_capacity(2000));
        recycle(Vec::with_capacity(10));
        assert!(take().capacity() >= 2000);
    }

    #[test]
    fn a_buffer_past_the_cap_is_let_go() {
        recycle(Vec::with_capacity(KEPT_BYTES_MAX + 1));
        assert_eq!(take().capacity(), 0);
    }
}
