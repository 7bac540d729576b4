//! `doctor`: one line per check, what is wrong and what to do.
//!
//! It exists for the first five minutes and for the call at night. Invariants: it changes nothing on either side;
//! a check that cannot be made because an earlier one failed is said to be skipped, never passed.

use std::process::ExitCode;

use secrecy::ExposeSecret;
use serde::Serialize;
use sqlx::PgPool;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::{
    exit::{self, Failure},
    output::{Output, printable},
    webhook,
};
use crate::{
    config::{Loaded, MirrorConfig, Source},
    mirror::{Examination, Mirror},
    record::{Capabilities, Rest},
    source::{Client, Key},
};

/// The oldest PostgreSQL that the statements need.
const OLDEST_POSTGRES: i32 = 130_000;

/// How long before its end a key is worth a warning.
const KEY_WARNING: Duration = Duration::days(30);

/// A clock that is off by more makes times in logs useless.
const CLOCK_TOLERANCE: Duration = Duration::seconds(30);

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Verdict {
    Ok,
    Warning,
    Failed,
    Skipped,
}

/// One line of the report.
#[derive(Debug, Serialize)]
struct Finding {
    check: &'static str,
    verdict: Verdict,
    text: String,
    hint: Option<String>,
}

/// The report so far, and the exit code that it comes to.
#[derive(Debug, Default)]
struct Report {
    findings: Vec<Finding>,
    code: Option<u8>,
}

impl Report {
    fn put(
        &mut self,
        check: &'static str,
        verdict: Verdict,
        text: impl Into<String>,
        hint: Option<&str>,
    ) {
        let hint = hint.map(str::to_owned);
        self.findings.push(Finding { check, verdict, text: text.into(), hint });
    }

    fn ok(&mut self, check: &'static str, text: impl Into<String>) {
        self.put(check, Verdict::Ok, text, None);
    }

    fn warn(&mut self, check: &'static str, text: impl Into<String>, hint: &str) {
        self.put(check, Verdict::Warning, text, Some(hint));
    }

    fn fail(&mut self, check: &'static str, failure: Failure) {
        let Failure { code, message, hint } = failure;
        self.code = self.code.or(Some(code));
        self.put(check, Verdict::Failed, message, hint.as_deref());
    }

    fn skip(&mut self, check: &'static str, text: &str) {
        self.put(check, Verdict::Skipped, text, None);
    }
}

pub(super) async fn examine(loaded: &Loaded, output: &mut Output) -> Result<ExitCode, Failure> {
    let mut report = Report::default();
    let key = match loaded.source() {
        Ok(source) => examine_source(&source, &mut report).await,
        Err(error) => {
            report.fail("Twenty", error.into());
            None
        }
    };
    match loaded.mirror() {
        Ok(mirror) => examine_mirror(&mirror, key, &mut report).await,
        Err(error) => report.fail("PostgreSQL", error.into()),
    }
    match webhook::examine(loaded).await {
        None => {}
        Some(Ok(text)) => report.ok("webhook", text),
        Some(Err(Failure { message, hint, .. })) => {
            report.put("webhook", Verdict::Warning, message, hint.as_deref());
        }
    }
    if let Err(error) = loaded.health() {
        report.fail("status page", error.into());
    }
    output.show(&report.findings, |findings| {
        findings.iter().map(line).collect::<Vec<_>>().join("\n")
    })?;
    Ok(report.code.map_or(ExitCode::SUCCESS, ExitCode::from))
}

/// Checks Twenty's side; the workspace of the key, where there is a key.
async fn examine_source(source: &Source, report: &mut Report) -> Option<Uuid> {
    let client = match Client::new(source) {
        Ok(client) => client,
        Err(error) => {
            report.fail("API key", error.into());
            return None;
        }
    };
    let workspace_id = client.key().workspace_id;
    examine_key(client.key(), OffsetDateTime::now_utc(), report);
    match client.server().await {
        Ok(server) => {
            let version = server
                .version
                .unwrap_or_else(|| "of 2025 (it does not tell its version)".to_owned());
            report.ok("Twenty", format!("{} answers, version {}", source.url, printable(&version)));
            examine_clock(OffsetDateTime::now_utc() - server.time, report);
        }
        Err(error) => {
            report.fail("Twenty", error.into());
            report.skip("access", "Twenty cannot be reached");
            return Some(workspace_id);
        }
    }
    match client.data_model().await {
        Ok(model) => {
            let objects = model.objects.iter().filter(|object| object.is_active).count();
            report.ok("access", format!("the key reads the data model: {objects} active objects"));
            examine_objects(&client, &model, report).await;
        }
        Err(error) => report.fail("access", error.into()),
    }
    Some(workspace_id)
}

/// Whether records can be read: one small call, because the data model is free and proves nothing about them.
async fn examine_objects(client: &Client, model: &crate::record::DataModel, report: &mut Report) {
    let readable =
        model.objects.iter().find(|object| object.is_active && object.name_plural == "people");
    let Some(object) = readable.or_else(|| model.objects.iter().find(|object| object.is_active))
    else {
        return report.skip("permissions", "the workspace has no object");
    };
    match client.count(&object.name_plural).await {
        Ok(count) => report
            .ok("permissions", format!("the key reads records: {count} {}", object.name_plural)),
        Err(error) => return report.fail("permissions", error.into()),
    }
    match client.capabilities(&object.name_plural).await {
        Ok(Some(Capabilities { rest: Rest::Legacy, .. })) => report.warn(
            "writing",
            "this server destroys records where newer ones delete them, so it is only read",
            "upgrade Twenty; changes made here are refused until then",
        ),
        Ok(Some(_)) => report.ok("writing", "the server takes changes"),
        Ok(None) => report.warn(
            "writing",
            "could not see whether the server takes changes, so it may be only read",
            "let the role of the key read the objects that are mirrored",
        ),
        Err(error) => report.fail("writing", error.into()),
    }
}

fn examine_key(key: &Key, now: OffsetDateTime, report: &mut Report) {
    let workspace = key.workspace_id;
    match key.expires_at {
        Some(end) if end <= now => report.warn(
            "API key",
            format!("of workspace {workspace}, expired on {}", end.date()),
            "make a new key in Twenty under Settings > APIs",
        ),
        Some(end) if end - now < KEY_WARNING => report.warn(
            "API key",
            format!("of workspace {workspace}, expires in {} days", (end - now).whole_days()),
            "make a new key in Twenty under Settings > APIs before that day",
        ),
        Some(end) => {
            report.ok("API key", format!("of workspace {workspace}, expires on {}", end.date()));
        }
        None => report.ok("API key", format!("of workspace {workspace}, without an expiry")),
    }
}

fn examine_clock(skew: Duration, report: &mut Report) {
    if skew.abs() > CLOCK_TOLERANCE {
        let text =
            format!("this machine's clock differs from Twenty's by {} s", skew.whole_seconds());
        report.warn("clock", text, "synchronise it; syncing itself follows Twenty's clock");
    } else {
        report.ok("clock", "agrees with Twenty's");
    }
}

async fn examine_mirror(config: &MirrorConfig, key: Option<Uuid>, report: &mut Report) {
    let url = config.database_url.expose_secret();
    if Mirror::trusts_the_way(url).unwrap_or(false) {
        report.warn(
            "encryption",
            "whoever is on the way to PostgreSQL can pose as it, and read the password or the records",
            "end the database URL with ?sslmode=verify-full, where the network is not your own",
        );
    }
    let pool = match Mirror::connect(url, 1).await {
        Ok(pool) => pool,
        Err(error) => {
            report.fail("PostgreSQL", error.into());
            return report.skip("database rights", "PostgreSQL cannot be reached");
        }
    };
    if let Err(error) = examine_database(&pool, config, key, report).await {
        report.fail("PostgreSQL", error);
    }
}

async fn examine_database(
    pool: &PgPool,
    config: &MirrorConfig,
    key: Option<Uuid>,
    report: &mut Report,
) -> Result<(), Failure> {
    let found = Examination::of(pool, &config.schema).await?;
    examine_server(&found, report);
    examine_rights(&found, report);
    match (found.workspace_id, key) {
        (None, _) => report.ok("mirror", format!("schema {} is not used yet", config.schema)),
        (Some(bound), Some(given)) if bound != given => report.fail(
            "mirror",
            Failure {
                code: exit::CONFIGURATION,
                message: format!(
                    "schema {} mirrors workspace {bound}, the key is of {given}",
                    config.schema
                ),
                hint: Some(
                    "use the key of that workspace, or set mirror.schema to another name"
                        .to_owned(),
                ),
            },
        ),
        (Some(bound), _) => {
            report.ok("mirror", format!("schema {} mirrors workspace {bound}", config.schema));
        }
    }
    Ok(())
}

fn examine_server(found: &Examination, report: &mut Report) {
    let fail = |message: String, hint: &str| Failure {
        code: exit::CONFIGURATION,
        message,
        hint: Some(hint.to_owned()),
    };
    if found.version_number < OLDEST_POSTGRES {
        let message = format!("version {} is too old", found.version);
        report.fail("PostgreSQL", fail(message, "use PostgreSQL 13 or newer"));
    } else if found.is_read_only {
        report.fail(
            "PostgreSQL",
            fail("takes no writes".to_owned(), "give the primary's address, not a replica's"),
        );
    } else if found.encoding != "UTF8" {
        let message = format!("the database's encoding is {}", found.encoding);
        report.fail("PostgreSQL", fail(message, "create the database with ENCODING 'UTF8'"));
    } else {
        report.ok("PostgreSQL", format!("answers, version {}", found.version));
    }
}

fn examine_rights(found: &Examination, report: &mut Report) {
    let role = &found.role;
    if found.is_superuser {
        let hint = "a role of its own is enough: CREATE ROLE …; GRANT CREATE ON DATABASE … TO …";
        report.warn("database rights", format!("role {role} is a superuser"), hint);
    } else if found.can_create || found.workspace_id.is_some() {
        report.ok("database rights", format!("role {role} may do what is needed"));
    } else {
        let message = format!("role {role} may not create schemas");
        let hint = Some(format!("GRANT CREATE ON DATABASE … TO {role}"));
        report.fail("database rights", Failure { code: exit::CONFIGURATION, message, hint });
    }
}

fn line(finding: &Finding) -> String {
    let mark = match finding.verdict {
        Verdict::Ok => "ok     ",
        Verdict::Warning => "warning",
        Verdict::Failed => "FAILED ",
        Verdict::Skipped => "skipped",
    };
    let hint = finding.hint.as_ref().map_or(String::new(), |hint| format!("; {hint}"));
    format!("{mark}  {}: {}{hint}", finding.check, finding.text)
}

#[cfg(test)]
mod tests {
    use time::Duration;

    use super::{Report, Verdict, examine_clock, examine_rights, examine_server};
    use crate::mirror::Examination;

    fn examination() -> Examination {
        Examination {
            version: "15.1".to_owned(),
            version_number: 150_001,
            role: "app".to_owned(),
            is_superuser: false,
            can_create: true,
            is_read_only: false,
            encoding: "UTF8".to_owned(),
            workspace_id: None,
        }
    }

    fn verdict(check: impl Fn(&mut Report)) -> Verdict {
        let mut report = Report::default();
        check(&mut report);
        report.findings[0].verdict
    }

    #[test]
    fn an_old_a_read_only_and_a_foreign_encoding_database_fail() {
        assert_eq!(verdict(|report| examine_server(&examination(), report)), Verdict::Ok);
        for wrong in [
            Examination { version_number: 120_000, ..examination() },
            Examination { is_read_only: true, ..examination() },
            Examination { encoding: "SQL_ASCII".to_owned(), ..examination() },
        ] {
            assert_eq!(
                verdict(|report| examine_server(&wrong, report)),
                Verdict::Failed,
                "{wrong:?}"
            );
        }
    }

    #[test]
    fn a_role_without_rights_fails_and_a_superuser_is_a_warning() {
        let powerless = Examination { can_create: false, ..examination() };
        let super_user = Examination { is_superuser: true, ..examination() };
        assert_eq!(verdict(|report| examine_rights(&examination(), report)), Verdict::Ok);
        assert_eq!(verdict(|report| examine_rights(&powerless, report)), Verdict::Failed);
        assert_eq!(verdict(|report| examine_rights(&super_user, report)), Verdict::Warning);
    }

    #[test]
    fn a_clock_that_is_off_is_a_warning() {
        assert_eq!(verdict(|report| examine_clock(Duration::seconds(-3), report)), Verdict::Ok);
        assert_eq!(verdict(|report| examine_clock(Duration::hours(-2), report)), Verdict::Warning);
    }
}
