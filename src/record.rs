//! The vocabulary of both sides: what an object, a field, a value and a record are.
//!
//! It exists so that the source, the mirror and the plans speak of the same things by the same names.
//! Invariants: no I/O, no clock, no randomness, no async; a value that cannot be held exactly is an
//! error here, never a rounded value later.

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
