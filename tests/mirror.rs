//! The mirror against a real PostgreSQL: schema changes, pages, checkpoints, quarantine, refusals.

// Marked, so that lints know helpers for tests as tests.
#[cfg(test)]
mod mirror {
    mod binding;
    mod ground;
    mod names;
    mod pages;
}
