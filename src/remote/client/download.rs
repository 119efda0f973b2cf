//! Receiving a module.

use std::io::{self, Read};
use std::thread;
use std::time::Duration;

use ureq::BodyReader;
use ureq::http::HeaderMap;
use ureq::http::header::{CONTENT_LENGTH, IF_MATCH, RANGE};

use super::request::{Client, commit};
use crate::names::{Digest, HashRef, ModuleHash};
use crate::remote::error::{Error, Result};
use crate::store::{At, BlobHashing, Hashing, Kind};

/// How long to wait before a download is taken up again, for the first time; then twice as long each time.
const DELAY_FIRST: Duration = Duration::from_millis(250);

/// How much has to come of it for the waiting to begin anew, in bytes.
const PROGRESS_BYTES: u64 = 64 << 10;

/// A module whose bytes come as they are read. Where the connection breaks, it goes on from there, with a range (RFC 9110, section
/// 14); when all bytes came, their hash and their SHA-256 are what the server said.
pub struct Download<'c> {
    client: &'c Client,
    /// Where it is, as of a commit if the server named one.
    path: String,
    at: At,
    /// The module's hash.
    pub hash: ModuleHash,
    /// How long it is, in bytes.
    pub bytes: u64,
    digest: Digest,
    received: u64,
    /// Of the bytes that came; `None` once they were compared.
    hashing: Option<(BlobHashing, Hashing)>,
    body: Option<BodyReader<'static>>,
    /// How often it broke since it was at `advanced`, without that much more came.
    attempts: u32,
    advanced: u64,
}

impl<'c> Download<'c> {
    /// Asks for the module at a path of the API.
    pub(super) fn begin(client: &'c Client, at: &At, path: &str) -> Result<Self> {
        let answer = client.send(client.reading(path, at))?;
        let headers = answer.headers();
        let text = |name| text(headers, name);
        let hash = client.parse(text("wasmstore-hash"), ModuleHash::parse)?;
        let digest = client.parse(text("wasmstore-digest"), Digest::parse)?;
        let bytes = text(CONTENT_LENGTH.as_str()).parse();
        let bytes = bytes.map_err(|_| client.strange("a module has no length".to_owned()))?;
        Ok(Self {
            client,
            path: path.to_owned(),
            at: commit(headers).map_or_else(|| at.clone(), At::Commit),
            hash,
            bytes,
            digest,
            received: 0,
            hashing: Some((BlobHashing::new(bytes, hash), Hashing::default())),
            body: Some(reader(answer.into_body())),
            attempts: 0,
            advanced: 0,
        })
    }

    /// Asks for the rest.
    fn resume(&mut self) -> Result<BodyReader<'static>> {
        let request = self.client.reading(&self.path, &self.at);
        let request = request.header(RANGE, format!("bytes={}-", self.received));
        let request = request.header(IF_MATCH, format!("\"{}\"", self.hash));
        let answer = self.client.send(request)?;
        let range = text(answer.headers(), "content-range");
        if !range.starts_with(&format!("bytes {}-", self.received)) {
            let what = format!("it sends {range:?} where the rest of a module is asked for");
            return Err(self.client.strange(what));
        }
        Ok(reader(answer.into_body()))
    }

    /// Reads what comes next; nothing at the end.
    fn next(&mut self, buffer: &mut [u8]) -> Result<usize> {
        loop {
            let read = match &mut self.body {
                Some(body) => body
                    .read(buffer)
                    .map_err(|error| self.client.unreachable(&error)),
                None => Ok(0),
            };
            match read {
                Ok(0) if self.received == self.bytes => return self.check().map(|()| 0),
                Ok(n) if n as u64 > self.bytes - self.received => {
                    let what = "more of a module came than it has".to_owned();
                    return Err(self.client.strange(what));
                }
                Ok(n) if n > 0 => {
                    self.received += n as u64;
                    if let Some((hash, digest)) = &mut self.hashing {
                        hash.update(&buffer[..n]);
                        digest.update(&buffer[..n]);
                    }
                    return Ok(n);
                }
                Ok(_) => self.go_on(
                    self.client
                        .unreachable(&io::Error::from(io::ErrorKind::UnexpectedEof)),
                )?,
                Err(error) => self.go_on(error)?,
            }
        }
    }

    /// Takes the download up again after it broke, unless it did so too often.
    fn go_on(&mut self, broken: Error) -> Result<()> {
        self.body = None;
        if self.received >= self.advanced + PROGRESS_BYTES {
            (self.advanced, self.attempts) = (self.received, 0);
        }
        if self.attempts == self.client.limits.attempts_max {
            return Err(broken);
        }
        thread::sleep(DELAY_FIRST * (1 << self.attempts));
        self.attempts += 1;
        tracing::debug!(
            error = crate::store::chain(&broken),
            at = self.received,
            "the download goes on"
        );
        match self.resume() {
            Ok(body) => self.body = Some(body),
            // It is tried again, unless the server says that it is in vain.
            Err(Error::Refused(refused)) if refused.kind() != Kind::Busy => {
                return Err(Error::Refused(refused));
            }
            Err(error) => tracing::debug!(error = crate::store::chain(&error), "not yet"),
        }
        Ok(())
    }

    fn check(&mut self) -> Result<()> {
        let Some((hash, digest)) = self.hashing.take() else {
            return Ok(());
        };
        let is_hash = hash.finish() == Some(self.hash);
        match is_hash && Digest::from_bytes(digest.finish()) == self.digest {
            true => Ok(()),
            false => {
                let what = format!("what came is not {}", self.hash);
                Err(self.client.strange(what))
            }
        }
    }

    /// Whether it is what was asked for by a hash or digest.
    pub(super) fn is(&self, wanted: &HashRef) -> bool {
        match wanted {
            HashRef::Hash40(hash) => self.hash == *hash,
            HashRef::Hex64(bytes) => {
                self.hash.as_bytes() == bytes || self.digest.as_bytes() == bytes
            }
            HashRef::Digest(digest) => self.digest == *digest,
        }
    }
}

/// Errors of the exchange are inside: [`io::Error::downcast`].
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

fn text<'h>(headers: &'h HeaderMap, name: &str) -> &'h str {
    let value = headers.get(name).and_then(|value| value.to_str().ok());
    value.unwrap_or_default()
}
