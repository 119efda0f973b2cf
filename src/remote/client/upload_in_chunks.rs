//! Uploads large files in chunks. If the connection breaks, continues the upload with the bytes that the server has not received. If this
//! process is killed, the next one that uploads the same bytes continues, because the server finds the upload by the digest of the file.

use std::thread;
use std::time::Duration;

use ureq::SendBody;
use ureq::http::header::{CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, EXPECT, LOCATION, RANGE};
use ureq::http::{HeaderMap, Method};

use super::checked_file::CheckedFile;
use super::request::{Client, in_path};
use super::response::{header_text, response_commit};
use crate::names::{Digest, ModuleHash, ModulePath, ModuleRef};
use crate::remote::error::{Error, Result};
use crate::remote::module_source::SeekableRead;
use crate::remote::operations::StoreOperations as _;
use crate::store::{Change, PathConditions, Published, Revision};
use crate::wire::encode_query_value;

/// The minimum size of a file that is uploaded in chunks, in bytes. A smaller file is sent in one request.
pub(super) const SIZE_BYTES_MIN: u64 = 8 << 20;

/// The size of a chunk, in bytes. Some proxies buffer a whole request before they forward it. If the connection breaks, such a proxy loses
/// at most one chunk.
const CHUNK_BYTES: u64 = 8 << 20;

/// The maximum number of uploads that are begun for one file. A second upload is needed if the server lost the first one in a restart, or
/// if a load balancer sends the requests to several servers.
const UPLOADS_MAX: usize = 2;

/// The delay before the first attempt to continue a broken upload. It doubles with each further attempt without progress.
const DELAY_FIRST: Duration = Duration::from_millis(250);

/// The longest delay between two attempts to continue a broken upload.
const DELAY_MAX: Duration = Duration::from_secs(8);

/// How an upload in chunks has ended, unless it failed.
enum UploadEnd {
    /// The module is stored.
    Stored(Published<ModuleHash>),
    /// The server does not know the upload any more.
    Lost,
    /// The file has to be sent in one request: the server does not support chunks, or the client found the module to be invalid, and the
    /// server will reject it before it has received the whole file.
    SendWhole,
}

impl Client {
    /// Uploads a file in chunks; in one request if the server does not support chunks. With a `digest`, the server accepts the module only
    /// if its bytes have this digest.
    ///
    /// # Errors
    /// The server rejects the module; the file cannot be read; the connection breaks, and all attempts to continue fail.
    pub(super) fn upload_in_chunks(
        &self,
        change: &Change,
        path: &ModulePath,
        (file, size_bytes): (&mut dyn SeekableRead, u64),
        digest: Option<Digest>,
    ) -> Result<Published<ModuleHash>> {
        let mut file = CheckedFile::new(file, size_bytes);
        let mut upload = ChunkedUpload {
            client: self,
            change,
            path,
            digest: digest.map_or_else(|| file.digest(path), Ok)?,
            file,
            attempts: 0,
        };
        for _ in 0..UPLOADS_MAX {
            let Some((id, arrived)) = upload.begin()? else {
                break;
            };
            match upload.send(&id, arrived) {
                Ok(UploadEnd::Stored(published)) => return Ok(published),
                Ok(UploadEnd::Lost) => tracing::debug!(id, "the server has lost an upload"),
                Ok(UploadEnd::SendWhole) => {
                    upload.cancel(&id);
                    break;
                }
                // The server may have lost or damaged what an earlier process has sent, in a power cut for example.
                Err(Error::Refused(response)) if response.status == 400 && arrived > 0 => {
                    upload.cancel(&id);
                }
                Err(error) => {
                    if matches!(error, Error::Refused(_)) {
                        upload.cancel(&id);
                    }
                    return Err(error);
                }
            }
        }
        let file = upload.file.rewound(path)?;
        self.upload(change, path, (file, Some(size_bytes)), digest)
    }
}

/// A file that is being uploaded in chunks.
struct ChunkedUpload<'c, 'f> {
    client: &'c Client,
    change: &'c Change,
    path: &'c ModulePath,
    file: CheckedFile<'f>,
    /// The digest of the file.
    digest: Digest,
    /// The number of attempts to continue the upload since the server last received new bytes.
    attempts: u32,
}

impl ChunkedUpload<'_, '_> {
    /// Begins an upload, or continues one that was begun with the same digest. Returns its id and the number of bytes that the server has
    /// received; `None` if the server does not support uploads in chunks, or has too many unfinished ones.
    fn begin(&self) -> Result<Option<(String, u64)>> {
        let path = encode_query_value(self.path.as_str());
        let (size_bytes, digest) = (self.file.size_bytes(), self.digest);
        let url_path = format!("/uploads?path={path}&size={size_bytes}&digest={digest}");
        // The server checks the conditions for single paths only when the upload is completed.
        let change = Change {
            path_conditions: PathConditions::default(),
            ..self.change.clone()
        };
        let request = self.client.write(Method::POST, &url_path, &change);
        match self.client.send(request) {
            Ok(response) => {
                let headers = response.headers();
                Ok(upload_id(headers).map(|id| (id, arrived_bytes(headers))))
            }
            Err(Error::Refused(response))
                if matches!(response.status, 404 | 405 | 501 | 507)
                    && response.missing.is_none() =>
            {
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Sends the file to the upload with this id, except for the bytes that have `arrived`, and completes it.
    fn send(&mut self, id: &str, mut arrived: u64) -> Result<UploadEnd> {
        let size_bytes = self.file.size_bytes();
        while arrived < size_bytes {
            let now_arrived = match self.append(id, arrived) {
                Ok(now_arrived) => now_arrived,
                Err(Error::Refused(response)) if matches!(response.status, 405 | 501) => {
                    return Ok(UploadEnd::SendWhole);
                }
                Err(error) => match self.recover(id, error)? {
                    Some(now_arrived) => now_arrived,
                    None => return Ok(UploadEnd::Lost),
                },
            };
            if now_arrived > size_bytes {
                let reason = "it reports more bytes of an upload than were sent";
                return Err(self.client.invalid_response(reason));
            }
            if now_arrived > arrived {
                self.attempts = 0;
            }
            arrived = now_arrived;
            if arrived < size_bytes && self.file.is_invalid() {
                return Ok(UploadEnd::SendWhole);
            }
        }
        self.complete(id)
    }

    /// Sends the chunk that begins at the offset `start`, and returns the total number of bytes that the server has received.
    fn append(&mut self, id: &str, start: u64) -> Result<u64> {
        let length = (self.file.size_bytes() - start).min(CHUNK_BYTES);
        let range = format!("{start}-{}", start + length - 1);
        let request = self
            .client
            .request(Method::PATCH, &format!("/uploads/{id}"))
            .header(CONTENT_TYPE, "application/octet-stream")
            .header(CONTENT_LENGTH, length)
            .header(CONTENT_RANGE, range)
            .header(EXPECT, "100-continue");
        let mut chunk = self.file.chunk(self.path, start, length)?;
        let body = SendBody::from_reader(&mut chunk);
        let response = self.client.send_with(request, body);
        if let Some(error) = self.file.take_failure(self.path) {
            return Err(error);
        }
        Ok(arrived_bytes(response?.headers()))
    }

    /// Pauses, and then asks the server how many bytes it has received; returns `None` if the server does not know the upload. Returns the
    /// error `cause` if it is permanent, or after too many attempts.
    fn recover(&mut self, id: &str, mut cause: Error) -> Result<Option<u64>> {
        loop {
            if is_unknown(&cause) {
                return Ok(None);
            }
            self.pause(cause)?;
            let request = self.client.request(Method::GET, &format!("/uploads/{id}"));
            match self.client.send(request) {
                Ok(response) => return Ok(Some(arrived_bytes(response.headers()))),
                Err(error) => cause = error,
            }
        }
    }

    /// Waits before another attempt. Returns the error `cause` if it is permanent, or after too many attempts.
    fn pause(&mut self, cause: Error) -> Result<()> {
        if !is_temporary(&cause) || self.attempts == self.client.limits.upload_attempts_max {
            return Err(cause);
        }
        let delay = DELAY_FIRST * (1 << self.attempts.min(16));
        self.attempts += 1;
        tracing::debug!(error = crate::store::chain(&cause), "continuing an upload");
        thread::sleep(delay.min(DELAY_MAX));
        Ok(())
    }

    /// Completes the upload, whose bytes have all arrived. If the response is lost, the request is repeated: the server then returns the
    /// same response, or does not know the upload any more. In the second case, the module may already be at its path.
    fn complete(&mut self, id: &str) -> Result<UploadEnd> {
        let digest = self.digest;
        let path = encode_query_value(self.path.as_str());
        let url_path = format!("/uploads/{id}?path={path}&digest={digest}");
        let mut is_repeated = false;
        loop {
            let request = self.client.write(Method::PUT, &url_path, self.change);
            let request = request.header(CONTENT_LENGTH, 0);
            let error = match self.client.text(request) {
                Ok(response) => {
                    return Ok(UploadEnd::Stored(self.client.published_hash(response)?));
                }
                Err(error) => error,
            };
            let may_be_stored = is_unknown(&error)
                || matches!(&error, Error::Refused(response) if response.status == 412);
            if is_repeated
                && may_be_stored
                && let Some(published) = self.find_stored(&digest)?
            {
                return Ok(UploadEnd::Stored(published));
            }
            if is_unknown(&error) {
                return Ok(UploadEnd::Lost);
            }
            self.pause(error)?;
            is_repeated = true;
        }
    }

    /// Returns the module at the path if it has this digest, as the result of the change whose response was lost.
    fn find_stored(&self, digest: &Digest) -> Result<Option<Published<ModuleHash>>> {
        let name = ModuleRef::Path(self.path.clone());
        let revision = Revision::Branch(self.change.branch.clone());
        let url_path = format!("/module/{}", in_path(&name));
        let request = self.client.get(&url_path, &revision);
        let Ok(response) = self.client.send(request.header(RANGE, "bytes=0-0")) else {
            return Ok(None);
        };
        let headers = response.headers();
        if header_text(headers, "wasmstore-digest") != digest.to_string() {
            return Ok(None);
        }
        let hash = self
            .client
            .parse(header_text(headers, "wasmstore-hash"), ModuleHash::parse)?;
        let branch = match &self.change.branch {
            Some(branch) => branch.clone(),
            None => self.client.default_branch()?,
        };
        Ok(Some(Published {
            branch: Some(branch),
            commit: response_commit(headers),
            has_moved: true,
            value: hash,
        }))
    }

    /// Cancels the upload. Otherwise it would take up space on the server until it expires.
    fn cancel(&self, id: &str) {
        let request = self
            .client
            .request(Method::DELETE, &format!("/uploads/{id}"));
        if let Err(error) = self.client.send(request) {
            tracing::debug!(
                error = crate::store::chain(&error),
                "cannot cancel an upload"
            );
        }
    }
}

/// Returns whether the error is a 404: the server does not know the upload, or a proxy in front of the server does not know the URL.
fn is_unknown(error: &Error) -> bool {
    matches!(error, Error::Refused(response) if response.status == 404 && response.missing.is_none())
}

/// Returns whether another attempt may succeed: the connection broke, the server is stopping or busy, or the server has received more or
/// fewer bytes than the client assumed.
fn is_temporary(error: &Error) -> bool {
    match error {
        Error::Unreachable { .. } => true,
        Error::Refused(response) => matches!(response.status, 408 | 416 | 502 | 503 | 504),
        _ => false,
    }
}

/// Returns the upload id at the end of the header `Location`. A proxy may have changed the rest of that URL.
fn upload_id(headers: &HeaderMap) -> Option<String> {
    let id = header_text(headers, LOCATION.as_str()).rsplit('/').next()?;
    let is_id = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric());
    is_id.then(|| id.to_owned())
}

/// Returns the number of bytes that the server has received, from the header `Range: 0-LAST`; 0 if there is no such header.
fn arrived_bytes(headers: &HeaderMap) -> u64 {
    let last = header_text(headers, RANGE.as_str()).strip_prefix("0-");
    let last = last.and_then(|last| last.parse::<u64>().ok());
    last.map_or(0, |last| last.saturating_add(1))
}
