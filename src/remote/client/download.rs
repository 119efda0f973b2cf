//! Downloads modules, and resumes broken downloads.

use std::io::{self, Read};
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use ureq::BodyReader;
use ureq::http::header::{CONTENT_LENGTH, IF_MATCH, RANGE};

use super::request::{Client, in_path};
use super::response::{header_text, response_commit};
use crate::names::{Digest, HashRef, ModuleHash, ModulePath, ModuleRef};
use crate::remote::error::{Error, Result};
use crate::store::{BlobHasher, ErrorKind, Hashing, Revision};
use crate::wire::MissingName;

/// The delay before the first attempt to resume a broken download. It doubles with each further attempt.
const DELAY_FIRST: Duration = Duration::from_millis(250);

/// After this many received bytes since the last reset, the number of attempts to resume the download is reset to 0, and with it the delay.
const PROGRESS_BYTES: u64 = 64 << 10;

impl Client {
    /// Sends the request for a module, and returns a reader of its bytes.
    pub(super) fn download(&self, revision: &Revision, name: &ModuleRef) -> Result<Download<'_>> {
        let download = Download::begin(self, revision, &format!("/module/{}", in_path(name)))?;
        match name {
            ModuleRef::Hash(requested) if !download.is(requested) => {
                Err(self.invalid_response(format!("it sent a module other than {requested}")))
            }
            _ => Ok(download),
        }
    }

    /// Downloads the module at `path`. Fails if its hash is not `hash`.
    pub(super) fn download_bytes(
        &self,
        revision: &Revision,
        path: &ModulePath,
        hash: ModuleHash,
    ) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let mut download = self.download(revision, &ModuleRef::Path(path.clone()))?;
        if download.hash != hash {
            return Err(self.invalid_response(format!("it sent a module other than {hash}")));
        }
        match download.read_to_end(&mut bytes) {
            Ok(_) => Ok(bytes),
            Err(error) => Err(error
                .downcast()
                .unwrap_or_else(|error| self.unreachable(&error))),
        }
    }

    /// Requests the hash of a module. If the first request does not find a digest, makes a second one to the endpoint `/hash`: only this
    /// endpoint finds a module by the digest of its OCI manifest.
    pub(super) fn hash_of(&self, revision: &Revision, name: &ModuleRef) -> Result<ModuleHash> {
        let found = self.module_hash(revision, name);
        match (&found, name) {
            (Err(Error::Refused(response)), ModuleRef::Hash(HashRef::Digest(_)))
                if response.kind() == ErrorKind::NotFound =>
            {
                let request = self.get(&format!("/hash/{}", in_path(name)), revision);
                match self.text(request) {
                    Ok(text) => self.parse(&text.value, ModuleHash::parse),
                    // The first response has the more specific error.
                    Err(_) => found,
                }
            }
            _ => found,
        }
    }

    fn module_hash(&self, revision: &Revision, name: &ModuleRef) -> Result<ModuleHash> {
        // The request is a GET and not a HEAD, because only the response to GET has a body, and the body says which name is missing.
        let request = self.get(&format!("/module/{}", in_path(name)), revision);
        let response = self.send(request.header(RANGE, "bytes=0-0"))?;
        let header = response.headers().get("wasmstore-hash");
        let hash = header.and_then(|value| value.to_str().ok());
        self.parse(hash.unwrap_or_default(), ModuleHash::parse)
    }

    /// Returns the hash of a module, or `None` if there is no such module. A missing branch or commit is an error.
    pub(super) fn hash_if_any(
        &self,
        revision: &Revision,
        name: &ModuleRef,
    ) -> Result<Option<ModuleHash>> {
        match self.module_hash(revision, name) {
            Ok(hash) => Ok(Some(hash)),
            Err(Error::Refused(response))
                if response.kind() == ErrorKind::NotFound
                    && matches!(
                        response.missing,
                        Some(MissingName::Module(_) | MissingName::Directory(_))
                    ) =>
            {
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }
}

/// A module whose bytes are downloaded while the caller reads them. A broken download is resumed with a range request (RFC 9110, section
/// 14). At the end, the hash and the SHA-256 of the bytes are compared with the values that the server announced.
pub(super) struct Download<'c> {
    client: &'c Client,
    /// The path of the URL below `/api/v1`.
    path: String,
    /// The commit in the first response, or the requested revision if the response has no commit. A resumed download reads the module from
    /// this commit or revision.
    revision: Revision,
    /// The hash of the module, from the first response.
    pub hash: ModuleHash,
    /// The length of the module in bytes, from the first response.
    pub size_bytes: u64,
    digest: Digest,
    received_bytes: u64,
    /// The hash and the SHA-256 of the bytes received so far; `None` after the comparison at the end.
    hashing: Option<(BlobHasher, Hashing)>,
    body: Option<BodyReader<'static>>,
    /// The number of attempts to resume the download since the last reset.
    attempts: u32,
    /// The value of `received_bytes` when `attempts` was last reset.
    counted_from_bytes: u64,
}

impl<'c> Download<'c> {
    fn begin(client: &'c Client, revision: &Revision, path: &str) -> Result<Self> {
        let response = client.send(client.get(path, revision))?;
        let headers = response.headers();
        let hash = client.parse(header_text(headers, "wasmstore-hash"), ModuleHash::parse)?;
        let digest = client.parse(header_text(headers, "wasmstore-digest"), Digest::parse)?;
        let size_bytes = header_text(headers, CONTENT_LENGTH.as_str()).parse();
        let size_bytes =
            size_bytes.map_err(|_| client.invalid_response("it sent no Content-Length"))?;
        Ok(Self {
            client,
            path: path.to_owned(),
            revision: response_commit(headers).map_or_else(|| revision.clone(), Revision::Commit),
            hash,
            size_bytes,
            digest,
            received_bytes: 0,
            hashing: Some((BlobHasher::new(size_bytes, hash), Hashing::default())),
            body: Some(reader(response.into_body())),
            attempts: 0,
            counted_from_bytes: 0,
        })
    }

    /// Requests the rest of the module: the bytes that have not been received yet.
    fn request_rest(&mut self) -> Result<BodyReader<'static>> {
        let request = self
            .client
            .get(&self.path, &self.revision)
            .header(RANGE, format!("bytes={}-", self.received_bytes))
            .header(IF_MATCH, format!("\"{}\"", self.hash));
        let response = self.client.send(request)?;
        let range = header_text(response.headers(), "content-range");
        if !range.starts_with(&format!("bytes {}-", self.received_bytes)) {
            let reason = format!("it returned the range {range:?} instead of the requested one");
            return Err(self.client.invalid_response(reason));
        }
        Ok(reader(response.into_body()))
    }

    /// Reads the next bytes of the module into `buffer`; returns their number, or 0 at the end of the module.
    fn next(&mut self, buffer: &mut [u8]) -> Result<usize> {
        loop {
            let read = match &mut self.body {
                Some(body) => body
                    .read(buffer)
                    .map_err(|error| self.client.unreachable(&error)),
                None => Ok(0),
            };
            match read {
                Ok(0) if self.received_bytes == self.size_bytes => {
                    return self.compare_hashes().map(|()| 0);
                }
                Ok(n) if n as u64 > self.size_bytes - self.received_bytes => {
                    let reason = "it sent more bytes of a module than it announced";
                    return Err(self.client.invalid_response(reason));
                }
                Ok(n) if n > 0 => {
                    self.received_bytes += n as u64;
                    if let Some((hash, digest)) = &mut self.hashing {
                        hash.update(&buffer[..n]);
                        digest.update(&buffer[..n]);
                    }
                    return Ok(n);
                }
                Ok(_) => {
                    let end = io::Error::from(io::ErrorKind::UnexpectedEof);
                    self.resume(self.client.unreachable(&end))?;
                }
                Err(error) => self.resume(error)?,
            }
        }
    }

    /// Resumes the download after the failure `cause`. Returns `cause` if there were too many attempts.
    fn resume(&mut self, cause: Error) -> Result<()> {
        self.body = None;
        // The connection broke, so the next request is sent on a new one.
        self.client.may_be_idle.store(false, Ordering::Relaxed);
        if self.received_bytes >= self.counted_from_bytes + PROGRESS_BYTES {
            (self.counted_from_bytes, self.attempts) = (self.received_bytes, 0);
        }
        if self.attempts == self.client.limits.download_attempts_max {
            return Err(cause);
        }
        thread::sleep(DELAY_FIRST * (1 << self.attempts));
        self.attempts += 1;
        tracing::debug!(
            error = crate::store::chain(&cause),
            received_bytes = self.received_bytes,
            "resuming a download"
        );
        match self.request_rest() {
            Ok(body) => self.body = Some(body),
            // After an error response, another attempt is made only if the server was busy.
            Err(Error::Refused(response)) if response.kind() != ErrorKind::Busy => {
                return Err(Error::Refused(response));
            }
            Err(error) => {
                tracing::debug!(
                    error = crate::store::chain(&error),
                    "cannot resume a download"
                );
            }
        }
        Ok(())
    }

    fn compare_hashes(&mut self) -> Result<()> {
        let Some((hash, digest)) = self.hashing.take() else {
            return Ok(());
        };
        let is_hash = hash.finish() == Some(self.hash);
        if is_hash && Digest::from_bytes(digest.finish()) == self.digest {
            return Ok(());
        }
        let reason = format!("the bytes that it sent are not the module {}", self.hash);
        Err(self.client.invalid_response(reason))
    }

    /// Returns whether the module in the response has the requested hash or digest.
    fn is(&self, requested: &HashRef) -> bool {
        match requested {
            HashRef::Hash40(hash) => self.hash == *hash,
            HashRef::Hex64(bytes) => {
                self.hash.as_bytes() == bytes || self.digest.as_bytes() == bytes
            }
            HashRef::Digest(digest) => self.digest == *digest,
        }
    }
}

/// If a request fails, `read` returns an [`io::Error`] that contains this subsystem's [`Error`].
impl Read for Download<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        self.next(buffer).map_err(io::Error::other)
    }
}

fn reader(body: ureq::Body) -> BodyReader<'static> {
    body.into_with_config().limit(u64::MAX).reader()
}
