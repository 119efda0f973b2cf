//! The peer: Debian's docker-registry, pushed to as the OCI distribution specification says.

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
/// The config that every manifest names.
const CONFIG: &[u8] = b"{}";
/// The repository that everything is pushed to.
const UPLOADS: &str = "/v2/bench/blobs/uploads/";

/// A registry of its own.
pub struct Registry {
    pub server: Server,
    config: String,
}

impl Registry {
    /// Runs `program` with its files in the folder `dir`.
    pub async fn start(program: &Path, dir: &Path) -> Result<Self> {
        let address = free_address()?;
        let config = dir.join("registry.yml");
        fs::write(
            &config,
            configuration(&dir.join("registry"), address.port()),
        )?;
        let mut command = Command::new(program);
        command.arg("serve").arg(&config);
        let server = Server::start(&mut command, address, "/v2/").await?;
        let mut registry = Self {
            server,
            config: String::new(),
        };
        let mut connection = Connection::open(address).await?;
        let config = Bytes::from_static(CONFIG);
        registry.config = registry.put_blob(&mut connection, config).await?;
        Ok(registry)
    }

    /// Pushes a module as an image of one layer, with a tag of its own.
    pub async fn push(&self, connection: &mut Connection, n: u64, module: Bytes) -> Result<()> {
        let size_bytes = module.len();
        let digest = self.put_blob(connection, module).await?;
        let manifest = serde_json::json!({
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": {
                "mediaType": "application/vnd.oci.image.config.v1+json",
                "digest": self.config,
                "size": CONFIG.len(),
            },
            "layers": [{"mediaType": "application/wasm", "digest": digest, "size": size_bytes}],
        });
        let target = format!("/v2/bench/manifests/{n}");
        let body = manifest.to_string().into();
        let answer = connection.send(Method::PUT, &target, MANIFEST, body);
        answer.await?.expect(StatusCode::CREATED).map(drop)
    }

    async fn put_blob(&self, connection: &mut Connection, blob: Bytes) -> Result<String> {
        let digest = format!("sha256:{}", hex(&Sha256::digest(&blob)));
        let answer = connection.send(Method::POST, UPLOADS, BLOB, Bytes::new());
        let upload = answer.await?.expect(StatusCode::ACCEPTED)?;
        let location = upload.headers.get("location").ok_or("no location")?;
        // It names the host too.
        let location = location.to_str()?.parse::<hyper::Uri>()?;
        let location = location.path_and_query().ok_or("no path")?;
        let joint = if location.query().is_some() { '&' } else { '?' };
        let target = format!("{location}{joint}digest={digest}");
        let answer = connection.send(Method::PUT, &target, BLOB, blob);
        answer.await?.expect(StatusCode::CREATED)?;
        Ok(digest)
    }
}

/// Debian's /etc/docker/registry/config.yml, without keys, with the log of errors only.
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
