//! The mirror against a real PostgreSQL: schema changes, pages, checkpoints, quarantine, refusals.

mod mirror {
    mod binding;
    mod ground;
    mod names;
    mod pages;
}
