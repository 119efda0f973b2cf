//! The handle of a bucket: its client, and the newest state of the store that this process knows.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use object_store::ObjectStore;

use super::client::Client;
use super::manifest::{MANIFEST_BYTES_MAX, Manifest, PeerKeyHex, is_writer_url};
use super::open::{self, Stores};
use super::options::BucketOptions;
use super::packs::TransferError;
use super::reads::{ReadFailure, Reads};
use super::request_failure::RequestFailure;
use super::state::KnownManifest;
use super::url::BucketUrl;
use crate::repo::{Error, ObjectFormat, PackFiles, PackKey, Result, SharedState};

/// A bucket with the state of a store that several machines share.
#[derive(Debug)]
pub struct Bucket {
    url: String,
    location: String,
    pub(super) client: Client,
    pub(super) options: BucketOptions,
    /// The newest manifest that this process has read or written; `None` before the first.
    known: Mutex<Option<Arc<KnownManifest>>>,
    pub(super) reads: Reads,
    /// A lock that is held during a swap (a compare-and-swap of the manifest), because two swaps of this process on the same state cannot
    /// both succeed. Contains the time of the last swap.
    pub(super) swapping: Mutex<Option<Instant>>,
    /// The id of the last swap that this process made (`batch` in the [`Manifest`]), by which the process recognizes its own manifest.
    own_batch: Mutex<Option<String>>,
    /// The keys of uploaded packs that the manifest does not name yet, by the checksum of the pack.
    pub(super) kept: Mutex<HashMap<String, PackKey>>,
}

/// The properties of a store in a bucket that never change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BucketIdentity {
    /// The random id of the store: 32 hex digits.
    pub store: String,
    /// The hash function of the store's object ids.
    pub object_format: ObjectFormat,
    /// The secret with which servers authenticate to each other.
    pub peer_key: PeerKeyHex,
}

impl Bucket {
    /// Opens a bucket, without sending a request. `settings` are environment variables and settings of an AWS profile. Of several settings
    /// with the same meaning, the first is used.
    ///
    /// # Errors
    /// `NotAStore` if the settings are invalid; `Io` if a directory or a thread cannot be created.
    pub fn open(
        url: &BucketUrl,
        settings: &[(String, String)],
        options: BucketOptions,
    ) -> Result<Self> {
        let stores = open::open(url, settings, &options.timing)?;
        let location = open::location(url, settings);
        Ok(Self {
            location,
            ..Self::with_stores(url.to_string(), stores, options)?
        })
    }

    /// Opens a bucket in an object store that the caller has created, for tests.
    ///
    /// # Errors
    /// `Io` if the thread of the client cannot be created.
    pub fn with_store(
        store: Arc<dyn ObjectStore>,
        url: &str,
        options: BucketOptions,
    ) -> Result<Self> {
        let stores = Stores {
            packs: store.clone(),
            manifest: store,
        };
        Self::with_stores(url.to_owned(), stores, options)
    }

    fn with_stores(url: String, stores: Stores, options: BucketOptions) -> Result<Self> {
        if options
            .writer
            .as_ref()
            .is_some_and(|writer| !is_writer_url(writer))
        {
            return Err(Error::NotAStore {
                root: PathBuf::from(url),
                reason: "the URL of this server is longer than 512 bytes or not plain ASCII"
                    .to_owned(),
            });
        }
        let client = Client::new(stores, options.timing.request).map_err(|source| Error::Io {
            action: "create a thread for",
            path: PathBuf::from(&url),
            source,
        })?;
        Ok(Self {
            location: url.clone(),
            url,
            client,
            options,
            known: Mutex::default(),
            reads: Reads::default(),
            swapping: Mutex::default(),
            own_batch: Mutex::default(),
            kept: Mutex::default(),
        })
    }

    /// Returns the URL of the bucket.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Returns the URL of the bucket and, if it is not the default one, the endpoint of its object store.
    pub fn location(&self) -> &str {
        &self.location
    }

    /// Returns the identity of the store. Reads the manifest if this process has not read it yet.
    ///
    /// # Errors
    /// `Unreachable`, also if there is no manifest, or if its format is unknown.
    pub fn identity(&self) -> Result<BucketIdentity> {
        let known = match self.known() {
            Some(known) => known,
            None => self.read().map_err(|failure| self.read_error(failure))?,
        };
        Ok(BucketIdentity {
            store: known.manifest.store.clone(),
            object_format: known.manifest.object_format,
            peer_key: known.manifest.peer_key.clone(),
        })
    }

    /// Returns the last shared state that this process has read from the bucket or written to it, without sending a request; `None` if
    /// there is none yet.
    pub fn last_known(&self) -> Option<Arc<SharedState>> {
        self.known().map(|known| known.state.clone())
    }

    pub(super) fn lock_known(&self) -> MutexGuard<'_, Option<Arc<KnownManifest>>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn known(&self) -> Option<Arc<KnownManifest>> {
        self.lock_known().clone()
    }

    pub(super) fn set_own_batch(&self, batch: &str) {
        *self
            .own_batch
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = Some(batch.to_owned());
    }

    pub(super) fn is_own(&self, known: &KnownManifest) -> bool {
        let own = self
            .own_batch
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        own.as_ref() == Some(&known.manifest.batch)
    }

    /// Returns the error for a request that failed and changed nothing in the bucket.
    pub(super) fn unreachable(&self, reason: &str) -> Error {
        Error::Unreachable {
            url: self.url.clone(),
            reason: reason.to_owned(),
        }
    }

    /// Returns the source of an `Unconfirmed` error: no response confirmed that the manifest was replaced.
    pub(super) fn no_response(&self, reason: &str) -> Error {
        Error::Database {
            action: format!("confirm the change in {}", self.url),
            source: reason.to_owned().into(),
        }
    }

    pub(super) fn not_a_store(&self, reason: impl Into<String>) -> Error {
        Error::NotAStore {
            root: PathBuf::from(&self.url),
            reason: reason.into(),
        }
    }

    pub(super) fn read_error(&self, failure: ReadFailure) -> Error {
        match failure {
            ReadFailure::Unreachable(reason) => self.unreachable(&reason),
            ReadFailure::Absent => {
                let hint = format!(
                    "it has no manifest: check the URL; `wasmstore bucket init {}` creates a store there",
                    self.url
                );
                self.unreachable(&hint)
            }
            ReadFailure::Invalid(reason) => self.unreachable(&reason),
        }
    }

    pub(super) fn transfer_error(
        &self,
        error: TransferError,
        files: &PackFiles,
        key: &str,
    ) -> Error {
        match error {
            TransferError::File(action, source) => Error::Io {
                action,
                path: files.pack.clone(),
                source,
            },
            TransferError::Request(RequestFailure::NotFound) => {
                Error::Missing { id: key.to_owned() }
            }
            TransferError::Request(failure) => self.unreachable(failure.reason()),
        }
    }

    pub(super) fn checked_text(&self, manifest: &Manifest) -> Result<String> {
        let text = manifest.encode();
        if text.len() <= MANIFEST_BYTES_MAX {
            return Ok(text);
        }
        let packs = manifest.packs.len();
        Err(Error::LimitExceeded {
            object: format!("the manifest of {}", self.url),
            reason: format!(
                "it would have {} bytes, and {packs} packs; run `wasmstore gc`",
                text.len()
            ),
        })
    }
}
