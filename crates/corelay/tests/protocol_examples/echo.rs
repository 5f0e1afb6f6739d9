//! `echo` sends back what it gets, whatever the pieces.

use super::ENGINES;
use super::program::Program;
use std::io::{Read, Write};
use std::net::Shutdown;
use std::thread;

#[test]
fn every_byte_comes_back() {
    for engine in ENGINES {
        let echo = Program::start("echo", engine);
        let mut client = echo.client();
        client.say("hello");
        assert_eq!(client.hear(), "hello");
        let sent: Vec<u8> =
            (0..5_000_000_u32).map(|number| number.to_le_bytes()[number as usize % 3]).collect();
        let mut writer = client.0.get_ref().try_clone().unwrap();
        let mut received = Vec::new();
        thread::scope(|scope| {
            scope.spawn(|| {
                writer.write_all(&sent).unwrap();
                writer.shutdown(Shutdown::Write).unwrap();
            });
            client.0.read_to_end(&mut received).unwrap();
        });
        assert!(received == sent, "on {engine}");
        echo.end();
    }
}

#[test]
fn a_connection_goes_on_in_the_process_that_replaces_its_own() {
    for engine in ENGINES {
        let mut echo = Program::start("echo", engine);
        let (mut idle, mut mute) = (echo.client(), echo.client());
        idle.say("before");
        assert_eq!(idle.hear(), "before");
        // Its answers wait for it to read.
        let sent = mute.write_until_full();
        echo.replace();
        idle.say("after");
        assert_eq!(idle.hear(), "after", "on {engine}");
        assert_eq!(mute.read(sent), vec![b'x'; sent], "on {engine}");
        echo.client().say("and others are let in");
        echo.end();
    }
}
