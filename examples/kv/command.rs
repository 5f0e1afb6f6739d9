//! The commands: names, how many arguments they take, which of these are keys.
//!
//! A name has at most eight letters, so it is a number of 64 bits: finding a command is comparing numbers, those of the most
//! frequent commands first.

use crate::reply::Fold;

/// A command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Command {
    Get,
    Set,
    Incr,
    Decr,
    IncrBy,
    DecrBy,
    MGet,
    MSet,
    Del,
    Exists,
    Expire,
    PExpire,
    Ttl,
    PTtl,
    Persist,
    DbSize,
    FlushAll,
    FlushDb,
    Info,
    Ping,
    Echo,
    Select,
    Config,
    Commands,
    Quit,
}

/// Which shards a command is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keys {
    /// None: it is about the connection or the server.
    None,
    /// That of its first argument.
    First,
    /// Every argument is a key, or every pair a key and a value: each is a command by itself.
    Each { part: Command, arguments: usize, fold: Fold },
    /// All of them.
    Everywhere(Fold),
}

/// What is known of a command.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Described {
    pub(crate) command: Command,
    /// In lower case.
    pub(crate) name: &'static str,
    /// So many arguments, the name among them; negative: at least so many.
    pub(crate) arity: i64,
    pub(crate) keys: Keys,
    /// Whether it may change what is stored.
    pub(crate) writes: bool,
    pub(crate) summary: &'static str,
}

const fn one(
    command: Command,
    name: &'static str,
    arity: i64,
    writes: bool,
    summary: &'static str,
) -> Described {
    Described { command, name, arity, keys: Keys::First, writes, summary }
}

const fn none(command: Command, name: &'static str, arity: i64, summary: &'static str) -> Described {
    Described { command, name, arity, keys: Keys::None, writes: false, summary }
}

const fn each(
    command: Command,
    name: &'static str,
    part: Command,
    fold: Fold,
    summary: &'static str,
) -> Described {
    let pairs = matches!(command, Command::MSet);
    let (arity, arguments) = if pairs { (-3, 2) } else { (-2, 1) };
    let writes = !matches!(command, Command::MGet | Command::Exists);
    Described { command, name, arity, keys: Keys::Each { part, arguments, fold }, writes, summary }
}

const fn everywhere(
    command: Command,
    name: &'static str,
    arity: i64,
    fold: Fold,
    summary: &'static str,
) -> Described {
    let writes = matches!(fold, Fold::Ok);
    Described { command, name, arity, keys: Keys::Everywhere(fold), writes, summary }
}

/// All of them, the most frequent first.
pub(crate) const COMMANDS: [Described; 25] = [
    one(Command::Get, "get", 2, false, "Returns the value of a key"),
    one(
        Command::Set,
        "set",
        -3,
        true,
        "Sets the value of a key: [NX | XX] [GET] [EX seconds | PX milliseconds | KEEPTTL]",
    ),
    one(Command::Incr, "incr", 2, true, "Adds 1 to the integer of a key"),
    one(Command::Decr, "decr", 2, true, "Takes 1 from the integer of a key"),
    one(Command::IncrBy, "incrby", 3, true, "Adds to the integer of a key"),
    one(Command::DecrBy, "decrby", 3, true, "Takes from the integer of a key"),
    each(Command::MGet, "mget", Command::Get, Fold::Array, "Returns the values of keys"),
    each(Command::MSet, "mset", Command::Set, Fold::Ok, "Sets the values of keys"),
    each(Command::Del, "del", Command::Del, Fold::Sum, "Removes keys"),
    each(Command::Exists, "exists", Command::Exists, Fold::Sum, "Counts the keys that exist"),
    one(Command::Expire, "expire", -3, true, "Lets a key expire in seconds: [NX | XX | GT | LT]"),
    one(Command::PExpire, "pexpire", -3, true, "Lets a key expire in milliseconds: [NX | XX | GT | LT]"),
    one(Command::Ttl, "ttl", 2, false, "Returns the seconds until a key expires"),
    one(Command::PTtl, "pttl", 2, false, "Returns the milliseconds until a key expires"),
    one(Command::Persist, "persist", 2, true, "Lets a key never expire"),
    everywhere(Command::DbSize, "dbsize", 1, Fold::Sum, "Counts the keys"),
    everywhere(Command::FlushAll, "flushall", -1, Fold::Ok, "Removes every key"),
    everywhere(Command::FlushDb, "flushdb", -1, Fold::Ok, "Removes every key"),
    everywhere(Command::Info, "info", -1, Fold::Report, "Returns what the server holds and has seen"),
    none(Command::Ping, "ping", -1, "Returns PONG, or its argument"),
    none(Command::Echo, "echo", 2, "Returns its argument"),
    none(Command::Select, "select", 2, "Chooses the database, of which there is one: 0"),
    none(Command::Config, "config", -2, "GET pattern: returns settings"),
    none(Command::Commands, "command", -1, "Tells about commands: COUNT, DOCS, INFO, LIST"),
    none(Command::Quit, "quit", -1, "Closes the connection"),
];

const NUMBERS: [u64; COMMANDS.len()] = {
    let (mut numbers, mut at) = ([0; COMMANDS.len()], 0);
    while at < numbers.len() {
        numbers[at] = number(COMMANDS[at].name.as_bytes());
        at += 1;
    }
    numbers
};

impl Command {
    /// What is known of it.
    pub(crate) fn described(self) -> &'static Described {
        &COMMANDS[self as usize]
    }
}

impl Described {
    /// The command of that name, in whatever case.
    #[inline]
    pub(crate) fn named(name: &[u8]) -> Option<&'static Self> {
        let number = number(name);
        let place = NUMBERS.iter().position(|known| *known == number)?;
        COMMANDS.get(place)
    }

    /// Whether so many arguments are right, the name among them.
    #[inline]
    pub(crate) fn takes(&self, arguments: usize) -> bool {
        let wanted = self.arity.unsigned_abs() as usize;
        let pairs = !matches!(self.keys, Keys::Each { arguments: 2, .. }) || arguments % 2 == 1;
        pairs && if self.arity < 0 { arguments >= wanted } else { arguments == wanted }
    }
}

/// A name as a number: its letters in lower case, one an octet, and zero where it ends. Longer names are none.
///
/// An octet that is no letter does not become one: only `A` to `Z` and `a` to `z` are letters when the sixth bit is set.
#[inline]
const fn number(name: &[u8]) -> u64 {
    const LOWER: u64 = 0x2020_2020_2020_2020;
    let letters = match *name {
        [a, b, c] => a as u64 | (b as u64) << 8 | (c as u64) << 16,
        [a, b, c, d] => u32::from_le_bytes([a, b, c, d]) as u64,
        [a, b, c, d, ref rest @ ..] if rest.len() <= 4 => {
            let (mut high, mut at) = (0, rest.len());
            while at > 0 {
                at -= 1;
                high = high << 8 | rest[at] as u64;
            }
            u32::from_le_bytes([a, b, c, d]) as u64 | high << 32
        }
        _ => return 0,
    };
    letters | LOWER >> (64 - 8 * name.len())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that fails says where")]
    use super::*;

    #[test]
    fn every_command_is_found_by_its_name_in_any_case() {
        for described in &COMMANDS {
            let mixed: String = described
                .name
                .chars()
                .rev()
                .enumerate()
                .map(|(at, letter)| if at % 2 == 0 { letter.to_ascii_uppercase() } else { letter })
                .collect::<Vec<_>>()
                .into_iter()
                .rev()
                .collect();
            for name in [described.name.to_owned(), described.name.to_uppercase(), mixed] {
                assert_eq!(Described::named(name.as_bytes()).unwrap().command, described.command, "{name}");
                assert_eq!(described.command.described().name, described.name);
            }
        }
    }

    #[test]
    fn other_names_are_not_found() {
        for name in
            ["", "g", "ge", "gets", "get ", "get\0", "g\x05t", "\0\0\0", "flushalls", "subscribe", "\0\0\0\0"]
        {
            assert!(Described::named(name.as_bytes()).is_none(), "{name:?}");
        }
        for octet in 0..=u8::MAX {
            let found = Described::named(&[octet, b'e', b't']).map(|found| found.name);
            let expected = match octet.to_ascii_lowercase() {
                b'g' => Some("get"),
                b's' => Some("set"),
                _ => None,
            };
            assert_eq!(found, expected, "{octet}");
        }
    }

    #[test]
    fn arguments_are_counted() {
        let takes = |name: &str, count| Described::named(name.as_bytes()).unwrap().takes(count);
        assert!(takes("get", 2) && !takes("get", 1) && !takes("get", 3));
        assert!(takes("set", 3) && takes("set", 9) && !takes("set", 2));
        assert!(takes("mset", 3) && takes("mset", 5) && !takes("mset", 4) && !takes("mset", 1));
        assert!(takes("mget", 2) && takes("mget", 3) && !takes("mget", 1));
    }
}
