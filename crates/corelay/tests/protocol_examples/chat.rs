//! `chat` is what its page says.

use super::ENGINES;
use super::program::{Client, Program};

fn join(chat: &Program, name: &str) -> Client {
    let mut client = chat.client();
    assert_eq!(client.hear(), "* welcome. What is your name?", "the server speaks first");
    client.say(name);
    assert_eq!(client.hear(), format!("* {name} is here"));
    client
}

#[test]
fn a_line_goes_to_everybody() {
    for engine in ENGINES {
        let chat = Program::start("chat", engine);
        let mut ada = join(&chat, "ada");
        let mut crowd: Vec<Client> = (0..50).map(|number| join(&chat, &format!("guest-{number}"))).collect();
        for number in 0..50 {
            assert_eq!(ada.hear(), format!("* guest-{number} is here"));
        }
        ada.say("good morning");
        assert_eq!(ada.hear(), "ada: good morning");
        for (number, guest) in crowd.iter_mut().enumerate() {
            for later in number + 1..50 {
                assert_eq!(guest.hear(), format!("* guest-{later} is here"));
            }
            assert_eq!(guest.hear(), "ada: good morning", "on {engine}");
        }
        let mut twin = chat.client();
        twin.hear();
        twin.say("ada");
        assert_eq!(twin.hear(), "* somebody is called so already. And you?");
        drop(crowd);
        let mut gone: Vec<String> = (0..50).map(|_| ada.hear()).collect();
        gone.sort();
        gone.dedup();
        assert_eq!(gone.len(), 50, "each is said to be gone: {gone:?}");
        assert!(gone.iter().all(|line| line.ends_with(" is gone")), "{gone:?}");
        ada.say("/who");
        assert_eq!(ada.hear(), "ada");
        ada.say("/quit");
        assert_eq!([ada.hear(), ada.hear()], ["* goodbye", ""]);
        chat.end();
    }
}

#[test]
fn who_reads_too_slowly_is_dropped_by_name_and_holds_up_nobody() {
    for engine in ENGINES {
        let chat = Program::start("chat", engine);
        let mut ada = join(&chat, "ada");
        let sloth = join(&chat, "sloth");
        assert_eq!(ada.hear(), "* sloth is here");
        let line = "x".repeat(4000);
        let mut heard = 0;
        loop {
            ada.say(&line);
            let mut said = ada.hear();
            if said == "* sloth was too slow" {
                said = ada.hear();
            } else if heard < 100_000 {
                heard += 1;
                assert_eq!(said, format!("ada: {line}"));
                continue;
            }
            assert_eq!(said, format!("ada: {line}"), "on {engine}, after {heard} lines");
            break;
        }
        ada.say("/who");
        assert_eq!(ada.hear(), "ada");
        drop(sloth);
        chat.end();
    }
}

#[test]
fn when_the_server_stops_it_says_so() {
    for engine in ENGINES {
        let chat = Program::start("chat", engine);
        let mut ada = join(&chat, "ada");
        chat.stop();
        assert_eq!([ada.hear(), ada.hear()], ["* the server stops. Goodbye", ""], "on {engine}");
        chat.wait();
    }
}
