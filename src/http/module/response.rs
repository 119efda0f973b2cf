//! Responses that are a module: all of its bytes, a range of them, a compressed variant, or 304.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_RANGE, CONTENT_TYPE, ETAG, RANGE, VARY,
};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use crate::http::commit_header::CommitHeader;
use crate::http::error::Result;
use crate::http::module::encodings::{Coding, Variant};
use crate::http::module::etag::{self, Freshness};
use crate::http::module::range::parse_range;
use crate::http::module::send_budget::{BudgetedModule, SMALL_BYTES_MAX};
use crate::http::state::App;
use crate::names::{CommitId, Digest, ModuleHash, ModulePath};
use crate::store::{self, Blob, Module, Revision, Store};

/// The value of `Vary`: the request headers that select among the responses of one URL.
const VARY_HEADERS: &str = "Accept-Encoding, Wasmstore-Branch, Wasmstore-Commit";

/// How the URL names a module, which decides on the caching of the response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::http) enum NamedBy {
    /// By hash: the response never changes.
    Hash,
    /// By path: the response is the path's module in this commit.
    Path(Option<CommitId>),
}

/// A module that was found, and the commit in which it was found.
struct FoundModule {
    commit: Option<CommitId>,
    hash: ModuleHash,
    content: FoundContent,
}

enum FoundContent {
    Read(Module),
    /// The module has this size in bytes and is only read once memory for it is reserved.
    Unread(u64),
}

/// The representation of a module that a response sends.
struct Representation {
    module: Module,
    /// Keeps the memory of a large module reserved until the body is sent.
    budgeted: Option<Arc<BudgetedModule>>,
    variant: Variant,
}

impl App {
    /// Responds with the module that `find` finds in a revision.
    pub async fn respond_with_module(
        &self,
        headers: &HeaderMap,
        revision: Revision,
        find: impl Fn(&Store, &Revision) -> store::Result<ModuleHash> + Clone + Send + 'static,
        name_kind: impl Fn(Option<CommitId>) -> NamedBy,
    ) -> Result<Response> {
        let (mut memory, mut reserved_bytes) = (None, SMALL_BYTES_MAX);
        // A second round follows if the module is large, and a third one if the path got a larger module while the request
        // waited for memory.
        loop {
            let found = self
                .find_module(revision.clone(), find.clone(), reserved_bytes)
                .await?;
            let named_by = name_kind(found.commit);
            if let Freshness::NotModified = etag::evaluate(headers, &found.hash.to_string())? {
                return Ok(self.not_modified(headers, found.hash, named_by));
            }
            let (module, budgeted) = match (found.content, self.send_budget.get(found.hash)) {
                (FoundContent::Read(module), _) => match memory.take() {
                    Some(memory) => self.send_budget.share(module, memory),
                    None => (module, None),
                },
                (FoundContent::Unread(_), Some(shared)) => shared,
                (FoundContent::Unread(size_bytes), None) => {
                    // A smaller reservation is released first: two requests that hold one and wait for more would deadlock.
                    drop(memory.take());
                    memory = Some(self.send_budget.reserve(size_bytes).await?);
                    reserved_bytes = size_bytes;
                    continue;
                }
            };
            let (module, variant) = self.select_variant(module, headers).await?;
            let representation = Representation {
                module,
                budgeted,
                variant,
            };
            return self.send(headers, representation, named_by);
        }
    }

    async fn find_module(
        &self,
        revision: Revision,
        find: impl Fn(&Store, &Revision) -> store::Result<ModuleHash> + Send + 'static,
        bytes_max: u64,
    ) -> Result<FoundModule> {
        let find = move |store: &Store, revision: &Revision| {
            let hash = find(store, revision)?;
            let content = match store.cached_module(hash) {
                Some(module) => FoundContent::Read(module),
                None => match store.size_bytes(hash)? {
                    size_bytes if size_bytes > bytes_max => FoundContent::Unread(size_bytes),
                    _ => FoundContent::Read(store.module(hash)?),
                },
            };
            Ok((hash, content))
        };
        self.run_read(move |store| {
            let (commit, (hash, content)) =
                store.as_of(&revision, |revision| find(store, revision))?;
            Ok(FoundModule {
                commit,
                hash,
                content,
            })
        })
        .await
    }

    /// Responds with the module at a path if only the branch's ref has to be read for it, because everything else is cached.
    /// Returns `None` otherwise.
    pub fn respond_from_cache(
        &self,
        headers: &HeaderMap,
        revision: &Revision,
        path: &ModulePath,
    ) -> Result<Option<Response>> {
        let Some((commit, module)) = self.run_inline(|store| store.find_cached(revision, path))
        else {
            return Ok(None);
        };
        let named_by = NamedBy::Path(Some(commit));
        if let Freshness::NotModified = etag::evaluate(headers, &module.hash.to_string())? {
            return Ok(Some(self.not_modified(headers, module.hash, named_by)));
        }
        let Ok(variant) = self.cached_variant(&module, headers) else {
            return Ok(None);
        };
        let representation = Representation {
            module,
            budgeted: None,
            variant,
        };
        self.send(headers, representation, named_by).map(Some)
    }

    /// Sends the requested range of the module, or the whole representation.
    fn send(
        &self,
        headers: &HeaderMap,
        representation: Representation,
        named_by: NamedBy,
    ) -> Result<Response> {
        let size_bytes = representation.module.bytes.len() as u64;
        let etag = etag::of_module(representation.module.hash, None);
        let Some(range) = parse_range(headers, size_bytes, &etag)? else {
            return Ok(self.module_response(representation, named_by, |body| body));
        };
        let uncompressed = Representation {
            variant: Variant::Identity,
            ..representation
        };
        let mut response = self.module_response(uncompressed, named_by, |body| {
            body.slice(range.start as usize..range.end as usize)
        });
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
        let content_range = format!("bytes {}-{}/{size_bytes}", range.start, range.end - 1);
        response
            .headers_mut()
            .insert(CONTENT_RANGE, value(&content_range));
        Ok(response)
    }

    /// Returns the variant that the client prefers if it is cached.
    ///
    /// # Errors
    /// The coding in which the module must be compressed first.
    fn cached_variant(&self, module: &Module, headers: &HeaderMap) -> Result<Variant, Coding> {
        match Coding::preferred(headers) {
            // A range is always one of the uncompressed bytes.
            Some(coding) if !headers.contains_key(RANGE) => {
                self.encodings.get(module, coding).ok_or(coding)
            }
            _ => Ok(Variant::Identity),
        }
    }

    /// Returns the variant that the client prefers, and compresses the module if necessary.
    async fn select_variant(
        &self,
        module: Module,
        headers: &HeaderMap,
    ) -> Result<(Module, Variant)> {
        let coding = match self.cached_variant(&module, headers) {
            Ok(variant) => return Ok((module, variant)),
            Err(coding) => coding,
        };
        let app = self.clone();
        self.run_read(move |_| {
            let variant = app.encodings.get_or_compress(&module, coding);
            Ok((module, variant))
        })
        .await
    }

    fn not_modified(&self, headers: &HeaderMap, hash: ModuleHash, named_by: NamedBy) -> Response {
        let etag = etag::of_not_modified(headers, hash);
        let mut response = StatusCode::NOT_MODIFIED.into_response();
        response.headers_mut().insert(ETAG, value(&etag));
        self.insert_cache_headers(response.headers_mut(), named_by);
        response
    }

    fn module_response(
        &self,
        representation: Representation,
        named_by: NamedBy,
        slice: impl FnOnce(Bytes) -> Bytes,
    ) -> Response {
        let Representation {
            module,
            budgeted,
            variant,
        } = representation;
        let mut headers = HeaderMap::with_capacity(16);
        let coding = match &variant {
            Variant::Compressed(coding, _) => Some(*coding),
            Variant::Identity => None,
        };
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/wasm"));
        headers.insert("wasmstore-hash", value(&module.hash.to_string()));
        headers.insert("wasmstore-digest", value(&module.digest.to_string()));
        headers.insert(ETAG, value(&etag::of_module(module.hash, coding)));
        headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
        self.insert_cache_headers(&mut headers, named_by);
        let body = match variant {
            Variant::Compressed(coding, bytes) => {
                headers.insert(CONTENT_ENCODING, HeaderValue::from_static(coding.name()));
                bytes
            }
            Variant::Identity => {
                headers.insert("repr-digest", repr_digest(module.digest));
                Bytes::from_owner(SentBytes(module.bytes, budgeted))
            }
        };
        (headers, Body::from(slice(body))).into_response()
    }

    /// Inserts the headers that control caches, and `Wasmstore-Commit`.
    fn insert_cache_headers(&self, headers: &mut HeaderMap, named_by: NamedBy) {
        headers.insert(VARY, HeaderValue::from_static(VARY_HEADERS));
        let control = match (named_by, self.is_private) {
            (NamedBy::Hash, false) => "public, max-age=31536000, immutable",
            (NamedBy::Hash, true) => "private, max-age=31536000, immutable",
            (NamedBy::Path(_), false) => "no-cache",
            (NamedBy::Path(_), true) => "private, no-cache",
        };
        headers.insert(CACHE_CONTROL, HeaderValue::from_static(control));
        if let NamedBy::Path(commit) = named_by {
            CommitHeader(commit).insert_into(headers);
        }
    }
}

/// A module's bytes in a response body, with the reservation of their memory.
struct SentBytes(
    Blob,
    #[expect(dead_code, reason = "held for its drop")] Option<Arc<BudgetedModule>>,
);

impl AsRef<[u8]> for SentBytes {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

/// Returns the value of `Repr-Digest` (RFC 9530, section 3).
fn repr_digest(digest: Digest) -> HeaderValue {
    value(&format!(
        "sha-256=:{}:",
        BASE64_STANDARD.encode(digest.as_bytes())
    ))
}

fn value(text: &str) -> HeaderValue {
    text.parse()
        .expect("BUG: hex, base64 and numbers are header values")
}
