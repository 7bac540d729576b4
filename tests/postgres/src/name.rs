//! Names of databases and roles that tests make.
//!
//! A name tells when it was made and by which process, so that what a killed test left behind can be told from
//! what a running test still needs.

use std::process;
use std::time::{SystemTime, UNIX_EPOCH};

use sqlx::{AssertSqlSafe, PgConnection};
use uuid::Uuid;

const PREFIX: &str = "twenty_sync_test_";
const STALE_AFTER_SECONDS: u64 = 3600;

/// A new name: prefix, seconds since 1970, process id, and a random part.
pub(crate) fn fresh() -> String {
    let random = Uuid::new_v4().simple().to_string();
    format!("{PREFIX}{}_{}_{}", now(), process::id(), &random[..8])
}

/// Drops what tests made more than an hour ago. A database in use stays: dropping it fails, and that is wanted.
pub(crate) async fn sweep(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    let like = "'twenty\\_sync\\_test\\_%'";
    for (kind, catalog, column) in
        [("database", "pg_database", "datname"), ("role", "pg_roles", "rolname")]
    {
        let list = format!("select {column}::text from {catalog} where {column} like {like}");
        let names: Vec<String> =
            sqlx::query_scalar(AssertSqlSafe(list)).fetch_all(&mut *connection).await?;
        for name in names.iter().filter(|name| is_stale(name, now())) {
            let drop = format!("drop {kind} if exists \"{name}\"");
            sqlx::raw_sql(AssertSqlSafe(drop)).execute(&mut *connection).await.ok();
        }
    }
    Ok(())
}

/// Only names of exactly our shape are ever stale: nothing else may be dropped, and nothing else be quoted.
fn is_stale(name: &str, now: u64) -> bool {
    let Some(rest) = name.strip_prefix(PREFIX) else { return false };
    let plain = rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    let made = rest.split('_').next().and_then(|seconds| seconds.parse::<u64>().ok());
    plain && made.is_some_and(|made| made.saturating_add(STALE_AFTER_SECONDS) < now)
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_stale_an_hour_after_it_was_made() {
        let name = fresh();
        assert!(!is_stale(&name, now() + STALE_AFTER_SECONDS - 5));
        assert!(is_stale(&name, now() + STALE_AFTER_SECONDS + 5));
    }

    #[test]
    fn names_of_others_are_never_stale() {
        for name in [
            "postgres",
            "twenty_sync",
            "twenty_sync_test_",
            "twenty_sync_test_old",
            "x_twenty_sync_test_1_1_a",
        ] {
            assert!(!is_stale(name, u64::MAX), "{name}");
        }
        assert!(!is_stale("twenty_sync_test_1_1_\"; drop", u64::MAX));
    }

    #[test]
    fn a_name_with_the_suffix_of_a_role_fits_an_identifier() {
        assert!(fresh().len() + "_r99".len() < 63);
    }
}
