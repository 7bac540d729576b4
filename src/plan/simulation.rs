//! One record on two sides, with people editing both and a network that loses requests and replies.
//!
//! It exists because the promises are about whole histories: whatever people did and whatever was lost, both sides
//! end equal, no value was invented, and none disappeared in silence. The source is a model that evaluates the
//! filters which the guards are made of; the engine is the planner's own functions.

mod engine;
mod history;
mod source;

use proptest::prelude::*;

use self::{
    engine::{Engine, Fault},
    history::Who,
};
use super::{
    pending::DeletedRecords,
    policy::{DeletePolicy, Policies, Policy},
};

/// What happens next.
#[derive(Debug, Clone, Copy)]
enum Event {
    /// Somebody writes a unit: empty, a value that others write as well, or one of its own.
    Edit(Who, usize, u8),
    Delete(Who),
    Destroy,
    /// Out of the trash, or a new row under the same id.
    Revive(Who, usize),
    Pull,
    Send(Fault),
    Answer,
}

fn event() -> impl Strategy<Value = Event> {
    let who = || prop_oneof![Just(Who::Source), Just(Who::Mirror)];
    let fault = prop_oneof![
        3 => Just(Fault::None),
        1 => Just(Fault::RequestLost),
        1 => Just(Fault::ReplyLost)
    ];
    prop_oneof![
        8 => (who(), 0..source::UNITS, 0..3u8).prop_map(|(who, unit, choice)| Event::Edit(who, unit, choice)),
        1 => who().prop_map(Event::Delete),
        1 => Just(Event::Destroy),
        2 => (who(), 0..source::UNITS).prop_map(|(who, unit)| Event::Revive(who, unit)),
        3 => Just(Event::Pull),
        5 => fault.prop_map(Event::Send),
        4 => Just(Event::Answer),
    ]
}

fn policies() -> impl Strategy<Value = Policies> {
    let policy = prop_oneof![
        Just(Policy::Source),
        Just(Policy::Mirror),
        Just(Policy::Newest),
        Just(Policy::Hold)
    ];
    let deletes = prop_oneof![Just(DeletePolicy::DeleteWins), Just(DeletePolicy::EditRestores)];
    (policy, deletes).prop_map(|(object, deletes)| Policies {
        object,
        deletes,
        ..Policies::default()
    })
}

fn run(policies: &Policies, deleted: DeletedRecords, there: bool, events: &[Event]) {
    let mut engine = Engine::new(policies, deleted, there);
    for event in events {
        match *event {
            Event::Edit(who, unit, choice) => engine.edit(who, unit, choice),
            Event::Delete(who) => engine.delete(who),
            Event::Destroy => engine.destroy(),
            Event::Revive(who, unit) => engine.revive(who, unit),
            Event::Pull => engine.pull(),
            Event::Send(fault) => engine.send(fault),
            Event::Answer => engine.answer(),
        }
        engine.look();
    }
    engine.heal();
    engine.check();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, ..ProptestConfig::default() })]

    #[test]
    fn both_sides_end_equal_and_nothing_is_invented_or_lost_in_silence(
        policies in policies(),
        keep in any::<bool>(),
        there in prop_oneof![3 => Just(true), 1 => Just(false)],
        events in proptest::collection::vec(event(), 0..24),
    ) {
        let deleted = if keep { DeletedRecords::Keep } else { DeletedRecords::Remove };
        run(&policies, deleted, there, &events);
    }
}
