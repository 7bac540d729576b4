//! Every command tells what it is for, and refuses what it cannot mean.

use super::program::run_at;

#[tokio::test]
async fn every_command_of_two_way_sync_has_help_that_says_what_it_does() {
    for (command, words) in [
        (&["problems"][..], "stuck"),
        (&["problems", "list"], "exit code 3"),
        (&["problems", "retry"], "tried again"),
        (&["problems", "discard"], "--yes"),
        (&["conflicts"], "both sides"),
        (&["conflicts", "list"], "--all"),
        (&["conflicts", "show"], "values of both sides"),
        (&["conflicts", "resolve"], "--take"),
        (&["conflicts", "undo"], "lost"),
        (&["why"], "what comes next"),
    ] {
        let ended = run_at(None, &[command, &["--help"]].concat()).await;
        assert_eq!(ended.code, Some(0), "{command:?}: {ended:?}");
        assert!(ended.stdout.contains("Usage: twenty-sync"), "{command:?}: {ended:?}");
        ended.assert_tells(&[words]);
    }
}

#[tokio::test]
async fn a_record_that_is_no_id_is_wrong_usage() {
    let ended = run_at(None, &["why", "people", "ada"]).await;
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.stderr.contains("ada"), "{ended:?}");
}

#[tokio::test]
async fn a_side_that_is_none_is_wrong_usage_and_the_sides_are_named() {
    let ended = run_at(None, &["conflicts", "resolve", "1", "--take", "mine"]).await;
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.stderr.contains("source") && ended.stderr.contains("mirror"), "{ended:?}");
}
