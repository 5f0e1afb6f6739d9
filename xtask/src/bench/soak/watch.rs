//! One user more, who asks again and again and writes down when an answer is long in coming.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::timeline::Timeline;

/// Between an answer and the next request.
const PAUSE: Duration = Duration::from_millis(20);
/// What is long: as long as no stop lasts.
pub(super) const LONG: Duration = Duration::from_secs(1);
/// How long he waits for anything.
const PATIENCE: Duration = Duration::from_secs(60);

/// Asks until it is over; the longest that an answer took.
pub(super) fn watch(server: SocketAddr, timeline: &Timeline, is_over: &AtomicBool) -> io::Result<Duration> {
    let mut stream = TcpStream::connect(server)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut longest = Duration::ZERO;
    while !is_over.load(Ordering::Relaxed) {
        let asked = Instant::now();
        ask(&mut stream)?;
        let took = asked.elapsed();
        longest = longest.max(took);
        if took > LONG {
            timeline.tell(asked, "a user waits: GET /plaintext");
        }
        thread::sleep(PAUSE);
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
