//! Answers that no server should give: they cost their object a pass, and nobody anything else.

use std::time::Duration;

use bytes::Bytes;
use fake_twenty::{CallInfo, Effect, Fault, World};
use serde_json::json;
use uuid::Uuid;

use super::{ground::Ground, stage::id_of};

/// What the program may have at most, while it is sent 100 MiB at once and ten times as much packed.
const MEMORY_MIB: u64 = 160;

/// A bad answer, and what the program says about it; nothing where it may make sense of it.
fn poisons(person: Uuid) -> Vec<(&'static str, Effect, &'static [&'static str])> {
    let raw = |body: Vec<u8>| Effect::Raw { body: body.into(), gzip: false };
    let text = |body: &str| Effect::Raw { body: Bytes::from(body.to_owned()), gzip: false };
    let doubled = format!(
        "{{\"data\":{{\"people\":[{{\"id\":\"{person}\",\"id\":\"{}\",\"city\":\"Rome\",\"city\":\"Bonn\"}}]}},\
         \"data\":{{\"people\":[]}},\"pageInfo\":{{\"hasNextPage\":false,\"endCursor\":null}},\"totalCount\":1,\
         \"totalCount\":250}}",
        Uuid::nil()
    );
    vec![
        ("byte by byte", Effect::Drip(Duration::from_millis(500)), &["did not answer in time"]),
        ("a head alone", Effect::StallAfterHead, &["did not answer in time"]),
        ("half a body", Effect::CutBody, &["connection was lost"]),
        ("a web page", Effect::Html, &["it is a web page"]),
        ("nothing", text(""), &["no complete JSON"]),
        ("10^5 nested arrays", text(&"[".repeat(100_000)), &["no complete JSON"]),
        ("10^5 nested arrays, closed", text(&nested(100_000)), &["no complete JSON"]),
        ("no UTF-8", raw(vec![b'{', b'"', 0xff, 0xfe, b'"', b'}']), &["no UTF-8"]),
        ("keys that come twice", text(&doubled), &[]),
        ("100 MiB", raw(vec![b' '; 100 << 20]), &["larger than 32 MiB"]),
        (
            "1 GiB in a small packet",
            Effect::Raw { body: bomb(1 << 30).into(), gzip: true },
            &["larger than 32 MiB"],
        ),
    ]
}

fn nested(depth: usize) -> String {
    format!("{{\"data\":{{\"people\":{}{}}}}}", "[".repeat(depth), "]".repeat(depth))
}

/// A gzip file of `length` equal bytes: one literal, then copies of 258 bytes in 13 bits each.
fn bomb(length: usize) -> Vec<u8> {
    const COPY: [bool; 13] =
        [true, true, false, false, false, true, false, true, false, false, false, false, false];
    let head = [true, true, false];
    let literal = 0x30 + u32::from(b'a');
    let literal = (0..8).rev().map(|bit| literal >> bit & 1 == 1);
    let mut bits =
        head.into_iter().chain(literal).chain(COPY.into_iter().cycle().take(13 * (length / 258)));
    let mut packed = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];
    loop {
        let byte: Vec<bool> = bits.by_ref().take(8).collect();
        if byte.is_empty() {
            return packed;
        }
        packed.push(byte.iter().rev().fold(0, |value, &bit| value << 1 | u8::from(bit)));
    }
}

fn lists_people(call: &CallInfo) -> bool {
    call.method == "GET" && call.path.starts_with("/rest/people?")
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_makes_no_sense_costs_its_object_a_pass_and_nobody_anything_else() {
    let mut world = World::with_people(250);
    world.grow("companies", 20, 7);
    let ground = Ground::of(world).await;
    let fake = &ground.stage.fake;
    let (person, company) =
        fake.world(|world| (id_of(world, "people", 0), id_of(world, "companies", 0)));
    let mut command = ground.program();
    for (name, value) in [("RETRY_DEADLINE", "200ms"), ("REQUEST_TIMEOUT", "800ms")] {
        command.env(format!("TWENTY_SYNC__SOURCE__{name}"), value);
    }
    let mut running = ground.start_with(command.env("TWENTY_SYNC__SWEEP__INTERVAL", "24h"));
    let arrived = async |table: &str, column: &str, value: &str| {
        ground
            .number(&format!("select count(*) from twenty.{table} where {column} = '{value}'"))
            .await
            == 1
    };
    for (number, (what, effect, words)) in poisons(person).into_iter().enumerate() {
        let value = format!("v{number}");
        let before = ground.cursor("people").await.0;
        fake.fault(Fault::new(effect).when(lists_people));
        fake.world(|world| {
            world.update("people", person, &json!({"city": value}));
            world.update("companies", company, &json!({"name": value}));
        });
        if !words.is_empty() {
            running.says(&[&["people"], words].concat()).await;
        }
        ground.until(what, async || arrived("companies", "name", &value).await).await;
        assert!(!arrived("people", "city", &value).await, "{what}");
        assert_eq!(ground.number("select count(*) from twenty.people").await, 250, "{what}");
        assert_eq!(ground.cursor("people").await.0, before, "{what}: it counts as read");
        fake.clear_faults();
        ground.until(what, async || arrived("people", "city", &value).await).await;
        assert!(running.runs(), "{what}: {}", running.tail());
    }
    let memory = running.high_water();
    println!("{memory} MiB at most");
    assert!(memory < MEMORY_MIB, "{memory} MiB");
    running.stop().await;
    ground.assert_quiet_and_equal().await;
}
