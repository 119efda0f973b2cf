//! The store itself.

use std::path::Path;
use std::sync::OnceLock;
use std::sync::mpsc::SyncSender;

use super::digest_cache::Digests;
use super::error::Result;
use super::index::catch_up::Progress;
use super::precondition::Precondition;
use crate::config::Options;
use crate::index::Index;
use crate::names::{Author, BranchName, Message};
use crate::repo::{ObjectFormat, Repository};

/// A store of modules.
pub struct Store {
    pub(super) repo: Repository,
    pub(super) options: Options,
    /// The URL of the store that this one follows, as of when it was opened or made to follow it.
    pub(super) primary: Option<String>,
    pub(super) digests: Digests,
    pub(super) index: Index,
    pub(super) progress: Option<Progress>,
    /// Wakes who keeps the index up, so that changes need not.
    pub(super) news: OnceLock<SyncSender<()>>,
}

/// Where a change goes and what its commit says.
#[derive(Clone, Debug, Default)]
pub struct Change {
    /// The branch; `None` is the default one.
    pub branch: Option<BranchName>,
    /// The author; `None` is `wasmstore <wasmstore@localhost>`.
    pub author: Option<Author>,
    /// The message; `None` is the verb's own.
    pub message: Option<Message>,
    /// What has to be there for the change to be made.
    pub precondition: Precondition,
}

impl Change {
    /// The author to commit as.
    pub(super) fn author(&self) -> Author {
        self.author.clone().unwrap_or_default()
    }

    /// The given message, or the verb's own.
    pub(super) fn message(&self, default: impl FnOnce() -> String) -> String {
        self.message
            .as_ref()
            .map_or_else(default, |message| message.as_str().to_owned())
    }
}

impl Store {
    /// Opens the store at `root`. Where there is none yet, it reads as an empty store, and nothing is created.
    ///
    /// # Errors
    /// The folder is something else, or cannot be read.
    pub fn open(root: &Path, options: Options) -> Result<Self> {
        Ok(Self::with(Repository::open(root, &options.cache)?, options))
    }

    /// Opens the store at `root`, creating it first if there is none; `format` counts only for a new one. A new store has one
    /// empty commit on the default branch `main`.
    ///
    /// # Errors
    /// The folder is something else, or cannot be written.
    pub fn open_or_create(root: &Path, options: Options, format: ObjectFormat) -> Result<Self> {
        let main = "main".parse().expect("BUG: main is a branch name");
        let repo = Repository::open_or_create(root, &options.cache, format, &main)?;
        repo.sweep()?;
        Ok(Self::with(repo, options))
    }

    fn with(repo: Repository, options: Options) -> Self {
        Self {
            index: Index::new(repo.own_dir()),
            primary: repo.primary(),
            repo,
            options,
            digests: Digests::default(),
            progress: None,
            news: OnceLock::new(),
        }
    }

    /// The kind of the store's ids; `None` while there is no store.
    pub fn object_format(&self) -> Option<ObjectFormat> {
        self.repo.object_format()
    }

    /// How the store was opened.
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// The folder of the store.
    pub fn root(&self) -> &Path {
        self.repo.root()
    }
}
