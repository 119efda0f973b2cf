//! The tree entries that a pushed commit introduces: those that none of its parents has at the same path.
//!
//! This does not use the tree diff of `tree/`: it compares a tree with those of all parents at once, and must report entries that the
//! store's own trees never have, such as duplicate names and unusual modes.

use std::collections::HashSet;

use gix::objs::TreeRef;
use gix::objs::tree::{EntryKind, EntryRef};

use crate::names::ModuleHash;
use crate::repo::error::Result;
use crate::repo::ids::module_hash;
use crate::repo::objects::commit::Commit;
use crate::repo::push::incoming::IncomingObjects;
use crate::repo::tree::entry::join_path;
use crate::repo::tree::reader::parse_tree;

/// The mode of a regular file that is not executable. git accepts other modes for one, and fsck warns about them.
const REGULAR_FILE_MODE: u16 = 0o100_644;

/// What a commit introduces at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IntroducedEntry {
    /// A regular file.
    Module(ModuleHash),
    /// A directory. Its entries follow.
    Directory,
    /// A directory without entries.
    EmptyDirectory,
    /// An executable file.
    Executable,
    /// A file with a mode that git does not write.
    UnusualMode,
    /// A symbolic link.
    SymbolicLink,
    /// A submodule, that is, a commit of another repository.
    Submodule,
    /// An entry with the name of another entry of the same directory.
    DuplicateName,
    /// An entry with a slash in its name.
    SlashInName,
}

/// How the walk continues after an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WalkControl {
    /// Continue, and visit the content of the entry if it is a directory.
    Descend,
    /// Continue without the content of the directory.
    Skip,
    /// End the walk.
    Stop,
}

/// A directory of the commit's tree, with the trees at the same path in the commit's parents.
struct DirectoryVersions {
    path: Vec<u8>,
    tree: gix::ObjectId,
    parent_trees: Vec<gix::ObjectId>,
}

impl IncomingObjects {
    /// Calls `visit` for every entry that a commit introduces, with its path as git stores it.
    ///
    /// # Errors
    /// `Missing`; an object cannot be decoded.
    pub fn walk_introduced(
        &self,
        commit: &Commit,
        visit: &mut dyn FnMut(&[u8], IntroducedEntry) -> WalkControl,
    ) -> Result<()> {
        let parents = commit.parents.iter();
        let parent_trees = parents.map(|parent| Ok(self.commit(*parent)?.tree.0));
        let mut todo = vec![DirectoryVersions {
            path: Vec::new(),
            tree: commit.tree.0,
            parent_trees: parent_trees.collect::<Result<_>>()?,
        }];
        while let Some(directory) = todo.pop() {
            // A directory that a parent has too was checked when that parent was pushed.
            let is_new = !directory.parent_trees.contains(&directory.tree);
            if is_new && self.walk_directory(&directory, &mut todo, visit)? == WalkControl::Stop {
                return Ok(());
            }
        }
        Ok(())
    }

    fn walk_directory(
        &self,
        directory: &DirectoryVersions,
        todo: &mut Vec<DirectoryVersions>,
        visit: &mut dyn FnMut(&[u8], IntroducedEntry) -> WalkControl,
    ) -> Result<WalkControl> {
        let encoded = self.tree(directory.tree)?;
        let entries = parse_tree(&encoded, directory.tree)?.entries;
        let parent_ids = &directory.parent_trees;
        let encoded_parents: Vec<Vec<u8>> = parent_ids
            .iter()
            .map(|id| self.tree(*id))
            .collect::<Result<_>>()?;
        let parents: Vec<TreeRef<'_>> = encoded_parents
            .iter()
            .zip(parent_ids)
            .map(|(encoded, id)| parse_tree(encoded, *id))
            .collect::<Result<_>>()?;
        let mut names = HashSet::new();
        for entry in &entries {
            let path = join_path(&directory.path, entry.filename);
            let is_duplicate = !names.insert(entry.filename);
            if is_duplicate && visit(&path, IntroducedEntry::DuplicateName) == WalkControl::Stop {
                return Ok(WalkControl::Stop);
            }
            let find_in = |parent: &TreeRef<'_>| {
                let found = parent.bisect_entry(entry.filename, entry.mode.is_tree());
                found.map(|found| (found.mode, found.oid.to_owned()))
            };
            let in_parents: Vec<_> = parents.iter().filter_map(find_in).collect();
            if in_parents.contains(&(entry.mode, entry.oid.to_owned())) {
                continue;
            }
            let introduced = classify(entry);
            match visit(&path, introduced) {
                WalkControl::Stop => return Ok(WalkControl::Stop),
                WalkControl::Descend if introduced == IntroducedEntry::Directory => {
                    todo.push(DirectoryVersions {
                        path,
                        tree: entry.oid.to_owned(),
                        parent_trees: in_parents.into_iter().map(|(_, id)| id).collect(),
                    });
                }
                WalkControl::Descend | WalkControl::Skip => {}
            }
        }
        Ok(WalkControl::Descend)
    }
}

fn classify(entry: &EntryRef<'_>) -> IntroducedEntry {
    match entry.mode.kind() {
        _ if entry.filename.contains(&b'/') => IntroducedEntry::SlashInName,
        EntryKind::Tree if entry.oid.is_empty_tree() => IntroducedEntry::EmptyDirectory,
        EntryKind::Tree => IntroducedEntry::Directory,
        EntryKind::Blob if entry.mode.value() != REGULAR_FILE_MODE => IntroducedEntry::UnusualMode,
        EntryKind::Blob => IntroducedEntry::Module(module_hash(entry.oid)),
        EntryKind::BlobExecutable => IntroducedEntry::Executable,
        EntryKind::Link => IntroducedEntry::SymbolicLink,
        EntryKind::Commit => IntroducedEntry::Submodule,
    }
}
