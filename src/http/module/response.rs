//! The answer that is a module: its bytes, or a part of them, or a compressed form, or that the client has them.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_RANGE, CONTENT_TYPE, ETAG, RANGE, VARY,
};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use crate::http::commit_header;
use crate::http::error::Result;
use crate::http::module::encodings::Coding;
use crate::http::module::etag::{self, Read};
use crate::http::module::range;
use crate::http::module::send_budget::{Held, SMALL_BYTES_MAX};
use crate::http::state::App;
use crate::names::{CommitId, Digest, ModuleHash, ModulePath};
use crate::store::{self, Blob, Module, Revision, Store};

/// What tells the answer of one URL from another answer of it.
const VARIES: &str = "Accept-Encoding, Wasmstore-Branch, Wasmstore-Commit";

/// How a module was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::http) enum AskedBy {
    /// The answer never changes.
    Hash,
    /// The answer is what is there now, as of the commit.
    Path(Option<CommitId>),
}

/// A module that was asked for, and the commit that it was found in.
struct Found {
    commit: Option<CommitId>,
    hash: ModuleHash,
    /// The module, or the size in bytes of one that is not read before there is memory for it.
    module: Result<Module, u64>,
}

/// What to send.
struct Content {
    module: Module,
    /// Held until the body is sent, if it is large.
    held: Option<Arc<Held>>,
    form: Option<(Coding, Bytes)>,
}

impl App {
    /// Answers a request for the module that `find` finds.
    pub async fn answer(
        &self,
        headers: &HeaderMap,
        at: Revision,
        find: impl Fn(&Store, &Revision) -> store::Result<ModuleHash> + Clone + Send + 'static,
        asked_by: impl Fn(Option<CommitId>) -> AskedBy,
    ) -> Result<Response> {
        let (mut memory, mut allowed_bytes) = (None, SMALL_BYTES_MAX);
        loop {
            let found = self.find(at.clone(), find.clone(), allowed_bytes).await?;
            let asked_by = asked_by(found.commit);
            if let Read::NotModified = etag::compare(headers, &found.hash.to_string())? {
                return Ok(self.not_modified(headers, found.hash, asked_by));
            }
            let (module, held) = match (found.module, self.large.get(found.hash)) {
                (Ok(module), _) => match memory.take() {
                    Some(memory) => self.large.keep(module, memory),
                    None => (module, None),
                },
                (Err(_), Some(held)) => held,
                (Err(size_bytes), None) => {
                    // What was too little is given back first.
                    drop(memory.take());
                    memory = Some(self.memory(size_bytes).await?);
                    allowed_bytes = size_bytes;
                    continue;
                }
            };
            let (module, form) = self.form(module, headers).await?;
            let content = Content { module, held, form };
            return self.send(headers, content, asked_by);
        }
    }

    async fn find(
        &self,
        at: Revision,
        find: impl Fn(&Store, &Revision) -> store::Result<ModuleHash> + Send + 'static,
        allowed_bytes: u64,
    ) -> Result<Found> {
        let find = move |store: &Store, at: &Revision| {
            let hash = find(store, at)?;
            let module = match store.cached_module(hash) {
                Some(module) => Ok(module),
                None => match store.size_bytes(hash)? {
                    size_bytes if size_bytes > allowed_bytes => Err(size_bytes),
                    _ => Ok(store.module(hash)?),
                },
            };
            Ok((hash, module))
        };
        self.run(move |store| {
            let (commit, (hash, module)) = store.as_of(&at, |at| find(store, at))?;
            Ok(Found {
                commit,
                hash,
                module,
            })
        })
        .await
    }

    /// Answers a request for the module at a path, if that needs no more than a look at the branch's ref: the rest is in memory.
    pub fn answer_at_once(
        &self,
        headers: &HeaderMap,
        at: &Revision,
        path: &ModulePath,
    ) -> Result<Option<Response>> {
        let Some((commit, module)) = self.at_once(|store| store.find_cached(at, path)) else {
            return Ok(None);
        };
        let asked_by = AskedBy::Path(Some(commit));
        if let Read::NotModified = etag::compare(headers, &module.hash.to_string())? {
            return Ok(Some(self.not_modified(headers, module.hash, asked_by)));
        }
        let Ok(form) = self.known_form(&module, headers) else {
            return Ok(None);
        };
        let content = Content {
            module,
            held: None,
            form,
        };
        self.send(headers, content, asked_by).map(Some)
    }

    /// Sends the part that is asked for, or all of it.
    fn send(&self, headers: &HeaderMap, content: Content, asked_by: AskedBy) -> Result<Response> {
        let size_bytes = content.module.bytes.len() as u64;
        let tag = etag::of_module(content.module.hash, None);
        let Some(range) = range::asked(headers, size_bytes, &tag)? else {
            return Ok(self.module(content, asked_by, |body| body));
        };
        let plain = Content {
            form: None,
            ..content
        };
        let mut response = self.module(plain, asked_by, |body| {
            body.slice(range.start as usize..range.end as usize)
        });
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
        let range = format!("bytes {}-{}/{size_bytes}", range.start, range.end - 1);
        response.headers_mut().insert(CONTENT_RANGE, value(&range));
        Ok(response)
    }

    /// The compressed form that the client accepts, if there is one.
    ///
    /// # Errors
    /// The coding that it has to be made in first.
    fn known_form(
        &self,
        module: &Module,
        headers: &HeaderMap,
    ) -> Result<Option<(Coding, Bytes)>, Coding> {
        match Coding::accepted(headers) {
            // A part is always one of the plain form.
            Some(coding) if !headers.contains_key(RANGE) => {
                let form = self.forms.known(module, coding).ok_or(coding)?;
                Ok(form.map(|form| (coding, form)))
            }
            _ => Ok(None),
        }
    }

    /// The same, made if need be.
    async fn form(
        &self,
        module: Module,
        headers: &HeaderMap,
    ) -> Result<(Module, Option<(Coding, Bytes)>)> {
        let coding = match self.known_form(&module, headers) {
            Ok(form) => return Ok((module, form)),
            Err(coding) => coding,
        };
        let app = self.clone();
        self.run(move |_| {
            let form = app.forms.of(&module, coding);
            Ok((module, form.map(|form| (coding, form))))
        })
        .await
    }

    fn not_modified(&self, headers: &HeaderMap, hash: ModuleHash, asked_by: AskedBy) -> Response {
        let tag = etag::of_held(headers, hash);
        let mut response = StatusCode::NOT_MODIFIED.into_response();
        response.headers_mut().insert(ETAG, value(&tag));
        self.describe(response.headers_mut(), asked_by);
        response
    }

    fn module(
        &self,
        content: Content,
        asked_by: AskedBy,
        part: impl FnOnce(Bytes) -> Bytes,
    ) -> Response {
        let Content { module, held, form } = content;
        let mut headers = HeaderMap::with_capacity(16);
        let coding = form.as_ref().map(|(coding, _)| *coding);
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/wasm"));
        headers.insert("wasmstore-hash", value(&module.hash.to_string()));
        headers.insert("wasmstore-digest", value(&module.digest.to_string()));
        headers.insert(ETAG, value(&etag::of_module(module.hash, coding)));
        headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
        self.describe(&mut headers, asked_by);
        let body = match form {
            Some((coding, form)) => {
                headers.insert(CONTENT_ENCODING, HeaderValue::from_static(coding.name()));
                form
            }
            None => {
                headers.insert("repr-digest", repr_digest(module.digest));
                Bytes::from_owner(Sending(module.bytes, held))
            }
        };
        (headers, Body::from(part(body))).into_response()
    }

    /// The headers that tell caches what to do.
    fn describe(&self, headers: &mut HeaderMap, asked_by: AskedBy) {
        headers.insert(VARY, HeaderValue::from_static(VARIES));
        let control = match (asked_by, self.is_private) {
            (AskedBy::Hash, false) => "public, max-age=31536000, immutable",
            (AskedBy::Hash, true) => "private, max-age=31536000, immutable",
            (AskedBy::Path(_), false) => "no-cache",
            (AskedBy::Path(_), true) => "private, no-cache",
        };
        headers.insert(CACHE_CONTROL, HeaderValue::from_static(control));
        if let AskedBy::Path(commit) = asked_by {
            commit_header::At(commit).tell(headers);
        }
    }
}

/// Bytes that are being sent, and the right to hold so many.
struct Sending(
    Blob,
    #[expect(dead_code, reason = "held for its drop")] Option<Arc<Held>>,
);

impl AsRef<[u8]> for Sending {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

/// RFC 9530, section 3.
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
