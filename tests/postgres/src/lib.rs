//! A PostgreSQL database for every test, on whatever machine the tests run.
//!
//! The program under test is half SQL, so its tests need a real server. A contributor should not have to prepare
//! one: [`TestDatabase::create`] takes the server that `TEST_DATABASE_URL` names, else one that answers on this
//! machine, else a container, else a private cluster made from the installed binaries.
//!
//! - Every test has a database of its own, dropped with the [`TestDatabase`]. Tests never share rows.
//! - What this crate starts ends with the process that started it, even when that is killed (see [`Lifeline`]).
//! - PostgreSQL never runs as root: started by root, it becomes another user.
//! - A failure here is a failure of the test's ground, not of its claim: the functions panic and say what to do.

mod account;
mod binaries;
mod cluster;
mod container;
mod database;
mod error;
mod folder;
mod lifeline;
mod name;
mod role;
mod server;
mod writes;

pub use cluster::TestCluster;
pub use database::TestDatabase;
pub use error::Error;
pub use lifeline::Lifeline;
pub use role::TestRole;
pub use server::Server;
pub use writes::Writes;
