//! The server that the tests of a run share, and how it is found.
//!
//! The order: the one that `TEST_DATABASE_URL` names, else one that answers on this machine and lets us create
//! databases, else a container, else a private cluster. A named server that does not work is an error: whoever
//! named it would not want the tests to run elsewhere.

use std::env;
use std::process::Command;
use std::sync::{Arc, Weak};
use std::time::Duration;

use sqlx::{Connection, PgConnection};
use tokio::sync::Mutex;
use tokio::time::timeout;
use url::Url;

use crate::container::{self, Container};
use crate::{Error, TestCluster};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// The server of this process. A static is never dropped, and only the process's end stops a private cluster;
/// nothing would stop a container, so that one lives as long as a database on it.
static SHARED: Mutex<Option<Shared>> = Mutex::const_new(None);

enum Shared {
    Lasting(Arc<Server>),
    WhileUsed(Weak<Server>),
}

/// A server on which tests make their databases, and what keeps it running.
#[derive(Debug)]
pub struct Server {
    url: Url,
    keeper: Keeper,
}

#[derive(Debug)]
#[expect(dead_code, reason = "a keeper is held for what its end does")]
enum Keeper {
    Others,
    Cluster(TestCluster),
    Container(Container),
}

impl Server {
    /// Finds a server, or starts one that ends with the answer.
    pub async fn find() -> Result<Server, Error> {
        match Self::find_running().await? {
            Some(server) => Ok(server),
            None => Self::start().await,
        }
    }

    /// Finds a server that runs already.
    pub async fn find_running() -> Result<Option<Server>, Error> {
        if let Some(named) = set("TEST_DATABASE_URL") {
            return Self::given(&named).await.map(Some);
        }
        for url in local_candidates() {
            if check(&url).await.is_ok() {
                return Ok(Some(Server { url, keeper: Keeper::Others }));
            }
        }
        Ok(None)
    }

    /// Where the server is, as one who may create databases.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// The server that all tests of this process share.
    pub(crate) async fn shared() -> Result<Arc<Server>, Error> {
        let mut shared = SHARED.lock().await;
        let known = match &*shared {
            Some(Shared::Lasting(server)) => Some(Arc::clone(server)),
            Some(Shared::WhileUsed(server)) => server.upgrade(),
            None => None,
        };
        if let Some(server) = known {
            return Ok(server);
        }
        let server = Arc::new(Self::find().await?);
        *shared = Some(match server.keeper {
            Keeper::Container(_) => Shared::WhileUsed(Arc::downgrade(&server)),
            Keeper::Others | Keeper::Cluster(_) => Shared::Lasting(Arc::clone(&server)),
        });
        Ok(server)
    }

    async fn given(named: &str) -> Result<Server, Error> {
        let url = Url::parse(named).map_err(|error| Error::Given { reason: error.to_string() })?;
        check(&url).await.map_err(|reason| Error::Given { reason })?;
        Ok(Server { url, keeper: Keeper::Others })
    }

    async fn start() -> Result<Server, Error> {
        let mut tried = vec!["nothing usable answers on this machine".to_owned()];
        if container::engine_answers() {
            match Container::start().await {
                Ok(container) => {
                    return Ok(Server {
                        url: container.url().clone(),
                        keeper: Keeper::Container(container),
                    });
                }
                Err(error) => tried.push(error.to_string()),
            }
        } else {
            tried.push("no container engine answers".to_owned());
        }
        match TestCluster::try_start().await {
            Ok(cluster) => {
                let url = Url::parse(cluster.url()).expect("a cluster's URL was made as one");
                Ok(Server { url, keeper: Keeper::Cluster(cluster) })
            }
            Err(error) => {
                tried.push(error.to_string());
                Err(Error::NoServer { tried: tried.join("; ") })
            }
        }
    }
}

/// Whether tests can make databases there; the error is the reason why not.
async fn check(url: &Url) -> Result<(), String> {
    let may_create = timeout(CONNECT_TIMEOUT, may_create_databases(url)).await;
    match may_create {
        Ok(Ok(true)) => Ok(()),
        Ok(Ok(false)) => Err("its user may not create databases".to_owned()),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err(format!("no answer within {} s", CONNECT_TIMEOUT.as_secs())),
    }
}

async fn may_create_databases(url: &Url) -> Result<bool, sqlx::Error> {
    let mut connection = PgConnection::connect(url.as_str()).await?;
    let query =
        "select rolcreatedb or rolsuper from pg_catalog.pg_roles where rolname = current_user";
    let may_create = sqlx::query_scalar(query).fetch_one(&mut connection).await?;
    connection.close().await?;
    Ok(may_create)
}

/// Ways to a server on this machine: as the `PG*` variables say, where they say something.
fn local_candidates() -> Vec<Url> {
    let host = set("PGHOST").unwrap_or_else(|| "127.0.0.1".to_owned());
    let port = set("PGPORT").unwrap_or_else(|| "5432".to_owned());
    let users = set("PGUSER").map_or_else(likely_users, |user| vec![user]);
    let password = set("PGPASSWORD");
    let database = set("PGDATABASE").unwrap_or_else(|| "postgres".to_owned());
    let parts = Parts { host, port, password, database };
    users.iter().filter_map(|user| parts.url_of(user)).collect()
}

/// A variable that is set to nothing counts as not set.
fn set(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

struct Parts {
    host: String,
    port: String,
    password: Option<String>,
    database: String,
}

impl Parts {
    fn url_of(&self, user: &str) -> Option<Url> {
        // A host that begins with a slash is the folder of a socket, which has no place in a URL's host.
        let socket = self.host.starts_with('/');
        let host = if socket { "localhost" } else { &self.host };
        let mut url = Url::parse(&format!("postgres://{host}:{}", self.port)).ok()?;
        url.set_username(user).ok()?;
        url.set_password(self.password.as_deref()).ok()?;
        url.set_path(&self.database);
        if socket {
            url.query_pairs_mut().append_pair("host", &self.host);
        }
        Some(url)
    }
}

fn likely_users() -> Vec<String> {
    let id = Command::new("id").arg("-un").output().ok();
    let own = id.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    own.into_iter().filter(|name| !name.is_empty()).chain(["postgres".to_owned()]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(host: &str) -> Parts {
        Parts {
            host: host.to_owned(),
            port: "5433".to_owned(),
            password: None,
            database: "postgres".to_owned(),
        }
    }

    #[test]
    fn a_user_s_name_is_escaped() {
        let url = parts("127.0.0.1").url_of("a@b").unwrap();
        assert_eq!(url.as_str(), "postgres://a%40b@127.0.0.1:5433/postgres");
    }

    #[test]
    fn a_folder_as_host_means_its_socket() {
        let url = parts("/run/postgresql").url_of("me").unwrap();
        assert_eq!(url.as_str(), "postgres://me@localhost:5433/postgres?host=%2Frun%2Fpostgresql");
    }
}
