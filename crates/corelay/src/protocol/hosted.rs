//! A protocol as the server has it: how to open a connection of it, on what terms, and where its cores are.

use super::live::{Desk, Live, Lively};
use super::{Protocol, Terms};
use crate::clock::Tick;
use crate::connection::CloseReason;
use corelay_poll::Token;
use std::sync::{Arc, OnceLock};

/// A piece of work for a core.
pub(crate) type Errand = Box<dyn FnOnce() + Send>;

/// Where connections are served, for those who have something for one of them.
pub(crate) trait Hail: Send + Sync {
    /// Has the connection of this token looked at, if it is still here.
    fn hail(&self, token: Token);
    /// The number of the core that this is; 0 where connections belong to no core.
    fn core(&self) -> usize;
}

/// A core, for those who have work for it.
pub(crate) trait RunErrands: Send + Sync {
    fn run(&self, errand: Errand);
    /// Has it look whether all is done.
    fn look_around(&self);
}

/// Where one connection is.
#[derive(Clone)]
pub(crate) struct Place {
    pub(crate) home: Arc<dyn Hail>,
    pub(crate) token: Token,
}

/// The protocol that a server serves instead of HTTP.
pub(crate) struct Hosted {
    protocol: Box<dyn Open>,
    pub(crate) terms: Terms,
    pub(crate) message_ticks: u32,
    /// On the engine of cores.
    cores: OnceLock<Vec<Arc<dyn RunErrands>>>,
}

impl Hosted {
    pub(crate) fn new<P: Protocol>(protocol: P, terms: Terms) -> Self {
        let message_ticks = Tick::spanning(terms.message_timeout);
        Self { protocol: Box::new(Arc::new(protocol)), terms, message_ticks, cores: OnceLock::new() }
    }

    /// `packed`: the connection is another process's, and this is what it kept there.
    pub(crate) fn open(&self, packed: Option<&[u8]>, desk: Desk<'_>) -> Result<Box<dyn Live>, CloseReason> {
        self.protocol.open(packed, desk)
    }

    pub(crate) fn packed_form(&self) -> Option<&'static str> {
        self.protocol.packed_form()
    }

    pub(crate) fn no_room(&self) -> &[u8] {
        self.protocol.no_room()
    }

    pub(crate) fn runs_on(&self, cores: Vec<Arc<dyn RunErrands>>) {
        let _ = self.cores.set(cores);
    }

    pub(crate) fn core(&self, number: usize) -> Option<&dyn RunErrands> {
        self.cores.get()?.get(number).map(|core| &**core)
    }

    /// The last connection is closed while the server drains: cores that only waited for errands are done.
    #[cold]
    pub(crate) fn is_done(&self) {
        self.cores.get().into_iter().flatten().for_each(|core| core.look_around());
    }
}

/// A protocol of whatever type.
trait Open: Send + Sync {
    fn open(&self, packed: Option<&[u8]>, desk: Desk<'_>) -> Result<Box<dyn Live>, CloseReason>;
    fn packed_form(&self) -> Option<&'static str>;
    fn no_room(&self) -> &[u8];
}

impl<P: Protocol> Open for Arc<P> {
    fn open(&self, packed: Option<&[u8]>, desk: Desk<'_>) -> Result<Box<dyn Live>, CloseReason> {
        Ok(Box::new(Lively::open(self.clone(), packed, desk)?))
    }

    fn packed_form(&self) -> Option<&'static str> {
        Protocol::packed_form(&**self)
    }

    fn no_room(&self) -> &[u8] {
        Protocol::no_room(&**self)
    }
}
