//! Work for a handler: `GET /spin/{us}`, as corelay's own demo has it, for peers that are compared under work.
//!
//! CPU time of the thread and not time on the clock: a server whose threads wait for a CPU must not do less for a request.

use std::hint::black_box;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// The path, before the number.
pub const PREFIX: &str = "/spin/";

/// The most a request may ask for, as in corelay's demo.
const US_MAX: u64 = 10_000_000;

/// Additions between two readings of the clock, as in corelay's demo: the time is to go to work and not to reading it.
const WORK_PER_READING: u64 = 256;

/// The microseconds that a path asks for, if it is one of these.
///
/// ```
/// use corelay_bench::spin;
///
/// assert_eq!(spin::asked_for("/spin/200"), Some(200));
/// assert_eq!(spin::asked_for("/spin/long"), None);
/// ```
pub fn asked_for(path: &str) -> Option<u64> {
    path.strip_prefix(PREFIX)?.parse().ok().filter(|&us| us <= US_MAX)
}

/// Burns that much CPU time of the calling thread and gives what to answer.
///
/// ```
/// assert_eq!(corelay_bench::spin::spin(200), "spun 200 us\n");
/// ```
pub fn spin(us: u64) -> String {
    let end = thread_cpu_time() + Duration::from_micros(us);
    while thread_cpu_time() < end {
        black_box((0..WORK_PER_READING).fold(0, |sum, n| black_box(sum + n)));
    }
    format!("spun {us} us\n")
}

/// CPU time this thread has used (`CLOCK_THREAD_CPUTIME_ID`, clock_gettime(2)).
fn thread_cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    // The kernel counts up from zero and keeps nanoseconds below a second: the conversions are exact.
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0))
}
