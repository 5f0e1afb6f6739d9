//! What arrived before the registration is reported after it, whatever the trigger.

mod support;

use corelay_poll::{Interest, Poller, Trigger};
use std::io::{self, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use support::{TOKEN, found, found_tokens};

const TRIGGERS: [Trigger; 3] = [Trigger::Level, Trigger::Edge, Trigger::OneShot];

#[test]
fn bytes_are() -> io::Result<()> {
    for trigger in TRIGGERS {
        let (mut near, far) = UnixStream::pair()?;
        near.write_all(b"a")?;
        let poller = Poller::new()?;
        poller.add(&far, TOKEN, Interest::READ, trigger)?;
        assert_eq!(found_tokens(&poller)?, [TOKEN], "{trigger:?}");
    }
    Ok(())
}

#[test]
fn the_end_of_the_stream_is() -> io::Result<()> {
    for trigger in TRIGGERS {
        let (near, far) = UnixStream::pair()?;
        drop(near);
        let poller = Poller::new()?;
        poller.add(&far, TOKEN, Interest::READ, trigger)?;
        let event = found(&poller)?[0];
        assert!(event.is_readable() && event.is_read_closed(), "{trigger:?}");
    }
    Ok(())
}

/// The client sends at once; an acceptor registers the connection only then.
#[test]
fn a_request_sent_before_the_accept_is() -> io::Result<()> {
    for trigger in TRIGGERS {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let mut client = TcpStream::connect(listener.local_addr()?)?;
        client.write_all(b"GET / HTTP/1.1\r\n\r\n")?;
        let (connection, _) = corelay_poll::socket::accept(&listener)?;
        let poller = Poller::new()?;
        poller.add(&connection, TOKEN, Interest::READ, trigger)?;
        assert_eq!(found_tokens(&poller)?, [TOKEN], "{trigger:?}");
    }
    Ok(())
}

#[test]
fn a_connection_that_waits_in_the_backlog_is() -> io::Result<()> {
    for trigger in TRIGGERS {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let _client = TcpStream::connect(listener.local_addr()?)?;
        let poller = Poller::new()?;
        poller.add(&listener, TOKEN, Interest::READ, trigger)?;
        assert_eq!(found_tokens(&poller)?, [TOKEN], "{trigger:?}");
    }
    Ok(())
}
