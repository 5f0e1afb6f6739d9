//! Child: readable from the exit of its process on.

mod support;

use corelay_poll::{Child, Interest, Poller, Token, Trigger};
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};
use support::{TOKEN, found_tokens, silent};

/// Lives until its standard input is closed, then exits with `code`.
fn lives_until_told(code: i32) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", &format!("read line; exit {code}")]).stdin(Stdio::piped());
    command
}

#[test]
fn a_running_child_is_silent_and_an_exited_one_is_readable_for_good() -> io::Result<()> {
    let poller = Poller::new()?;
    let mut child = Child::spawn(&mut lives_until_told(7))?;
    poller.add(&child, TOKEN, Interest::READ, Trigger::Level)?;
    assert!(silent(&poller)?);
    assert!(child.try_wait()?.is_none());

    drop(child.process_mut().stdin.take());
    let status = loop {
        assert_eq!(found_tokens(&poller)?, [TOKEN]);
        if let Some(status) = child.try_wait()? {
            break status;
        }
    };
    assert_eq!(status.code(), Some(7));
    assert_eq!(child.try_wait()?, Some(status), "the answer stays");
    assert_eq!(found_tokens(&poller)?, [TOKEN], "reaped, it is still over");
    Ok(())
}

#[test]
fn of_several_children_the_one_that_exits_is_reported() -> io::Result<()> {
    let poller = Poller::new()?;
    let mut children = Vec::new();
    for slot in 0..5 {
        let child = Child::spawn(&mut lives_until_told(0))?;
        poller.add(&child, Token::new(slot, 0), Interest::READ, Trigger::Level)?;
        children.push(child);
    }
    for slot in [3, 0, 4, 1, 2] {
        let child = &mut children[slot as usize];
        drop(child.process_mut().stdin.take());
        assert_eq!(found_tokens(&poller)?, [Token::new(slot, 0)]);
        poller.delete(&*child)?;
        child.process_mut().wait()?;
    }
    assert!(silent(&poller)?);
    Ok(())
}

#[test]
fn a_killed_child_has_exited_too() -> io::Result<()> {
    let poller = Poller::new()?;
    let mut child = Child::spawn(&mut lives_until_told(0))?;
    poller.add(&child, TOKEN, Interest::READ, Trigger::Level)?;
    child.process_mut().kill()?;
    assert_eq!(found_tokens(&poller)?, [TOKEN]);
    assert_eq!(child.process_mut().wait()?.signal(), Some(9));
    Ok(())
}

#[test]
fn a_process_from_elsewhere_can_be_watched_running_exited_or_reaped() -> io::Result<()> {
    for reaped in [false, true] {
        let mut process = lives_until_told(3).spawn()?;
        if reaped {
            process.wait()?; // also closes its input
        }
        let poller = Poller::new()?;
        let mut child = Child::try_from(process)?;
        poller.add(&child, TOKEN, Interest::READ, Trigger::Level)?;
        assert_eq!(silent(&poller)?, !reaped);
        drop(child.process_mut().stdin.take());
        assert_eq!(found_tokens(&poller)?, [TOKEN]);
        assert_eq!(child.process_mut().wait()?.code(), Some(3));
    }
    Ok(())
}
