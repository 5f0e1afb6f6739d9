//! The hard limit is "unlimited" by default and a lie: setrlimit(2) answers EINVAL to anything above
//! `OPEN_MAX` ("COMPATIBILITY" in its manual page), in later releases above `kern.maxfilesperproc`.

/// `OPEN_MAX` of `<sys/syslimits.h>`.
const OPEN_MAX: u64 = 10_240;

pub(crate) fn open_files_candidates(hard: Option<u64>) -> [Option<u64>; 2] {
    [hard, Some(hard.map_or(OPEN_MAX, |hard| hard.min(OPEN_MAX)))]
}
