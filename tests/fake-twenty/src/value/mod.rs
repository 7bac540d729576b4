//! Values: how the server reads, rewrites and prints them.
//!
//! The real server rewrites much of what it is given (almost nothing is validated,
//! almost everything is normalised). Each rule lives in the module of its type; `input` puts them together.

pub(crate) mod cast;
pub(crate) mod input;
mod links;
pub mod number;
mod phones;
mod rich_text;
pub mod stamp;
pub(crate) mod vector;
