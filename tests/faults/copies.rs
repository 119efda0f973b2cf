//! The creation of a copy of a store in a bucket, killed at each step. Then the copy is created again.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use fail::FailScenario;
use wasmstore::bucket::{Bucket, BucketOptions, BucketUrl, NewStore};
use wasmstore::config::Options;
use wasmstore::store::{BucketMark, Change, Error, ObjectFormat, Revision, Store};

use super::support::store::{fsck, module, path};

/// The variables that give the child the directory of the test, and the number of steps after which to exit.
const DIR: &str = "WASMSTORE_TEST_COPY_DIR";
const STEPS: &str = "WASMSTORE_TEST_COPY_STEPS";
/// The failpoint that is passed before each change of a file or directory.
const STEP: &str = "change files";
/// More steps than a creation has.
const STEPS_MAX: usize = 200;

/// A bucket in a directory, and a place for a copy.
struct Place {
    dir: PathBuf,
}

impl Place {
    fn root(&self) -> PathBuf {
        self.dir.join("copy")
    }

    fn bucket(&self) -> Arc<Bucket> {
        let url = format!("file://{}", self.dir.join("bucket").display());
        let url = BucketUrl::parse(&url).unwrap();
        Arc::new(Bucket::open(&url, &[], BucketOptions::default()).unwrap())
    }

    /// Creates a store with one module in the bucket.
    fn fill(&self) {
        let own = self.dir.join("own");
        let store = Store::open_or_create(&own, Options::default(), ObjectFormat::Sha1).unwrap();
        let put = store.put(&Change::default(), &path("a"), module(1).as_slice());
        put.unwrap();
        let bucket = self.bucket();
        let shared = store.share(|new| {
            bucket.create(&NewStore {
                object_format: new.format,
                head: new.head.clone(),
                refs: new.refs.clone(),
                packs: vec![new.pack.clone()],
            })?;
            Ok::<_, Error>(self.mark(&bucket))
        });
        shared.unwrap();
    }

    fn mark(&self, bucket: &Bucket) -> BucketMark {
        BucketMark {
            url: bucket.url().to_owned(),
            store: bucket.identity().unwrap().store,
        }
    }

    /// Opens the copy, as a server does when it starts.
    fn open(&self) -> Result<Store, Error> {
        let bucket = self.bucket();
        let mark = self.mark(&bucket);
        let store = Store::open_shared(
            &self.root(),
            Options::default(),
            bucket,
            &mark,
            ObjectFormat::Sha1,
        )?;
        store.follow()?;
        Ok(store)
    }
}

/// The child process: opens the copy, and exits before the step with the given number.
#[test]
fn child() {
    let (Ok(dir), Ok(steps)) = (std::env::var(DIR), std::env::var(STEPS)) else {
        return;
    };
    let scenario = FailScenario::setup();
    let (steps, passed): (usize, _) = (steps.parse().unwrap(), AtomicUsize::new(0));
    let count = move || {
        if passed.fetch_add(1, Ordering::SeqCst) == steps {
            std::process::exit(9);
        }
    };
    fail::cfg_callback(STEP, count).unwrap();
    Place { dir: dir.into() }.open().unwrap();
    scenario.teardown();
}

/// Starts the child, and returns whether it exited at the step.
#[track_caller]
fn is_killed(place: &Place, steps: usize) -> bool {
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "copies::child"])
        .env(DIR, &place.dir)
        .env(STEPS, steps.to_string())
        .output()
        .unwrap();
    let code = child.status.code();
    assert!([Some(0), Some(9)].contains(&code), "{steps}: {child:?}");
    code == Some(9)
}

/// For each step: puts files into the directory of the copy, kills the creation before the step, and creates the copy again. Returns the
/// number of steps.
#[track_caller]
fn kill_at_each_step(prepare: impl Fn(&Place), check: impl Fn(&Path)) -> usize {
    // Excludes the failpoints of other tests.
    let scenario = FailScenario::setup();
    let dir = tempfile::tempdir().unwrap();
    let place = Place {
        dir: dir.path().to_owned(),
    };
    place.fill();
    let tip = snapshot(&place.open().unwrap());
    for steps in 0..STEPS_MAX {
        let _ = fs::remove_dir_all(place.root());
        prepare(&place);
        let is_killed = is_killed(&place, steps);
        assert_is_no_store_of_its_own(&place.root(), steps);
        let store = place.open().unwrap_or_else(|error| {
            panic!(
                "killed before step {steps}: {}",
                wasmstore::store::chain(&error)
            )
        });
        assert_eq!(snapshot(&store), tip, "killed before step {steps}");
        let put = store.put(&Change::default(), &path("a"), module(1).as_slice());
        assert!(put.is_ok(), "killed before step {steps}: {put:?}");
        fsck(&place.root());
        assert!(!place.root().join("wasmstore/creating").exists());
        check(&place.root());
        if !is_killed {
            scenario.teardown();
            return steps;
        }
    }
    panic!("the creation has more than {STEPS_MAX} steps");
}

/// Checks that a process that is started without the bucket cannot write to the copy, as soon as anything of the copy exists.
#[track_caller]
fn assert_is_no_store_of_its_own(root: &Path, steps: usize) {
    if !root.join("HEAD").exists() && !root.join("wasmstore/creating").exists() {
        return;
    }
    // The copy could have another object format than the default one.
    let Ok(store) = Store::open_or_create(root, Options::default(), ObjectFormat::Sha256) else {
        return;
    };
    let put = store.put(&Change::default(), &path("b"), module(2).as_slice());
    let error = put.expect_err(&format!("killed before step {steps}"));
    assert!(
        error.to_string().contains("copy of the store in"),
        "{steps}: {error}"
    );
}

fn snapshot(store: &Store) -> String {
    store.snapshot(&Revision::default()).unwrap().to_string()
}

fn write(root: &Path, name: &str, content: &str) {
    let file = root.join(name);
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(file, content).unwrap();
}

#[test]
fn a_copy_whose_creation_was_killed_is_created_again() {
    let steps = kill_at_each_step(|_| {}, |_| {});
    assert!(steps > 15, "{steps}");
}

#[test]
fn a_copy_that_was_deleted_in_part_is_created_again_although_that_is_killed() {
    let missing = [
        &["HEAD", "config", "refs"][..],
        &["objects", "config"],
        &["refs", "wasmstore"],
        &["config"],
    ];
    for missing in missing {
        let prepare = |place: &Place| {
            drop(place.open().unwrap());
            for name in missing {
                let name = place.root().join(name);
                let _ = fs::remove_file(&name).or_else(|_| fs::remove_dir_all(&name));
            }
        };
        let steps = kill_at_each_step(prepare, |_| {});
        assert!(steps > 15, "{missing:?}: {steps}");
    }
}

#[test]
fn a_copy_is_created_around_what_another_process_left_although_that_is_killed() {
    let prepare = |place: &Place| {
        let root = place.root();
        write(&root, "objects/pack/tmp_pack_Ab12Cd", "PACK");
        write(
            &root,
            "objects/tmp_objdir-incoming-x/pack/tmp_pack_1",
            "PACK",
        );
        write(&root, "wasmstore/gc/pack-1.pack", "PACK");
        write(&root, "HEAD", "ref: refs/heads/main\n");
        fs::create_dir_all(root.join("refs/heads/main/dev")).unwrap();
    };
    let check = |root: &Path| {
        assert!(root.join("objects/pack/tmp_pack_Ab12Cd").exists());
    };
    let steps = kill_at_each_step(prepare, check);
    assert!(steps > 15, "{steps}");
}
