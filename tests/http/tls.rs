//! TLS: protocols, certificates and their reload, and clients that do not complete the handshake.

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

use super::test_server::{LONG, RawClient, TestServer, status};

/// A key and a certificate in two files.
struct KeyPairFiles {
    directory: tempfile::TempDir,
    key: PathBuf,
    certificate: PathBuf,
    /// The key pair that was written last.
    pair: CertifiedKey<rcgen::KeyPair>,
}

fn generate_pair() -> CertifiedKey<rcgen::KeyPair> {
    rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap()
}

impl KeyPairFiles {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let files = Self {
            key: directory.path().join("key.pem"),
            certificate: directory.path().join("certificate.pem"),
            directory,
            pair: generate_pair(),
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

    async fn serve(&self, limits: ServerLimits) -> TestServer {
        TestServer::start_with(limits, Some(self.load().unwrap())).await
    }

    /// Replaces both files by a rename with those of a new key pair.
    fn replace(&mut self) {
        self.pair = generate_pair();
        let new = self.directory.path().join("new");
        fs::write(&new, self.pair.signing_key.serialize_pem()).unwrap();
        fs::rename(&new, &self.key).unwrap();
        fs::write(&new, self.pair.cert.pem()).unwrap();
        fs::rename(&new, &self.certificate).unwrap();
    }
}

/// Connects as a client that trusts only the certificate `trusted`.
async fn connect(
    server: &TestServer,
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
    let socket = TcpStream::connect(server.address).await.unwrap();
    TlsConnector::from(Arc::new(config))
        .connect(name, socket)
        .await
}

async fn connect_default(
    server: &TestServer,
    trusted: &rcgen::Certificate,
) -> std::io::Result<RawClient<TlsStream<TcpStream>>> {
    let stream = connect(server, trusted, &[], rustls::ALL_VERSIONS).await?;
    Ok(RawClient(stream))
}

/// Waits until new connections get the certificate `trusted`.
async fn wait_for(server: &TestServer, trusted: &rcgen::Certificate) {
    let start = Instant::now();
    while connect_default(server, trusted).await.is_err() {
        assert!(start.elapsed() < LONG, "the certificate is not in use");
        sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn http_1_works_over_both_versions_of_tls() {
    let files = KeyPairFiles::new();
    let server = files.serve(ServerLimits::default()).await;
    for versions in [[&rustls::version::TLS12], [&rustls::version::TLS13]] {
        for protocols in [&[][..], &[b"http/1.1" as &[u8]]] {
            let stream = connect(&server, &files.pair.cert, protocols, &versions).await;
            let stream = stream.unwrap();
            assert_eq!(
                stream.get_ref().1.alpn_protocol(),
                protocols.first().copied()
            );
            let mut client = RawClient(stream);
            for _ in 0..3 {
                assert!(client.get("/").await.ends_with("hello"));
            }
            assert!(client.get("/peer").await.ends_with(" true"));
        }
    }
    server.stop().await;
}

#[tokio::test]
async fn http_2_is_preferred() {
    let files = KeyPairFiles::new();
    let server = files.serve(ServerLimits::default()).await;
    let protocols: [&[u8]; 2] = [b"http/1.1", b"h2"];
    let stream = connect(&server, &files.pair.cert, &protocols, rustls::ALL_VERSIONS).await;
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
    server.stop().await;
}

#[tokio::test]
async fn unknown_alpn_protocol_is_rejected() {
    let files = KeyPairFiles::new();
    let server = files.serve(ServerLimits::default()).await;
    let stream = connect(&server, &files.pair.cert, &[b"smtp"], rustls::ALL_VERSIONS).await;
    assert!(stream.is_err());
    server.stop().await;
}

#[tokio::test]
async fn early_refusal_reaches_a_client_that_is_still_sending() {
    let files = KeyPairFiles::new();
    let server = files.serve(ServerLimits::default()).await;
    for _ in 0..10 {
        let mut client = connect_default(&server, &files.pair.cert).await.unwrap();
        client
            .send("POST /refuse HTTP/1.1\r\nHost: a\r\nContent-Length: 4194304\r\n\r\n")
            .await;
        client.0.write_all(&vec![0; 4 << 20]).await.unwrap();
        assert_eq!(status(&client.read_response().await), "413");
        assert_eq!(client.read_to_end().await, "");
    }
    server.stop().await;
}

#[tokio::test]
async fn changed_certificate_is_used_and_connections_stay_open() {
    let mut files = KeyPairFiles::new();
    let server = files.serve(ServerLimits::default()).await;
    let mut old = connect_default(&server, &files.pair.cert).await.unwrap();
    assert_eq!(status(&old.get("/").await), "200");
    files.replace();
    wait_for(&server, &files.pair.cert).await;
    assert_eq!(status(&old.get("/").await), "200");
    // Written in place, one file after the other. The pause is longer than the interval at which the server checks the files.
    let new = generate_pair();
    fs::write(&files.certificate, new.cert.pem()).unwrap();
    sleep(Duration::from_millis(1500)).await;
    let mut between = connect_default(&server, &files.pair.cert).await.unwrap();
    fs::write(&files.key, new.signing_key.serialize_pem()).unwrap();
    wait_for(&server, &new.cert).await;
    for client in [&mut old, &mut between] {
        assert_eq!(status(&client.get("/").await), "200");
    }
    assert!(connect_default(&server, &files.pair.cert).await.is_err());
    server.stop().await;
}

#[tokio::test]
async fn unusable_files_do_not_replace_the_certificate() {
    let mut files = KeyPairFiles::new();
    let server = files.serve(ServerLimits::default()).await;
    let pem = files.pair.cert.pem();
    fs::write(&files.certificate, &pem[..pem.len() / 2]).unwrap();
    sleep(Duration::from_millis(1500)).await;
    let mut client = connect_default(&server, &files.pair.cert).await.unwrap();
    assert_eq!(status(&client.get("/").await), "200");
    fs::remove_file(&files.key).unwrap();
    sleep(Duration::from_millis(1500)).await;
    let mut client = connect_default(&server, &files.pair.cert).await.unwrap();
    assert_eq!(status(&client.get("/").await), "200");
    files.replace();
    wait_for(&server, &files.pair.cert).await;
    server.stop().await;
}

#[test]
fn one_file_may_contain_key_and_certificate() {
    let files = KeyPairFiles::new();
    let both = files.pair.cert.pem() + &files.pair.signing_key.serialize_pem();
    fs::write(&files.key, both).unwrap();
    assert!(Tls::load(&files.key, &files.key).is_ok());
}

#[test]
fn errors_name_the_file_and_the_cause() {
    let files = KeyPairFiles::new();
    let (key, certificate) = (files.key.display(), files.certificate.display());
    let write_key = |text: &str| fs::write(&files.key, text).unwrap();
    let write_certificate = |text: &str| fs::write(&files.certificate, text).unwrap();
    let good = files.pair.signing_key.serialize_pem();

    write_key(&generate_pair().signing_key.serialize_pem());
    assert_eq!(
        files.error(),
        format!("the key in {key} does not match the certificate in {certificate}")
    );
    write_key(&files.pair.cert.pem());
    assert_eq!(files.error(), format!("no private key in {key}"));
    write_key(&good.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY"));
    assert_eq!(
        files.error(),
        format!(
            "the private key in {key} is encrypted: decrypt it, for example with `openssl pkey`"
        )
    );
    // The older format has the same label as a key in plain text.
    let header = "PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n";
    write_key(&good.replacen("PRIVATE KEY-----", header, 1));
    assert!(files.error().contains("is encrypted: "));
    write_key(&good[..good.len() / 2]);
    assert_eq!(files.error(), format!("{key} is not a PEM file"));
    write_key("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n");
    assert_eq!(
        files.error(),
        format!(
            "the key in {key} and the certificate in {certificate} do not form a usable TLS key pair"
        )
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
    assert!(!format!("{:?}", KeyPairFiles::new().load().unwrap()).contains("PRIVATE"));
}

#[tokio::test]
async fn silent_clients_and_plain_http_do_not_block_others() {
    let files = KeyPairFiles::new();
    let server = files
        .serve(ServerLimits {
            header_timeout: Duration::from_secs(1),
            ..ServerLimits::default()
        })
        .await;
    let mut without_handshake = Vec::new();
    for _ in 0..50 {
        without_handshake.push(server.connect().await);
        let mut plain = server.connect().await;
        let _ = plain
            .0
            .write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            .await;
        without_handshake.push(plain);
    }
    let mut client = connect_default(&server, &files.pair.cert).await.unwrap();
    assert_eq!(status(&client.get("/").await), "200");
    for client in &mut without_handshake {
        client.read_to_end().await;
    }
    assert_eq!(status(&client.get("/").await), "200");
    server.stop().await;
}

#[tokio::test]
async fn connection_above_the_limit_is_closed() {
    let files = KeyPairFiles::new();
    let server = files
        .serve(ServerLimits {
            connections_max: 1,
            ..ServerLimits::default()
        })
        .await;
    let mut client = connect_default(&server, &files.pair.cert).await.unwrap();
    for _ in 0..20 {
        assert!(connect_default(&server, &files.pair.cert).await.is_err());
    }
    assert_eq!(status(&client.get("/").await), "200");
    drop(client);
    wait_for(&server, &files.pair.cert).await;
    server.stop().await;
}
