//! A shard against a model of it, and what the model does not know: memory, places, the sweep's bounds.
#![allow(clippy::unwrap_used, reason = "a test that fails says where")]

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

/// More than any test writes.
const PLENTY: usize = 1 << 40;

fn shard(bytes_max: usize) -> (Shard, RandomState) {
    let hashing = RandomState::default();
    (Shard::new(&hashing, Arc::new(Budget::new(bytes_max))), hashing)
}

/// One call of a shard.
#[derive(Clone, Debug)]
enum Call {
    Read(u8),
    Write(u8, Vec<u8>, Lifetime),
    Remove(u8),
    ExpireAt(u8, Option<Milliseconds>),
    Clear,
    Sweep(usize),
    /// Time passes.
    Wait(Milliseconds),
}

/// What a shard is to do, by other means.
#[derive(Default)]
struct Model {
    entries: BTreeMap<u8, (Vec<u8>, Option<Milliseconds>)>,
    now: Milliseconds,
}

impl Model {
    fn live(&mut self, key: u8) -> Option<&mut (Vec<u8>, Option<Milliseconds>)> {
        let now = self.now;
        self.entries.get_mut(&key).filter(|(_, deadline)| deadline.is_none_or(|deadline| deadline > now))
    }

    fn write(&mut self, key: u8, value: Vec<u8>, lifetime: Lifetime) {
        let deadline = match lifetime {
            Lifetime::Forever => None,
            Lifetime::Until(deadline) => Some(deadline),
            Lifetime::Kept => self.live(key).and_then(|(_, deadline)| *deadline),
        };
        self.entries.insert(key, (value, deadline));
    }
}

fn call() -> impl Strategy<Value = Call> {
    let key = || 0_u8..24;
    let value = proptest::collection::vec(any::<u8>(), 0..200);
    let lifetime =
        prop_oneof![Just(Lifetime::Forever), (0_u64..300).prop_map(Lifetime::Until), Just(Lifetime::Kept)];
    prop_oneof![
        6 => key().prop_map(Call::Read),
        6 => (key(), value, lifetime).prop_map(|(key, value, lifetime)| Call::Write(key, value, lifetime)),
        2 => key().prop_map(Call::Remove),
        2 => (key(), proptest::option::of(0_u64..300)).prop_map(|(key, at)| Call::ExpireAt(key, at)),
        1 => Just(Call::Clear),
        1 => (1_usize..400).prop_map(Call::Sweep),
        2 => (0_u64..30).prop_map(Call::Wait),
    ]
}

proptest! {
    #[test]
    fn a_shard_does_what_its_model_does(calls in proptest::collection::vec(call(), 0..200)) {
        let ((mut shard, hashing), mut model) = (shard(PLENTY), Model::default());
        for call in calls {
            let moment = Moment::at(model.now);
            let hash = |key: u8| hash(&hashing, &[key]);
            match call {
                Call::Read(key) => {
                    let expected = model.live(key).map(|(value, _)| value.clone());
                    prop_assert_eq!(shard.read(hash(key), &[key], &moment), expected.as_deref());
                    let deadline = model.live(key).map(|(_, deadline)| *deadline);
                    prop_assert_eq!(shard.deadline(hash(key), &[key], &moment), deadline);
                    prop_assert_eq!(shard.contains(hash(key), &[key], &moment), expected.is_some());
                }
                Call::Write(key, value, lifetime) => {
                    prop_assert_eq!(shard.write(hash(key), &[key], &value, lifetime, &moment), Ok(()));
                    model.write(key, value, lifetime);
                }
                Call::Remove(key) => {
                    let expected = model.live(key).is_some();
                    model.entries.remove(&key);
                    prop_assert_eq!(shard.remove(hash(key), &[key], &moment), expected);
                }
                Call::ExpireAt(key, at) => {
                    let entry = model.live(key);
                    prop_assert_eq!(shard.expire_at(hash(key), &[key], at, &moment), entry.is_some());
                    if let Some(entry) = entry {
                        entry.1 = at;
                    }
                }
                Call::Clear => {
                    shard.clear();
                    model.entries.clear();
                }
                Call::Sweep(places) => {
                    shard.sweep(places, &moment);
                }
                Call::Wait(time) => model.now += time,
            }
        }
        agree_on_totals(&shard, &mut model);
    }
}

/// What is counted is what is there, whatever has happened.
fn agree_on_totals(shard: &Shard, model: &mut Model) {
    let keys: Vec<u8> = model.entries.keys().copied().collect();
    let live = keys.into_iter().filter(|key| model.live(*key).is_some()).count();
    let entries = || shard.tables.iter().flat_map(|table| &table.entries);
    let counts = shard.counts();
    assert!(counts.keys >= live && counts.keys == entries().count());
    assert_eq!(counts.expiring, entries().filter(|entry| entry.deadline != NEVER).count());
    assert_eq!(shard.budget.free() + shard.granted, PLENTY);
    let spare = shard.granted.saturating_sub(counts.bytes);
    assert!(spare <= 3 * GRANT_BYTES, "{spare} bytes are kept from others");
    let kept = shard.tables.iter().chain(&shard.discarded);
    let bytes = kept.clone().flat_map(|table| &table.entries).map(Entry::bytes).sum::<usize>();
    assert_eq!(counts.bytes, bytes + kept.map(|table| table.entries.allocation_size()).sum::<usize>());
}

#[test]
fn what_would_pass_the_limit_is_refused_and_changes_nothing() {
    let ((mut shard, hashing), moment) = (shard(20_000), Moment::at(0));
    let write = |shard: &mut Shard, key: &[u8], length: usize| {
        shard.write(hash(&hashing, key), key, &vec![1; length], Lifetime::Forever, &moment)
    };
    assert_eq!(write(&mut shard, b"a", 10_000), Ok(()));
    assert_eq!(write(&mut shard, b"b", 10_000), Err(Full));
    assert_eq!(write(&mut shard, b"a", 20_000), Err(Full));
    assert_eq!(shard.read(hash(&hashing, b"a"), b"a", &moment).map(<[u8]>::len), Some(10_000));
    assert_eq!(write(&mut shard, b"a", 100), Ok(()), "a value that shrinks gives its memory back");
    assert_eq!(write(&mut shard, b"b", 10_000), Ok(()));
    shard.clear();
    assert!(shard.counts().bytes > 10_000, "it is the sweep that gives memory back");
    assert_eq!(write(&mut shard, b"c", 19_000), Ok(()), "but not while somebody needs it");
}

#[test]
fn a_value_of_the_same_length_is_written_where_the_old_one_was() {
    let ((mut shard, hashing), moment) = (shard(PLENTY), Moment::at(0));
    let hash = hash(&hashing, b"key");
    shard.write(hash, b"key", b"one", Lifetime::Forever, &moment).unwrap();
    let place = shard.read(hash, b"key", &moment).unwrap().as_ptr();
    shard.write(hash, b"key", b"two", Lifetime::Forever, &moment).unwrap();
    assert_eq!(shard.read(hash, b"key", &moment).unwrap().as_ptr(), place);
}

#[test]
fn a_sweep_looks_at_no_more_places_than_it_may_and_finds_everything_in_the_end() {
    let (mut shard, hashing) = shard(PLENTY);
    for number in 0..10_000_u32 {
        let (key, lifetime) = (number.to_le_bytes(), Lifetime::Until(u64::from(number % 2) * 1000 + 10));
        shard.write(hash(&hashing, &key), &key, b"", lifetime, &Moment::at(0)).unwrap();
    }
    let (moment, mut sweeps) = (Moment::at(500), 0);
    while shard.counts().keys > 5_000 {
        let swept = shard.sweep(100, &moment);
        assert!(swept.expired <= 100 && swept.more);
        sweeps += 1;
    }
    let places: usize = shard.tables.iter().map(|table| table.entries.num_buckets()).sum();
    assert!(sweeps <= places / 100 + TABLES, "{sweeps} sweeps of {places} places");
    assert_eq!(shard.counts().expired, 5_000);
    assert_eq!(shard.sweep(usize::MAX, &moment), Swept { expired: 0, gave_back: false, more: true });
}

#[test]
fn what_was_cleared_is_given_back_a_table_at_a_time() {
    let ((mut shard, hashing), moment) = (shard(PLENTY), Moment::at(0));
    for number in 0..10_000_u32 {
        let key = number.to_le_bytes();
        shard.write(hash(&hashing, &key), &key, b"value", Lifetime::Forever, &moment).unwrap();
    }
    shard.clear();
    let (mut last, mut sweeps) = (shard.counts().bytes, 0);
    while shard.sweep(1, &moment).more {
        assert!(shard.counts().bytes < last);
        last = shard.counts().bytes;
        sweeps += 1;
    }
    assert!(sweeps > 200 && shard.counts() == Counts::default(), "{sweeps}");
}

#[test]
fn keys_spread_evenly_over_shards_and_tables() {
    let hashing = RandomState::default();
    let (mut shards, mut tables) = ([0_u32; 7], [0_u32; TABLES]);
    for number in 0..200_000_u32 {
        let hash = hash(&hashing, format!("key:{number:012}").as_bytes());
        shards[shard_of(hash, 7)] += 1;
        tables[table_of(hash)] += 1;
    }
    let even = |counts: &[u32], tolerance: f64| {
        let mean = 200_000.0 / counts.len() as f64;
        counts.iter().all(|count| (f64::from(*count) / mean - 1.0).abs() < tolerance)
    };
    // Six standard deviations, and more.
    assert!(even(&shards, 0.05), "{shards:?}");
    assert!(even(&tables, 0.25), "{tables:?}");
}

#[test]
fn what_one_shard_gives_up_another_may_have() {
    let (hashing, moment) = (RandomState::default(), Moment::at(0));
    let budget = Arc::new(Budget::new(1_000_000));
    let [mut one, mut other] = [0, 1].map(|_| Shard::new(&hashing, budget.clone()));
    let (hash, value) = (hash(&hashing, b"key"), vec![1; 600_000]);
    assert_eq!(one.write(hash, b"key", &value, Lifetime::Forever, &moment), Ok(()));
    assert_eq!(other.write(hash, b"key", &value, Lifetime::Forever, &moment), Err(Full));
    assert!(one.remove(hash, b"key", &moment));
    assert_eq!(other.write(hash, b"key", &value, Lifetime::Forever, &moment), Ok(()));
}
