//! What handlers share, found by its type.
//!
//! A program has a handful of states, so a scan of a short list beats a hash map. Handlers say by their
//! signature which states they need ([`NeededState`]) and [`Router::finish`](super::Router::finish) checks
//! that each was given: no request finds one missing.

use std::any::{Any, TypeId, type_name};
use std::sync::Arc;

/// The states of an [`App`](super::App), one per type.
#[derive(Default)]
pub(crate) struct States {
    entries: Vec<StateEntry>,
}

struct StateEntry {
    id: TypeId,
    name: &'static str,
    /// An `Arc<T>` behind the box, so that it can be lent as `&Arc<T>` and cloned at no more than its own
    /// price.
    shared: Box<dyn Any + Send + Sync>,
}

/// A state that a handler's signature asks for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NeededState {
    id: TypeId,
    pub(crate) name: &'static str,
}

impl NeededState {
    pub(crate) fn of<T: 'static>() -> Self {
        Self { id: TypeId::of::<T>(), name: type_name::<T>() }
    }
}

impl States {
    pub(crate) fn add<T: Send + Sync + 'static>(&mut self, shared: Arc<T>) {
        self.entries.push(StateEntry {
            id: TypeId::of::<T>(),
            name: type_name::<T>(),
            shared: Box::new(shared),
        });
    }

    pub(crate) fn append(&mut self, mut others: States) {
        self.entries.append(&mut others.entries);
    }

    pub(crate) fn find<T: Send + Sync + 'static>(&self) -> Option<&Arc<T>> {
        let id = TypeId::of::<T>();
        self.entries.iter().find(|entry| entry.id == id)?.shared.downcast_ref()
    }

    pub(crate) fn has(&self, needed: NeededState) -> bool {
        self.entries.iter().any(|entry| entry.id == needed.id)
    }

    /// The name of a type that was given twice.
    pub(crate) fn duplicate(&self) -> Option<&'static str> {
        let mut rest = self.entries.as_slice();
        while let [first, others @ ..] = rest {
            if others.iter().any(|other| other.id == first.id) {
                return Some(first.name);
            }
            rest = others;
        }
        None
    }
}
