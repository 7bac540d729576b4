//! What we believe about Twenty, as tests through its public API only.
//!
//! The program stands on these facts, and the fake server is only worth something while it agrees with them. So each
//! test states one, in its name; its comment names the section of docs/twenty.md that tells it in prose. They run
//! against the fake, and with `TWENTY_URL` and `TWENTY_API_KEY` set against that server instead: then with
//! `cargo nextest run --profile live --test contract`, one by one, because all of them share one bucket of calls.
//!
//! What the histories of tests/prove depend on is stated once for every server (`server`): such a test runs on their
//! model, too, and `sequences` asks both of them hundreds of conversations that nobody wrote. So the model is the fake
//! is the server, as far as anything was seen.
//!
//! Invariants: nothing of `twenty_sync` is used here; a test looks only at what it made, never at sample data; no
//! request that touches many records is sent without a filter; what was made is removed, also after a failure.

#![expect(clippy::unwrap_used, reason = "an answer that cannot be read must fail its test")]
#![expect(clippy::print_stdout, reason = "a test that is skipped says so")]

mod contract {
    mod aliases;
    mod answer;
    mod batches;
    mod cascades;
    mod changes;
    mod compare_and_set;
    mod composite;
    mod deleting;
    mod empty;
    mod errors;
    mod filters;
    mod graphql;
    mod guards;
    mod health;
    mod ids;
    mod keys;
    mod limits;
    mod metadata;
    mod model;
    mod moving;
    mod paging;
    mod permissions;
    mod probe;
    mod restoring;
    mod rewriting;
    mod sequences;
    mod server;
    mod steps;
    mod transport;
    mod twenty;
    mod unique;
    mod upsert;
    mod values;
    mod webhooks;
    mod wire;
}
