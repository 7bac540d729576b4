//! A workspace that was mirrored once, and hands on both of its sides.

use std::time::{Duration, Instant};

use fake_twenty::{Call, CallInfo, World};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use sqlx::{AssertSqlSafe, PgPool, Row, postgres::PgRow};
use tokio::{
    process::{Child, Command},
    time::{sleep, timeout},
};
use uuid::Uuid;

use super::{
    equality,
    log::{self, Log},
    stage::{Ended, Stage, finish, id_of},
};

/// The longest the program may take over what a test has asked of it.
const PATIENCE: Duration = Duration::from_mins(1);
const POLL: Duration = Duration::from_millis(20);

/// Both sides, equal at the beginning.
pub(crate) struct Scene {
    pub(crate) stage: Stage,
    pub(crate) pool: PgPool,
    settings: Vec<(String, String)>,
}

/// A stuck record.
#[derive(Debug)]
pub(crate) struct Problem {
    pub(crate) object: String,
    pub(crate) record_id: Uuid,
    pub(crate) reason: String,
    pub(crate) hint: String,
    pub(crate) holder_id: Option<Uuid>,
}

/// Values of which one was not kept.
#[derive(Debug)]
pub(crate) struct Conflict {
    pub(crate) record_id: Uuid,
    pub(crate) kind: String,
    pub(crate) field: Option<String>,
    pub(crate) source: Option<Value>,
    pub(crate) mirror: Option<Value>,
    pub(crate) winner: Option<String>,
    pub(crate) resolution: String,
}

impl Scene {
    pub(crate) async fn of(world: World) -> Scene {
        let scene = Scene::set(world, &[]).await;
        scene.stage.once().await;
        scene.stage.fake.clear_calls();
        scene
    }

    /// With settings of the program by the names of their variables, without the prefix.
    pub(crate) async fn with(world: World, settings: &[(&str, &str)]) -> Scene {
        let scene = Scene::set(world, settings).await;
        scene.sync().await;
        scene.stage.fake.clear_calls();
        scene
    }

    /// Nothing is mirrored yet.
    pub(crate) async fn set(world: World, settings: &[(&str, &str)]) -> Scene {
        let stage = Stage::set(world).await;
        let pool = stage.database.pool().await;
        let named =
            |(name, value): &(&str, &str)| (format!("TWENTY_SYNC__{name}"), (*value).to_owned());
        Scene { stage, pool, settings: settings.iter().map(named).collect() }
    }

    /// The same with other settings from now on.
    pub(crate) fn settings(mut self, settings: &[(&str, &str)]) -> Scene {
        let named =
            |(name, value): &(&str, &str)| (format!("TWENTY_SYNC__{name}"), (*value).to_owned());
        self.settings = settings.iter().map(named).collect();
        self
    }

    pub(crate) fn program(&self) -> Command {
        let mut command = self.stage.program();
        command.envs(self.settings.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Syncs once, however it ends.
    pub(crate) async fn run(&self) -> Ended {
        finish(self.program().arg("--once")).await
    }

    /// Syncs once; nothing may be left undone.
    pub(crate) async fn sync(&self) {
        let ended = self.run().await;
        assert_eq!(ended.code, Some(0), "{ended:?}\n{:?}", self.problems().await);
    }

    /// Syncs once; something must be left for a person.
    pub(crate) async fn sync_to_attention(&self) {
        let ended = self.run().await;
        assert_eq!(ended.code, Some(3), "{ended:?}");
    }

    /// Syncs as a supervisor would, until nothing is left undone.
    pub(crate) async fn sync_at_last(&self) {
        let began = Instant::now();
        loop {
            let ended = self.run().await;
            if ended.code == Some(0) {
                return;
            }
            assert!(
                began.elapsed() < PATIENCE,
                "it does not come to an end: {ended:?}\n{:?}",
                self.problems().await
            );
            sleep(Duration::from_millis(200)).await;
        }
    }

    /// The program running until it is stopped. It looks at the source every `interval`.
    pub(crate) fn daemon(&self, interval: &str) -> Daemon {
        let mut command = self.program();
        command.env("TWENTY_SYNC__PULL__INTERVAL", interval).arg("run");
        let (child, log) = log::spawn(&mut command);
        Daemon { child, log }
    }

    /// Waits until no local change is on its way any more.
    pub(crate) async fn settled(&self) {
        let moving = "select count(*) from sync.pending where state in ('waiting', 'sent')";
        let began = Instant::now();
        while self.number(moving).await > 0 {
            assert!(began.elapsed() < PATIENCE, "still on their way: {:?}", self.pending().await);
            sleep(POLL).await;
        }
    }

    /// Both sides hold the same values, nothing waits, and running again changes nothing anywhere.
    pub(crate) async fn assert_quiet_and_equal(&self) {
        equality::assert_equal(&self.stage).await;
        assert_eq!(self.pending().await, Vec::<String>::new());
        let before = self.stage.database.writes_in("twenty").await;
        self.stage.fake.clear_calls();
        for _ in 0..2 {
            self.sync().await;
        }
        assert_eq!(self.writes(), [], "sent after everything was quiet");
        let after = self.stage.database.writes_in("twenty").await;
        assert_eq!((after - before).total(), 0, "rows written after everything was quiet");
    }

    pub(crate) async fn sql(&self, statement: &str) -> u64 {
        let done = sqlx::raw_sql(AssertSqlSafe(statement.to_owned())).execute(&self.pool).await;
        done.unwrap_or_else(|error| panic!("{statement}: {error}")).rows_affected()
    }

    /// The ids that a statement returns.
    pub(crate) async fn ids(&self, statement: &str) -> Vec<Uuid> {
        let rows = sqlx::query(AssertSqlSafe(statement.to_owned())).fetch_all(&self.pool).await;
        let rows = rows.unwrap_or_else(|error| panic!("{statement}: {error}"));
        rows.iter().map(|row| row.get(0)).collect()
    }

    /// The id that a statement returns.
    pub(crate) async fn id(&self, statement: &str) -> Uuid {
        self.ids(statement).await[0]
    }

    pub(crate) async fn number(&self, query: &str) -> i64 {
        sqlx::query_scalar(AssertSqlSafe(query.to_owned())).fetch_one(&self.pool).await.unwrap()
    }

    /// A row of the mirror; `None` if there is none.
    pub(crate) async fn row(&self, table: &str, id: Uuid) -> Option<Value> {
        let query = format!("select to_jsonb(t) from twenty.\"{table}\" t where id = $1");
        sqlx::query_scalar(AssertSqlSafe(query)).bind(id).fetch_optional(&self.pool).await.unwrap()
    }

    /// A record as REST shows it, deleted or not; `None` if it is gone for good.
    pub(crate) fn record(&self, object: &str, id: Uuid) -> Option<Value> {
        self.stage.fake.world(|world| world.row(object, id))
    }

    /// A record that is there and not deleted.
    pub(crate) fn live(&self, object: &str, id: Uuid) -> Value {
        let record = self.record(object, id).unwrap_or_else(|| panic!("no {object}/{id}"));
        assert!(record["deletedAt"].is_null(), "{object}/{id} is deleted");
        record
    }

    pub(crate) fn is_in_trash(&self, object: &str, id: Uuid) -> bool {
        self.record(object, id).is_some_and(|record| !record["deletedAt"].is_null())
    }

    /// Somebody edits a record in the CRM.
    pub(crate) fn edit(&self, object: &str, id: Uuid, body: &Value) {
        self.stage.fake.world(|world| world.update(object, id, body));
    }

    /// The id of a record that is there from the beginning.
    pub(crate) fn some(&self, object: &str, place: usize) -> Uuid {
        self.stage.fake.world(|world| id_of(world, object, place))
    }

    pub(crate) async fn problems(&self) -> Vec<Problem> {
        let query = "select object, record_id, reason, coalesce(hint, '') as hint, holder_id \
                     from sync.problem where direction = 'push' order by first_seen_at";
        let read = |row: PgRow| Problem {
            object: row.get("object"),
            record_id: row.get("record_id"),
            reason: row.get("reason"),
            hint: row.get("hint"),
            holder_id: row.get("holder_id"),
        };
        sqlx::query(query).map(read).fetch_all(&self.pool).await.unwrap()
    }

    /// The only stuck record.
    pub(crate) async fn problem(&self) -> Problem {
        let mut problems = self.problems().await;
        assert_eq!(problems.len(), 1, "{problems:?}");
        problems.remove(0)
    }

    pub(crate) async fn conflicts(&self) -> Vec<Conflict> {
        let query = "select record_id, kind, field, source, mirror, winner, resolution \
                     from sync.conflict order by conflict_id";
        let read = |row: PgRow| Conflict {
            record_id: row.get("record_id"),
            kind: row.get("kind"),
            field: row.get("field"),
            source: row.get("source"),
            mirror: row.get("mirror"),
            winner: row.get("winner"),
            resolution: row.get("resolution"),
        };
        sqlx::query(query).map(read).fetch_all(&self.pool).await.unwrap()
    }

    /// The only conflict.
    pub(crate) async fn conflict(&self) -> Conflict {
        let mut conflicts = self.conflicts().await;
        assert_eq!(conflicts.len(), 1, "{conflicts:?}");
        conflicts.remove(0)
    }

    /// What waits, in words.
    pub(crate) async fn pending(&self) -> Vec<String> {
        let query = "select concat_ws(' ', operation, object, record_id, changed, state, reason) \
                     from sync.pending order by 1";
        sqlx::query_scalar(query).fetch_all(&self.pool).await.unwrap()
    }

    /// The writes that were sent, the oldest first.
    pub(crate) fn writes(&self) -> Vec<Call> {
        let mut calls = self.stage.fake.calls();
        calls.retain(|call| is_write(&call.info));
        calls
    }
}

/// Whether a request can change a record.
pub(crate) fn is_write(call: &CallInfo) -> bool {
    kind_of(call).is_some()
}

/// What a write does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Create,
    Update,
    Delete,
}

/// What a request does to records; nothing if it only reads.
pub(crate) fn kind_of(call: &CallInfo) -> Option<Kind> {
    if call.bare_path() == "/graphql" {
        let document = call.document().filter(|document| document.starts_with("mutation"))?;
        let names = |verb: &str| document.contains(&format!(": {verb}"));
        return match (names("create"), names("delete") || names("destroy")) {
            (true, _) => Some(Kind::Create),
            (false, true) => Some(Kind::Delete),
            (false, false) => Some(Kind::Update),
        };
    }
    let of_records = call.path.starts_with("/rest/") && !call.path.starts_with("/rest/metadata");
    match call.method.as_str() {
        "POST" if of_records => Some(Kind::Create),
        "PATCH" | "PUT" if of_records => Some(Kind::Update),
        "DELETE" if of_records => Some(Kind::Delete),
        _ => None,
    }
}

/// The program as a daemon. It is killed when it is dropped.
pub(crate) struct Daemon {
    child: Child,
    log: Log,
}

impl Daemon {
    /// Ends it at once, in the middle of what it does.
    pub(crate) async fn kill(mut self) {
        self.child.kill().await.unwrap();
    }

    /// Asks it to stop, and waits until it has.
    pub(crate) async fn stop(mut self) {
        let id = self.child.id().expect("the daemon still runs");
        let id = Pid::from_raw(i32::try_from(id).unwrap()).unwrap();
        kill_process(id, Signal::TERM).unwrap();
        let status = timeout(PATIENCE, self.child.wait()).await.expect("the daemon stops").unwrap();
        assert!(status.success(), "{status}\n{}", self.log.rest().await);
    }
}
