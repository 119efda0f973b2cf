//! The representation of a module in a response: the module itself or a compressed variant. It is charged to the memory budget.

use std::sync::Arc;

use axum::body::Bytes;
use axum::http::HeaderMap;
use axum::http::header::RANGE;

use crate::budget::Charge;
use crate::http::module::encodings::{Coding, Variant, memory_to_compress};
use crate::http::module::in_flight::InFlightValue;
use crate::http::state::App;
use crate::names::{Digest, ModuleHash};
use crate::store::{self, Module};

/// A module that is being sent.
pub(in crate::http) type InFlightModule = InFlightValue<ModuleHash, Module>;

/// A compressed variant that is being sent.
pub(in crate::http) type InFlightVariant = InFlightValue<(ModuleHash, Coding), Bytes>;

/// The result of looking up a module: the module or, if there was no memory to read it, its size.
pub(super) enum FoundContent {
    Read(Arc<InFlightModule>),
    /// The module was not read, because the memory for it is not free. The value is its size in bytes.
    Unread(u64),
}

impl FoundContent {
    /// Returns the digest of the module; `None` if the module was not read.
    pub fn digest(&self) -> Option<Digest> {
        match self {
            Self::Read(sent) => Some(sent.value.digest),
            Self::Unread(_) => None,
        }
    }
}

/// What a response sends for a module: its body, and what the headers state about the module.
pub(super) struct Representation {
    pub hash: ModuleHash,
    pub digest: Digest,
    /// The size of the module, in bytes.
    pub size_bytes: u64,
    pub body: SentBody,
}

/// The bytes of a response body. They are charged to the memory budget until the body is sent.
pub(super) enum SentBody {
    Identity(Arc<InFlightModule>),
    Compressed(Coding, Arc<InFlightVariant>),
}

impl Representation {
    fn new(module: &Module, body: SentBody) -> Self {
        Self {
            hash: module.hash,
            digest: module.digest,
            size_bytes: module.bytes.len() as u64,
            body,
        }
    }
}

impl AsRef<[u8]> for SentBody {
    fn as_ref(&self) -> &[u8] {
        match self {
            Self::Identity(sent) => &sent.value.bytes,
            Self::Compressed(_, sent) => &sent.value,
        }
    }
}

impl App {
    /// Reads a module if the memory that `charge` holds is enough for it, or if enough memory is free. Releases a `charge` that is too
    /// small. If there is not enough memory, returns only the size of the module.
    pub(super) fn read_if_free(
        &self,
        hash: ModuleHash,
        charge: Option<Charge>,
    ) -> store::Result<FoundContent> {
        if let Some(sent) = self.sent_modules.get(hash) {
            return Ok(FoundContent::Read(sent));
        }
        let cached = self.store.cached_module(hash);
        let size_bytes = match &cached {
            Some(module) => module.bytes.len() as u64,
            None => self.store.size_bytes(hash)?,
        };
        // For a module that is larger than the budget, the largest possible charge is used, so that no other large module is in memory at
        // the same time.
        let needed_bytes = size_bytes.min(self.memory.largest());
        let enough = charge.filter(|charge| charge.bytes() >= needed_bytes);
        let charge = match enough {
            Some(mut charge) => {
                charge.shrink(charge.bytes() - needed_bytes);
                charge
            }
            None => match self.memory.try_charge(needed_bytes) {
                Ok(charge) => charge,
                Err(_) => return Ok(FoundContent::Unread(size_bytes)),
            },
        };
        let module = match cached {
            Some(module) => module,
            None => self.store.module(hash)?,
        };
        Ok(FoundContent::Read(
            self.sent_modules.share(hash, module, charge),
        ))
    }

    /// Returns the representation that the client prefers. Compresses the module if necessary. If compression would have to wait for memory
    /// or for a permit, returns the uncompressed module instead: the response already holds the memory of the module, which other requests
    /// could not use during the wait.
    pub(super) async fn representation(
        &self,
        sent: Arc<InFlightModule>,
        headers: &HeaderMap,
    ) -> Representation {
        let variant = match self.cached_variant(&sent.value, headers) {
            Ok(variant) => variant,
            Err(coding) => {
                let (app, sent) = (self.clone(), Arc::clone(&sent));
                self.run_long_read_at_once(move |_| app.compress_if_free(&sent.value, coding))
                    .await
                    .unwrap_or(Variant::Identity)
            }
        };
        let compressed = match variant {
            Variant::Compressed(coding, bytes) => self
                .sent_variant(sent.value.hash, coding, bytes)
                .map(|variant| (coding, variant)),
            Variant::Identity => None,
        };
        let module = sent.value.clone();
        let body = match compressed {
            Some((coding, variant)) => SentBody::Compressed(coding, variant),
            None => SentBody::Identity(sent),
        };
        Representation::new(&module, body)
    }

    /// Returns the representation that the client prefers; `None` if it is not cached, or if the memory for the response is not free.
    pub(super) fn cached_representation(
        &self,
        module: &Module,
        headers: &HeaderMap,
    ) -> Option<Representation> {
        let body = match self.cached_variant(module, headers).ok()? {
            Variant::Compressed(coding, bytes) => {
                let sent = self.sent_variant(module.hash, coding, bytes)?;
                SentBody::Compressed(coding, sent)
            }
            Variant::Identity => SentBody::Identity(self.sent_module(module)?),
        };
        Some(Representation::new(module, body))
    }

    /// Charges a cached module to the memory budget; `None` if the memory is not free.
    fn sent_module(&self, module: &Module) -> Option<Arc<InFlightModule>> {
        self.sent_modules.get(module.hash).or_else(|| {
            let charge = self.memory.try_charge(module.bytes.len() as u64).ok()?;
            let module = module.clone();
            Some(self.sent_modules.share(module.hash, module, charge))
        })
    }

    /// Charges a compressed variant to the memory budget; `None` if the memory is not free.
    fn sent_variant(
        &self,
        hash: ModuleHash,
        coding: Coding,
        bytes: Bytes,
    ) -> Option<Arc<InFlightVariant>> {
        let key = (hash, coding);
        self.sent_variants.get(key).or_else(|| {
            let charge = self.memory.try_charge(bytes.len() as u64).ok()?;
            Some(self.sent_variants.share(key, bytes, charge))
        })
    }

    /// Returns the variant that the client prefers, if it is cached.
    ///
    /// # Errors
    /// If the variant is not cached: the coding in which the module must be compressed first.
    fn cached_variant(&self, module: &Module, headers: &HeaderMap) -> Result<Variant, Coding> {
        match Coding::preferred(headers) {
            // A range always selects from the uncompressed bytes.
            Some(coding) if !headers.contains_key(RANGE) => {
                self.encodings.get(module, coding).ok_or(coding)
            }
            _ => Ok(Variant::Identity),
        }
    }

    fn compress_if_free(&self, module: &Module, coding: Coding) -> Variant {
        let bytes = memory_to_compress(module.bytes.len() as u64);
        match self.memory.try_charge(bytes) {
            Ok(_charge) => self.encodings.get_or_compress(module, coding),
            Err(_) => Variant::Identity,
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::http::header::ACCEPT_ENCODING;

    use super::*;
    use crate::config::Options;
    use crate::http::middleware::auth::AccessCheck;
    use crate::http::options::ServerOptions;
    use crate::names::ModulePath;
    use crate::store::{Change, ObjectFormat, Store};

    #[tokio::test]
    async fn module_is_sent_uncompressed_if_compressing_it_would_have_to_wait() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open_or_create(directory.path(), Options::default(), ObjectFormat::Sha1);
        let store = store.unwrap();
        // A custom section with an empty name and 200 zeros.
        let bytes = [b"\0asm\x01\0\0\0\0\xc9\x01\0" as &[u8], &[0; 200]].concat();
        let path: ModulePath = "a.wasm".parse().unwrap();
        let hash = store.put(&Change::default(), &path, &bytes[..]).unwrap();
        let options = ServerOptions::default();
        let app = App::new(
            Arc::new(store),
            options,
            AccessCheck::default(),
            Bytes::new(),
            Default::default(),
        );
        let headers = HeaderMap::from_iter([(ACCEPT_ENCODING, "gzip".parse().unwrap())]);
        let sent = || match app.read_if_free(hash.value, None).unwrap() {
            FoundContent::Read(sent) => sent,
            FoundContent::Unread(_) => panic!("no memory is in use"),
        };
        let permits = app.take_all_long_read_permits();
        let selected = app.representation(sent(), &headers).await;
        assert_eq!(selected.body.as_ref(), bytes);
        drop(permits);
        let selected = app.representation(sent(), &headers).await;
        assert!(matches!(
            selected.body,
            SentBody::Compressed(Coding::Gzip, _)
        ));
    }
}
