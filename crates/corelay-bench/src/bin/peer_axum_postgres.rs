//! Peer: the notes of `examples/postgres.rs` on axum with a pool of tokio-postgres connections, on one current-thread
//! runtime.
//!
//! Statement for statement what the example asks of the database, with the same refusals, so that what differs is how
//! a request waits. Statements are prepared once a connection (`prepare_cached`), connections are not tested before
//! each use (deadpool's default, `RecyclingMethod::Fast`), TCP_NODELAY is set: its fast plain configuration.
//!
//! `--listen` or `--port`, one address; `DATABASE_URL` and `NOTES_POOL` in the environment, as the example.

#![forbid(unsafe_code)]

use std::time::Duration;

use anyhow::{Context, Result};
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::http::header::{LOCATION, RETRY_AFTER};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::serve::ListenerExt as _;
use axum::{Json, Router};
use corelay_bench::arguments::Arguments;
use corelay_bench::open_files;
use deadpool_postgres::{Manager, Object, Pool, PoolError, Runtime};
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;
use tokio_postgres::error::SqlState;
use tokio_postgres::{NoTls, Row};

const LIST: &str = "select id, title, text, version from notes where id > $1 order by id limit $2";
const CREATE: &str = "insert into notes (title, text) values ($1, $2) returning id, title, text, version";
const READ: &str = "select id, title, text, version from notes where id = $1";
const REPLACE: &str = "update notes set title = $2, text = $3, version = version + 1 \
                       where id = $1 and version = $4 returning id, title, text, version";
const DELETE: &str = "delete from notes where id = $1";

const TITLE_CHARS_MAX: usize = 200;
const TEXT_CHARS_MAX: usize = 10_000;
const PAGE_MAX: i64 = 100;
const PAGE_DEFAULT: i64 = 50;
const POOL_DEFAULT: usize = 16;
const POOL_PATIENCE: Duration = Duration::from_secs(5);

fn main() -> Result<()> {
    open_files::raise_limit()?;
    let arguments = Arguments::parse(std::env::args().skip(1))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let routes = Router::new()
            .route("/health", get(async || "ok\n"))
            .route("/notes", get(list).post(create))
            .route("/notes/{id}", get(read).put(replace).delete(delete))
            .with_state(pool()?);
        let listener = TcpListener::bind(arguments.listen[0]).await?;
        println!("listening on http://{}", listener.local_addr()?);
        // A connection without TCP_NODELAY is still served.
        let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
        Ok(axum::serve(listener, routes).await?)
    })
}

fn pool() -> Result<Pool> {
    let url = std::env::var("DATABASE_URL").context("DATABASE_URL is not set")?;
    let mut config: tokio_postgres::Config = url.parse()?;
    config.options("-c statement_timeout=10s");
    let size = std::env::var("NOTES_POOL").map_or(Ok(POOL_DEFAULT), |text| text.parse())?;
    let builder = Pool::builder(Manager::new(config, NoTls)).max_size(size);
    Ok(builder.wait_timeout(Some(POOL_PATIENCE)).runtime(Runtime::Tokio1).build()?)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Draft {
    title: String,
    #[serde(default)]
    text: String,
}

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

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Page {
    #[serde(default)]
    after: i64,
    limit: Option<i64>,
}

impl Draft {
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
    fn from_row(row: &Row) -> Self {
        Self { id: row.get(0), title: row.get(1), text: row.get(2), version: row.get(3) }
    }
}

async fn list(State(pool): State<Pool>, Query(page): Query<Page>) -> Result<Json<Vec<Note>>, Refusal> {
    let limit = page.limit.unwrap_or(PAGE_DEFAULT);
    if !(1..=PAGE_MAX).contains(&limit) {
        return Err(Refusal::Malformed("limit is between 1 and 100"));
    }
    let client = pool.get().await?;
    let statement = client.prepare_cached(LIST).await?;
    let rows = client.query(&statement, &[&page.after, &limit]).await?;
    Ok(Json(rows.iter().map(Note::from_row).collect()))
}

async fn create(State(pool): State<Pool>, Json(draft): Json<Draft>) -> Result<Response, Refusal> {
    let Draft { title, text } = draft.check()?;
    let client = pool.get().await?;
    let statement = client.prepare_cached(CREATE).await?;
    let note = Note::from_row(&client.query_one(&statement, &[&title, &text]).await?);
    let location = format!("/notes/{}", note.id);
    Ok((StatusCode::CREATED, [(LOCATION, location)], Json(note)).into_response())
}

async fn read(State(pool): State<Pool>, Path(id): Path<i64>) -> Result<Json<Note>, Refusal> {
    let client = pool.get().await?;
    find(&client, id).await?.map(Json).ok_or(Refusal::NoSuchNote(id))
}

async fn find(client: &Object, id: i64) -> Result<Option<Note>, Refusal> {
    let statement = client.prepare_cached(READ).await?;
    Ok(client.query_opt(&statement, &[&id]).await?.map(|row| Note::from_row(&row)))
}

async fn replace(
    State(pool): State<Pool>,
    Path(id): Path<i64>,
    Json(Replacement { title, text, version }): Json<Replacement>,
) -> Result<Json<Note>, Refusal> {
    let Draft { title, text } = Draft { title, text }.check()?;
    let client = pool.get().await?;
    let statement = client.prepare_cached(REPLACE).await?;
    if let Some(row) = client.query_opt(&statement, &[&id, &title, &text, &version]).await? {
        return Ok(Json(Note::from_row(&row)));
    }
    match find(&client, id).await? {
        Some(note) => Err(Refusal::Stale { last: note.version }),
        None => Err(Refusal::NoSuchNote(id)),
    }
}

async fn delete(State(pool): State<Pool>, Path(id): Path<i64>) -> Result<StatusCode, Refusal> {
    let client = pool.get().await?;
    let statement = client.prepare_cached(DELETE).await?;
    match client.execute(&statement, &[&id]).await? {
        0 => Err(Refusal::NoSuchNote(id)),
        _ => Ok(StatusCode::NO_CONTENT),
    }
}

enum Refusal {
    Malformed(&'static str),
    Invalid(&'static str),
    NoSuchNote(i64),
    TitleTaken,
    Stale { last: i64 },
    Unavailable,
    Failed,
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
            Self::Unavailable => {
                (StatusCode::SERVICE_UNAVAILABLE, [(RETRY_AFTER, "1")], "no database\n").into_response()
            }
            Self::Failed => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        }
    }
}

impl From<PoolError> for Refusal {
    fn from(error: PoolError) -> Self {
        eprintln!("database: {error}");
        Self::Unavailable
    }
}

impl From<tokio_postgres::Error> for Refusal {
    fn from(error: tokio_postgres::Error) -> Self {
        let passes = |state: &SqlState| state.code().starts_with("53") || state.code().starts_with("57");
        if error.code() == Some(&SqlState::UNIQUE_VIOLATION) {
            return Self::TitleTaken;
        }
        eprintln!("database: {error}");
        if error.code().map_or(error.is_closed(), passes) { Self::Unavailable } else { Self::Failed }
    }
}
