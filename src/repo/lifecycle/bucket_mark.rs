//! The mark of a repository that is a copy of a store in a bucket, and the step that makes a repository such a copy.

use std::collections::BTreeMap;
use std::path::Path;

use crate::names::{BranchName, ObjectId, RefName};
use crate::repo::authority::PackFiles;
use crate::repo::error::{Error, Result};
use crate::repo::history::reach::reachable;
use crate::repo::lifecycle::config::{config_file, configure};
use crate::repo::lifecycle::create::ObjectFormat;
use crate::repo::lifecycle::creation_marker::CreationMarker;
use crate::repo::parts::Parts;
use crate::repo::refs::list::RefList;

/// The configuration key with the URL of the bucket.
const BUCKET_KEY: &str = "wasmstore.bucket";
/// The configuration key with the id of the store in the bucket.
const STORE_KEY: &str = "wasmstore.bucketStore";
/// The configuration key with the location (URL and endpoint) of a bucket whose conditional writes were found to be atomic.
const PROBED_KEY: &str = "wasmstore.bucketProbed";

/// Identifies the store in a bucket of which a repository is a copy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BucketMark {
    /// The URL of the bucket.
    pub url: String,
    /// The random id that the store got when it was created in the bucket.
    pub store: String,
}

/// The content of a repository that is copied into a bucket.
#[derive(Clone, Debug)]
pub struct NewShared {
    /// The hash function of the ids.
    pub format: ObjectFormat,
    /// The default branch.
    pub head: BranchName,
    /// The branches, the tags and the ref of the OCI registry, `refs/oci/records`.
    pub refs: BTreeMap<RefName, ObjectId>,
    /// A pack with everything that the refs reach.
    pub pack: PackFiles,
}

/// Returns the mark of the repository at `root`; `None` if the repository has no mark or does not exist. If the creation of a copy was
/// interrupted, the mark is in the marker file.
///
/// # Errors
/// The configuration cannot be read.
pub(crate) fn mark_of(root: &Path) -> Result<Option<BucketMark>> {
    if root.join("config").exists() {
        let config = config_file(root)?;
        let value = |key| Some(config.string(key)?.to_string());
        if let Some((url, store)) = value(BUCKET_KEY).zip(value(STORE_KEY)) {
            return Ok(Some(BucketMark { url, store }));
        }
    }
    Ok(CreationMarker::read(root)?.and_then(|marker| marker.bucket))
}

/// Returns whether [`note_probed`] has recorded this bucket in the repository at `root`.
///
/// # Errors
/// The configuration cannot be read.
pub(crate) fn is_probed(root: &Path, location: &str) -> Result<bool> {
    if !root.join("config").exists() {
        return Ok(false);
    }
    let probed = config_file(root)?
        .string(PROBED_KEY)
        .map(|found| found.to_string());
    Ok(probed.as_deref() == Some(location))
}

/// Records that the conditional writes of the bucket at `location` were found to be atomic.
///
/// # Errors
/// The configuration cannot be written.
pub(crate) fn note_probed(parts: &Parts, location: &str) -> Result<()> {
    let _refs = parts.locks.refs()?;
    configure(parts.root(), &[(PROBED_KEY, location)])
}

/// Marks the repository as a copy of a store in a bucket.
///
/// # Errors
/// The configuration cannot be written.
pub(crate) fn set_mark(parts: &Parts, mark: &BucketMark) -> Result<()> {
    if mark_of(parts.root())?.as_ref() == Some(mark) {
        return Ok(());
    }
    let _refs = parts.locks.refs()?;
    mark.write(parts.root())
}

impl BucketMark {
    /// Writes the mark to the configuration of the repository at `root`. The caller holds `refs.lock`.
    pub(crate) fn write(&self, root: &Path) -> Result<()> {
        configure(root, &[(BUCKET_KEY, &self.url), (STORE_KEY, &self.store)])
    }
}

/// Calls `create`, which copies the repository into a bucket, and then marks the repository as a copy of the store there. No wasmstore
/// process can move a ref while this runs. Afterwards, every ref update goes through the bucket.
///
/// # Errors
/// `UncollectableRef` if a ref is broken; the repository cannot be read or written; the error of `create`.
pub(crate) fn share<E: From<Error>>(
    parts: &Parts,
    create: impl FnOnce(&NewShared) -> Result<BucketMark, E>,
) -> Result<BucketMark, E> {
    let _lock = parts.locks.writing()?;
    let _refs = parts.locks.refs()?;
    let content = content(parts)?;
    let mark = create(&content)?;
    mark.write(parts.root())?;
    parts.note_state(0, "")?;
    Ok(mark)
}

fn content(parts: &Parts) -> Result<NewShared> {
    let repo = parts.objects.handle_for("HEAD")?;
    let RefList { refs, broken, .. } = parts.refs.list("refs/")?;
    if let Some(broken) = broken.into_iter().next() {
        return Err(Error::UncollectableRef(broken));
    }
    let mut shared = BTreeMap::new();
    for (name, target) in refs {
        let name = RefName::parse(&name.to_string());
        let id = target.try_id();
        let id = id.and_then(|id| ObjectId::from_bytes(id.as_bytes()));
        if let (Ok(name), Some(id)) = (name, id) {
            shared.insert(name, id);
        }
    }
    let roots = shared.values().map(|id| gix_id(&repo, id));
    let ids = reachable(&repo, roots.collect::<Result<Vec<_>>>()?, &|_| false)?;
    let pack = parts.packs.write(&repo, &ids, &parts.objects.tmp_dir())?;
    Ok(NewShared {
        format: match repo.object_hash() {
            gix::hash::Kind::Sha256 => ObjectFormat::Sha256,
            _ => ObjectFormat::Sha1,
        },
        head: parts.refs.default_branch()?,
        refs: shared,
        pack: PackFiles::from(&pack),
    })
}

fn gix_id(repo: &gix::Repository, id: &ObjectId) -> Result<gix::ObjectId> {
    let missing = || Error::Missing { id: id.to_string() };
    crate::repo::ids::object_id(repo, id.as_bytes()).ok_or_else(missing)
}
