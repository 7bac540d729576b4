//! What stands for what: ids and times of the recording and of the fake.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde_json::Value;

/// The pairs found so far.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    ids: HashMap<String, String>,
    taken: HashSet<String>,
    times: BTreeMap<String, String>,
    /// Pairs that the current exchange brought up.
    pub(crate) fresh: Vec<(String, String)>,
}

/// Whether a text is an id.
pub(crate) fn is_id(text: &str) -> bool {
    text.len() == 36 && uuid::Uuid::try_parse(text).is_ok()
}

/// Whether a text is a time as the wire shows it.
pub(crate) fn is_time(text: &str) -> bool {
    let shape: Vec<u8> = text.bytes().map(|b| if b.is_ascii_digit() { b'0' } else { b }).collect();
    shape == b"0000-00-00T00:00:00.000Z"
}

/// All texts of a value that pass a test.
pub(crate) fn texts(value: &Value, wanted: fn(&str) -> bool) -> Vec<String> {
    match value {
        Value::String(text) if wanted(text) => vec![text.clone()],
        Value::Array(items) => items.iter().flat_map(|item| texts(item, wanted)).collect(),
        Value::Object(entries) => entries.values().flat_map(|item| texts(item, wanted)).collect(),
        _ => Vec::new(),
    }
}

impl Ledger {
    /// Whether two ids may stand for each other: the known partner, or two that are both new.
    pub(crate) fn pair_ids(
        &mut self,
        recorded: &str,
        answered: &str,
        made_by_client: bool,
    ) -> bool {
        if let Some(partner) = self.ids.get(recorded) {
            return partner == answered;
        }
        if made_by_client || self.taken.contains(answered) {
            return false;
        }
        self.ids.insert(recorded.to_owned(), answered.to_owned());
        self.taken.insert(answered.to_owned());
        self.fresh.push((recorded.to_owned(), answered.to_owned()));
        true
    }

    /// A row took the recorded id: from now on both sides use it.
    pub(crate) fn settle(&mut self, recorded: &str) {
        self.ids.remove(recorded);
    }

    /// A request's text with the ids of the fake in place of the recorded ones.
    pub(crate) fn rewritten(&self, text: &str) -> String {
        let mut rewritten = text.to_owned();
        for (recorded, answered) in &self.ids {
            rewritten = rewritten.replace(recorded, answered);
        }
        rewritten
    }

    /// Whether two times may stand for each other: the known partner, or new ones that keep the order.
    pub(crate) fn pair_times(&mut self, recorded: &str, answered: &str) -> bool {
        if let Some(partner) = self.times.get(recorded) {
            return partner == answered;
        }
        let before = self.times.range(..recorded.to_owned()).next_back();
        let after = self.times.range(recorded.to_owned()..).next();
        let ordered = before.is_none_or(|(_, partner)| partner.as_str() <= answered)
            && after.is_none_or(|(_, partner)| answered <= partner.as_str());
        if ordered {
            self.times.insert(recorded.to_owned(), answered.to_owned());
        }
        ordered
    }
}
