//! The registry for comparison: Debian's docker-registry, with pushes as in the OCI distribution specification.

use std::fs;
use std::path::Path;
use std::process::Command;

use hyper::body::Bytes;
use hyper::{Method, StatusCode};
use sha2::{Digest as _, Sha256};

use crate::Result;
use crate::http::Connection;
use crate::servers::{Server, free_address};

const BLOB: &str = "application/octet-stream";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// The config blob of every manifest.
const CONFIG: &[u8] = b"{}";
/// The upload URL of the repository that receives all pushes.
const UPLOADS: &str = "/v2/bench/blobs/uploads/";

/// A running registry.
pub struct Registry {
    pub server: Server,
    /// The digest of [`CONFIG`].
    config_digest: String,
}

impl Registry {
    /// Runs `program` with its files in the directory `dir`.
    pub async fn start(program: &Path, dir: &Path) -> Result<Self> {
        let address = free_address()?;
        let config_file = dir.join("registry.yml");
        fs::write(
            &config_file,
            configuration(&dir.join("registry"), address.port()),
        )?;
        let mut command = Command::new(program);
        command.arg("serve").arg(&config_file);
        let server = Server::start(&mut command, address, "/v2/").await?;
        let mut registry = Self {
            server,
            config_digest: String::new(),
        };
        let mut connection = Connection::open(address).await?;
        registry.config_digest = registry
            .put_blob(&mut connection, Bytes::from_static(CONFIG))
            .await?;
        Ok(registry)
    }

    /// Pushes a module as an image with one layer and its own tag.
    pub async fn push(&self, connection: &mut Connection, n: u64, module: Bytes) -> Result<()> {
        let size_bytes = module.len();
        let digest = self.put_blob(connection, module).await?;
        let manifest = serde_json::json!({
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": {
                "mediaType": "application/vnd.oci.image.config.v1+json",
                "digest": self.config_digest,
                "size": CONFIG.len(),
            },
            "layers": [{"mediaType": "application/wasm", "digest": digest, "size": size_bytes}],
        });
        let target = format!("/v2/bench/manifests/{n}");
        let body = manifest.to_string().into();
        let response = connection.send(Method::PUT, &target, MANIFEST, body);
        response.await?.expect(StatusCode::CREATED).map(drop)
    }

    /// Uploads a blob, and returns its digest.
    async fn put_blob(&self, connection: &mut Connection, blob: Bytes) -> Result<String> {
        let digest = format!("sha256:{}", hex(&Sha256::digest(&blob)));
        let response = connection.send(Method::POST, UPLOADS, BLOB, Bytes::new());
        let upload = response.await?.expect(StatusCode::ACCEPTED)?;
        let location = upload.headers.get("location").ok_or("no location")?;
        // The URL contains the host too.
        let url = location.to_str()?.parse::<hyper::Uri>()?;
        let path = url.path_and_query().ok_or("no path")?;
        let separator = if path.query().is_some() { '&' } else { '?' };
        let target = format!("{path}{separator}digest={digest}");
        let response = connection.send(Method::PUT, &target, BLOB, blob);
        response.await?.expect(StatusCode::CREATED)?;
        Ok(digest)
    }
}

/// Returns Debian's /etc/docker/registry/config.yml, without keys, and with a log of errors only.
fn configuration(root: &Path, port: u16) -> String {
    format!(
        "\
version: 0.1
log:
  level: error
  accesslog:
    disabled: true
storage:
  cache:
    blobdescriptor: inmemory
  filesystem:
    rootdirectory: {}
  delete:
    enabled: true
http:
  addr: 127.0.0.1:{port}
  headers:
    X-Content-Type-Options: [nosniff]
health:
  storagedriver:
    enabled: true
    interval: 10s
    threshold: 3
",
        root.display()
    )
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
