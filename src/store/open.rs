//! The type `Store`: opens and creates a store.

use std::path::Path;
use std::sync::mpsc::SyncSender;
use std::sync::{Mutex, OnceLock, RwLock};

use super::digest_cache::DigestCache;
use super::error::Result;
use super::facts::{PendingFacts, Summaries};
use super::index::RefusedCommits;
use super::registry::RecordKeeper;
use super::valid_modules::ValidModules;
use super::version_lists::VersionLists;
use crate::budget::ByteBudget;
use crate::config::{NameRules, Options};
use crate::index::Index;
use crate::names::BranchName;
use crate::repo::{BlobUploads, ObjectFormat, Repository};

/// A function that reports progress while missing commits, or missing facts about modules, are added to the index. Its arguments are the
/// number added so far, and the number that was missing at the start.
type CatchUpProgress = Box<dyn Fn(usize, usize) + Send + Sync>;

/// A store of WebAssembly modules.
pub struct Store {
    pub(super) repo: Repository,
    pub(super) options: Options,
    /// The rules for new names. They come from the options, and from the configuration of the repository at the time when the store was
    /// opened.
    pub(super) name_rules: NameRules,
    /// The URL of the primary if this store is a replica. Read when the store is opened, set by `become_replica`, and removed when the replica
    /// was promoted.
    pub(super) primary: RwLock<Option<String>>,
    /// The URL of the bucket if this store is a copy of a store in a bucket, and this process was started without the bucket.
    pub(super) bucket: Option<String>,
    pub(super) digests: DigestCache,
    /// The facts that uploads have collected and that are not in the index yet.
    pub(super) pending_facts: PendingFacts,
    /// The summaries of modules, for lists of modules.
    pub(super) summaries: Summaries,
    /// Held while missing facts are computed, so that a second thread waits for the result instead of computing the same facts.
    pub(super) facts_lock: Mutex<()>,
    pub(super) version_lists: VersionLists,
    /// Held while missing digests are computed, so that a second thread waits for the result instead of computing the same digests, and
    /// only one module is in memory.
    pub(super) digest_lock: Mutex<()>,
    /// The modules that this process has found valid.
    pub(super) valid_modules: ValidModules,
    /// The memory budget to which validations are charged; unlimited in a process that validates one module at a time.
    pub(super) budget: ByteBudget,
    /// The blobs that OCI clients have uploaded and that no manifest names yet.
    pub(super) blob_uploads: BlobUploads,
    pub(super) index: Index,
    pub(super) refused_commits: RefusedCommits,
    /// Held by the one thread that fetches the state of the bucket. Other threads wait for this lock and use the fetched state.
    pub(super) follow_lock: Mutex<()>,
    pub(super) progress: Option<CatchUpProgress>,
    /// The branch of the OCI registry; `None` is the default branch.
    pub(super) registry_branch: RwLock<Option<BranchName>>,
    /// The code that prunes and verifies the records of the OCI registry. It is in a layer above the store, which registers it with
    /// `set_record_keeper`; `None` before that.
    pub(super) record_keeper: Option<Box<dyn RecordKeeper>>,
    /// The channel that wakes the index worker. If it is set, writes wake the worker instead of adding their commits to the index
    /// themselves.
    pub(super) index_wake: OnceLock<SyncSender<()>>,
}

impl Store {
    /// Opens the store at `root`. A missing store is not created, and is read as an empty store.
    ///
    /// # Errors
    /// `root` is not a store, or cannot be read.
    pub fn open(root: &Path, options: Options) -> Result<Self> {
        let repo = Repository::open(root, &options.cache)?;
        Self::new(repo, options)
    }

    /// Opens the store at `root`, or creates it with object ids of the given format. A new store has one empty commit on the default
    /// branch `main`.
    ///
    /// # Errors
    /// `root` is not a store, or cannot be written.
    pub fn open_or_create(root: &Path, options: Options, format: ObjectFormat) -> Result<Self> {
        let main = "main".parse().expect("BUG: main is a branch name");
        let repo = Repository::open_or_create(root, &options.cache, format, &main)?;
        repo.sweep()?;
        Self::new(repo, options)
    }

    /// Creates the `Store` of an open repository.
    ///
    /// # Errors
    /// The configuration cannot be read.
    pub(super) fn new(repo: Repository, options: Options) -> Result<Self> {
        Ok(Self {
            bucket: repo.bucket().filter(|_| !repo.is_shared()),
            blob_uploads: BlobUploads::new(&repo.own_dir(), options.blob_uploads),
            index: Index::new(repo.own_dir()),
            refused_commits: RefusedCommits::default(),
            primary: RwLock::new(repo.primary()?),
            name_rules: NameRules {
                portable: options.names.portable || repo.requires_portable_names(),
            },
            repo,
            options,
            digests: DigestCache::default(),
            pending_facts: PendingFacts::default(),
            summaries: Summaries::default(),
            facts_lock: Mutex::default(),
            version_lists: VersionLists::default(),
            digest_lock: Mutex::default(),
            follow_lock: Mutex::default(),
            valid_modules: ValidModules::default(),
            budget: ByteBudget::default(),
            progress: None,
            registry_branch: RwLock::default(),
            record_keeper: None,
            index_wake: OnceLock::new(),
        })
    }

    /// Requires that new names are legal on Windows and macOS, and that no two names are the same there. Applies to pushes, and to every
    /// process that opens the store from now on.
    ///
    /// # Errors
    /// The store's configuration cannot be written.
    pub fn require_portable_names(&mut self) -> Result<()> {
        self.repo.require_portable_names()?;
        self.name_rules.portable = true;
        Ok(())
    }

    /// Charges the memory that validations need for types to `budget`.
    pub fn charge_validation_to(&mut self, budget: ByteBudget) {
        self.budget = budget;
    }

    /// Returns the format of the object ids; `None` if the store does not exist.
    pub fn object_format(&self) -> Option<ObjectFormat> {
        self.repo.object_format()
    }

    /// Returns the options that the store was opened with.
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// Returns the directory of the store.
    pub fn root(&self) -> &Path {
        self.repo.root()
    }
}
