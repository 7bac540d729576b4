//! What is checked after a commit beside the values: the program's own books.
//!
//! It exists because a mistake in them is mended by a later run, and so shows in no end.

use uuid::Uuid;

use super::World;
use crate::{
    objects::{Key, Object, POISON},
    plan::retry::Patience,
    record::{Image, Value},
};

impl World {
    /// A record that is set aside is tried again in time, by the clock of the database.
    pub(crate) fn check_patience(&mut self, key: Key) {
        let Some(at) = self.mirror.refused.get(&key).and_then(|refused| refused.retry_at) else {
            return;
        };
        let longest = i64::try_from(Patience::default().longest.as_micros()).unwrap_or(i64::MAX);
        let wait = at - self.at_postgres();
        if !(0..=longest).contains(&wait) {
            self.wrong("I18", format!("{key:?} is tried again after {wait} microseconds"));
        }
    }

    /// After a run without faults, what waits for a parent waits for one that is not sent.
    pub(crate) fn check_waiting(&mut self) {
        let waits = self.mirror.refused.iter().filter(|(_, refused)| refused.retry_at.is_none());
        let mut waits = waits.filter_map(|(key, refused)| Some((*key, refused.holder?)));
        let stuck =
            waits.find(|(key, holder)| self.is_open(key.0) && !self.mirror.is_unsent(*holder));
        if let Some((key, holder)) = stuck {
            self.wrong("I22", format!("{key:?} waits for {holder}, and that is there"));
        }
    }

    /// Only what the server cannot take by itself is set aside for its values.
    pub(crate) fn check_refusal(&mut self, key: Key, image: &Image) {
        let is_poisoned = |value: &Option<Value>| matches!(value, Some(Value::Text(text)) if text.starts_with(POISON));
        if !image.values().iter().any(is_poisoned) {
            self.wrong("I22", format!("{key:?} is set aside, and nothing is wrong with it"));
        }
    }

    /// When the row of a destroyed record goes, no row names it that the server has emptied.
    pub(super) fn check_referrers(&mut self, buried: &[Key]) {
        let objects = std::rc::Rc::clone(&self.objects);
        for (target, id) in buried {
            for (place, object) in objects.iter().enumerate() {
                let stale = self.stale_referrer(place, object, (*target, *id));
                if let Some(other) = stale {
                    let gone = (*target, *id);
                    self.wrong(
                        "I1",
                        format!(
                            "{gone:?} was removed here, and {:?} still names it",
                            (place, other)
                        ),
                    );
                }
            }
        }
    }

    fn stale_referrer(&self, place: usize, object: &Object, gone: Key) -> Option<Uuid> {
        let relations = object.relations.iter().filter(|relation| relation.target == gone.0);
        let columns: Vec<usize> = relations.map(|relation| relation.column).collect();
        let columns: Vec<usize> =
            columns.into_iter().filter(|column| self.is_column_synced(place, *column)).collect();
        let names = |image: &Image| {
            columns.iter().any(|column| image.get(*column) == Some(&Value::Uuid(gone.1)))
        };
        let is_stale = |id: &Uuid| {
            let key = (place, *id);
            // One that is gone itself goes when all of its object was read.
            let is_emptied = self.twenty.get(key).is_some_and(|record| !names(&record.image));
            !self.mirror.bases.contains_key(&key) && is_emptied
        };
        let rows = self.mirror.rows[place].iter();
        let mut referring = rows.filter(|(_, row)| names(row)).map(|(id, _)| *id);
        referring.find(is_stale)
    }
}
