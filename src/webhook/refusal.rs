//! Why a delivery is refused, and what the sender is told.
//!
//! It exists so that each reason is answered, counted and logged alike wherever it arises. Invariant: an answer is
//! a fixed text, which repeats nothing of the request.

/// Why a delivery is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Refusal {
    /// It is no POST.
    #[error("only POST is answered here")]
    Method,
    /// Its body is too large.
    #[error("the body is too large")]
    TooLarge,
    /// Its body did not come whole.
    #[error("the body is not complete")]
    Incomplete,
    /// It has no signature.
    #[error("there is no signature")]
    Unsigned,
    /// Its signature is not that of a secret known here.
    #[error("the signature does not fit")]
    Signature,
    /// It is too old, or from the future.
    #[error("the time is not near")]
    Time,
    /// It came before.
    #[error("this delivery came before")]
    Replay,
    /// It is well signed and no event.
    #[error("this is no event")]
    Unreadable,
    /// It is of another workspace.
    #[error("this is of another workspace")]
    Workspace,
}

impl Refusal {
    /// The HTTP status that says so.
    pub(super) fn status(self) -> u16 {
        match self {
            Refusal::Method => 405,
            Refusal::TooLarge => 413,
            Refusal::Incomplete | Refusal::Unreadable => 400,
            Refusal::Unsigned | Refusal::Signature | Refusal::Time => 401,
            Refusal::Replay => 409,
            Refusal::Workspace => 403,
        }
    }
}
