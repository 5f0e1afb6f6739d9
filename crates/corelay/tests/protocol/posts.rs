//! Errands: run on another core, in order, with the answer coming home as mail.

use super::support::{Serving, config, on_every_engine, until};
use corelay::config::Engine;
use corelay::protocol::{Framed, FramedPeer, Lines, Messages, Step, Terms};
use corelay::{CloseReason, ServerHandle};
use std::sync::Mutex;
use std::thread;

/// `N`: counts at core N, and answers with the count and the thread that did it.
struct Counts {
    lines: Lines,
    counts: [Mutex<u64>; 2],
}

impl Counts {
    fn new() -> Framed<Self> {
        Framed::new(Self { lines: Lines::new(100), counts: Default::default() })
    }
}

impl Messages for Counts {
    type Codec = Lines;
    type State = ();
    type Mail = String;

    fn codec(&self) -> &Lines {
        &self.lines
    }

    fn opened(&self, _: &mut FramedPeer<'_, '_, Self>) -> Result<(), CloseReason> {
        Ok(())
    }

    fn message(&self, _: &mut (), line: &[u8], peer: &mut FramedPeer<'_, '_, Self>) -> Step {
        let core = usize::from(line.first().copied().unwrap_or_default() - b'0');
        let remote = peer.remote();
        peer.post(core, move |protocol| {
            let mut count = protocol.messages().counts[core].lock().unwrap();
            *count += 1;
            let name = thread::current().name().unwrap_or_default().to_owned();
            let _ = remote.send(format!("{count} by {name}"));
        });
        Step::Pause
    }

    fn delivered(&self, _: &mut (), mail: String, peer: &mut FramedPeer<'_, '_, Self>) -> Step {
        peer.answer(mail.as_bytes())
    }
}

#[test]
fn each_is_answered_once_and_in_order() {
    on_every_engine(|engine| {
        let serving = Serving::with(config(engine, 2), Counts::new(), Terms::default());
        let mut client = serving.client();
        for round in 1..=500 {
            client.send("0\n1\n");
            for core in 0..2 {
                let line = client.line();
                assert!(line.starts_with(&format!("{round} by ")), "{line}");
                if engine == Engine::Cores && !serving.has_relayed() {
                    assert!(line.ends_with(&format!("corelay-core-{core}")), "{line}");
                }
            }
        }
        serving.end().unwrap();
    });
}

impl Serving {
    /// A core that was relayed is another thread's by now.
    fn has_relayed(&self) -> bool {
        self.status().cores.iter().any(|core| core.core_relays > 0)
    }
}

/// A core without connections waits for errands of those that have some.
#[test]
fn errands_are_run_to_the_end_of_the_drain() {
    for _ in 0..20 {
        let serving = Serving::with(config(Engine::Cores, 2), Counts::new(), Terms::default());
        let mut client = serving.client();
        client.send("0\n1\n0\n1\n");
        client.line();
        drain(&serving.handle);
        let rest = String::from_utf8(client.end()).unwrap();
        assert!(rest.lines().count() <= 3, "{rest}");
        serving.join().unwrap();
    }
}

fn drain(handle: &ServerHandle) {
    handle.drain();
    until("it drains", || !handle.status().ready);
}
