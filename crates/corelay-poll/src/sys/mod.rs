//! The two backends, and what both promise. All platform `cfg` of the crate is in this folder.
//!
//! # The contract
//!
//! A backend defines `Poller`, `Events`, `Event`, `Waker`, `Timer`, `Signals` and `Exit`, with the methods
//! that the public types of the same names call. Whatever kernel is below:
//!
//! - **All is a handle.** Each of them, `Poller` included, is `AsFd`, and any `Poller` takes it with
//!   `Interest::READ`. It is readable while there is something to take: an event, a wake, an expiry, a
//!   signal, an exit. (A kqueue counts what *became* ready in it: nested, it is still readable after that was
//!   taken, until someone waits on it once.)
//! - **Threads.** `add`, `modify` and `delete` may be called while another thread waits, and count for that
//!   wait. All types are `Send + Sync`.
//! - **Nothing is lost.** Registering (and, for one-shots, arming again) reports what is ready already,
//!   whatever the trigger. Level reports until it is taken. Edge reports each change at least once. One-shot
//!   reports once for each arming: epoll for the handle, kqueue for each direction.
//! - **Tokens** come back as they were given, 64 bits. After `delete` returns, no later `wait` gives that
//!   token; a wait that has returned may hold it still. kqueue gives a handle that is ready in both
//!   directions two events.
//! - **A reader hears of the end.** End of stream, hang-up and error make an event readable if there was
//!   interest in reading; hang-up and error make it writable if there was interest in writing.
//! - **`wait`** is one system call and allocates nothing. A timeout above zero is never cut to zero, and one
//!   above `TIMEOUT_MAX` may be cut to that. `EINTR` is zero events.
//! - **`acknowledge`, `next`** never block and may be called when there is nothing to take.
//! - **Descriptors** are closed on exec.
//!
//! What they do not agree on is told in the public docs: adding a handle twice (`AlreadyExists` or replaced),
//! touching one that is not there (`NotFound` or done), `EPOLLEXCLUSIVE` (`Unsupported` on kqueue), and
//! `is_closed`, which kqueue knows only in the direction of writing.

use std::time::Duration;

/// The longest single wait: epoll_wait(2) takes milliseconds as a C `int`, about 24.8 days. epoll_pwait2(2)
/// goes further, but is younger (5.11) and refused by old container seccomp profiles. kqueue is held to the
/// same bound, for kernels differ in what they make of a `tv_sec` near its maximum.
const TIMEOUT_MAX: Duration = Duration::from_millis(i32::MAX as u64);

#[cfg(target_os = "linux")]
mod epoll;
#[cfg(target_os = "linux")]
pub(crate) use epoll::{Event, Events, Exit, Poller, Signals, Timer, Waker};

#[cfg(any(target_os = "freebsd", target_os = "macos"))]
mod kqueue;
#[cfg(any(target_os = "freebsd", target_os = "macos"))]
pub(crate) use kqueue::{Event, Events, Exit, Poller, Signals, Timer, Waker};

#[cfg_attr(target_os = "linux", path = "affinity/linux.rs")]
#[cfg_attr(target_os = "freebsd", path = "affinity/freebsd.rs")]
#[cfg_attr(target_os = "macos", path = "affinity/macos.rs")]
pub(crate) mod affinity;

#[cfg_attr(target_os = "linux", path = "thread/linux.rs")]
#[cfg_attr(not(target_os = "linux"), path = "thread/bsd.rs")]
pub(crate) mod thread;

#[cfg_attr(target_os = "linux", path = "threads/linux.rs")]
#[cfg_attr(not(target_os = "linux"), path = "threads/bsd.rs")]
pub(crate) mod threads;

#[cfg_attr(target_os = "linux", path = "quota/cgroup.rs")]
#[cfg_attr(not(target_os = "linux"), path = "quota/none.rs")]
mod quota;
pub(crate) use quota::{cpu_quota, memory_limit};

#[cfg_attr(target_os = "linux", path = "memory/linux.rs")]
#[cfg_attr(not(target_os = "linux"), path = "memory/bsd.rs")]
mod memory;
pub(crate) use memory::physical_bytes;

#[cfg_attr(all(target_os = "linux", target_env = "gnu"), path = "allocator/glibc.rs")]
#[cfg_attr(not(all(target_os = "linux", target_env = "gnu")), path = "allocator/none.rs")]
mod allocator;
pub(crate) use allocator::give_memory_back;

#[cfg_attr(not(target_os = "macos"), path = "accept/accept4.rs")]
#[cfg_attr(target_os = "macos", path = "accept/darwin.rs")]
mod accept;
pub(crate) use accept::accept;

#[cfg_attr(target_os = "linux", path = "listen/linux.rs")]
#[cfg_attr(not(target_os = "linux"), path = "listen/bsd.rs")]
mod listen;
pub(crate) use listen::{SEND_FLAGS, SEND_LAST_FLAGS, set_defer_accept, set_notsent_lowat, share_port};

#[cfg_attr(target_os = "linux", path = "local_name/abstract.rs")]
#[cfg_attr(not(target_os = "linux"), path = "local_name/temporary.rs")]
mod local_name;
pub(crate) use local_name::local_name;

#[cfg_attr(not(target_os = "macos"), path = "descriptors/cmsg_cloexec.rs")]
#[cfg_attr(target_os = "macos", path = "descriptors/darwin.rs")]
mod descriptors;
pub(crate) use descriptors::{RECEIVE_DESCRIPTORS_FLAGS, close_on_exec};

#[cfg_attr(target_os = "linux", path = "send_queue/linux.rs")]
#[cfg_attr(not(target_os = "linux"), path = "send_queue/none.rs")]
mod send_queue;
pub(crate) use send_queue::{since_acknowledged, unacknowledged_bytes};

#[cfg_attr(not(target_os = "macos"), path = "open_files/hard.rs")]
#[cfg_attr(target_os = "macos", path = "open_files/darwin.rs")]
mod open_files;
pub(crate) use open_files::open_files_candidates;
