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
#[path = "once/rewind.rs"]
mod rewind;
#[path = "once/stage.rs"]
mod stage;
#[path = "once/two.rs"]
mod two;
#[path = "once/verify.rs"]
mod verify;
#[path = "once/workspace.rs"]
mod workspace;
#[path = "once/workspaces.rs"]
mod workspaces;
