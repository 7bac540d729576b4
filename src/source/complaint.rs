//! One reader for every shape in which Twenty complains.
//!
//! It exists because there are three shapes of REST errors and one of GraphQL, and which one comes depends on the
//! layer that refused, not on the request (docs/twenty.md, "Errors"). Invariant: any body, even none, becomes a
//! complaint; what is no JSON of Twenty's has an empty text.

use serde::Deserialize;
use serde_json::Value;

use super::text::ServerText;

/// What the server complains about, without a judgement.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Complaint {
    pub(super) status: u16,
    pub(super) error: Option<String>,
    pub(super) code: Option<String>,
    pub(super) sub_code: Option<String>,
    pub(super) text: ServerText,
}

/// REST, all three shapes: `messages` and `error`, `message` and `error`, newer ones with `code`.
#[derive(Deserialize, Default)]
#[serde(default)]
struct RestBody {
    messages: Value,
    message: Value,
    error: Value,
    code: Value,
    errors: Vec<GraphError>,
}

/// One error of a GraphQL answer.
#[derive(Debug, Deserialize, Default)]
#[serde(default)]
pub(super) struct GraphError {
    message: Value,
    path: Option<Vec<Value>>,
    extensions: Option<Extensions>,
}

#[derive(Debug, Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Extensions {
    code: Value,
    sub_code: Value,
}

impl Complaint {
    /// Reads the body of an answer with `status`.
    pub(super) fn read(status: u16, body: &str) -> Complaint {
        let rest: RestBody = serde_json::from_str(body).unwrap_or_default();
        if let Some(error) = rest.errors.first() {
            return error.complaint(status);
        }
        let text = words(&rest.messages).or_else(|| words(&rest.message)).unwrap_or_default();
        Complaint {
            status,
            error: words(&rest.error),
            code: words(&rest.code),
            sub_code: None,
            text: ServerText::new(text),
        }
    }

    /// Every name that the server gave the fault.
    pub(super) fn codes(&self) -> impl Iterator<Item = &str> {
        [&self.sub_code, &self.code, &self.error].into_iter().filter_map(|code| code.as_deref())
    }

    pub(super) fn has_code(&self, code: &str) -> bool {
        self.codes().any(|known| known == code)
    }
}

impl GraphError {
    pub(super) fn complaint(&self, status: u16) -> Complaint {
        let (code, sub_code) = match &self.extensions {
            Some(extensions) => (words(&extensions.code), words(&extensions.sub_code)),
            None => (None, None),
        };
        let text = ServerText::new(words(&self.message).unwrap_or_default());
        Complaint { status, error: None, code, sub_code, text }
    }

    /// The root field that it belongs to, where the server says so (many versions do not).
    pub(super) fn alias(&self) -> Option<&str> {
        self.path.as_ref()?.first()?.as_str()
    }
}

/// A text, or the first of a list of texts.
fn words(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Array(items) => words(items.first()?),
        Value::Object(fields) => words(fields.get("message")?),
        Value::Null | Value::Bool(_) | Value::Number(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::Complaint;

    #[test]
    fn every_shape_gives_its_text_and_its_names() {
        for (body, text, code) in [
            (
                r#"{"statusCode":404,"error":"NotFoundException","messages":["Record not found"]}"#,
                "Record not found",
                "NotFoundException",
            ),
            (
                r#"{"statusCode":400,"error":"X","messages":["Invalid cursor"],"code":"INVALID_CURSOR"}"#,
                "Invalid cursor",
                "INVALID_CURSOR",
            ),
            (r#"{"statusCode":400,"message":"no","error":"Bad Request"}"#, "no", "Bad Request"),
            (
                r#"{"statusCode":400,"message":["no","no"],"error":"Bad Request"}"#,
                "no",
                "Bad Request",
            ),
            (
                r#"{"errors":[{"message":"Limit","extensions":{"subCode":"LIMIT_REACHED","code":"BAD_USER_INPUT","userFriendlyMessage":{"id":"a","message":"b"}}}],"data":{"a":null}}"#,
                "Limit",
                "LIMIT_REACHED",
            ),
        ] {
            let complaint = Complaint::read(400, body);
            assert_eq!(
                (complaint.text.raw(), complaint.codes().next()),
                (text, Some(code)),
                "{body}"
            );
        }
    }

    #[test]
    fn what_is_no_complaint_of_twentys_is_empty() {
        for body in ["", "<html>502</html>", "[1", "[]", "7", "null", r#"{"messages":[]}"#] {
            assert_eq!(
                Complaint::read(500, body),
                Complaint { status: 500, ..Complaint::default() },
                "{body}"
            );
        }
    }
}
