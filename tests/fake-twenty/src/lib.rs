//! A stateful HTTP server that behaves like a Twenty server, quirks included, with faults on demand.
//!
//! Tests of a client need a server that answers as the real one does, also where the real one is surprising: a fake
//! that is kinder than the server is a defect. The README lists what is imitated and what is not.
//!
//! ```
//! # async fn demonstrate() {
//! use fake_twenty::{Fault, FakeTwenty, Options};
//!
//! let fake = FakeTwenty::start(Options::default()).await;
//! let person = fake.world(|world| world.create("people", &serde_json::json!({"city": "Porto"})));
//! fake.fault(Fault::status(503).path(&format!("/rest/people/{person}")).next(2));
//! // … a client at work against fake.url() with fake.api_key() …
//! assert!(fake.calls().iter().all(|call| call.tokens <= 1));
//! # }
//! ```

#![deny(missing_docs)]

mod auth;
mod dice;
mod error;
pub mod fault;
pub mod filter;
mod graphql;
mod journal;
mod rest;
mod rest_metadata;
mod server;
mod throttle;
pub mod value;
mod webhook;
pub mod world;

pub use auth::{BadKey, KeyClaims};
pub use error::ServerError;
pub use fault::{Effect, Fault, Matcher, Times};
pub use journal::{Call, CallInfo};
pub use server::{FakeTwenty, Hook, Options};
pub use throttle::RateLimit;
pub use webhook::Disorder;
pub use world::{Clock, NewField, Switches, World};
