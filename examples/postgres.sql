-- The table of examples/postgres.rs and of its peer in crates/corelay-bench.
create table notes (
    id bigint generated always as identity primary key,
    title text not null unique check (char_length(title) between 1 and 200),
    text text not null default '' check (char_length(text) <= 10000),
    -- Counts the changes. Whoever replaces a note says which version was read: no writer undoes another's work unseen.
    version bigint not null default 1
);
