//! Stores that several machines share: copies of one store in a bucket, each in a directory of its own. The bucket is in memory, with faults.

#[path = "../support/faulty_bucket.rs"]
#[allow(dead_code, reason = "the unit tests of the bucket use the rest")]
mod faulty_bucket;

mod collection;
mod concurrent;
mod copies;
mod damage;
mod servers;
mod watching;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use faulty_bucket::FaultyStore;
use wasmstore::bucket::{Bucket, BucketOptions, BucketTiming, NewStore};
use wasmstore::config::Options;
use wasmstore::names::{CommitId, TreePath};
use wasmstore::store::{BucketMark, Change, Error, NewShared, Revision, Store};

use crate::support::store::{fsck, git, module, path};

const URL: &str = "s3://tests/store";

/// A store in a bucket, and the directories of its copies.
struct Shared {
    objects: FaultyStore,
    dir: tempfile::TempDir,
}

/// A copy.
struct Copy {
    root: PathBuf,
    bucket: Arc<Bucket>,
    store: Store,
}

impl Shared {
    /// Creates a store with one empty commit.
    fn new() -> Self {
        Self::with_objects(FaultyStore::reliable())
    }

    fn with_objects(objects: FaultyStore) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let shared = Self { objects, dir };
        let first = shared.dir.path().join("first");
        let store = Store::open_or_create(&first, Options::default(), Default::default()).unwrap();
        let bucket = shared.bucket(None);
        store.share(|new| create(&bucket, new)).unwrap();
        shared
    }

    fn bucket(&self, writer: Option<&str>) -> Arc<Bucket> {
        let options = BucketOptions {
            writer: writer.map(str::to_owned),
            timing: BucketTiming {
                request: Duration::from_millis(60),
                patience: Duration::from_millis(15),
                poll: Duration::from_millis(5),
                unreachable: Duration::from_millis(400),
                unconfirmed: Duration::from_millis(3000),
            },
            ..BucketOptions::default()
        };
        let objects = Arc::new(self.objects.clone());
        Arc::new(Bucket::with_store(objects, URL, options).unwrap())
    }

    /// Opens the copy with this name, which is made if it does not exist, and follows the bucket.
    fn copy(&self, name: &str) -> Copy {
        let copy = self.try_copy(name).unwrap();
        copy.store.follow().unwrap();
        copy
    }

    fn try_copy(&self, name: &str) -> Result<Copy, Error> {
        let root = self.dir.path().join(name);
        let bucket = self.bucket(Some(&format!("http://{name}.example")));
        let identity = retry(|| bucket.identity());
        let mark = BucketMark {
            url: URL.to_owned(),
            store: identity.store,
        };
        let store = Store::open_shared(
            &root,
            Options::default(),
            bucket.clone(),
            &mark,
            identity.object_format,
        )?;
        Ok(Copy {
            root,
            bucket,
            store,
        })
    }
}

impl Copy {
    fn put(&self, at: &str, n: u32) -> CommitId {
        let put = self
            .store
            .put(&Change::default(), &path(at), module(n).as_slice());
        put.unwrap().commit.unwrap()
    }

    fn follow(&self) -> &Self {
        self.store.follow().unwrap();
        self
    }

    fn tip(&self) -> CommitId {
        self.store.snapshot(&Revision::default()).unwrap()
    }

    /// Returns the paths of the modules of the default branch.
    fn paths(&self) -> Vec<String> {
        let list = self.store.list(&Revision::default(), &TreePath::root());
        let paths = list.unwrap().into_iter();
        paths.map(|(path, _)| path.to_string()).collect()
    }

    fn refs(&self) -> String {
        git(
            &self.root,
            &["for-each-ref", "--format=%(refname) %(objectname)"],
        )
    }

    fn packs(&self) -> usize {
        let files = std::fs::read_dir(self.root.join("objects/pack")).unwrap();
        let names = files.map(|file| file.unwrap().file_name());
        names
            .filter(|name| name.to_string_lossy().ends_with(".pack"))
            .count()
    }

    fn fsck(&self) {
        fsck(&self.root);
    }
}

fn create(bucket: &Bucket, new: &NewShared) -> Result<BucketMark, Error> {
    let store = NewStore {
        object_format: new.format,
        head: new.head.clone(),
        refs: new.refs.clone(),
        packs: vec![new.pack.clone()],
    };
    bucket.create(&store)?;
    Ok(BucketMark {
        url: URL.to_owned(),
        store: bucket.identity()?.store,
    })
}

/// Calls `attempt` until it succeeds, for stores with random faults.
fn retry<T, E: std::fmt::Debug>(mut attempt: impl FnMut() -> Result<T, E>) -> T {
    for _ in 0..100 {
        if let Ok(value) = attempt() {
            return value;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    attempt().unwrap()
}
