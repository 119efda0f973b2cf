//! What reads modules and branches.

use std::io::{Cursor, Read};
use std::path::Path;

use super::store::AnyStore;
use crate::names::{BranchName, ModuleHash, ModulePath, ModuleRef, TreePath};
use crate::remote::client::Download;
use crate::remote::error::Result;
use crate::store::{At, Blob, write_modules};
use crate::wire::Info;

/// A module that is read.
pub struct Found<'s> {
    /// Its hash.
    pub hash: ModuleHash,
    /// How long it is, in bytes.
    pub bytes: u64,
    source: Source<'s>,
}

enum Source<'s> {
    Local(Cursor<Blob>),
    Served(Box<Download<'s>>),
}

/// An error of the exchange with a server is inside: [`std::io::Error::downcast`] to [`Error`].
impl Read for Found<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        match &mut self.source {
            Source::Local(bytes) => bytes.read(buffer),
            Source::Served(download) => download.read(buffer),
        }
    }
}

/// What reads.
impl AnyStore {
    /// The module that `name` is, or has, in the tree at `at`.
    pub fn find(&self, at: &At, name: &ModuleRef) -> Result<Found<'_>> {
        Ok(match self {
            Self::Local(store) => {
                let module = store.find(at, name)?;
                Found {
                    hash: module.hash,
                    bytes: module.bytes.len() as u64,
                    source: Source::Local(Cursor::new(module.bytes)),
                }
            }
            Self::Served(client) => {
                let download = Box::new(client.find(at, name)?);
                Found {
                    hash: download.hash,
                    bytes: download.bytes,
                    source: Source::Served(download),
                }
            }
        })
    }

    /// What `at` stays at while others change the branch: of a server, the commit that it names now.
    ///
    /// # Errors
    /// Unknown branch or commit.
    pub fn pinned(&self, at: &At) -> Result<At> {
        match self {
            Self::Local(_) => Ok(at.clone()),
            Self::Served(client) => Ok(At::Commit(client.snapshot(at)?)),
        }
    }

    /// Its hash.
    pub fn hash(&self, at: &At, name: &ModuleRef) -> Result<ModuleHash> {
        match self {
            Self::Local(store) => Ok(store.hash(at, name)?),
            Self::Served(client) => client.hash(at, name),
        }
    }

    /// Whether it is there.
    pub fn contains(&self, at: &At, name: &ModuleRef) -> Result<bool> {
        match self {
            Self::Local(store) => Ok(store.contains(at, name)?),
            Self::Served(client) => Ok(client.hash_if_any(at, name)?.is_some()),
        }
    }

    /// What is in it.
    pub fn info(&self, at: &At, name: &ModuleRef) -> Result<Info> {
        match self {
            Self::Local(store) => Ok(Info::from(&store.info(at, name)?)),
            Self::Served(client) => client.info(at, name),
        }
    }

    /// Every module below a folder, sorted by path.
    pub fn list(&self, at: &At, prefix: &TreePath) -> Result<Vec<(ModulePath, ModuleHash)>> {
        match self {
            Self::Local(store) => Ok(store.list(at, prefix)?),
            Self::Served(client) => client.list(at, prefix),
        }
    }

    /// The first of them, about `count`, and whether there are others.
    pub fn list_some(
        &self,
        at: &At,
        prefix: &TreePath,
        count: usize,
    ) -> Result<(Vec<(ModulePath, ModuleHash)>, bool)> {
        match self {
            Self::Local(store) => Ok(store.list_page(at, prefix, None, count)?),
            Self::Served(client) => client.list_some(at, prefix, count),
        }
    }

    /// The default branch.
    pub fn default_branch(&self) -> Result<BranchName> {
        match self {
            Self::Local(store) => Ok(store.default_branch()?),
            Self::Served(client) => client.default_branch(),
        }
    }

    /// All branches, sorted.
    pub fn branches(&self) -> Result<Vec<BranchName>> {
        match self {
            Self::Local(store) => Ok(store.branches()?),
            Self::Served(client) => client.branches(),
        }
    }

    /// Writes every module of the tree at `at` to a file, as [`Store::export`] does.
    pub fn export(&self, at: &At, dir: &Path, progress: impl FnMut(usize, usize)) -> Result<usize> {
        let client = match self {
            Self::Local(store) => return Ok(store.export(at, dir, progress)?),
            Self::Served(client) => client,
        };
        // All of them as of one commit.
        let at = self.pinned(at)?;
        let modules = client.list(&at, &TreePath::root())?;
        let bytes = |path: &ModulePath, hash| client.bytes(&at, path, hash);
        write_modules(&modules, dir, bytes, progress)
    }
}
