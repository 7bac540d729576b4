//! Whom the program believes to be Twenty: whoever has a certificate of that name, valid today, from an authority that
//! it was told of. Nobody else gets a request, and so the key.

use std::{net::SocketAddr, path::PathBuf, sync::Arc};

use fake_twenty::World;
use rcgen::{BasicConstraints, Certificate, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use tempfile::TempDir;
use time::{Duration, OffsetDateTime};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{ServerConfig, pki_types::PrivateKeyDer},
};

use super::{
    equality,
    stage::{Stage, finish},
};

/// An authority, and where its certificate lies.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pub(crate) file: PathBuf,
}

impl Authority {
    pub(crate) fn found(folder: &TempDir, name: &str) -> Authority {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().unwrap();
        let file = folder.path().join(name);
        std::fs::write(&file, params.self_signed(&key).unwrap().pem()).unwrap();
        Authority { issuer: Issuer::new(params, key), file }
    }

    pub(crate) fn sign(&self, params: &CertificateParams) -> Shown {
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        Shown { certificate, key }
    }
}

/// What a server shows.
pub(crate) struct Shown {
    pub(crate) certificate: Certificate,
    pub(crate) key: KeyPair,
}

impl Shown {
    /// Signed by nobody else.
    pub(crate) fn by_itself(params: &CertificateParams) -> Shown {
        let key = KeyPair::generate().unwrap();
        Shown { certificate: params.self_signed(&key).unwrap(), key }
    }
}

/// A certificate for this name, valid between these days from now.
pub(crate) fn params(name: &str, from: i64, until: i64) -> CertificateParams {
    let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    let now = OffsetDateTime::now_utc();
    params.not_before = now + Duration::days(from);
    params.not_after = now + Duration::days(until);
    params
}

/// A door with TLS before the fake; it ends with this value.
struct Door {
    port: u16,
    task: JoinHandle<()>,
}

impl Door {
    async fn before(upstream: SocketAddr, shown: Shown) -> Door {
        let key = PrivateKeyDer::try_from(shown.key.serialize_der()).unwrap();
        let config = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(vec![shown.certificate.der().clone()], key)
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let acceptor = acceptor.clone();
                tokio::spawn(async move {
                    let Ok(mut stream) = acceptor.accept(stream).await else { return };
                    let Ok(mut server) = TcpStream::connect(upstream).await else { return };
                    let _ = copy_bidirectional(&mut stream, &mut server).await;
                });
            }
        });
        Door { port, task }
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        self.task.abort();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_certificate_of_that_name_valid_today_from_a_known_authority_gets_a_request() {
    let (stage, folder) = (Stage::set(World::sample()).await, tempfile::tempdir().unwrap());
    let (ours, another) = (Authority::found(&folder, "ours"), Authority::found(&folder, "another"));
    let good = || params("localhost", -1, 1);
    let self_signed = Shown::by_itself(&good());
    let known = Some(&ours.file);
    for (what, shown, file, is_believed) in [
        ("self-signed", self_signed, known, false),
        ("an authority that nobody named", ours.sign(&good()), None, false),
        ("another authority", another.sign(&good()), known, false),
        ("another name", ours.sign(&params("elsewhere.example", -1, 1)), known, false),
        ("expired", ours.sign(&params("localhost", -2, -1)), known, false),
        ("not valid yet", ours.sign(&params("localhost", 1, 2)), known, false),
        ("as it must be", ours.sign(&good()), known, true),
    ] {
        let door = Door::before(stage.fake.address(), shown).await;
        let mut program = stage.program();
        program.arg("--once").env("TWENTY_URL", format!("https://localhost:{}", door.port));
        program.env("TWENTY_SYNC__SOURCE__RETRY_DEADLINE", "2s").env("NO_PROXY", "localhost");
        if let Some(file) = file {
            program.env("TWENTY_SYNC__SOURCE__CA_FILE", file);
        }
        let ended = finish(&mut program).await;
        if is_believed {
            assert_eq!(ended.code, Some(0), "{what}: {ended:?}");
            continue;
        }
        assert_eq!(ended.code, Some(1), "{what}: {ended:?}");
        assert!(ended.stderr.contains("certificate"), "{what}: {ended:?}");
        assert!(ended.stderr.contains("source.ca_file adds an authority"), "{what}: {ended:?}");
        assert!(stage.fake.calls().is_empty(), "{what}: it was asked something");
    }
    equality::assert_equal(&stage).await;
}
