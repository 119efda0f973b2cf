//! A draft: the tip that a change is judged on, and the tree it makes of it.
//!
//! Nothing is written: new trees live in memory until the change is published.

use std::cell::Cell;
use std::collections::HashSet;

use gix::bstr::{BStr, ByteSlice};
use gix::objs::tree::EntryKind;

use crate::names::{BranchName, CommitId, ModuleHash, ModulePath, TreePath};
use crate::repo::error::{Error, Result};
use crate::repo::history::commit::{Commit, read_linked};
use crate::repo::ids::{commit_id, object_id};
use crate::repo::lifecycle::open::Repository;
use crate::repo::tree::entry::{Entry, Node, TreeId};
use crate::repo::tree::reader::Trees;

/// The tip of a branch, to be changed.
pub struct Draft<'w> {
    pub(crate) repo: &'w gix::Repository,
    pub(crate) trees: Trees<'w>,
    tip: Option<Commit>,
    pub(crate) tree: gix::ObjectId,
    /// The repository, and the other branches that are about to move.
    beside: Option<(&'w Repository, Vec<&'w BranchName>)>,
    has_met_moving: Cell<bool>,
}

impl<'w> Draft<'w> {
    pub(crate) fn new(repo: &'w gix::Repository, tip: Option<gix::ObjectId>) -> Result<Self> {
        let tip = tip
            .map(|tip| read_linked(repo, commit_id(&tip)))
            .transpose()?;
        let tree = tip.as_ref().map_or_else(
            || gix::ObjectId::empty_tree(repo.object_hash()),
            |tip| tip.tree.0,
        );
        Ok(Self {
            repo,
            trees: Trees::new(repo),
            tip,
            tree,
            beside: None,
            has_met_moving: Cell::default(),
        })
    }

    /// Says which other branches are about to be moved by changes before this one.
    pub(crate) fn beside(self, repository: &'w Repository, moving: Vec<&'w BranchName>) -> Self {
        Self {
            beside: Some((repository, moving)),
            ..self
        }
    }

    /// Whether the judge asked for a branch that is about to be moved.
    pub(crate) fn has_met_moving(&self) -> bool {
        self.has_met_moving.get()
    }

    /// The tip of another branch, which nobody moves until this change is published.
    ///
    /// # Errors
    /// `UnknownBranch`. `Moved` if a change before this one is about to move it: what the judge returns does not count then, and
    /// it is asked again when that is done.
    pub fn tip_of(&self, branch: &BranchName) -> Result<CommitId> {
        let unknown = || Error::UnknownBranch(branch.to_string());
        let (repository, moving) = self.beside.as_ref().ok_or_else(unknown)?;
        let name = repository.branch_or_default(Some(branch))?;
        if moving.contains(&&name) {
            self.has_met_moving.set(true);
            return Err(Error::Moved(name.into()));
        }
        repository.tip(&name)?.ok_or_else(unknown)
    }

    /// The branch's newest commit; `None` if it has none yet.
    pub fn tip(&self) -> Option<&Commit> {
        self.tip.as_ref()
    }

    /// The tree as changed so far.
    pub fn tree(&self) -> TreeId {
        TreeId(self.tree)
    }

    /// Says whether the draft differs from the tip.
    pub fn is_changed(&self) -> bool {
        self.tip
            .as_ref()
            .map_or(!self.tree.is_empty_tree(), |tip| tip.tree.0 != self.tree)
    }

    /// What stands at `path`.
    pub fn node(&self, path: &TreePath) -> Result<Option<Node>> {
        Ok(self.entry(path.as_str())?.map(|entry| entry.node()))
    }

    /// Every module below `at`, sorted by path.
    pub fn modules(&self, at: &TreePath) -> Result<Vec<(ModulePath, ModuleHash)>> {
        let mut modules = Vec::new();
        let flow: std::ops::ControlFlow<()> =
            self.trees.walk(self.tree, at, None, &mut |path, hash| {
                modules.push((path, hash));
                std::ops::ControlFlow::Continue(())
            })?;
        debug_assert!(flow.is_continue(), "the visitor never breaks");
        Ok(modules)
    }

    /// Sets modules at their paths. A path that keeps its hash keeps its entry.
    ///
    /// # Errors
    /// `PathTaken` if one of them would be module and folder at once, among themselves or with what is there.
    pub fn set(&mut self, modules: &[(ModulePath, ModuleHash)]) -> Result<()> {
        let paths: HashSet<&str> = modules.iter().map(|(path, _)| path.as_str()).collect();
        let mut edits = Vec::new();
        for (path, hash) in modules {
            let mut folders = path
                .as_str()
                .match_indices('/')
                .map(|(end, _)| &path.as_str()[..end]);
            let obstacle = match folders.find(|folder| paths.contains(folder)) {
                Some(folder) => Some((format!("/{folder}"), "a module")),
                None => self.trees.obstacle(self.tree, path.as_str().into())?,
            };
            if let Some((existing, kind)) = obstacle {
                return Err(Error::PathTaken {
                    path: path.to_string(),
                    existing,
                    kind,
                });
            }
            let id = object_id(self.repo, hash.as_bytes()).ok_or(Error::UnknownBlob(*hash))?;
            let entry = Entry {
                mode: EntryKind::Blob.into(),
                id,
            };
            if self.entry(path.as_str())? != Some(entry) {
                edits.push((path.as_str().into(), Some(entry)));
            }
        }
        self.edit(&edits)
    }

    /// Removes what stands at the paths.
    pub fn remove(&mut self, paths: &[ModulePath]) -> Result<()> {
        let edits: Vec<_> = paths
            .iter()
            .map(|path| (path.as_str().into(), None))
            .collect();
        self.edit(&edits)
    }

    /// Puts what stands at `path` in `commit`, a module, a folder or nothing, in the place of what stands there now.
    ///
    /// # Errors
    /// `UnknownCommit`; `PathTaken` if a module is in the way.
    pub fn restore(&mut self, commit: CommitId, path: &TreePath) -> Result<()> {
        let entry = self.entry_in(&self.commit(commit)?, path)?;
        if path.is_root() {
            self.tree = entry.expect("BUG: the root is always there").id;
            return Ok(());
        }
        if entry == self.entry(path.as_str())? {
            return Ok(());
        }
        let obstacle = self.trees.obstacle(self.tree, path.as_str().into())?;
        if let (Some(_), Some((existing, kind))) = (entry, obstacle)
            && existing != path.to_string()
        {
            return Err(Error::PathTaken {
                path: path.to_string(),
                existing,
                kind,
            });
        }
        self.edit(&[(path.as_str().into(), entry)])
    }

    /// A commit that a person or another commit named.
    pub fn commit(&self, id: CommitId) -> Result<Commit> {
        crate::repo::history::commit::read(self.repo, id)
    }

    /// The first parent of a commit of this branch; `None` if it is a root.
    pub fn parent(&self, commit: &Commit) -> Result<Option<Commit>> {
        let parent = commit.parents.first();
        parent
            .map(|parent| read_linked(self.repo, *parent))
            .transpose()
    }

    /// What stands at `path` in `commit`; the root is always there.
    pub fn entry_in(&self, commit: &Commit, path: &TreePath) -> Result<Option<Entry>> {
        self.trees.entry(commit.tree.0, path.as_str().into())
    }

    fn entry(&self, path: &str) -> Result<Option<Entry>> {
        self.trees.entry(self.tree, path.into())
    }

    /// Sets (`Some`) or removes (`None`) what stands at each path.
    pub(crate) fn edit(&mut self, edits: &[(&BStr, Option<Entry>)]) -> Result<()> {
        self.tree = edit(self.repo, &self.trees, self.tree, edits)?;
        Ok(())
    }
}

/// The tree that comes of setting (`Some`) or removing (`None`) what stands at each path; it is made in memory.
pub(crate) fn edit(
    repo: &gix::Repository,
    trees: &Trees<'_>,
    tree: gix::ObjectId,
    edits: &[(&BStr, Option<Entry>)],
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
