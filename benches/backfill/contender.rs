//! Who is measured, and how each is started.

use tokio::process::Command;

use super::{
    Outcome,
    measure::{Measured, measure},
    server::Server,
};

/// One of those who are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Contender {
    Pager,
    Loader,
    Once,
    Verify,
}

impl Contender {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Contender::Pager => "bare pager (stores nothing)",
            Contender::Loader => "bare serial loader (no state)",
            Contender::Once => "twenty-sync --once",
            Contender::Verify => "twenty-sync verify",
        }
    }

    pub(crate) async fn run(self, server: &Server, database: &str) -> Outcome<Measured> {
        let bare = |printed: &str| printed.trim().parse().ok();
        match self {
            Contender::Pager => measure(own(&["pager", &server.url, &server.key])?, bare).await,
            Contender::Loader => {
                measure(own(&["loader", &server.url, &server.key, database])?, bare).await
            }
            Contender::Once => {
                let once = people_only(server, database, &["--once", "--json"]).await?;
                measure(once, |printed| read(printed)?["calls"].as_u64()).await
            }
            Contender::Verify => {
                let verify = people_only(server, database, &["verify", "--json"]).await?;
                measure(verify, |printed| read(printed)?[0]["calls"].as_u64()).await
            }
        }
    }
}

fn own(arguments: &[&str]) -> Outcome<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(arguments);
    Ok(command)
}

/// Only people are mirrored, because only people are loaded by the baselines.
async fn people_only(server: &Server, database: &str, arguments: &[&str]) -> Outcome<Command> {
    let mut list = twenty_sync(server, database);
    let listed = list.args(["metadata", "objects", "--json"]).output().await?;
    let objects: Vec<serde_json::Value> = serde_json::from_slice(&listed.stdout)?;
    let mut command = twenty_sync(server, database);
    for object in objects
        .iter()
        .filter_map(|object| object["plural"].as_str())
        .filter(|name| *name != "people")
    {
        command.env(format!("TWENTY_SYNC__OBJECTS__{}__DIRECTION", object.to_uppercase()), "off");
    }
    command.args(arguments);
    Ok(command)
}

fn twenty_sync(server: &Server, database: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_twenty-sync"));
    command
        .env("TWENTY_URL", &server.url)
        .env("TWENTY_API_KEY", &server.key)
        .env("DATABASE_URL", database)
        .env("TWENTY_SYNC__SOURCE__REQUESTS_PER_MINUTE", "0");
    command
}

fn read(printed: &str) -> Option<serde_json::Value> {
    serde_json::from_str(printed).ok()
}
