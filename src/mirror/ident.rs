//! The only way to put a name into SQL.
//!
//! It exists because table and column names come from a workspace's metadata, which is untrusted input.
//! Invariants: an [`Ident`] is not empty, holds no NUL and at most 63 bytes (PostgreSQL would cut it silently);
//! its `Display` is always quoted, with quotes doubled; dynamic SQL reaches sqlx through [`statement`] alone.

use std::fmt;

use sqlx::AssertSqlSafe;

use crate::plan::naming::MAX_BYTES;

/// A name that is safe in SQL; printed with its quotes.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ident(String);

/// Why a name cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name:?} cannot be a name in PostgreSQL: it {reason}")]
pub struct IdentError {
    name: String,
    reason: &'static str,
}

impl Ident {
    /// Checks `name`.
    ///
    /// # Errors
    /// It is empty, too long or holds a NUL.
    pub fn new(name: &str) -> Result<Ident, IdentError> {
        let reason = match name {
            "" => "is empty",
            _ if name.len() > MAX_BYTES => "is longer than 63 bytes",
            _ if name.contains('\0') => "holds a NUL character",
            _ => return Ok(Ident(name.to_owned())),
        };
        Err(IdentError { name: name.to_owned(), reason })
    }

    /// The name without quotes, for parameters and messages.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Ident {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "\"{}\"", self.0.replace('"', "\"\""))
    }
}

/// Marks SQL text as built from [`Ident`]s, [`text_literal`]s and constants only.
pub(super) fn statement(sql: String) -> AssertSqlSafe<String> {
    AssertSqlSafe(sql)
}

/// `text` as an SQL string literal, for the statements that take no parameters (comments). It does not depend
/// on `standard_conforming_strings`.
pub(super) fn text_literal(text: &str) -> String {
    let quoted = text.replace('\0', "").replace('\\', "\\\\").replace('\'', "''");
    if quoted.contains('\\') { format!("E'{quoted}'") } else { format!("'{quoted}'") }
}

#[cfg(test)]
mod tests {
    use super::{Ident, text_literal};

    #[test]
    fn quotes_are_doubled() {
        assert_eq!(
            Ident::new(r#"a"; drop table x; --"#).unwrap().to_string(),
            r#""a""; drop table x; --""#
        );
        assert_eq!(text_literal(r"it's a \ and no \'"), r"E'it''s a \\ and no \\'''");
    }

    #[test]
    fn what_postgresql_would_cut_or_refuse_is_refused() {
        assert!(Ident::new(&"é".repeat(31)).is_ok());
        for name in ["", "a\0b", &"é".repeat(32)] {
            assert!(Ident::new(name).is_err(), "{name:?}");
        }
    }
}
