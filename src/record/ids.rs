//! Which records a bulk write touches, and how far a delete goes.
//!
//! It exists because a bulk write without ids changes a whole table at the source, and a delete that does not say
//! which it is destroys (docs/twenty.md, "Deleting"). Invariants: [`Ids`] holds at least one id and none twice;
//! [`DeleteMode`] has no default.

use uuid::Uuid;

/// At least one id, in ascending order, none twice.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Ids(Vec<Uuid>);

impl Ids {
    /// One id.
    pub fn one(id: Uuid) -> Ids {
        Ids(vec![id])
    }

    /// These ids, unless there are none.
    pub fn new(ids: impl IntoIterator<Item = Uuid>) -> Option<Ids> {
        let mut ids: Vec<Uuid> = ids.into_iter().collect();
        ids.sort_unstable();
        ids.dedup();
        (!ids.is_empty()).then_some(Ids(ids))
    }

    /// The ids.
    pub fn as_slice(&self) -> &[Uuid] {
        &self.0
    }

    /// How many there are; never 0.
    #[expect(clippy::len_without_is_empty, reason = "it is never empty")]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Two halves, unless there is only one id.
    pub fn halves(&self) -> Option<(Ids, Ids)> {
        let (left, right) = self.0.split_at(self.0.len() / 2);
        (!left.is_empty()).then(|| (Ids(left.to_vec()), Ids(right.to_vec())))
    }
}

/// How far a delete goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum DeleteMode {
    /// Into the trash, from where it can be restored.
    Soft,
    /// For ever.
    Destroy,
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::Ids;

    #[test]
    fn no_ids_are_no_ids() {
        assert_eq!(Ids::new([]), None);
    }

    #[test]
    fn an_id_given_twice_counts_once_and_order_does_not_matter() {
        let [a, b] = [1, 2].map(Uuid::from_u128);
        assert_eq!(Ids::new([b, a, b]), Ids::new([a, b]));
        assert_eq!(Ids::new([b, a, b]).unwrap().len(), 2);
    }

    #[test]
    fn halves_keep_every_id_and_one_id_has_none() {
        let ids = Ids::new((1..=5).map(Uuid::from_u128)).unwrap();
        let (left, right) = ids.halves().unwrap();
        assert_eq!([left.as_slice(), right.as_slice()].concat(), ids.as_slice());
        assert_eq!(Ids::one(Uuid::nil()).halves(), None);
    }
}
