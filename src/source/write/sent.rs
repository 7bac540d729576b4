//! What came of a write.
//!
//! It exists because "it failed" is three different things for a write: it was refused, it may have arrived, or it
//! surely did not. Invariant: only the last is an error that the caller may answer by sending again.

use std::sync::Arc;

use crate::source::{
    problem::Problem,
    refusal::{Refusal, RefusalKind},
    text::ServerText,
};

/// What came of a write that was sent.
#[derive(Debug, Clone)]
pub enum Sent<T> {
    /// Done, with the server's answer.
    Done(T),
    /// Refused for good; nothing was changed.
    Refused(Refusal),
    /// It may have been done: look before anything else.
    Unknown(Arc<Problem>),
}

impl<T> Sent<T> {
    /// What `problem` means for a write.
    ///
    /// # Errors
    /// Problems in which nothing can have happened and which are not about this write.
    pub(super) fn of(problem: Problem) -> Result<Sent<T>, Problem> {
        match problem {
            Problem::Refused(refusal) => Ok(Sent::Refused(refusal)),
            Problem::Connect(_)
            | Problem::Redirect { .. }
            | Problem::Replaced
            | Problem::Throttled { .. }
            | Problem::Key(_) => Err(problem),
            Problem::Timeout
            | Problem::Interrupted(_)
            | Problem::TooLarge { .. }
            | Problem::Unavailable { .. }
            | Problem::Unreadable { .. } => Ok(Sent::Unknown(Arc::new(problem))),
        }
    }

    /// A body that no server takes; it is not even sent.
    pub(super) fn too_large() -> Sent<T> {
        let message = ServerText::new("the record is larger than the server takes in one request");
        Sent::Refused(Refusal { kind: RefusalKind::Value, status: None, message })
    }

    /// The same with another answer.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Sent<U> {
        match self {
            Sent::Done(value) => Sent::Done(change(value)),
            Sent::Refused(refusal) => Sent::Refused(refusal),
            Sent::Unknown(problem) => Sent::Unknown(problem),
        }
    }
}
