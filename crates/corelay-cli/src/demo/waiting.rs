//! `/sleep` and `/spin`: handlers that keep their thread, one by waiting and one by working. They are what a
//! server for blocking handlers has to survive, so nothing here yields, splits or hurries.

use std::hint::black_box;
use std::time::Duration;

use corelay::http::{Path, StatusCode};
use rustix::time::{ClockId, clock_gettime};

/// The longest a request may sleep or spin: a demo should not be a way to hold a thread for a day.
const SLEEP_MS_MAX: u64 = 60_000;
const SPIN_US_MAX: u64 = 10_000_000;

/// Additions between two readings of the clock: about a tenth of a microsecond, so that the time goes to work
/// in this process and not to the system call that measures it.
const WORK_PER_READING: u64 = 256;

/// `GET /sleep/{ms}`: blocks its thread that long with `std::thread::sleep`, then answers.
pub(super) fn sleep(Path(ms): Path<u64>) -> Result<String, (StatusCode, String)> {
    if ms > SLEEP_MS_MAX {
        return Err(too_long(SLEEP_MS_MAX, "milliseconds"));
    }
    std::thread::sleep(Duration::from_millis(ms));
    Ok(format!("slept {ms} ms\n"))
}

/// `GET /spin/{us}`: burns that much CPU time of its thread, then answers. Time in which the thread did not
/// run does not count (`CLOCK_THREAD_CPUTIME_ID`, clock_gettime(2)).
pub(super) fn spin(Path(us): Path<u64>) -> Result<String, (StatusCode, String)> {
    if us > SPIN_US_MAX {
        return Err(too_long(SPIN_US_MAX, "microseconds"));
    }
    let end = thread_cpu_time() + Duration::from_micros(us);
    while thread_cpu_time() < end {
        black_box((0..WORK_PER_READING).fold(0, |sum, n| black_box(sum + n)));
    }
    Ok(format!("spun {us} us\n"))
}

fn too_long(max: u64, unit: &str) -> (StatusCode, String) {
    (StatusCode::BAD_REQUEST, format!("at most {max} {unit}\n"))
}

/// CPU time this thread has used.
fn thread_cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    // The kernel counts up from zero and keeps nanoseconds below a second: the conversions are exact.
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0))
}
