//! A bucket in a local directory, for trying out a shared store. A lock makes its conditional writes atomic.

use std::fmt;
use std::fs::File;
use std::path::{Path as FilePath, PathBuf};

use async_trait::async_trait;
use futures_util::stream::BoxStream;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, GetResultPayload, ListResult, MultipartUpload,
    ObjectMeta, ObjectStore, ObjectStoreExt, PutMode, PutMultipartOptions, PutOptions, PutPayload,
    PutResult, Result,
};
use ring::digest::{SHA256, digest};

use super::manifest::hex;

/// The file that a writer locks. No key has this name: all keys start with `packs/`, `refs/`, `probe/` or `manifest`.
const LOCK: &str = ".lock";

/// A directory as an object store with conditional writes, which [`LocalFileSystem`] does not support.
///
/// The ETag of an object that is written conditionally is the hash of its content. The ETags of `LocalFileSystem` contain the time of
/// modification, so they could be equal after two fast writes.
#[derive(Debug)]
pub(super) struct LockedDirectory {
    files: LocalFileSystem,
    lock: PathBuf,
}

impl LockedDirectory {
    pub(super) fn open(directory: &FilePath) -> Result<Self> {
        Ok(Self {
            files: LocalFileSystem::new_with_prefix(directory)?.with_fsync(true),
            lock: directory.join(LOCK),
        })
    }

    /// Waits for the lock. Dropping the returned file releases it.
    async fn lock(&self) -> Result<File> {
        let path = self.lock.clone();
        let locked = tokio::task::spawn_blocking(move || {
            let file = File::options()
                .create(true)
                .truncate(false)
                .write(true)
                .open(path)?;
            file.lock()?;
            Ok::<_, std::io::Error>(file)
        });
        locked.await?.map_err(generic)
    }

    async fn replace_if_unchanged(
        &self,
        location: &Path,
        payload: PutPayload,
        expected: Option<String>,
    ) -> Result<PutResult> {
        let etag = payload_etag(&payload);
        let _lock = self.lock().await?;
        let current = match self.files.get(location).await {
            Ok(found) => Some(content_etag(&found.bytes().await?)),
            Err(Error::NotFound { .. }) => None,
            Err(error) => return Err(error),
        };
        if current != expected {
            return Err(Error::Precondition {
                path: location.to_string(),
                source: "the content has changed".into(),
            });
        }
        let options = PutOptions::from(PutMode::Overwrite);
        let put = self.files.put_opts(location, payload, options).await?;
        Ok(PutResult {
            e_tag: Some(etag),
            ..put
        })
    }
}

/// Returns whether the object at this location is written conditionally.
fn is_swapped(location: &Path) -> bool {
    let first = location.parts().next();
    first.is_some_and(|part| matches!(part.as_ref(), "manifest" | "probe"))
}

fn content_etag(content: &[u8]) -> String {
    format!("\"{}\"", hex(digest(&SHA256, content).as_ref()))
}

fn payload_etag(payload: &PutPayload) -> String {
    let parts: Vec<&[u8]> = payload.iter().map(AsRef::as_ref).collect();
    content_etag(&parts.concat())
}

fn generic(source: std::io::Error) -> Error {
    Error::Generic {
        store: "directory",
        source: Box::new(source),
    }
}

impl fmt::Display for LockedDirectory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.files.fmt(f)
    }
}

#[async_trait]
impl ObjectStore for LockedDirectory {
    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        options: PutOptions,
    ) -> Result<PutResult> {
        match &options.mode {
            PutMode::Update(version) => {
                self.replace_if_unchanged(location, payload, version.e_tag.clone())
                    .await
            }
            PutMode::Create | PutMode::Overwrite => {
                let etag = is_swapped(location).then(|| payload_etag(&payload));
                let put = self.files.put_opts(location, payload, options).await?;
                Ok(PutResult {
                    e_tag: etag.or(put.e_tag),
                    ..put
                })
            }
        }
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.files.put_multipart_opts(location, options).await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        if !is_swapped(location) {
            return self.files.get_opts(location, options).await;
        }
        let found = self.files.get(location).await?;
        let mut meta = found.meta.clone();
        let (range, attributes, extensions) = (
            found.range.clone(),
            found.attributes.clone(),
            found.extensions.clone(),
        );
        let content = found.bytes().await?;
        meta.e_tag = Some(content_etag(&content));
        options.check_preconditions(&meta)?;
        let content = futures_util::stream::once(async move { Ok(content) });
        Ok(GetResult {
            payload: GetResultPayload::Stream(Box::pin(content)),
            meta,
            range,
            attributes,
            extensions,
        })
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        self.files.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.files.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.files.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.files.copy_opts(from, to, options).await
    }
}

#[cfg(test)]
mod tests;
