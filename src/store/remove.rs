//! Removing modules.

use super::error::{Error, Result};
use super::message;
use super::open::{Change, Store};
use super::precondition::Subject;
use super::put::judged;
use super::view::{At, View};
use crate::names::{HashRef, ModulePath, ModuleRef, TreePath};
use crate::repo::{Draft, Node, Published};

/// What to do when the name is a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Folders {
    /// Refuse.
    Refuse,
    /// Remove every module in it.
    Remove,
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
        folders: Folders,
    ) -> Result<Published<()>> {
        if let ModuleRef::Hash(HashRef::Hex64(_) | HashRef::Digest(_)) = name {
            // A digest may take long to find: better before others wait for a lock than while they do.
            self.hash(&At::Branch(change.branch.clone()), name).ok();
        }
        let writing = self.repo.begin()?;
        writing.publish(change.branch.as_ref(), |draft| -> Result<_> {
            let paths = match name {
                ModuleRef::Path(path) => {
                    change.check(draft, path.as_tree_path().into())?;
                    at_path(draft, path, folders)?
                }
                ModuleRef::Hash(hash) => {
                    let view = View {
                        commit: draft.tip().map(|tip| tip.id),
                        tree: Some(draft.tree()),
                    };
                    let hash = self.listed(view, hash)?;
                    let tag = hash.map(|hash| hash.to_string());
                    change.check(draft, Subject::Module(tag))?;
                    let hash = hash.ok_or_else(|| Error::NoModule(name.to_string()))?;
                    let modules = draft.modules(&TreePath::root())?.into_iter();
                    modules
                        .filter(|(_, listed)| *listed == hash)
                        .map(|(path, _)| path)
                        .collect()
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
}

fn at_path(draft: &Draft<'_>, path: &ModulePath, folders: Folders) -> Result<Vec<ModulePath>> {
    match (draft.node(path.as_tree_path())?, folders) {
        (Some(Node::Module(_)), _) => Ok(vec![path.clone()]),
        (Some(Node::Folder(_)), Folders::Refuse) => Err(Error::FolderNotRemoved(path.to_string())),
        (Some(Node::Folder(_)), Folders::Remove) => Ok(draft
            .modules(path.as_tree_path())?
            .into_iter()
            .map(|(path, _)| path)
            .collect()),
        (Some(Node::Foreign) | None, _) => Err(Error::NoModule(path.to_string())),
    }
}
