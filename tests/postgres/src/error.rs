//! What can go wrong before a test has its database.
//!
//! Each variant says what was being done, and the ones that a person can repair say how.

use std::io;

/// Why there is no server or no database.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The server that the environment names cannot be used.
    #[error("TEST_DATABASE_URL names a server that cannot be used: {reason}")]
    Given {
        /// What the server, or the way to it, said.
        reason: String,
    },
    /// Every way to a server was tried.
    #[error(
        "no PostgreSQL for the tests: {tried}\n\
         install it (Debian, Ubuntu: apt-get install postgresql), or set TEST_DATABASE_URL to a server on which \
         the tests may create databases"
    )]
    NoServer {
        /// What was tried, with the reason why each failed.
        tried: String,
    },
    /// The programs of PostgreSQL are not on this machine.
    #[error("{0}")]
    NoBinaries(String),
    /// Root started the tests, and there is nobody else to run PostgreSQL as.
    #[error(
        "PostgreSQL must not run as root, and neither `postgres` nor `nobody` is in /etc/passwd"
    )]
    NoAccount,
    /// A program of PostgreSQL failed.
    #[error("{program} failed: {output}")]
    Program {
        /// Its name.
        program: &'static str,
        /// What it printed, or the end of it.
        output: String,
    },
    /// The operating system refused.
    #[error("could not {doing}: {source}")]
    Io {
        /// The operation and its subject.
        doing: &'static str,
        /// The refusal.
        source: io::Error,
    },
    /// A statement failed.
    #[error("could not {doing}: {source}")]
    Sql {
        /// The operation and its subject.
        doing: &'static str,
        /// The server's answer.
        source: sqlx::Error,
    },
    /// The container did not come up.
    #[error("the container did not start: {0}")]
    Container(String),
}

impl Error {
    pub(crate) fn io(doing: &'static str) -> impl FnOnce(io::Error) -> Error {
        move |source| Error::Io { doing, source }
    }

    pub(crate) fn sql(doing: &'static str) -> impl FnOnce(sqlx::Error) -> Error {
        move |source| Error::Sql { doing, source }
    }
}
