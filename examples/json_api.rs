//! A JSON interface to notes kept in memory: create, read, replace, delete, list.
//!
//! Shows [`State`] shared by all cores, [`Path`] and [`Json`] in both directions, and errors as values: a
//! handler returns `Result`, and each side of it is a response.
//!
//! ```text
//! cargo run --release --example json_api
//! curl -i http://127.0.0.1:8080/notes -H 'content-type: application/json' -d '{"title":"Milk","done":false}'
//! curl http://127.0.0.1:8080/notes/1
//! curl http://127.0.0.1:8080/notes/1 -X PUT -H 'content-type: application/json' -d '{"title":"Milk","done":true}'
//! curl -i http://127.0.0.1:8080/notes/1 -X DELETE
//! ```

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use corelay::http::{IntoResponse, Json, Path, Response, State, StatusCode};
use corelay::{Router, Server};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Note {
    title: String,
    done: bool,
}

/// A note as it is listed: with the number it is reached by.
#[derive(Debug, Serialize)]
struct Numbered {
    id: u64,
    #[serde(flatten)]
    note: Note,
}

/// All notes, behind one lock: the simplest thing that is right. A handler may block, so waiting for it is
/// fine.
#[derive(Debug, Default)]
struct Notes(Mutex<BTreeMap<u64, Note>>);

impl Notes {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<u64, Note>> {
        // Each change below is one call on the map, so a panic elsewhere leaves nothing half done.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a handler answers when there is no such note.
#[derive(Debug)]
struct NoSuchNote(u64);

impl IntoResponse for NoSuchNote {
    fn into_response(self) -> Response {
        (StatusCode::NOT_FOUND, format!("there is no note {}\n", self.0)).into_response()
    }
}

fn list(notes: State<Notes>) -> Json<Vec<Numbered>> {
    Json(notes.lock().iter().map(|(&id, note)| Numbered { id, note: note.clone() }).collect())
}

fn create(notes: State<Notes>, Json(note): Json<Note>) -> Response {
    let mut notes = notes.lock();
    let id = notes.last_key_value().map_or(1, |(last, _)| last + 1);
    notes.insert(id, note.clone());
    let made = (StatusCode::CREATED, Json(Numbered { id, note }));
    made.into_response().header("location", format!("/notes/{id}"))
}

fn read(notes: State<Notes>, Path(id): Path<u64>) -> Result<Json<Note>, NoSuchNote> {
    notes.lock().get(&id).cloned().map(Json).ok_or(NoSuchNote(id))
}

fn replace(
    notes: State<Notes>,
    Path(id): Path<u64>,
    Json(new): Json<Note>,
) -> Result<Json<Note>, NoSuchNote> {
    let mut notes = notes.lock();
    let note = notes.get_mut(&id).ok_or(NoSuchNote(id))?;
    note.clone_from(&new);
    Ok(Json(new))
}

fn delete(notes: State<Notes>, Path(id): Path<u64>) -> Result<StatusCode, NoSuchNote> {
    notes.lock().remove(&id).map(|_| StatusCode::NO_CONTENT).ok_or(NoSuchNote(id))
}

fn main() -> corelay::Result<()> {
    let app = Router::new()
        .get("/notes", list)
        .post("/notes", create)
        .get("/notes/{id}", read)
        .put("/notes/{id}", replace)
        .delete("/notes/{id}", delete)
        .state(Notes::default());
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8080".to_owned());
    let server = Server::bind(&address)?;
    println!("listening on http://{}", server.addresses()[0]);
    server.serve(app)
}
