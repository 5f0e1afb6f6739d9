//! What the driver's thread had of its CPU: the first thing to doubt is the instrument.

use crate::report::Used;
use rustix::time::{ClockId, clock_gettime};
use std::fs;
use std::time::{Duration, Instant};

/// A thread's use of its CPU, from a moment on.
pub(super) struct Usage {
    begun: Instant,
    cpu_time: Duration,
    waited: Option<Duration>,
}

impl Usage {
    /// Of the calling thread, from now on.
    pub(super) fn begin() -> Self {
        Self { begun: Instant::now(), cpu_time: cpu_time(), waited: waited() }
    }

    /// Since then: the time that it ran, and the shares of all time that it ran and that it waited for the CPU.
    pub(super) fn end(&self) -> Used {
        let all = self.begun.elapsed().as_secs_f64();
        let share = |time: Duration| time.as_secs_f64() / all;
        let waited = waited().zip(self.waited).map(|(now, before)| share(now.saturating_sub(before)));
        let cpu_time = cpu_time().saturating_sub(self.cpu_time);
        Used { cpu_share: share(cpu_time), cpu_wait_share: waited, cpu_time }
    }
}

fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// Time on the run queue, the second figure of schedstat (Linux, Documentation/scheduler/sched-stats.rst).
fn waited() -> Option<Duration> {
    let text = fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    text.split(' ').nth(1)?.parse().ok().map(Duration::from_nanos)
}
