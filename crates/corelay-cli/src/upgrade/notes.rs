//! What a server tells `corelay upgrade` of an upgrade, as JSON.

use corelay::Change;
use corelay_poll::NoteBox;
use serde::{Deserialize, Serialize};

/// One change.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "change", rename_all = "snake_case")]
pub(super) enum Note {
    Upgrading,
    Moving {
        to: u32,
    },
    Upgraded {
        by: u32,
    },
    NotUpgraded {
        reason: String,
    },
    #[serde(other)]
    Other,
}

/// The name that the notes of this process go to.
pub(super) fn name(id: u32) -> String {
    format!("corelay-upgrade-of-{id}")
}

/// Tells whoever has asked for this process to be replaced, if somebody waits for it.
pub(crate) fn tell(change: &Change) {
    let note = match change {
        Change::Upgrading => Note::Upgrading,
        Change::Moving { to } => Note::Moving { to: *to },
        Change::Upgraded { by } => Note::Upgraded { by: *by },
        Change::NotUpgraded { reason } => Note::NotUpgraded { reason: reason.clone() },
        _ => return,
    };
    if let Ok(note) = serde_json::to_vec(&note) {
        // Mostly nobody does: a signal can be sent without waiting for what comes of it.
        let _ = NoteBox::send(&name(std::process::id()), &note);
    }
}
