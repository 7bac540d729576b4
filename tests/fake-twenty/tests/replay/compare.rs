//! Two answers side by side.

use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::ledger::{Ledger, is_id, is_time};

/// How one exchange is compared.
pub(crate) struct Comparison<'a> {
    pub(crate) ledger: &'a mut Ledger,
    /// The request's text: ids and times in it were made by the client and must come back as they are.
    pub(crate) request: &'a str,
    /// Whether the order of records is left to chance.
    pub(crate) unordered: bool,
    /// Whether ids in the world are compared as they are.
    pub(crate) is_seeded: &'a dyn Fn(&str) -> bool,
    pub(crate) faults: Vec<String>,
}

impl Comparison<'_> {
    /// Collects what differs between the recorded and the answered value.
    pub(crate) fn values(&mut self, recorded: &Value, answered: &Value, path: &str) {
        match (recorded, answered) {
            (Value::Object(a), Value::Object(b)) => {
                for (key, value) in a {
                    match b.get(key) {
                        Some(other) => self.values(value, other, &format!("{path}.{key}")),
                        None => self.fault(path, &format!("lacks {key} = {}", short(value))),
                    }
                }
                for (key, value) in b.iter().filter(|(key, _)| !a.contains_key(*key)) {
                    self.fault(path, &format!("has {key} = {} besides", short(value)));
                }
            }
            (Value::Array(a), Value::Array(b)) => self.lists(a, b, path),
            (Value::String(a), Value::String(b)) => self.texts(a, b, path),
            (Value::Number(a), Value::Number(b)) if a.as_f64() == b.as_f64() => {}
            _ if recorded == answered => {}
            _ => self.differ(recorded, answered, path),
        }
    }

    fn fault(&mut self, path: &str, what: &str) {
        self.faults.push(format!("{path}: {what}"));
    }

    fn differ(&mut self, recorded: &Value, answered: &Value, path: &str) {
        self.fault(path, &format!("recorded {}, answered {}", short(recorded), short(answered)));
    }

    fn lists(&mut self, recorded: &[Value], answered: &[Value], path: &str) {
        if recorded.len() != answered.len() {
            self.fault(
                path,
                &format!("recorded {} items, answered {}", recorded.len(), answered.len()),
            );
            return;
        }
        let (mut a, mut b): (Vec<&Value>, Vec<&Value>) =
            (recorded.iter().collect(), answered.iter().collect());
        if let Some(key) = self.sort_key(recorded, answered) {
            let text = |value: &Value| value.pointer(key).map(Value::to_string).unwrap_or_default();
            let known: BTreeSet<String> = answered.iter().map(text).collect();
            let renamed = |value: &Value| self.ledger.rewritten(&text(value));
            let shared: BTreeSet<String> =
                recorded.iter().map(renamed).filter(|key| known.contains(key)).collect();
            // What only one side has was made by this request: such items are told apart by their content.
            a.sort_by_key(|value| place(&shared, renamed(value), value));
            b.sort_by_key(|value| place(&shared, text(value), value));
        }
        for (at, (recorded, answered)) in a.into_iter().zip(b).enumerate() {
            self.values(recorded, answered, &format!("{path}[{at}]"));
        }
    }

    /// The key by which a list is compared, where its order means nothing: the id where both sides know the same
    /// ones, else the name.
    fn sort_key(&self, recorded: &[Value], answered: &[Value]) -> Option<&'static str> {
        let items = recorded;
        let all =
            |key: &str| !items.is_empty() && items.iter().all(|item| item.pointer(key).is_some());
        let metadata = ["/nameSingular", "/node/nameSingular", "/type", "/node/type"];
        if !metadata.into_iter().any(all) {
            let groups = "/groupByDimensionValues";
            if all(groups) {
                return Some(groups);
            }
            return (self.unordered && all("/id") && !all("/value")).then_some("/id");
        }
        let ids = |items: &[Value], key: &str| -> BTreeSet<String> {
            items.iter().filter_map(|item| item.pointer(key)?.as_str()).map(str::to_owned).collect()
        };
        let same = |key: &str| {
            all(key)
                && ids(recorded, key)
                    .iter()
                    .map(|id| self.ledger.rewritten(id))
                    .eq(ids(answered, key))
        };
        let named = ["/node/nameSingular", "/node/name", "/nameSingular", "/name"];
        let known = ["/id", "/node/id"].into_iter().find(|key| same(key));
        known.or_else(|| named.into_iter().find(|key| all(key)))
    }

    fn texts(&mut self, recorded: &str, answered: &str, path: &str) {
        if recorded == answered {
            if is_time(recorded) && !self.request.contains(recorded) {
                self.ledger.pair_times(recorded, answered);
            }
            return;
        }
        let agrees = if is_id(recorded) && is_id(answered) {
            let given = self.request.contains(recorded) || (self.is_seeded)(recorded);
            self.ledger.pair_ids(recorded, answered, given)
        } else if is_time(recorded) && is_time(answered) && !self.request.contains(recorded) {
            self.ledger.pair_times(recorded, answered)
        } else if let (Some(a), Some(b)) = (cursor(recorded), cursor(answered)) {
            return self.values(&a, &b, path);
        } else if let (Some(a), Some(b)) = (blocks(recorded), blocks(answered)) {
            return self.values(&a, &b, path);
        } else {
            self.ledger.rewritten(recorded) == answered
        };
        if !agrees {
            self.fault(path, &format!("recorded {recorded:?}, answered {answered:?}"));
        }
    }
}

/// Where an item goes in a list that is compared without its order.
fn place(shared: &BTreeSet<String>, key: String, item: &Value) -> (bool, String) {
    if shared.contains(&key) {
        return (false, key);
    }
    let mut content = item.clone();
    for made in ["id", "createdAt", "updatedAt", "position"] {
        if let Some(entries) = content.as_object_mut() {
            entries.remove(made);
        }
    }
    (true, content.to_string())
}

fn short(value: &Value) -> String {
    let text = value.to_string();
    text.char_indices().nth(160).map_or(text.clone(), |(at, _)| format!("{}…", &text[..at]))
}

/// The keys inside a cursor.
fn cursor(text: &str) -> Option<Value> {
    let decoded: Value = serde_json::from_slice(&STANDARD.decode(text).ok()?).ok()?;
    decoded.is_object().then_some(decoded)
}

/// Generated rich text without the ids of its blocks, which are random.
fn blocks(text: &str) -> Option<Value> {
    let mut decoded: Value = serde_json::from_str(text).ok()?;
    decoded.as_array()?.first()?.get("type")?;
    forget_ids(&mut decoded);
    Some(decoded)
}

fn forget_ids(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(forget_ids),
        Value::Object(entries) => {
            entries.remove("id");
            entries.values_mut().for_each(forget_ids);
        }
        _ => {}
    }
}
