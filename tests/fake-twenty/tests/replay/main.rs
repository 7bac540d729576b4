//! Proof that the fake is honest: recorded exchanges with a real server are sent to it and must be answered alike.
//!
//! The recordings lie beside the repository (`../shared/recordings`, or `TWENTY_SYNC_SHARED`); where they are
//! missing, the test says so and passes. The exchanges are played in their order against one server, so that what
//! an earlier one wrote is what a later one reads; [`stage`] lists what happened in between without being
//! recorded. The server's clock stands at the time of the recorded answer.
//!
//! Compared are status and body, and for webhooks headers, signature and body. What cannot be equal is
//! normalised, and only this (see [`compare`] and [`ledger`]):
//! - ids that the server made are paired with the recorded ones, one to one, and the new row takes the recorded id;
//! - times that the server took are paired one to one, in the same order, where the clock could not be set to them;
//! - the ids of blocks inside generated rich text, the nonce, timestamp and event date of a webhook, the port that
//!   it is sent to;
//! - the order of records in answers to writes, and of groups, which the real server leaves to chance;
//! - the order of fields and of aggregates inside metadata lists is compared by id and name.
//!
//! Every other difference fails the test unless [`exceptions`] lists it with a reason, and so does an exception
//! that agrees.

#![cfg(test)]

mod compare;
mod exceptions;
mod ledger;
mod player;
mod receiver;
mod recording;
mod stage;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use player::Player;
use recording::Line;

/// The recordings of one server, in the order in which they were made.
const STORY: [&str; 8] = ["01", "02", "03", "04", "05", "06", "08", "09"];

/// Where the recordings lie, if they are there.
fn shared() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared");
    let path = std::env::var_os("TWENTY_SYNC_SHARED").map_or(beside, PathBuf::from);
    path.join("recordings").is_dir().then_some(path)
}

/// What was found wrong with each exchange, by file and line.
type Tally = BTreeMap<(&'static str, usize), Vec<String>>;

#[tokio::test(flavor = "multi_thread")]
async fn recorded_exchanges_are_answered_as_by_the_real_server() {
    let Some(shared) = shared() else {
        println!("skipped: there are no recordings beside the repository");
        return;
    };
    let mut tally = Tally::new();
    let mut player = Player::start(&shared, None).await;
    for file in STORY {
        play(&mut player, &shared, file, &mut tally).await;
    }
    let mut limited = Player::start(&shared, Some(fake_twenty::RateLimit::default())).await;
    limited.spend_the_budget().await;
    play(&mut limited, &shared, "10", &mut tally).await;
    play(&mut limited, &shared, "07", &mut tally).await;
    judge(&tally);
}

async fn play(player: &mut Player, shared: &Path, file: &'static str, tally: &mut Tally) {
    let lines = recording::load(shared, file);
    for (at, line) in lines.iter().enumerate() {
        if let Line::Exchange(exchange) = line {
            let deliveries = recording::deliveries_after(&lines, at);
            let mut faults = player.play(file, at, exchange).await;
            let delivered = player.compare_deliveries(&deliveries).await;
            faults.extend(delivered.missing);
            tally.insert((file, at), faults);
            for (offset, faults) in delivered.compared.into_iter().enumerate() {
                tally.insert((file, at + 1 + offset), faults);
            }
        }
    }
}

/// Prints the figure and fails on surprises of either kind.
fn judge(tally: &Tally) {
    let agreeing = tally.values().filter(|faults| faults.is_empty()).count();
    println!("{agreeing} of {} exchanges agree", tally.len());
    let listed =
        |key: &(&str, usize)| exceptions::LIST.iter().find(|one| (one.file, one.line) == *key);
    let mut wrong = Vec::new();
    for (key, faults) in tally {
        let (file, line) = key;
        match (faults.as_slice(), listed(key)) {
            ([], Some(_)) => {
                wrong.push(format!("{file}#{line} is listed as an exception and agrees"));
            }
            ([], None) => {}
            (_, Some(exception)) => {
                println!("{file}#{line} differs, as listed: {}", exception.reason);
            }
            (faults, None) => wrong.push(format!("{file}#{line}\n    {}", faults.join("\n    "))),
        }
    }
    assert!(wrong.is_empty(), "{} surprises:\n{}", wrong.len(), wrong.join("\n"));
}
