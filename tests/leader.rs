//! Several programs on one mirror, from the outside: two processes of the program, one PostgreSQL, one Twenty.

#[path = "watch/daemon.rs"]
#[expect(
    dead_code,
    reason = "shared with the tests of what operators are told, which use all of it"
)]
mod daemon;
#[path = "once/equality.rs"]
mod equality;
#[path = "leader/handover.rs"]
mod handover;
#[path = "canary/log.rs"]
mod log;
#[path = "leader/paused.rs"]
mod paused;
#[path = "leader/relay.rs"]
mod relay;
#[path = "leader/replicas.rs"]
mod replicas;
#[path = "leader/shared.rs"]
mod shared;
#[path = "once/stage.rs"]
mod stage;
#[path = "once/two.rs"]
#[expect(dead_code, reason = "shared with the tests of --once, which use all of it")]
mod two;
