//! Sending a module.

use std::io::{self, Read};

use ureq::SendBody;
use ureq::http::Method;
use ureq::http::header::{CONTENT_LENGTH, CONTENT_TYPE, EXPECT};

use super::request::Client;
use crate::config::ModuleLimits;
use crate::names::{ModuleHash, ModulePath};
use crate::remote::error::Result;
use crate::store::{self, Change, ModuleError, Validation};
use crate::wire::escaped_path;

impl Client {
    /// Puts a module at a path. It is sent as it is read; `bytes` is how long it is, if that is known.
    ///
    /// # Errors
    /// The server refuses it, which it does before it is sent if the request alone tells why; `source` cannot be read to its end.
    pub fn put(
        &self,
        change: &Change,
        path: &ModulePath,
        source: impl Read,
        bytes: Option<u64>,
    ) -> Result<ModuleHash> {
        let url = format!("/module/{}", escaped_path(path.as_str()));
        let request = self.changing(Method::POST, &url, change);
        let request = request.header(CONTENT_TYPE, "application/wasm");
        let mut request = request.header(EXPECT, "100-continue");
        if let Some(bytes) = bytes {
            request = request.header(CONTENT_LENGTH, bytes);
        }
        let mut source = Source::new(source, bytes);
        let sent = self.send_with(request, SendBody::from_reader(&mut source));
        if let Some(error) = source.failure(sent.is_err()) {
            return Err(store::Error::invalid(&path.to_string(), error).into());
        }
        self.parse(&self.text_of(sent?)?.value, ModuleHash::parse)
    }
}

/// What is sent. It is validated by the way: a server that refuses it in the middle closes the connection, and what it said may be
/// lost. Whether it is taken, the server alone decides.
struct Source<R> {
    source: R,
    /// How much is to come, if that was announced.
    left: Option<u64>,
    validation: Option<Validation>,
    failed: Option<ModuleError>,
}

impl<R: Read> Source<R> {
    fn new(source: R, bytes: Option<u64>) -> Self {
        let limits = ModuleLimits {
            // How large it may be is the server's to say.
            module_bytes_max: u64::MAX,
            ..ModuleLimits::default()
        };
        Self {
            source,
            left: bytes,
            validation: Some(Validation::new(&limits)),
            failed: None,
        }
    }

    /// Why it could not be sent, as far as that is known here.
    fn failure(self, is_unsent: bool) -> Option<ModuleError> {
        self.failed.filter(|_| is_unsent)
    }

    /// Validates what comes; nothing is its end.
    fn validate(&mut self, bytes: &[u8]) {
        let Some(mut validation) = self.validation.take() else {
            return;
        };
        let done = match bytes.is_empty() {
            true => validation.finish().map(|_| None),
            false => validation.write(bytes).map(|()| Some(validation)),
        };
        match done {
            Ok(validation) => self.validation = validation,
            Err(error) => self.failed = Some(error),
        }
    }

    /// Ends the upload, unless it is known already why it would fail: then that is told.
    fn interrupt(&mut self, error: io::Error) -> io::Error {
        let told = io::Error::from(error.kind());
        self.failed.get_or_insert(ModuleError::Read(error));
        told
    }

    /// Looks whether there is as much as was announced, of which `n` bytes came now, and no more.
    fn account(&mut self, n: usize) -> io::Result<()> {
        let Some(left) = &mut self.left else {
            return Ok(());
        };
        let is_short = n == 0 && *left > 0;
        *left = left.saturating_sub(n as u64);
        if is_short || (*left == 0 && n > 0 && self.source.read(&mut [0])? > 0) {
            let changed = "the file changed while it was sent";
            return Err(self.interrupt(io::Error::other(changed)));
        }
        Ok(())
    }
}

impl<R: Read> Read for Source<R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let most = self.left.map_or(usize::MAX, |left| {
            usize::try_from(left).unwrap_or(usize::MAX).max(1)
        });
        let most = bytes.len().min(most);
        match self.source.read(&mut bytes[..most]) {
            Ok(n) => {
                self.validate(&bytes[..n]);
                self.account(n)?;
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

    /// Reads a source to its end or failure; what it says of a failed upload, and of one that went through.
    fn told(bytes: &[u8], announced: Option<u64>) -> (Option<String>, bool) {
        let mut source = Source::new(bytes, announced);
        let read = io::copy(&mut source, &mut io::sink());
        let is_read = read.is_ok();
        let why = source
            .failure(true)
            .map(|error| crate::store::chain(&error));
        (why, is_read)
    }

    #[test]
    fn what_is_not_as_long_as_announced_is_told_and_ends() {
        assert_eq!(told(EMPTY, Some(8)), (None, true));
        assert_eq!(told(EMPTY, None), (None, true));
        let changed = "the module could not be read: the file changed while it was sent";
        assert_eq!(told(EMPTY, Some(9)), (Some(changed.to_owned()), false));
        let grown = [EMPTY, b"\0\x02\x01x"].concat();
        assert_eq!(told(&grown, Some(8)), (Some(changed.to_owned()), false));
        // What is wrong with what came is told first.
        let (why, is_read) = told(&EMPTY[..6], Some(8));
        assert!(why.unwrap().contains("truncated") && !is_read);
        let (why, is_read) = told(b"no module", Some(4096));
        assert!(why.unwrap().contains("magic") && !is_read);
    }
}
