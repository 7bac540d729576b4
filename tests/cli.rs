//! The commands of two-way sync as child processes, on a mirror that was prepared without any Twenty.

// Marked, so that lints know helpers for tests as tests.
#[cfg(test)]
mod cli {
    #[path = "../mirror/ground.rs"]
    #[expect(dead_code, reason = "shared with the tests of the mirror, which use all of it")]
    mod base;
    mod conflicts;
    #[path = "../capture/ground.rs"]
    #[expect(dead_code, reason = "shared with the tests of capture, which use all of it")]
    mod ground;
    mod help;
    mod mirrors;
    mod problems;
    mod program;
    mod why;
}
