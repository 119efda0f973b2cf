//! Editing a tree.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use gix::bstr::{BStr, BString, ByteSlice};
use gix::objs::tree::EntryKind;

use crate::repo::error::{Error, Result};
use crate::repo::tree::encoded::{change_entries, find};
use crate::repo::tree::entry::TreeEntry;
use crate::repo::tree::reader::TreeReader;

pub(crate) mod graft;

/// The result of editing a tree.
pub(crate) struct EditedTree {
    /// The id of the new tree.
    pub id: gix::ObjectId,
    /// The ids of the trees that were written, each after the trees below it; the last one is the new tree.
    pub written: Vec<gix::ObjectId>,
}

/// Sets (`Some`) or removes (`None`) the entry at each path of `tree`, in the order of `edits`, and returns the new tree. Directories that
/// become empty are removed. The new trees are written to the memory of `repo`, not to the disk.
pub(crate) fn edit(
    repo: &gix::Repository,
    trees: &TreeReader<'_>,
    tree: gix::ObjectId,
    edits: &[(&BStr, Option<TreeEntry>)],
) -> Result<EditedTree> {
    if edits.is_empty() {
        let written = Vec::new();
        return Ok(EditedTree { id: tree, written });
    }
    let mut root = Directory::load(trees, tree)?;
    for (path, entry) in edits {
        root.edit(trees, path, *entry)?;
    }
    root.finish(repo)
}

/// A directory that is being edited.
struct Directory {
    kind: gix::hash::Kind,
    encoded: Arc<Vec<u8>>,
    changes: BTreeMap<BString, EntryEdit>,
    /// Whether `encoded` was put at this path by a graft (see `graft.rs`). If so, its entries count as put there by the graft.
    is_grafted: bool,
}

enum EntryEdit {
    Set(TreeEntry),
    Remove,
    Edit(Directory),
}

impl Directory {
    fn empty(kind: gix::hash::Kind) -> Self {
        Self {
            kind,
            encoded: Arc::default(),
            changes: BTreeMap::new(),
            is_grafted: false,
        }
    }

    fn load(trees: &TreeReader<'_>, id: gix::ObjectId) -> Result<Self> {
        Ok(Self {
            encoded: trees.load_encoded(id)?,
            ..Self::empty(id.kind())
        })
    }

    fn edit(
        &mut self,
        trees: &TreeReader<'_>,
        path: &BStr,
        entry: Option<TreeEntry>,
    ) -> Result<()> {
        let (name, rest) = match path.split_once_str("/") {
            Some((name, rest)) => (name.as_bstr(), Some(rest.as_bstr())),
            None => (path, None),
        };
        if name.is_empty() || name.contains(&0) {
            return Err(Error::database("edit a tree")("illegal name"));
        }
        let Some(rest) = rest else {
            let change = entry.map_or(EntryEdit::Remove, EntryEdit::Set);
            self.changes.insert(name.to_owned(), change);
            return Ok(());
        };
        if let Some(EntryEdit::Edit(directory)) = self.changes.get_mut(name) {
            return directory.edit(trees, rest, entry);
        }
        let current = match self.changes.get(name) {
            Some(EntryEdit::Set(entry)) => Some(*entry),
            Some(_) => None,
            None => find(&self.encoded, self.kind, name)?,
        };
        let mut directory = match current.filter(|current| current.mode.is_tree()) {
            Some(current) => Self::load(trees, current.id)?,
            // The parent directory does not exist, so there is nothing to remove.
            None if entry.is_none() => return Ok(()),
            None => Self::empty(self.kind),
        };
        directory.edit(trees, rest, entry)?;
        let change = EntryEdit::Edit(directory);
        self.changes.insert(name.to_owned(), change);
        Ok(())
    }

    /// Writes the tree of the root.
    fn finish(self, repo: &gix::Repository) -> Result<EditedTree> {
        let mut written = Vec::new();
        let bytes = self.write(repo, &mut written)?;
        let id = write(repo, &bytes)?;
        written.push(id);
        Ok(EditedTree { id, written })
    }

    /// Writes the changed directories below this directory, and returns this directory as an encoded tree.
    fn write(self, repo: &gix::Repository, written: &mut Vec<gix::ObjectId>) -> Result<Vec<u8>> {
        let mut changes = Vec::with_capacity(self.changes.len());
        for (name, change) in self.changes {
            let entry = match change {
                EntryEdit::Set(entry) => Some(entry),
                EntryEdit::Remove => None,
                EntryEdit::Edit(directory) => {
                    let bytes = directory.write(repo, written)?;
                    if bytes.is_empty() {
                        None
                    } else {
                        let id = write(repo, &bytes)?;
                        written.push(id);
                        let mode = EntryKind::Tree.into();
                        Some(TreeEntry { mode, id })
                    }
                }
            };
            changes.push((Cow::Owned(name), entry));
        }
        change_entries(&self.encoded, self.kind, &changes)
    }
}

fn write(repo: &gix::Repository, tree: &[u8]) -> Result<gix::ObjectId> {
    gix::objs::Write::write_buf(&repo.objects, gix::objs::Kind::Tree, tree)
        .map_err(Error::database("keep a tree in memory"))
}

#[cfg(test)]
mod tests;
