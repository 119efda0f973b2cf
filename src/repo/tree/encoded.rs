//! Encoded trees (gitformat-tree: entries of `<mode> <name>\0<id>`), searched and changed without decoding them.
//!
//! A change usually concerns one entry of each of a few directories. Decoding a directory allocates memory for each name in it, which takes
//! longer than all other work on the directory.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::cmp::Ordering;
use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use gix::bstr::{BStr, ByteSlice};
use gix::objs::tree::{EntryKind, EntryMode, name_order};

use crate::repo::error::{Error, Result};
use crate::repo::objects::copies::read_object;
use crate::repo::tree::entry::TreeEntry;

/// The maximum number of bytes of encoded trees that one operation keeps in memory.
const BYTES_MAX: usize = 32 << 20;

/// The number of linear searches of one encoded tree after which the tree is decoded. A decoded tree allows binary search, but decoding
/// takes as long as many linear searches.
const SEARCHES_MAX: u32 = 8;

/// The mode of a directory, as git and gix write it.
const DIRECTORY_MODE: &[u8] = b"40000 ";

/// An entry of an encoded tree.
pub(crate) struct EncodedEntry<'t> {
    /// The range of the entry's bytes in the encoded tree.
    range: Range<usize>,
    /// The mode and the space after it.
    mode: &'t [u8],
    pub name: &'t BStr,
    id: &'t [u8],
}

impl EncodedEntry<'_> {
    pub fn is_directory(&self) -> bool {
        // git itself accepts a leading zero, which old programs have written.
        self.mode == DIRECTORY_MODE || self.mode == b"040000 "
    }

    pub fn id(&self) -> gix::ObjectId {
        gix::ObjectId::from_bytes_or_panic(self.id)
    }

    /// Returns the mode and the id.
    pub fn entry(&self) -> Result<TreeEntry> {
        let mode = EntryMode::from_bytes(self.mode)
            .ok_or_else(|| Error::database("decode a tree")("it is malformed"))?;
        let id = self.id();
        Ok(TreeEntry { mode, id })
    }
}

/// Returns the entries of an encoded tree. `kind` is the hash function of the ids in it.
pub(crate) fn entries(
    bytes: &[u8],
    kind: gix::hash::Kind,
) -> impl Iterator<Item = Result<EncodedEntry<'_>>> {
    let mut start = 0;
    std::iter::from_fn(move || {
        let rest = bytes.get(start..).filter(|rest| !rest.is_empty())?;
        let parsed = || {
            let mode = rest.find_byte(b' ')?;
            let name = mode + 1 + rest[mode + 1..].find_byte(0)?;
            let end = name + 1 + kind.len_in_bytes();
            Some(EncodedEntry {
                range: start..start + end,
                mode: &rest[..=mode],
                name: rest[mode + 1..name].as_bstr(),
                id: rest.get(name + 1..end)?,
            })
        };
        let entry = parsed();
        start = entry.as_ref().map_or(bytes.len(), |entry| entry.range.end);
        Some(entry.ok_or_else(|| Error::database("decode a tree")("it is malformed")))
    })
}

/// Returns the entry `name` of an encoded tree, by linear search; `None` if there is none.
pub(crate) fn find(bytes: &[u8], kind: gix::hash::Kind, name: &BStr) -> Result<Option<TreeEntry>> {
    for entry in entries(bytes, kind) {
        let entry = entry?;
        if entry.name == name {
            return entry.entry().map(Some);
        }
    }
    Ok(None)
}

/// Returns the encoded tree after some of its entries were set (`Some`) or removed (`None`). `changes` is sorted by name, each name once.
pub(crate) fn change_entries(
    bytes: &[u8],
    kind: gix::hash::Kind,
    changes: &[(Cow<'_, BStr>, Option<TreeEntry>)],
) -> Result<Vec<u8>> {
    let is_tree = |entry: &TreeEntry| entry.mode.is_tree();
    let mut new: Vec<(&BStr, TreeEntry)> = changes
        .iter()
        .filter_map(|(name, entry)| Some((name.as_ref(), (*entry)?)))
        .collect();
    new.sort_by(|(a, a_entry), (b, b_entry)| name_order(a, is_tree(a_entry), b, is_tree(b_entry)));
    let mut new = new.into_iter().peekable();
    let mut to = Vec::with_capacity(bytes.len() + 64 * new.len());
    // The offset up to which `bytes` was copied or skipped. The entries from here to the current one are copied together.
    let mut uncopied = 0;
    for entry in entries(bytes, kind) {
        let entry = entry?;
        let is_before = |(name, new): &(&BStr, TreeEntry)| {
            let order = name_order(name, is_tree(new), entry.name, entry.is_directory());
            order == Ordering::Less
        };
        while let Some((name, added)) = new.next_if(is_before) {
            to.extend_from_slice(&bytes[uncopied..entry.range.start]);
            uncopied = entry.range.start;
            push(&mut to, name, &added);
        }
        let is_changed = changes.binary_search_by(|(name, _)| name.as_ref().cmp(entry.name));
        if is_changed.is_ok() {
            to.extend_from_slice(&bytes[uncopied..entry.range.start]);
            uncopied = entry.range.end;
        }
    }
    to.extend_from_slice(&bytes[uncopied..]);
    for (name, added) in new {
        push(&mut to, name, &added);
    }
    Ok(to)
}

fn push(to: &mut Vec<u8>, name: &BStr, entry: &TreeEntry) {
    let kind: EntryKind = entry.mode.kind();
    to.extend_from_slice(kind.as_octal_str());
    to.push(b' ');
    to.extend_from_slice(name);
    to.push(0);
    to.extend_from_slice(entry.id.as_bytes());
}

/// An encoded tree, and how often it was searched.
type Searched = (Arc<Vec<u8>>, u32);

/// A cache of the encoded trees that one operation reads.
#[derive(Default)]
pub(crate) struct EncodedTrees {
    trees: RefCell<HashMap<gix::ObjectId, Searched>>,
    size_bytes: Cell<usize>,
}

impl EncodedTrees {
    /// Returns the encoded tree `id`, from memory or from `repo`.
    pub fn load(&self, repo: &gix::Repository, id: gix::ObjectId) -> Result<Arc<Vec<u8>>> {
        if id.is_empty_tree() {
            return Ok(Arc::default());
        }
        if let Some((bytes, _)) = self.trees.borrow().get(&id) {
            return Ok(Arc::clone(bytes));
        }
        let bytes = read_encoded(repo, id)?;
        let mut trees = self.trees.borrow_mut();
        self.size_bytes.set(self.size_bytes.get() + bytes.len());
        if self.size_bytes.get() > BYTES_MAX {
            trees.clear();
            self.size_bytes.set(bytes.len());
        }
        trees.insert(id, (Arc::clone(&bytes), 0));
        Ok(bytes)
    }

    /// Counts a search of a tree, and returns whether to search the encoded form once more instead of decoding the tree.
    pub fn should_search(&self, id: gix::ObjectId) -> bool {
        match self.trees.borrow_mut().get_mut(&id) {
            Some((_, searches)) => {
                *searches += 1;
                *searches < SEARCHES_MAX
            }
            None => true,
        }
    }
}

/// Reads an encoded tree.
pub(crate) fn read_encoded(repo: &gix::Repository, id: gix::ObjectId) -> Result<Arc<Vec<u8>>> {
    let object = read_object(repo, id, "read tree")?;
    match object.kind {
        gix::objs::Kind::Tree => Ok(Arc::new(object.detach().data)),
        kind => Err(Error::database(format!("read tree {id}"))(format!(
            "it is a {kind}"
        ))),
    }
}
