//! Reading what changed: why following `updatedAt` fails, and the question that works.

use serde_json::{Value, json};
use time::{Duration, OffsetDateTime, format_description::well_known::Rfc3339};

use super::{
    answer::text,
    paging::walk,
    probe::Probe,
    server::{Table, id_of, on_each_server},
    twenty::on_twenty,
};

pub(super) fn moment(value: &Value) -> OffsetDateTime {
    OffsetDateTime::parse(&text(value), &Rfc3339).unwrap()
}

/// A moment as the wire writes it.
pub(super) fn stamp(moment: OffsetDateTime) -> String {
    let (date, time) = (moment.date(), moment.time());
    let (hour, minute, second) = (time.hour(), time.minute(), time.second());
    format!("{date}T{hour:02}:{minute:02}:{second:02}.{:03}Z", time.millisecond())
}

/// Whether the column keeps more than the milliseconds that the wire shows: then the record is later than it says.
async fn is_finer_than_the_wire(probe: &Probe<'_>, record: &Value) -> bool {
    let (id, updated) = (text(&record["id"]), text(&record["updatedAt"]));
    !probe.found(&format!("and(id[eq]:{id},updatedAt[gt]:\"{updated}\")")).await.is_empty()
}

/// "Reading changes"
#[tokio::test]
async fn a_walk_in_the_order_of_updated_at_sticks_where_records_share_a_millisecond() {
    on_twenty(async |twenty| {
        let probe = Probe::make(twenty, &[]).await;
        let made = probe.create_many(7).await;
        let record = probe.read(&json!(made[0])).await;
        let pages = walk(&probe, "limit=2&order_by=updatedAt", 6).await;
        if is_finer_than_the_wire(&probe, &record).await {
            assert_eq!(pages.len(), 6, "the walk ended: {pages:?}");
            assert_eq!(pages[1..].iter().find(|page| **page != pages[1]), None, "{pages:?}");
            let delivered = pages.concat();
            assert!(made.iter().any(|id| !delivered.contains(id)));
        } else {
            println!("the column holds whole milliseconds, so the walk went well");
        }
        let by_id = walk(&probe, "limit=2&order_by=id", 6).await;
        assert_eq!(by_id.concat(), made);
    })
    .await;
}

/// "Reading changes", "Dates"
#[tokio::test]
async fn a_time_just_read_is_found_as_a_range_of_one_millisecond_and_not_by_equality() {
    on_twenty(async |twenty| {
        let probe = Probe::make(twenty, &[]).await;
        let record = probe.create(json!({"name": "one"})).await;
        let (id, from) = (text(&record["id"]), text(&record["updatedAt"]));
        let to = stamp(moment(&record["updatedAt"]) + Duration::milliseconds(1));
        let found = async |condition: String| {
            probe.found(&format!("and(id[eq]:{id},{condition})")).await.len()
        };
        assert_eq!(found(format!("updatedAt[gte]:\"{from}\"")).await, 1);
        assert_eq!(found(format!("updatedAt[gte]:\"{from}\",updatedAt[lt]:\"{to}\"")).await, 1);
        assert_eq!(found(format!("updatedAt[lt]:\"{from}\"")).await, 0);
        let equal = found(format!("updatedAt[eq]:\"{from}\"")).await;
        assert_eq!(equal == 0, is_finer_than_the_wire(&probe, &record).await);
    })
    .await;
}

/// "Reading changes"
#[tokio::test]
async fn one_question_gives_what_changed_since_live_and_deleted_in_the_order_of_ids() {
    on_each_server(&[], async |server| {
        let old = json!({"name": "old", "updatedAt": "2001-02-03T04:05:06.789Z"});
        server.made(Table::Parent, old).await;
        let made = server.made_many(Table::Parent, 4).await;
        let changed = server.read(Table::Parent, &json!(made[1])).await;
        server.trash(Table::Parent, &json!(made[2])).await;
        let since = moment(&changed["updatedAt"]);
        let page = server.page(Table::Parent, Some(since), None, 3).await;
        let rest = server.page(Table::Parent, Some(since), page.cursor.as_deref(), 3).await;
        assert_eq!((page.has_next, rest.has_next, page.total, rest.total), (true, false, 4, 4));
        let records = [page.records, rest.records].concat();
        assert_eq!(records.iter().map(id_of).collect::<Vec<_>>(), made);
        let deleted: Vec<bool> = records.iter().map(|one| !one["deletedAt"].is_null()).collect();
        assert_eq!(deleted, [false, false, true, false]);
    })
    .await;
}

/// "Reading changes"
#[tokio::test]
async fn the_date_header_is_the_clock_that_updated_at_is_taken_from() {
    on_each_server(&[], async |server| {
        let updated = moment(&server.made(Table::Parent, json!({})).await["updatedAt"]);
        let served_at = server.page(Table::Parent, None, None, 1).await.served_at;
        let apart = served_at - updated;
        assert!(apart > Duration::seconds(-2) && apart < Duration::seconds(60), "{apart}");
    })
    .await;
}
