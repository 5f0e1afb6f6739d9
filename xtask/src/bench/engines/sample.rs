//! One run: a server, a driver, and the looks at the server that do not disturb it.
//!
//! ```text
//!  driver   connections open ─▶ warm-up ─▶ measured ───────────▶ drain ─▶ report, connections held ─▶ released
//!  looks    threads' switches              CPU time   CPU time            memory, threads' switches
//! ```
//!
//! To read ten thousand threads takes some tenths of a second of a CPU, and a server that is nearly full has its queue for
//! long after. So their switches are read before the load begins and when it is over, and within the measured time nothing but one
//! line of the process's own, whose ticks are 10 ms. Of few threads each one's time is read, to the nanosecond.

use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use corelay_load::driving::Driving;
use corelay_load::{DriverLimit, Report};

use super::case::{Case, WARM_UP};
use crate::bench::driver::{Doubts, start_and_hold};
use crate::bench::running::{Running, free_addresses};
use crate::bench::tools::Tools;
use corelay_load::process::footprint::{Footprint, Switched, Switches, kernel_stacks_of_all};
use corelay_load::process::usage::CpuTime;

/// What one run found.
#[derive(Debug, Clone, Default)]
pub(super) struct Sample {
    pub(super) per_second: f64,
    pub(super) p50_ms: f64,
    pub(super) p99_ms: f64,
    pub(super) p99_9_ms: f64,
    pub(super) max_ms: f64,
    /// The server's CPU time for a request, in microseconds.
    pub(super) cpu_us: f64,
    /// When the load was over and the connections were held.
    pub(super) footprint: Footprint,
    /// What the kernel's stacks of the whole machine had grown by, in bytes.
    pub(super) kernel_stacks_seen: i64,
    /// Context switches of the server's threads for a request.
    pub(super) switches: f64,
    /// Threads that ended meanwhile, and whose switches are not known.
    pub(super) threads_ended: u64,
    /// How late the driver sent, at the 99th percentile, in milliseconds; `None` in a closed loop.
    pub(super) sent_late_ms: Option<f64>,
    /// Of one CPU.
    pub(super) driver_cpu_share: f64,
    pub(super) doubts: Doubts,
}

/// What was seen of the server.
struct Seen {
    /// CPU time over the time in which it was used.
    cpu_share: f64,
    footprint: Footprint,
    /// From before the load to after it.
    switched: Switched,
}

impl Sample {
    /// Measures it.
    pub(super) fn measure(case: Case, duration: Duration, tools: &Tools) -> Result<Self> {
        let stacks_before = kernel_stacks_of_all()?;
        let addresses = free_addresses(1)?;
        let command = case.engine.command(tools, &addresses[0].to_string())?;
        let server = Running::start(tools, &command, &addresses)?;
        let mut driving = start_and_hold(&case.plan(addresses[0], duration), tools, None)?;
        let (report, seen) = look(server.id(), duration, &mut driving)?;
        let stacks = kernel_stacks_of_all()? as i64 - stacks_before as i64;
        driving.release()?;
        Ok(Self { kernel_stacks_seen: stacks, ..Self::of(&report, &seen, duration)? })
    }

    fn of(report: &Report, seen: &Seen, duration: Duration) -> Result<Self> {
        let total = &report.groups.first().context("the driver reports the group")?.total;
        ensure!(total.per_second > 0.0, "nothing was answered within the measured time: {:?}", total.errors);
        let ms = |time: Duration| time.as_secs_f64() * 1e3;
        let mut doubts = Doubts::of(report);
        // By design: the server has all CPUs, and the driver what is left of them.
        doubts.limits.retain(|&limit| limit != DriverLimit::CpuShared);
        Ok(Self {
            per_second: total.per_second,
            p50_ms: ms(total.latency.p50),
            p99_ms: ms(total.latency.p99),
            p99_9_ms: ms(total.latency.p99_9),
            max_ms: ms(total.latency.max),
            cpu_us: seen.cpu_share * 1e6 / total.per_second,
            footprint: seen.footprint,
            switches: seen.switched.times as f64 / (total.per_second * (WARM_UP + duration).as_secs_f64()),
            threads_ended: seen.switched.ended,
            sent_late_ms: report.driver.schedule_error.map(|late| ms(late.p99)),
            driver_cpu_share: report.driver.cpu_share,
            doubts,
            ..Self::default()
        })
    }

    /// Requests without a good answer.
    pub(super) fn failed(&self) -> u64 {
        self.doubts.errors + self.doubts.unanswered
    }
}

/// Looks at a server whose connections are open: before the load, while it lasts, and when it is over.
fn look(server: u32, duration: Duration, driving: &mut Driving) -> Result<(Report, Seen)> {
    let switches = Switches::read(server)?;
    driving.begin()?;
    let begun = Instant::now();
    sleep_until(begun + WARM_UP);
    let (used, from) = (CpuTime::read_beside_load(server)?, Instant::now());
    sleep_until(begun + WARM_UP + duration);
    let (used, time) = (CpuTime::read_beside_load(server)?.since(&used), from.elapsed());
    let report = driving.report()?;
    let seen = Seen {
        cpu_share: used.as_secs_f64() / time.as_secs_f64(),
        footprint: Footprint::read(server)?,
        switched: Switches::read(server)?.since(&switches),
    };
    Ok((report, seen))
}

fn sleep_until(moment: Instant) {
    sleep(moment.saturating_duration_since(Instant::now()));
}
