//! Plays a history and asks the oracle.

use std::{
    panic::AssertUnwindSafe,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    time::{Duration, Instant},
};

use fake_twenty::{Effect, Fault};
use futures_util::{FutureExt, future::join_all};
use serde_json::Value;
use tokio::sync::mpsc::unbounded_channel;
use tokio_util::sync::CancellationToken;
use twenty_sync::{
    mirror::{Outcome, RunMode},
    sync::{Engine, chain},
};

use super::{
    book::Tally,
    ground::{Ground, Setup},
    people::People,
    sides::{self, Held, Key, OBJECTS, Record},
};

/// The longest that SQL in the midst of a run may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Histories that are played side by side.
const LINES: usize = 6;

/// Undisturbed runs after which both sides must be equal.
const RUNS: usize = 4;

/// Plays these histories. Most of a history is waiting for answers, so some are played at a time, each line of them
/// on ground of its own.
pub(crate) async fn all(seeds: impl IntoIterator<Item = u64>) {
    let mut lines: Vec<Vec<u64>> = vec![Vec::new(); LINES];
    seeds.into_iter().enumerate().for_each(|(place, seed)| lines[place % LINES].push(seed));
    lines.retain(|line| !line.is_empty());
    let began = Instant::now();
    let played = join_all(lines.into_iter().map(one_line)).await;
    let (mut tally, mut failed) = (Tally::default(), Vec::new());
    for (more, wrong) in played {
        tally.add(more);
        failed.extend(wrong);
    }
    println!("{tally:?} in {:?}", began.elapsed());
    assert!(failed.is_empty(), "wrong: {failed:?}");
}

/// Plays these histories one after the other; which went wrong.
async fn one_line(seeds: Vec<u64>) -> (Tally, Vec<u64>) {
    let ground = Ground::lay().await;
    let (mut tally, mut failed) = (Tally::default(), Vec::new());
    for seed in seeds {
        let history = History::begin(&ground, seed).await;
        let people = history.people.clone();
        let faults = match AssertUnwindSafe(history.play()).catch_unwind().await {
            Ok(faults) => faults,
            Err(_) => vec!["it panicked, see above".to_owned()],
        };
        let crowd = people.lock();
        tally.add(crowd.book.tally);
        if !faults.is_empty() {
            let mut story = crowd.book.log.clone();
            story.extend(faults.iter().map(|fault| format!("wrong: {fault}")));
            let setup = Setup::of(seed);
            println!(
                "\nhistory {seed}, {setup:?}\n  {}\n  HISTORY_SEED={seed} cargo nextest run --test histories one_by_one",
                story.join("\n  ")
            );
            failed.push(seed);
        }
    }
    (tally, failed)
}

struct History<'a> {
    ground: &'a Ground,
    setup: Setup,
    people: People,
    engine: Engine,
}

impl<'a> History<'a> {
    async fn begin(ground: &'a Ground, seed: u64) -> History<'a> {
        let setup = Setup::of(seed);
        ground.clear(setup).await;
        ground.fake.clear_on_request();
        ground.fake.clear_faults();
        let engine = ground.engine(setup).await;
        History { ground, setup, people: People::new(seed, setup), engine }
    }

    async fn play(mut self) -> Vec<String> {
        let steps = 10 + self.roll(16);
        for _ in 0..steps {
            match self.roll(20) {
                0..=7 => self.ground.fake.world(|world| self.people.act_in_twenty(world)),
                8..=14 => self.people.act_in_mirror(&self.ground.pool).await,
                15..=16 => self.undisturbed().await,
                17..=18 => self.disturbed().await,
                _ => {
                    self.say("the program starts anew");
                    self.engine = self.ground.engine(self.setup).await;
                }
            }
        }
        let mut faults = Vec::new();
        for _ in 0..RUNS {
            self.undisturbed().await;
            self.repair().await;
            faults = self.differences().await;
            if faults.is_empty() && self.waiting().await.is_empty() {
                break;
            }
        }
        faults.extend(self.waiting().await);
        faults.extend(self.judged().await);
        faults.extend(self.not_idle().await);
        faults
    }

    fn roll(&self, limit: usize) -> usize {
        self.people.lock().dice.below(limit)
    }

    fn say(&self, what: &str) {
        self.people.lock().book.log.push(what.to_owned());
    }

    /// A run while nobody does anything: if nothing waits afterwards, both sides know of each other.
    async fn undisturbed(&self) {
        if let Some(failure) = self.run().await {
            panic!("an undisturbed run failed: {failure}");
        }
        let waiting = self.waiting().await;
        self.say(&format!("an undisturbed run; waiting: {waiting:?}"));
        if waiting.is_empty() {
            let differences = self.differences().await;
            assert!(differences.is_empty(), "after an undisturbed run: {differences:#?}");
            self.people.lock().book.next_span();
        }
    }

    /// One run; why it failed.
    async fn run(&self) -> Option<String> {
        self.people.lock().book.tally.passes += 1;
        let (progress, _) = unbounded_channel();
        let report = self.engine.pass(RunMode::Once, &CancellationToken::new(), &progress).await;
        match report {
            Err(error) => Some(chain(&error)),
            Ok(report) if report.outcome == Outcome::Failed => {
                Some(report.failure().map_or_else(String::new, |error| chain(error)))
            }
            Ok(_) => None,
        }
    }

    /// A run in whose midst people act, and now and then an answer is lost.
    async fn disturbed(&self) {
        let acts: Vec<(usize, bool)> =
            (0..=self.roll(3)).map(|_| (self.roll(14), self.roll(2) == 0)).collect();
        let loses = self.roll(3) == 0;
        self.say(&format!("a run with acts before calls {acts:?}, loses an answer: {loses}"));
        if loses {
            let is_write = |call: &fake_twenty::CallInfo| {
                call.method == "POST"
                    && (call.path != "/graphql" || call.body.contains("mutation"))
                    && !call.path.contains("metadata")
            };
            self.ground.fake.fault(Fault::new(Effect::CutAfter).when(is_write).next(1));
        }
        let (ask, mut asked) = unbounded_channel::<mpsc::Sender<()>>();
        let (people, pool) = (self.people.clone(), self.ground.pool.clone());
        let locals = tokio::spawn(async move {
            while let Some(done) = asked.recv().await {
                people.act_in_mirror(&pool).await;
                done.send(()).unwrap();
            }
        });
        let (people, calls) = (self.people.clone(), Arc::new(AtomicUsize::new(0)));
        self.ground.fake.on_request(Box::new(move |_, world| {
            let call = calls.fetch_add(1, Ordering::SeqCst);
            for (_, in_twenty) in acts.iter().filter(|(at, _)| *at == call) {
                if *in_twenty {
                    people.act_in_twenty(world);
                } else {
                    let (done, wait) = mpsc::channel();
                    ask.send(done).unwrap();
                    wait.recv_timeout(PATIENCE).expect("SQL in the midst of a run ends");
                }
            }
        }));
        let failure = self.run().await;
        self.ground.fake.clear_on_request();
        self.ground.fake.clear_faults();
        locals.await.unwrap();
        self.say(&format!("the run ends: {failure:?}"));
    }

    /// What both sides hold.
    async fn both(&self) -> (Held, Held) {
        let source = self.ground.fake.world(|world| sides::source(world));
        let mut connection = self.ground.pool.acquire().await.unwrap();
        (source, sides::mirror(&mut connection).await)
    }

    async fn differences(&self) -> Vec<String> {
        let (mut source, mirror) = self.both().await;
        if !self.setup.keeps() {
            source.retain(|_, record| record.is_live());
        }
        let keys: std::collections::BTreeSet<Key> =
            source.keys().chain(mirror.keys()).copied().collect();
        let differs = |key: &Key| {
            let (there, here): (Option<&Record>, Option<&Record>) =
                (source.get(key), mirror.get(key));
            (there != here).then(|| format!("{key:?} differs: {there:?} {here:?}"))
        };
        keys.iter().filter_map(differs).collect()
    }

    /// Local changes that are on their way, or stuck.
    async fn waiting(&self) -> Vec<String> {
        let query = "select concat_ws(' ', operation, object, record_id, changed, state, reason) \
                     from sync.pending union all select concat_ws(' ', object, record_id, reason) from sync.problem";
        sqlx::query_scalar(query).fetch_all(&self.ground.pool).await.unwrap()
    }

    /// Somebody clears the references of the records that are stuck for theirs.
    async fn repair(&self) {
        let query =
            "select object, record_id from sync.problem where record_id is not null order by 2";
        let stuck: Vec<(String, uuid::Uuid)> =
            sqlx::query_as(query).fetch_all(&self.ground.pool).await.unwrap();
        for (plural, id) in stuck {
            let object = OBJECTS.iter().find(|object| object.plural == plural).unwrap();
            let clear: Vec<String> = object
                .references
                .iter()
                .map(|reference| format!("{} = null", reference.column))
                .collect();
            if clear.is_empty() {
                continue;
            }
            let statement = format!(
                "update twenty.{} set {} where id = '{id}'",
                object.table,
                clear.join(", ")
            );
            self.people.by_sql(&self.ground.pool, |_, _| statement).await;
        }
    }

    async fn judged(&self) -> Vec<String> {
        let query = "select object, record_id, coalesce(source, '{}'), coalesce(mirror, '{}') from sync.conflict";
        let conflicts: Vec<(String, uuid::Uuid, Value, Value)> =
            sqlx::query_as(query).fetch_all(&self.ground.pool).await.unwrap();
        let mut kept = Vec::new();
        for (plural, id, source, mirror) in conflicts {
            let place = OBJECTS.iter().position(|object| object.plural == plural).unwrap();
            kept.extend([((place, id), source), ((place, id), mirror)]);
        }
        let (source, mirror) = self.both().await;
        let mut crowd = self.people.lock();
        crowd.book.tally.conflicts += kept.len() / 2;
        crowd.book.tally.histories += 1;
        crowd.book.faults(&source, &mirror, &kept)
    }

    /// What further runs write; they must write nothing.
    async fn not_idle(&self) -> Vec<String> {
        let before = self.versions().await;
        self.ground.fake.clear_calls();
        for _ in 0..2 {
            if let Some(failure) = self.run().await {
                return vec![format!("an idle run failed: {failure}")];
            }
        }
        let calls = self.ground.fake.calls();
        let writes = calls.iter().filter(|call| {
            let info = &call.info;
            let reads = info.method == "GET"
                || info.path.contains("metadata")
                || info.path == "/graphql" && !info.body.contains("mutation");
            !reads
        });
        let mut faults: Vec<String> = writes
            .map(|call| {
                format!(
                    "an idle run sent {} {} {}",
                    call.info.method, call.info.path, call.info.body
                )
            })
            .collect();
        if self.versions().await != before {
            faults.push("idle runs changed rows".to_owned());
        }
        faults
    }

    /// Which version of each row is in the mirror and in what the program remembers of local changes.
    async fn versions(&self) -> Vec<(String, String)> {
        let tables = OBJECTS.iter().map(|object| format!("twenty.{}", object.table));
        let control =
            ["outbox", "base", "conflict", "quarantine"].map(|name| format!("sync.{name}"));
        let queries: Vec<String> = tables
            .chain(control)
            .map(|table| format!("select '{table}', ctid::text || xmin::text from {table}"))
            .collect();
        let query = format!("{} order by 1, 2", queries.join(" union all "));
        sqlx::query_as(sqlx::AssertSqlSafe(query)).fetch_all(&self.ground.pool).await.unwrap()
    }
}
