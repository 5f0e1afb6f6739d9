//! The command line: pairs of a flag and its value, after an address.

use std::time::Duration;

use corelay::config::{Config, Cores, Engine};

use crate::request;
use crate::store::Limits;

/// Shards that any core may lock: so many that two cores seldom want the same.
const LOCKED_SHARDS: usize = 64;
/// Requests of one turn that are left to other cores, and so the longest values that their replies can have at once.
pub(crate) const RELAYED_MAX: usize = 64;
/// Octets of replies that wait for the peer; past it no more requests are taken from the connection.
pub(crate) const REPLIES_MAX: usize = 256 * 1024;
/// The longest values that one request can have, with room for other arguments.
const REQUEST_VALUES: usize = 8;
const ARGUMENTS_MAX: usize = 1024 * 1024;
/// As in redis.
const CLIENTS_MAX: usize = 10_000;
/// Clients keep connections for later; redis lets them, for ever.
const IDLE_TIMEOUT: Duration = Duration::from_secs(3600);
const MEBIBYTE: usize = 1024 * 1024;

const HELP: &str = "\
kv [ADDRESS] [FLAG VALUE]…     a key-value server that speaks RESP2, at 127.0.0.1:6379

  --shards locked|relayed      a key of another core's: take its lock, or relay the request  [default: locked]
  --engine cores|threads|pool  the threading model                                           [default: cores]
  --cores N                    serve on so many processors                                   [default: all]
  --cpus LIST                  serve on these processors, such as 0,1
  --memory-mib N               keys and values of all shards; past it writes are refused     [default: 1024]
  --value-mib N                the longest argument; a request has 8 times as much at most   [default: 8]
  --clients N                  connections; past it a client is told so, and let go          [default: 10000]
  --idle-seconds N             silence of a client until it is let go                        [default: 3600]
";

/// How a shard of another core is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// Any core takes its lock.
    Locked,
    /// The core that owns it is asked.
    Relayed,
}

/// What the command line says.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) address: String,
    pub(crate) config: Config,
    pub(crate) reach: Reach,
    memory_mib: usize,
    value_mib: usize,
}

impl Settings {
    /// # Errors
    ///
    /// What is wrong, and the help.
    pub(crate) fn parse(words: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut words = words.peekable();
        let address = words.next_if(|word| !word.starts_with('-'));
        let address = address.unwrap_or_else(|| "127.0.0.1:6379".to_owned());
        let (mut config, reach) = (Config::default(), Reach::Locked);
        config.deadlines.idle_timeout = IDLE_TIMEOUT;
        config.limits.max_connections = CLIENTS_MAX;
        let mut settings = Self { address, config, reach, memory_mib: 1024, value_mib: 8 };
        while let Some(flag) = words.next() {
            let value = words.next().unwrap_or_default();
            settings.set(&flag, &value).ok_or_else(|| format!("{flag} {value}: not understood\n\n{HELP}"))?;
        }
        Ok(settings)
    }

    fn set(&mut self, flag: &str, value: &str) -> Option<()> {
        let positive = || value.parse::<usize>().ok().filter(|number| *number > 0);
        match flag {
            "--shards" => {
                let reach = [("locked", Reach::Locked), ("relayed", Reach::Relayed)];
                self.reach = reach.into_iter().find(|(name, _)| *name == value)?.1;
            }
            "--engine" => {
                let engines = [Engine::Cores, Engine::Threads, Engine::Pool];
                self.config.engine = engines.into_iter().find(|engine| engine.name() == value)?;
            }
            "--cores" => self.config.cores = Cores::Count(positive()?),
            "--cpus" => {
                self.config.cores =
                    Cores::Cpus(value.split(',').map(str::parse).collect::<Result<_, _>>().ok()?);
            }
            "--clients" => self.config.limits.max_connections = positive()?,
            "--idle-seconds" => self.config.deadlines.idle_timeout = Duration::from_secs(positive()? as u64),
            "--memory-mib" => self.memory_mib = positive()?,
            "--value-mib" => self.value_mib = positive().filter(|mib| *mib <= 512)?,
            _ => return None,
        }
        Some(())
    }

    /// Only cores own anything; on the other engines every thread takes locks.
    pub(crate) fn shards(&self) -> usize {
        match (self.reach, self.config.engine) {
            (Reach::Relayed, Engine::Cores) => match &self.config.cores {
                Cores::Count(count) => *count,
                Cores::Cpus(list) => list.len().max(1),
                Cores::All => std::thread::available_parallelism().map_or(1, usize::from),
            },
            _ => LOCKED_SHARDS,
        }
    }

    pub(crate) fn limits(&self) -> Limits {
        let bulk_bytes_max = self.value_mib * MEBIBYTE;
        Limits {
            request: request::Limits { bulk_bytes_max, arguments_max: ARGUMENTS_MAX },
            request_bytes_max: REQUEST_VALUES * bulk_bytes_max,
            memory_bytes_max: self.memory_mib.saturating_mul(MEBIBYTE),
            reply_bytes_max: RELAYED_MAX * bulk_bytes_max,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that fails says where")]
    use super::*;

    fn parse(line: &str) -> Result<Settings, String> {
        Settings::parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn flags_have_defaults_and_change_what_they_name() {
        let settings = parse("").unwrap();
        assert_eq!((settings.address.as_str(), settings.reach), ("127.0.0.1:6379", Reach::Locked));
        assert_eq!((settings.shards(), settings.limits().memory_bytes_max), (64, 1 << 30));
        let settings = parse("[::1]:1 --shards relayed --cpus 0,1,2 --value-mib 1 --memory-mib 2").unwrap();
        assert_eq!((settings.address.as_str(), settings.shards()), ("[::1]:1", 3));
        let limits = settings.limits();
        assert_eq!((limits.request.bulk_bytes_max, limits.memory_bytes_max), (1 << 20, 2 << 20));
        assert_eq!(parse("--shards relayed --engine pool --cores 2").unwrap().shards(), 64);
        assert_eq!(parse("--shards relayed --cores 2").unwrap().shards(), 2);
    }

    #[test]
    fn what_is_not_understood_is_named() {
        for line in [
            "--shards",
            "--shards x",
            "--cores 0",
            "--cpus a",
            "--memory-mib -1",
            "--value-mib 513",
            "--x 1",
            "--help",
        ] {
            let error = parse(line).unwrap_err();
            assert!(
                error.contains(&format!("{}: not understood", line.trim_end())) || error.contains(line),
                "{error}"
            );
            assert!(error.contains("kv [ADDRESS]"), "{error}");
        }
    }
}
