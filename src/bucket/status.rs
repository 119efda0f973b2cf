//! A summary of a bucket for the command `bucket status`.

use super::handle::Bucket;
use super::packs;
use super::{manifest::Manifest, snapshot};
use crate::repo::{ObjectFormat, Result};

/// A summary of the state in a bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BucketStatus {
    /// The bucket's URL.
    pub url: String,
    /// The id of the store.
    pub store: String,
    /// The hash function of the store's object ids.
    pub object_format: ObjectFormat,
    /// The number of swaps so far. Each swap replaces the manifest.
    pub generation: u64,
    /// The lowest protected generation: an object that the manifest does not name may be deleted if the number of swaps in its key is
    /// lower.
    pub floor: u64,
    /// The URL of the server that last replaced the manifest (made a swap); `None` if no server has made a swap.
    pub writer: Option<String>,
    /// The default branch.
    pub head: String,
    /// The number of refs.
    pub refs: usize,
    /// The number of packs.
    pub packs: usize,
    /// The size of the packs and their indexes, in bytes.
    pub pack_bytes: u64,
    /// The size of the manifest, in bytes.
    pub manifest_bytes: usize,
}

/// The number and size of the objects in a bucket, from a list of its keys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BucketObjects {
    /// The number of objects other than the manifest.
    pub objects: usize,
    /// The total size of these objects, in bytes.
    pub bytes: u64,
    /// The size of the packs and snapshots that the manifest does not name, in bytes. Each of them may be deleted once the generation
    /// (version number of the manifest) in its key is below [`BucketStatus::floor`].
    pub unnamed_bytes: u64,
}

impl Bucket {
    /// Reads the manifest and returns its summary.
    ///
    /// # Errors
    /// `Unreachable`, also if there is no valid manifest.
    pub fn status(&self) -> Result<BucketStatus> {
        let known = self.read().map_err(|failure| self.read_error(failure))?;
        let (manifest, state) = (&known.manifest, &known.state);
        Ok(BucketStatus {
            url: self.url().to_owned(),
            store: manifest.store.clone(),
            object_format: manifest.object_format,
            generation: state.generation,
            floor: state.floor,
            writer: state.writer.clone(),
            head: state.head.to_string(),
            refs: state.refs.len(),
            packs: state.packs.len(),
            pack_bytes: state.packs.iter().map(|pack| pack.size_bytes).sum(),
            manifest_bytes: manifest.encode().len(),
        })
    }

    /// Lists the keys in the bucket, and counts the objects.
    ///
    /// # Errors
    /// `Unreachable`, also if there is no valid manifest.
    pub fn count_objects(&self) -> Result<BucketObjects> {
        let known = self.read().map_err(|failure| self.read_error(failure))?;
        let mut listed = self.listed(packs::PREFIX)?;
        listed.extend(self.listed(snapshot::PREFIX)?);
        let mut count = BucketObjects::default();
        for (key, bytes) in &listed {
            count.objects += 1;
            count.bytes += bytes;
            if !is_named(&known.manifest, key) {
                count.unnamed_bytes += bytes;
            }
        }
        Ok(count)
    }
}

/// Returns whether the manifest names the object with this key.
fn is_named(manifest: &Manifest, key: &str) -> bool {
    let stem = key.rsplit_once('.').map_or(key, |(stem, _)| stem);
    manifest.snapshot.as_deref() == Some(key)
        || manifest.packs.iter().any(|pack| packs::key(pack) == stem)
}
