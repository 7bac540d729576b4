//! Single records by their ids, and counts.
//!
//! It exists because absence is never deletion until it was asked for by id, and because a write whose fate is
//! unknown is settled by looking. Invariants: deleted records are found, too; a list of ids is as short as a URL
//! and a page allow; a record that was not asked for is a fault, never an answer.

use std::collections::HashSet;

use time::OffsetDateTime;
use uuid::Uuid;

use super::{
    client::Client,
    error::SourceError,
    page::{self, LIVE_AND_DELETED, Page, PageRecord},
    problem::{Problem, Unreadable},
    transport::Answer,
};
use crate::record::Decoder;

/// Ids in one call: one page holds them, and the URL stays below half of what the server takes.
pub const IDS_PER_CALL: usize = 200;

const WHOLE_PAGE: u16 = 200;

/// Without a record in the trash.
const LIVE: &str = "deletedAt[is]:NULL";

/// Whether records in the trash count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trash {
    /// They do.
    Counted,
    /// They do not.
    LeftOut,
}

impl Trash {
    fn filter(self) -> &'static str {
        match self {
            Trash::Counted => LIVE_AND_DELETED,
            Trash::LeftOut => LIVE,
        }
    }
}

/// What a look for records by their ids brought.
#[derive(Debug, Default)]
pub struct LookedUp {
    /// The records, live or deleted, in no order.
    pub records: Vec<PageRecord>,
    /// How many of them the server counts.
    pub counted: u64,
    /// A time of the server that is not before it answered; nothing where nothing was asked.
    pub answered_by: Option<OffsetDateTime>,
}

impl LookedUp {
    /// Whether the server gave as many records as it counts: only then does absence mean anything.
    pub fn is_whole(&self) -> bool {
        self.records.len() as u64 == self.counted
    }
}

impl Client {
    /// The records of `object` with these ids, live or deleted, in no order. Those that are not there are absent.
    ///
    /// # Errors
    /// The server refuses, or could not be asked within the deadline.
    pub async fn by_ids(
        &self,
        object: &str,
        ids: &[Uuid],
        decoder: &Decoder,
    ) -> Result<Vec<PageRecord>, SourceError> {
        Ok(self.look_up(object, ids, decoder).await?.records)
    }

    /// The same with the server's own count of them.
    ///
    /// # Errors
    /// The server refuses, or could not be asked within the deadline.
    pub async fn look_up(
        &self,
        object: &str,
        ids: &[Uuid],
        decoder: &Decoder,
    ) -> Result<LookedUp, SourceError> {
        let mut found = LookedUp::default();
        for ids in ids.chunks(IDS_PER_CALL) {
            self.some_by_ids(object, ids, decoder, &mut found).await?;
        }
        Ok(found)
    }

    async fn some_by_ids(
        &self,
        object: &str,
        ids: &[Uuid],
        decoder: &Decoder,
        found: &mut LookedUp,
    ) -> Result<(), SourceError> {
        let list: Vec<String> = ids.iter().map(Uuid::to_string).collect();
        let filter = format!("and(id[in]:[{}],{LIVE_AND_DELETED})", list.join(","));
        let asked: HashSet<Uuid> = ids.iter().copied().collect();
        let mut cursor: Option<String> = None;
        loop {
            let request = self.listing(object, &filter, WHOLE_PAGE, cursor.as_deref());
            let operation = || format!("read {} records of {object} by id", ids.len());
            let read = |answer| read_asked(answer, object, decoder, &asked);
            let page = self.read(operation, &request, 1, read).await?;
            let mut page = self.completed(page, &request, object, decoder).await?;
            found.records.append(&mut page.records);
            found.answered_by = found.answered_by.max(Some(page.answered_by));
            // A server with smaller pages gives the rest with the next ones.
            if !page.has_next || page.end_cursor.is_none() || page.end_cursor == cursor {
                found.counted += page.total;
                return Ok(());
            }
            cursor = page.end_cursor;
        }
    }

    /// How many records `object` has, live and deleted together.
    ///
    /// # Errors
    /// The server refuses, or could not be asked within the deadline.
    pub async fn count(&self, object: &str) -> Result<u64, SourceError> {
        self.count_where(object, LIVE_AND_DELETED).await
    }

    /// How many records `object` has with an id from `from` on and below `to`.
    ///
    /// # Errors
    /// The server refuses, or could not be asked within the deadline.
    pub async fn count_between(
        &self,
        object: &str,
        from: Uuid,
        to: Option<Uuid>,
        trash: Trash,
    ) -> Result<u64, SourceError> {
        let below = to.map(|to| format!("id[lt]:{to},")).unwrap_or_default();
        let filter = format!("and(id[gte]:{from},{below}{})", trash.filter());
        self.count_where(object, &filter).await
    }

    async fn count_where(&self, object: &str, filter: &str) -> Result<u64, SourceError> {
        let request = self.listing(object, filter, 1, None);
        let nothing = Decoder::new(std::sync::Arc::from([]));
        let read = |answer| Ok(page::read(answer, object, &nothing)?.total);
        self.read(|| format!("count the records of {object}"), &request, 1, read).await
    }
}

fn read_asked(
    answer: Answer,
    object: &str,
    decoder: &Decoder,
    asked: &HashSet<Uuid>,
) -> Result<Page, Problem> {
    let status = answer.status;
    let page = page::read(answer, object, decoder)?;
    let id = |record: &PageRecord| match &record.decoded {
        Ok(row) => Some(row.id),
        Err(fault) => fault.id,
    };
    if page.records.iter().filter_map(id).all(|id| asked.contains(&id)) {
        Ok(page)
    } else {
        Err(Problem::Unreadable { status, reason: Unreadable::Unasked })
    }
}
