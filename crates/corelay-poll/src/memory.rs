//! Memory that the allocator keeps.

use crate::sys;

/// Gives the pages that the allocator keeps and does not need back to the operating system. `false`: there were none, or this
/// allocator cannot be asked.
///
/// glibc keeps what was freed: after freeing pieces of some megabytes, up to 64 MiB in each of its arenas, of which there are eight a processor. It
/// is there when it is needed again, which is fast, and nobody else has it, which is a pity once it is not. Other allocators have
/// rules of their own for it, and this does nothing with them.
///
/// Takes some tens of milliseconds for hundreds of megabytes. Meanwhile threads that allocate may wait, for one arena at a
/// time, so this is for a moment when little is done.
///
/// ```
/// let body = vec![1_u8; 1 << 20];
/// drop(body);
/// corelay_poll::memory::give_back();
/// ```
pub fn give_back() -> bool {
    sys::give_memory_back()
}
