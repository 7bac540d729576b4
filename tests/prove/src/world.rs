//! Everything there is in a history: both sides, people, time, faults, and what is wrong so far.
//!
//! It exists as the one place through which anything changes, so that every change is noted, checked and part of the
//! digest. Invariant: chance comes from the dice alone, and the clock of the program has dice of its own.

mod calls;
mod check;
mod drift;
mod watch;

use std::rc::Rc;

use self::calls::Calls;
use crate::{
    book::{Book, By, Side},
    clock::SECOND,
    dice::Dice,
    drift::Drift,
    mirror::{Catalog, Mirror},
    objects::{Key, Object, is_live, meaning, objects, varied},
    plan::batch::Work,
    play::Setup,
    record::{DeleteMode, Image},
    tally::{Tally, Trace},
    twenty::{Act, Change, Open, Request, Response, Twenty},
};

/// The longest that a transaction of the server stays open.
const LONGEST: i64 = 45 * SECOND;

/// What becomes of an effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    Done,
    /// It does not happen, and whoever asked learns that.
    Lost,
    /// It happens, and whoever asked does not learn it.
    ReplyLost,
    /// It happens, and the answer takes long.
    Slow,
    /// The server asks for patience.
    RateLimited,
    /// The server carries it out after it was given up.
    Late,
}

/// Which effect fails in a run that is about one, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Failing {
    pub(crate) at: u64,
    pub(crate) fate: Fate,
}

/// What is wrong: an invariant, and how it was violated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrong {
    /// The invariant's number in docs/invariants.md.
    pub invariant: &'static str,
    /// What happened.
    pub story: String,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) objects: Rc<Vec<Object>>,
    pub(crate) dice: Dice,
    pub(crate) now: i64,
    /// How far the program's clock is from the server's; it has dice of its own.
    pub(crate) clock: (i64, Dice),
    /// How far the clock of PostgreSQL is from the server's.
    pub(crate) postgres: i64,
    pub(crate) twenty: Twenty,
    pub(crate) mirror: Mirror,
    pub(crate) book: Book,
    pub(crate) tally: Tally,
    pub(crate) trace: Trace,
    /// One fault in so many effects; none at all where it is 0.
    pub(crate) faults: usize,
    pub(crate) effects: u64,
    /// At which effect a page was spoilt last.
    pub(crate) spoiled: u64,
    pub(crate) failing: Option<Failing>,
    pub(crate) late: Vec<Request>,
    /// Writes that the server was sent, and rows that the program changed.
    pub(crate) written: (u64, u64),
    pub(crate) wrong: Option<Wrong>,
    pub(crate) story: Option<Vec<String>>,
    pub(crate) page: usize,
    /// See [`Setup`].
    pub(crate) crowded: bool,
    /// See [`Setup`].
    pub(crate) varied: bool,
    /// The server's limit of calls, where there is one.
    pub(crate) calls: Option<Calls>,
    /// The data model, where it changes.
    pub(crate) drift: Option<Drift>,
    /// What Twenty ever held, where the data model changes.
    pub(crate) held: drift::Held,
}

impl World {
    pub(crate) fn new(seed: u64, setup: Setup) -> World {
        let clock = setup.clock * SECOND;
        let mut dice = Dice::new(seed);
        let mut dice_of_model = Dice::new(!seed);
        let drifts = setup.varied && dice_of_model.once_in(2);
        let made = if setup.varied { varied::objects(&mut dice) } else { objects(&mut dice) };
        let objects = Rc::new(made);
        let count = objects.len();
        let faults = dice.pick(&[0, 60, 20, 12, 8]).unwrap_or_default();
        let page = 1 + dice.below(5);
        let postgres = dice.pick(&[0, -3 * SECOND, 7 * SECOND, 3_600 * SECOND]).unwrap_or_default();
        let now = 1_000 * SECOND;
        let is_limited = setup.varied && dice.once_in(2);
        let calls = is_limited.then(|| Calls::new(&mut dice, now));
        let beside = (seed % 7 == 1).then(|| Dice::new(seed.rotate_left(32)));
        let drift = drifts.then(|| Drift::new(&objects, dice_of_model, beside));
        let mut mirror = Mirror::new(count);
        if drifts {
            mirror.catalog = Catalog::new(count);
        }
        World {
            objects,
            dice,
            now,
            clock: (clock, Dice::new(seed ^ clock.unsigned_abs())),
            postgres,
            twenty: Twenty::new(count),
            mirror,
            book: Book::default(),
            tally: Tally::default(),
            trace: Trace::new(),
            faults,
            effects: 0,
            spoiled: 0,
            failing: None,
            late: Vec::new(),
            written: (0, 0),
            wrong: None,
            story: setup.told.then(Vec::new),
            page,
            crowded: setup.crowded,
            varied: setup.varied,
            calls,
            drift,
            held: drift::Held::new(),
        }
    }

    /// What the clock of PostgreSQL says.
    pub(crate) fn at_postgres(&self) -> i64 {
        self.now + self.postgres
    }

    /// What the clock of the program says. It jumps.
    pub(crate) fn at_program(&mut self) -> i64 {
        let (skew, dice) = &mut self.clock;
        if *skew != 0 && dice.once_in(3) {
            *skew = i64::try_from(dice.below(172_800)).unwrap_or(0) * SECOND - 86_400 * SECOND;
            self.tally.hit("clock jump", "program");
        }
        self.now + self.clock.0
    }

    pub(crate) fn say(&mut self, what: &str) {
        self.trace.tell(what);
        if let Some(story) = &mut self.story {
            story.push(format!("{:>12} {what}", self.now));
        }
    }

    pub(crate) fn wrong(&mut self, invariant: &'static str, story: String) {
        if self.wrong.is_none() {
            self.wrong = Some(Wrong { invariant, story });
        }
    }

    /// Time goes on. Transactions that have been open for long are committed meanwhile.
    pub(crate) fn pass(&mut self, micros: i64) {
        let until = self.now + micros;
        while let Some(place) =
            self.twenty.open.iter().position(|open| open.began + LONGEST <= until)
        {
            let began = self.twenty.open[place].began;
            self.now = self.now.max(began + LONGEST - 1);
            self.commit(place);
        }
        self.now = until.max(self.now);
    }

    /// An effect begins: what becomes of it.
    pub(crate) fn fate(&mut self, what: &'static str, is_call: bool) -> Fate {
        self.effects += 1;
        let step = i64::try_from(self.dice.below(2_000)).unwrap_or(0);
        self.pass(1_000 + step);
        if let Some(Failing { at, fate }) = self.failing
            && at == self.effects
        {
            self.say(&format!("effect {at}, {what}: {fate:?}"));
            return fate;
        }
        if self.faults == 0 || !self.dice.once_in(self.faults) {
            return Fate::Done;
        }
        let fates: &[Fate] = if is_call {
            &[Fate::Lost, Fate::ReplyLost, Fate::Slow, Fate::RateLimited, Fate::Late]
        } else {
            &[Fate::Lost, Fate::ReplyLost]
        };
        let fate = self.dice.pick(fates).unwrap_or(Fate::Done);
        self.tally.hit(fate.name(), what);
        self.say(&format!("{what}: {}", fate.name()));
        fate
    }

    /// Somebody acts in the CRM, in a transaction that may stay open.
    pub(crate) fn act(&mut self, key: Key, act: Act, stays_open: bool) {
        self.pass(1_001);
        let began = self.now;
        if stays_open {
            self.tally.hit("late commit", "open");
            self.twenty.open.push(Open { key, began, act });
        } else {
            self.commit_of(key);
            self.carry_out(key, &act, began);
        }
    }

    /// Commits an open transaction.
    pub(crate) fn commit(&mut self, place: usize) {
        let Open { key, began, act } = self.twenty.open.remove(place);
        self.tally.hit("late commit", "committed");
        self.carry_out(key, &act, began);
    }

    /// Whoever writes to a record waits for who wrote it before.
    fn commit_of(&mut self, key: Key) {
        while let Some(place) = self.twenty.open.iter().position(|open| open.key == key) {
            self.commit(place);
        }
    }

    fn carry_out(&mut self, key: Key, act: &Act, began: i64) {
        let objects = Rc::clone(&self.objects);
        let changes = self.twenty.act(&objects, key, act, began);
        let mut by = By::People;
        for change in changes {
            self.source_changed(change, by);
            by = By::Server;
        }
    }

    /// The server carries out what the program asks for.
    pub(crate) fn execute(&mut self, request: &Request, is_late: bool) -> Response {
        let objects = self.at_source();
        for id in ids_of(request) {
            self.commit_of((request.object, id));
        }
        if self.is_outdated(request) {
            self.tally.hit("refused", "unknown field");
            return Response::Outdated;
        }
        if let Work::Update(updates) = &request.work {
            for update in updates.iter().filter(|update| !update.restores()) {
                for &id in update.ids().as_slice() {
                    self.check_echo((request.object, id), update.body());
                }
            }
        }
        self.written.0 += 1;
        let (response, changes) = self.twenty.execute(&objects, request, self.now);
        let deletes = matches!(request.work, Work::Delete { .. });
        for change in changes {
            let (key, ..) = change;
            let asked = ids_of(request).contains(&key.1) && key.0 == request.object;
            if deletes && asked && !is_late && !self.book.was_deleted(Side::Mirror, key) {
                self.wrong(
                    "I11",
                    format!("{key:?} was deleted in Twenty, and nobody deleted it here"),
                );
            }
            // What comes so late that it was given up is nobody's decision any more.
            let by = match (asked, is_late) {
                (true, true) => By::People,
                (true, false) => By::Program,
                (false, _) => By::Server,
            };
            // What is destroyed for ever cannot be read any more: edits of that very moment go with it.
            if by == By::Program
                && matches!(request.work, Work::Delete { mode: DeleteMode::Destroy, .. })
            {
                self.book.destroyed(&self.objects[key.0], key, change.1.as_ref());
            }
            self.source_changed(change, by);
        }
        response
    }

    fn source_changed(&mut self, (key, before, after): Change, by: By) {
        let objects = Rc::clone(&self.objects);
        self.say(&format!("Twenty {by:?} {key:?} {}", self.tell(key, after.as_ref())));
        self.note_held(key, after.as_ref());
        let sides = (before.as_ref(), after.as_ref());
        let fault = self.book.note((Side::Source, by), (&objects[key.0], key), sides);
        if let Some((invariant, story)) = fault {
            self.wrong(invariant, story);
        }
        // Of several changes by one statement, the last one tells how the record is now.
        let held = self.twenty.get(key).map(|record| &record.image);
        if held == after.as_ref() {
            self.look_at(key);
        }
    }

    /// Notes what the mirror's rows became.
    pub(crate) fn mirror_changed(&mut self, by: By) {
        let objects = Rc::clone(&self.objects);
        self.keep_losers();
        self.note_reported();
        let mut touched = Vec::new();
        for (key, before, after) in std::mem::take(&mut self.mirror.changes) {
            self.say(&format!("mirror {by:?} {key:?} {}", self.tell(key, after.as_ref())));
            if by == By::Program {
                self.written.1 += 1;
                self.check_removal(key, before.as_ref(), after.as_ref());
                self.check_behind(key, after.as_ref());
                self.check_columns(key, before.as_ref(), after.as_ref());
            }
            let sides = (before.as_ref(), after.as_ref());
            let fault = self.book.note((Side::Mirror, by), (&objects[key.0], key), sides);
            if let Some((invariant, story)) = fault {
                self.wrong(invariant, story);
            }
            touched.push(key);
        }
        for key in std::mem::take(&mut self.mirror.agreed) {
            self.book.agree(key);
            let row = self.mirror.row(key).cloned();
            self.check_life(key, row.as_ref());
        }
        for story in std::mem::take(&mut self.mirror.regressed) {
            self.wrong("I10", story);
        }
        for story in std::mem::take(&mut self.mirror.early) {
            self.wrong("I2", story);
        }
        for key in touched {
            self.look_at(key);
        }
        let buried = std::mem::take(&mut self.mirror.buried);
        self.check_referrers(&buried);
    }

    fn tell(&self, key: Key, image: Option<&Image>) -> String {
        let Some(image) = image else { return "gone".to_owned() };
        let object = &self.objects[key.0];
        let units: Vec<String> =
            object.editable.iter().map(|unit| meaning(object, *unit, image)).collect();
        format!("{} {}", if is_live(image) { "live" } else { "dead" }, units.join(" ; "))
    }

    /// A late request lands.
    pub(crate) fn land(&mut self) {
        if !self.late.is_empty() {
            let request = self.late.remove(0);
            self.say("a late request lands");
            self.late_call();
            self.execute(&request, true);
            for id in ids_of(&request) {
                self.look_at((request.object, id));
            }
        }
    }
}

fn ids_of(request: &Request) -> Vec<uuid::Uuid> {
    match &request.work {
        Work::Create(records) => records.iter().map(|record| record.id).collect(),
        Work::Update(updates) => {
            updates.iter().flat_map(|update| update.ids().as_slice()).copied().collect()
        }
        Work::Delete { ids, .. } => ids.as_slice().to_vec(),
    }
}

impl Fate {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Fate::Done => "done",
            Fate::Lost => "request lost",
            Fate::ReplyLost => "reply lost",
            Fate::Slow => "slow reply",
            Fate::RateLimited => "429",
            Fate::Late => "carried out late",
        }
    }
}
