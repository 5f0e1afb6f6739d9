//! A line of the small server: one poller, the connections registered in it, and the threads that serve them.

use std::collections::HashMap;
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::{io, thread};

use anyhow::Result;
use corelay_poll::{Events, Interest, Poller, Trigger, affinity};

use super::Form;
use super::connection::{Connection, Next};

/// Events taken in one wait.
const EVENTS: usize = 1024;

/// What the threads of a line share.
pub(super) struct Line {
    form: Form,
    poller: Poller,
    /// Connections that nobody has in hand.
    table: Mutex<HashMap<u32, Connection>>,
}

impl Line {
    /// Starts the threads of the `number`th line. They end with the process.
    pub(super) fn start(form: Form, cpus: &[usize], number: usize) -> Result<Arc<Self>> {
        let line = Arc::new(Self { form, poller: Poller::new()?, table: Mutex::default() });
        let cpu = |stage: usize| cpus[(number + stage) % cpus.len()];
        match form {
            Form::Whole => line.spawn(cpu(0), |line| line.run_whole())?,
            Form::Staged => {
                let (handle, to_be_handled) = mpsc::channel();
                let (send, to_be_sent) = mpsc::channel();
                line.spawn(cpu(0), move |line| line.read(&handle))?;
                line.spawn(cpu(1), move |_| work(&to_be_handled, &send))?;
                line.spawn(cpu(2), move |line| line.write(&to_be_sent))?;
            }
        }
        Ok(line)
    }

    /// Takes in a connection that was accepted.
    pub(super) fn take_in(&self, connection: Connection) -> io::Result<()> {
        let (token, trigger) = (connection.token(), self.trigger());
        // In the table first, and held there: its first event may come before this returns.
        let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        self.poller.add(&connection.stream, token, Interest::READ, trigger)?;
        table.insert(connection.number, connection);
        Ok(())
    }

    fn spawn(self: &Arc<Self>, cpu: usize, run: impl FnOnce(&Self) + Send + 'static) -> Result<()> {
        let line = Arc::clone(self);
        thread::Builder::new().spawn(move || {
            // Unpinned it would serve as well.
            let _ = affinity::pin_current_thread(cpu);
            run(&line);
        })?;
        Ok(())
    }

    /// Runs each request to completion.
    fn run_whole(&self) {
        self.each_readable(|mut connection| match connection.receive() {
            Next::Handle => {
                connection.handle();
                let next = connection.send();
                self.put_back(connection, next);
            }
            next => self.put_back(connection, next),
        });
    }

    /// The first stage.
    fn read(&self, handle: &Sender<Connection>) {
        self.each_readable(|mut connection| match connection.receive() {
            // The next stage ends with the process alone.
            Next::Handle => drop(handle.send(connection)),
            next => self.put_back(connection, next),
        });
    }

    /// The last stage.
    fn write(&self, to_be_sent: &Receiver<Connection>) {
        for connection in to_be_sent {
            let next = connection.send();
            self.put_back(connection, next);
        }
    }

    /// Takes each connection that can be read out of the table, for ever.
    fn each_readable(&self, mut serve: impl FnMut(Connection)) {
        let mut events = Events::with_capacity(EVENTS);
        while self.poller.wait(&mut events, None).is_ok() {
            for event in events.iter() {
                let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
                let connection = table.remove(&event.token().slot());
                drop(table);
                connection.map(&mut serve);
            }
        }
    }

    /// Back into the table, armed; or closed.
    fn put_back(&self, connection: Connection, next: Next) {
        let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        let armed = match (next, self.form) {
            (Next::Close, _) => {
                // The socket closes either way.
                let _ = self.poller.delete(&connection.stream);
                return;
            }
            (_, Form::Whole) => Ok(()),
            (_, Form::Staged) => {
                self.poller.modify(&connection.stream, connection.token(), Interest::READ, self.trigger())
            }
        };
        if armed.is_ok() {
            table.insert(connection.number, connection);
        }
    }

    fn trigger(&self) -> Trigger {
        match self.form {
            Form::Whole => Trigger::Level,
            Form::Staged => Trigger::OneShot,
        }
    }
}

/// The stage in the middle.
fn work(to_be_handled: &Receiver<Connection>, send: &Sender<Connection>) {
    for mut connection in to_be_handled {
        connection.handle();
        if send.send(connection).is_err() {
            return;
        }
    }
}
