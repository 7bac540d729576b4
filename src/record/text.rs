//! A record's JSON as a part of the text it came in.
//!
//! It exists because a page is read once and its records are needed as text only when one of them is set aside:
//! a part costs no copy. Invariant: the part lies within the text, on the borders of characters.

use std::{ops::Deref, ops::Range, sync::Arc};

/// A record's JSON, which keeps the text of its page alive.
#[derive(Debug, Clone)]
pub struct RecordText {
    page: Arc<String>,
    span: Range<usize>,
}

impl RecordText {
    /// The part of `page` at `span`.
    ///
    /// # Panics
    /// The part does not lie within the text.
    pub fn part(page: &Arc<String>, span: Range<usize>) -> RecordText {
        assert!(page.get(span.clone()).is_some(), "a record lies within its page");
        RecordText { page: Arc::clone(page), span }
    }
}

impl From<String> for RecordText {
    fn from(text: String) -> RecordText {
        let span = 0..text.len();
        RecordText { page: Arc::new(text), span }
    }
}

impl Deref for RecordText {
    type Target = str;

    fn deref(&self) -> &str {
        &self.page[self.span.clone()]
    }
}
