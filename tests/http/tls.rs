//! TLS: which protocol, which certificate, and what does not disturb it.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Bytes;
use axum::http::Request;
use http_body_util::{BodyExt as _, Empty};
use hyper::client::conn::http2::handshake;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rcgen::CertifiedKey;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::time::sleep;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{self, ClientConfig, RootCertStore, SupportedProtocolVersion};
use wasmstore::config::ServerLimits;
use wasmstore::http::{Tls, TlsError};

use super::served::{Client, LONG, Served, status};

/// A key and a certificate in two files.
struct Files {
    folder: tempfile::TempDir,
    key: PathBuf,
    certificate: PathBuf,
    /// What was put there last.
    pair: CertifiedKey<rcgen::KeyPair>,
}

fn pair() -> CertifiedKey<rcgen::KeyPair> {
    rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap()
}

impl Files {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let files = Self {
            key: folder.path().join("key.pem"),
            certificate: folder.path().join("certificate.pem"),
            folder,
            pair: pair(),
        };
        fs::write(&files.key, files.pair.signing_key.serialize_pem()).unwrap();
        fs::write(&files.certificate, files.pair.cert.pem()).unwrap();
        files
    }

    fn load(&self) -> Result<Tls, TlsError> {
        Tls::load(&self.key, &self.certificate)
    }

    fn error(&self) -> String {
        self.load().unwrap_err().to_string()
    }

    async fn serve(&self, limits: ServerLimits) -> Served {
        Served::start_with(limits, Some(self.load().unwrap())).await
    }

    /// Puts a new pair in place, each file by a rename.
    fn replace(&mut self) {
        self.pair = pair();
        let new = self.folder.path().join("new");
        fs::write(&new, self.pair.signing_key.serialize_pem()).unwrap();
        fs::rename(&new, &self.key).unwrap();
        fs::write(&new, self.pair.cert.pem()).unwrap();
        fs::rename(&new, &self.certificate).unwrap();
    }
}

/// Connects as a client that trusts this certificate only.
async fn connect(
    served: &Served,
    trusted: &rcgen::Certificate,
    protocols: &[&[u8]],
    versions: &[&'static SupportedProtocolVersion],
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.der().clone()).unwrap();
    let provider = Arc::new(ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
    let name = ServerName::try_from("localhost").unwrap();
    let socket = TcpStream::connect(served.address).await.unwrap();
    TlsConnector::from(Arc::new(config))
        .connect(name, socket)
        .await
}

async fn connect_simply(
    served: &Served,
    trusted: &rcgen::Certificate,
) -> std::io::Result<Client<TlsStream<TcpStream>>> {
    let stream = connect(served, trusted, &[], rustls::ALL_VERSIONS).await?;
    Ok(Client(stream))
}

/// Waits until new connections get this certificate.
async fn wait_for(served: &Served, trusted: &rcgen::Certificate) {
    let start = Instant::now();
    while connect_simply(served, trusted).await.is_err() {
        assert!(start.elapsed() < LONG, "the certificate is not taken up");
        sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn http_1_over_both_versions_of_tls() {
    let files = Files::new();
    let served = files.serve(ServerLimits::default()).await;
    for versions in [[&rustls::version::TLS12], [&rustls::version::TLS13]] {
        for protocols in [&[][..], &[b"http/1.1" as &[u8]]] {
            let stream = connect(&served, &files.pair.cert, protocols, &versions).await;
            let stream = stream.unwrap();
            assert_eq!(
                stream.get_ref().1.alpn_protocol(),
                protocols.first().copied()
            );
            let mut client = Client(stream);
            for _ in 0..3 {
                assert!(client.get("/").await.ends_with("hello"));
            }
            assert!(client.get("/peer").await.ends_with(" true"));
        }
    }
    served.stop().await;
}

#[tokio::test]
async fn http_2_is_preferred() {
    let files = Files::new();
    let served = files.serve(ServerLimits::default()).await;
    let protocols: [&[u8]; 2] = [b"http/1.1", b"h2"];
    let stream = connect(&served, &files.pair.cert, &protocols, rustls::ALL_VERSIONS).await;
    let stream = stream.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let (mut sender, connection) = handshake(TokioExecutor::new(), TokioIo::new(stream))
        .await
        .unwrap();
    tokio::spawn(connection);
    for _ in 0..3 {
        let request = Request::get("https://localhost/").body(Empty::<Bytes>::new());
        let response = sender.send_request(request.unwrap()).await.unwrap();
        assert_eq!(response.version(), axum::http::Version::HTTP_2);
        let body = response.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(body, "hello");
    }
    served.stop().await;
}

#[tokio::test]
async fn another_protocol_is_refused() {
    let files = Files::new();
    let served = files.serve(ServerLimits::default()).await;
    let stream = connect(&served, &files.pair.cert, &[b"smtp"], rustls::ALL_VERSIONS).await;
    assert!(stream.is_err());
    served.stop().await;
}

#[tokio::test]
async fn an_early_refusal_reaches_a_client_that_still_sends() {
    let files = Files::new();
    let served = files.serve(ServerLimits::default()).await;
    for _ in 0..10 {
        let mut client = connect_simply(&served, &files.pair.cert).await.unwrap();
        client
            .send("POST /refuse HTTP/1.1\r\nHost: a\r\nContent-Length: 4194304\r\n\r\n")
            .await;
        client.0.write_all(&vec![0; 4 << 20]).await.unwrap();
        assert_eq!(status(&client.answer().await), "413");
        assert_eq!(client.rest().await, "");
    }
    served.stop().await;
}

#[tokio::test]
async fn a_changed_certificate_is_taken_up_and_connections_stay() {
    let mut files = Files::new();
    let served = files.serve(ServerLimits::default()).await;
    let mut old = connect_simply(&served, &files.pair.cert).await.unwrap();
    assert_eq!(status(&old.get("/").await), "200");
    files.replace();
    wait_for(&served, &files.pair.cert).await;
    assert_eq!(status(&old.get("/").await), "200");
    // Written in place, one file after the other.
    let new = pair();
    fs::write(&files.certificate, new.cert.pem()).unwrap();
    sleep(Duration::from_millis(1500)).await;
    let mut between = connect_simply(&served, &files.pair.cert).await.unwrap();
    fs::write(&files.key, new.signing_key.serialize_pem()).unwrap();
    wait_for(&served, &new.cert).await;
    for client in [&mut old, &mut between] {
        assert_eq!(status(&client.get("/").await), "200");
    }
    assert!(connect_simply(&served, &files.pair.cert).await.is_err());
    served.stop().await;
}

#[tokio::test]
async fn a_broken_change_keeps_the_old_certificate() {
    let mut files = Files::new();
    let served = files.serve(ServerLimits::default()).await;
    let pem = files.pair.cert.pem();
    fs::write(&files.certificate, &pem[..pem.len() / 2]).unwrap();
    sleep(Duration::from_millis(1500)).await;
    let mut client = connect_simply(&served, &files.pair.cert).await.unwrap();
    assert_eq!(status(&client.get("/").await), "200");
    fs::remove_file(&files.key).unwrap();
    sleep(Duration::from_millis(1500)).await;
    let mut client = connect_simply(&served, &files.pair.cert).await.unwrap();
    assert_eq!(status(&client.get("/").await), "200");
    files.replace();
    wait_for(&served, &files.pair.cert).await;
    served.stop().await;
}

#[test]
fn one_file_may_hold_both() {
    let files = Files::new();
    let both = files.pair.cert.pem() + &files.pair.signing_key.serialize_pem();
    fs::write(&files.key, both).unwrap();
    assert!(Tls::load(&files.key, &files.key).is_ok());
}

#[test]
fn what_is_wrong_is_said_in_one_line() {
    let files = Files::new();
    let (key, certificate) = (files.key.display(), files.certificate.display());
    let write_key = |text: &str| fs::write(&files.key, text).unwrap();
    let write_certificate = |text: &str| fs::write(&files.certificate, text).unwrap();
    let good = files.pair.signing_key.serialize_pem();

    write_key(&pair().signing_key.serialize_pem());
    assert_eq!(
        files.error(),
        format!("the key in {key} does not belong to the certificate in {certificate}")
    );
    write_key(&files.pair.cert.pem());
    assert_eq!(files.error(), format!("no private key in {key}"));
    write_key(&good.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY"));
    assert_eq!(
        files.error(),
        format!("the private key in {key} is encrypted")
    );
    write_key(&good[..good.len() / 2]);
    assert_eq!(files.error(), format!("{key} is not a PEM file"));
    write_key("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n");
    assert_eq!(
        files.error(),
        format!("the key in {key} and the certificate in {certificate} cannot be used")
    );
    write_key(&good);
    write_certificate("");
    assert_eq!(files.error(), format!("no certificate in {certificate}"));
    write_certificate(&"x".repeat(2 << 20));
    assert!(
        files
            .error()
            .starts_with(&format!("{certificate} is not a PEM file: it is larger"))
    );
    fs::remove_file(&files.certificate).unwrap();
    assert_eq!(files.error(), format!("cannot read {certificate}"));
    assert!(!format!("{:?}", Files::new().load().unwrap()).contains("PRIVATE"));
}

#[tokio::test]
async fn silence_and_rubbish_disturb_nobody() {
    let files = Files::new();
    let served = files
        .serve(ServerLimits {
            header_timeout: Duration::from_millis(400),
            ..ServerLimits::default()
        })
        .await;
    let mut silent = Vec::new();
    for _ in 0..50 {
        silent.push(served.connect().await);
        let mut rubbish = served.connect().await;
        let _ = rubbish
            .0
            .write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            .await;
        silent.push(rubbish);
    }
    let mut client = connect_simply(&served, &files.pair.cert).await.unwrap();
    assert_eq!(status(&client.get("/").await), "200");
    for client in &mut silent {
        client.rest().await;
    }
    assert_eq!(status(&client.get("/").await), "200");
    served.stop().await;
}

#[tokio::test]
async fn one_connection_too_many_is_closed() {
    let files = Files::new();
    let served = files
        .serve(ServerLimits {
            connections_max: 1,
            ..ServerLimits::default()
        })
        .await;
    let mut client = connect_simply(&served, &files.pair.cert).await.unwrap();
    for _ in 0..20 {
        assert!(connect_simply(&served, &files.pair.cert).await.is_err());
    }
    assert_eq!(status(&client.get("/").await), "200");
    drop(client);
    wait_for(&served, &files.pair.cert).await;
    served.stop().await;
}
