//! Sending a module.

use std::io::{self, Read};

use ureq::SendBody;
use ureq::http::Method;
use ureq::http::header::{CONTENT_LENGTH, CONTENT_TYPE, EXPECT};

use super::ask::Client;
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
        let mut source = Source::new(source);
        let sent = self.send_with(request, SendBody::from_reader(&mut source));
        if let Some(error) = source.failure(sent.is_err()) {
            return Err(store::Error::invalid(&path.to_string(), error).into());
        }
        let hash = sent?.body_mut().read_to_string();
        let hash = hash.map_err(|error| self.failed(&error))?;
        self.parse(&hash, ModuleHash::parse)
    }
}

/// What is sent. It is validated by the way: a server that refuses it in the middle closes the connection, and what it said may be
/// lost. Whether it is taken, the server alone decides.
struct Source<R> {
    source: R,
    validation: Result<Validation, ModuleError>,
    failed: Option<io::Error>,
}

impl<R: Read> Source<R> {
    fn new(source: R) -> Self {
        let limits = ModuleLimits {
            // How large it may be is the server's to say.
            module_bytes_max: u64::MAX,
            ..ModuleLimits::default()
        };
        Self {
            source,
            validation: Ok(Validation::new(&limits)),
            failed: None,
        }
    }

    /// Why it could not be sent, as far as that is known here.
    fn failure(self, is_unsent: bool) -> Option<ModuleError> {
        match (self.failed, self.validation) {
            (Some(error), _) => Some(ModuleError::Read(error)),
            (None, Err(error)) if is_unsent => Some(error),
            _ => None,
        }
    }
}

impl<R: Read> Read for Source<R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        match self.source.read(bytes) {
            Ok(n) => {
                if let Ok(validation) = &mut self.validation
                    && let Err(error) = validation.write(&bytes[..n])
                {
                    self.validation = Err(error);
                }
                Ok(n)
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Err(error),
            Err(error) => {
                let told = io::Error::from(error.kind());
                self.failed = Some(error);
                Err(told)
            }
        }
    }
}
