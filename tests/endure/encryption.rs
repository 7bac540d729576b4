//! TLS to PostgreSQL, as `sslmode` asks for it: a server that shows nothing, or what cannot be believed, gets no
//! password, and the program says what is wrong; one that shows what it must is synced with.

use std::path::Path;

use sqlx::{AssertSqlSafe, Connection, PgConnection};
use test_postgres::TestCluster;
use tokio::{sync::Mutex, time::sleep};
use url::Url;

use super::{
    certificates::{Authority, Shown, params},
    ground::Ground,
    running::POLL,
};

/// A mirror on a server of its own, and who may tell that server what it shows.
struct Encrypted {
    ground: Ground,
    admin: String,
    url: Url,
}

impl Encrypted {
    /// Nothing where this machine has no PostgreSQL to start.
    async fn lay() -> Option<Encrypted> {
        let cluster = TestCluster::start_if_installed().await?;
        let (database, admin) = (cluster.database().await, cluster.url().to_owned());
        let mut url = Url::parse(database.url()).unwrap();
        url.set_host(Some("localhost")).unwrap();
        let ground = Ground::before(database, Some(Mutex::new(cluster))).await;
        Some(Encrypted { ground, admin, url })
    }

    /// The program connects like this from now on.
    fn ask_for(&mut self, mode: &str, authority: Option<&Path>) {
        let mut url = self.url.clone();
        url.query_pairs_mut().append_pair("sslmode", mode);
        if let Some(file) = authority {
            url.query_pairs_mut().append_pair("sslrootcert", &file.to_string_lossy());
        }
        self.ground.url = Some(url.into());
    }

    /// The server shows this from now on. Its own backend writes the files, so that they belong to its user.
    async fn show(&self, shown: &Shown) {
        let (certificate, key) = (shown.certificate.pem(), shown.key.serialize_pem());
        for (text, file) in [(certificate, "server.crt"), (key, "server.key")] {
            let lines = format!("select unnest(string_to_array('{}', e'\\n'))", text.trim_end());
            let program = format!("umask 077; cat > {file}");
            self.admin(&format!("copy ({lines}) to program '{program}'")).await;
        }
        let before = self.loaded().await;
        self.admin("alter system set ssl = on").await;
        self.admin("select pg_reload_conf()").await;
        while self.loaded().await == before {
            sleep(POLL).await;
        }
    }

    async fn admin(&self, statement: &str) {
        let mut admin = PgConnection::connect(&self.admin).await.unwrap();
        let done = sqlx::raw_sql(AssertSqlSafe(statement.to_owned())).execute(&mut admin).await;
        done.unwrap_or_else(|error| panic!("{statement:.60}: {error}"));
    }

    /// When the server read its configuration, which a new session knows.
    async fn loaded(&self) -> String {
        let mut admin = PgConnection::connect(&self.admin).await.unwrap();
        let loaded = sqlx::query_scalar("select pg_conf_load_time()::text");
        loaded.fetch_one(&mut admin).await.unwrap()
    }

    /// A run fails with these words, and leaves nothing behind.
    async fn assert_refused(&self, what: &str, words: &[&str]) {
        let ended = self.ground.run().await;
        assert_eq!(ended.code, Some(1), "{what}: {ended:?}");
        for word in words {
            assert!(ended.stderr.contains(word), "{what}: no {word:?} in {ended:?}");
        }
        let made = "select count(*) from pg_namespace where nspname in ('sync', 'twenty')";
        assert_eq!(self.ground.number(made).await, 0, "{what}");
        assert!(self.ground.stage.fake.calls().is_empty(), "{what}: Twenty was asked");
    }
}

/// What a refused certificate comes to.
const REFUSED: [&str; 2] =
    ["invalid peer certificate", "sslrootcert names the file of a private authority"];

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_shows_no_certificate_or_a_wrong_one_is_refused_as_sslmode_says() {
    let Some(mut it) = Encrypted::lay().await else { return };
    let folder = tempfile::tempdir().unwrap();
    let (ours, another) = (Authority::found(&folder, "ours"), Authority::found(&folder, "another"));
    let (known, good) = (Some(ours.file.as_path()), || params("localhost", -1, 1));
    for mode in ["require", "verify-full"] {
        it.ask_for(mode, known);
        it.assert_refused(mode, &["server does not support TLS", "turn on ssl"]).await;
    }
    for (what, shown, authority) in [
        ("self-signed", Shown::by_itself(&good()), known),
        ("an authority that nobody named", ours.sign(&good()), None),
        ("another authority", another.sign(&good()), known),
        ("another name", ours.sign(&params("elsewhere.example", -1, 1)), known),
        ("expired", ours.sign(&params("localhost", -2, -1)), known),
        ("not valid yet", ours.sign(&params("localhost", 1, 2)), known),
    ] {
        it.show(&shown).await;
        it.ask_for("verify-full", authority);
        it.assert_refused(what, &REFUSED).await;
    }
    it.show(&ours.sign(&good())).await;
    it.ask_for("verify-full", Some(&folder.path().join("nowhere")));
    it.assert_refused("no file", &["No such file", "sslrootcert, sslcert, sslkey"]).await;
    it.show(&ours.sign(&params("elsewhere.example", -1, 1))).await;
    it.ask_for("verify-ca", known);
    it.ground.assert_quiet_and_equal().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_the_right_authority_everything_goes_encrypted_also_after_a_certificate_was_renewed() {
    let Some(mut it) = Encrypted::lay().await else { return };
    let folder = tempfile::tempdir().unwrap();
    let ours = Authority::found(&folder, "ours");
    it.show(&ours.sign(&params("localhost", -1, 1))).await;
    it.ask_for("verify-full", Some(&ours.file));
    it.ground.once().await;
    it.show(&ours.sign(&params("localhost", -2, -1))).await;
    let mut running = it.ground.start();
    running.says(&[&["opening_failed"], REFUSED.as_slice()].concat()).await;
    assert!(running.runs(), "{}", running.tail());
    it.show(&ours.sign(&params("localhost", -1, 1))).await;
    it.ground.crosses().await;
    let sessions = "select count(*) from pg_stat_ssl s join pg_stat_activity a using (pid) \
                    where a.application_name = 'twenty-sync'";
    assert!(it.ground.number(sessions).await > 1, "one for the lease, and others");
    assert_eq!(it.ground.number(&format!("{sessions} and not s.ssl")).await, 0);
    running.stop().await;
    it.ground.assert_quiet_and_equal().await;
}
