//! `webhook`: have Twenty say when something changed, and see whether it does.
//!
//! It exists because of all that stands between Twenty and this program: an address, a proxy, a secret, a worker.
//! Invariants: only webhooks that call our address are touched; no secret is printed; a test changes nothing on
//! either side.

use std::process::ExitCode;

use serde_json::json;
use url::Url;

use super::{
    arguments::WebhookCommand,
    exit::Failure,
    output::{Output, printable, table},
};
use crate::{
    config::Loaded,
    source::{Client, Webhook},
    sync::{Registered, Registration},
};

mod test;

pub(super) async fn run(
    command: &WebhookCommand,
    loaded: &Loaded,
    output: &mut Output,
) -> Result<ExitCode, Failure> {
    let source = Client::new(&loaded.source()?)?;
    let config = loaded.webhook()?;
    if matches!(command, WebhookCommand::List) {
        return list(&source, config.url.as_ref(), output).await;
    }
    let (url, secret) = config.registration()?;
    let registration = Registration { source: &source, url, secret };
    match command {
        WebhookCommand::Register => register(&registration, output).await,
        WebhookCommand::Remove => remove(&registration, output).await,
        WebhookCommand::Test { wait } => test::run(&registration, &config, *wait, output).await,
        WebhookCommand::List => unreachable!("it was listed before, without any address"),
    }
}

async fn register(
    registration: &Registration<'_>,
    output: &mut Output,
) -> Result<ExitCode, Failure> {
    let (outcome, text) = match registration.register().await? {
        Registered::Made => ("made", "Twenty calls"),
        Registered::Changed => ("changed", "what it signs with was set again, and Twenty calls"),
        Registered::Unchanged => ("unchanged", "it was registered already: Twenty calls"),
    };
    let url = shown(registration.url);
    output.show(&json!({"webhook": outcome, "url": url}), |_| {
        format!("{text} {url} when a record changes; `twenty-sync webhook test` shows whether that arrives")
    })?;
    Ok(ExitCode::SUCCESS)
}

async fn remove(registration: &Registration<'_>, output: &mut Output) -> Result<ExitCode, Failure> {
    let removed = registration.remove().await?;
    let url = shown(registration.url);
    output.show(&json!({"removed": removed, "url": url}), |_| match removed {
        0 => format!("Twenty has no webhook that calls {url}"),
        _ => format!("Twenty does not call {url} any more; `run` goes on looking at its interval"),
    })?;
    Ok(ExitCode::SUCCESS)
}

async fn list(
    source: &Client,
    url: Option<&Url>,
    output: &mut Output,
) -> Result<ExitCode, Failure> {
    let hooks = source.webhooks().await?;
    let is_ours = |hook: &Webhook| {
        url.is_some_and(|url| Url::parse(&hook.target_url).is_ok_and(|target| target == *url))
    };
    let told: Vec<_> = hooks
        .iter()
        .map(|hook| {
            let (url, ours) = (target(hook), is_ours(hook));
            json!({"id": hook.id, "url": url, "operations": hook.operations, "ours": ours})
        })
        .collect();
    output.show(&told, |_| {
        if hooks.is_empty() {
            return "the workspace has no webhook".to_owned();
        }
        let row = |hook: &Webhook| {
            let ours = if is_ours(hook) { "yes" } else { "no" };
            vec![target(hook), hook.operations.join(" "), ours.to_owned(), hook.id.to_string()]
        };
        table(&["url", "operations", "ours", "id"], hooks.iter().map(row))
    })?;
    Ok(ExitCode::SUCCESS)
}

/// What is wrong with the registration, for `doctor`; `Ok` says what is right. `None` where no webhook is wanted.
pub(super) async fn examine(loaded: &Loaded) -> Option<Result<String, Failure>> {
    let config = match loaded.webhook() {
        Ok(config) => config,
        Err(error) => return Some(Err(error.into())),
    };
    if config.listen.is_none() && config.url.is_none() {
        return None;
    }
    let (url, secret) = match config.registration() {
        Ok(registration) => registration,
        Err(error) => return Some(Err(error.into())),
    };
    let source = Client::new(&loaded.source().ok()?).ok()?;
    let registration = Registration { source: &source, url, secret };
    let text =
        format!("Twenty calls {}; twenty-sync webhook test shows whether that arrives", shown(url));
    Some(registered(&registration).await.map(|()| text))
}

/// Fails where our webhook is not registered as it should be.
async fn registered(registration: &Registration<'_>) -> Result<(), Failure> {
    let ours = registration.ours().await?;
    let url = shown(registration.url);
    let Some(hook) = ours.first() else {
        return Err(unregistered(format!("Twenty has no webhook that calls {url}")));
    };
    match registration.fault(hook) {
        Some(fault) => {
            Err(unregistered(format!("the webhook that calls {url} is not right: {fault}")))
        }
        None => Ok(()),
    }
}

fn unregistered(message: String) -> Failure {
    let hint = Some("twenty-sync webhook register sets it right".to_owned());
    Failure { hint, ..Failure::failed(message) }
}

/// An address without what could be a secret in it.
fn shown(url: &Url) -> String {
    let mut url = url.clone();
    url.set_query(None);
    url.set_fragment(None);
    // Only an address without a host can refuse, and such a one has neither.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    printable(url.as_str())
}

fn target(hook: &Webhook) -> String {
    Url::parse(&hook.target_url).map_or_else(|_| "(no address)".to_owned(), |url| shown(&url))
}
