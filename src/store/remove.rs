//! Removing modules.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use super::commit_messages as message;
use super::error::{Error, Result};
use super::index::catch_up::BEHIND_MAX;
use super::open::{Change, Store};
use super::precondition::Subject;
use super::put::judged;
use super::revision::Revision;
use crate::index::Reader;
use crate::names::{HashRef, ModuleHash, ModulePath, ModuleRef, TreePath};
use crate::repo::{Draft, Node, Published, chain};

/// What to do when the name is a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DirectoryRemoval {
    /// Refuse.
    Refuse,
    /// Remove every module in it.
    Recursive,
}

impl Store {
    /// Removes the module at a path, every module of a folder, or a module from every path that has it, in one commit.
    ///
    /// # Errors
    /// There is none; it is a folder and `folders` says to refuse; unknown branch.
    pub fn remove(
        &self,
        change: &Change,
        name: &ModuleRef,
        folders: DirectoryRemoval,
    ) -> Result<Published<()>> {
        // A path needs no index.
        let (meant, index) = match name {
            ModuleRef::Path(_) => (Vec::new(), None),
            ModuleRef::Hash(hash) => (self.candidates(change, hash)?, self.index.reader().ok()),
        };
        let writing = self.begin()?;
        self.publish(writing, change.branch.as_ref(), |draft| {
            let paths = match name {
                ModuleRef::Path(path) => {
                    change.check(draft, path.as_tree_path().into())?;
                    at_path(draft, path, folders)?
                }
                ModuleRef::Hash(_) => {
                    let found = self.first_listed(draft, index.as_ref(), &meant)?;
                    let tag = found.as_ref().map(|(hash, _)| hash.to_string());
                    change.check(draft, Subject::Module(tag))?;
                    found.ok_or_else(|| Error::NoModule(name.to_string()))?.1
                }
            };
            draft.remove(&paths)?;
            Ok((
                judged(change, draft, Vec::new(), || {
                    message::remove(&name.to_string())
                }),
                (),
            ))
        })
    }

    /// The modules that may be meant by a hash or digest. What takes long to find out, better before others wait for a lock than
    /// while they do.
    fn candidates(&self, change: &Change, wanted: &HashRef) -> Result<Vec<ModuleHash>> {
        let (id, digest) = self.meant(wanted);
        if let Err(error) = self.catch_up(&Revision::Branch(change.branch.clone())) {
            tracing::debug!(error = chain(&error), "the tree is going to be walked");
        }
        let has_id = id
            .map(|id| self.repo.objects().blob_size_bytes(id))
            .transpose()?;
        let by_digest = match digest.filter(|_| has_id.flatten().is_none()) {
            Some(digest) => self.by_digest(digest)?,
            None => None,
        };
        Ok(id.into_iter().chain(by_digest).collect())
    }

    /// The first of the modules that some path of the draft has, and every such path.
    fn first_listed(
        &self,
        draft: &Draft<'_>,
        index: Option<&Reader>,
        meant: &[ModuleHash],
    ) -> Result<Option<(ModuleHash, Vec<ModulePath>)>> {
        for hash in meant {
            let paths = match index.map_or(Ok(None), |index| indexed_paths(index, draft, *hash))? {
                Some(paths) => paths,
                None => draft
                    .modules(&TreePath::root())?
                    .into_iter()
                    .filter_map(|(path, listed)| (listed == *hash).then_some(path))
                    .collect(),
            };
            if !paths.is_empty() {
                return Ok(Some((*hash, paths)));
            }
        }
        Ok(None)
    }
}

fn at_path(
    draft: &Draft<'_>,
    path: &ModulePath,
    folders: DirectoryRemoval,
) -> Result<Vec<ModulePath>> {
    match (draft.node(path.as_tree_path())?, folders) {
        (Some(Node::Module(_)), _) => Ok(vec![path.clone()]),
        (Some(Node::Folder(_)), DirectoryRemoval::Refuse) => {
            Err(Error::DirectoryNotRemoved(path.to_string()))
        }
        (Some(Node::Folder(_)), DirectoryRemoval::Recursive) => Ok(draft
            .modules(path.as_tree_path())?
            .into_iter()
            .map(|(path, _)| path)
            .collect()),
        (Some(Node::Foreign) | None, _) => Err(Error::NoModule(path.to_string())),
    }
}

/// Every path of the draft that has the module: of those that ever had it as far as the index knows, and of those that changed
/// since. `None` if the index is far behind.
fn indexed_paths(
    index: &Reader,
    draft: &Draft<'_>,
    hash: ModuleHash,
) -> Result<Option<Vec<ModulePath>>> {
    let mut commit = draft.tip().cloned();
    for _ in 0..BEHIND_MAX {
        let Some(known) = commit else { break };
        if !index.has(known.id).unwrap_or(false) {
            commit = draft.parent(&known)?;
            continue;
        }
        let mut paths = BTreeSet::new();
        let found = index.paths_of(hash, |path| -> ControlFlow<()> {
            paths.insert(path);
            ControlFlow::Continue(())
        });
        if found.is_err() {
            break;
        }
        for changed in draft.changed_since(known.tree)? {
            if changed.new == Some(hash) {
                let path = std::str::from_utf8(&changed.path).ok();
                paths.extend(path.and_then(|path| ModulePath::parse(path).ok()));
            }
        }
        let mut listed = Vec::new();
        for path in paths {
            if draft.node(path.as_tree_path())? == Some(Node::Module(hash)) {
                listed.push(path);
            }
        }
        return Ok(Some(listed));
    }
    Ok(None)
}
