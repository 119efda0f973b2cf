//! Uploads modules.

use std::io::{self, Read};

use ureq::SendBody;
use ureq::http::Method;
use ureq::http::header::{CONTENT_LENGTH, CONTENT_TYPE, EXPECT};

use super::request::Client;
use crate::config::ModuleLimits;
use crate::names::{Digest, ModuleHash, ModulePath};
use crate::remote::error::Result;
use crate::store::{self, Change, ModuleError, Published, Validation};
use crate::wire::{digest_field, encode_path};

impl Client {
    /// Uploads a module while it is read from `source`. `size_bytes` is the length of `source`, if it is known. With a `digest`, the server
    /// accepts the module only if its bytes have this digest.
    ///
    /// # Errors
    /// The server rejects the request; `source` cannot be read to its end. A server that rejects the headers does so before the body is
    /// sent.
    pub(super) fn upload(
        &self,
        change: &Change,
        path: &ModulePath,
        (source, size_bytes): (impl Read, Option<u64>),
        digest: Option<Digest>,
    ) -> Result<Published<ModuleHash>> {
        let url_path = format!("/module/{}", encode_path(path.as_str()));
        let mut request = self
            .write(Method::POST, &url_path, change)
            .header(CONTENT_TYPE, "application/wasm")
            .header(EXPECT, "100-continue");
        if let Some(size_bytes) = size_bytes {
            request = request.header(CONTENT_LENGTH, size_bytes);
        }
        if let Some(digest) = digest {
            request = request.header("content-digest", digest_field(digest));
        }
        let mut body = UploadReader::new(source, size_bytes);
        let response = self.send_with(request, SendBody::from_reader(&mut body));
        if response.is_err()
            && let Some(error) = body.into_failure()
        {
            return Err(store::Error::invalid(&path.to_string(), error).into());
        }
        self.published_hash(self.read_text(response?)?)
    }
}

/// Validates a module while it is sent, so that the client knows why an upload fails: a server that rejects an upload in the middle closes
/// the connection, and its response may be lost. Only the server decides whether the module is accepted.
pub(super) struct ModuleCheck {
    /// The running validation; `None` after it has failed or finished.
    validation: Option<Validation>,
    /// The reason to report if the upload fails.
    pub failure: Option<ModuleError>,
}

impl ModuleCheck {
    /// Begins to validate a module.
    pub fn new() -> Self {
        let limits = ModuleLimits {
            // Only the server limits the size of a module.
            module_bytes_max: u64::MAX,
            ..ModuleLimits::default()
        };
        Self {
            validation: Some(Validation::new(&limits)),
            failure: None,
        }
    }

    /// Validates the next bytes of the module; empty `bytes` mean the end of the module.
    pub fn write(&mut self, bytes: &[u8]) {
        let Some(mut validation) = self.validation.take() else {
            return;
        };
        let validated = if bytes.is_empty() {
            validation.finish().map(|_| None)
        } else {
            validation.write(bytes).map(|()| Some(validation))
        };
        match validated {
            Ok(validation) => self.validation = validation,
            Err(error) => self.failure = Some(error),
        }
    }
}

/// The body of an upload, which is validated while it is sent.
pub(super) struct UploadReader<R> {
    source: R,
    /// The number of bytes of the announced length that have not been read yet; `None` if no length was announced.
    left_bytes: Option<u64>,
    check: ModuleCheck,
}

impl<R: Read> UploadReader<R> {
    /// Creates a reader of `source`, whose length is `size_bytes` if it is known.
    pub fn new(source: R, size_bytes: Option<u64>) -> Self {
        Self {
            source,
            left_bytes: size_bytes,
            check: ModuleCheck::new(),
        }
    }

    /// Validates the next bytes of the module; empty `bytes` mean the end of the module.
    pub fn validate(&mut self, bytes: &[u8]) {
        self.check.write(bytes);
    }

    /// Returns the first error that was found in the module or while reading it, which is the reason to report if the upload fails; `None`
    /// if there was no such error.
    pub fn into_failure(self) -> Option<ModuleError> {
        self.check.failure
    }

    /// Records a read error as the reason for the failure, unless the module is already known to be invalid. Returns an error of the same
    /// kind, which aborts the upload.
    fn interrupt(&mut self, error: io::Error) -> io::Error {
        let ending = io::Error::from(error.kind());
        self.check.failure.get_or_insert(ModuleError::Read(error));
        ending
    }

    /// Subtracts `n` bytes, which were just read, from `left_bytes`. Fails if the source is shorter or longer than the announced length.
    fn count(&mut self, n: usize) -> io::Result<()> {
        let Some(left_bytes) = &mut self.left_bytes else {
            return Ok(());
        };
        let is_short = n == 0 && *left_bytes > 0;
        *left_bytes = left_bytes.saturating_sub(n as u64);
        if is_short || (*left_bytes == 0 && n > 0 && self.source.read(&mut [0])? > 0) {
            let error = io::Error::other("the file changed during the upload");
            return Err(self.interrupt(error));
        }
        Ok(())
    }
}

impl<R: Read> Read for UploadReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = self.left_bytes.map_or(usize::MAX, |left_bytes| {
            usize::try_from(left_bytes).unwrap_or(usize::MAX).max(1)
        });
        let length = buffer.len().min(most);
        match self.source.read(&mut buffer[..length]) {
            Ok(n) => {
                self.validate(&buffer[..n]);
                self.count(n)?;
                Ok(n)
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Err(error),
            Err(error) => Err(self.interrupt(error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EMPTY: &[u8] = b"\0asm\x01\0\0\0";

    /// Reads a body until it ends or fails. Returns the reason to report for a failed upload, and whether the end was reached.
    fn read(bytes: &[u8], size_bytes: Option<u64>) -> (Option<String>, bool) {
        let mut body = UploadReader::new(bytes, size_bytes);
        let is_read = io::copy(&mut body, &mut io::sink()).is_ok();
        let reason = body.into_failure().map(|error| crate::store::chain(&error));
        (reason, is_read)
    }

    #[test]
    fn a_source_of_another_length_than_announced_ends_the_upload() {
        assert_eq!(read(EMPTY, Some(8)), (None, true));
        assert_eq!(read(EMPTY, None), (None, true));
        let changed = "the module could not be read: the file changed during the upload";
        assert_eq!(read(EMPTY, Some(9)), (Some(changed.to_owned()), false));
        let grown = [EMPTY, b"\0\x02\x01x"].concat();
        assert_eq!(read(&grown, Some(8)), (Some(changed.to_owned()), false));
        // If the module is invalid and also has a wrong length, the invalid module is reported.
        let (reason, is_read) = read(&EMPTY[..6], Some(8));
        assert!(reason.unwrap().contains("truncated") && !is_read);
        let (reason, is_read) = read(b"no module", Some(4096));
        assert!(reason.unwrap().contains("magic") && !is_read);
    }
}
