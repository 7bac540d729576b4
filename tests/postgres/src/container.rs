//! PostgreSQL in a container, where a container engine answers.
//!
//! The container is owned by a thread with a runtime of its own: each test has its own runtime, and the container
//! must be able to outlive the one whose test asked for it first.

use std::env;
use std::io::{Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use testcontainers::core::{IntoContainerPort, WaitFor};
use testcontainers::runners::AsyncRunner;
use testcontainers::{ContainerAsync, GenericImage, ImageExt, TestcontainersError};
use tokio::sync::oneshot;
use url::Url;
use uuid::Uuid;

use crate::Error;

const IMAGE: (&str, &str) = ("postgres", "17");
const PING_TIMEOUT: Duration = Duration::from_secs(1);

/// A container that is removed when this is dropped.
#[derive(Debug)]
pub(crate) struct Container {
    url: Url,
    remove: Option<oneshot::Sender<()>>,
    owner: Option<JoinHandle<()>>,
}

impl Container {
    pub(crate) async fn start() -> Result<Container, Error> {
        let (remove, removal) = oneshot::channel();
        let (answer, started) = oneshot::channel();
        let owner = thread::spawn(move || own(answer, removal));
        let gone = |_| Error::Container("its thread ended early".to_owned());
        let url = started.await.map_err(gone)??;
        Ok(Container { url, remove: Some(remove), owner: Some(owner) })
    }

    pub(crate) fn url(&self) -> &Url {
        &self.url
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        drop(self.remove.take());
        if let Some(owner) = self.owner.take() {
            owner.join().ok();
        }
    }
}

type Answer = oneshot::Sender<Result<Url, Error>>;

/// The life of a container: start it, answer where it is, wait for the word to remove it.
fn own(answer: Answer, removal: oneshot::Receiver<()>) {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(source) => {
            return drop(answer.send(Err(Error::Io { doing: "make a runtime", source })));
        }
    };
    runtime.block_on(async {
        match run().await {
            Ok((container, url)) => {
                answer.send(Ok(url)).ok();
                removal.await.ok();
                container.rm().await.ok();
            }
            Err(error) => drop(answer.send(Err(Error::Container(error.to_string())))),
        }
    });
}

async fn run() -> Result<(ContainerAsync<GenericImage>, Url), TestcontainersError> {
    let password = Uuid::new_v4().simple().to_string();
    // The image starts a first server to prepare the cluster, which logs to standard output; the real one does not.
    let ready = WaitFor::message_on_stderr("database system is ready to accept connections");
    let image =
        GenericImage::new(IMAGE.0, IMAGE.1).with_exposed_port(5432.tcp()).with_wait_for(ready);
    let server = ["postgres", "-c", "fsync=off", "-c", "max_connections=200"];
    let container =
        image.with_env_var("POSTGRES_PASSWORD", &password).with_cmd(server).start().await?;
    let host = container.get_host().await?;
    let port = container.get_host_port_ipv4(5432).await?;
    let url = Url::parse(&format!("postgres://postgres:{password}@{host}:{port}/postgres"));
    Ok((container, url.expect("a host, a port and a hexadecimal password make a URL")))
}

/// Whether a container engine answers, found out without its client library: that may wait for minutes.
pub(crate) fn engine_answers() -> bool {
    match env::var("DOCKER_HOST") {
        Ok(host) => answers_at(&host),
        Err(_) => sockets().iter().any(|socket| answers_at_socket(socket)),
    }
}

/// The places where the client library looks, too.
fn sockets() -> Vec<PathBuf> {
    let below = |variable: &str, rest: &str| {
        env::var_os(variable).map(|folder| Path::new(&folder).join(rest))
    };
    let places = [
        Some(PathBuf::from("/var/run/docker.sock")),
        below("XDG_RUNTIME_DIR", ".docker/run/docker.sock"),
        below("HOME", ".docker/run/docker.sock"),
        below("HOME", ".docker/desktop/docker.sock"),
    ];
    places.into_iter().flatten().collect()
}

fn answers_at(host: &str) -> bool {
    if let Some(path) = host.strip_prefix("unix://") {
        return answers_at_socket(Path::new(path));
    }
    let address = host.split_once("://").map_or(host, |(_, address)| address);
    let resolved = address.to_socket_addrs().ok().and_then(|mut addresses| addresses.next());
    resolved.is_some_and(|address| TcpStream::connect_timeout(&address, PING_TIMEOUT).is_ok())
}

fn answers_at_socket(socket: &Path) -> bool {
    ping(socket).is_ok_and(|answer| answer.starts_with("HTTP/1.") && answer.contains(" 200"))
}

fn ping(socket: &Path) -> std::io::Result<String> {
    let mut stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(PING_TIMEOUT))?;
    stream.write_all(b"GET /_ping HTTP/1.1\r\nHost: engine\r\nConnection: close\r\n\r\n")?;
    let mut status = [0; 15];
    stream.read_exact(&mut status)?;
    Ok(String::from_utf8_lossy(&status).into_owned())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::net::UnixListener;

    use super::*;

    fn answer_of_an_engine_that_says(reply: &'static str) -> bool {
        let socket = env::temp_dir().join(format!("engine-{}", Uuid::new_v4()));
        let listener = UnixListener::bind(&socket).unwrap();
        let engine = thread::spawn(move || {
            let (mut client, _) = listener.accept().unwrap();
            let mut request = [0; 512];
            assert!(client.read(&mut request).unwrap() > 0);
            client.write_all(reply.as_bytes()).unwrap();
        });
        let answers = answers_at(&format!("unix://{}", socket.display()));
        engine.join().unwrap();
        fs::remove_file(&socket).unwrap();
        answers
    }

    #[test]
    fn an_engine_that_answers_its_ping_is_there() {
        assert!(answer_of_an_engine_that_says("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK"));
    }

    #[test]
    fn an_engine_that_refuses_is_not_there() {
        assert!(!answer_of_an_engine_that_says("HTTP/1.1 503 Service Unavailable\r\n\r\n"));
        assert!(!answer_of_an_engine_that_says("not a word of HTTP"));
    }

    #[test]
    fn no_engine_is_at_a_socket_that_nobody_listens_on() {
        assert!(!answers_at("unix:///nowhere/engine.sock"));
    }
}
