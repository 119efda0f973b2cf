//! What a commit brings that none of its parents has.

use std::collections::HashSet;

use gix::bstr::ByteSlice;
use gix::objs::TreeRef;
use gix::objs::tree::{EntryKind, EntryRef};

use crate::names::ModuleHash;
use crate::repo::error::Result;
use crate::repo::ids::module_hash;
use crate::repo::objects::commit::Commit;
use crate::repo::push::incoming::{Incoming, understanding};

/// The mode of a regular file that is not executable, as the bits of a tree entry. git takes others for it, and complains of them.
const FILE: u16 = 0o100_644;

/// What a commit puts at a path where none of its parents has the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Introduced {
    /// A regular file.
    Module(ModuleHash),
    /// A folder: what is in it follows.
    Folder,
    /// A folder with nothing in it.
    EmptyFolder,
    /// A file that is executable, as no module is.
    Executable,
    /// A file of a mode that git does not write.
    OddMode,
    /// A symbolic link.
    SymbolicLink,
    /// A commit of another repository.
    Submodule,
    /// Something of a name that something else in the folder has too.
    Twice,
    /// Something whose name has a slash in it.
    Slash,
}

/// How a walk goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Into the folder, if it is one.
    Into,
    /// Past the folder.
    Past,
    /// Not at all.
    Stop,
}

/// A folder in a commit's tree, and what stands there in its parents' trees.
struct Folder {
    path: Vec<u8>,
    tree: gix::ObjectId,
    before: Vec<gix::ObjectId>,
}

impl Incoming {
    /// Tells what a commit introduces, with the path as git has it; `visit` says how to go on.
    ///
    /// # Errors
    /// `Missing`; an object cannot be understood.
    pub fn introduced(
        &self,
        commit: &Commit,
        visit: &mut dyn FnMut(&[u8], Introduced) -> Next,
    ) -> Result<()> {
        let parents = commit.parents.iter();
        let parents = parents.map(|parent| Ok(self.commit(*parent)?.tree.0));
        let mut todo = vec![Folder {
            path: Vec::new(),
            tree: commit.tree.0,
            before: parents.collect::<Result<_>>()?,
        }];
        while let Some(folder) = todo.pop() {
            // One that a parent has as it is was looked at when that came.
            let is_new = !folder.before.contains(&folder.tree);
            if is_new && self.introduced_in(&folder, &mut todo, visit)? == Next::Stop {
                return Ok(());
            }
        }
        Ok(())
    }

    fn introduced_in(
        &self,
        folder: &Folder,
        todo: &mut Vec<Folder>,
        visit: &mut dyn FnMut(&[u8], Introduced) -> Next,
    ) -> Result<Next> {
        let tree = self.tree(folder.tree)?;
        let entries = understand(&tree, folder.tree)?.entries;
        let before = folder.before.iter().map(|id| self.tree(*id));
        let before: Vec<Vec<u8>> = before.collect::<Result<_>>()?;
        let before = before.iter().zip(&folder.before);
        let before = before.map(|(tree, id)| understand(tree, *id));
        let before: Vec<TreeRef<'_>> = before.collect::<Result<_>>()?;
        let mut names = HashSet::new();
        for entry in &entries {
            let path = join(&folder.path, entry.filename);
            if !names.insert(entry.filename) && visit(&path, Introduced::Twice) == Next::Stop {
                return Ok(Next::Stop);
            }
            let there = |tree: &TreeRef<'_>| {
                let there = tree.bisect_entry(entry.filename, entry.mode.is_tree());
                there.map(|there| (there.mode, there.oid.to_owned()))
            };
            let there: Vec<_> = before.iter().filter_map(there).collect();
            if there.contains(&(entry.mode, entry.oid.to_owned())) {
                continue;
            }
            let found = found(entry);
            match visit(&path, found) {
                Next::Stop => return Ok(Next::Stop),
                Next::Into if found == Introduced::Folder => todo.push(Folder {
                    path,
                    tree: entry.oid.to_owned(),
                    before: there.into_iter().map(|(_, id)| id).collect(),
                }),
                Next::Into | Next::Past => {}
            }
        }
        Ok(Next::Into)
    }
}

fn found(entry: &EntryRef<'_>) -> Introduced {
    match entry.mode.kind() {
        _ if entry.filename.contains(&b'/') => Introduced::Slash,
        EntryKind::Tree if entry.oid.is_empty_tree() => Introduced::EmptyFolder,
        EntryKind::Tree => Introduced::Folder,
        EntryKind::Blob if entry.mode.value() != FILE => Introduced::OddMode,
        EntryKind::Blob => Introduced::Module(module_hash(entry.oid)),
        EntryKind::BlobExecutable => Introduced::Executable,
        EntryKind::Link => Introduced::SymbolicLink,
        EntryKind::Commit => Introduced::Submodule,
    }
}

fn understand(tree: &[u8], id: gix::ObjectId) -> Result<TreeRef<'_>> {
    TreeRef::from_bytes(tree, id.kind()).map_err(understanding(id))
}

fn join(folder: &[u8], name: &gix::bstr::BStr) -> Vec<u8> {
    match folder {
        [] => name.to_vec(),
        folder => [folder, b"/", name.as_bytes()].concat(),
    }
}
