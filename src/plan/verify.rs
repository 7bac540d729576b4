//! Compares a record's two sides, field by field.
//!
//! It exists so that equality is proven by the same rule that decides whether something is to be written.
//! Invariants: what means the same is equal, however it is spelt; a value that one side does not show differs from
//! nothing; a record that changed after the mirror was last read is not due yet, which is no difference; one with local
//! changes is compared with what both sides last agreed on.

use std::collections::BTreeSet;

use time::OffsetDateTime;

use super::pending::DeletedRecords;
use crate::record::{Column, Image, Row, Unit, Value, canonical};

/// What the two sides of a record show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
    /// The same.
    Equal,
    /// The source changed it after the mirror was last read, or does not show it.
    NotDue,
    /// The mirror lacks it.
    Missing,
    /// The mirror has it and should not.
    Extra,
    /// These fields differ.
    Differing(Vec<String>),
}

/// The time that the mirror is not expected to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recent {
    /// From when on.
    pub since: Option<OffsetDateTime>,
    /// Until when: a time beyond was made up by somebody.
    pub until: OffsetDateTime,
}

impl Recent {
    /// What a mirror that was read up to `watermark` need not know of what the server had by `answered`.
    pub fn after(watermark: Option<OffsetDateTime>, answered: OffsetDateTime) -> Recent {
        Recent { since: watermark, until: answered }
    }

    /// The same after the server was asked once more and had answered by this time.
    #[must_use]
    pub fn seen_until(self, answered: Option<OffsetDateTime>) -> Recent {
        Recent { until: answered.map_or(self.until, |time| time.max(self.until)), ..self }
    }

    fn holds(self, time: OffsetDateTime) -> bool {
        self.since.is_some_and(|since| time >= since) && time <= self.until
    }
}

/// How records of an object are compared.
#[derive(Debug)]
pub struct Comparison<'a> {
    /// The columns.
    pub columns: &'a [Column],
    /// The same, by what belongs together.
    pub units: &'a [Unit],
    /// What the mirror does with records in the trash.
    pub deleted: DeletedRecords,
    /// Whether the source shows nothing of its trash, so that what is known to be there cannot be compared.
    pub hides_trash: bool,
    /// What is not due yet.
    pub recent: Recent,
}

impl Comparison<'_> {
    /// What both sides of a record show; `None` for a side without it.
    pub fn of(&self, source: Option<&Row>, mirror: Option<&Image>) -> Finding {
        let finding = match (source.filter(|row| self.is_mirrored(row)), mirror) {
            (None, None) => Finding::Equal,
            (Some(_), None) => Finding::Missing,
            (None, Some(mirror)) if self.hides_trash && self.is_trashed(mirror) => Finding::NotDue,
            (None, Some(_)) => Finding::Extra,
            (Some(row), Some(mirror)) => self.fields(row, mirror, |_| true),
        };
        let is_recent = source.is_some_and(|row| self.recent.holds(row.updated_at));
        if finding != Finding::Equal && is_recent { Finding::NotDue } else { finding }
    }

    /// What the source did to a record with local changes since both sides agreed on `base`, without the columns that
    /// wait for a decision: what no walk shows would stay unseen for as long as they wait.
    pub fn since(&self, source: &Row, base: &Image, waiting: &BTreeSet<usize>) -> Finding {
        if self.recent.holds(source.updated_at) {
            return Finding::NotDue;
        }
        let waits = |unit: &&Unit| unit.columns.iter().any(|column| waiting.contains(column));
        self.fields(source, base, |unit| !waits(unit))
    }

    fn is_mirrored(&self, row: &Row) -> bool {
        row.deleted_at.is_none() || self.deleted == DeletedRecords::Keep
    }

    fn is_trashed(&self, mirror: &Image) -> bool {
        let mut columns = self.columns.iter();
        let column = columns.position(|column| column.path.key == "deletedAt");
        let value = column.and_then(|column| mirror.get(column));
        value.is_some_and(|value| *value != Value::Null)
    }

    /// The units that count and differ.
    fn fields(&self, row: &Row, mirror: &Image, counts: impl Fn(&&Unit) -> bool) -> Finding {
        let source = Image::of(row);
        let differs = |unit: &&Unit| {
            canonical::units_equal(self.columns, unit, &source, mirror) == Some(false)
        };
        let names: Vec<String> = self
            .units
            .iter()
            .filter(counts)
            .filter(differs)
            .map(|unit| unit.name.clone())
            .collect();
        if names.is_empty() { Finding::Equal } else { Finding::Differing(names) }
    }
}

#[cfg(test)]
mod tests {
    use time::{Duration, macros::datetime};
    use uuid::Uuid;

    use super::{Comparison, Finding, Recent};
    use crate::{
        plan::{fixture::columns, pending::DeletedRecords},
        record::{Column, FieldKind, Image, Row, Value, units},
    };

    const NOW: time::OffsetDateTime = datetime!(2026-11-24 08:00 UTC);

    fn row(columns: &[Column], text: &Value) -> Row {
        let value = |column: &Column| match column.name.as_str() {
            "id" => Some(Value::Uuid(Uuid::nil())),
            "updated_at" => Some(Value::Timestamp(NOW)),
            "text" => Some(text.clone()),
            _ => Some(Value::Null),
        };
        let values = columns.iter().map(value).collect();
        Row { id: Uuid::nil(), updated_at: NOW, deleted_at: None, values }
    }

    #[test]
    fn each_kind_of_difference_is_told_and_what_is_recent_or_means_the_same_is_none() {
        let columns = columns(&[
            ("id", FieldKind::Uuid),
            ("updatedAt", FieldKind::DateTime),
            ("deletedAt", FieldKind::DateTime),
            ("text", FieldKind::Text),
        ]);
        let units = units(&columns);
        let comparison = |deleted, watermark| Comparison {
            columns: &columns,
            units: &units,
            deleted,
            hides_trash: false,
            recent: Recent::after(Some(watermark), NOW + Duration::HOUR),
        };
        let old = comparison(DeletedRecords::Remove, NOW + Duration::MINUTE);
        let (empty, text) =
            (row(&columns, &Value::Null), row(&columns, &Value::Text("a".to_owned())));
        let blank = Image::of(&row(&columns, &Value::Text(String::new())));
        let trashed = Row { deleted_at: Some(NOW), ..empty.clone() };
        let differs = Finding::Differing(vec!["text".to_owned()]);
        for (source, mirror, expected) in [
            (Some(&empty), Some(&blank), Finding::Equal),
            (None, None, Finding::Equal),
            (Some(&trashed), None, Finding::Equal),
            (Some(&trashed), Some(&blank), Finding::Extra),
            (None, Some(&blank), Finding::Extra),
            (Some(&text), None, Finding::Missing),
            (Some(&text), Some(&blank), differs),
        ] {
            assert_eq!(old.of(source, mirror), expected);
        }
        assert_eq!(
            comparison(DeletedRecords::Keep, NOW + Duration::MINUTE).of(Some(&trashed), None),
            Finding::Missing
        );
        let old = Comparison { hides_trash: true, ..old };
        let mut kept = blank.clone();
        kept.set(2, Some(Value::Timestamp(NOW)));
        assert_eq!(old.of(None, Some(&kept)), Finding::NotDue);
        assert_eq!(old.of(None, Some(&blank)), Finding::Extra);
        let young = comparison(DeletedRecords::Remove, NOW);
        assert_eq!(young.of(Some(&text), None), Finding::NotDue);
        assert_eq!(young.of(Some(&text), Some(&blank)), Finding::NotDue);
        let unread = Comparison { recent: Recent::after(None, NOW), ..young };
        assert_eq!(unread.of(Some(&text), None), Finding::Missing, "never read, so all is due");
        let invented = Row { updated_at: NOW + Duration::DAY, ..text };
        assert_eq!(young.of(Some(&invented), None), Finding::Missing);
    }

    #[test]
    fn a_record_with_local_changes_differs_from_what_was_agreed_on_but_where_it_waits() {
        let columns = columns(&[("text", FieldKind::Text), ("select", FieldKind::Select)]);
        let mut base = Image::of(&row(&columns, &Value::Text("agreed".to_owned())));
        base.set(1, Some(Value::Text("A".to_owned())));
        let source = row(&columns, &Value::Text("theirs".to_owned()));
        let since = |watermark, waiting: &[usize]| {
            let (deleted, units) = (DeletedRecords::Remove, &units(&columns)[..]);
            let recent = Recent::after(Some(watermark), NOW);
            let columns = &columns[..];
            let comparison = Comparison { columns, units, deleted, hides_trash: false, recent };
            comparison.since(&source, &base, &waiting.iter().copied().collect())
        };
        let differing = |names: &[&str]| {
            Finding::Differing(names.iter().map(|&name| name.to_owned()).collect())
        };
        let read = NOW + Duration::MINUTE;
        assert_eq!(since(read, &[]), differing(&["text", "select"]));
        assert_eq!(since(read, &[0]), differing(&["select"]));
        assert_eq!(since(read, &[0, 1]), Finding::Equal);
        assert_eq!(since(NOW, &[]), Finding::NotDue, "changed since the mirror was read");
    }

    #[test]
    fn what_changed_until_the_last_answer_is_not_due() {
        let recent = Recent::after(Some(NOW), NOW + Duration::MINUTE);
        let since = |seconds: i64, recent: Recent| recent.holds(NOW + Duration::seconds(seconds));
        for (seconds, expected) in [(-1, false), (0, true), (60, true), (61, false)] {
            assert_eq!(since(seconds, recent), expected, "{seconds}");
        }
        let later = recent.seen_until(Some(NOW + Duration::HOUR));
        assert!(since(3_600, later) && !since(3_601, later));
        assert_eq!(later.seen_until(Some(NOW)), later, "an older answer takes nothing back");
        assert_eq!(recent.seen_until(None), recent);
    }
}
