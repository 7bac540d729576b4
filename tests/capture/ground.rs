//! What these tests stand on: a mirrored table `people` with its triggers, and words for what people and the
//! program do to it.

use sqlx::{AssertSqlSafe, PgConnection, PgPool};
use twenty_sync::{
    mirror::{Decision, LocalEdits, Mirror, PageWrite, Sending, SettleReport, TableWriter},
    plan::{
        pending::{DeletedRecords, Pending, Rules, Sighting},
        policy::{Policies, Policy},
        reconcile::{self, Acknowledgement, Answer},
        schema::Table,
    },
    record::{DataModel, DeleteMode, Direction, FieldKind, Object, Row},
};
use uuid::Uuid;

pub(super) use super::base::{Ground, WORKSPACE, incoming, object, page};

/// A mirror with one table, `twenty.people`, which people may write.
pub(super) struct People {
    pub(super) ground: Ground,
    pub(super) table: Table,
    pub(super) writer: TableWriter,
    pub(super) policies: Policies,
}

pub(super) fn people() -> Object {
    object(
        1,
        "people",
        &[
            ("jobTitle", FieldKind::Text),
            ("city", FieldKind::Text),
            ("salary", FieldKind::Numeric),
            ("createdAt", FieldKind::DateTime),
            ("createdBy", FieldKind::Actor),
        ],
    )
}

pub(super) const fn id(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

impl People {
    pub(super) async fn new() -> People {
        People::at(Ground::new().await).await
    }

    pub(super) async fn at(ground: Ground) -> People {
        let (table, writer) = ground.table(people()).await;
        People { ground, table, writer, policies: Policies::default() }
    }

    /// With records 1 to `count`, all of them clerks in Ulm.
    pub(super) async fn with(count: u128) -> People {
        let people = People::new().await;
        let rows = (1..=count).map(|number| people.row(number, "clerk", "Ulm")).collect();
        people.read(rows).await;
        people
    }

    pub(super) fn holding(mut self, field: &str) -> People {
        self.policies.fields.insert(field.to_owned(), Policy::Hold);
        self
    }

    pub(super) fn pool(&self) -> &PgPool {
        &self.ground.pool
    }

    pub(super) fn mirror(&self) -> &Mirror {
        &self.ground.mirror
    }

    pub(super) fn row(&self, number: u128, job: &str, city: &str) -> twenty_sync::mirror::Incoming {
        let json = format!(r#""jobTitle":"{job}","city":"{city}","salary":"1.50""#);
        incoming(&self.table, number, &json)
    }

    pub(super) fn rules(&self) -> Rules<'_> {
        Rules {
            table: &self.table,
            policies: &self.policies,
            deleted: DeletedRecords::Remove,
            delete_mode: DeleteMode::Soft,
        }
    }

    /// What the planner decides when the source shows `row`.
    pub(super) fn decide(&self, pending: &Pending, row: Option<&Row>) -> Decision {
        let sighting = row.map_or(Sighting::Absent, |row| Sighting::of(row.clone()));
        let reconciled = reconcile::reconcile(self.rules(), pending, &sighting);
        Decision { reconciled, source_updated_at: row.map(|row| row.updated_at) }
    }

    /// The program reads a page.
    pub(super) async fn read(
        &self,
        rows: Vec<twenty_sync::mirror::Incoming>,
    ) -> twenty_sync::mirror::Applied {
        let write = page(rows, self.ground.version(&self.table).await);
        self.read_page(&write, &|_| false).await
    }

    pub(super) async fn read_page(
        &self,
        write: &PageWrite,
        acknowledged: &(dyn Fn(Uuid) -> bool + Sync),
    ) -> twenty_sync::mirror::Applied {
        let edits = &mut LocalEdits {
            acknowledged,
            overtaken: None,
            decide: &mut |pending, row| Some(self.decide(pending, row)),
        };
        self.mirror().apply_page(&self.writer, write, edits).await.unwrap()
    }

    /// What is about to be sent of a record, as it is in doubt or not at this moment.
    pub(super) async fn sending(&self, number: u128, image: &str, through: i64) -> Sending {
        let (object_id, image) = (self.table.object_id, Some(image.to_owned()));
        let written = self.written(number).await;
        Sending { object_id, record_id: id(number), image, through, written }
    }

    /// It is written down.
    pub(super) async fn send(&self, number: u128, image: &str, through: i64) -> Option<i64> {
        let sending = self.sending(number, image, through).await;
        self.mirror().mark_sent(&[sending]).await.unwrap()
    }

    /// Which writing of `sync.base` a record is; 0 without one.
    pub(super) async fn written(&self, number: u128) -> i64 {
        let sql = "select xmin::text::bigint from sync.base where record_id = $1";
        let written = sqlx::query_scalar(sql).bind(id(number)).fetch_optional(self.pool());
        written.await.unwrap().unwrap_or_default()
    }

    /// The source took what was sent of a record, all changes so far, and now shows `row`.
    pub(super) async fn acknowledge(&self, row: &Row, through: i64) -> SettleReport {
        let answer = Answer::Written(row.clone());
        let acknowledgement = Acknowledgement { answer, through };
        let decide = &mut |pending: &Pending| {
            let reconciled = reconcile::acknowledge(self.rules(), pending, &acknowledgement);
            Some(Decision { reconciled, source_updated_at: Some(row.updated_at) })
        };
        self.mirror().settle(&self.writer, &[row.id], decide).await.unwrap()
    }

    /// People run a statement.
    pub(super) async fn sql(&self, statement: &str) -> u64 {
        run(self.pool(), statement).await.unwrap()
    }

    /// One value that people see.
    pub(super) async fn text(&self, query: &str) -> Option<String> {
        sqlx::query_scalar(AssertSqlSafe(query))
            .fetch_optional(self.pool())
            .await
            .unwrap()
            .flatten()
    }

    pub(super) async fn count(&self, query: &str) -> i64 {
        let sql = format!("select count(*) from {query}");
        sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(self.pool()).await.unwrap()
    }

    /// Operation and changed columns of the log, oldest first.
    pub(super) async fn log(&self) -> Vec<(String, String)> {
        sqlx::query_as(
            "select operation, array_to_string(changed, ',') from sync.outbox order by outbox_id",
        )
        .fetch_all(self.pool())
        .await
        .unwrap()
    }

    /// Makes the mirror's tables what the model asks for, with people travelling this way.
    pub(super) async fn evolve(&self, object: Object, direction: Direction) -> Vec<String> {
        use twenty_sync::plan::schema::{self, Scoped};
        let change = self.mirror().begin_schema_change().await.unwrap();
        let scoped = [Scoped { object: &object, direction }];
        let scoped = if direction == Direction::Off { &[][..] } else { &scoped[..] };
        let plan = schema::plan("twenty", scoped, &change.existing, schema::Mode::Auto);
        let steps = plan.steps.iter().map(ToString::to_string).collect();
        change.apply(&plan, &DataModel { objects: vec![object.clone()] }).await.unwrap();
        steps
    }
}

/// Runs one statement; its rows are counted.
pub(super) async fn run(pool: &PgPool, statement: &str) -> Result<u64, sqlx::Error> {
    sqlx::query(AssertSqlSafe(statement.to_owned()))
        .execute(pool)
        .await
        .map(|done| done.rows_affected())
}

/// Runs statements in one session.
pub(super) async fn session(connection: &mut PgConnection, statements: &str) {
    sqlx::raw_sql(AssertSqlSafe(statements.to_owned())).execute(connection).await.unwrap();
}

/// What PostgreSQL says to a statement that it refuses: code, message, column and hint.
pub(super) fn refusal(error: &sqlx::Error) -> (String, String, String, String) {
    let error = error.as_database_error().unwrap_or_else(|| panic!("{error}"));
    let error = error.downcast_ref::<sqlx::postgres::PgDatabaseError>();
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    (error.code().to_owned(), error.message().to_owned(), text(error.column()), text(error.hint()))
}
