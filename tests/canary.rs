//! A key and a password go through everything that can happen, and are told nowhere: in no log, answer, table or panic.
//!
//! Every other test that starts the program searches what it says, too (tests/canary/secrets.rs). This one has all of
//! it in one story, with what the others do not see: the tables, and a panic with everything in hand.

#![expect(clippy::unwrap_used, reason = "a scene that cannot be set must fail its test")]

#[path = "watch/daemon.rs"]
#[expect(dead_code, reason = "shared with the tests of the endpoint, which use all of it")]
mod daemon;
#[path = "once/equality.rs"]
mod equality;
#[path = "canary/log.rs"]
mod log;
#[path = "canary/panic.rs"]
mod panic;
#[path = "push/scene.rs"]
#[expect(dead_code, reason = "shared with the tests of the way back, which use all of it")]
mod scene;
#[path = "once/stage.rs"]
#[expect(dead_code, reason = "shared with the tests of --once, which use all of it")]
mod stage;
#[path = "canary/story.rs"]
mod story;
