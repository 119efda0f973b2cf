//! An object store in memory for tests. Its conditional writes differ from those of S3.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::stream::BoxStream;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta,
    ObjectStore, ObjectStoreExt as _, PutMode, PutMultipartOptions, PutOptions, PutPayload,
    PutResult, Result,
};

/// How an object store handles the condition of a conditional write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Conditions {
    /// The store ignores the condition, and writes.
    Ignored,
    /// The store checks the condition some time before it writes, so several writers with the same condition can succeed.
    CheckedEarly,
    /// The store compares the ETag in `If-Match` without quotation marks, as Ceph 16 does.
    Unquoted,
}

/// An object store in memory that handles conditional writes in the given way.
#[derive(Debug)]
pub struct OddStore {
    objects: InMemory,
    conditions: Conditions,
}

impl OddStore {
    pub fn new(conditions: Conditions) -> Self {
        Self {
            objects: InMemory::new(),
            conditions,
        }
    }

    /// Returns whether the condition of a write is satisfied now.
    async fn is_satisfied(&self, location: &Path, mode: &PutMode) -> bool {
        let current = self
            .objects
            .head(location)
            .await
            .ok()
            .and_then(|meta| meta.e_tag);
        match mode {
            PutMode::Overwrite => true,
            PutMode::Create => current.is_none(),
            PutMode::Update(version) => current == version.e_tag,
        }
    }
}

impl fmt::Display for OddStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OddStore")
    }
}

#[async_trait]
impl ObjectStore for OddStore {
    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        mut options: PutOptions,
    ) -> Result<PutResult> {
        match self.conditions {
            Conditions::Ignored => options.mode = PutMode::Overwrite,
            Conditions::CheckedEarly => {
                if !self.is_satisfied(location, &options.mode).await {
                    return Err(Error::Precondition {
                        path: location.to_string(),
                        source: "the condition is not satisfied".into(),
                    });
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
                options.mode = PutMode::Overwrite;
            }
            Conditions::Unquoted => {
                if let PutMode::Update(version) = &mut options.mode {
                    version.e_tag = version.e_tag.take().map(|tag| format!("\"{tag}\""));
                }
            }
        }
        self.objects.put_opts(location, payload, options).await
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.objects.put_multipart_opts(location, options).await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.objects.get_opts(location, options).await
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        self.objects.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.objects.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.objects.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.objects.copy_opts(from, to, options).await
    }
}
