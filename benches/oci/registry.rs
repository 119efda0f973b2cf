//! A registry: wasmstore, or docker-registry.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use hyper::body::Bytes;
use hyper::{Method, StatusCode};
use sha2::{Digest as _, Sha256};

use crate::Result;
use crate::http::{Connection, Response};
use crate::servers::{Server, free_address};

const BLOB: &str = "application/octet-stream";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// The config blob of every manifest.
const CONFIG: &[u8] = b"{}";
/// The number of repositories.
const REPOSITORIES: u64 = 64;

/// A running registry.
pub struct Registry {
    pub name: &'static str,
    pub server: Server,
    /// The number of the next module.
    next: AtomicU64,
    /// The repositories and digests of pushed modules, by size in bytes.
    pushed: Mutex<Vec<(usize, u64, String)>>,
    config_digest: String,
}

impl Registry {
    /// Runs `program` as a server of a new store in the directory `dir`.
    pub async fn wasmstore(program: &Path, dir: &Path) -> Result<Self> {
        let address = free_address()?;
        let mut command = Command::new(program);
        command.arg("--quiet").arg("--root").arg(root(dir));
        command.args(["server", "--port", &address.port().to_string()]);
        let server = Server::start(&mut command, address, "/v2/").await?;
        Self::prepare("wasmstore", server).await
    }

    /// Runs docker-registry with its files in the directory `dir`.
    pub async fn docker(program: &Path, dir: &Path) -> Result<Self> {
        let address = free_address()?;
        let (config_file, files) = (dir.join("registry.yml"), dir.join("registry"));
        let (port, files) = (address.port(), files.display());
        // Debian's /etc/docker/registry/config.yml, without keys, and with a log of errors only.
        let configuration = format!(
            "version: 0.1\nlog: {{level: error, accesslog: {{disabled: true}}}}\nstorage:\n  cache: {{blobdescriptor: inmemory}}\n  \
             filesystem: {{rootdirectory: {files}}}\n  delete: {{enabled: true}}\nhttp:\n  addr: 127.0.0.1:{port}\n  secret: bench\n"
        );
        std::fs::write(&config_file, configuration)?;
        let mut command = Command::new(program);
        command.arg("serve").arg(&config_file);
        let server = Server::start(&mut command, address, "/v2/").await?;
        Self::prepare("docker-registry", server).await
    }

    async fn prepare(name: &'static str, server: Server) -> Result<Self> {
        let registry = Self {
            name,
            server,
            next: AtomicU64::new(0),
            pushed: Mutex::default(),
            config_digest: digest_of(CONFIG),
        };
        let mut connection = Connection::open(registry.server.address).await?;
        for n in 0..REPOSITORIES {
            let blob = Bytes::from_static(CONFIG);
            registry
                .put_blob(
                    &mut connection,
                    &repository(n),
                    blob,
                    &registry.config_digest,
                )
                .await?;
        }
        Ok(registry)
    }

    /// Returns the number of a module that was not pushed yet.
    pub fn next(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    /// Pushes the module `n` with its own tag.
    pub async fn push(&self, connection: &mut Connection, n: u64, module: Bytes) -> Result<()> {
        let (size_bytes, digest, repository) = (module.len(), digest_of(&module), repository(n));
        self.put_blob(connection, &repository, module, &digest)
            .await?;
        let manifest = serde_json::json!({
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": {
                "mediaType": "application/vnd.oci.empty.v1+json",
                "digest": self.config_digest,
                "size": CONFIG.len(),
            },
            "layers": [{"mediaType": "application/wasm", "digest": digest, "size": size_bytes}],
        });
        let target = format!("/v2/{repository}/manifests/v{n}");
        let response = connection.send(Method::PUT, &target, MANIFEST, manifest.to_string().into());
        response.await?.expect(StatusCode::CREATED)?;
        self.pushed().push((size_bytes, n, digest));
        Ok(())
    }

    /// Gets the blob of a pushed module by its URL.
    pub async fn pull(
        &self,
        connection: &mut Connection,
        url: &str,
        size_bytes: usize,
    ) -> Result<()> {
        let response = connection.send(Method::GET, url, BLOB, Bytes::new());
        let body = response.await?.expect(StatusCode::OK)?.body;
        if body.len() != size_bytes {
            return Err(format!("{} bytes instead of {size_bytes}", body.len()).into());
        }
        Ok(())
    }

    /// Uploads a blob in two requests.
    async fn put_blob(
        &self,
        connection: &mut Connection,
        repository: &str,
        blob: Bytes,
        digest: &str,
    ) -> Result<Response> {
        let target = format!("/v2/{repository}/blobs/uploads/");
        let begun = connection.send(Method::POST, &target, BLOB, Bytes::new());
        let begun = begun.await?.expect(StatusCode::ACCEPTED)?;
        let location = begun.headers.get("location").ok_or("no location")?;
        // The URL may contain the host too.
        let url = location.to_str()?.parse::<hyper::Uri>()?;
        let path = url.path_and_query().ok_or("no path")?;
        let separator = if path.query().is_some() { '&' } else { '?' };
        let target = format!("{path}{separator}digest={digest}");
        let response = connection.send(Method::PUT, &target, BLOB, blob);
        response.await?.expect(StatusCode::CREATED)
    }

    /// Kills wasmstore, and checks that a new server has every acknowledged tag. Returns a summary.
    pub async fn check(mut self, program: &Path, dir: &Path) -> Result<String> {
        self.server.kill()?;
        let again = Self::wasmstore(program, dir).await?;
        let pushed = std::mem::take(&mut *self.pushed());
        let mut connection = Connection::open(again.server.address).await?;
        for (_, n, digest) in &pushed {
            let target = format!("/v2/{}/manifests/v{n}", repository(*n));
            let found = connection.send(Method::GET, &target, BLOB, Bytes::new());
            let manifest = found.await?.expect(StatusCode::OK)?.body;
            if !String::from_utf8_lossy(&manifest).contains(digest) {
                return Err(format!("LOST: tag v{n} has the manifest {manifest:?}").into());
            }
        }
        let fsck = Command::new("git")
            .args(["-c", "safe.directory=*", "--git-dir"])
            .arg(root(dir))
            .args([
                "fsck",
                "--strict",
                "--full",
                "--no-dangling",
                "--no-progress",
            ])
            .output()?;
        if !fsck.status.success() {
            return Err(String::from_utf8_lossy(&fsck.stderr).into_owned().into());
        }
        Ok(format!(
            "{} acknowledged tags are there after SIGKILL; git fsck --strict --full found no errors",
            pushed.len()
        ))
    }

    /// Returns the URLs of the blobs of at most `count` pushed modules of a size.
    pub fn urls(&self, size_bytes: usize, count: usize) -> Vec<String> {
        let pushed = self.pushed();
        let of_size = pushed.iter().filter(|(size, ..)| *size == size_bytes);
        of_size
            .take(count)
            .map(|(_, n, digest)| format!("/v2/{}/blobs/{digest}", repository(*n)))
            .collect()
    }

    fn pushed(&self) -> std::sync::MutexGuard<'_, Vec<(usize, u64, String)>> {
        self.pushed.lock().expect("no thread panics")
    }
}

fn root(dir: &Path) -> PathBuf {
    dir.join("store")
}

fn repository(n: u64) -> String {
    format!("bench/{:02x}", n % REPOSITORIES)
}

fn digest_of(bytes: &[u8]) -> String {
    let hex: String = (Sha256::digest(bytes).iter())
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!("sha256:{hex}")
}
