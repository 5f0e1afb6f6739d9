//! A server that drains: idle connections close, those with something in flight finish it.

use super::support::{Serving, on_every_engine, script, until};
use corelay::CloseReason;

#[test]
fn idle_connections_close_and_messages_in_flight_are_answered() {
    on_every_engine(|engine| {
        let (protocol, stage) = script();
        let serving = Serving::start(engine, protocol);
        let mut idle = serving.client();
        idle.line();
        let _ = stage.remote();
        let mut part = serving.client();
        part.send("par");
        part.line();
        let _ = stage.remote();
        let mut paused = serving.client();
        paused.send("pause\n");
        assert_eq!([paused.line(), paused.line()], ["hello", "paused"]);
        let remote = stage.remote();
        until("what was sent is there", || {
            serving.status().cores.iter().map(|core| core.received_bytes).sum::<u64>() == 9
        });
        serving.handle.drain();
        assert_eq!(idle.end(), b"");
        assert_eq!(stage.closed(), CloseReason::Drain);
        remote.send("mail".into()).unwrap();
        assert_eq!(paused.end(), b"mail\n");
        assert_eq!(stage.closed(), CloseReason::Drain);
        part.send("t\n");
        assert_eq!(part.end(), b"part\n");
        assert_eq!(stage.closed(), CloseReason::Drain);
        serving.join().unwrap();
    });
}

#[test]
fn what_does_not_end_in_time_is_cut_off() {
    on_every_engine(|engine| {
        let (protocol, stage) = script();
        let mut config = super::support::config(engine, 1);
        config.drain.timeout = std::time::Duration::from_millis(100);
        let serving = Serving::with(config, protocol, corelay::protocol::Terms::default());
        let mut client = serving.client();
        client.send("pause\n");
        assert_eq!([client.line(), client.line()], ["hello", "paused"]);
        let _ = stage.remote();
        serving.handle.drain();
        assert!(matches!(serving.join(), Err(corelay::Error::CutOff { connections: 1 })));
        assert_eq!(stage.closed(), CloseReason::CutOff);
    });
}
