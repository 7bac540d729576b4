//! The one error type of the server.
//!
//! REST and GraphQL wrap the same operations, so an operation must say once what went wrong and let each
//! layer print it in its own shape. The texts are those of the real server: a client tells errors apart by them.

use std::fmt;

/// A refusal, with what each layer needs to print it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerError {
    /// HTTP status that REST answers.
    pub status: u16,
    /// Value of `error` in the REST body.
    pub name: &'static str,
    /// The text: `messages[0]` in REST, `errors[].message` in GraphQL.
    pub message: String,
    /// `extensions.code` in GraphQL.
    pub code: &'static str,
    /// `extensions.subCode` in GraphQL, where the server has one.
    pub sub_code: Option<&'static str>,
}

impl ServerError {
    /// A refusal that the server raises on purpose: 400 with its own exception class.
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new(400, "BadRequestException", message, "BAD_USER_INPUT")
    }

    /// An exception that is not an HTTP exception: REST falls back to 400 with the class name of a plain error.
    pub fn plain(message: impl Into<String>) -> Self {
        Self::new(400, "Error", message, "BAD_USER_INPUT")
    }

    /// An error of the database that the server hands through as an internal one, although the input caused it.
    pub fn database(message: impl Into<String>) -> Self {
        Self::new(500, "InternalServerErrorException", message, "INTERNAL_SERVER_ERROR")
    }

    /// A row that is not there, or that the caller may not see because it is soft-deleted.
    pub fn record_not_found() -> Self {
        Self::new(404, "NotFoundException", "Record not found", "NOT_FOUND")
            .with_sub_code("RECORD_NOT_FOUND")
    }

    /// The primary key, or the same key twice in one batch.
    pub fn duplicate_entry() -> Self {
        Self::bad_request("A duplicate entry was detected")
    }

    /// A unique field that another row holds. Soft-deleted rows hold theirs, too.
    pub fn duplicate_value(label: &str, value: &str) -> Self {
        let message = format!("Duplicate {label} with value {value}. Please set a unique one.");
        Self::new(400, "UserInputError", message, "BAD_USER_INPUT")
    }

    /// Writing what the role or the server itself does not allow.
    pub fn forbidden() -> Self {
        Self::new(
            400,
            "Error",
            "Entity performing the request does not have permission",
            "FORBIDDEN",
        )
    }

    /// Any other error.
    pub fn new(
        status: u16,
        name: &'static str,
        message: impl Into<String>,
        code: &'static str,
    ) -> Self {
        Self { status, name, message: message.into(), code, sub_code: None }
    }

    /// The same error with a sub-code.
    #[must_use]
    pub fn with_sub_code(mut self, sub_code: &'static str) -> Self {
        self.sub_code = Some(sub_code);
        self
    }
}

impl fmt::Display for ServerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.status, self.name, self.message)
    }
}

impl std::error::Error for ServerError {}
