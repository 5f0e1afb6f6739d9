//! What the server tells of itself: INFO, CONFIG GET, COMMAND.

use std::sync::atomic::Ordering::Relaxed;

use crate::command::{COMMANDS, Described, Keys};
use crate::execute::SYNTAX;
use crate::reply::{self, Fold};
use crate::shard::Counts;
use crate::store::Store;

/// Makes one reply of what was written since `start`: the replies to the parts of a request.
pub(crate) fn fold(out: &mut Vec<u8>, start: usize, fold: Fold, store: &Store) {
    let length = out.len().saturating_sub(start);
    if length > store.limits.reply_bytes_max {
        out.truncate(start);
        let text = format!("ERR the reply would have {length} bytes, of {}", store.limits.reply_bytes_max);
        return reply::error(out, text.as_bytes());
    }
    if fold == Fold::Report {
        let rows = out.get(start..).unwrap_or_default().split(|octet| *octet == b'\n');
        let counts = Counts::sum(rows.filter_map(reply::numeric).map(|count| count as usize));
        out.truncate(start);
        return reply::bulk(out, info(counts, store).as_bytes());
    }
    reply::fold(out, start, fold);
}

/// The text of INFO, with redis's names for what redis has too.
fn info(counts: Counts, store: &Store) -> String {
    let Counts { keys, expiring, bytes, hits, misses, expired } = counts;
    let seen = &store.seen;
    let connections = seen.connections.load(Relaxed);
    let clients = connections.saturating_sub(seen.closed.load(Relaxed));
    let (commands, uptime) = (seen.commands(), store.clock.moment().now() / 1000);
    let (shards, memory) = (store.shards(), store.limits.memory_bytes_max);
    let mut text = format!(
        "# Server\r\nserver:corelay-kv\r\nprocess_id:{}\r\nuptime_in_seconds:{uptime}\r\nshards:{shards}\r\n\r\n\
         # Clients\r\nconnected_clients:{clients}\r\n\r\n\
         # Memory\r\nused_memory:{bytes}\r\nmaxmemory:{memory}\r\nmaxmemory_policy:noeviction\r\n\r\n\
         # Stats\r\ntotal_connections_received:{connections}\r\ntotal_commands_processed:{commands}\r\n\
         expired_keys:{expired}\r\nkeyspace_hits:{hits}\r\nkeyspace_misses:{misses}\r\n\r\n# Keyspace\r\n",
        std::process::id(),
    );
    if keys > 0 {
        text += &format!("db0:keys={keys},expires={expiring},avg_ttl=0\r\n");
    }
    text
}

/// `CONFIG GET`; nothing can be set.
pub(crate) fn config(out: &mut Vec<u8>, arguments: &[&[u8]], store: &Store) {
    let patterns = match arguments {
        [word, patterns @ ..] if word.eq_ignore_ascii_case(b"get") => patterns,
        [word, ..] => return unknown_subcommand(out, "config", word),
        [] => return reply::error(out, SYNTAX),
    };
    if patterns.is_empty() {
        return reply::error(out, b"ERR wrong number of arguments for 'config|get' command");
    }
    let limits = &store.limits;
    let settings = [
        ("appendonly", "no".to_owned()),
        ("databases", "1".to_owned()),
        ("maxmemory", limits.memory_bytes_max.to_string()),
        ("maxmemory-policy", "noeviction".to_owned()),
        ("proto-max-bulk-len", limits.request.bulk_bytes_max.to_string()),
        ("save", String::new()),
    ];
    let wanted =
        |name: &str| patterns.iter().any(|pattern| matches(&pattern.to_ascii_lowercase(), name.as_bytes()));
    let found: Vec<_> = settings.iter().filter(|(name, _)| wanted(name)).collect();
    reply::array(out, 2 * found.len());
    for (name, value) in found {
        reply::bulk(out, name.as_bytes());
        reply::bulk(out, value.as_bytes());
    }
}

/// `COMMAND`, with what redis-cli asks for at its start.
pub(crate) fn commands(out: &mut Vec<u8>, arguments: &[&[u8]]) {
    let Some((word, names)) = arguments.split_first() else { return list(out, &[], described) };
    match word.to_ascii_lowercase().as_slice() {
        b"count" if names.is_empty() => reply::integer(out, COMMANDS.len() as i64),
        b"list" if names.is_empty() => list(out, &[], |out, found| reply::bulk(out, found.name.as_bytes())),
        b"info" => list(out, names, described),
        b"docs" => documents(out, names),
        b"count" | b"list" => {
            let name = word.to_ascii_lowercase();
            let text =
                [b"ERR wrong number of arguments for 'command|".as_slice(), &name, b"' command"].concat();
            reply::error(out, &text);
        }
        _ => unknown_subcommand(out, "command", word),
    }
}

/// One element for each of the commands of these names, or of all; null for a name that is none.
fn list(out: &mut Vec<u8>, names: &[&[u8]], element: impl Fn(&mut Vec<u8>, &Described)) {
    reply::array(out, if names.is_empty() { COMMANDS.len() } else { names.len() });
    if names.is_empty() {
        COMMANDS.iter().for_each(|found| element(out, found));
    }
    for name in names {
        match Described::named(name) {
            Some(found) => element(out, found),
            None => out.extend_from_slice(b"*-1\r\n"),
        }
    }
}

/// Name, arity, flags, and which arguments are keys: the first, the last, the step.
fn described(out: &mut Vec<u8>, found: &Described) {
    let (first, last, step) = match found.keys {
        Keys::First => (1, 1, 1),
        Keys::Each { arguments, .. } => (1, -1, arguments as i64),
        Keys::None | Keys::Everywhere(_) => (0, 0, 0),
    };
    reply::array(out, 6);
    reply::bulk(out, found.name.as_bytes());
    reply::integer(out, found.arity);
    reply::array(out, 1);
    out.extend_from_slice(if found.writes { b"+write\r\n" } else { b"+readonly\r\n" });
    [first, last, step].into_iter().for_each(|number| reply::integer(out, number));
}

/// A name and what it is for, for each of the commands of these names, or of all.
fn documents(out: &mut Vec<u8>, names: &[&[u8]]) {
    let wanted = |found: &&Described| {
        names.is_empty() || names.iter().any(|name| name.eq_ignore_ascii_case(found.name.as_bytes()))
    };
    reply::array(out, 2 * COMMANDS.iter().filter(wanted).count());
    for found in COMMANDS.iter().filter(wanted) {
        let group = if found.keys == Keys::None { "server" } else { "string" };
        reply::bulk(out, found.name.as_bytes());
        reply::array(out, 4);
        for text in ["summary", found.summary, "group", group] {
            reply::bulk(out, text.as_bytes());
        }
    }
}

fn unknown_subcommand(out: &mut Vec<u8>, command: &str, word: &[u8]) {
    let text = [b"ERR unknown subcommand '", &word[..word.len().min(128)], b"'. Try "].concat();
    reply::error(out, &[&text, command.to_ascii_uppercase().as_bytes(), b" HELP."].concat());
}

/// Whether a pattern of `*`, `?` and literal octets matches. What a star took is taken back at most once for each octet.
fn matches(mut pattern: &[u8], mut name: &[u8]) -> bool {
    let mut star: Option<(&[u8], &[u8])> = None;
    loop {
        match (pattern, name) {
            ([b'*', after @ ..], _) => {
                star = Some((after, name));
                pattern = after;
            }
            ([wanted, after @ ..], [octet, rest @ ..]) if wanted == octet || *wanted == b'?' => {
                (pattern, name) = (after, rest);
            }
            ([], []) => return true,
            _ => {
                let Some((after, [_, rest @ ..])) = star else { return false };
                star = Some((after, rest));
                (pattern, name) = (after, rest);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_globs_do() {
        for (pattern, name) in
            [("*", ""), ("save", "save"), ("s*e", "save"), ("*a*e", "save"), ("??ve", "save"), ("**", "a")]
        {
            assert!(matches(pattern.as_bytes(), name.as_bytes()), "{pattern} {name}");
        }
        for (pattern, name) in [("", "a"), ("s", "save"), ("s*x", "save"), ("???", "save"), ("*b*", "save")] {
            assert!(!matches(pattern.as_bytes(), name.as_bytes()), "{pattern} {name}");
        }
    }
}
