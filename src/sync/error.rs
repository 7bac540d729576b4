//! What can stop a run, and what that means for it.
//!
//! It exists so that every failure has one disposition and one hint, whoever reports it. Invariant: the table
//! from error to disposition is exhaustive.

use std::net::SocketAddr;

use crate::{
    mirror::{MirrorError, MirrorFault},
    plan::{sweep::Contradiction, walk::WalkError},
    source::{SourceError, SourceFault},
};

/// Why a run, or one object of it, stopped.
#[derive(Debug, thiserror::Error)]
pub enum SyncError {
    /// Twenty's side.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// PostgreSQL's side.
    #[error(transparent)]
    Mirror(#[from] MirrorError),
    /// A listing that cannot be believed.
    #[error("cannot trust the listing of {object}")]
    Walk {
        /// The object's plural name.
        object: String,
        /// What is wrong with it.
        #[source]
        cause: WalkError,
    },
    /// Counts that cannot be believed.
    #[error("cannot trust the counts of {object}")]
    Counts {
        /// The object's plural name.
        object: String,
        /// What is wrong with them.
        #[source]
        cause: Contradiction,
    },
    /// Objects were left out where all were to be counted.
    #[error("Twenty did not count {}", .objects.join(", "))]
    Uncounted {
        /// Their plural names.
        objects: Vec<String>,
    },
    /// More than may be removed at once is gone at the source.
    #[error(
        "Twenty does not have {records} of {total} {object} any more: that is more than is removed at once"
    )]
    Fuse {
        /// The object's plural name.
        object: String,
        /// Records that are gone.
        records: u64,
        /// Records that should be there.
        total: u64,
    },
    /// A content sweep would overwrite more than may be overwritten at once.
    #[error(
        "{records} of {total} {object} differ from Twenty without a trace: that is more than is overwritten at once"
    )]
    OverwriteFuse {
        /// The object's plural name.
        object: String,
        /// Rows that would be overwritten.
        records: u64,
        /// Records of the object.
        total: u64,
    },
    /// A reset would remove more than may be removed at once.
    #[error(
        "{records} of {total} rows of {object} are not in Twenty: that is more than is removed at once"
    )]
    ResetFuse {
        /// The object's plural name.
        object: String,
        /// Rows whose records are not there.
        records: u64,
        /// Rows of the table.
        total: u64,
    },
    /// Another process resets the object.
    #[error("another reset of {object} is under way")]
    ResetUnderWay {
        /// The object's plural name.
        object: String,
    },
    /// The object is not to be read now.
    #[error("{object} is not read: {reason}")]
    PullStopped {
        /// The object's plural name.
        object: String,
        /// Why.
        reason: String,
        /// How it goes on.
        hint: String,
    },
    /// The data model changed while an object was read.
    #[error("the fields of {object} changed while it was read")]
    ModelChanged {
        /// The object's plural name.
        object: String,
    },
    /// The configuration names an object that the workspace does not have.
    #[error("the configuration names an object that the workspace does not have: objects.{name}")]
    UnknownObject {
        /// The name.
        name: String,
        /// Names that are close to it.
        near: Vec<String>,
    },
    /// No such object is mirrored.
    #[error("no object {name:?} is mirrored")]
    NotMirrored {
        /// The name.
        name: String,
    },
    /// The schedule makes no sense.
    #[error("{key} makes no sense: cannot read the schedule {expression:?}: {reason}")]
    Schedule {
        /// The setting.
        key: String,
        /// As configured.
        expression: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Nobody can reach the webhook.
    #[error("cannot listen for webhooks on {address}")]
    Listen {
        /// As configured.
        address: SocketAddr,
        /// The cause.
        #[source]
        cause: std::io::Error,
    },
    /// Twenty signs with a secret of its own.
    #[error("Twenty did not take the secret for the webhook, but signs with one of its own")]
    WebhookSecret,
    /// Another program works on the mirror.
    #[error("another twenty-sync works on this mirror: {holder}")]
    Led {
        /// Its host and process.
        holder: String,
    },
    /// Asked to stop.
    #[error("stopped before the end, as asked")]
    Stopped,
}

/// What a failure means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disposition {
    /// It may work next time.
    Retry,
    /// The key is refused: everything stops until a person acts.
    Unauthorised,
    /// The configuration must change.
    Configuration,
    /// Another program works in the place of this one.
    Replaced,
}

impl SyncError {
    /// Whether somebody else wrote rows of the object since they were read.
    pub(super) fn is_overtaken(&self) -> bool {
        matches!(self, SyncError::Mirror(MirrorError::Overtaken { .. }))
    }

    /// Whether open transactions of people hold what was to be written.
    pub(super) fn is_held(&self) -> bool {
        matches!(self, SyncError::Mirror(MirrorError::Busy { .. }))
    }

    /// Whether the mirror's tables are others than those that were worked with.
    pub(super) fn is_outdated(&self) -> bool {
        matches!(self, SyncError::Mirror(MirrorError::Outdated { .. }))
    }

    /// Whether the source does not do what it was asked for, as when its data model changed.
    pub(super) fn is_refused(&self) -> bool {
        matches!(self, SyncError::Source(error) if error.is_refused())
    }

    /// Whether the mirror takes nothing that is written now.
    pub(super) fn is_outage_of_mirror(&self) -> bool {
        matches!(self, SyncError::Mirror(error) if error.is_outage())
    }

    /// What this means for the run.
    pub fn disposition(&self) -> Disposition {
        match self {
            SyncError::Source(error) => match error.fault() {
                SourceFault::Retry => Disposition::Retry,
                SourceFault::Unauthorised => Disposition::Unauthorised,
                SourceFault::Configuration => Disposition::Configuration,
                SourceFault::Replaced => Disposition::Replaced,
            },
            SyncError::Mirror(error) => match error.fault() {
                MirrorFault::Transient => Disposition::Retry,
                MirrorFault::Configuration => Disposition::Configuration,
                MirrorFault::Replaced => Disposition::Replaced,
            },
            SyncError::Fuse { .. }
            | SyncError::OverwriteFuse { .. }
            | SyncError::ResetFuse { .. }
            | SyncError::ResetUnderWay { .. }
            | SyncError::PullStopped { .. }
            | SyncError::ModelChanged { .. }
            | SyncError::Walk { .. }
            | SyncError::Counts { .. }
            | SyncError::Uncounted { .. }
            | SyncError::Listen { .. }
            | SyncError::Stopped => Disposition::Retry,
            SyncError::Led { .. } => Disposition::Replaced,
            SyncError::UnknownObject { .. }
            | SyncError::NotMirrored { .. }
            | SyncError::WebhookSecret
            | SyncError::Schedule { .. } => Disposition::Configuration,
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            SyncError::Source(error) => error.hint(),
            SyncError::Mirror(error) => error.hint(),
            SyncError::Fuse { .. } => Some(
                "what was found before is repaired; if Twenty was not restored from a backup and the key sees \
                 everything, repair the rest with TWENTY_SYNC__FUSE__SHARE=1 twenty-sync verify --repair"
                    .to_owned(),
            ),
            SyncError::OverwriteFuse { object, .. } => Some(format!(
                "twenty-sync verify --object {object} shows what differs; if Twenty is right, let it happen with \
                 twenty-sync fuse release {object}"
            )),
            SyncError::ResetFuse { object, .. } => Some(format!(
                "nothing was changed; if the key sees everything and these rows are to go, let it happen with \
                 TWENTY_SYNC__FUSE__SHARE=1 twenty-sync reset {object}"
            )),
            SyncError::ResetUnderWay { .. } => {
                Some("wait until it ends; a killed one ends by itself soon".to_owned())
            }
            SyncError::PullStopped { hint, .. } => Some(hint.clone()),
            SyncError::ModelChanged { object } => {
                Some(format!("nothing was changed: run twenty-sync reset {object} again"))
            }
            SyncError::Walk { .. } => Some(
                "nothing was removed and the walk starts over with the next run; \
                 if it stays, compare the count in Twenty and look at what stands between"
                    .to_owned(),
            ),
            SyncError::Counts { .. } | SyncError::Uncounted { .. } => Some(
                "records may be destroyed at the source, but nothing was removed; the next run looks again"
                    .to_owned(),
            ),
            SyncError::UnknownObject { near, .. } if near.is_empty() => {
                Some("twenty-sync metadata objects lists the names".to_owned())
            }
            SyncError::UnknownObject { near, .. } => {
                Some(format!("did you mean {}?", near.join(" or ")))
            }
            SyncError::NotMirrored { .. } => {
                Some("twenty-sync status lists the objects that are mirrored".to_owned())
            }
            SyncError::Schedule { .. } => Some(
                "give a duration such as 30s, or a cron expression such as */5 * * * *".to_owned(),
            ),
            SyncError::Listen { .. } => Some(
                "does another twenty-sync run here, or something else on this port? webhook.listen names it"
                    .to_owned(),
            ),
            SyncError::WebhookSecret => Some(
                "copy the secret from Twenty, Settings > APIs & Webhooks, into the file that webhook.secret_file names"
                    .to_owned(),
            ),
            SyncError::Led { .. } => Some(
                "one works at a time: leave it to that one, or stop it first; twenty-sync status says who works"
                    .to_owned(),
            ),
            SyncError::Stopped => None,
        }
    }
}
