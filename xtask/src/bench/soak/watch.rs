//! One user more, who asks again and again and writes down when an answer is long in coming; and how late the machine woke him,
//! which is not the server's doing.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::timeline::Timeline;

/// Between an answer and the next request.
const PAUSE: Duration = Duration::from_millis(20);
/// What is long: as long as no stop lasts.
const LONG: Duration = Duration::from_secs(1);
/// How long he waits for anything.
const PATIENCE: Duration = Duration::from_secs(60);

/// The longest that was seen.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Longest {
    pub(super) answer: Duration,
    /// Past a pause's end.
    pub(super) late: Duration,
}

impl Longest {
    pub(super) fn max(self, other: Self) -> Self {
        Self { answer: self.answer.max(other.answer), late: self.late.max(other.late) }
    }
}

/// Asks until it is over.
pub(super) fn watch(server: SocketAddr, timeline: &Timeline, is_over: &AtomicBool) -> io::Result<Longest> {
    let mut stream = TcpStream::connect(server)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut longest = Longest::default();
    while !is_over.load(Ordering::Relaxed) {
        let asked = Instant::now();
        ask(&mut stream)?;
        let took = asked.elapsed();
        longest.answer = longest.answer.max(took);
        if took > LONG {
            timeline.tell(asked, "a user waits: GET /plaintext");
        }
        let answered = Instant::now();
        thread::sleep(PAUSE);
        let late = answered.elapsed().saturating_sub(PAUSE);
        longest.late = longest.late.max(late);
        if late > LONG {
            timeline.tell(answered, "the machine wakes a thread late");
        }
    }
    Ok(longest)
}

fn ask(stream: &mut TcpStream) -> io::Result<()> {
    const ENDING: &[u8] = b"Hello, World!";
    stream.write_all(b"GET /plaintext HTTP/1.1\r\nHost: test\r\n\r\n")?;
    let mut answer = Vec::new();
    let mut piece = [0; 1024];
    while !answer.ends_with(ENDING) {
        match stream.read(&mut piece)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            length => answer.extend_from_slice(&piece[..length]),
        }
    }
    Ok(())
}
