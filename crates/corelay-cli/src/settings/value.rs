//! Texts into values. Each function is total and gives `None` for a text it does not take; what it does take
//! stands beside it as a [`Takes`], which help and error messages quote.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::ops::RangeFrom;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use corelay::config::{Address, IpNet};

/// What a setting takes: a name for `--help`, and words for an error message.
#[derive(Debug)]
pub(crate) struct Takes {
    /// Stands for the value in help: `--idle-timeout <DURATION>`.
    pub(crate) name: &'static str,
    /// Completes the sentence "expected …".
    pub(crate) expected: &'static str,
}

pub(crate) const COUNT: Takes = Takes { name: "N", expected: "a whole number, 1 or more" };
pub(crate) const COUNT_OR_ALL: Takes = Takes { name: "N", expected: "a whole number, 1 or more, or `all`" };
pub(crate) const COUNT_OR_OFF: Takes = Takes { name: "N", expected: "a whole number, 1 or more, or `off`" };
pub(crate) const RATED_PEERS: Takes = Takes { name: "N", expected: "a whole number from 1 to 67108864" };
pub(crate) const BACKLOG: Takes = Takes { name: "N", expected: "a whole number from 1 to 2147483647" };
pub(crate) const SIZE: Takes =
    Takes { name: "SIZE", expected: "a size in bytes, such as 65536, 64k, 16m, 1g or 1t; 0 is allowed" };
pub(crate) const STACK_SIZE: Takes =
    Takes { name: "SIZE", expected: "a size in bytes from 64k to 1g, such as 262144 or 2m" };
pub(crate) const HEAD_SIZE: Takes =
    Takes { name: "SIZE", expected: "a size in bytes from 64 to 16m, such as 8192 or 8k" };
pub(crate) const RATE: Takes =
    Takes { name: "SIZE", expected: "a size in bytes (for each second), such as 64 or 1k; 0 for none" };
pub(crate) const TIMEOUT: Takes = Takes {
    name: "DURATION",
    expected: "a duration above zero, up to 8760h, such as 500ms, 10s, 2m or 1h; a plain number is seconds",
};
pub(crate) const TIMEOUT_OR_OFF: Takes = Takes {
    name: "DURATION",
    expected: "`off`, or a duration above zero, such as 500ms, 10s, 2m or 1h; a plain number is seconds",
};
pub(crate) const DURATION: Takes = Takes {
    name: "DURATION",
    expected: "a duration up to 8760h, such as 0, 500ms, 10s, 2m or 1h; a plain number is seconds",
};
pub(crate) const SWITCH: Takes = Takes { name: "BOOL", expected: "`true` or `false`" };
pub(crate) const CPUS: Takes =
    Takes { name: "LIST", expected: "processor numbers and ranges of them below 4096, such as 0,2-3" };
pub(crate) const ADDRESS: Takes = Takes {
    name: "ADDR",
    expected: "IP:PORT, [IPv6]:PORT, NAME:PORT (a name that resolves) or unix:PATH, such as 127.0.0.1:8080",
};

/// The longest duration taken, a year: far beyond any use, and adding it to a clock reading cannot overflow.
const DURATION_MAX: Duration = Duration::from_secs(8760 * 3600);

/// One more than the highest processor number taken. Linux is built for at most 8,192; a typo should not
/// allocate.
const CPU_NUMBERS: usize = 4096;

/// A whole number within `range`, written in plain digits.
pub(crate) fn count<T: FromStr + PartialOrd>(text: &str, range: RangeFrom<T>) -> Option<T> {
    digits(text)?.parse().ok().filter(|number| range.contains(number))
}

/// The value `None` where the text is `word`, and what `read` makes of it elsewhere.
pub(crate) fn unless<T>(word: &str, text: &str, read: impl FnOnce(&str) -> Option<T>) -> Option<Option<T>> {
    if text == word { Some(None) } else { read(text).map(Some) }
}

/// Bytes: plain digits, or with one of the suffixes k, m, g, t (of either case), each 1,024 times the one
/// before.
pub(crate) fn size(text: &str) -> Option<u64> {
    let (number, shift) = match text.char_indices().last()? {
        (end, 'k' | 'K') => (&text[..end], 10),
        (end, 'm' | 'M') => (&text[..end], 20),
        (end, 'g' | 'G') => (&text[..end], 30),
        (end, 't' | 'T') => (&text[..end], 40),
        _ => (text, 0),
    };
    digits(number)?.parse::<u64>().ok()?.checked_mul(1 << shift)
}

/// A size that fits the machine's address space.
pub(crate) fn size_in_memory(text: &str) -> Option<usize> {
    usize::try_from(size(text)?).ok()
}

/// A size a thread's stack may have.
pub(crate) fn stack_size(text: &str) -> Option<usize> {
    size_in_memory(text).filter(|bytes| (64 << 10..=1 << 30).contains(bytes))
}

/// A size a request head may be bounded to.
pub(crate) fn head_size(text: &str) -> Option<usize> {
    size_in_memory(text).filter(|bytes| (64..=16 << 20).contains(bytes))
}

/// A duration: a number, whole or with a fraction, with `ms`, `s`, `m` or `h` behind it; without a unit,
/// seconds.
pub(crate) fn duration(text: &str) -> Option<Duration> {
    let split = text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    digits(whole).and(digits(fraction))?;
    let divisor_or_factor = match unit {
        "ms" => 1e-3,
        "" | "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        _ => return None,
    };
    let seconds = number.parse::<f64>().ok()? * divisor_or_factor;
    Duration::try_from_secs_f64(seconds).ok().filter(|duration| *duration <= DURATION_MAX)
}

/// A duration that is not zero: a deadline of zero would refuse every peer.
pub(crate) fn timeout(text: &str) -> Option<Duration> {
    duration(text).filter(|duration| !duration.is_zero())
}

/// `true` or `false`, and the spellings that environments use for them.
pub(crate) fn switch(text: &str) -> Option<bool> {
    match text {
        "true" | "on" | "yes" | "1" => Some(true),
        "false" | "off" | "no" | "0" => Some(false),
        _ => None,
    }
}

/// Processor numbers in ascending order, from elements that are each a number or a range (`cpuset(7)`, list
/// format).
pub(crate) fn cpus(elements: &[String]) -> Option<Vec<usize>> {
    let mut numbers = BTreeSet::new();
    for element in elements {
        let element = element.trim();
        let (first, last) = element.split_once('-').unwrap_or((element, element));
        let (first, last) = (count(first, 0..)?, count(last, 0..)?);
        if first > last || last >= CPU_NUMBERS {
            return None;
        }
        numbers.extend(first..=last);
    }
    (!numbers.is_empty()).then(|| numbers.into_iter().collect())
}

/// Listening addresses; at least one.
pub(crate) fn addresses(elements: &[String]) -> Option<Vec<Address>> {
    let addresses: Result<Vec<_>, _> = elements.iter().map(|element| element.trim().parse()).collect();
    addresses.ok().filter(|addresses| !addresses.is_empty())
}

/// Places in a table that is allocated at the start: a gigabyte of it at the most.
pub(crate) fn rated_peers(text: &str) -> Option<usize> {
    count(text, 1..).filter(|count| *count <= 1 << 26)
}

/// An address, or the port of one on the loopback interface.
pub(crate) fn admin_address(text: &str) -> Option<Address> {
    match count::<u16>(text, 0..) {
        Some(port) => Some(Address::Tcp(([127, 0, 0, 1], port).into())),
        None => text.parse().ok(),
    }
}

/// A path: anything but nothing, and no control characters, which are a mistake in every path of a settings file.
pub(crate) fn path(text: &str) -> Option<PathBuf> {
    (!text.is_empty() && !text.contains(char::is_control)).then(|| text.into())
}

/// Networks, or addresses that are each one; at least one. A bit behind the prefix is a mistake in one of the two.
pub(crate) fn networks(elements: &[String]) -> Option<Vec<IpNet>> {
    let network = |element: &String| {
        let element = element.trim();
        let address = element.parse::<IpAddr>().ok().map(IpNet::from);
        address.or_else(|| element.parse().ok()).filter(|network| network.trunc() == *network)
    };
    elements.iter().map(network).collect::<Option<Vec<_>>>().filter(|networks| !networks.is_empty())
}

/// The text itself if it is plain ASCII digits: Rust's `parse` alone would also take `+5`.
fn digits(text: &str) -> Option<&str> {
    (!text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())).then_some(text)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that fails says where")]
    use super::*;

    fn texts(list: &str) -> Vec<String> {
        list.split(',').map(str::to_owned).collect()
    }

    #[test]
    fn durations_have_units_and_are_seconds_without() {
        let millis = |text| duration(text).map(|duration| duration.as_millis());
        for (text, expected) in [
            ("500ms", 500),
            ("3ms", 3),
            ("10s", 10_000),
            ("10", 10_000),
            ("0", 0),
            ("0.25", 250),
            ("1.5s", 1500),
            ("2m", 120_000),
            ("1h", 3_600_000),
            ("8760h", 31_536_000_000),
        ] {
            assert_eq!(millis(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_duration_is_refused() {
        for text in [
            "", "s", "ten", "-1", "+1", "1d", "10 s", "1e3", "inf", "NaN", ".5", "1.", "1.2.3", "8761h",
            "10S", "5µs",
        ] {
            assert_eq!(duration(text), None, "{text}");
        }
        assert_eq!(timeout("0"), None);
        assert_eq!(timeout("0ms"), None);
        assert_eq!(timeout("1ms"), Some(Duration::from_millis(1)));
    }

    #[test]
    fn sizes_are_bytes_with_binary_suffixes() {
        for (text, bytes) in
            [("0", 0), ("512", 512), ("16k", 16 << 10), ("1M", 1 << 20), ("2g", 2 << 30), ("1t", 1 << 40)]
        {
            assert_eq!(size(text), Some(bytes), "{text}");
        }
        for text in
            ["", "k", "-1", "+1", "1.5k", "1kb", "1 k", "0x10", "18446744073709551616", "18014398509481984k"]
        {
            assert_eq!(size(text), None, "{text}");
        }
        assert_eq!((head_size("63"), head_size("64"), head_size("16m")), (None, Some(64), Some(16 << 20)));
        assert_eq!(head_size("16777217"), None);
    }

    #[test]
    fn counts_start_where_their_range_does() {
        assert_eq!(count("1", 1..), Some(1_usize));
        assert_eq!(count::<usize>("0", 1..), None);
        assert_eq!(count::<u32>("4294967296", 1..), None, "beyond the type");
        assert_eq!(unless("off", "off", |text| count::<usize>(text, 1..)), Some(None));
        assert_eq!(unless("off", "7", |text| count::<usize>(text, 1..)), Some(Some(7)));
        assert_eq!(unless("off", "none", |text| count::<usize>(text, 1..)), None);
    }

    #[test]
    fn cpu_lists_are_numbers_and_ranges_sorted_and_once() {
        for (list, expected) in
            [("0", vec![0]), ("0,2-3", vec![0, 2, 3]), ("3,1,1-2", vec![1, 2, 3]), ("0, 5", vec![0, 5])]
        {
            assert_eq!(cpus(&texts(list)), Some(expected), "{list}");
        }
        for list in ["", "a", "3-1", "1-", "-1", "0,,1", "1-2-3", "4096", "0-4294967295"] {
            assert_eq!(cpus(&texts(list)), None, "{list}");
        }
        assert_eq!(cpus(&[]), None);
    }

    #[test]
    fn networks_are_prefixes_or_single_addresses() {
        let read = networks(&texts("10.0.0.0/24, 10.0.1.5,fd00::/8,::1")).unwrap();
        let shown: Vec<_> = read.iter().map(ToString::to_string).collect();
        assert_eq!(shown, ["10.0.0.0/24", "10.0.1.5/32", "fd00::/8", "::1/128"]);
        for text in ["", "10.0.0.5/24", "10.0.0.0/33", "10.0.0", "localhost", "10.0.0.0/24,", "::1/129"] {
            assert_eq!(networks(&texts(text)), None, "{text}");
        }
    }

    #[test]
    fn addresses_are_sockets_or_unix_paths() {
        let read = addresses(&texts("127.0.0.1:0,[::1]:8080,unix:/run/corelay.sock")).unwrap();
        let expected = [
            Address::Tcp("127.0.0.1:0".parse().unwrap()),
            Address::Tcp("[::1]:8080".parse().unwrap()),
            Address::Unix("/run/corelay.sock".into()),
        ];
        assert_eq!(read, expected);
        for text in ["", "8080", "127.0.0.1", "127.0.0.1:65536", "unix:", "127.0.0.1:80,"] {
            assert_eq!(addresses(&texts(text)), None, "{text}");
        }
        assert_eq!(addresses(&[]), None);
    }
}
