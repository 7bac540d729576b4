//! The guards of an exchange: time, size, redirects, and the key.

use std::time::{Duration, Instant};

use twenty_sync::source::{Client, SourceError, SourceFault};
use url::Url;

use super::{
    reading::{decoder, first_page},
    stand_in::{CANARY, Play, StandIn, chain, key, settings},
};

#[tokio::test]
async fn a_silent_server_is_given_up_within_the_deadline() {
    let server = StandIn::playing(vec![Play::Silence]).await;
    let mut settings = settings(server.url().clone());
    settings.request_timeout = Duration::from_millis(50);
    settings.retry_deadline = Duration::from_millis(400);
    let started = Instant::now();
    let error = Client::new(&settings).unwrap().page(&first_page(), &decoder()).await.unwrap_err();
    assert_eq!(
        chain(&error),
        "could not read the first page of people: the server did not answer in time"
    );
    assert_eq!(error.fault(), SourceFault::Retry);
    assert!(started.elapsed() < Duration::from_secs(3));
}

#[tokio::test]
async fn an_answer_that_does_not_fit_is_dropped_and_not_asked_for_again() {
    for play in [Play::Flood(33), Play::Bomb(33)] {
        let server = StandIn::playing(vec![play]).await;
        let error = server.client().page(&first_page(), &decoder()).await.unwrap_err();
        assert!(chain(&error).ends_with("the answer is larger than 32 MiB"), "{}", chain(&error));
        assert_eq!(server.lines().len(), 1);
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed_and_told_without_its_query() {
    let elsewhere = StandIn::playing(vec![Play::ok(&"{}")]).await;
    let to = format!("{}rest/people?token=secret", elsewhere.url());
    let server = StandIn::playing(vec![Play::Redirect(to)]).await;
    let error = server.client().page(&first_page(), &decoder()).await.unwrap_err();
    let text = chain(&error);
    assert!(text.contains("rest/people") && !text.contains("secret"), "{text}");
    assert_eq!(error.fault(), SourceFault::Configuration);
    assert_eq!(elsewhere.lines(), Vec::<String>::new());
}

#[tokio::test]
async fn nobody_listening_is_no_connection_and_may_pass() {
    let server = StandIn::playing(vec![Play::HangUp]).await;
    let mut settings = settings(server.url().clone());
    settings.retry_deadline = Duration::from_millis(20);
    drop(server);
    tokio::task::yield_now().await;
    let error = Client::new(&settings).unwrap().count("people").await.unwrap_err();
    assert_eq!(error.fault(), SourceFault::Retry);
}

#[tokio::test]
async fn the_key_is_in_no_message() {
    let echo = format!(r#"{{"statusCode":400,"messages":["what is \"{}\"?"],"error":"X"}}"#, key());
    let server = StandIn::playing(vec![Play::Answer(400, echo)]).await;
    let client = server.client();
    let error = client.page(&first_page(), &decoder()).await.unwrap_err();
    for text in [
        chain(&error),
        format!("{error:?}"),
        format!("{client:?}"),
        format!("{:?}", settings(server.url().clone())),
    ] {
        assert!(!text.contains(CANARY), "{text}");
    }
}

#[test]
fn a_url_that_would_give_the_key_away_is_refused() {
    let refused = |url: &str| Client::new(&settings(Url::parse(url).unwrap())).unwrap_err();
    assert!(matches!(refused("http://crm.example/"), SourceError::Unencrypted { .. }));
    for url in ["ftp://crm.example/", "https://me:word@crm.example/", "https://crm.example/?a=b"] {
        assert!(matches!(refused(url), SourceError::Url(_)), "{url}");
    }
    for url in [
        "https://crm.example/base/path",
        "http://localhost:3000",
        "http://[::1]:3000",
        "http://127.0.0.2/",
    ] {
        Client::new(&settings(Url::parse(url).unwrap())).unwrap();
    }
    let mut trusted = settings(Url::parse("http://crm.internal/").unwrap());
    trusted.allow_http = true;
    Client::new(&trusted).unwrap();
}

#[test]
fn certificates_that_cannot_be_read_are_named() {
    let mut settings = settings(Url::parse("https://crm.example/").unwrap());
    settings.ca_file = Some("/nowhere/ca.pem".into());
    let error = Client::new(&settings).unwrap_err();
    assert_eq!(error.to_string(), "cannot read the certificates in /nowhere/ca.pem");
    let empty = tempfile::NamedTempFile::new().unwrap();
    settings.ca_file = Some(empty.path().to_owned());
    assert!(matches!(Client::new(&settings), Err(SourceError::Certificates { .. })));
}
