//! The hard limit is what setrlimit(2) says it is.

pub(crate) fn open_files_candidates(hard: Option<u64>) -> [Option<u64>; 1] {
    [hard]
}
