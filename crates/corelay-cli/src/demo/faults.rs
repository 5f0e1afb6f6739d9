//! `/fault/…`: handlers as one hopes not to write them, to see that a server survives them. Served with `--fault-routes` only.

use std::hint::black_box;

use corelay::Router;
use corelay::http::{Path, StatusCode};

/// Memory is taken this much at a time, in bytes: so much that allocators ask the kernel for it, and give it back at once.
const PIECE_BYTES: usize = 64 << 20;
/// What is written to all of it.
static ONES: [u8; 1 << 20] = [1; 1 << 20];

/// Adds them.
pub(super) fn add_to(router: Router) -> Router {
    router.get("/fault/panic", panic).get("/fault/hang", hang).get("/fault/allocate/{bytes}", allocate)
}

/// `GET /fault/panic`: panics.
fn panic() -> &'static str {
    panic!("asked for by /fault/panic")
}

/// `GET /fault/hang`: never returns.
fn hang() -> &'static str {
    loop {
        std::thread::park();
    }
}

/// `GET /fault/allocate/{bytes}`: takes that much memory, writes to all of it, gives it back and says how much it was. Where
/// there is not so much: 503, with what there was.
fn allocate(Path(bytes): Path<usize>) -> (StatusCode, String) {
    let mut pieces = Vec::new();
    let mut taken = 0;
    while taken < bytes {
        let Some(piece) = written(PIECE_BYTES.min(bytes - taken)) else {
            return (StatusCode::SERVICE_UNAVAILABLE, format!("{taken} bytes, and no more"));
        };
        taken += piece.len();
        pieces.push(black_box(piece));
    }
    (StatusCode::OK, format!("{taken} bytes"))
}

/// Memory that is really there, if it is. The last piece is as large as the others, though not all of it is used: an allocator that
/// has had a smaller one back would keep the next.
fn written(bytes: usize) -> Option<Vec<u8>> {
    let mut piece = Vec::new();
    piece.try_reserve_exact(PIECE_BYTES).ok()?;
    while piece.len() < bytes {
        piece.extend_from_slice(&ONES[..ONES.len().min(bytes - piece.len())]);
    }
    Some(piece)
}
