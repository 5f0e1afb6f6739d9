//! The fence around user code: whatever it does, the calling thread goes on.
//!
//! Three things of a user's can panic, not one: the call itself, the drop of a value it left behind, and the
//! drop of the panic's own payload. [`caught`] answers the first and the last, so that callers can fence the
//! second with it. A panic while another one unwinds aborts the process; no fence can stop that.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs `work`; a panic inside it becomes an `Err` with the panic's message.
///
/// What `work` borrowed mutably may be half-way through a change when this returns `Err`: the caller throws
/// it away.
#[inline]
pub(crate) fn caught<R>(work: impl FnOnce() -> R) -> Result<R, String> {
    catch_unwind(AssertUnwindSafe(work)).map_err(message)
}

/// The text of a panic's payload, which is dropped under a fence of its own.
#[cold]
fn message(payload: Box<dyn Any + Send>) -> String {
    let text = if let Some(text) = payload.downcast_ref::<&'static str>() {
        (*text).to_owned()
    } else if let Some(text) = payload.downcast_ref::<String>() {
        text.clone()
    } else {
        "a panic without a message".to_owned()
    };
    if let Err(second) = catch_unwind(AssertUnwindSafe(move || drop(payload))) {
        // A payload whose drop panics: leaking the second payload is the only way to be done with it.
        std::mem::forget(second);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    struct PanicsWhenDropped;

    impl Drop for PanicsWhenDropped {
        fn drop(&mut self) {
            panic!("from drop");
        }
    }

    #[test]
    fn messages_are_kept_whatever_their_type() {
        assert_eq!(caught(|| panic!("plain")), Err::<(), _>("plain".to_owned()));
        assert_eq!(caught(|| panic!("number {}", 7)), Err::<(), _>("number 7".to_owned()));
        let odd = caught(|| std::panic::panic_any(7_u8));
        assert_eq!(odd, Err::<(), _>("a panic without a message".to_owned()));
    }

    #[test]
    fn a_payload_that_panics_when_dropped_does_no_harm() {
        let outcome = caught(|| std::panic::panic_any(PanicsWhenDropped));
        assert_eq!(outcome, Err::<(), _>("a panic without a message".to_owned()));
    }
}
