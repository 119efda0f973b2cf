//! Uploads and downloads packs, as streams from and to files.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::Path as FilePath;
use std::sync::atomic::Ordering;
use std::time::Instant;

use futures_util::TryStreamExt as _;
use object_store::path::Path;
use object_store::{ObjectStoreExt as _, PutPayload, WriteMultipart};

use super::client::{Client, add};
use super::counters::RequestKind;
use super::repeat::{repeated, unless_silent};
use super::request_failure::RequestFailure;
use crate::repo::{PackFiles, PackKey};

/// The size of a part of an upload, in bytes. A file that is smaller is uploaded in one request.
const PART_BYTES: usize = 8 << 20;

/// The maximum size of a small upload, in bytes. A small upload fails, and is repeated, if the bucket does not respond for some seconds. A
/// larger upload may take longer, because the connection may be slow.
const SMALL_BYTES_MAX: u64 = 256 << 10;

/// The number of parts that are uploaded at the same time.
const PARTS_IN_FLIGHT: usize = 4;

/// A failed transfer between a file and the bucket.
#[derive(Debug)]
pub(super) enum TransferError {
    /// The file cannot be read or written.
    File(&'static str, std::io::Error),
    /// The request failed.
    Request(RequestFailure),
}

impl From<object_store::Error> for TransferError {
    fn from(error: object_store::Error) -> Self {
        Self::Request(error.into())
    }
}

/// The prefix of the keys of packs in a bucket.
pub(super) const PREFIX: &str = "packs/";

/// Returns the key of a pack, without the extension.
pub(super) fn key(pack: &PackKey) -> String {
    format!("{PREFIX}{:012}-pack-{}", pack.generation, pack.checksum)
}

/// Returns the generation at the start of a key below `prefix`; `None` if the key does not have the format that wasmstore gives its keys.
pub(super) fn generation_of(key: &str, prefix: &str) -> Option<u64> {
    let (generation, _) = key.strip_prefix(prefix)?.split_once('-')?;
    let is_number = generation.len() >= 12 && generation.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| generation.parse().ok())?
}

impl Client {
    /// Uploads a pack and its index in parallel. Returns their total size in bytes.
    pub(super) fn put_pack(&self, key: &str, files: &PackFiles) -> Result<u64, TransferError> {
        let (pack, index) = (format!("{key}.pack"), format!("{key}.idx"));
        let uploads = async {
            let pack = self.put_file(&pack, &files.pack);
            let index = self.put_file(&index, &files.index);
            futures_util::future::try_join(pack, index).await
        };
        let (pack_bytes, index_bytes) = self.block_on(uploads)?;
        Ok(pack_bytes + index_bytes)
    }

    /// Downloads a pack and its index in parallel. Returns their total size in bytes.
    pub(super) fn get_pack(&self, key: &str, files: &PackFiles) -> Result<u64, TransferError> {
        let (pack, index) = (format!("{key}.pack"), format!("{key}.idx"));
        let downloads = async {
            let pack = self.get_file(&pack, &files.pack);
            let index = self.get_file(&index, &files.index);
            futures_util::future::try_join(pack, index).await
        };
        let result = self.block_on(downloads);
        if result.is_err() {
            // Incomplete files are useless. If they cannot be deleted, the error of the download is the one to report.
            let _ = fs::remove_file(&files.pack);
            let _ = fs::remove_file(&files.index);
        }
        let (pack_bytes, index_bytes) = result?;
        Ok(pack_bytes + index_bytes)
    }

    /// Uploads a text, such as a snapshot of refs.
    pub(super) fn put_text(&self, key: &str, text: String) -> Result<(), RequestFailure> {
        let payload = PutPayload::from(text);
        add(&self.counters.uploaded_bytes, payload.content_length());
        let key = Path::from(key);
        self.request(RequestKind::PutPack, || async {
            let put = self.stores.packs.put(&key, payload.clone());
            put.await.map(drop)
        })
    }

    /// Downloads an object of at most `bytes_max` bytes.
    pub(super) fn get_bytes(&self, key: &str, bytes_max: u64) -> Result<Vec<u8>, RequestFailure> {
        let bytes = self.request(RequestKind::GetPack, || async {
            let found = self.stores.packs.get(&Path::from(key)).await?;
            if found.meta.size > bytes_max {
                return Err(object_store::Error::NotSupported {
                    source: format!(
                        "{key} has {} bytes, and at most {bytes_max} are allowed",
                        found.meta.size
                    )
                    .into(),
                });
            }
            found.bytes().await.map(Vec::from)
        })?;
        add(&self.counters.downloaded_bytes, bytes.len());
        Ok(bytes)
    }

    async fn put_file(&self, key: &str, file: &FilePath) -> Result<u64, TransferError> {
        let sent = self.transfer(RequestKind::PutPack, || self.send_file(key, file));
        let bytes = sent.await?;
        self.counters
            .uploaded_bytes
            .fetch_add(bytes, Ordering::Relaxed);
        Ok(bytes)
    }

    /// Uploads a file, in several parts if it is large. Returns its size in bytes. The file is read on the caller's thread, which waits for
    /// the upload anyway.
    async fn send_file(&self, key: &str, path: &FilePath) -> Result<u64, TransferError> {
        let read_error = |error| TransferError::File("read", error);
        let mut file = File::open(path).map_err(read_error)?;
        let location = Path::from(key);
        let mut part = read_part(&mut file).map_err(read_error)?;
        if part.len() < PART_BYTES {
            let length = part.len() as u64;
            let put = self.stores.packs.put(&location, PutPayload::from(part));
            let put = async { put.await.map_err(TransferError::from) };
            if length <= SMALL_BYTES_MAX {
                unless_silent(put).await?;
            } else {
                put.await?;
            }
            return Ok(length);
        }
        let upload = self.stores.packs.put_multipart(&location).await?;
        let mut upload = WriteMultipart::new_with_chunk_size(upload, PART_BYTES);
        let mut length = 0;
        let sent = loop {
            if part.is_empty() {
                break Ok(());
            }
            if let Err(error) = upload.wait_for_capacity(PARTS_IN_FLIGHT).await {
                break Err(TransferError::from(error));
            }
            length += part.len() as u64;
            upload.put(part.into());
            part = match read_part(&mut file) {
                Ok(part) => part,
                Err(error) => break Err(read_error(error)),
            };
        };
        match sent {
            Ok(()) => {
                upload.finish().await?;
                Ok(length)
            }
            Err(error) => {
                // Without this, the uploaded parts would use space until a lifecycle rule of the bucket deletes them.
                let _ = upload.abort().await;
                Err(error)
            }
        }
    }

    async fn get_file(&self, key: &str, file: &FilePath) -> Result<u64, TransferError> {
        let received = self.transfer(RequestKind::GetPack, || self.receive_file(key, file));
        let bytes = received.await?;
        self.counters
            .downloaded_bytes
            .fetch_add(bytes, Ordering::Relaxed);
        Ok(bytes)
    }

    async fn receive_file(&self, key: &str, path: &FilePath) -> Result<u64, TransferError> {
        let write_error = |error| TransferError::File("write", error);
        let location = Path::from(key);
        let get = async { Ok::<_, TransferError>(self.stores.packs.get(&location).await?) };
        let found = unless_silent(get).await?;
        let mut file = File::create(path).map_err(write_error)?;
        let mut content = found.into_stream();
        let mut length = 0;
        loop {
            let next = async { Ok::<_, TransferError>(content.try_next().await?) };
            let Some(part) = unless_silent(next).await? else {
                break;
            };
            file.write_all(&part).map_err(write_error)?;
            length += part.len() as u64;
        }
        Ok(length)
    }

    /// Calls `attempt` until it succeeds, fails for good, or has failed too often. Counts each attempt.
    async fn transfer<F: Future<Output = Result<u64, TransferError>>>(
        &self,
        kind: RequestKind,
        attempt: impl Fn() -> F,
    ) -> Result<u64, TransferError> {
        repeated(|| async {
            let started = Instant::now();
            let result = attempt().await;
            let outcome = match &result {
                Err(TransferError::Request(failure)) => Err(failure.clone()),
                // An error of the local file is not counted as a failure of the object store.
                Ok(_) | Err(TransferError::File(..)) => Ok(()),
            };
            self.counters.record(kind, started.elapsed(), &outcome);
            result
        })
        .await
    }
}

/// Reads up to [`PART_BYTES`] bytes.
fn read_part(file: &mut File) -> std::io::Result<Vec<u8>> {
    let mut part = Vec::new();
    file.take(PART_BYTES as u64).read_to_end(&mut part)?;
    Ok(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_generation_of_a_key_is_at_its_start() {
        let pack = PackKey {
            generation: 41,
            checksum: "ab".to_owned(),
            size_bytes: 1,
        };
        assert_eq!(key(&pack), "packs/000000000041-pack-ab");
        assert_eq!(
            generation_of("packs/000000000041-pack-ab.idx", PREFIX),
            Some(41)
        );
        for other in [
            "packs/41-pack-ab.idx",
            "packs/x-pack-ab.idx",
            "refs/000000000041-ab",
            "packs/000000000041",
        ] {
            assert_eq!(generation_of(other, PREFIX), None, "{other}");
        }
    }
}
