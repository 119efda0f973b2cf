//! Performs operations on a store, and records what their results promise.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use wasmstore::config::Options;
use wasmstore::names::{
    BranchName, CommitId, ManifestRef, ModuleRef, OciDigest, OciTag, RepositoryName, TreePath,
};
use wasmstore::oci::{IMAGE_MANIFEST, ManifestPush, Registry, keep_records};
use wasmstore::store::{LogOrder, ObjectFormat, Revision, Store, sha256};

use super::promises::{OciPush, Promises, Step};
use super::recording::Shared;
use crate::support::store::{branch, custom_section, module, on, path};

/// A store on a recorded disk.
pub struct Driver {
    shared: Shared,
    pub root: PathBuf,
    pub store: Store,
    /// The same store, opened a second time as another process would.
    pub other: Store,
    promises: Promises,
    modules: AtomicU32,
}

/// A put, and the time when it was acknowledged.
pub struct Done {
    pub commit: CommitId,
    acknowledged: usize,
}

impl Driver {
    /// Creates the store.
    pub fn create(shared: Shared, root: &Path) -> Self {
        let begun = shared.count();
        let open = || {
            let store = Store::open_or_create(root, Options::default(), ObjectFormat::Sha1);
            let mut store = store.expect("a store is created");
            keep_records(&mut store);
            store
        };
        let store = open();
        let created = shared.count();
        let mut driver = Self {
            shared,
            root: root.to_owned(),
            store,
            other: open(),
            promises: Promises {
                created,
                ..Promises::default()
            },
            modules: AtomicU32::new(0),
        };
        driver.observe(begun, created, false);
        driver.note("create the store", begun, created, false);
        driver
    }

    /// Returns the promises at the end of the run.
    pub fn promises(self) -> Promises {
        self.promises
    }

    /// Performs an operation on the store. Afterwards, the refs that changed are promised, and so are the branches in `rests_on`: a result
    /// that changes nothing depends on them.
    pub fn step<T>(&mut self, label: &str, rests_on: &[&str], verb: impl FnOnce(&Self) -> T) -> T {
        let begun = self.shared.count();
        let answer = verb(self);
        let acknowledged = self.shared.count();
        self.observe(begun, acknowledged, false);
        for name in rests_on {
            let line = self.promises.branches.entry(branch(name)).or_default();
            if line.len() == 0 {
                line.begin(None, 0, false);
            }
            line.acknowledge(acknowledged);
        }
        self.note(label, begun, acknowledged, false);
        answer
    }

    /// Pushes a module like an OCI client: its blobs, then the manifest, with a tag.
    pub fn push_oci(&mut self, label: &str, repository: &str, tag: &str, layer: Vec<u8>) {
        let repository = RepositoryName::parse(repository).expect("it is a name");
        let tag = OciTag::parse(tag).expect("it is a tag");
        let begun = self.shared.count();
        let pushed = self.step(label, &[], |it| {
            let layer = (it.upload(&repository, &layer), layer);
            let push = ManifestPush {
                repository: repository.clone(),
                reference: ManifestRef::Tag(tag.clone()),
                tags: Vec::new(),
                media_type: IMAGE_MANIFEST.to_owned(),
                bytes: manifest(&it.upload(&repository, b"{}"), &layer),
                author: None,
            };
            let put = Registry::default().put_manifest(&it.store, &push);
            OciPush {
                acknowledged: it.shared.count(),
                repository: repository.clone(),
                digest: put.expect("it is put").value.digest,
                manifest: push.bytes,
                layer,
            }
        });
        let line = self.promises.tags.entry((repository, tag)).or_default();
        if line.len() == 0 {
            line.begin(None, 0, false);
        }
        line.begin(Some(pushed.digest), begun, false);
        line.acknowledge(pushed.acknowledged);
        self.promises.pushes.push(pushed);
    }

    /// Uploads a blob like an OCI client, and returns its digest.
    fn upload(&self, repository: &RepositoryName, bytes: &[u8]) -> OciDigest {
        let digest = OciDigest::Sha256(sha256(bytes));
        let mut upload = self.store.begin_blob(repository).expect("it begins");
        upload.write(bytes).expect("it is written");
        assert!(upload.complete(&digest).expect("it is complete"));
        digest
    }

    /// Performs an operation of stock git, which fsyncs nothing.
    pub fn outside<T>(&mut self, label: &str, verb: impl FnOnce(&Path) -> T) -> T {
        let begun = self.shared.count();
        let answer = verb(&self.root);
        let ended = self.shared.count();
        self.observe(begun, ended, true);
        self.note(label, begun, ended, true);
        answer
    }

    /// Puts new modules from several threads, half of them through the other open store. Each thread alternates between the branches.
    pub fn together(
        &mut self,
        label: &str,
        threads: usize,
        each: usize,
        branches: &[&str],
        concurrently: impl Fn(&Self) + Sync,
    ) {
        let begun = self.shared.count();
        let this = &*self;
        let put = |thread: usize, nth: usize| {
            let store = if thread.is_multiple_of(2) {
                &this.store
            } else {
                &this.other
            };
            let name = branches[(thread + nth) % branches.len()];
            let at = format!("together/{label}/{thread}-{nth}");
            this.put_bytes(store, Some(name), &at, &this.module())
        };
        let put = &put;
        let done: Vec<_> = std::thread::scope(|scope| {
            let working = (0..threads).map(|thread| {
                scope.spawn(move || (0..each).map(|nth| put(thread, nth)).collect::<Vec<_>>())
            });
            let working: Vec<_> = working.collect();
            concurrently(this);
            working
                .into_iter()
                .flat_map(|thread| thread.join().expect("no thread panics"))
                .collect()
        });
        let ended = self.shared.count();
        let mut acknowledged = BTreeMap::new();
        for done in done {
            let at = acknowledged.entry(done.commit).or_insert(ended);
            *at = done.acknowledged.min(*at);
        }
        for name in branches {
            self.observe_commits(&branch(name), begun, &acknowledged);
        }
        self.observe(begun, ended, false);
        self.note(label, begun, ended, false);
    }

    /// Returns a small, unique module.
    pub fn module(&self) -> Vec<u8> {
        module(self.modules.fetch_add(1, Ordering::Relaxed))
    }

    /// Returns an incompressible module of more than 1 MiB.
    pub fn large_module(&self) -> Vec<u8> {
        let seed = self.modules.fetch_add(1, Ordering::Relaxed);
        let mut random = super::random::Random::new(u64::from(seed));
        custom_section((0..(1 << 20) + 4096).map(|_| random.next() as u8))
    }

    /// Puts a new module, and returns the commit.
    pub fn put(&self, store: &Store, name: Option<&str>, at: &str) -> CommitId {
        self.put_bytes(store, name, at, &self.module()).commit
    }

    /// Puts a module, and checks that the returned commit contains it.
    pub fn put_bytes(&self, store: &Store, name: Option<&str>, at: &str, bytes: &[u8]) -> Done {
        let at = path(at);
        let published = store.put(&on(name), &at, bytes).expect("it is put");
        let acknowledged = self.shared.count();
        let commit = published.commit.expect("a put makes a commit");
        let found = store.find(&Revision::Commit(commit), &ModuleRef::Path(at));
        let found = found.expect("it is where it was put");
        assert_eq!((found.hash, &found.bytes[..]), (published.value, bytes));
        Done {
            commit,
            acknowledged,
        }
    }

    /// Records every ref that changed.
    fn observe(&mut self, begun: usize, ended: usize, is_outside: bool) {
        let there = self.store.branches().expect("branches are listed");
        let known = self.promises.branches.keys().cloned();
        let all: Vec<_> = known.chain(there.iter().cloned()).collect();
        for name in all {
            let tip = there.contains(&name).then(|| self.tip(&name));
            let line = self.promises.branches.entry(name).or_default();
            if line.len() == 0 {
                line.begin(None, 0, false);
            }
            if line.last() != Some(&tip) {
                line.begin(tip, begun, is_outside);
                if !is_outside {
                    line.acknowledge(ended);
                }
            }
            if let Some(tip) = tip {
                self.remember(tip);
            }
        }
        let default = self
            .store
            .default_branch()
            .expect("there is a default branch");
        let line = &mut self.promises.default;
        if line.last() != Some(&default) {
            line.begin(default, begun, is_outside);
            line.acknowledge(ended);
        }
    }

    /// Records every commit since the last recorded one, each with its own acknowledgement.
    fn observe_commits(
        &mut self,
        name: &BranchName,
        begun: usize,
        acknowledged: &BTreeMap<CommitId, usize>,
    ) {
        let tip = self.tip(name);
        let last = self.promises.branches[name].last().copied().flatten();
        let mut new = Vec::new();
        let mut next = Some(tip);
        while let Some(commit) = next.filter(|commit| Some(*commit) != last) {
            new.push(commit);
            next = self
                .store
                .commit(commit)
                .expect("it is there")
                .parents
                .first()
                .copied();
        }
        assert_eq!(next, last, "the new commits build on the old tip");
        for commit in new.into_iter().rev() {
            let line = self
                .promises
                .branches
                .get_mut(name)
                .expect("it was recorded");
            line.begin(Some(commit), begun, false);
            if let Some(at) = acknowledged.get(&commit) {
                line.acknowledge(*at);
            }
            self.remember(commit);
        }
    }

    fn tip(&self, name: &BranchName) -> CommitId {
        let at = Revision::Branch(Some(name.clone()));
        self.store.snapshot(&at).expect("a branch has a tip")
    }

    /// Records the content of a commit.
    fn remember(&mut self, commit: CommitId) {
        if self.promises.listings.contains_key(&commit) {
            return;
        }
        let at = Revision::Commit(commit);
        let listing = self
            .store
            .list(&at, &TreePath::root())
            .expect("it can be listed");
        for (path, hash) in &listing {
            if !self.promises.modules.contains_key(hash) {
                let module = self
                    .store
                    .find(&at, &ModuleRef::Path(path.clone()))
                    .expect("it is there");
                self.promises.modules.insert(*hash, module.bytes.to_vec());
            }
        }
        self.promises.listings.insert(commit, listing);
        self.promises
            .depths
            .insert(commit, depth(&self.store, &at).expect("it has a history"));
    }

    fn note(&mut self, label: &str, begun: usize, acknowledged: usize, is_outside: bool) {
        self.promises.steps.push(Step {
            label: label.to_owned(),
            begun,
            acknowledged,
            is_outside,
        });
    }
}

/// Returns a manifest with one layer that is a module.
fn manifest(config: &OciDigest, (layer, bytes): &(OciDigest, Vec<u8>)) -> Vec<u8> {
    let manifest = serde_json::json!({
        "schemaVersion": 2,
        "mediaType": IMAGE_MANIFEST,
        "config": {"mediaType": "application/vnd.oci.empty.v1+json", "digest": config.to_string(), "size": 2},
        "layers": [{"mediaType": "application/wasm", "digest": layer.to_string(), "size": bytes.len()}],
        "annotations": {"of": "a client"},
    });
    manifest.to_string().into_bytes()
}

/// Returns the number of commits that a commit reaches.
pub fn depth(store: &Store, at: &Revision) -> wasmstore::store::Result<usize> {
    let mut count = 0;
    store.log(at, 0, usize::MAX, LogOrder::NewestFirst, |_| {
        count += 1;
        true
    })?;
    Ok(count)
}
