//! A stateful HTTP server that behaves like a Twenty server, quirks included, with faults on demand.
//!
//! Tests of a client need a server that answers as the real one does, also where the real one is surprising: a fake
//! that is kinder than the server is a defect. The README lists what is imitated and what is not.

#![deny(missing_docs)]

mod auth;
mod error;
pub mod filter;
mod graphql;
mod rest;
mod server;
mod throttle;
pub mod value;
mod webhook;
pub mod world;

pub use auth::KeyClaims;
pub use error::ServerError;
pub use throttle::RateLimit;
pub use world::{Clock, World};
