//! `RICH_TEXT_V2`: each of the two forms is made from the other when only one is sent.
//!
//! Blocks made from markdown get random ids, so two writes of the same text differ. The conversion knows headings,
//! bullets, numbers, paragraphs and bold and italic text; that is what the recordings show.

use serde_json::{Map, Value, json};
use uuid::Uuid;

/// Both parts as they are stored.
pub(super) fn rewrite(given: &Map<String, Value>) -> Vec<(&'static str, Value)> {
    let part = |key: &str| given.get(key).cloned().unwrap_or(Value::Null);
    let (blocknote, markdown) = (part("blocknote"), part("markdown"));
    let (blocknote, markdown) = match (blocknote.as_str(), markdown.as_str()) {
        (None, Some(text)) => (Value::from(to_blocks(text)), markdown),
        (Some(blocks), None) => (blocknote.clone(), Value::from(to_markdown(blocks))),
        _ => (blocknote, markdown),
    };
    vec![("blocknote", blocknote), ("markdown", markdown)]
}

fn to_blocks(markdown: &str) -> String {
    let lines = markdown.lines().map(str::trim).filter(|line| !line.is_empty());
    let blocks: Vec<String> = lines.map(block).collect();
    format!("[{}]", blocks.join(","))
}

/// Printed by hand: the keys keep the order in which the real server prints them.
fn block(line: &str) -> String {
    let hashes = line.chars().take_while(|c| *c == '#').count();
    let (kind, level, text) = if (1..=3).contains(&hashes) && line[hashes..].starts_with(' ') {
        ("heading", format!(",\"level\":{hashes}"), &line[hashes..])
    } else if let Some(text) = line.strip_prefix("- ").or_else(|| line.strip_prefix("* ")) {
        ("bulletListItem", String::new(), text)
    } else if let Some((_, text)) =
        line.split_once(". ").filter(|(n, _)| n.bytes().all(|b| b.is_ascii_digit()))
    {
        ("numberedListItem", String::new(), text)
    } else {
        ("paragraph", String::new(), line)
    };
    let props = format!(
        "{{\"textColor\":\"default\",\"backgroundColor\":\"default\",\"textAlignment\":\"left\"{level}}}"
    );
    let content = inline(text.trim_start());
    let id = Uuid::new_v4();
    format!(
        "{{\"id\":\"{id}\",\"type\":\"{kind}\",\"props\":{props},\"content\":[{content}],\"children\":[]}}"
    )
}

fn inline(text: &str) -> String {
    let mut spans = Vec::new();
    for (at, strong) in text.split("**").enumerate() {
        for (inner, plain) in strong.split('*').enumerate() {
            if !plain.is_empty() {
                let style = match (at % 2, inner % 2) {
                    (1, _) => "{\"bold\":true}",
                    (_, 1) => "{\"italic\":true}",
                    _ => "{}",
                };
                spans.push(format!(
                    "{{\"type\":\"text\",\"text\":{},\"styles\":{style}}}",
                    Value::from(plain)
                ));
            }
        }
    }
    spans.join(",")
}

fn to_markdown(blocks: &str) -> String {
    let parsed: Value = serde_json::from_str(blocks).unwrap_or(json!([]));
    let lines: Vec<String> = parsed.as_array().into_iter().flatten().map(line).collect();
    if lines.is_empty() { String::new() } else { lines.join("\n\n") + "\n" }
}

fn line(block: &Value) -> String {
    let text: String = block["content"].as_array().into_iter().flatten().map(span).collect();
    match block["type"].as_str() {
        Some("heading") => {
            let level = usize::try_from(block["props"]["level"].as_u64().unwrap_or(1)).unwrap_or(1);
            format!("{} {text}", "#".repeat(level))
        }
        Some("bulletListItem") => format!("* {text}"),
        Some("numberedListItem") => format!("1. {text}"),
        _ => text,
    }
}

fn span(span: &Value) -> String {
    let text = span["text"].as_str().unwrap_or_default();
    match (&span["styles"]["bold"], &span["styles"]["italic"]) {
        (Value::Bool(true), _) => format!("**{text}**"),
        (_, Value::Bool(true)) => format!("*{text}*"),
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markdown_alone_gets_blocks_with_new_ids_each_time() {
        let given = json!({"markdown": "# Hi\n\n- a\n- **b**"});
        let first = rewrite(given.as_object().unwrap());
        let second = rewrite(given.as_object().unwrap());
        assert_ne!(first[0], second[0]);
        let blocks: Value = serde_json::from_str(first[0].1.as_str().unwrap()).unwrap();
        assert_eq!(blocks[2]["content"][0]["styles"]["bold"], true);
    }

    #[test]
    fn blocks_alone_get_markdown() {
        let given =
            json!({"blocknote": "[{\"type\":\"paragraph\",\"content\":[{\"text\":\"hello\"}]}]"});
        assert_eq!(rewrite(given.as_object().unwrap())[1].1, "hello\n");
    }

    #[test]
    fn both_are_stored_as_sent() {
        let given = json!({"blocknote": "[]", "markdown": "MD"});
        assert_eq!(rewrite(given.as_object().unwrap())[1].1, "MD");
    }
}
