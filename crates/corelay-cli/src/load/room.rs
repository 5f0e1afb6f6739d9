//! Whether this machine has room for the connections: descriptors, which more processes bring, and ports, which more source
//! addresses bring.

use std::fs;
use std::net::IpAddr;

use anyhow::Context as _;
use corelay_load::{Plan, Source};

use super::error::LoadError;

/// Descriptors of a process that are no connections: its poller, its timer, its files.
const OTHER_FILES: u64 = 64;

/// The ephemeral ports where `/proc` does not say (ip(7)).
const PORTS: (u64, u64) = (32_768, 60_999);

/// How many processes the plan takes: those asked for, or as many as the limit of open files makes necessary. A server on this
/// machine that there are not enough ports for gets more source addresses.
pub(super) fn fit(plan: &mut Plan, asked: Option<u32>) -> anyhow::Result<Result<u32, LoadError>> {
    let (_, limit) =
        corelay_poll::limits::raise_open_files().context("cannot raise the limit of open files")?;
    let connections: u32 = plan.groups.iter().map(|group| group.connections).sum();
    let per_source = ports();
    if let Err(sources) = widen(plan, connections, per_source) {
        return Ok(Err(LoadError::Ports { connections, per_source, sources }));
    }
    Ok(Ok(asked.unwrap_or_else(|| needed(connections, limit))))
}

fn needed(connections: u32, limit: u64) -> u32 {
    let each = limit.saturating_sub(OTHER_FILES).max(1);
    u32::try_from(u64::from(connections).div_ceil(each)).unwrap_or(u32::MAX).max(1)
}

/// Sees to it that the sources have ports enough; if they have not, how many there are.
fn widen(plan: &mut Plan, connections: u32, per_source: u64) -> Result<(), u64> {
    let sources = plan.sources.iter().map(|source| u64::from(source.count())).sum::<u64>().max(1);
    let connections = u64::from(connections);
    if connections <= sources * per_source {
        return Ok(());
    }
    match plan.address.ip() {
        IpAddr::V4(address) if address.is_loopback() && plan.sources.is_empty() => {
            // Half of what an address has: the last free ports take the kernel long to find.
            let count = (connections * 2).div_ceil(per_source).clamp(1, 254);
            let range = format!("127.0.0.1-127.0.0.{count}");
            plan.sources.extend(range.parse::<Source>());
            Ok(())
        }
        _ => Err(sources),
    }
}

fn ports() -> u64 {
    let text = fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap_or_default();
    let mut bounds = text.split_whitespace().filter_map(|word| word.parse::<u64>().ok());
    let (first, last) = bounds.next().zip(bounds.next()).unwrap_or(PORTS);
    last.saturating_sub(first) + 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use corelay_load::{Group, Mix};

    #[test]
    fn a_process_for_each_limit_of_files() {
        assert_eq!((needed(50, 1_024), needed(960, 1_024), needed(961, 1_024)), (1, 1, 2));
        assert_eq!(needed(100_000, 20_000), 6);
    }

    #[test]
    fn a_server_on_this_machine_gets_more_sources_and_others_an_error() {
        let fit = |address: [u8; 4], connections| {
            let mut plan = Plan::new((address, 80).into());
            plan.groups.push(Group::closed("g", connections, Mix::only("/")));
            widen(&mut plan, connections, 28_000)
                .map(|()| plan.sources.iter().map(Source::count).sum::<u32>())
        };
        assert_eq!(fit([127, 0, 0, 1], 28_000), Ok(0));
        assert_eq!(fit([127, 0, 0, 1], 100_000), Ok(8));
        assert_eq!(fit([10, 0, 0, 1], 28_001), Err(1));
    }
}
