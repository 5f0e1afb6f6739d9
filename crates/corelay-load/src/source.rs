//! The addresses connections come from: one address has 28,000 ports towards a server, where nobody changed that, and 127.0.0.0/8
//! has sixteen million addresses.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// One address, or neighbours: `127.0.0.2`, `127.0.0.2-127.0.0.9` or `127.0.0.0/8`.
///
/// ```
/// use corelay_load::Source;
///
/// let source: Source = "127.0.0.0/30".parse()?;
/// // A network's own address and its broadcast address are nobody's.
/// assert_eq!((source.first().to_string(), source.count()), ("127.0.0.1".to_owned(), 2));
/// # Ok::<(), corelay_load::NoSource>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Source {
    first: IpAddr,
    count: u32,
}

/// A text that names no addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoSource;

impl Source {
    /// The first of them.
    pub fn first(&self) -> IpAddr {
        self.first
    }

    /// How many there are.
    pub fn count(&self) -> u32 {
        self.count
    }

    /// The first `count` of them, and the others.
    pub(crate) fn at(&self, count: u32) -> (Option<Self>, Option<Self>) {
        let part = |from: u32, count: u32| (count > 0).then(|| Self { first: self.nth(from), count });
        let count = count.min(self.count);
        (part(0, count), part(count, self.count - count))
    }

    fn nth(&self, index: u32) -> IpAddr {
        match self.first {
            IpAddr::V4(first) => Ipv4Addr::from_bits(first.to_bits().wrapping_add(index)).into(),
            IpAddr::V6(first) => Ipv6Addr::from_bits(first.to_bits().wrapping_add(u128::from(index))).into(),
        }
    }

    fn between(first: IpAddr, last: IpAddr) -> Option<Self> {
        let apart = match (first, last) {
            (IpAddr::V4(first), IpAddr::V4(last)) => u128::from(last.to_bits().checked_sub(first.to_bits())?),
            (IpAddr::V6(first), IpAddr::V6(last)) => last.to_bits().checked_sub(first.to_bits())?,
            _ => return None,
        };
        Some(Self { first, count: u32::try_from(apart).unwrap_or(u32::MAX).saturating_add(1) })
    }

    fn network(address: IpAddr, prefix: u32) -> Option<Self> {
        match address {
            IpAddr::V4(address) => {
                let mask = u32::MAX.checked_shr(prefix).unwrap_or(0);
                let (network, broadcast) = (address.to_bits() & !mask, address.to_bits() | mask);
                // Networks of one and of two addresses have no others to be told apart from (RFC 3021).
                let own = u32::from(prefix < 31);
                let bounds = (network + own, broadcast - own);
                (prefix <= 32).then_some(())?;
                Self::between(Ipv4Addr::from_bits(bounds.0).into(), Ipv4Addr::from_bits(bounds.1).into())
            }
            IpAddr::V6(address) => {
                let mask = u128::MAX.checked_shr(prefix).unwrap_or(0);
                (prefix <= 128).then_some(())?;
                let bounds = (address.to_bits() & !mask, address.to_bits() | mask);
                Self::between(Ipv6Addr::from_bits(bounds.0).into(), Ipv6Addr::from_bits(bounds.1).into())
            }
        }
    }
}

/// The address of the connection of that number: they take turns. `None` where no source is named, and the kernel chooses.
pub(crate) fn of_connection(sources: &[Source], number: u64) -> Option<IpAddr> {
    let all: u64 = sources.iter().map(|source| u64::from(source.count)).sum();
    let mut left = number.checked_rem(all)?;
    for source in sources {
        match u32::try_from(left) {
            Ok(index) if index < source.count => return Some(source.nth(index)),
            _ => left -= u64::from(source.count),
        }
    }
    None
}

impl FromStr for Source {
    type Err = NoSource;

    fn from_str(text: &str) -> Result<Self, NoSource> {
        let source = if let Some((first, last)) = text.split_once('-') {
            Self::between(first.parse().map_err(|_| NoSource)?, last.parse().map_err(|_| NoSource)?)
        } else if let Some((address, prefix)) = text.split_once('/') {
            Self::network(address.parse().map_err(|_| NoSource)?, prefix.parse().map_err(|_| NoSource)?)
        } else {
            let address = text.parse().map_err(|_| NoSource)?;
            Self::between(address, address)
        };
        source.ok_or(NoSource)
    }
}

impl TryFrom<String> for Source {
    type Error = NoSource;

    fn try_from(text: String) -> Result<Self, NoSource> {
        text.parse()
    }
}

impl From<Source> for String {
    fn from(source: Source) -> Self {
        source.to_string()
    }
}

impl fmt::Display for Source {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.count {
            1 => write!(out, "{}", self.first),
            count => write!(out, "{}-{}", self.first, self.nth(count - 1)),
        }
    }
}

impl fmt::Display for NoSource {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(
            "an address, FIRST-LAST or NETWORK/PREFIX is expected, such as 127.0.0.2 or 127.0.0.0/8",
        )
    }
}

impl std::error::Error for NoSource {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_ranges_and_networks_are_read_and_written() {
        for (text, shown, count) in [
            ("127.0.0.2", "127.0.0.2", 1),
            ("127.0.0.2-127.0.1.1", "127.0.0.2-127.0.1.1", 256),
            ("127.0.0.0/8", "127.0.0.1-127.255.255.254", (1 << 24) - 2),
            ("10.1.2.3/32", "10.1.2.3", 1),
            ("::1", "::1", 1),
        ] {
            let source: Source = text.parse().expect(text);
            assert_eq!((source.to_string().as_str(), source.count()), (shown, count));
            assert_eq!(shown.parse(), Ok(source));
        }
    }

    #[test]
    fn what_names_no_address_is_refused() {
        for text in
            ["", "a", "127.0.0.9-127.0.0.2", "127.0.0.1-::1", "127.0.0.0/33", "127.0.0.0/-1", "127.0.0.1/"]
        {
            assert_eq!(text.parse::<Source>(), Err(NoSource), "{text}");
        }
    }

    #[test]
    fn connections_take_the_addresses_in_turn() {
        let sources =
            ["127.0.0.2".parse(), "127.0.1.1-127.0.1.2".parse()].map(|source| source.expect("an address"));
        let shown = |number| of_connection(&sources, number).map(|address| address.to_string());
        let turns: Vec<_> = (0..4).filter_map(shown).collect();
        assert_eq!(turns, ["127.0.0.2", "127.0.1.1", "127.0.1.2", "127.0.0.2"]);
        assert_eq!(of_connection(&[], 3), None);
    }
}
