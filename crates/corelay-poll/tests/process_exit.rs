//! Process: readable from the exit of a process that is no child on.

mod support;

use corelay_poll::{Interest, Poller, Process, Token, Trigger};
use std::io;
use std::process::{Command, Stdio};
use support::{TOKEN, found_tokens, silent};

#[test]
fn a_running_process_is_silent_and_an_exited_one_is_readable_for_good() -> io::Result<()> {
    let poller = Poller::new()?;
    let mut child = Command::new("sh").args(["-c", "read line"]).stdin(Stdio::piped()).spawn()?;
    let process = Process::watch(child.id())?;
    poller.add(&process, TOKEN, Interest::READ, Trigger::Level)?;
    assert!(silent(&poller)?);
    drop(child.stdin.take());
    assert_eq!(found_tokens(&poller)?, [TOKEN]);
    child.wait()?;
    assert_eq!(found_tokens(&poller)?, [TOKEN], "reaped, it is still over");
    Ok(())
}

#[test]
fn a_process_that_does_not_exist_has_exited() -> io::Result<()> {
    let mut child = Command::new("true").spawn()?;
    child.wait()?;
    let poller = Poller::new()?;
    let process = Process::watch(child.id())?;
    poller.add(&process, Token::new(1, 0), Interest::READ, Trigger::Level)?;
    assert_eq!(found_tokens(&poller)?, [Token::new(1, 0)]);
    Ok(())
}

#[test]
fn the_parent_lives() -> io::Result<()> {
    let poller = Poller::new()?;
    let parent = Process::parent()?;
    poller.add(&parent, TOKEN, Interest::READ, Trigger::Level)?;
    assert!(silent(&poller)?);
    Ok(())
}
