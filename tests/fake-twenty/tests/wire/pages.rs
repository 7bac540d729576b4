//! What it costs to make a page: the fake must not be what a benchmark measures.

use std::time::Instant;

use fake_twenty::World;

use super::Stage;

#[tokio::test]
async fn a_page_of_200_people_costs_a_few_milliseconds_at_most() {
    let stage = Stage::of(World::with_people(20_000)).await;
    let filter = "filter=or(deletedAt[is]:NULL,deletedAt[is]:NOT_NULL)";
    let (mut cursor, mut pages) = (String::new(), 0_u32);
    let start = Instant::now();
    loop {
        let path = format!("/rest/people?limit=200&{filter}&starting_after={cursor}");
        let page = stage.get(&path).await.body;
        pages += 1;
        if page["pageInfo"]["hasNextPage"] == false {
            break;
        }
        cursor = page["pageInfo"]["endCursor"].as_str().unwrap().replace('=', "%3D");
    }
    let each = start.elapsed() / pages;
    println!("{pages} pages, {each:?} each, the client's parsing included");
    assert_eq!(pages, 100);
    assert!(each.as_millis() < 50, "{each:?} a page: far beyond any noise");
}
