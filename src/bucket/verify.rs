//! Verifies that all objects that the manifest names exist and are intact.

use std::time::Instant;

use futures_util::TryStreamExt as _;
use object_store::ObjectStoreExt as _;
use object_store::path::Path;
use ring::digest::{Algorithm, Context, SHA1_FOR_LEGACY_USE_ONLY, SHA256};

use super::counters::RequestKind;
use super::handle::Bucket;
use super::manifest::hex;
use super::packs;
use super::request_failure::RequestFailure;
use super::snapshot::{self, SNAPSHOT_BYTES_MAX};
use crate::repo::{ObjectFormat, PackFiles, PackKey, Result};

/// A problem with an object in the bucket that the manifest names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BucketFinding {
    /// The pack to which the object belongs; `None` for the snapshot of the refs.
    pub pack: Option<PackKey>,
    /// The key of the object.
    pub key: String,
    /// What is wrong, for example `it is missing`.
    pub problem: String,
}

/// A downloaded pack or index. Both end with a checksum of their content (gitformat-pack(5)).
struct ChecksummedFile {
    bytes: u64,
    /// The hash of everything before the checksum, in hex.
    computed: String,
    /// The last bytes, as many as two checksums have: an index ends with the checksum of its pack and its own checksum.
    tail: Vec<u8>,
}

impl Bucket {
    /// Uploads a pack of the shared state again, for example because the bucket has lost it. The content of the pack must have the checksum
    /// in `key`.
    ///
    /// # Errors
    /// `Unreachable`; the file cannot be read.
    pub fn restore_pack(&self, key: &PackKey, files: &PackFiles) -> Result<()> {
        let name = packs::key(key);
        let uploaded = self.client.put_pack(&name, files);
        uploaded
            .map(drop)
            .map_err(|error| self.transfer_error(error, files, &name))
    }

    /// Downloads everything that the manifest names, and checks sizes and checksums. Does not check whether the packs contain everything
    /// that the refs reach.
    ///
    /// # Errors
    /// `Unreachable`, also if there is no valid manifest.
    pub fn verify(&self) -> Result<Vec<BucketFinding>> {
        let known = self.read().map_err(|failure| self.read_error(failure))?;
        let mut findings = Vec::new();
        if let Some(key) = &known.manifest.snapshot {
            let problem = match self.client.get_bytes(key, SNAPSHOT_BYTES_MAX) {
                Ok(bytes) => snapshot::parse(key, &bytes).err(),
                Err(RequestFailure::NotFound) => Some("it is missing".to_owned()),
                Err(failure) => return Err(self.unreachable(failure.reason())),
            };
            findings.extend(problem.map(|problem| BucketFinding {
                pack: None,
                key: key.clone(),
                problem,
            }));
        }
        for pack in known.state.packs.iter() {
            self.verify_pack(pack, known.manifest.object_format, &mut findings)?;
        }
        // Another process may have made a swap in the meantime, and deleted objects that the new manifest does not name. They are not
        // reported.
        let now = self.read().map_err(|failure| self.read_error(failure))?;
        findings.retain(|finding| match &finding.pack {
            Some(pack) => now.state.packs.contains(pack),
            None => now.manifest.snapshot.as_ref() == Some(&finding.key),
        });
        Ok(findings)
    }

    fn verify_pack(
        &self,
        pack: &PackKey,
        format: ObjectFormat,
        findings: &mut Vec<BucketFinding>,
    ) -> Result<()> {
        let stem = packs::key(pack);
        let mut bytes = Some(0);
        for extension in ["pack", "idx"] {
            let key = format!("{stem}.{extension}");
            let problem = match self.download_checksummed(&key, algorithm(format)) {
                Ok(file) => {
                    bytes = bytes.map(|bytes| bytes + file.bytes);
                    file.problem(&pack.checksum, extension == "idx")
                }
                Err(RequestFailure::NotFound) => {
                    bytes = None;
                    Some("it is missing".to_owned())
                }
                Err(failure) => return Err(self.unreachable(failure.reason())),
            };
            findings.extend(problem.map(|problem| BucketFinding {
                pack: Some(pack.clone()),
                key,
                problem,
            }));
        }
        if let Some(bytes) = bytes.filter(|bytes| *bytes != pack.size_bytes) {
            findings.push(BucketFinding {
                pack: Some(pack.clone()),
                key: stem,
                problem: format!(
                    "the pack and its index have {bytes} bytes instead of {}",
                    pack.size_bytes
                ),
            });
        }
        Ok(())
    }

    /// Downloads a pack or an index and hashes it, without holding all of it in memory.
    fn download_checksummed(
        &self,
        key: &str,
        algorithm: &'static Algorithm,
    ) -> Result<ChecksummedFile, RequestFailure> {
        let checksum_bytes = algorithm.output_len();
        let download = async {
            let found = self.client.stores.packs.get(&Path::from(key)).await?;
            let mut content = found.into_stream();
            let (mut context, mut bytes) = (Context::new(algorithm), 0);
            // `window` has the bytes that are not hashed yet, because they may be the checksum at the end of the file.
            let (mut window, mut tail) = (Vec::new(), Vec::new());
            while let Some(part) = content.try_next().await? {
                bytes += part.len() as u64;
                window.extend_from_slice(&part);
                tail.extend_from_slice(&part);
                tail.drain(..tail.len().saturating_sub(2 * checksum_bytes));
                let hashed = window.len().saturating_sub(checksum_bytes);
                context.update(&window[..hashed]);
                window.drain(..hashed);
            }
            Ok(ChecksummedFile {
                bytes,
                computed: hex(context.finish().as_ref()),
                tail,
            })
        };
        let started = Instant::now();
        let result = self
            .client
            .block_on(download)
            .map_err(|error: object_store::Error| RequestFailure::from(error));
        self.client
            .counters
            .record(RequestKind::GetPack, started.elapsed(), &result);
        result
    }
}

impl ChecksummedFile {
    /// Returns the problem of this file, if there is one. `checksum` is the checksum in the key of the pack.
    fn problem(&self, checksum: &str, is_index: bool) -> Option<String> {
        let tail = hex(&self.tail);
        if !tail.ends_with(&self.computed) {
            return Some("its content does not have the checksum at its end".to_owned());
        }
        let (other, own) = tail.split_at(tail.len() - self.computed.len());
        let of_pack = if is_index { other } else { own };
        (of_pack != checksum).then(|| format!("it belongs to another pack, {of_pack}"))
    }
}

fn algorithm(format: ObjectFormat) -> &'static Algorithm {
    match format {
        ObjectFormat::Sha1 => &SHA1_FOR_LEGACY_USE_ONLY,
        ObjectFormat::Sha256 => &SHA256,
    }
}

#[cfg(test)]
mod tests;
