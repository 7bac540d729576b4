//! The recordings' format.

use std::fs;
use std::path::Path;

use serde_json::Value;

/// One line of a recording.
#[derive(Debug)]
pub(crate) enum Line {
    Exchange(Exchange),
    Delivery(Delivery),
}

/// A request and its answer.
#[derive(Debug)]
pub(crate) struct Exchange {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) headers: Vec<(String, String)>,
    /// The body as it went over the wire.
    pub(crate) body: Option<String>,
    pub(crate) status: u16,
    pub(crate) answer: Value,
}

/// What arrived at a webhook.
#[derive(Debug, Clone)]
pub(crate) struct Delivery {
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) raw_body: String,
    pub(crate) secret: String,
}

/// The lines of a recording whose file name starts with `number`.
pub(crate) fn load(shared: &Path, number: &str) -> Vec<Line> {
    let entries =
        fs::read_dir(shared.join("recordings")).expect("the folder was there a moment ago");
    let mut paths = entries.filter_map(Result::ok).map(|entry| entry.path());
    let named = |path: &std::path::PathBuf| {
        path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(number))
    };
    let path = paths.find(named).unwrap_or_else(|| panic!("no recording starts with {number}"));
    let text = fs::read_to_string(&path).expect("a recording is text");
    text.lines().map(|line| parse(&serde_json::from_str(line).expect("a line is JSON"))).collect()
}

/// The deliveries that the recording shows after an exchange.
pub(crate) fn deliveries_after(lines: &[Line], at: usize) -> Vec<Delivery> {
    let delivery = |line: &Line| match line {
        Line::Delivery(delivery) => Some(delivery.clone()),
        Line::Exchange(_) => None,
    };
    lines[at + 1..].iter().map_while(delivery).collect()
}

fn parse(line: &Value) -> Line {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    if let Some(delivery) = line.get("delivery") {
        return Line::Delivery(Delivery {
            headers: headers(&delivery["headers"]),
            raw_body: text(&delivery["raw_body"]),
            secret: text(&delivery["secret"]),
        });
    }
    let (request, response) = (&line["request"], &line["response"]);
    let raw = request.get("raw").map(text);
    Line::Exchange(Exchange {
        method: text(&request["method"]),
        path: text(&request["path"]),
        headers: headers(&request["headers"]),
        body: raw.or_else(|| request.get("body").map(Value::to_string)),
        status: response["status"].as_u64().and_then(|n| u16::try_from(n).ok()).unwrap_or(0),
        answer: response["body"].clone(),
    })
}

fn headers(value: &Value) -> Vec<(String, String)> {
    let pairs = value.as_object().into_iter().flatten();
    pairs
        .map(|(name, value)| (name.clone(), value.as_str().unwrap_or_default().to_owned()))
        .collect()
}
