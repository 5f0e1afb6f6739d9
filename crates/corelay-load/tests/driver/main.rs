//! The driver against a server of threads that does what its path says. One behaviour a file.
#![allow(clippy::unwrap_used, reason = "a test that fails says where")]

mod calls_fail_with_a_code;
mod counts_are_exact;
mod errors_are_told_apart;
mod every_framing_is_read;
mod latency_counts_from_when_it_was_due;
mod mixes_are_reported_by_path;
mod pipelined_requests_have_an_answer_each;
mod server;
mod the_program_takes_and_gives_json;
