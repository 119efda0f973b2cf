//! Responses that send a module: all of its bytes, a range of them, a compressed variant, or 304.

use axum::body::{Body, Bytes};
use axum::http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_RANGE, CONTENT_TYPE, ETAG, VARY,
};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};

use crate::budget::Charge;
use crate::http::commit_header::CommitHeader;
use crate::http::error::Result;
use crate::http::module::etag::{self, Freshness};
use crate::http::module::range::parse_range;
use crate::http::module::representation::{FoundContent, Representation, SentBody};
use crate::http::state::App;
use crate::names::{CommitId, ModuleHash, ModulePath};
use crate::store::{self, Revision, Store};
use crate::wire::digest_field;

/// The value of `Vary`: the request headers on which the response for a URL depends.
const VARY_HEADERS: &str = "Accept-Encoding, Wasmstore-Branch, Wasmstore-Commit";

/// How the URL names a module. That determines how long the response may be cached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::http) enum NamedBy {
    /// The URL names the module by hash, so the response never changes.
    Hash,
    /// The URL names the module by path, so the response is the module that the path has in this commit.
    Path(Option<CommitId>),
}

/// A module that was found, and the commit in which it was found.
struct FoundModule {
    commit: Option<CommitId>,
    hash: ModuleHash,
    content: FoundContent,
}

impl App {
    /// Responds with the module that `find` finds in a revision. `name_kind` returns how the URL names the module.
    pub async fn respond_with_module(
        &self,
        headers: &HeaderMap,
        revision: Revision,
        find: impl Fn(&Store, &Revision) -> store::Result<ModuleHash> + Clone + Send + 'static,
        name_kind: impl Fn(Option<CommitId>) -> NamedBy,
    ) -> Result<Response> {
        let mut charge = None;
        // The first pass finds the module. If the memory for it is not free, a second pass follows after a wait for memory, and further
        // passes if a larger module was put at the path during the wait.
        loop {
            let found = self
                .find_module(revision.clone(), find.clone(), charge.take())
                .await?;
            let named_by = name_kind(found.commit);
            let digest = found.content.digest();
            if let Some(Freshness::NotModified) =
                etag::evaluate_module(headers, found.hash, digest)?
            {
                return Ok(self.not_modified(headers, found.hash, named_by));
            }
            match found.content {
                FoundContent::Read(sent) => {
                    let representation = self.representation(sent, headers).await;
                    return self.send(headers, representation, named_by);
                }
                FoundContent::Unread(size_bytes) => {
                    charge = Some(self.charge(size_bytes).await?);
                }
            }
        }
    }

    async fn find_module(
        &self,
        revision: Revision,
        find: impl Fn(&Store, &Revision) -> store::Result<ModuleHash> + Send + 'static,
        mut charge: Option<Charge>,
    ) -> Result<FoundModule> {
        let app = self.clone();
        self.run_read(move |store| {
            let (commit, (hash, content)) = store.as_of(&revision, |revision| {
                let hash = find(store, revision)?;
                Ok((hash, app.read_if_free(hash, charge.take())?))
            })?;
            Ok(FoundModule {
                commit,
                hash,
                content,
            })
        })
        .await
    }

    /// Responds with the module at a path if everything except the ref of the branch is cached, and if memory is free. Otherwise returns
    /// `None`.
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
        let fresh = etag::evaluate_module(headers, module.hash, Some(module.digest))?;
        if let Some(Freshness::NotModified) = fresh {
            return Ok(Some(self.not_modified(headers, module.hash, named_by)));
        }
        let Some(representation) = self.cached_representation(&module, headers) else {
            return Ok(None);
        };
        self.send(headers, representation, named_by).map(Some)
    }

    /// Sends the requested range of a module, or its whole representation.
    fn send(
        &self,
        headers: &HeaderMap,
        representation: Representation,
        named_by: NamedBy,
    ) -> Result<Response> {
        let size_bytes = representation.size_bytes;
        let etag = etag::of_module(representation.hash, None);
        let Some(range) = parse_range(headers, size_bytes, &etag)? else {
            return Ok(self.module_response(representation, named_by, |body| body));
        };
        let mut response = self.module_response(representation, named_by, |body| {
            body.slice(range.start as usize..range.end as usize)
        });
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
        let content_range = format!("bytes {}-{}/{size_bytes}", range.start, range.end - 1);
        response
            .headers_mut()
            .insert(CONTENT_RANGE, value(&content_range));
        Ok(response)
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
            hash, digest, body, ..
        } = representation;
        let mut headers = HeaderMap::with_capacity(16);
        let coding = match &body {
            SentBody::Compressed(coding, _) => Some(*coding),
            SentBody::Identity(_) => None,
        };
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/wasm"));
        headers.insert("wasmstore-hash", value(&hash.to_string()));
        headers.insert("wasmstore-digest", value(&digest.to_string()));
        headers.insert(ETAG, value(&etag::of_module(hash, coding)));
        headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
        self.insert_cache_headers(&mut headers, named_by);
        match coding {
            Some(coding) => {
                headers.insert(CONTENT_ENCODING, HeaderValue::from_static(coding.name()));
            }
            None => {
                headers.insert("repr-digest", value(&digest_field(digest)));
            }
        }
        (headers, Body::from(slice(Bytes::from_owner(body)))).into_response()
    }

    /// Adds the headers that control caches, and `Wasmstore-Commit`.
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

fn value(text: &str) -> HeaderValue {
    text.parse()
        .expect("BUG: hex, base64 and numbers are header values")
}
