//! The tree entries that a pushed commit introduces: the entries that none of its parents has at the same path.
//!
//! The tree diff of `tree/` is not used, because this module compares a tree with the trees of all parents at once, and must report entries
//! that the store's own trees never have, such as duplicate names and unusual modes.

use std::collections::HashSet;

use gix::objs::TreeRef;
use gix::objs::tree::{EntryKind, EntryRef};

use crate::config::NameRules;
use crate::names::{self, ModuleHash, SimilarNames};
use crate::repo::error::Result;
use crate::repo::ids::module_hash;
use crate::repo::push::incoming::IncomingObjects;
use crate::repo::push::pushed_commit::PushedCommit;
use crate::repo::tree::entry::join_path;
use crate::repo::tree::new_names::check_segment;
use crate::repo::tree::reader::parse_tree;

/// The mode of a regular file that is not executable. git accepts other modes for such a file, but `git fsck` warns about them.
const REGULAR_FILE_MODE: u16 = 0o100_644;

/// The kind of an entry that a commit introduces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IntroducedEntry {
    /// A regular file.
    Module(ModuleHash),
    /// A directory. Its entries are visited later if the visitor returns [`WalkControl::Descend`].
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

/// A tree entry that a pushed commit introduces: none of the commit's parents has it at the same path.
#[derive(Clone, Copy, Debug)]
pub struct Introduced<'p> {
    /// The path of the entry, as git stores it.
    pub path: &'p [u8],
    /// The kind of the entry.
    pub entry: IntroducedEntry,
    /// The rule for new names that the entry's name breaks; `None` if it breaks none. The rules that make a name illegal even for an
    /// existing entry are not checked here.
    pub name_fault: Option<&'p names::Error>,
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
    /// Calls `visit` for every entry that a commit introduces, and for every other entry whose name breaks the rules for new names.
    ///
    /// # Errors
    /// `Missing`; an object cannot be decoded.
    pub fn walk_introduced(
        &self,
        commit: &PushedCommit,
        rules: NameRules,
        visit: &mut dyn FnMut(Introduced<'_>) -> WalkControl,
    ) -> Result<()> {
        let mut parent_trees = Vec::new();
        for parent in &commit.parents {
            let tree = self.commit(*parent)?.tree.0;
            if !parent_trees.contains(&tree) {
                parent_trees.push(tree);
            }
        }
        let mut todo = vec![DirectoryVersions {
            path: Vec::new(),
            tree: commit.tree.0,
            parent_trees,
        }];
        while let Some(directory) = todo.pop() {
            // A directory that is the same in a parent was checked when that parent was pushed.
            let is_new = !directory.parent_trees.contains(&directory.tree);
            if is_new
                && self.walk_directory(&directory, rules, &mut todo, visit)? == WalkControl::Stop
            {
                return Ok(());
            }
        }
        Ok(())
    }

    fn walk_directory(
        &self,
        directory: &DirectoryVersions,
        rules: NameRules,
        todo: &mut Vec<DirectoryVersions>,
        visit: &mut dyn FnMut(Introduced<'_>) -> WalkControl,
    ) -> Result<WalkControl> {
        let encoded = self.tree(directory.tree)?;
        let entries = parse_tree(&encoded, directory.tree)?.entries;
        let mut in_parents = vec![InParents::default(); entries.len()];
        // Only one parent's tree is in memory at a time, because a commit may have many parents with large trees.
        for (index, id) in directory.parent_trees.iter().enumerate() {
            let encoded_parent = self.tree(*id)?;
            let parent = parse_tree(&encoded_parent, *id)?;
            for (entry, in_parents) in entries.iter().zip(&mut in_parents) {
                in_parents.look_up(entry, &parent);
                if index == 0 {
                    in_parents.first_has_name = in_parents.has_name;
                }
            }
        }
        let mut new_names = NewNames {
            entries: &entries,
            rules,
            similar: None,
        };
        let mut names = HashSet::new();
        for (entry, in_parents) in entries.iter().zip(in_parents) {
            let path = join_path(&directory.path, entry.filename);
            let name_fault = new_names.fault(entry, &in_parents);
            let mut visit = |entry| {
                visit(Introduced {
                    path: &path,
                    entry,
                    name_fault: name_fault.as_ref(),
                })
            };
            let is_duplicate = !names.insert(entry.filename);
            if is_duplicate && visit(IntroducedEntry::DuplicateName) == WalkControl::Stop {
                return Ok(WalkControl::Stop);
            }
            if in_parents.is_same && name_fault.is_none() {
                continue;
            }
            let introduced = classify(entry);
            match visit(introduced) {
                WalkControl::Stop => return Ok(WalkControl::Stop),
                WalkControl::Descend if introduced == IntroducedEntry::Directory => {
                    todo.push(DirectoryVersions {
                        path,
                        tree: entry.oid.to_owned(),
                        parent_trees: in_parents.trees,
                    });
                }
                WalkControl::Descend | WalkControl::Skip => {}
            }
        }
        Ok(WalkControl::Descend)
    }
}

/// The result of looking up one entry of a commit in the commit's parents, at the same path.
#[derive(Clone, Default)]
struct InParents {
    /// Whether a parent has the same entry.
    is_same: bool,
    /// Whether a parent has an entry with the same name.
    has_name: bool,
    /// Whether the first parent that has the directory has an entry with the same name.
    first_has_name: bool,
    /// The trees that the commit's parents have at this path, each once. Empty if a parent has the same entry.
    trees: Vec<gix::ObjectId>,
}

impl InParents {
    /// Looks for an entry with the same name in `parent`, the tree of the same directory in one parent of the commit, and records the
    /// result.
    fn look_up(&mut self, entry: &EntryRef<'_>, parent: &TreeRef<'_>) {
        if self.is_same {
            return;
        }
        let is_tree = entry.mode.is_tree();
        let Some(found) = parent.bisect_entry(entry.filename, is_tree) else {
            self.has_name |= parent.bisect_entry(entry.filename, !is_tree).is_some();
            return;
        };
        self.has_name = true;
        if (found.mode, found.oid) == (entry.mode, entry.oid) {
            self.is_same = true;
            self.trees = Vec::new();
        } else if entry.mode.is_tree() && !self.trees.iter().any(|tree| *tree == found.oid) {
            self.trees.push(found.oid.to_owned());
        }
    }
}

/// Checks the names that a commit adds to one directory.
struct NewNames<'e> {
    entries: &'e [EntryRef<'e>],
    rules: NameRules,
    /// The names of all entries of the directory, collected when they are first needed.
    similar: Option<SimilarNames<'e>>,
}

impl NewNames<'_> {
    /// Returns the rule for new names that an entry breaks; `None` if it breaks none.
    fn fault(&mut self, entry: &EntryRef<'_>, in_parents: &InParents) -> Option<names::Error> {
        let name = str::from_utf8(entry.filename).ok()?;
        if !in_parents.has_name
            && let Err(error) = check_segment(name, self.rules)
        {
            return Some(error);
        }
        // A name that only a later parent has is checked, too: a merge can bring two similar names together, each from another parent.
        if !self.rules.portable || in_parents.first_has_name {
            return None;
        }
        let names = self.entries.iter().map(|entry| entry.filename.as_ref());
        let similar = self.similar.get_or_insert_with(|| SimilarNames::new(names));
        similar.check(name).err()
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
