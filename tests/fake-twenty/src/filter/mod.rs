//! Filters: one typed tree for both APIs.
//!
//! REST parses its grammar into it and GraphQL its input objects, so that both follow the same rules: an unknown
//! field is the server's refusal, a value of the wrong form the database's, and the mere mention of `deletedAt`
//! anywhere makes soft-deleted rows visible.

mod bind;
mod pattern;

use serde_json::Value;

pub use bind::Bound;

/// A condition on records.
#[derive(Debug, Clone, PartialEq)]
pub enum Filter {
    /// All must hold; true when empty.
    And(Vec<Filter>),
    /// One must hold.
    Or(Vec<Filter>),
    /// It must be false; unknown stays unknown, as in SQL.
    Not(Box<Filter>),
    /// One comparison.
    Compare {
        /// `field`, `composite.sub` or a join column.
        path: String,
        /// What is asked.
        operator: Operator,
        /// A string from REST, a typed value or a list from GraphQL.
        value: Value,
    },
}

/// The comparisons that either API knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    /// Equal.
    Eq,
    /// Different; NULL is neither.
    Neq,
    /// One of a list.
    In,
    /// `NULL` or `NOT_NULL`.
    Is,
    /// Greater.
    Gt,
    /// Greater or equal.
    Gte,
    /// Less.
    Lt,
    /// Less or equal.
    Lte,
    /// LIKE without an added wildcard: behaves like equality.
    StartsWith,
    /// LIKE without an added wildcard.
    EndsWith,
    /// LIKE.
    Like,
    /// LIKE without regard to case.
    Ilike,
    /// A regular expression.
    Regex,
    /// A regular expression without regard to case.
    Iregex,
    /// The two lists share an item.
    ContainsAny,
    /// One item of the list matches without regard to case.
    ContainsIlike,
}

impl Operator {
    /// The operator of this name, in the spelling that both APIs share.
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "eq" => Self::Eq,
            "neq" => Self::Neq,
            "in" => Self::In,
            "is" => Self::Is,
            "gt" => Self::Gt,
            "gte" => Self::Gte,
            "lt" => Self::Lt,
            "lte" => Self::Lte,
            "startsWith" => Self::StartsWith,
            "endsWith" => Self::EndsWith,
            "like" => Self::Like,
            "ilike" => Self::Ilike,
            "regex" => Self::Regex,
            "iregex" => Self::Iregex,
            "containsAny" => Self::ContainsAny,
            "containsIlike" => Self::ContainsIlike,
            _ => return None,
        })
    }
}

impl Filter {
    /// The filter that every row passes, which is what a missing filter means even for mass writes.
    pub fn everything() -> Self {
        Self::And(Vec::new())
    }

    /// One comparison.
    pub fn compare(path: impl Into<String>, operator: Operator, value: impl Into<Value>) -> Self {
        Self::Compare { path: path.into(), operator, value: value.into() }
    }

    /// Whether `deletedAt` occurs anywhere: then a read shows soft-deleted rows, too.
    pub fn mentions_deleted_at(&self) -> bool {
        match self {
            Self::And(parts) | Self::Or(parts) => parts.iter().any(Self::mentions_deleted_at),
            Self::Not(inner) => inner.mentions_deleted_at(),
            Self::Compare { path, .. } => path == "deletedAt",
        }
    }
}
