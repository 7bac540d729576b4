//! The edge to Twenty against a server that does exactly what a test says.
//!
//! It exists beside the fake Twenty because the fake is too well-behaved for this: silence, cut connections,
//! redirects, floods and half an answer are what is tested here. Invariant: each test has a server of its own.

#![expect(clippy::unwrap_used, reason = "a stage that cannot be set must fail its test")]

mod source {
    mod guarding;
    mod metadata;
    mod reading;
    mod stand_in;
    mod writing;
}
