//! Editing a tree.

use gix::bstr::{BStr, ByteSlice};

use crate::repo::error::{Error, Result};
use crate::repo::tree::entry::TreeEntry;
use crate::repo::tree::reader::TreeReader;

/// Returns the tree after setting (`Some`) or removing (`None`) the entry at each path. The new trees are kept in the memory of `repo`.
pub(crate) fn edit(
    repo: &gix::Repository,
    trees: &TreeReader<'_>,
    tree: gix::ObjectId,
    edits: &[(&BStr, Option<TreeEntry>)],
) -> Result<gix::ObjectId> {
    if edits.is_empty() {
        return Ok(tree);
    }
    let root = (*trees.load(tree)?).clone();
    let mut editor = gix::objs::tree::Editor::new(root, &repo.objects, repo.object_hash());
    for (path, entry) in edits {
        let components = path.split_str("/").map(ByteSlice::as_bstr);
        match entry {
            Some(entry) => editor.upsert(components, entry.mode.kind(), entry.id),
            None => editor.remove(components),
        }
        .map_err(Error::database("edit a tree"))?;
    }
    editor
        .write(|tree| gix::objs::Write::write(&repo.objects, tree))
        .map_err(Error::database("edit a tree"))
}
