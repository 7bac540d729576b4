//! What operators are told by `twenty-sync run`, from the outside: over HTTP, and by the datagrams that systemd gets.

#[path = "watch/access.rs"]
mod access;
#[path = "watch/answers.rs"]
mod answers;
#[path = "watch/budget.rs"]
mod budget;
#[path = "watch/daemon.rs"]
mod daemon;
#[path = "watch/journal.rs"]
mod journal;
#[path = "canary/log.rs"]
mod log;
#[path = "watch/quiet.rs"]
mod quiet;
#[path = "once/stage.rs"]
#[expect(dead_code, reason = "shared with the tests of --once, which use all of it")]
mod stage;
#[path = "watch/systemd.rs"]
mod systemd;
