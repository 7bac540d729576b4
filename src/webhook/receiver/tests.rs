//! The desk, without a socket, and what senders do to a socket. Requests are tested with the whole program.

use secrecy::SecretString;
use serde_json::json;
use tokio::{io::AsyncReadExt, net::TcpStream, time::Instant};
use uuid::Uuid;

use super::{Desk, Hints, LONGEST_CONNECTION, Receiver, Refusal, Signed, Tally};
use crate::webhook::{Wanted, signature::sign};

const NOW: i64 = 1_764_028_800_000;
const HERE: Uuid = Uuid::from_u128(7);

fn desk() -> (Desk, Hints) {
    let hints = Hints::default();
    (Desk::new(&["a secret of ours".into()], HERE, hints.clone()), hints)
}

fn event(name: &str) -> String {
    json!({"eventName": name, "workspaceId": HERE}).to_string()
}

fn send(desk: &Desk, secret: &str, sent: i64, body: &str) -> Result<Option<Tally>, Refusal> {
    let sent = sent.to_string();
    let signature = sign(&SecretString::from(secret), &sent, body.as_bytes());
    let signed = Signed { timestamp: Some(&sent), signature: Some(&signature) };
    desk.take(NOW, signed, body.as_bytes())
}

#[tokio::test]
async fn a_delivery_becomes_a_hint_and_a_replay_does_not() {
    let (desk, hints) = desk();
    assert_eq!(send(&desk, "a secret of ours", NOW, &event("person.updated")), Ok(None));
    assert_eq!(
        send(&desk, "a secret of ours", NOW, &event("person.updated")),
        Err(Refusal::Replay)
    );
    assert_eq!(send(&desk, "a secret of ours", NOW + 1, &event("company.destroyed")), Ok(None));
    let taken = hints.take(Instant::now()).await;
    let expected = [("company", Wanted::Everything), ("person", Wanted::Changes)];
    assert!(taken.iter().map(|(name, wanted)| (name.as_str(), *wanted)).eq(expected), "{taken:?}");
}

#[test]
fn a_forged_delivery_is_not_remembered_as_seen() {
    let (desk, _) = desk();
    assert_eq!(send(&desk, "a guess", NOW, &event("person.updated")), Err(Refusal::Signature));
    assert_eq!(send(&desk, "a secret of ours", NOW, &event("person.updated")), Ok(None));
}

#[test]
fn a_probe_tells_how_deliveries_fared_and_is_no_event() {
    let (desk, _) = desk();
    send(&desk, "a secret of ours", NOW, &event("person.updated")).unwrap();
    for refusal in [Refusal::Signature, Refusal::Unsigned, Refusal::Time, Refusal::Workspace] {
        desk.note(refusal);
    }
    let tally = send(&desk, "a secret of ours", NOW, &event("twenty-sync.probe")).unwrap();
    let expected =
        Tally { events: 1, badly_signed: 2, out_of_time: 1, foreign: 1, ..Tally::default() };
    assert_eq!(tally, Some(expected));
}

#[tokio::test]
async fn a_sender_that_says_nothing_is_left_after_a_while() {
    let receiver = Receiver::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let address = receiver.listener.local_addr().unwrap();
    let serving = tokio::spawn(async { match receiver.serve(desk().0).await {} });
    let mut silent = TcpStream::connect(address).await.unwrap();
    let connected = Instant::now();
    assert_eq!(silent.read(&mut [0; 16]).await.unwrap(), 0, "it is closed without a word");
    assert!(connected.elapsed() < 2 * LONGEST_CONNECTION, "{:?}", connected.elapsed());
    serving.abort();
}
