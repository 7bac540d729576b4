//! `webhook test`: whether events arrive, and if not, where they stay.
//!
//! It exists because Twenty tells nobody when a delivery fails (docs/twenty.md, "Webhooks"). It asks the receiver,
//! before and after somebody edits something, how many events it took and refused. The receiver is the running
//! daemon's, or one of its own where none runs. Invariant: nothing is changed on either side.

use std::{
    io::ErrorKind,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    process::ExitCode,
    time::Duration,
};

use serde_json::json;
use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};
use url::Url;

use super::{Output, registered, shown};
use crate::{
    cli::exit::{Failure, chain},
    config::Webhook,
    sync::{Registration, SyncError},
    webhook::{Desk, Hints, ProbeError, Prober, Receiver, Tally},
};

/// How often the receiver is asked.
const ASK_EVERY: Duration = Duration::from_millis(250);

pub(super) async fn run(
    registration: &Registration<'_>,
    config: &Webhook,
    wait: Duration,
    output: &mut Output,
) -> Result<ExitCode, Failure> {
    registered(registration).await?;
    let workspace_id = registration.source.key().workspace_id;
    let prober =
        Prober::new(registration.secret.clone(), workspace_id).map_err(|error| no_probe(&error))?;
    // Dropping it at the end stops the receiver.
    let mut tasks = JoinSet::new();
    if let Some(receiver) = receiver(config).await? {
        let desk = Desk::new(&config.secrets, workspace_id, Hints::default());
        tasks.spawn(async { match receiver.serve(desk).await {} });
    }
    let from_here = prober.ask(registration.url).await;
    let asked = config.listen.map_or_else(|| registration.url.clone(), here);
    let before = prober.ask(&asked).await.map_err(|error| no_probe(&error))?;
    output.note(&first_word(registration.url, from_here.as_ref().err()))?;
    output.note(&format!("now change any record in Twenty; waiting for {wait:?} at most"))?;
    let began = Instant::now();
    let now = loop {
        let now = prober.ask(&asked).await.map_err(|error| no_probe(&error))?;
        if now.events > before.events {
            break now;
        }
        if let Some(failure) = refused(&before, &now) {
            return Err(failure);
        }
        if began.elapsed() >= wait {
            return Err(silence(registration, wait, from_here.err()).await);
        }
        sleep(ASK_EVERY).await;
    };
    let (waited, events) = (began.elapsed(), now.events - before.events);
    let told = json!({"arrived": true, "events": events, "seconds": waited.as_secs_f64()});
    output.show(&told, |_| {
        format!("events arrive: the first one came after {:.1} s", waited.as_secs_f64())
    })?;
    Ok(ExitCode::SUCCESS)
}

/// Where the address leads, seen from this machine.
fn first_word(url: &Url, error: Option<&ProbeError>) -> String {
    let url = shown(url);
    match error {
        None => format!("{url} leads to a receiver that knows the secret"),
        Some(error @ ProbeError::Unreachable(_)) => format!(
            "{url} cannot be reached from this machine, which need not be so for Twenty: {}",
            chain(error)
        ),
        Some(error) => format!("{url} does not lead to this receiver: {}", chain(error)),
    }
}

/// A receiver of our own; none where the daemon already listens.
async fn receiver(config: &Webhook) -> Result<Option<Receiver>, Failure> {
    let Some(address) = config.listen else { return Ok(None) };
    match Receiver::bind(address).await {
        Ok(receiver) => Ok(Some(receiver)),
        Err(error) if error.kind() == ErrorKind::AddrInUse => Ok(None),
        Err(cause) => Err(SyncError::Listen { address, cause }.into()),
    }
}

/// The receiver as this machine reaches it.
fn here(listen: SocketAddr) -> Url {
    let address = match listen.ip() {
        IpAddr::V4(address) if address.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(address) if address.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        address => address,
    };
    let address = SocketAddr::new(address, listen.port());
    Url::parse(&format!("http://{address}/")).expect("an address and a port make a URL")
}

/// Something came, and was refused.
fn refused(before: &Tally, now: &Tally) -> Option<Failure> {
    let (message, hint) = if now.badly_signed > before.badly_signed {
        (
            "a delivery came whose signature does not fit",
            "if it was Twenty's: twenty-sync webhook register sets the secret again; does a proxy change the body?",
        )
    } else if now.out_of_time > before.out_of_time {
        (
            "a delivery came whose time is more than five minutes off",
            "synchronise the clocks of this machine and of Twenty's",
        )
    } else if now.foreign > before.foreign {
        (
            "a delivery of another workspace came",
            "is the key of the workspace whose webhook calls this address?",
        )
    } else if now.other > before.other {
        (
            "a request came that is no event",
            "does something else call this address, or does a proxy change the request?",
        )
    } else {
        return None;
    };
    Some(Failure { hint: Some(hint.to_owned()), ..Failure::failed(message) })
}

/// Nothing came at all.
async fn silence(
    registration: &Registration<'_>,
    wait: Duration,
    from_here: Option<ProbeError>,
) -> Failure {
    let hint = if registration.source.has_worker().await == Some(false) {
        "Twenty's worker does not run, which sends the events: start it".to_owned()
    } else if let Some(error) = from_here {
        format!("can Twenty reach {}? From here: {}", shown(registration.url), chain(&error))
    } else {
        format!(
            "was a record changed? can Twenty reach {}? It sends nothing to private addresses unless \
             OUTBOUND_HTTP_ALLOWED_INTERNAL_HOSTS names them",
            shown(registration.url)
        )
    };
    Failure { hint: Some(hint), ..Failure::failed(format!("no event arrived within {wait:?}")) }
}

/// The receiver does not tell how deliveries fare.
fn no_probe(error: &ProbeError) -> Failure {
    let hint = match error {
        ProbeError::Secret => "have both read the same webhook.secret_file, and restart `run`",
        ProbeError::Workspace => "have both use a key of the same workspace",
        ProbeError::Clock => "synchronise the clocks of both machines",
        ProbeError::Unreachable(_) => {
            "does `twenty-sync run` run with webhook.listen, and does webhook.url lead there?"
        }
        ProbeError::Stranger { .. } => {
            "have webhook.url lead to webhook.listen of `twenty-sync run`"
        }
        ProbeError::Client(_) => "are this machine's certificate authorities installed?",
    };
    Failure { hint: Some(hint.to_owned()), ..Failure::failed(chain(error)) }
}
