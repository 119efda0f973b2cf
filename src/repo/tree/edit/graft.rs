//! Grafts: existing modules and directories that are put at other paths of a tree.
//!
//! A directory keeps the id of its tree, so a graft is one edit, whatever the directory contains. Only where there is a directory already, the
//! entries of both are combined.

use std::collections::HashMap;
use std::sync::Arc;

use gix::bstr::{BStr, BString, ByteSlice};

use super::{Directory, EditedTree, EntryEdit};
use crate::names::TreePath;
use crate::repo::error::{Error, Result};
use crate::repo::tree::encoded::{entries, find};
use crate::repo::tree::entry::{TreeEntry, TreeNode, join_path};
use crate::repo::tree::reader::TreeReader;

/// An existing tree entry, and the new path at which an edit puts it.
#[derive(Clone, Debug)]
pub struct Graft {
    /// The path at which the entry is put. It is not the root.
    pub path: TreePath,
    /// A module, or a directory that contains only modules and directories with legal names.
    pub entry: TreeEntry,
}

/// The modules that grafts replace, and the conflicts of grafts with each other or with existing entries.
#[derive(Debug, Default)]
pub struct GraftFindings {
    /// The paths at which a graft replaces an existing module.
    pub replaced: Vec<String>,
    /// The first graft that puts a module at a path where an earlier graft has put one: its index, and the path.
    pub duplicate_target: Option<(usize, String)>,
    /// The error `PathTaken` for the first path that would be a module and a directory at once.
    pub path_conflict: Option<Error>,
}

/// Removes the entries at the paths `removed` from a tree, and then puts the entry of each graft at its path. Returns the new tree, and the
/// [`GraftFindings`]. If `duplicate_target` or `path_conflict` is set in them, the caller must not use the new tree.
pub(crate) fn graft(
    repo: &gix::Repository,
    trees: &TreeReader<'_>,
    tree: gix::ObjectId,
    removed: &[TreePath],
    grafts: &[Graft],
) -> Result<(EditedTree, GraftFindings)> {
    let mut root = Directory::load(trees, tree)?;
    for path in removed {
        root.edit(trees, path.as_str().into(), None)?;
    }
    let mut grafter = Grafter {
        trees,
        number: 0,
        findings: GraftFindings::default(),
    };
    for (number, graft) in grafts.iter().enumerate() {
        grafter.number = number;
        let rest = graft.path.as_str().into();
        grafter.descend(&mut root, &BString::default(), rest, graft.entry)?;
    }
    Ok((root.finish(repo)?, grafter.findings))
}

struct Grafter<'t> {
    trees: &'t TreeReader<'t>,
    /// The index of the [`Graft`] that is being put into the tree, in the list of all grafts.
    number: usize,
    findings: GraftFindings,
}

/// The entry that currently has a given name in a directory that is being edited.
enum CurrentEntry {
    Nothing,
    /// An entry, and whether a [`Graft`] has put it there.
    Entry(TreeEntry, bool),
    /// A directory that is being edited, and not empty.
    Edited,
}

impl Grafter<'_> {
    /// Puts `entry` at the path `rest` below `directory`, which is at the path `at`.
    fn descend(
        &mut self,
        directory: &mut Directory,
        at: &BString,
        rest: &BStr,
        entry: TreeEntry,
    ) -> Result<()> {
        let Some((name, rest)) = rest.split_once_str("/") else {
            let current_entry =
                directory.current_entry(rest, find(&directory.encoded, directory.kind, rest)?)?;
            return self.put(directory, at, rest, current_entry, entry);
        };
        let (name, path) = (name.as_bstr(), join(at, name));
        let current_entry =
            directory.current_entry(name, find(&directory.encoded, directory.kind, name)?)?;
        if let CurrentEntry::Entry(parent, _) = &current_entry
            && !parent.mode.is_tree()
        {
            let below = join(&path, rest);
            return self.record_path_conflict(&below, entry, &path, parent.noun());
        }
        let child = directory.open(self.trees, name, &current_entry)?;
        self.descend(child, &path, rest.as_bstr(), entry)
    }

    /// Puts `entry` into `directory` under `name`. `current_entry` is the entry that currently has this name. Records replaced modules and
    /// conflicts in the findings.
    fn put(
        &mut self,
        directory: &mut Directory,
        at: &BString,
        name: &BStr,
        current_entry: CurrentEntry,
        entry: TreeEntry,
    ) -> Result<()> {
        let path = join(at, name);
        match (&current_entry, entry.mode.is_tree()) {
            (CurrentEntry::Nothing, _) => {}
            (CurrentEntry::Edited, true) => {
                let child = directory.open(self.trees, name, &current_entry)?;
                return self.merge(child, &path, entry.id);
            }
            (CurrentEntry::Entry(current, _), true) if current.mode.is_tree() => {
                let child = directory.open(self.trees, name, &current_entry)?;
                return self.merge(child, &path, entry.id);
            }
            (CurrentEntry::Entry(current, is_grafted), false)
                if matches!(current.node(), TreeNode::Module(_)) =>
            {
                if *is_grafted {
                    let duplicate_target = || (self.number, path.to_string());
                    self.findings
                        .duplicate_target
                        .get_or_insert_with(duplicate_target);
                    return Ok(());
                }
                self.findings.replaced.push(path.to_string());
                // If the module at a path does not change, the path keeps its existing entry, including the file mode.
                if *current == entry {
                    return Ok(());
                }
            }
            (CurrentEntry::Entry(current, _), _) => {
                return self.record_path_conflict(&path, entry, &path, current.noun());
            }
            (CurrentEntry::Edited, false) => {
                return self.record_path_conflict(&path, entry, &path, "a directory");
            }
        }
        let change = EntryEdit::Set(entry);
        directory.changes.insert(name.to_owned(), change);
        Ok(())
    }

    /// Puts each entry of `tree` into `directory`, whose path is `at`.
    fn merge(
        &mut self,
        directory: &mut Directory,
        at: &BString,
        tree: gix::ObjectId,
    ) -> Result<()> {
        let encoded = Arc::clone(&directory.encoded);
        let mut existing = HashMap::new();
        for entry in entries(&encoded, directory.kind) {
            let entry = entry?;
            existing.insert(entry.name, entry.entry()?);
        }
        let bytes = self.trees.load_encoded(tree)?;
        for entry in entries(&bytes, tree.kind()) {
            let entry = entry?;
            let current = existing.get(entry.name).copied();
            let current_entry = directory.current_entry(entry.name, current)?;
            self.put(directory, at, entry.name, current_entry, entry.entry()?)?;
        }
        Ok(())
    }

    /// Records, as the error `PathTaken`, that the entry at `existing` prevents putting `entry` at `path`. Keeps an error that was recorded
    /// before.
    fn record_path_conflict(
        &mut self,
        path: &BString,
        entry: TreeEntry,
        existing: &BString,
        kind: &'static str,
    ) -> Result<()> {
        if self.findings.path_conflict.is_none() {
            let mut first = path.clone();
            let mut current = entry;
            while current.mode.is_tree() {
                let bytes = self.trees.load_encoded(current.id)?;
                let Some(entry) = entries(&bytes, current.id.kind()).next().transpose()? else {
                    break;
                };
                first = join(&first, entry.name);
                current = entry.entry()?;
            }
            self.findings.path_conflict = Some(Error::PathTaken {
                path: format!("/{first}"),
                existing: format!("/{existing}"),
                kind,
            });
        }
        Ok(())
    }
}

impl Directory {
    /// Returns the entry that has this name after the edits so far. `before` is the entry that had the name before the edits.
    fn current_entry(&self, name: &BStr, before: Option<TreeEntry>) -> Result<CurrentEntry> {
        Ok(match self.changes.get(name) {
            Some(EntryEdit::Set(entry)) => CurrentEntry::Entry(*entry, true),
            Some(EntryEdit::Remove) => CurrentEntry::Nothing,
            Some(EntryEdit::Edit(directory)) if directory.is_void()? => CurrentEntry::Nothing,
            Some(EntryEdit::Edit(_)) => CurrentEntry::Edited,
            None => before.map_or(CurrentEntry::Nothing, |entry| {
                CurrentEntry::Entry(entry, self.is_grafted)
            }),
        })
    }

    /// Returns whether the directory is empty after the edits so far.
    fn is_void(&self) -> Result<bool> {
        for change in self.changes.values() {
            let is_void = match change {
                EntryEdit::Set(_) => false,
                EntryEdit::Remove => true,
                EntryEdit::Edit(directory) => directory.is_void()?,
            };
            if !is_void {
                return Ok(false);
            }
        }
        for entry in entries(&self.encoded, self.kind) {
            if !self.changes.contains_key(entry?.name) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Returns the subdirectory with this name, to edit it. `current_entry` is the entry that currently has this name: a directory, or
    /// nothing. In the second case, the subdirectory is new and empty.
    fn open(
        &mut self,
        trees: &TreeReader<'_>,
        name: &BStr,
        current_entry: &CurrentEntry,
    ) -> Result<&mut Self> {
        let opened = match (current_entry, self.changes.get(name)) {
            (_, Some(EntryEdit::Edit(_))) => None,
            (CurrentEntry::Entry(entry, is_grafted), _) => Some(Self {
                is_grafted: *is_grafted,
                ..Self::load(trees, entry.id)?
            }),
            (CurrentEntry::Nothing | CurrentEntry::Edited, _) => Some(Self::empty(self.kind)),
        };
        if let Some(directory) = opened {
            let change = EntryEdit::Edit(directory);
            self.changes.insert(name.to_owned(), change);
        }
        match self.changes.get_mut(name) {
            Some(EntryEdit::Edit(directory)) => Ok(directory),
            _ => unreachable!("BUG: it was inserted above"),
        }
    }
}

fn join(parent: &BString, name: &[u8]) -> BString {
    join_path(parent, name.as_bstr()).into()
}
