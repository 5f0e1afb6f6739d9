//! Any bytes as a message in JSON: no panic, and what is read is written as JSON that is read the same.
//!
//! The first byte of the input chooses the message; between them the types have every rule of the mapping: 64-bit numbers,
//! bytes, enums, maps, lists, oneofs, times, durations, field masks, `Any`, recursion.

#![no_main]

use std::fmt::Debug;
use std::sync::Once;

use buffa_types::google::protobuf::{
    Any, BytesValue, DoubleValue, Duration, FieldMask, Int64Value, ListValue, Struct, Timestamp, Value,
};
use corelay_rpc::{Codec, Message};
use libfuzzer_sys::fuzz_target;

static TYPES: Once = Once::new();

fuzz_target!(|input: &[u8]| {
    TYPES.call_once(|| corelay_rpc::registry::add(&[]));
    let [kind, input @ ..] = input else { return };
    match kind % 10 {
        0 => check::<Struct>(input),
        1 => check::<Value>(input),
        2 => check::<ListValue>(input),
        3 => check::<Timestamp>(input),
        4 => check::<Duration>(input),
        5 => check::<FieldMask>(input),
        6 => check::<Any>(input),
        7 => check::<Int64Value>(input),
        8 => check::<BytesValue>(input),
        _ => check::<DoubleValue>(input),
    }
});

fn check<M: Message + Debug>(input: &[u8]) {
    let Ok(message) = Codec::Json.decode::<M>(input) else { return };
    let mut json = Vec::new();
    // Not every field mask that can be read has a canonical form (FieldMask's own rules in field_mask.proto).
    if Codec::Json.encode(&message, &mut json).is_err() {
        return;
    }
    let again: M = Codec::Json.decode(&json).expect("what was written can be read");
    // As text, for a NaN is not equal to itself.
    let mut json_again = Vec::new();
    Codec::Json.encode(&again, &mut json_again).expect("what was read can be written");
    let sorted = |json: &[u8]| {
        let mut bytes = json.to_vec();
        bytes.sort_unstable();
        bytes
    };
    assert_eq!(sorted(&json), sorted(&json_again), "{message:?}");
}
