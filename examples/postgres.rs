//! Notes in a PostgreSQL database: list, create, read, replace, delete, as JSON. Plain functions that wait for
//! the database; no async anywhere.
//!
//! `examples/postgres.sh` starts a database and this program with it:
//!
//! ```text
//! curl -i http://127.0.0.1:8080/notes -H 'content-type: application/json' -d '{"title":"Milk","text":"2 l"}'
//! curl http://127.0.0.1:8080/notes/1
//! curl http://127.0.0.1:8080/notes/1 -X PUT -H 'content-type: application/json' -d '{"title":"Milk","text":"3 l","version":1}'
//! curl 'http://127.0.0.1:8080/notes?after=0&limit=10'
//! curl -i http://127.0.0.1:8080/notes/1 -X DELETE
//! ```
//!
//! The argument is the address. The environment: `DATABASE_URL`, `NOTES_POOL` (connections to the database,
//! 16), `NOTES_BLOCKING=1` (send these routes to service threads up front), `CORELAY_CPUS` (such as `0,1`).
//!
//! Refused: 400 a number or query that is none, 404 no such note, 409 a title that is taken or a version that
//! is not the last, 422 a note that breaks the rules of [`Draft::check`], 503 no database.

use std::error::Error;
use std::time::Duration;

use corelay::config::{Config, Cores};
use corelay::http::{
    EndpointBuilder, Handler, IntoResponse, Json, Path, Query, Response, State, StatusCode, endpoint,
};
use corelay::{Router, Server};
use postgres::error::{Severity, SqlState};
use postgres::{Client, NoTls, Row, Statement};
use serde::{Deserialize, Serialize};

/// The longest title and text, in characters; the table checks them too.
const TITLE_CHARS_MAX: usize = 200;
const TEXT_CHARS_MAX: usize = 10_000;
/// The most notes of one answer, and how many there are if the query does not say.
const PAGE_MAX: i64 = 100;
const PAGE_DEFAULT: i64 = 50;
/// Connections to the database, unless `NOTES_POOL` says otherwise.
const POOL_DEFAULT: u32 = 16;
/// How long a request waits for a connection to the database.
const POOL_PATIENCE: Duration = Duration::from_secs(5);

fn main() -> Result<(), Box<dyn Error>> {
    let url = std::env::var("DATABASE_URL")
        .map_err(|_| "DATABASE_URL is not set: examples/postgres.sh starts a database and sets it")?;
    let pool_size = number("NOTES_POOL")?.unwrap_or(POOL_DEFAULT);
    let blocking = number("NOTES_BLOCKING")?.is_some_and(|flag| flag != 0);
    let mut config = Config::default();
    if let Ok(list) = std::env::var("CORELAY_CPUS") {
        config.cores = Cores::Cpus(list.split(',').map(str::parse).collect::<Result<_, _>>()?);
    }
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8080".to_owned());
    let pool = r2d2::Pool::builder()
        .max_size(pool_size)
        .connection_timeout(POOL_PATIENCE)
        // A question to the database before every other one would double the waiting; a connection that broke
        // is noticed by the request that meets it and replaced.
        .test_on_check_out(false)
        .build(Database::at(&url)?)?;
    let server = Server::new(config).listen(address.parse()?)?;
    println!("listening on http://{}", server.addresses()[0]);
    Ok(server.serve(routes(blocking).state(pool))?)
}

fn routes(blocking: bool) -> Router {
    Router::new()
        .get("/health", || "ok\n")
        .get("/notes", placed(list, blocking))
        .post("/notes", placed(create, blocking))
        .get("/notes/{id}", placed(read, blocking))
        .put("/notes/{id}", placed(replace, blocking))
        .delete("/notes/{id}", placed(delete, blocking))
}

/// Where a handler runs: on a service thread, or where corelay finds best.
fn placed<M, H: Handler<M>>(handler: H, blocking: bool) -> EndpointBuilder<H, M> {
    if blocking { endpoint(handler).blocking() } else { endpoint(handler) }
}

/// A number in the environment, if the variable is there.
fn number(variable: &str) -> Result<Option<u32>, Box<dyn Error>> {
    let Ok(text) = std::env::var(variable) else { return Ok(None) };
    let number = text.parse().map_err(|error| format!("{variable}={text}: {error}"))?;
    Ok(Some(number))
}

/// What a client sends to make a note.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Draft {
    title: String,
    #[serde(default)]
    text: String,
}

/// What a client sends to replace a note: with the version that it read.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Replacement {
    title: String,
    text: String,
    version: i64,
}

#[derive(Serialize)]
struct Note {
    id: i64,
    title: String,
    text: String,
    version: i64,
}

/// Which notes to list: those after this number, and how many.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Page {
    #[serde(default)]
    after: i64,
    limit: Option<i64>,
}

impl Draft {
    /// The rules that a title and a text keep.
    fn check(self) -> Result<Self, Refusal> {
        let title_chars = self.title.chars().count();
        if self.title.trim().is_empty() || title_chars > TITLE_CHARS_MAX {
            return Err(Refusal::Invalid("a title has 1 to 200 characters, not all of them blank"));
        }
        if self.text.chars().count() > TEXT_CHARS_MAX {
            return Err(Refusal::Invalid("a text has at most 10000 characters"));
        }
        if self.title.contains('\0') || self.text.contains('\0') {
            return Err(Refusal::Invalid("PostgreSQL stores no U+0000"));
        }
        Ok(self)
    }
}

impl Note {
    /// From the columns in the order that every statement gives them.
    fn from_row(row: &Row) -> Self {
        Self { id: row.get(0), title: row.get(1), text: row.get(2), version: row.get(3) }
    }
}

fn list(pool: State<Pool>, Query(page): Query<Page>) -> Result<Json<Vec<Note>>, Refusal> {
    let limit = page.limit.unwrap_or(PAGE_DEFAULT);
    if !(1..=PAGE_MAX).contains(&limit) {
        return Err(Refusal::Malformed("limit is between 1 and 100"));
    }
    let session = &mut *pool.get()?;
    let rows = session.client.query(&session.list, &[&page.after, &limit]);
    let rows = session.heed(rows)?;
    Ok(Json(rows.iter().map(Note::from_row).collect()))
}

fn create(pool: State<Pool>, Json(draft): Json<Draft>) -> Result<Response, Refusal> {
    let Draft { title, text } = draft.check()?;
    let session = &mut *pool.get()?;
    let row = session.client.query_one(&session.create, &[&title, &text]);
    let note = Note::from_row(&session.heed(row)?);
    let location = format!("/notes/{}", note.id);
    Ok((StatusCode::CREATED, Json(note)).into_response().header("location", location))
}

fn read(pool: State<Pool>, Path(id): Path<i64>) -> Result<Json<Note>, Refusal> {
    let session = &mut *pool.get()?;
    let row = session.client.query_opt(&session.read, &[&id]);
    session.heed(row)?.map(|row| Json(Note::from_row(&row))).ok_or(Refusal::NoSuchNote(id))
}

fn replace(
    pool: State<Pool>,
    Path(id): Path<i64>,
    Json(Replacement { title, text, version }): Json<Replacement>,
) -> Result<Json<Note>, Refusal> {
    let Draft { title, text } = Draft { title, text }.check()?;
    let session = &mut *pool.get()?;
    let row = session.client.query_opt(&session.replace, &[&id, &title, &text, &version]);
    if let Some(row) = session.heed(row)? {
        return Ok(Json(Note::from_row(&row)));
    }
    // Nothing was replaced: there is no such note, or it has moved on.
    let row = session.client.query_opt(&session.read, &[&id]);
    match session.heed(row)? {
        Some(row) => Err(Refusal::Stale { last: Note::from_row(&row).version }),
        None => Err(Refusal::NoSuchNote(id)),
    }
}

fn delete(pool: State<Pool>, Path(id): Path<i64>) -> Result<StatusCode, Refusal> {
    let session = &mut *pool.get()?;
    let deleted = session.client.execute(&session.delete, &[&id]);
    match session.heed(deleted)? {
        0 => Err(Refusal::NoSuchNote(id)),
        _ => Ok(StatusCode::NO_CONTENT),
    }
}

/// Why a request does not get what it asks for.
enum Refusal {
    Malformed(&'static str),
    Invalid(&'static str),
    NoSuchNote(i64),
    TitleTaken,
    Stale {
        last: i64,
    },
    /// No connection became free, or the database is away or overloaded: later it may work.
    Unavailable(Box<dyn Error>),
    /// Our mistake.
    Failed(postgres::Error),
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        match self {
            Self::Malformed(why) => (StatusCode::BAD_REQUEST, format!("{why}\n")).into_response(),
            Self::Invalid(why) => (StatusCode::UNPROCESSABLE_ENTITY, format!("{why}\n")).into_response(),
            Self::NoSuchNote(id) => {
                (StatusCode::NOT_FOUND, format!("there is no note {id}\n")).into_response()
            }
            Self::TitleTaken => (StatusCode::CONFLICT, "another note has this title\n").into_response(),
            Self::Stale { last } => {
                (StatusCode::CONFLICT, format!("the note is at version {last} now\n")).into_response()
            }
            Self::Unavailable(error) => {
                log(&*error);
                (StatusCode::SERVICE_UNAVAILABLE, [("retry-after", "1")], "no database\n").into_response()
            }
            Self::Failed(error) => {
                log(&error);
                StatusCode::INTERNAL_SERVER_ERROR.into_response()
            }
        }
    }
}

/// What went wrong is for the log, not for the client; the database's own words are in the error's source.
fn log(error: &dyn Error) {
    let source = error.source().map(|source| format!(": {source}")).unwrap_or_default();
    eprintln!("database: {error}{source}");
}

impl From<r2d2::Error> for Refusal {
    fn from(error: r2d2::Error) -> Self {
        Self::Unavailable(error.into())
    }
}

impl From<postgres::Error> for Refusal {
    fn from(error: postgres::Error) -> Self {
        // Classes 53 and 57 (PostgreSQL, appendix A): short of resources; stopping, or a time limit.
        let passes = |state: &SqlState| state.code().starts_with("53") || state.code().starts_with("57");
        match error.code() {
            Some(&SqlState::UNIQUE_VIOLATION) => Self::TitleTaken,
            Some(state) if passes(state) => Self::Unavailable(error.into()),
            None if error.is_closed() || is_io(&error) => Self::Unavailable(error.into()),
            _ => Self::Failed(error),
        }
    }
}

/// Whether the connection failed, and not the database.
fn is_io(error: &postgres::Error) -> bool {
    error.source().is_some_and(|source| source.is::<std::io::Error>())
}

/// Connections that wait for requests.
type Pool = r2d2::Pool<Database>;

/// Where the database is: opens the pool's connections.
struct Database(postgres::Config);

/// One connection with its statements, which the database parsed once.
struct Session {
    client: Client,
    list: Statement,
    create: Statement,
    read: Statement,
    replace: Statement,
    delete: Statement,
    /// The database has ended it, or it failed. The client itself finds out at its next question only.
    ended: bool,
}

impl Session {
    /// What the database said, noting whether those were its last words.
    fn heed<T>(&mut self, answer: Result<T, postgres::Error>) -> Result<T, postgres::Error> {
        let ends = |error: &postgres::Error| match error.as_db_error() {
            Some(said) => matches!(said.parsed_severity(), Some(Severity::Fatal | Severity::Panic)),
            None => error.is_closed() || is_io(error),
        };
        self.ended |= answer.as_ref().is_err_and(ends);
        answer
    }
}

impl Database {
    fn at(url: &str) -> Result<Self, postgres::Error> {
        let mut config: postgres::Config = url.parse()?;
        if config.get_options().is_none() {
            // A lock that somebody else holds is not waited for without end.
            config.options("-c statement_timeout=10s");
        }
        Ok(Self(config))
    }
}

impl r2d2::ManageConnection for Database {
    type Connection = Session;
    type Error = postgres::Error;

    fn connect(&self) -> Result<Session, postgres::Error> {
        let mut client = self.0.connect(NoTls)?;
        Ok(Session {
            list: client.prepare("select id, title, text, version from notes where id > $1 order by id limit $2")?,
            create: client.prepare(
                "insert into notes (title, text) values ($1, $2) returning id, title, text, version",
            )?,
            read: client.prepare("select id, title, text, version from notes where id = $1")?,
            replace: client.prepare(
                "update notes set title = $2, text = $3, version = version + 1 where id = $1 and version = $4 \
                 returning id, title, text, version",
            )?,
            delete: client.prepare("delete from notes where id = $1")?,
            client,
            ended: false,
        })
    }

    fn is_valid(&self, session: &mut Session) -> Result<(), postgres::Error> {
        session.client.is_valid(POOL_PATIENCE)
    }

    fn has_broken(&self, session: &mut Session) -> bool {
        session.ended || session.client.is_closed()
    }
}
