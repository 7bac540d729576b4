//! Local changes against a real PostgreSQL: captured, refused, claimed, settled, decided, waited for.

// Marked, so that lints know helpers for tests as tests.
#[cfg(test)]
mod capture {
    #[path = "../mirror/ground.rs"]
    #[expect(dead_code, reason = "shared with the tests of the mirror, which use all of it")]
    mod base;
    mod claims;
    mod conflicts;
    mod ground;
    mod guard;
    mod lease;
    mod log;
    mod pages;
    mod passed;
    mod races;
    mod refusals;
    mod schema;
    mod security;
    mod speed;
    mod views;
    mod wait;
}
