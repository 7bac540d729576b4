//! Mistakes that can be switched on, to see whether the histories find them.
//!
//! It exists because a suite that finds nothing proves nothing until it is known what it would find. Invariants: one
//! mistake at a time, and only in the thread that asked for it; without the feature `planted` there is none, and the
//! program itself has no such feature.

/// A mistake that somebody could make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bug {
    /// The next walk asks from the watermark on, not from before it: late commits are lost.
    NoOverlap,
    /// The watermark is the time of the walk's last page, not of its first.
    WatermarkOfLastPage,
    /// The watermark is the largest time of change that was seen.
    WatermarkOfLargestTime,
    /// A listing that ends before the server's own count passes for complete.
    EarlyEndBelieved,
    /// `<=` where it should be `<`: no listing is ever complete.
    EndNeverBelieved,
    /// The checkpoint is committed before the rows that it stands for.
    CheckpointBeforeRows,
    /// A transaction does not ask whether another process leads by now.
    NoEpochCheck,
    /// The version that the checkpoint had is not asked for.
    NoVersionCheck,
    /// The triggers log what the program itself writes.
    EchoCaptured,
    /// A page overwrites records whose write was acknowledged after it was asked for.
    OldPageApplied,
    /// The same, for pages of which no record is known here. It was so until a history showed it.
    StrangersNotAsked,
    /// A page that waited for its turn while a write ended is kept, and the watermark with it. It was so, too.
    OvertakenPageKept,
    /// What was seen of a record is believed although a page came in between. It was so, too.
    SightingNotDated,
    /// A look by id does not count as newer than a page that was asked for before it. It was so, too.
    LookUnnoticed,
    /// A row that was deleted while its restore was on its way comes back. It was so, too.
    RestoreUndeletable,
    /// A reference that follows its new record is forgotten when every change in the log is done. It was so, too.
    OpenWithoutEntry,
    /// A new record is sent without its id.
    CreateWithoutId,
    /// A create whose answer was lost is sent again, with another id.
    CreateRepeated,
    /// What a complete walk did not show is removed.
    DeleteOnAbsence,
    /// What the counts make suspicious is removed without a look by its id.
    SuspectsBelieved,
    /// An update goes without its guard.
    NoGuard,
    /// An update of a field that no filter guards goes without the version.
    NoVersionGuard,
    /// A write in doubt is followed by another one without a look.
    DoubtForgotten,
    /// What is sent is not written down before it is.
    NotMarkedSent,
    /// The base becomes what is to be sent, before it was sent.
    BaseMovedEarly,
    /// Of several changed fields, the last is not sent.
    FieldLost,
    /// A conflict is decided, and the loser not kept.
    LoserForgotten,
    /// A conflict is not seen: the mirror wins.
    ConflictUnseen,
    /// An acknowledgement settles what was changed after the write was planned.
    LaterEditSettled,
    /// Unequal spelling counts as a change.
    SpellingCounts,
    /// A delete of the source is undone by any row that is still in the mirror.
    DeadRevived,
    /// A record that was deleted here is sent again as new.
    DeleteForgotten,
    /// One refused record has the whole batch set aside.
    BatchNotHalved,
    /// Rows that refer to a destroyed record are not read anew.
    ReferrersForgotten,
    /// When to try again is judged by the clock of the program.
    RetryByLocalClock,
    /// A call that the server asked patience for is sent again at once.
    RefusalUnheeded,
    /// A row that is written anew loses what it holds of fields that are gone.
    LostColumnEmptied,
    /// A key that nobody knows is taken for the one that is missing.
    StrangeKeyTaken,
    /// Records are decided on by tables as they were.
    OldTablesTrusted,
}

impl Bug {
    /// All of them.
    pub const ALL: [Bug; 39] = [
        Bug::NoOverlap,
        Bug::WatermarkOfLastPage,
        Bug::WatermarkOfLargestTime,
        Bug::EarlyEndBelieved,
        Bug::EndNeverBelieved,
        Bug::CheckpointBeforeRows,
        Bug::NoEpochCheck,
        Bug::NoVersionCheck,
        Bug::EchoCaptured,
        Bug::OldPageApplied,
        Bug::StrangersNotAsked,
        Bug::OvertakenPageKept,
        Bug::SightingNotDated,
        Bug::LookUnnoticed,
        Bug::RestoreUndeletable,
        Bug::OpenWithoutEntry,
        Bug::CreateWithoutId,
        Bug::CreateRepeated,
        Bug::DeleteOnAbsence,
        Bug::SuspectsBelieved,
        Bug::NoGuard,
        Bug::NoVersionGuard,
        Bug::DoubtForgotten,
        Bug::NotMarkedSent,
        Bug::BaseMovedEarly,
        Bug::FieldLost,
        Bug::LoserForgotten,
        Bug::ConflictUnseen,
        Bug::LaterEditSettled,
        Bug::SpellingCounts,
        Bug::DeadRevived,
        Bug::DeleteForgotten,
        Bug::BatchNotHalved,
        Bug::ReferrersForgotten,
        Bug::RetryByLocalClock,
        Bug::RefusalUnheeded,
        Bug::LostColumnEmptied,
        Bug::StrangeKeyTaken,
        Bug::OldTablesTrusted,
    ];
}

#[cfg(feature = "planted")]
impl Bug {
    /// Whether only histories with a data model of their own can show it.
    pub(crate) fn is_varied(self) -> bool {
        matches!(
            self,
            Bug::RefusalUnheeded
                | Bug::LostColumnEmptied
                | Bug::StrangeKeyTaken
                | Bug::OldTablesTrusted
        )
    }
}

#[cfg(feature = "planted")]
thread_local! {
    static BUG: std::cell::Cell<Option<Bug>> = const { std::cell::Cell::new(None) };
}

/// Switches a mistake on in this thread, or all off.
#[cfg(feature = "planted")]
pub fn plant(bug: Option<Bug>) {
    BUG.set(bug);
}

/// Whether this mistake is on.
#[cfg(feature = "planted")]
pub fn is(bug: Bug) -> bool {
    BUG.get() == Some(bug)
}

/// Whether this mistake is on: never.
#[cfg(not(feature = "planted"))]
pub const fn is(_bug: Bug) -> bool {
    false
}
