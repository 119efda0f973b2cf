//! A private key and its certificate, read from two files.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::{self, PemObject as _};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{self, InconsistentKeys, ServerConfig};

use super::bounded_file::read_bounded_regular_file;

/// The size limit of the key file and of the certificate file, in bytes.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// The protocols that the server accepts in ALPN, in order of preference.
const ALPN_PROTOCOLS: [&[u8]; 2] = [b"h2", b"http/1.1"];

/// The paths of the key file and the certificate file.
#[derive(Clone, Debug)]
pub(super) struct KeyPairFiles {
    key: PathBuf,
    certificate: PathBuf,
}

/// The contents of the key file and the certificate file.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct KeyPair {
    key: Vec<u8>,
    certificate: Vec<u8>,
}

/// The reason why a key and a certificate cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// The key file or the certificate file cannot be read.
    #[error("cannot read {}", file.display())]
    Read {
        /// The path of the key file or certificate file that the error is about.
        file: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// The key file or the certificate file is far larger than a key or a certificate chain.
    #[error("{} is not a PEM file: it is larger than {FILE_BYTES_MAX} bytes", file.display())]
    TooLarge {
        /// The path of the key file or certificate file that the error is about.
        file: PathBuf,
    },
    /// The key file or the certificate file is not well-formed PEM.
    #[error("{} is not a PEM file", file.display())]
    Malformed {
        /// The path of the key file or certificate file that the error is about.
        file: PathBuf,
        /// The cause.
        #[source]
        source: pem::Error,
    },
    /// The key file contains no private key.
    #[error("no private key in {}", file.display())]
    NoKey {
        /// The path of the key file or certificate file that the error is about.
        file: PathBuf,
    },
    /// The private key is protected by a passphrase.
    #[error("the private key in {} is encrypted: decrypt it, for example with `openssl pkey`", file.display())]
    EncryptedKey {
        /// The path of the key file or certificate file that the error is about.
        file: PathBuf,
    },
    /// The certificate file contains no certificate.
    #[error("no certificate in {}", file.display())]
    NoCertificate {
        /// The path of the key file or certificate file that the error is about.
        file: PathBuf,
    },
    /// The private key does not match the certificate.
    #[error("the key in {} does not match the certificate in {}", key_file.display(), certificate_file.display())]
    Mismatch {
        /// The path of the key file.
        key_file: PathBuf,
        /// The path of the certificate file.
        certificate_file: PathBuf,
    },
    /// rustls rejects the key or the certificate for another reason.
    #[error("the key in {} and the certificate in {} do not form a usable TLS key pair", key_file.display(), certificate_file.display())]
    Unusable {
        /// The path of the key file.
        key_file: PathBuf,
        /// The path of the certificate file.
        certificate_file: PathBuf,
        /// The cause.
        #[source]
        source: rustls::Error,
    },
}

impl KeyPairFiles {
    /// Returns the paths of the two files. Both paths may name the same file.
    pub fn new(key: &Path, certificate: &Path) -> Self {
        Self {
            key: key.to_owned(),
            certificate: certificate.to_owned(),
        }
    }

    /// Reads the key file and the certificate file.
    pub fn read(&self) -> Result<KeyPair, TlsError> {
        Ok(KeyPair {
            key: read_pem(&self.key)?,
            certificate: read_pem(&self.certificate)?,
        })
    }

    /// Returns the rustls configuration for a key pair. The configuration contains the crypto provider, so that no process-wide provider
    /// needs to be installed.
    pub fn config(&self, pair: &KeyPair) -> Result<Arc<ServerConfig>, TlsError> {
        let (key, chain) = (self.parse_key(pair)?, self.parse_chain(pair)?);
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
            .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key))
            .map_err(|source| self.rejection(source))?;
        config.alpn_protocols = ALPN_PROTOCOLS.map(<[u8]>::to_vec).into();
        Ok(Arc::new(config))
    }

    fn parse_key(&self, pair: &KeyPair) -> Result<PrivateKeyDer<'static>, TlsError> {
        let file = self.key.clone();
        // An encrypted key has this label in the PKCS #8 format (RFC 7468, section 11), or this header in the older format (RFC 1421,
        // section 4.6.1.1).
        if contains(&pair.key, b"BEGIN ENCRYPTED PRIVATE KEY-")
            || contains(&pair.key, b"4,ENCRYPTED")
        {
            return Err(TlsError::EncryptedKey { file });
        }
        PrivateKeyDer::from_pem_slice(&pair.key).map_err(|error| match error {
            pem::Error::NoItemsFound => TlsError::NoKey { file },
            source => TlsError::Malformed { file, source },
        })
    }

    fn parse_chain(&self, pair: &KeyPair) -> Result<Vec<CertificateDer<'static>>, TlsError> {
        let file = self.certificate.clone();
        match CertificateDer::pem_slice_iter(&pair.certificate).collect::<Result<Vec<_>, _>>() {
            Ok(chain) if chain.is_empty() => Err(TlsError::NoCertificate { file }),
            Ok(chain) => Ok(chain),
            Err(source) => Err(TlsError::Malformed { file, source }),
        }
    }

    fn rejection(&self, source: rustls::Error) -> TlsError {
        let (key_file, certificate_file) = (self.key.clone(), self.certificate.clone());
        if source == rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch) {
            return TlsError::Mismatch {
                key_file,
                certificate_file,
            };
        }
        TlsError::Unusable {
            key_file,
            certificate_file,
            source,
        }
    }
}

fn read_pem(file: &Path) -> Result<Vec<u8>, TlsError> {
    let read = read_bounded_regular_file(file, FILE_BYTES_MAX);
    // Some editors write a byte-order mark at the start of the file. It is not part of the PEM text.
    let without_mark = |bytes: Vec<u8>| match bytes.strip_prefix(b"\xef\xbb\xbf") {
        Some(rest) => rest.to_vec(),
        None => bytes,
    };
    read.map(without_mark).map_err(|source| {
        let file = file.to_owned();
        match source.kind() {
            io::ErrorKind::FileTooLarge => TlsError::TooLarge { file },
            _ => TlsError::Read { file, source },
        }
    })
}

fn contains(bytes: &[u8], word: &[u8]) -> bool {
    bytes.windows(word.len()).any(|window| window == word)
}
