//! `twenty-sync --once`, from the outside: the program itself, a real PostgreSQL, and a Twenty that behaves like one.

#[path = "once/destroyed.rs"]
mod destroyed;
#[path = "once/equality.rs"]
mod equality;
#[path = "once/kill.rs"]
mod kill;
#[path = "once/older.rs"]
mod older;
#[path = "once/refusal.rs"]
mod refusal;
#[path = "once/stage.rs"]
mod stage;
#[path = "once/verify.rs"]
mod verify;
#[path = "once/workspace.rs"]
mod workspace;
