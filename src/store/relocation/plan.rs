//! The plan of a copy or a move: which modules and directories get which new paths. It is made from the draft of the write.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use super::{ExistingModules, SourceFate};
use crate::names::{self, Destination, ModulePath, TreePath};
use crate::repo::{Draft, Graft, TreeEntry, TreeExtent, TreeExtents, TreeNode};
use crate::store::error::{Error, Result};
use crate::store::modules_upload::MODULES_MAX;

/// A change that makes the paths in the tree longer by no more than this number of bytes in all is not checked against the limit on their
/// total length, because for the check the whole tree must be read.
pub(super) const GROWTH_BYTES_MAX: u64 = 1 << 20;

/// The plan of a copy or a move: the modules and directories, and their new paths.
pub(super) struct Plan {
    /// The new path of the source that was added last.
    pub last: TreePath,
    fate: SourceFate,
    /// The old path of each of the `grafts`, in the same order.
    origins: Vec<TreePath>,
    grafts: Vec<Graft>,
    modules: u64,
    /// The maximum total length of the paths that the copied or moved directories add to the tree, in bytes. Single modules are not
    /// counted.
    growth_bytes: u64,
}

impl Plan {
    /// Makes the plan for the paths `selected`, which the sources select.
    pub fn new(
        draft: &Draft<'_>,
        (selected, destination): (&[TreePath], &Destination),
        fate: SourceFate,
        extents: &mut TreeExtents,
    ) -> Result<Self> {
        let is_directory = destination.is_directory
            || matches!(draft.node(&destination.path)?, Some(TreeNode::Directory(_)));
        if !is_directory && selected.len() != 1 {
            return Err(Error::NotRelocated {
                verb: fate.verb(),
                from: format!("{} paths", selected.len()),
                to: destination.to_string(),
                reason: "it is not a directory; end it with a slash to create one".to_owned(),
            });
        }
        let mut plan = Self {
            last: TreePath::root(),
            fate,
            origins: Vec::new(),
            grafts: Vec::new(),
            modules: 0,
            growth_bytes: 0,
        };
        let mut sources = BTreeSet::new();
        for source in selected {
            let name = source.segments().next_back();
            plan.last = match name.filter(|_| is_directory) {
                Some(name) => destination.path.join(name)?,
                None => destination.path.clone(),
            };
            plan.add(draft, source, extents)?;
            if fate == SourceFate::Removed
                && let Some(inner) = nested(&sources, source)
            {
                return Err(plan.moved_twice(draft, source, &inner)?);
            }
            sources.insert(source.clone());
        }
        Ok(plan)
    }

    /// Adds the module or directory at the path `source` to the plan. Its new path is `self.last`.
    fn add(
        &mut self,
        draft: &Draft<'_>,
        source: &TreePath,
        extents: &mut TreeExtents,
    ) -> Result<()> {
        let (from, to) = (source.to_string(), self.last.to_string());
        if source.is_root() {
            return Err(self.refused(&from, &to, "it is the whole tree"));
        }
        if from == to {
            return Err(self.refused(&from, &to, "they are the same path"));
        }
        if source.relative(self.last.as_str()).is_some() {
            return Err(self.refused(&from, &to, "the destination is below the source"));
        }
        let entry = draft.entry_at(source)?;
        let entry = entry.ok_or_else(|| Error::NoModule(from.clone()))?;
        let modules = match entry.node() {
            TreeNode::Module(_) => 1,
            TreeNode::Directory(tree) => {
                let extent = draft.extent(tree, extents)?;
                let growth_bytes = path_bytes_at(&self.last, extent);
                self.growth_bytes = self.growth_bytes.saturating_add(growth_bytes);
                extent.modules
            }
            TreeNode::Foreign => 0,
        };
        self.modules = self.modules.saturating_add(modules);
        if self.modules > MODULES_MAX as u64 {
            return Err(Error::TooManyModules(MODULES_MAX));
        }
        let before = self.grafts.len();
        let target = self.last.clone();
        self.add_parts(draft, (source, &target), entry, extents)?;
        if self.grafts.len() == before {
            return Err(Error::NoModule(from));
        }
        Ok(())
    }

    /// Adds the entry at `from` to the plan, with the new path `to`. A module is added as one entry. So is a directory, if all of its
    /// content can be relocated: it contains only modules, and no path is too long. Of any other directory, the entries are added one by
    /// one in the same way.
    fn add_parts(
        &mut self,
        draft: &Draft<'_>,
        (from, to): (&TreePath, &TreePath),
        entry: TreeEntry,
        extents: &mut TreeExtents,
    ) -> Result<()> {
        match entry.node() {
            TreeNode::Foreign => return Ok(()),
            TreeNode::Module(_) => {
                ModulePath::try_from(from.clone())?;
                ModulePath::try_from(to.clone())?;
            }
            TreeNode::Directory(tree) => {
                let extent = draft.extent(tree, extents)?;
                if extent.modules == 0 {
                    return Ok(());
                }
                let is_whole = extent.is_whole && has_room(from, extent);
                if !is_whole {
                    for (name, entry) in draft.directory(tree)? {
                        // Readers do not see an entry whose path is longer than the path of a module may be.
                        if let Ok(from) = from.join(&name) {
                            let to = to.join(&name)?;
                            self.add_parts(draft, (&from, &to), entry, extents)?;
                        }
                    }
                    return Ok(());
                }
                if !has_room(to, extent) {
                    check_paths(draft, from, to)?;
                }
            }
        }
        self.origins.push(from.clone());
        let path = to.clone();
        self.grafts.push(Graft { path, entry });
        Ok(())
    }

    /// Edits the draft as planned. `extents` caches the number and the lengths of the paths in trees; `path_bytes_max` is the maximum total
    /// length of all paths of the edited tree, in bytes.
    ///
    /// # Errors
    /// A module would be replaced and `existing` is `Refuse`; a path would be a module and a directory at once; two sources have a module
    /// for the same path; all paths together are too long.
    pub fn carry_out(
        self,
        draft: &mut Draft<'_>,
        existing: ExistingModules,
        (extents, path_bytes_max): (&mut TreeExtents, u64),
    ) -> Result<()> {
        let removed = match self.fate {
            SourceFate::Kept => &[][..],
            SourceFate::Removed => &self.origins,
        };
        let mut found = draft.graft(removed, &self.grafts)?;
        if let Some((number, to)) = found.duplicate_target {
            let below = &to[self.grafts[number].path.as_str().len()..];
            let from = format!("{}{below}", self.origins[number]);
            let reason = "another source has the same destination";
            return Err(self.refused(&from, &format!("/{to}"), reason));
        }
        if existing == ExistingModules::Refuse && !found.replaced.is_empty() {
            found.replaced.sort_unstable();
            let paths = found.replaced.iter().map(|path| format!("/{path}"));
            let paths = paths.collect();
            return Err(Error::ModulesExist { paths });
        }
        if let Some(error) = found.path_conflict {
            return Err(error.into());
        }
        if self.growth_bytes > GROWTH_BYTES_MAX {
            let weight = draft.extent(draft.tree(), extents)?.weight;
            weight.check("the branch after this change", path_bytes_max)?;
        }
        Ok(())
    }

    fn refused(&self, from: &str, to: &str, reason: &str) -> Error {
        Error::NotRelocated {
            verb: self.fate.verb(),
            from: from.to_owned(),
            to: to.to_owned(),
            reason: reason.to_owned(),
        }
    }

    /// Returns the error for a move in which both `source` and another source contain the module or directory at `inner`.
    fn moved_twice(&self, draft: &Draft<'_>, source: &TreePath, inner: &TreePath) -> Result<Error> {
        let first = draft.walk_modules(inner, |path, _| ControlFlow::Break(path))?;
        let from = match first {
            ControlFlow::Break(path) => path.to_string(),
            ControlFlow::Continue(()) => inner.to_string(),
        };
        let to = format!("{}{}", self.last, &from[source.to_string().len()..]);
        Ok(self.refused(&from, &to, "two of the sources contain it"))
    }
}

/// Returns `path` if it is below one of `others`; otherwise returns one of `others` that is below `path`, if there is one.
fn nested(others: &BTreeSet<TreePath>, path: &TreePath) -> Option<TreePath> {
    let text = path.as_str();
    let mut parents = text.match_indices('/').map(|(end, _)| &text[..end]);
    if parents.any(|parent| TreePath::parse(parent).is_ok_and(|it| others.contains(&it))) {
        return Some(path.clone());
    }
    // Paths such as `a-b`, with a character that sorts before the slash, may be between `a` and `a/b`.
    let after = others.range(path.clone()..);
    let mut after = after.take_while(|other| other.as_str().starts_with(text));
    after
        .find(|other| path.relative(other.as_str()).is_some())
        .cloned()
}

/// Returns the total length, in bytes, of the paths that are added to a tree if the directory that `extent` describes is put at `path`.
pub(super) fn path_bytes_at(path: &TreePath, extent: TreeExtent) -> u64 {
    let prefix_bytes = path.as_str().len() as u64 + 1;
    let prefixes = extent.weight.paths.saturating_mul(prefix_bytes);
    prefixes.saturating_add(extent.weight.path_bytes)
}

fn has_room(path: &TreePath, extent: TreeExtent) -> bool {
    path.has_room_for(extent.path_bytes_max, extent.segments_max)
}

/// Checks that every module below `from` would have a legal path below `to`.
fn check_paths(draft: &Draft<'_>, from: &TreePath, to: &TreePath) -> Result<()> {
    let moved = |path: &ModulePath| -> Result<ModulePath, names::Error> {
        let below = &path.as_str()[from.as_str().len()..];
        ModulePath::parse(&format!("{}{below}", to.as_str()))
    };
    let found = draft.walk_modules(from, |path, _| match moved(&path) {
        Ok(_) => ControlFlow::Continue(()),
        Err(error) => ControlFlow::Break(error),
    })?;
    match found {
        ControlFlow::Break(error) => Err(error.into()),
        ControlFlow::Continue(()) => Ok(()),
    }
}
