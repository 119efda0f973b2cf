//! Blocking requests to the object store.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use object_store::path::Path;
use object_store::{
    GetOptions, ObjectStore, ObjectStoreExt as _, PutMode, PutOptions, PutPayload, UpdateVersion,
};
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinHandle;

use super::counters::{Counters, RequestKind};
use super::manifest::MANIFEST_BYTES_MAX;
use super::open::Stores;
use super::repeat::repeated;
use super::request_failure::RequestFailure;

/// The key of the [`Manifest`](super::manifest::Manifest), which describes the state of the store.
pub(super) const MANIFEST: &str = "manifest";

/// How many objects are deleted at the same time. One after the other, the thousands that a gc may have to delete would take minutes.
const DELETIONS_MAX: usize = 16;

/// A client of the object store. Its methods block; they must not be called by a task of an async runtime.
///
/// The client has its own tokio runtime with one thread for its connections, because its callers are synchronous.
#[derive(Debug)]
pub(super) struct Client {
    pub(super) stores: Stores,
    pub(super) counters: Arc<Counters>,
    /// The runtime of the connections; `None` only while `drop` runs.
    runtime: Option<Runtime>,
    request_timeout: Duration,
    etag_style: AtomicU8,
}

/// The form in which the object store accepts an ETag in `If-Match` and `If-None-Match`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum EtagStyle {
    /// Not known yet. The ETag is sent as the store returned it.
    Untested = 0,
    /// The ETag is sent as the store returned it, with quotation marks.
    Quoted = 1,
    /// The ETag is sent without quotation marks: Ceph 16 compares the value of `If-Match` with the ETag without its quotation marks.
    Unquoted = 2,
}

/// The result of a request that reads the manifest only if it has changed.
pub(super) enum FoundManifest {
    /// The manifest still has the version that the caller knows.
    Unchanged,
    /// The manifest has another version: the text of the manifest, and its version.
    Changed(Vec<u8>, UpdateVersion),
}

impl Client {
    pub(super) fn new(stores: Stores, request_timeout: Duration) -> std::io::Result<Self> {
        let mut builder = Builder::new_multi_thread();
        let runtime = builder
            .worker_threads(1)
            .thread_name("bucket")
            .enable_all()
            .build()?;
        Ok(Self {
            stores,
            counters: Arc::default(),
            runtime: Some(runtime),
            request_timeout,
            etag_style: AtomicU8::new(EtagStyle::Untested as u8),
        })
    }

    fn runtime(&self) -> &Runtime {
        self.runtime
            .as_ref()
            .expect("BUG: the client is being dropped")
    }

    /// Blocks on a future that makes requests. The future must record its requests in `counters`.
    pub(super) fn block_on<T>(&self, work: impl Future<Output = T>) -> T {
        self.runtime().block_on(work)
    }

    /// Starts a request in the background. It runs to its end even if the returned handle is dropped.
    pub(super) fn spawn<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> JoinHandle<T> {
        self.runtime().spawn(work)
    }

    /// Makes a request without repeating it, and counts it.
    pub(super) fn request_once<T>(
        &self,
        kind: RequestKind,
        work: impl Future<Output = Result<T, object_store::Error>>,
    ) -> Result<T, RequestFailure> {
        self.block_on(counted(&self.counters, kind, work))
    }

    /// Makes a request, repeats it while its result is unknown, up to a limit, and counts each attempt.
    pub(super) fn request<T, F: Future<Output = Result<T, object_store::Error>>>(
        &self,
        kind: RequestKind,
        mut work: impl FnMut() -> F,
    ) -> Result<T, RequestFailure> {
        self.block_on(repeated(|| {
            let work = work();
            async { counted(&self.counters, kind, work).await }
        }))
    }

    /// Reads the manifest, unless its version is still `known`.
    pub(super) fn get_manifest(
        &self,
        known: Option<&UpdateVersion>,
    ) -> Result<FoundManifest, RequestFailure> {
        self.block_on(repeated(|| self.get_manifest_once(known)))
    }

    async fn get_manifest_once(
        &self,
        known: Option<&UpdateVersion>,
    ) -> Result<FoundManifest, RequestFailure> {
        let started = Instant::now();
        let read = tokio::time::timeout(self.request_timeout, self.read_manifest(known)).await;
        let result = read.unwrap_or_else(|_| Err(timed_out(self.request_timeout)));
        self.counters
            .record(RequestKind::GetManifest, started.elapsed(), &result);
        if let Ok(FoundManifest::Changed(text, _)) = &result {
            add(&self.counters.downloaded_bytes, text.len());
        }
        result
    }

    async fn read_manifest(
        &self,
        known: Option<&UpdateVersion>,
    ) -> Result<FoundManifest, RequestFailure> {
        let options = GetOptions {
            if_none_match: known.and_then(|known| self.styled(known).e_tag),
            ..GetOptions::default()
        };
        let key = Path::from(MANIFEST);
        let found = match self.stores.manifest.get_opts(&key, options).await {
            Err(object_store::Error::NotModified { .. }) => return Ok(FoundManifest::Unchanged),
            found => found?,
        };
        let version = UpdateVersion {
            e_tag: found.meta.e_tag.clone(),
            version: found.meta.version.clone(),
        };
        if known.is_some_and(|known| is_same(known, &version)) {
            return Ok(FoundManifest::Unchanged);
        }
        // Reading stops once the text is longer than allowed, which is enough for `Manifest::parse` to reject it.
        let mut text = Vec::new();
        let mut content = found.into_stream();
        while let Some(part) = content.try_next().await? {
            text.extend_from_slice(&part);
            if text.len() > MANIFEST_BYTES_MAX {
                break;
            }
        }
        Ok(FoundManifest::Changed(text, version))
    }

    /// Starts a conditional write of the manifest. It succeeds if the manifest has the version `expected` or, for `None`, if there is no
    /// manifest.
    pub(super) fn start_put_manifest(
        &self,
        text: &str,
        expected: Option<&UpdateVersion>,
    ) -> JoinHandle<Result<UpdateVersion, RequestFailure>> {
        let mode = match expected {
            Some(expected) => PutMode::Update(self.styled(expected)),
            None => PutMode::Create,
        };
        let (store, counters, timeout) = (
            self.stores.manifest.clone(),
            self.counters.clone(),
            self.request_timeout,
        );
        let payload = PutPayload::from(text.to_owned());
        let length = payload.content_length();
        self.spawn(async move {
            let key = Path::from(MANIFEST);
            let put = store.put_opts(&key, payload, PutOptions::from(mode));
            let started = Instant::now();
            let result = match tokio::time::timeout(timeout, put).await {
                Ok(result) => result
                    .map(UpdateVersion::from)
                    .map_err(RequestFailure::from),
                Err(_) => Err(timed_out(timeout)),
            };
            counters.record(RequestKind::PutManifest, started.elapsed(), &result);
            add(&counters.uploaded_bytes, length);
            result
        })
    }

    /// Returns the key and the size in bytes of each object below the directory `prefix`.
    pub(super) fn list(&self, prefix: &str) -> Result<Vec<(String, u64)>, RequestFailure> {
        self.request(RequestKind::List, || async {
            let listed = self.stores.packs.list(Some(&Path::from(prefix)));
            let listed = listed.map_ok(|meta| (meta.location.to_string(), meta.size));
            listed.try_collect().await
        })
    }

    /// Deletes an object, if it exists.
    pub(super) fn delete(&self, key: &str) -> Result<(), RequestFailure> {
        self.delete_all(&[key.to_owned()])
    }

    /// Deletes the objects with these keys, up to [`DELETIONS_MAX`] at a time. Skips objects that do not exist.
    ///
    /// # Errors
    /// A deletion failed. Deletions that had not begun are not made.
    pub(super) fn delete_all(&self, keys: &[String]) -> Result<(), RequestFailure> {
        let keys = stream::iter(keys).map(Ok);
        self.block_on(
            keys.try_for_each_concurrent(DELETIONS_MAX, |key| async move {
                let key = Path::from(key.as_str());
                let delete = || {
                    let deletion = self.stores.packs.delete(&key);
                    counted(&self.counters, RequestKind::Delete, deletion)
                };
                match repeated(delete).await {
                    Err(RequestFailure::NotFound) => Ok(()),
                    other => other,
                }
            }),
        )
    }

    pub(super) fn etag_style(&self) -> EtagStyle {
        match self.etag_style.load(Ordering::Relaxed) {
            1 => EtagStyle::Quoted,
            2 => EtagStyle::Unquoted,
            _ => EtagStyle::Untested,
        }
    }

    pub(super) fn set_etag_style(&self, style: EtagStyle) {
        self.etag_style.store(style as u8, Ordering::Relaxed);
    }

    /// Returns a version with its ETag in the form that the object store accepts in `If-Match` and `If-None-Match`.
    fn styled(&self, version: &UpdateVersion) -> UpdateVersion {
        styled(version, self.etag_style())
    }
}

/// Makes a request, and records its duration and result.
pub(super) async fn counted<T>(
    counters: &Counters,
    kind: RequestKind,
    work: impl Future<Output = Result<T, object_store::Error>>,
) -> Result<T, RequestFailure> {
    let started = Instant::now();
    let result = work.await.map_err(RequestFailure::from);
    counters.record(kind, started.elapsed(), &result);
    result
}

/// Returns a version with its ETag in the form `style`.
pub(super) fn styled(version: &UpdateVersion, style: EtagStyle) -> UpdateVersion {
    let mut version = version.clone();
    if style == EtagStyle::Unquoted {
        version.e_tag = version.e_tag.map(|tag| tag.trim_matches('"').to_owned());
    }
    version
}

/// Returns whether two versions are the same. Compares the ETags or, if a response had no ETag, the version ids of the object store.
pub(super) fn is_same(one: &UpdateVersion, other: &UpdateVersion) -> bool {
    match (&one.e_tag, &other.e_tag) {
        (Some(one), Some(other)) => one == other,
        _ => one.version.is_some() && one.version == other.version,
    }
}

fn timed_out(after: Duration) -> RequestFailure {
    RequestFailure::Unknown(format!("no response within {} ms", after.as_millis()))
}

/// Adds a number of bytes to a counter.
pub(super) fn add(counter: &std::sync::atomic::AtomicU64, bytes: usize) {
    counter.fetch_add(bytes as u64, Ordering::Relaxed);
}

impl Drop for Client {
    fn drop(&mut self) {
        // Dropping a runtime waits for its tasks, and panics in a task of another runtime. A shutdown in the background does neither.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
