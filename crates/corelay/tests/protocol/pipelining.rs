//! Many messages at once, from a peer that reads and from one that does not.

use super::support::{Serving, on_every_engine, script};
use std::io::Write;

#[test]
fn ten_thousand_messages_at_once_are_answered_in_order() {
    on_every_engine(|engine| {
        let serving = Serving::start(engine, script().0);
        let mut client = serving.client();
        let mut writer = client.0.get_ref().try_clone().unwrap();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let lines: String = (0..10_000).map(|number| format!("{number}\n")).collect();
                writer.write_all(lines.as_bytes()).unwrap();
            });
            assert_eq!(client.line(), "hello");
            for number in 0..10_000 {
                assert_eq!(client.line(), number.to_string());
            }
        });
        let counted = || serving.status().cores.iter().map(|core| core.requests).sum::<u64>();
        assert_eq!(counted(), 10_000);
        serving.end().unwrap();
    });
}

#[test]
fn a_peer_that_does_not_read_is_not_read_from() {
    on_every_engine(|engine| {
        let serving = Serving::start(engine, script().0);
        let mut client = serving.client();
        client.0.get_ref().set_nonblocking(true).unwrap();
        let line = format!("{}\n", "x".repeat(999));
        let lines = line.repeat(1000);
        let (mut sent, mut blocked) = (0, 0);
        // A socket that takes nothing for so many looks is full, as is what the server holds.
        while blocked < 10_000 {
            match client.0.get_mut().write(&lines.as_bytes()[sent % 1000..]) {
                Ok(count) => (sent, blocked) = (sent + count, 0),
                Err(_) => blocked += 1,
            }
            std::thread::yield_now();
        }
        assert!(sent > lines.len(), "{sent}");
        client.0.get_ref().set_nonblocking(false).unwrap();
        let mut other = serving.client();
        assert_eq!(other.line(), "hello");
        assert_eq!(other.ask("served"), "served");
        // And now it reads all of it, and the server what it has sent.
        assert_eq!(client.line(), "hello");
        for _ in 0..sent / 1000 {
            assert_eq!(client.line().len(), 999);
        }
        client.send(&line[sent % 1000..]);
        assert_eq!(client.line(), line[..999]);
        serving.end().unwrap();
    });
}
