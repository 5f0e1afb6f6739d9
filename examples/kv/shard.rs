//! One shard of the keys: a hash map whose values expire, and whose memory is counted and limited.
//!
//! No work here grows with the number of keys. A hash table that is full doubles, and moving a million keys at once would stop
//! the shard for tens of milliseconds; so there are [`TABLES`] of them, each of which doubles by itself. What expired goes when
//! somebody asks for it, or when [`Shard::sweep`] comes by, a few places at a time. What [`Shard::clear`] throws away is given
//! back to the allocator by the sweep too, a table at a time.

use std::hash::{BuildHasher as _, Hasher as _};
use std::sync::Arc;

use foldhash::fast::RandomState;
use hashbrown::HashTable;

use crate::budget::{Budget, GRANT_BYTES};
use crate::clock::{Milliseconds, Moment};

/// Tables of a shard.
const TABLES: usize = 256;
/// The deadline of what has none.
const NEVER: Milliseconds = Milliseconds::MAX;
/// What the allocator keeps beside each key and each value.
const ALLOCATION_BYTES: usize = 16;
/// A value that needs less than half of the memory that it has, and this much less, moves to memory of its size.
const SPARE_BYTES_MAX: usize = 64;

/// The keys of one shard.
#[derive(Debug)]
pub(crate) struct Shard {
    tables: Box<[Table]>,
    /// Thrown away, and not yet given back.
    discarded: Vec<Table>,
    hashing: RandomState,
    budget: Arc<Budget>,
    /// What the budget has granted.
    granted: usize,
    counts: Counts,
    /// Where the sweep goes on: a table, and a place in it.
    swept: (usize, usize),
}

#[derive(Debug, Default)]
struct Table {
    entries: HashTable<Entry>,
    tally: Tally,
}

/// What a table holds.
#[derive(Debug, Default)]
struct Tally {
    expiring: usize,
    bytes: usize,
}

#[derive(Debug)]
struct Entry {
    key: Box<[u8]>,
    value: Vec<u8>,
    deadline: Milliseconds,
}

/// What a shard holds, and what it has seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) keys: usize,
    pub(crate) expiring: usize,
    /// Of keys, values and tables; those that are not yet given back, too.
    pub(crate) bytes: usize,
    pub(crate) hits: usize,
    pub(crate) misses: usize,
    pub(crate) expired: usize,
}

/// How long a value is to live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lifetime {
    Forever,
    Until(Milliseconds),
    /// As long as the value that it replaces.
    Kept,
}

/// There is no memory for it: the limit would be passed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Full;

/// What a sweep found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Swept {
    /// Keys that had expired.
    pub(crate) expired: usize,
    /// Whether a table was given back.
    pub(crate) gave_back: bool,
    /// Whether there is anything left that a sweep could ever find.
    pub(crate) more: bool,
}

/// The hash of a key: which shard it is in, where in it, all by one computation.
#[inline]
pub(crate) fn hash(hashing: &RandomState, key: &[u8]) -> u64 {
    let mut hasher = hashing.build_hasher();
    hasher.write(key);
    hasher.finish()
}

/// The shard of `shards` that a hash belongs to. Not by the bits that [`table_of`] looks at, nor by those that a table does.
#[inline]
pub(crate) fn shard_of(hash: u64, shards: usize) -> usize {
    ((hash >> 32 & 0xffff) as usize * shards) >> 16
}

fn table_of(hash: u64) -> usize {
    (hash >> 48) as usize % TABLES
}

impl Shard {
    /// An empty one, for keys that are hashed by `hashing`, with memory out of `budget`.
    pub(crate) fn new(hashing: &RandomState, budget: Arc<Budget>) -> Self {
        let tables = (0..TABLES).map(|_| Table::default()).collect();
        let (discarded, counts, swept) = (Vec::new(), Counts::default(), (0, 0));
        Self { tables, discarded, hashing: hashing.clone(), budget, granted: 0, counts, swept }
    }

    /// The value of a key. This counts as a hit or a miss.
    #[inline]
    pub(crate) fn read(&mut self, hash: u64, key: &[u8], moment: &Moment) -> Option<&[u8]> {
        let table = &mut self.tables[table_of(hash)];
        let Ok(found) = table.entries.find_entry(hash, |entry| *entry.key == *key) else {
            self.counts.misses += 1;
            return None;
        };
        if found.get().has_expired(moment) {
            let entry = found.remove().0;
            self.counts.misses += 1;
            self.counts.expired += 1;
            self.counts.forget(&mut table.tally, &entry);
            return None;
        }
        self.counts.hits += 1;
        Some(&found.into_mut().value)
    }

    /// The value of a key, if it is one of this shard's and has not expired.
    pub(crate) fn value(&mut self, hash: u64, key: &[u8], moment: &Moment) -> Option<&[u8]> {
        Some(&self.find(hash, key, moment)?.value)
    }

    /// Whether there is such a key.
    pub(crate) fn contains(&mut self, hash: u64, key: &[u8], moment: &Moment) -> bool {
        self.find(hash, key, moment).is_some()
    }

    /// When a key expires, if there is such a key and if it ever does.
    pub(crate) fn deadline(
        &mut self,
        hash: u64,
        key: &[u8],
        moment: &Moment,
    ) -> Option<Option<Milliseconds>> {
        let deadline = self.find(hash, key, moment)?.deadline;
        Some((deadline != NEVER).then_some(deadline))
    }

    /// Gives a key a value.
    ///
    /// # Errors
    ///
    /// It would pass the limit of memory. Then the key has the value that it had.
    #[inline]
    pub(crate) fn write(
        &mut self,
        hash: u64,
        key: &[u8],
        value: &[u8],
        lifetime: Lifetime,
        moment: &Moment,
    ) -> Result<(), Full> {
        let table = &mut self.tables[table_of(hash)];
        let Some(entry) = table.entries.find_mut(hash, |entry| *entry.key == *key) else {
            return self.insert(hash, key, value, lifetime);
        };
        let room = entry.value.capacity();
        // Seldom: there is no room, or too much of it.
        if value.len() > room || room > 2 * value.len() + SPARE_BYTES_MAX {
            return self.write_elsewhere(hash, key, value, lifetime, moment);
        }
        entry.value.clear();
        entry.value.extend_from_slice(value);
        let deadline = match lifetime {
            Lifetime::Forever => NEVER,
            Lifetime::Until(deadline) => deadline,
            Lifetime::Kept if entry.has_expired(moment) => NEVER,
            Lifetime::Kept => entry.deadline,
        };
        if entry.deadline != deadline {
            let expires = usize::from(deadline != NEVER);
            let expired = usize::from(entry.deadline != NEVER);
            table.tally.expiring = table.tally.expiring + expires - expired;
            self.counts.expiring = self.counts.expiring + expires - expired;
            entry.deadline = deadline;
        }
        Ok(())
    }

    /// Removes a key. Whether there was one.
    pub(crate) fn remove(&mut self, hash: u64, key: &[u8], moment: &Moment) -> bool {
        self.expire(hash, key, moment);
        self.take_out(hash, |entry| *entry.key == *key)
    }

    /// Lets a key expire at that time, or never. Whether there is such a key.
    pub(crate) fn expire_at(
        &mut self,
        hash: u64,
        key: &[u8],
        deadline: Option<Milliseconds>,
        moment: &Moment,
    ) -> bool {
        let Some(entry) = self.find(hash, key, moment) else { return false };
        let before = std::mem::replace(&mut entry.deadline, deadline.unwrap_or(NEVER)) != NEVER;
        let table = &mut self.tables[table_of(hash)];
        for expiring in [&mut table.tally.expiring, &mut self.counts.expiring] {
            *expiring = *expiring + usize::from(deadline.is_some()) - usize::from(before);
        }
        true
    }

    /// Removes every key, and leaves it to the sweep to give their memory back.
    pub(crate) fn clear(&mut self) {
        self.discarded
            .extend(self.tables.iter_mut().map(std::mem::take).filter(|table| table.tally.bytes > 0));
        (self.counts.keys, self.counts.expiring) = (0, 0);
    }

    /// Looks at so many places for keys that have expired, or gives back one table that was thrown away.
    pub(crate) fn sweep(&mut self, places_max: usize, moment: &Moment) -> Swept {
        let (mut expired, gave_back) = (0, self.give_back());
        if !gave_back {
            let mut places = places_max;
            for _ in 0..=TABLES {
                expired += self.sweep_table(&mut places, moment);
                if places == 0 {
                    break;
                }
            }
        }
        Swept { expired, gave_back, more: self.counts.expiring > 0 || !self.discarded.is_empty() }
    }

    pub(crate) fn counts(&self) -> Counts {
        self.counts
    }

    /// From where the last sweep stopped, in that table; then the next one's turn has come.
    fn sweep_table(&mut self, places: &mut usize, moment: &Moment) -> usize {
        let (index, start) = self.swept;
        let table = &self.tables[index];
        let end = if table.tally.expiring == 0 {
            start
        } else {
            table.entries.num_buckets().min(start.saturating_add(*places))
        };
        let expired: Vec<u64> = (start..end)
            .filter_map(|place| table.entries.get_bucket(place))
            .filter(|entry| entry.has_expired(moment))
            .map(|entry| hash(&self.hashing, &entry.key))
            .collect();
        *places -= end.saturating_sub(start);
        let is_done = end >= table.entries.num_buckets() || table.tally.expiring == 0;
        self.swept = if is_done { ((index + 1) % TABLES, 0) } else { (index, end) };
        let removed = expired.iter().filter(|hash| self.take_out(**hash, |entry| entry.has_expired(moment)));
        let removed = removed.count();
        self.counts.expired += removed;
        removed
    }

    fn find(&mut self, hash: u64, key: &[u8], moment: &Moment) -> Option<&mut Entry> {
        self.expire(hash, key, moment);
        self.tables[table_of(hash)].entries.find_mut(hash, |entry| *entry.key == *key)
    }

    /// Removes the key if it has expired.
    fn expire(&mut self, hash: u64, key: &[u8], moment: &Moment) {
        let expired = self.take_out(hash, |entry| *entry.key == *key && entry.has_expired(moment));
        self.counts.expired += usize::from(expired);
    }

    /// Removes the one of this hash that is wanted. Whether there was one.
    fn take_out(&mut self, hash: u64, wanted: impl FnMut(&Entry) -> bool) -> bool {
        let table = &mut self.tables[table_of(hash)];
        let Ok(found) = table.entries.find_entry(hash, wanted) else { return false };
        let entry = found.remove().0;
        self.counts.forget(&mut table.tally, &entry);
        self.give_up_spare();
        true
    }

    fn insert(&mut self, hash: u64, key: &[u8], value: &[u8], lifetime: Lifetime) -> Result<(), Full> {
        let deadline = match lifetime {
            Lifetime::Until(deadline) => deadline,
            Lifetime::Forever | Lifetime::Kept => NEVER,
        };
        // Of the table's own growth one cannot know before; it is a 256th of the shard.
        self.afford(key.len() + value.len() + 2 * ALLOCATION_BYTES)?;
        let entry = Entry { key: key.into(), value: value.to_vec(), deadline };
        let table = &mut self.tables[table_of(hash)];
        let (bytes, expires) = (entry.bytes(), usize::from(deadline != NEVER));
        let allocated = table.entries.allocation_size();
        let hashing = &self.hashing;
        table.entries.insert_unique(hash, entry, |entry| self::hash(hashing, &entry.key));
        let grown = bytes + (table.entries.allocation_size() - allocated);
        table.tally.bytes += grown;
        table.tally.expiring += expires;
        self.counts.keys += 1;
        self.counts.bytes += grown;
        self.counts.expiring += expires;
        Ok(())
    }

    /// Gives a key's value memory of the new one's size, and writes it there.
    #[cold]
    fn write_elsewhere(
        &mut self,
        hash: u64,
        key: &[u8],
        value: &[u8],
        lifetime: Lifetime,
        moment: &Moment,
    ) -> Result<(), Full> {
        let find = |entry: &Entry| *entry.key == *key;
        let table = table_of(hash);
        let room = self.tables[table].entries.find(hash, find).map_or(0, |entry| entry.value.capacity());
        self.afford(value.len().saturating_sub(room))?;
        let Table { entries, tally } = &mut self.tables[table];
        if let Some(entry) = entries.find_mut(hash, find) {
            entry.value = Vec::with_capacity(value.len());
            tally.bytes = tally.bytes - room + entry.value.capacity();
            self.counts.bytes = self.counts.bytes - room + entry.value.capacity();
        }
        self.give_up_spare();
        self.write(hash, key, value, lifetime, moment)
    }

    /// Makes sure that so much more may be had.
    #[inline]
    fn afford(&mut self, more: usize) -> Result<(), Full> {
        while let Some(least) =
            (self.counts.bytes + more).checked_sub(self.granted).filter(|least| *least > 0)
        {
            match self.budget.take(least) {
                Some(granted) => self.granted += granted,
                None if self.give_back() => {}
                None => return Err(Full),
            }
        }
        Ok(())
    }

    /// What is granted and no longer needed is for other shards, but for a reserve.
    #[inline]
    fn give_up_spare(&mut self) {
        let spare = self.granted.saturating_sub(self.counts.bytes);
        if spare > 2 * GRANT_BYTES {
            self.granted -= spare - GRANT_BYTES;
            self.budget.give_back(spare - GRANT_BYTES);
        }
    }

    /// Gives one table back that was thrown away, if there is one.
    fn give_back(&mut self) -> bool {
        let Some(table) = self.discarded.pop() else { return false };
        self.counts.bytes -= table.tally.bytes;
        self.give_up_spare();
        true
    }
}

impl Counts {
    /// As a row of numbers, which add up over the shards.
    pub(crate) fn columns(self) -> [usize; 6] {
        [self.keys, self.expiring, self.bytes, self.hits, self.misses, self.expired]
    }

    /// The sum of rows that were written one behind the other.
    pub(crate) fn sum(rows: impl IntoIterator<Item = usize>) -> Self {
        let mut sums = [0_usize; 6];
        rows.into_iter().enumerate().for_each(|(at, number)| sums[at % 6] += number);
        let [keys, expiring, bytes, hits, misses, expired] = sums;
        Self { keys, expiring, bytes, hits, misses, expired }
    }

    /// An entry was taken out of that table.
    fn forget(&mut self, table: &mut Tally, entry: &Entry) {
        let (bytes, expires) = (entry.bytes(), usize::from(entry.deadline != NEVER));
        table.bytes -= bytes;
        table.expiring -= expires;
        self.keys -= 1;
        self.bytes -= bytes;
        self.expiring -= expires;
    }
}

impl Entry {
    #[inline]
    fn has_expired(&self, moment: &Moment) -> bool {
        self.deadline != NEVER && self.deadline <= moment.now()
    }

    fn bytes(&self) -> usize {
        self.key.len() + self.value.capacity() + 2 * ALLOCATION_BYTES
    }
}

#[cfg(test)]
#[path = "shard/tests.rs"]
mod tests;
