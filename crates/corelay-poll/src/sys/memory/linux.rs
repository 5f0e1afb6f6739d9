//! The machine's memory as proc_meminfo(5) tells it.

pub(crate) fn physical_bytes() -> Option<u64> {
    total(&std::fs::read_to_string("/proc/meminfo").ok()?)
}

fn total(meminfo: &str) -> Option<u64> {
    let kib = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    kib.trim().strip_suffix(" kB")?.parse::<u64>().ok()?.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_total_is_read_and_nonsense_is_none() {
        assert_eq!(total("MemTotal:        2048 kB\nMemFree:  1 kB\n"), Some(2 << 20));
        for nonsense in ["", "MemTotal:\n", "MemTotal: x kB\n", "MemFree: 1 kB\n"] {
            assert_eq!(total(nonsense), None, "{nonsense:?}");
        }
    }
}
