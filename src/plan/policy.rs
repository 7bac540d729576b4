//! Who wins when both sides changed the same field, and what a delete does to an edit.
//!
//! It exists as a closed list because each policy must say what becomes of the losing value: it is always kept as a
//! conflict. Invariants: the answer follows from the policy and the two times alone; swapping the sides, the times
//! and the policy swaps the answer, except where two times are too near to each other: then the source wins.

use std::collections::BTreeMap;

use time::{Duration, OffsetDateTime};

/// Clocks of two machines may differ by this much.
pub const SKEW: Duration = Duration::seconds(2);

/// One of the two sides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Side {
    /// Twenty.
    Source,
    /// PostgreSQL.
    Mirror,
}

impl Side {
    /// The word in SQL and configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Side::Source => "source",
            Side::Mirror => "mirror",
        }
    }
}

/// Who wins when both sides changed a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Policy {
    /// The source: people who work in the CRM see the result at once.
    #[default]
    Source,
    /// The mirror.
    Mirror,
    /// Whoever changed it later, by more than [`SKEW`]; else the source.
    Newest,
    /// Nobody: the field waits for a person, the rest of the record flows.
    Hold,
}

impl Policy {
    /// The word in SQL and configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Policy::Source => "source",
            Policy::Mirror => "mirror",
            Policy::Newest => "newest",
            Policy::Hold => "hold",
        }
    }

    /// The policy that a word in SQL or configuration names.
    pub fn named(word: &str) -> Option<Policy> {
        [Policy::Source, Policy::Mirror, Policy::Newest, Policy::Hold]
            .into_iter()
            .find(|policy| policy.as_str() == word)
    }

    /// The winner, or `None` if a person is to decide.
    pub fn winner(self, times: Times) -> Option<Side> {
        match self {
            Policy::Source => Some(Side::Source),
            Policy::Mirror => Some(Side::Mirror),
            Policy::Newest => Some(times.newest()),
            Policy::Hold => None,
        }
    }
}

/// When each side last changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Times {
    /// When the source last changed the record.
    pub source: OffsetDateTime,
    /// When the mirror last changed the field.
    pub mirror: OffsetDateTime,
}

impl Times {
    /// Who changed it later, or the source if that cannot be told.
    fn newest(self) -> Side {
        if self.mirror - self.source > SKEW { Side::Mirror } else { Side::Source }
    }
}

/// What happens when one side deleted a record that the other edited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum DeletePolicy {
    /// The record stays deleted; the edit is kept as a conflict.
    #[default]
    DeleteWins,
    /// The edit brings the record back; the delete is kept as a conflict.
    EditRestores,
}

impl DeletePolicy {
    /// The word in SQL and configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            DeletePolicy::DeleteWins => "delete_wins",
            DeletePolicy::EditRestores => "edit_restores",
        }
    }
}

/// The policies of one object.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Policies {
    /// For fields without one of their own.
    pub object: Policy,
    /// By the field's key in the API, such as `emails` or `companyId`.
    pub fields: BTreeMap<String, Policy>,
    /// Delete against edit.
    pub deletes: DeletePolicy,
}

impl Policies {
    /// The policy of a field.
    pub fn of(&self, key: &str) -> Policy {
        self.fields.get(key).copied().unwrap_or(self.object)
    }
}

#[cfg(test)]
mod tests {
    use time::{Duration, macros::datetime};

    use super::{DeletePolicy, Policies, Policy, Side, Times};

    #[test]
    fn each_policy_has_its_winner() {
        let noon = datetime!(2026-11-25 12:00 UTC);
        let times = |seconds| Times { source: noon, mirror: noon + Duration::seconds(seconds) };
        for (policy, seconds, winner) in [
            (Policy::Source, 60, Some(Side::Source)),
            (Policy::Mirror, -60, Some(Side::Mirror)),
            (Policy::Newest, 60, Some(Side::Mirror)),
            (Policy::Newest, -60, Some(Side::Source)),
            (Policy::Newest, 2, Some(Side::Source)),
            (Policy::Newest, 3, Some(Side::Mirror)),
            (Policy::Hold, 60, None),
        ] {
            assert_eq!(policy.winner(times(seconds)), winner, "{policy:?} {seconds}");
        }
    }

    #[test]
    fn a_policy_is_found_by_its_word() {
        for policy in [Policy::Source, Policy::Mirror, Policy::Newest, Policy::Hold] {
            assert_eq!(Policy::named(policy.as_str()), Some(policy));
        }
        assert_eq!(Policy::named("loudest"), None);
    }

    /// Statements and settings of people hold these words: docs/sql.md, docs/configuration.md.
    #[test]
    fn the_words_that_people_write_stay() {
        assert_eq!([Side::Source, Side::Mirror].map(Side::as_str), ["source", "mirror"]);
        let deletes = [DeletePolicy::DeleteWins, DeletePolicy::EditRestores];
        assert_eq!(deletes.map(DeletePolicy::as_str), ["delete_wins", "edit_restores"]);
        let fields = [Policy::Source, Policy::Mirror, Policy::Newest, Policy::Hold];
        assert_eq!(fields.map(Policy::as_str), ["source", "mirror", "newest", "hold"]);
    }

    #[test]
    fn a_field_without_a_policy_has_that_of_its_object() {
        let fields = [("emails".to_owned(), Policy::Hold)].into();
        let policies = Policies { object: Policy::Mirror, fields, ..Policies::default() };
        assert_eq!((policies.of("emails"), policies.of("name")), (Policy::Hold, Policy::Mirror));
    }
}
