//! What operators are told by `twenty-sync run`, from the outside: over HTTP, and by the datagrams that systemd gets.

#[path = "watch/access.rs"]
mod access;
#[path = "watch/answers.rs"]
mod answers;
#[path = "watch/budget.rs"]
mod budget;
#[path = "watch/daemon.rs"]
mod daemon;
#[path = "once/equality.rs"]
mod equality;
#[path = "watch/journal.rs"]
mod journal;
#[path = "canary/log.rs"]
mod log;
#[path = "watch/quiet.rs"]
mod quiet;
#[path = "watch/reload.rs"]
mod reload;
#[path = "once/stage.rs"]
mod stage;
#[path = "watch/systemd.rs"]
mod systemd;
#[path = "once/two.rs"]
mod two;
#[path = "watch/workspaces.rs"]
mod workspaces;
