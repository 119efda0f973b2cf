//! A private key and its certificate, as they stand in two files.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::{self, PemObject as _};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{self, InconsistentKeys, ServerConfig};

use super::bounded_file::read_regular;

/// The most that is read of a file.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// The protocols that a client may choose from, the preferred one first.
const PROTOCOLS: [&[u8]; 2] = [b"h2", b"http/1.1"];

/// Where the two are.
#[derive(Clone, Debug)]
pub(in crate::http) struct Files {
    key: PathBuf,
    certificate: PathBuf,
}

/// What is in the files.
#[derive(Clone, PartialEq, Eq)]
pub(in crate::http) struct Pair {
    key: Vec<u8>,
    certificate: Vec<u8>,
}

/// Why a key and a certificate cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file cannot be read.
    #[error("cannot read {}", file.display())]
    Read {
        /// The file.
        file: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A file is far too large for what should be in it.
    #[error("{} is no PEM file: it is larger than {FILE_BYTES_MAX} bytes", file.display())]
    TooLarge {
        /// The file.
        file: PathBuf,
    },
    /// A file is not well-formed.
    #[error("{} is no PEM file", file.display())]
    Malformed {
        /// The file.
        file: PathBuf,
        /// Why.
        #[source]
        source: pem::Error,
    },
    /// There is no private key in the file.
    #[error("no private key in {}", file.display())]
    NoKey {
        /// The file.
        file: PathBuf,
    },
    /// The private key has a passphrase.
    #[error("the private key in {} is encrypted", file.display())]
    EncryptedKey {
        /// The file.
        file: PathBuf,
    },
    /// There is no certificate in the file.
    #[error("no certificate in {}", file.display())]
    NoCertificate {
        /// The file.
        file: PathBuf,
    },
    /// The two do not belong together.
    #[error("the key in {} is not that of the certificate in {}", key_file.display(), certificate_file.display())]
    Mismatch {
        /// The file of the key.
        key_file: PathBuf,
        /// The file of the certificate.
        certificate_file: PathBuf,
    },
    /// The two cannot be used for another reason.
    #[error("the key in {} and the certificate in {} cannot be used", key_file.display(), certificate_file.display())]
    Unusable {
        /// The file of the key.
        key_file: PathBuf,
        /// The file of the certificate.
        certificate_file: PathBuf,
        /// Why.
        #[source]
        source: rustls::Error,
    },
}

impl Files {
    /// Two files, or twice the same.
    pub(in crate::http) fn new(key: &Path, certificate: &Path) -> Self {
        Self {
            key: key.to_owned(),
            certificate: certificate.to_owned(),
        }
    }

    /// Reads what is in them.
    pub(in crate::http) fn read(&self) -> Result<Pair, Error> {
        Ok(Pair {
            key: read(&self.key)?,
            certificate: read(&self.certificate)?,
        })
    }

    /// Makes of it what a server needs. Nothing of the process is changed by that: the provider is named.
    pub(in crate::http) fn config(&self, pair: &Pair) -> Result<Arc<ServerConfig>, Error> {
        let (key, chain) = (self.key(pair)?, self.chain(pair)?);
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
            .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key))
            .map_err(|source| self.refusal(source))?;
        config.alpn_protocols = PROTOCOLS.map(<[u8]>::to_vec).into();
        Ok(Arc::new(config))
    }

    fn key(&self, pair: &Pair) -> Result<PrivateKeyDer<'static>, Error> {
        let file = self.key.clone();
        PrivateKeyDer::from_pem_slice(&pair.key).map_err(|error| match error {
            pem::Error::NoItemsFound if holds(&pair.key, b"ENCRYPTED") => {
                Error::EncryptedKey { file }
            }
            pem::Error::NoItemsFound => Error::NoKey { file },
            source => Error::Malformed { file, source },
        })
    }

    fn chain(&self, pair: &Pair) -> Result<Vec<CertificateDer<'static>>, Error> {
        let file = self.certificate.clone();
        match CertificateDer::pem_slice_iter(&pair.certificate).collect::<Result<Vec<_>, _>>() {
            Ok(chain) if chain.is_empty() => Err(Error::NoCertificate { file }),
            Ok(chain) => Ok(chain),
            Err(source) => Err(Error::Malformed { file, source }),
        }
    }

    fn refusal(&self, source: rustls::Error) -> Error {
        let (key_file, certificate_file) = (self.key.clone(), self.certificate.clone());
        if source == rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch) {
            return Error::Mismatch {
                key_file,
                certificate_file,
            };
        }
        Error::Unusable {
            key_file,
            certificate_file,
            source,
        }
    }
}

fn read(file: &Path) -> Result<Vec<u8>, Error> {
    read_regular(file, FILE_BYTES_MAX).map_err(|source| {
        let file = file.to_owned();
        match source.kind() {
            io::ErrorKind::FileTooLarge => Error::TooLarge { file },
            _ => Error::Read { file, source },
        }
    })
}

fn holds(bytes: &[u8], word: &[u8]) -> bool {
    bytes.windows(word.len()).any(|window| window == word)
}
