//! What the two processes of an upgrade say to each other, as JSON: a field or a message that one of them does not know is one
//! that it leaves out or ignores.
//!
//! [`FORMAT`] is for changes that this does not bear. What can move is told by name in [`Ready`], and is apart from it.

use crate::connection::State;
use crate::status::Row;
use serde::{Deserialize, Serialize};

/// The format this release speaks. Another one speaks the lower of both, or nothing at all.
pub(super) const FORMAT: u32 = 1;

/// See the drawing in [`upgrade`](super).
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "message", rename_all = "snake_case")]
pub(super) enum Message {
    Hello(Hello),
    Ready(Ready),
    /// The sockets of the listener with this number in [`Hello::listeners`] go beside; the rest of them in another message.
    Listener {
        number: usize,
    },
    /// All listeners are there.
    Go,
    Listening,
    /// Connections, one behind the other: their sockets and their bytes go beside.
    Move {
        connections: Vec<Moving>,
    },
    /// Of those that were to move, these are there.
    Have {
        ids: Vec<u64>,
    },
    Commit {
        ids: Vec<u64>,
    },
    Counts(Counts),
    Goodbye,
    #[serde(other)]
    Unknown,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Hello {
    pub(super) format: u32,
    /// The release, for the log.
    pub(super) version: String,
    /// How many processes have served before the new one.
    pub(super) upgrades: u64,
    pub(super) listeners: Vec<Listened>,
    /// Routes that were learnt to keep their cores waiting.
    #[serde(default)]
    pub(super) learnt_routes: Vec<String>,
}

/// A listener of the old process.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Listened {
    /// As the old process was told, and as the new one is told if it is to listen there too.
    pub(crate) configured: String,
    /// With the real port.
    pub(crate) address: String,
    /// Each connection begins with a PROXY protocol header.
    #[serde(default)]
    pub(crate) proxied: bool,
    /// It came from outside, bound already.
    #[serde(default)]
    pub(crate) given: bool,
    /// Of a server that goes along with the one that is upgraded.
    #[serde(default)]
    pub(crate) follows: bool,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Ready {
    pub(super) format: u32,
    pub(super) version: String,
    /// Numbers in [`Hello::listeners`].
    pub(super) listeners: Vec<usize>,
    /// Kinds of connections it takes, and `output` if they may have some.
    pub(super) kinds: Vec<String>,
    /// In which form it unpacks what connections of its protocol keep; none of HTTP.
    #[serde(default)]
    pub(super) packed_form: Option<String>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Moving {
    pub(super) id: u64,
    pub(super) state: State,
}

/// What was counted since the last such message.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Counts {
    pub(super) cores: Vec<Row>,
    pub(super) service: Row,
    pub(super) door: Row,
}

impl Counts {
    /// What was counted after `before`.
    pub(super) fn since(&self, before: &Self) -> Self {
        let nothing = Row::new();
        let cores = self.cores.iter().enumerate();
        Self {
            cores: cores
                .map(|(index, row)| difference(row, before.cores.get(index).unwrap_or(&nothing)))
                .collect(),
            service: difference(&self.service, &before.service),
            door: difference(&self.door, &before.door),
        }
    }
}

fn difference(now: &Row, before: &Row) -> Row {
    let of = |(name, count): (&String, &u64)| {
        (name.clone(), count.saturating_sub(before.get(name).copied().unwrap_or(0)))
    };
    now.iter().map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_of_a_later_release_is_ignored_and_so_is_a_field() {
        let unknown: Message = serde_json::from_str(r#"{"message":"sing","song":"x"}"#).expect("JSON");
        assert!(matches!(unknown, Message::Unknown));
        let text = r#"{"message":"ready","format":2,"version":"9","listeners":[],"kinds":["idle"],"mood":1}"#;
        let ready: Message = serde_json::from_str(text).expect("JSON");
        assert!(matches!(ready, Message::Ready(Ready { format: 2, .. })));
    }

    #[test]
    fn what_was_counted_since_is_the_difference_and_a_new_core_counts_from_zero() {
        let row = |count| Row::from([("requests".to_owned(), count)]);
        let before = Counts { cores: vec![row(3)], ..Counts::default() };
        let now = Counts { cores: vec![row(5), row(2)], ..Counts::default() };
        assert_eq!(now.since(&before).cores, [row(2), row(2)]);
    }
}
