//! What capture costs: measured here, with limits that only a change of kind exceeds.

use std::time::{Duration, Instant};

use twenty_sync::record::Direction;

use super::ground::People;

#[tokio::test]
async fn ten_thousand_rows_are_changed_in_one_statement() {
    let people = People::new().await;
    let mut connection = people.pool().acquire().await.unwrap();
    super::ground::session(
        &mut connection,
        "begin; set local sync.origin = 'engine'; insert into twenty.people (job_title, city, salary) \
         select 'clerk', 'Ulm', 1.5 from generate_series(1, 10000); commit",
    )
    .await;
    let began = Instant::now();
    assert_eq!(people.sql("update twenty.people set city = 'Bonn'").await, 10_000);
    let first = began.elapsed();
    let began = Instant::now();
    people.sql("update twenty.people set city = 'Kiel'").await;
    let again = began.elapsed();
    println!("10,000 rows captured: {first:.1?} with new bases, {again:.1?} with known ones");
    assert_eq!(people.count("sync.outbox").await, 20_000);
    assert!(first < Duration::from_secs(15), "{first:?}");
}

/// Fifty pages of 200 new records.
async fn backfill(people: &People) -> Duration {
    let mut spent = Duration::ZERO;
    for page in 0..50_u128 {
        let rows =
            (1..=200).map(|number| people.row(page * 200 + number, "clerk", "Ulm")).collect();
        let began = Instant::now();
        people.read(rows).await;
        spent += began.elapsed();
    }
    spent
}

#[tokio::test]
async fn a_backfill_keeps_its_speed_where_people_may_write() {
    let pulled = People::new().await;
    pulled.evolve(super::ground::people(), Direction::Pull).await;
    let (pulled, both) = (backfill(&pulled).await, backfill(&People::new().await).await);
    println!(
        "10,000 new records: {pulled:.1?} where they are only pulled, {both:.1?} with row triggers"
    );
    assert!(both < pulled * 4, "{pulled:?} {both:?}");
}
