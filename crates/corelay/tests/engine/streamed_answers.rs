//! A streamed answer is made as fast as its reader takes it, and keeps nobody else waiting.

use super::support::Serving;
use bytes::Bytes;
use corelay::Router;
use corelay::http::Response;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

const CHUNK_BYTES: usize = 64 * 1024;
/// More than any kernel keeps for a reader that does not read.
const CHUNKS: usize = 1024;

fn router(asked: Arc<AtomicUsize>) -> Router {
    let chunk = Bytes::from(vec![b'x'; CHUNK_BYTES]);
    let stream = move || {
        let (chunk, asked) = (chunk.clone(), asked.clone());
        let chunks = (0..CHUNKS).map(move |_| {
            asked.fetch_add(1, Ordering::Relaxed);
            Ok(chunk.clone())
        });
        Response::chunks(chunks)
    };
    Router::new().get("/stream", stream).get("/", || "at once")
}

#[test]
fn an_iterator_is_asked_for_more_only_as_its_reader_reads() {
    let asked = Arc::new(AtomicUsize::new(0));
    let serving = Serving::start(router(asked.clone()));
    let (mut slow, mut other) = (serving.client(), serving.client());
    slow.send("GET /stream HTTP/1.1\r\nHost: test\r\n\r\nGET / HTTP/1.1\r\nHost: test\r\n\r\n");
    assert!(slow.head().contains("Transfer-Encoding: chunked"));
    for _ in 0..100 {
        assert_eq!(other.get("/").text(), "at once");
    }
    assert!(asked.load(Ordering::Relaxed) < CHUNKS, "the stream waits for its reader");
    let mut received = 0;
    while let Some(chunk) = slow.chunk() {
        assert!(chunk.iter().all(|byte| *byte == b'x'));
        received += chunk.len();
    }
    assert_eq!((received, asked.load(Ordering::Relaxed)), (CHUNKS * CHUNK_BYTES, CHUNKS));
    assert_eq!(slow.answer().text(), "at once", "the request behind it");
    serving.end().unwrap();
}

#[test]
fn an_iterator_nobody_listens_to_is_dropped() {
    struct Listened(Arc<AtomicUsize>);
    impl Drop for Listened {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
    let dropped = Arc::new(AtomicUsize::new(0));
    let drops = dropped.clone();
    let endless = move || {
        let listened = Listened(drops.clone());
        let chunk = Bytes::from_static(&[b'x'; CHUNK_BYTES]);
        Response::chunks(std::iter::repeat_with(move || {
            let _held = &listened;
            Ok(chunk.clone())
        }))
    };
    let serving = Serving::start(Router::new().get("/", endless));
    for count in 1..=3 {
        let mut client = serving.client();
        client.send("GET / HTTP/1.1\r\nHost: test\r\n\r\n");
        assert_eq!(client.head().split(' ').nth(1), Some("200"));
        drop(client);
        super::support::until("the iterator is dropped", || dropped.load(Ordering::Relaxed) == count);
    }
    serving.end().unwrap();
}
