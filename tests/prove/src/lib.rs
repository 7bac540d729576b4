//! Histories of both sides, played in memory from one seed each, against the planner's own functions.
#[path = "../../../src/record"]
pub mod record {
    //! The vocabulary of the program, compiled by itself: `src/record.rs`.

    pub mod canonical;
    pub mod capabilities;
    pub mod column;
    pub mod decimal;
    pub mod decode;
    pub mod direction;
    pub mod flow;
    pub mod ids;
    pub mod image;
    pub mod model;
    mod signed_url;
    pub mod text;
    pub mod unit;
    pub mod value;

    pub use capabilities::{Capabilities, Rest};
    pub use column::{Column, ColumnType, JsonPath};
    pub use decimal::Decimal;
    pub use decode::{Decoded, Decoder, Reason, Undecodable};
    pub use direction::Direction;
    pub use flow::Flow;
    pub use ids::{DeleteMode, Ids};
    pub use image::Image;
    pub use model::{DataModel, Field, FieldKind, NumberKind, Object, ObjectId, PicklistOption};
    pub use text::RecordText;
    pub use unit::{Unit, units};
    pub use value::{Row, Value};
}

#[path = "../../../src/plan"]
pub mod plan {
    //! The planner of the program, compiled by itself: `src/plan.rs`.

    pub mod access;
    pub mod batch;
    pub mod capability;
    pub mod coalesce;
    pub mod content;
    pub mod fate;
    pub mod fuse;
    pub mod guard;
    pub mod look;
    pub mod merge;
    pub mod naming;
    pub mod order;
    pub mod patch;
    pub mod pending;
    pub mod policy;
    pub mod push;
    pub mod reconcile;
    pub mod retry;
    pub mod rewind;
    pub mod schema;
    pub mod scope;
    pub mod sweep;
    pub mod verify;
    pub mod walk;
}

mod book;
mod clock;
mod daemon;
mod dice;
mod drift;
mod drivers;
pub mod effects;
mod judge;
mod mirror;
pub mod mistakes;
mod objects;
mod people;
mod play;
pub mod server;
mod tally;
mod twenty;
mod world;

pub use dice::Dice;
pub use drivers::{Driver, drive};
#[cfg(feature = "planted")]
pub use judge::hunt;
pub use judge::judge;
pub use play::{Played, Setup, play};
pub use tally::{FAULTS, KINDS, SCHEMA_CHANGES, STATES, Tally};
pub use world::Wrong;
