//! How late the machine wakes a thread on each of its processors, which is not the server's doing.
//!
//! On each, for a server whose threads are pinned stands still where one processor is not given to it, and whoever may go to another one
//! sees nothing of that.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use corelay_poll::affinity;

use super::timeline::Timeline;
use super::watch::LONG;

/// How long a thread sleeps.
const PAUSE: Duration = Duration::from_millis(20);

/// Sleeps on a processor again and again until it is over; the longest that it slept past a pause's end.
///
/// # Errors
///
/// It cannot run there.
pub(super) fn pulse(cpu: usize, timeline: &Timeline, is_over: &AtomicBool) -> Result<Duration> {
    affinity::pin_current_thread(cpu).with_context(|| format!("processor {cpu}"))?;
    let mut longest = Duration::ZERO;
    while !is_over.load(Ordering::Relaxed) {
        let begun = Instant::now();
        thread::sleep(PAUSE);
        let late = begun.elapsed().saturating_sub(PAUSE);
        longest = longest.max(late);
        if late > LONG {
            timeline.tell(begun, format_args!("processor {cpu} wakes a thread late"));
        }
    }
    Ok(longest)
}
