//! The notes of `examples/postgres.rs`: what they answer, and that writers at once lose nothing.

use std::thread;

use serde_json::{Value, json};

use crate::notes::{Answer, Notes};

#[test]
fn notes_are_created_read_listed_replaced_and_deleted() {
    let notes = Notes::start(&[]);
    let made = notes.ask("POST /notes", r#"{"title":"Milk","text":"2 l"}"#);
    assert!(made.status == 201 && made.head.contains("\r\nlocation: /notes/1\r\n"), "{made:?}");
    assert_eq!(made.json(), json!({"id": 1, "title": "Milk", "text": "2 l", "version": 1}));
    assert_eq!(notes.ask("GET /notes/1", "").json(), made.json());
    assert_eq!(notes.ask("POST /notes", r#"{"title":"Käse 🧀"}"#).json()["title"], "Käse 🧀");
    let replaced = notes.ask("PUT /notes/1", r#"{"title":"Milk","text":"3 l","version":1}"#);
    assert_eq!(replaced.json(), json!({"id": 1, "title": "Milk", "text": "3 l", "version": 2}));
    let listed = |query: &str| -> Vec<Value> {
        let answer = notes.ask(&format!("GET /notes{query}"), "").json();
        answer.as_array().unwrap().iter().map(|note| note["id"].clone()).collect()
    };
    assert_eq!(listed(""), [1, 2]);
    assert_eq!(listed("?limit=1"), [1]);
    assert_eq!(listed("?after=1&limit=1"), [2]);
    assert_eq!(notes.ask("DELETE /notes/1", "").status, 204);
    assert_eq!(listed(""), [2]);
    let gone = notes.ask("GET /notes/1", "");
    assert_eq!((gone.status, gone.text.as_str()), (404, "there is no note 1\n"));
    notes.end();
}

#[test]
fn what_is_wrong_is_refused_and_changes_nothing() {
    let notes = Notes::start(&[]);
    assert_eq!(notes.ask("POST /notes", r#"{"title":"Milk"}"#).status, 201);
    assert_eq!(notes.ask("POST /notes", r#"{"title":"Bread"}"#).status, 201);
    let long_title = json!({"title": "ü".repeat(201)}).to_string();
    let long_text = json!({"title": "Long", "text": "x".repeat(10_001)}).to_string();
    for (request, body, status) in [
        ("POST /notes", "{", 400),
        ("POST /notes", r#"{"title":1}"#, 422),
        ("POST /notes", r#"{"text":"no title"}"#, 422),
        ("POST /notes", r#"{"title":"Beer","owner":"me"}"#, 422),
        ("POST /notes", r#"{"title":" "}"#, 422),
        ("POST /notes", r#"{"title":"a\u0000b"}"#, 422),
        ("POST /notes", &long_title, 422),
        ("POST /notes", &long_text, 422),
        ("POST /notes", r#"{"title":"Milk"}"#, 409),
        ("PUT /notes/1", r#"{"title":"Bread","text":"","version":1}"#, 409),
        ("PUT /notes/1", r#"{"title":"Milk","text":"","version":7}"#, 409),
        ("PUT /notes/9", r#"{"title":"Beer","text":"","version":1}"#, 404),
        ("GET /notes/9", "", 404),
        ("GET /notes/one", "", 400),
        ("GET /notes/99999999999999999999", "", 400),
        ("DELETE /notes/9", "", 404),
        ("GET /notes?limit=0", "", 400),
        ("GET /notes?limit=101", "", 400),
        ("GET /notes?after=one", "", 400),
        ("GET /notes?page=1", "", 400),
        ("PATCH /notes/1", "", 405),
    ] {
        let answer = notes.ask(request, body);
        assert_eq!(answer.status, status, "{request} {body}: {answer:?}");
    }
    let text = notes.ask_with("POST /notes", "Content-Type: text/plain\r\n", r#"{"title":"Beer"}"#);
    assert_eq!(text.status, 415, "{text:?}");
    let titles: Vec<Value> = notes
        .ask("GET /notes", "")
        .json()
        .as_array()
        .unwrap()
        .iter()
        .map(|note| note["title"].clone())
        .collect();
    assert_eq!(titles, ["Milk", "Bread"]);
    notes.end();
}

const WRITERS: usize = 8;
const CHANGES: usize = 10;

#[test]
fn writers_at_once_lose_no_change_and_share_no_title() {
    let notes = Notes::start(&[("NOTES_POOL", "4")]);
    let contested = r#"{"title":"Contested","text":"0"}"#;
    let statuses = at_once(|_| notes.ask("POST /notes", contested).status);
    assert_eq!(statuses.iter().filter(|status| **status == 201).count(), 1, "{statuses:?}");
    assert_eq!(statuses.iter().filter(|status| **status == 409).count(), WRITERS - 1, "{statuses:?}");
    let id = notes.ask("GET /notes", "").json()[0]["id"].clone();
    at_once(|_| (0..CHANGES).for_each(|_| add_one(&notes, &id)));
    let note = notes.ask(&format!("GET /notes/{id}"), "").json();
    assert_eq!(note["text"], (WRITERS * CHANGES).to_string());
    assert_eq!(note["version"], 1 + WRITERS * CHANGES);
    // Each writer's own notes, made and deleted beside the others'.
    at_once(|writer| {
        for change in 0..CHANGES {
            let made = notes.ask("POST /notes", &json!({"title": format!("{writer}.{change}")}).to_string());
            assert_eq!(made.status, 201, "{made:?}");
            if change % 2 == 0 {
                assert_eq!(notes.ask(&format!("DELETE /notes/{}", made.json()["id"]), "").status, 204);
            }
        }
    });
    let left = notes.ask("GET /notes?limit=100", "").json().as_array().unwrap().len();
    assert_eq!(left, 1 + WRITERS * CHANGES / 2);
    notes.end();
}

/// Runs every writer on a thread of its own and gives their results.
fn at_once<R: Send>(write: impl Fn(usize) -> R + Sync) -> Vec<R> {
    thread::scope(|scope| {
        let write = &write;
        let writers: Vec<_> = (0..WRITERS).map(|writer| scope.spawn(move || write(writer))).collect();
        writers.into_iter().map(|writer| writer.join().unwrap()).collect()
    })
}

/// Reads a number, adds one, writes it; again if somebody else was faster.
fn add_one(notes: &Notes, id: &Value) {
    loop {
        let note = notes.ask(&format!("GET /notes/{id}"), "").json();
        let sum = note["text"].as_str().unwrap().parse::<usize>().unwrap() + 1;
        let body = json!({"title": note["title"], "text": sum.to_string(), "version": note["version"]});
        match notes.ask(&format!("PUT /notes/{id}"), &body.to_string()) {
            Answer { status: 200, .. } => return,
            Answer { status: 409, .. } => {}
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_locked_table_holds_up_only_those_who_need_it() {
    let notes = Notes::start(&[("CORELAY_CPUS", &one_cpu()), ("NOTES_BLOCKING", "1")]);
    let mut holder = notes.database();
    let mut lock = holder.transaction().unwrap();
    lock.batch_execute("lock table notes").unwrap();
    thread::scope(|scope| {
        let waiting = scope.spawn(|| notes.ask("GET /notes", ""));
        let mut observer = notes.database();
        let waits =
            "select from pg_stat_activity where wait_event_type = 'Lock' and query like '%from notes%'";
        while observer.query(waits, &[]).unwrap().is_empty() {
            thread::yield_now();
        }
        assert_eq!(notes.ask("GET /health", "").text, "ok\n");
        assert!(!waiting.is_finished(), "the lock is still held");
        lock.rollback().unwrap();
        assert_eq!(waiting.join().unwrap().text, "[]");
    });
    notes.end();
}

/// A processor that this process may use.
fn one_cpu() -> String {
    let usable = rustix::thread::sched_getaffinity(None).unwrap();
    (0..rustix::thread::CpuSet::MAX_CPU).find(|cpu| usable.is_set(*cpu)).unwrap().to_string()
}

#[test]
fn connections_that_the_database_cuts_are_replaced() {
    const POOL: usize = 2;
    let notes = Notes::start(&[("NOTES_POOL", &POOL.to_string())]);
    assert_eq!(notes.ask("GET /notes", "").status, 200);
    let cut = "select pg_terminate_backend(pid) from pg_stat_activity \
               where usename = 'notes' and backend_type = 'client backend' and pid <> pg_backend_pid()";
    assert_eq!(notes.database().query(cut, &[]).unwrap().len(), POOL);
    let mut refused = 0;
    loop {
        let answer = notes.ask("GET /notes", "");
        if answer.status == 200 {
            break;
        }
        assert!(answer.status == 503 && answer.head.contains("\r\nretry-after: 1"), "{answer:?}");
        refused += 1;
        assert!(refused <= POOL, "a connection that was cut came back");
    }
    notes.end();
}
