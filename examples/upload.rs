//! A drop box for files of any size: written to disk as they arrive, read from disk as they leave, never
//! whole in memory.
//!
//! Shows [`Body`] as a [`std::io::Read`], [`Response::reader`] as its opposite, `.blocking()` on routes that
//! wait for a disk, and `?` on `io::Result` in a handler.
//!
//! ```text
//! cargo run --release --example upload
//! curl -T some.file http://127.0.0.1:8080/files/
//! curl -O http://127.0.0.1:8080/files/some.file
//! ```

use std::fs::File;
use std::io;
use std::path::PathBuf;

use corelay::http::{Body, IntoResponse, Path, Response, State, StatusCode, endpoint};
use corelay::{Router, Server};

/// The directory the files live in.
#[derive(Debug)]
struct Folder {
    path: PathBuf,
}

impl Folder {
    /// Where a file of this name lives. A name that could mean anything but a file in here is refused.
    fn file(&self, name: &str) -> Result<PathBuf, StatusCode> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        let allowed =
            !name.is_empty() && name.len() <= 100 && !name.starts_with('.') && name.bytes().all(plain);
        if allowed { Ok(self.path.join(name)) } else { Err(StatusCode::BAD_REQUEST) }
    }
}

/// Stores the body under a name of its own first: a file is seen whole or not at all, also when the peer goes
/// away.
fn store(folder: State<Folder>, Path(name): Path<String>, mut body: Body) -> Result<Response, Failure> {
    let path = folder.file(&name).map_err(Failure::Refused)?;
    let mut part = tempfile::NamedTempFile::new_in(&folder.path)?;
    let bytes = io::copy(&mut body, &mut part)?;
    part.persist(path).map_err(|error| error.error)?;
    Ok((StatusCode::CREATED, format!("{bytes} bytes\n")).into_response())
}

fn fetch(folder: State<Folder>, Path(name): Path<String>) -> Result<Response, Failure> {
    let file = File::open(folder.file(&name).map_err(Failure::Refused)?)?;
    let length = file.metadata()?.len();
    Ok(Response::reader(file, Some(length)).header("content-type", "application/octet-stream"))
}

/// Why a file was not stored or not fetched.
#[derive(Debug)]
enum Failure {
    Refused(StatusCode),
    Io(io::Error),
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        match self {
            Self::Refused(status) => status.into_response(),
            Self::Io(error) if error.kind() == io::ErrorKind::NotFound => {
                StatusCode::NOT_FOUND.into_response()
            }
            // An error of the body knows its own status: 413 for too large, 408 for too slow. Any other is a
            // 500.
            Self::Io(error) => error.into_response(),
        }
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let address = arguments.next().unwrap_or_else(|| "127.0.0.1:8080".to_owned());
    let folder = arguments.next().map_or_else(|| std::env::temp_dir().join("corelay-upload"), PathBuf::from);
    std::fs::create_dir_all(&folder)?;
    let app = Router::new()
        .put("/files/{name}", endpoint(store).blocking())
        .get("/files/{name}", endpoint(fetch).blocking())
        .state(Folder { path: folder });
    let server = Server::bind(&address)?;
    println!("listening on http://{}", server.addresses()[0]);
    server.serve(app)?;
    Ok(())
}
