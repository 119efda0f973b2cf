//! What changed between two trees.

use gix::bstr::{BString, ByteSlice};
use gix::diff::tree::recorder::Change;

use crate::names::{ModuleHash, ModulePath, TreePath};
use crate::repo::error::{Error, Result};
use crate::repo::objects::db::ObjectDb;
use crate::repo::tree::entry::{Entry, Node, TreeId};
use crate::repo::tree::reader::load;

/// One path whose module changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathChange {
    /// The path.
    pub path: ModulePath,
    /// The module before; `None` if there was none.
    pub old: Option<ModuleHash>,
    /// The module after; `None` if there is none.
    pub new: Option<ModuleHash>,
}

/// One entry that changed, whatever it is; folders are followed and not listed.
#[derive(Debug)]
pub(crate) struct EntryChange {
    pub path: BString,
    pub new: Option<Entry>,
    pub old: Option<Entry>,
}

impl ObjectDb {
    /// The modules that differ between two trees, sorted by path; `None` is the empty tree.
    pub fn diff(&self, old: Option<TreeId>, new: Option<TreeId>) -> Result<Vec<PathChange>> {
        if old == new {
            return Ok(Vec::new());
        }
        let repo = self.handle_for("HEAD")?;
        let empty = gix::ObjectId::empty_tree(repo.object_hash());
        let changes = diff(
            &repo,
            old.map_or(empty, |tree| tree.0),
            new.map_or(empty, |tree| tree.0),
        )?;
        let mut modules: Vec<PathChange> = Vec::with_capacity(changes.len());
        for change in changes {
            let path = change
                .path
                .to_str()
                .ok()
                .and_then(|path| path.parse::<TreePath>().ok());
            let Some(path) = path
                .filter(|path| path.as_str() == change.path)
                .and_then(|path| path.try_into().ok())
            else {
                continue;
            };
            let (old, new) = (module(change.old), module(change.new));
            if old != new {
                modules.push(PathChange { path, old, new });
            }
        }
        modules.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(modules)
    }
}

fn module(entry: Option<Entry>) -> Option<ModuleHash> {
    match entry.map(|entry| entry.node()) {
        Some(Node::Module(hash)) => Some(hash),
        _ => None,
    }
}

/// The entries that differ between two trees, but for folders.
pub(crate) fn diff(
    repo: &gix::Repository,
    old: gix::ObjectId,
    new: gix::ObjectId,
) -> Result<Vec<EntryChange>> {
    if old == new {
        return Ok(Vec::new());
    }
    let bytes = |id: gix::ObjectId| -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        gix::objs::WriteTo::write_to(&load(repo, id)?, &mut bytes)
            .map_err(Error::database("compare two trees"))?;
        Ok(bytes)
    };
    let (old, new) = (bytes(old)?, bytes(new)?);
    let iter = |bytes| gix::objs::TreeRefIter::from_bytes(bytes, repo.object_hash());
    let mut recorder = gix::diff::tree::Recorder::default();
    gix::diff::tree(
        iter(&old),
        iter(&new),
        gix::diff::tree::State::default(),
        &repo.objects,
        &mut recorder,
    )
    .map_err(Error::database("compare two trees"))?;
    Ok(recorder
        .records
        .into_iter()
        .filter_map(entry_change)
        .collect())
}

fn entry_change(change: Change) -> Option<EntryChange> {
    let file =
        |mode: gix::objs::tree::EntryMode, id| (!mode.is_tree()).then_some(Entry { mode, id });
    let change = match change {
        Change::Addition {
            entry_mode,
            oid,
            path,
            ..
        } => EntryChange {
            path,
            old: None,
            new: file(entry_mode, oid),
        },
        Change::Deletion {
            entry_mode,
            oid,
            path,
            ..
        } => EntryChange {
            path,
            old: file(entry_mode, oid),
            new: None,
        },
        Change::Modification {
            previous_entry_mode,
            previous_oid,
            entry_mode,
            oid,
            path,
        } => EntryChange {
            path,
            old: file(previous_entry_mode, previous_oid),
            new: file(entry_mode, oid),
        },
    };
    (change.old != change.new).then_some(change)
}
