//! What a command does to one shard. Each writes one reply, in redis's words.

use crate::clock::{Milliseconds, Moment};
use crate::command::{Command, Described};
use crate::reply::{self, Digits};
use crate::request::integer;
use crate::shard::{Lifetime, Shard};

pub(crate) const SYNTAX: &[u8] = b"ERR syntax error";
pub(crate) const NOT_AN_INTEGER: &[u8] = b"ERR value is not an integer or out of range";
pub(crate) const OUT_OF_MEMORY: &[u8] = b"OOM command not allowed when used memory > 'maxmemory'.";

/// A command with all that it needs: its shard, its arguments without the name, the hash of the first of them, the time.
pub(crate) struct Execution<'a, 'b> {
    pub(crate) shard: &'a mut Shard,
    pub(crate) arguments: &'a [&'b [u8]],
    pub(crate) hash: u64,
    pub(crate) moment: &'a Moment,
    pub(crate) out: &'a mut Vec<u8>,
}

/// When a key is to be given its deadline.
#[derive(Clone, Copy, Default)]
struct Conditions {
    /// It has none yet.
    none: bool,
    /// It has one.
    some: bool,
    /// The new one is later.
    later: bool,
    /// The new one is earlier.
    earlier: bool,
}

/// What stands behind the value in a SET.
struct SetOptions<'a> {
    only_new: bool,
    only_existing: bool,
    returns_old: bool,
    keeps_lifetime: bool,
    /// The argument, and how many milliseconds its unit has.
    expires: Option<(&'a [u8], i64)>,
}

/// A refusal, in redis's words.
type Refused = Vec<u8>;

/// Executes one command on one shard.
#[inline]
pub(crate) fn execute(described: &Described, mut execution: Execution<'_, '_>) {
    match (described.command, execution.arguments) {
        (Command::Get, [key]) => execution.get(key),
        // The usual SET has no options.
        (Command::Set, [key, value]) => execution.set(key, value),
        (Command::Set, [key, value, options @ ..]) => {
            if let Err(refused) = execution.set_with(key, value, options) {
                reply::error(execution.out, &refused);
            }
        }
        _ => execution.seldom(described),
    }
}

impl<'b> Execution<'_, 'b> {
    #[inline]
    fn get(&mut self, key: &[u8]) {
        match self.shard.read(self.hash, key, self.moment) {
            Some(value) => reply::bulk(self.out, value),
            None => self.out.extend_from_slice(reply::NULL),
        }
    }

    #[inline]
    fn set(&mut self, key: &[u8], value: &[u8]) {
        match self.shard.write(self.hash, key, value, Lifetime::Forever, self.moment) {
            Ok(()) => self.out.extend_from_slice(reply::OK),
            Err(_full) => reply::error(self.out, OUT_OF_MEMORY),
        }
    }

    #[inline(never)]
    fn seldom(&mut self, described: &Described) {
        let done = match (described.command, self.arguments) {
            (Command::Incr, [key]) => self.add(key, 1),
            (Command::Decr, [key]) => self.add(key, -1),
            (Command::IncrBy, [key, by]) => self.add_argument(key, by, false),
            (Command::DecrBy, [key, by]) => self.add_argument(key, by, true),
            (Command::Expire, [key, time, options @ ..]) => self.expire(described, key, time, 1000, options),
            (Command::PExpire, [key, time, options @ ..]) => self.expire(described, key, time, 1, options),
            (Command::FlushAll | Command::FlushDb, options) => self.clear(options),
            _ => {
                self.count(described.command);
                Ok(())
            }
        };
        if let Err(refused) = done {
            reply::error(self.out, &refused);
        }
    }

    /// The commands that answer a number and refuse nothing.
    fn count(&mut self, command: Command) {
        let (shard, hash, moment) = (&mut *self.shard, self.hash, self.moment);
        let number = match (command, self.arguments) {
            (Command::Del, [key]) => i64::from(shard.remove(hash, key, moment)),
            (Command::Exists, [key]) => i64::from(shard.contains(hash, key, moment)),
            (Command::Ttl, [key]) => remaining(shard.deadline(hash, key, moment), moment, 1000),
            (Command::PTtl, [key]) => remaining(shard.deadline(hash, key, moment), moment, 1),
            (Command::Persist, [key]) => {
                let expires = shard.deadline(hash, key, moment).flatten().is_some();
                i64::from(expires && shard.expire_at(hash, key, None, moment))
            }
            (Command::DbSize, _) => shard.counts().keys as i64,
            (Command::Info, _) => return self.report(),
            // Nothing else is sent to a shard.
            _ => return reply::error(self.out, SYNTAX),
        };
        reply::integer(self.out, number);
    }

    /// The counts of the shard, of which the server makes the text of INFO.
    fn report(&mut self) {
        for count in self.shard.counts().columns() {
            reply::integer(self.out, count as i64);
        }
    }

    fn set_with(&mut self, key: &[u8], value: &[u8], options: &[&'b [u8]]) -> Result<(), Refused> {
        let options = SetOptions::parse(options)?;
        let lifetime = match options.expires {
            Some((time, unit)) => Lifetime::Until(deadline(time, unit, "set", self.moment)?),
            None if options.keeps_lifetime => Lifetime::Kept,
            None => Lifetime::Forever,
        };
        let start = self.out.len();
        let old = self.shard.value(self.hash, key, self.moment);
        let wanted = if old.is_some() { !options.only_new } else { !options.only_existing };
        match (old, options.returns_old) {
            (Some(old), true) => reply::bulk(self.out, old),
            _ if options.returns_old || !wanted => self.out.extend_from_slice(reply::NULL),
            _ => self.out.extend_from_slice(reply::OK),
        }
        if wanted && self.shard.write(self.hash, key, value, lifetime, self.moment).is_err() {
            self.out.truncate(start);
            return Err(OUT_OF_MEMORY.to_vec());
        }
        Ok(())
    }

    fn add_argument(&mut self, key: &[u8], by: &[u8], negative: bool) -> Result<(), Refused> {
        let by = integer(by).ok_or(NOT_AN_INTEGER)?;
        let by = if negative { by.checked_neg().ok_or(b"ERR decrement would overflow")? } else { by };
        self.add(key, by)
    }

    fn add(&mut self, key: &[u8], by: i64) -> Result<(), Refused> {
        let old = match self.shard.value(self.hash, key, self.moment) {
            Some(value) => integer(value).ok_or(NOT_AN_INTEGER)?,
            None => 0,
        };
        let sum = old.checked_add(by).ok_or(b"ERR increment or decrement would overflow")?;
        let mut digits = Digits::default();
        let written = self.shard.write(self.hash, key, digits.of(sum), Lifetime::Kept, self.moment);
        written.map_err(|_full| OUT_OF_MEMORY)?;
        reply::integer(self.out, sum);
        Ok(())
    }

    fn expire(
        &mut self,
        described: &Described,
        key: &[u8],
        time: &[u8],
        unit: i64,
        options: &[&[u8]],
    ) -> Result<(), Refused> {
        let conditions = Conditions::parse(options)?;
        let now = self.moment.now();
        let time = integer(time).ok_or(NOT_AN_INTEGER)?;
        let deadline = time.checked_mul(unit).and_then(|time| time.checked_add(now as i64));
        let deadline = deadline.ok_or_else(|| invalid_time(described.name))?;
        let deadline = Milliseconds::try_from(deadline).unwrap_or(0);
        let before = self.shard.deadline(self.hash, key, self.moment);
        let changed = before.is_some_and(|before| conditions.hold(before, deadline))
            && if deadline <= now {
                self.shard.remove(self.hash, key, self.moment)
            } else {
                self.shard.expire_at(self.hash, key, Some(deadline), self.moment)
            };
        reply::integer(self.out, i64::from(changed));
        Ok(())
    }

    fn clear(&mut self, options: &[&[u8]]) -> Result<(), Refused> {
        match options {
            [] => {}
            [how] if how.eq_ignore_ascii_case(b"async") || how.eq_ignore_ascii_case(b"sync") => {}
            _ => return Err(SYNTAX.to_vec()),
        }
        self.shard.clear();
        self.out.extend_from_slice(reply::OK);
        Ok(())
    }
}

/// What is left, rounded to a unit of so many milliseconds; −1 where nothing ends, −2 where nothing is.
fn remaining(deadline: Option<Option<Milliseconds>>, moment: &Moment, unit: u64) -> i64 {
    match deadline {
        None => -2,
        Some(None) => -1,
        Some(Some(deadline)) => ((deadline.saturating_sub(moment.now()) + unit / 2) / unit) as i64,
    }
}

fn invalid_time(command: &str) -> Refused {
    format!("ERR invalid expire time in '{command}' command").into_bytes()
}

/// The time that lies so many units ahead.
fn deadline(time: &[u8], unit: i64, command: &str, moment: &Moment) -> Result<Milliseconds, Refused> {
    let time = integer(time).ok_or(NOT_AN_INTEGER)?;
    let ahead = time.checked_mul(unit).filter(|ahead| *ahead > 0);
    let deadline = ahead.and_then(|ahead| ahead.checked_add(moment.now() as i64));
    deadline.map(|deadline| deadline as Milliseconds).ok_or_else(|| invalid_time(command))
}

impl<'a> SetOptions<'a> {
    fn parse(mut words: &[&'a [u8]]) -> Result<Self, Refused> {
        let mut options = Self {
            only_new: false,
            only_existing: false,
            returns_old: false,
            keeps_lifetime: false,
            expires: None,
        };
        while let [word, after @ ..] = words {
            words = after;
            let is = |name: &[u8]| word.eq_ignore_ascii_case(name);
            let unit = if is(b"ex") { 1000 } else { 1 };
            match after {
                _ if is(b"nx") && !options.only_existing => options.only_new = true,
                _ if is(b"xx") && !options.only_new => options.only_existing = true,
                _ if is(b"get") => options.returns_old = true,
                _ if is(b"keepttl") && options.expires.is_none() => options.keeps_lifetime = true,
                [time, after @ ..]
                    if (is(b"ex") || is(b"px"))
                        && !options.keeps_lifetime
                        && options.expires.is_none_or(|(_, other)| other == unit) =>
                {
                    options.expires = Some((time, unit));
                    words = after;
                }
                _ => return Err(SYNTAX.to_vec()),
            }
        }
        Ok(options)
    }
}

impl Conditions {
    fn parse(words: &[&[u8]]) -> Result<Self, Refused> {
        let mut conditions = Self::default();
        for word in words {
            match word.to_ascii_lowercase().as_slice() {
                b"nx" => conditions.none = true,
                b"xx" => conditions.some = true,
                b"gt" => conditions.later = true,
                b"lt" => conditions.earlier = true,
                _ => return Err([b"ERR Unsupported option ", *word].concat()),
            }
        }
        let Self { none, some, later, earlier } = conditions;
        if none && (some || later || earlier) {
            return Err(b"ERR NX and XX, GT or LT options at the same time are not compatible".to_vec());
        }
        if later && earlier {
            return Err(b"ERR GT and LT options at the same time are not compatible".to_vec());
        }
        Ok(conditions)
    }

    /// Whether a key with this deadline may be given that one. None is later than any.
    fn hold(self, before: Option<Milliseconds>, deadline: Milliseconds) -> bool {
        let Self { none, some, later, earlier } = self;
        let refused = match before {
            Some(before) => none || (later && deadline <= before) || (earlier && deadline >= before),
            None => some || later,
        };
        !refused
    }
}

#[cfg(test)]
#[path = "execute/tests.rs"]
mod tests;
