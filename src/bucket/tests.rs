//! Creates a store in a bucket that is held in memory, for the unit tests of this subsystem.

use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;
use std::time::Duration;

use object_store::ObjectStore;
use tempfile::TempDir;

use super::*;
use crate::names::{BranchName, ObjectId, RefName};
use crate::repo::{
    Authority as _, Freshness, ObjectFormat, PackFiles, RefUpdate, SharedState, Swap,
};

pub(super) const URL: &str = "s3://tests/store";

pub(super) const MAIN: &str = "refs/heads/main";

/// Returns options with short timeouts.
pub(super) fn options() -> BucketOptions {
    BucketOptions {
        timing: BucketTiming {
            request: Duration::from_millis(60),
            patience: Duration::from_millis(15),
            poll: Duration::from_millis(5),
            unreachable: Duration::from_millis(200),
            unconfirmed: Duration::from_millis(1500),
        },
        ..BucketOptions::default()
    }
}

pub(super) fn open(store: &(impl ObjectStore + Clone)) -> Bucket {
    Bucket::with_store(Arc::new(store.clone()), URL, options()).unwrap()
}

/// Creates an empty store in a bucket, and returns the handle of the bucket.
pub(super) fn create(store: &(impl ObjectStore + Clone)) -> Bucket {
    let bucket = open(store);
    bucket.create(&empty_store()).unwrap();
    bucket
}

pub(super) fn empty_store() -> NewStore {
    NewStore {
        object_format: ObjectFormat::Sha1,
        head: BranchName::parse("main").unwrap(),
        refs: BTreeMap::new(),
        packs: Vec::new(),
    }
}

/// Returns the id with this number in its first bytes.
pub(super) fn id(number: u64) -> ObjectId {
    let mut bytes = [0; 20];
    bytes[..8].copy_from_slice(&number.to_be_bytes());
    ObjectId::Sha1(bytes)
}

pub(super) fn name(text: &str) -> RefName {
    RefName::parse(text).unwrap()
}

pub(super) fn update(name_text: &str, old: Option<u64>, new: Option<u64>) -> RefUpdate {
    RefUpdate {
        name: name(name_text),
        old: old.map(id),
        new: new.map(id),
    }
}

/// Returns a swap that updates one ref.
pub(super) fn swap_of(name: &str, old: Option<u64>, new: Option<u64>) -> Swap {
    Swap {
        updates: vec![update(name, old, new)],
        ..Swap::default()
    }
}

/// Writes two files that end with checksums, as a pack and its index do.
pub(super) fn pack_files(directory: &TempDir, content: &[u8]) -> PackFiles {
    use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
    let sum = |bytes: &[u8]| digest(&SHA1_FOR_LEGACY_USE_ONLY, bytes).as_ref().to_vec();
    let checksum = sum(content);
    let pack = [content, &checksum].concat();
    let listed = [b"index of ".as_slice(), &checksum].concat();
    let index = [listed.as_slice(), &sum(&listed)].concat();
    let hex = manifest::hex(&checksum);
    let files = PackFiles {
        pack: directory.path().join(format!("{hex}.pack")),
        index: directory.path().join(format!("{hex}.idx")),
        checksum: hex,
    };
    fs::write(&files.pack, pack).unwrap();
    fs::write(&files.index, index).unwrap();
    files
}

pub(super) fn current(bucket: &Bucket) -> Arc<SharedState> {
    bucket.state(0, Freshness::Current).unwrap().unwrap()
}

/// Returns a swap that adds a pack.
pub(super) fn adding(files: &PackFiles) -> Swap {
    Swap {
        added: vec![files.clone()],
        ..Swap::default()
    }
}
