//! What can go wrong in PostgreSQL, by operation and subject, with what to do about it.
//!
//! It exists so that an operator reads which table could not be written and why, not which library failed.
//! Invariant: a message names objects, tables and ids, never a field's value (PostgreSQL's own text can hold
//! one, so it is shown by its code and condition only where a statement carries values).

use sqlx::{error::DatabaseError, migrate::MigrateError};
use uuid::Uuid;

use super::{ident::IdentError, transaction::is_contention};

/// A failure at the mirror.
#[derive(Debug, thiserror::Error)]
pub enum MirrorError {
    /// No connection.
    #[error("could not connect to PostgreSQL at {place}")]
    Connect {
        /// Host, port and database; never the password.
        place: String,
        /// The cause.
        #[source]
        cause: sqlx::Error,
    },
    /// The database URL makes no sense.
    #[error("cannot read the database URL")]
    Url(#[source] sqlx::Error),
    /// The control schema could not be made or brought up to date.
    #[error("could not prepare the control schema sync")]
    Control(#[source] MigrateError),
    /// The control schema is older than this program.
    #[error("the control schema sync has version {found}, and this program needs {needed}")]
    ControlOutdated {
        /// The version that is there.
        found: i64,
        /// The version that is needed.
        needed: i64,
    },
    /// The `sync` schema belongs to something else.
    #[error("schema sync already holds relations that twenty-sync did not make: {}", .0.join(", "))]
    ControlTaken(Vec<String>),
    /// The schema for the mirrored tables belongs to something else.
    #[error("schema {schema} already holds relations that twenty-sync did not make: {}", .relations.join(", "))]
    SchemaTaken {
        /// The schema.
        schema: String,
        /// Some of what is there.
        relations: Vec<String>,
    },
    /// This mirror holds another workspace, or this workspace is mirrored elsewhere.
    #[error(
        "schema {schema} mirrors workspace {bound}, but the API key belongs to workspace {given}"
    )]
    OtherWorkspace {
        /// The schema.
        schema: String,
        /// The workspace it was bound to.
        bound: Uuid,
        /// The workspace of the key.
        given: Uuid,
    },
    /// This workspace is mirrored into another schema of this database.
    #[error("workspace {workspace} is already mirrored into schema {bound}, not {schema}")]
    OtherSchema {
        /// The workspace.
        workspace: Uuid,
        /// The schema it is mirrored into.
        bound: String,
        /// The schema asked for.
        schema: String,
    },
    /// A name cannot be used.
    #[error("cannot use a name from the workspace")]
    Name(#[from] IdentError),
    /// A change of the mirrored tables failed.
    #[error("could not {step}")]
    Ddl {
        /// The step, in words.
        step: String,
        /// The cause.
        #[source]
        cause: sqlx::Error,
    },
    /// A page was not written.
    #[error("could not write a page of {object}: {}", condition(.cause))]
    Page {
        /// The object's plural name.
        object: String,
        /// The cause. Not a `source`: its text can hold values.
        cause: sqlx::Error,
    },
    /// People hold rows that are to be written.
    #[error("could not write {object}: open transactions of others hold its rows")]
    Busy {
        /// The object's plural name.
        object: String,
        /// The cause. Not a `source`: its text can hold values.
        cause: sqlx::Error,
    },
    /// Another process moved the checkpoint.
    #[error("another twenty-sync is reading {object} into this mirror")]
    Overtaken {
        /// The object's plural name.
        object: String,
    },
    /// The table is another than the one that was read for.
    #[error("the columns of {object} have changed since they were looked at")]
    Outdated {
        /// The object's plural name.
        object: String,
    },
    /// Another program has taken the lease.
    #[error("another twenty-sync works on this mirror now")]
    LeaseLost,
    /// A page would remove more rows than it may.
    #[error("the page would remove {removed} rows of {object}, more than it may")]
    TooManyRemoved {
        /// The object's plural name.
        object: String,
        /// How many.
        removed: u64,
    },
    /// Any statement on the control schema.
    #[error("could not {action}")]
    Query {
        /// What was being done.
        action: &'static str,
        /// The cause.
        #[source]
        cause: sqlx::Error,
    },
}

/// What a [`MirrorError`] means for the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MirrorFault {
    /// It may work later.
    Transient,
    /// Only a change of configuration or rights helps.
    Configuration,
    /// Another program works in the place of this one.
    Replaced,
}

impl MirrorError {
    pub(super) fn query(action: &'static str) -> impl FnOnce(sqlx::Error) -> MirrorError {
        move |cause| {
            if is_lease_lost(&cause) {
                MirrorError::LeaseLost
            } else {
                MirrorError::Query { action, cause }
            }
        }
    }

    /// The same, said of the rows of `object` where open transactions of others stood in the way.
    #[must_use]
    pub fn of_rows(self, object: &str) -> MirrorError {
        match self {
            MirrorError::Query { cause, .. } if is_contention(&cause) => {
                MirrorError::Busy { object: object.to_owned(), cause }
            }
            other => other,
        }
    }

    /// What this means for the run.
    pub fn fault(&self) -> MirrorFault {
        match self {
            MirrorError::Url(_)
            | MirrorError::ControlTaken(_)
            | MirrorError::ControlOutdated { .. }
            | MirrorError::SchemaTaken { .. }
            | MirrorError::OtherWorkspace { .. }
            | MirrorError::OtherSchema { .. }
            | MirrorError::Name(_)
            | MirrorError::Control(MigrateError::VersionMissing(_)) => MirrorFault::Configuration,
            MirrorError::Control(cause) => migration_fault(cause),
            MirrorError::Connect { cause, .. }
            | MirrorError::Ddl { cause, .. }
            | MirrorError::Page { cause, .. }
            | MirrorError::Query { cause, .. } => sql_fault(cause),
            MirrorError::Overtaken { .. }
            | MirrorError::Outdated { .. }
            | MirrorError::Busy { .. }
            | MirrorError::TooManyRemoved { .. } => MirrorFault::Transient,
            MirrorError::LeaseLost => MirrorFault::Replaced,
        }
    }

    /// Whether the database takes nothing that is written now, whichever object it is of.
    pub fn is_outage(&self) -> bool {
        match self {
            MirrorError::Connect { cause, .. }
            | MirrorError::Ddl { cause, .. }
            | MirrorError::Page { cause, .. }
            | MirrorError::Query { cause, .. } => is_outage(cause),
            _ => false,
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            MirrorError::Url(_) => "give a URL such as postgres://user:password@host:5432/database",
            MirrorError::ControlTaken(_) => "use a database of its own, or rename that schema",
            MirrorError::ControlOutdated { .. } => {
                "the next run of twenty-sync --once or twenty-sync run brings it up to date"
            }
            MirrorError::SchemaTaken { .. } => "set mirror.schema to a name that is free",
            MirrorError::OtherWorkspace { .. } => {
                "use the key of that workspace, or set mirror.schema to another name for this one"
            }
            MirrorError::OtherSchema { .. } => {
                "set mirror.schema to the schema it is mirrored into"
            }
            MirrorError::Control(MigrateError::VersionMissing(_)) => {
                "this database was used by a newer twenty-sync: install that version or a later one"
            }
            MirrorError::TooManyRemoved { .. } => "look at `twenty-sync fuse status`",
            MirrorError::LeaseLost => "twenty-sync status says which one",
            MirrorError::Overtaken { .. } => "let only one twenty-sync at a time work on a mirror",
            MirrorError::Outdated { .. } => {
                "nothing was written: the data model is read first with the next run, then it goes on"
            }
            MirrorError::Busy { .. } => {
                "commit or end the transactions that pg_stat_activity shows as idle in transaction"
            }
            MirrorError::Name(_) => "rename the object or field in Twenty",
            MirrorError::Connect { cause, .. }
            | MirrorError::Ddl { cause, .. }
            | MirrorError::Page { cause, .. }
            | MirrorError::Query { cause, .. } => return sql_hint(cause),
            MirrorError::Control(cause) => {
                return migration_cause(cause).and_then(sql_hint);
            }
        };
        Some(hint.to_owned())
    }
}

fn migration_cause(error: &MigrateError) -> Option<&sqlx::Error> {
    use MigrateError::{Execute, ExecuteMigration};
    match error {
        Execute(cause) | ExecuteMigration(cause, _) => Some(cause),
        _ => None,
    }
}

fn migration_fault(error: &MigrateError) -> MirrorFault {
    migration_cause(error).map_or(MirrorFault::Transient, sql_fault)
}

/// The SQLSTATE of an error that PostgreSQL reported.
pub(super) fn sqlstate(error: &sqlx::Error) -> Option<String> {
    error.as_database_error().and_then(DatabaseError::code).map(std::borrow::Cow::into_owned)
}

/// Whether the fence refused a transaction (`sync.fence`).
pub(super) fn is_lease_lost(error: &sqlx::Error) -> bool {
    sqlstate(error).as_deref() == Some("TS001")
}

/// Whether the table has changed (`sync.check_generation`).
pub(super) fn is_outdated(error: &sqlx::Error) -> bool {
    sqlstate(error).as_deref() == Some("TS002")
}

/// Whether PostgreSQL refused a value: data exceptions (22), limits of the program such as JSON too deep (54),
/// and constraints (23). The rows at fault can be found and set aside.
pub(super) fn is_refused_value(error: &sqlx::Error) -> bool {
    sqlstate(error)
        .is_some_and(|code| ["22", "23", "54"].iter().any(|class| code.starts_with(class)))
}

/// An error's condition without its text, which can hold values.
pub(super) fn condition(error: &sqlx::Error) -> String {
    match sqlstate(error) {
        Some(code) => format!("PostgreSQL refused it with SQLSTATE {code}"),
        None => error.to_string(),
    }
}

fn sql_fault(error: &sqlx::Error) -> MirrorFault {
    match sqlstate(error).as_deref() {
        // No such password or role, database, schema or right.
        Some("28P01" | "28000" | "3D000" | "3F000" | "42501") => MirrorFault::Configuration,
        _ => MirrorFault::Transient,
    }
}

/// No connection, no room, read-only, or going down.
fn is_outage(error: &sqlx::Error) -> bool {
    match sqlstate(error) {
        Some(code) => {
            code == "25006" || ["53", "57P", "58"].iter().any(|class| code.starts_with(class))
        }
        None => matches!(error, sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut),
    }
}

fn sql_hint(error: &sqlx::Error) -> Option<String> {
    let hint = match sqlstate(error).as_deref() {
        Some("28P01" | "28000") => {
            "check the user and password in the database URL, and pg_hba.conf"
        }
        Some("3D000") => "create the database first: createdb NAME",
        Some("42501") => "grant the role CREATE on the database: GRANT CREATE ON DATABASE … TO …",
        Some("53100") => {
            "the database's disk is full: nothing is lost, the run goes on when there is room"
        }
        Some("25006") => "the database is read-only: give the primary's address, not a replica's",
        Some("53300") => {
            "no connection is left: raise the server's max_connections, or the CONNECTION LIMIT of the role or the \
             database, or lower mirror.max_connections"
        }
        None if matches!(error, sqlx::Error::PoolTimedOut) => {
            "check that the server runs, and that its max_connections and the role's CONNECTION LIMIT leave room for \
             mirror.max_connections"
        }
        None => match error {
            sqlx::Error::Io(cause) => io_hint(cause.kind()),
            sqlx::Error::Tls(cause) if cause.to_string() == NO_TLS => PLAIN,
            sqlx::Error::Tls(_) => CERTIFICATE,
            _ => return None,
        },
        Some(_) => return None,
    };
    Some(hint.to_owned())
}

/// How the library says that the server does not speak TLS.
const NO_TLS: &str = "server does not support TLS";

const PLAIN: &str = "turn on ssl in the server's postgresql.conf; where nobody can listen, end the database URL with \
     ?sslmode=disable, because without sslmode a server beyond this machine must show a certificate";

const CERTIFICATE: &str = "is the host in the database URL the name in the server's certificate, and is the certificate valid \
     today? sslrootcert names the file of a private authority: ?sslrootcert=/etc/ssl/authority.pem at the end of the URL";

/// The library tells what TLS refuses as invalid data that came over the connection.
fn io_hint(kind: std::io::ErrorKind) -> &'static str {
    use std::io::ErrorKind::{InvalidData, NotFound, TimedOut};
    match kind {
        TimedOut => {
            "the server or what stands between took the connection and is silent: look whether it hangs or is paused, \
             and whether a proxy or firewall drops what is sent"
        }
        InvalidData => CERTIFICATE,
        NotFound => {
            "is there a file at each path in the database URL: sslrootcert, sslcert, sslkey, or the server's socket?"
        }
        _ => "check that the server runs and that host and port in the database URL are right",
    }
}
