//! Copies and moves modules and directories.
//!
//! A directory keeps its tree id at its new path, so the write itself takes only a few edits, even if the directory is large. The
//! properties of the content that must be known, such as the number of modules, are measured before the lock is taken.

mod plan;
mod selection;

use super::change::Change;
use super::commit_messages as message;
use super::early_selection::EarlySelection;
use super::error::Result;
use super::open::Store;
use super::precondition::PreconditionSubject;
use super::revision::Revision;
use crate::names::{Destination, TreePath, TreePattern};
use crate::repo::{Published, TreeExtents, TreeNode, chain};
use plan::{GROWTH_BYTES_MAX, Plan, path_bytes_at};

/// The sources and the destination of a copy or a move.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Relocation {
    /// The modules and directories to copy or move.
    pub sources: Vec<TreePattern>,
    /// The new path. If it is an existing directory or ends with a slash, each source is put into this directory under its old name.
    /// Otherwise there must be one source, and it gets this path. A glob among the sources does not select modules and directories that are
    /// already at or below the new path.
    pub destination: Destination,
    /// Whether modules that exist at the new paths are replaced.
    pub existing: ExistingModules,
}

impl Relocation {
    /// Returns the path of the source, if there is exactly one source and it is a path; `None` if there are several sources or the source
    /// is a glob.
    fn only_path(&self) -> Option<&TreePath> {
        match self.sources.as_slice() {
            [source] if source.glob().is_none() => source.path(),
            _ => None,
        }
    }
}

/// Whether a copy or a move replaces modules that exist at its new paths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExistingModules {
    /// Refuse the copy or move.
    Refuse,
    /// Replace the modules.
    Replace,
}

/// Whether the sources remain, as in a copy, or are removed, as in a move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum SourceFate {
    Kept,
    Removed,
}

impl SourceFate {
    /// Returns the verb for error messages.
    fn verb(self) -> &'static str {
        match self {
            Self::Kept => "copy",
            Self::Removed => "move",
        }
    }

    /// Returns the default commit message.
    fn message(self, from: &str, to: &TreePath) -> String {
        match self {
            Self::Kept => message::copy(from, to),
            Self::Removed => message::mv(from, to),
        }
    }
}

impl Store {
    /// Copies modules and directories in one commit.
    ///
    /// # Errors
    /// A source does not exist; a module would be replaced and `existing` is `Refuse`; several modules would have the same path; a
    /// directory would be copied into itself; there are too many modules, or their paths would be too long; unknown branch. If there is an
    /// error, nothing is changed.
    pub fn copy_modules(&self, change: &Change, relocation: &Relocation) -> Result<Published<()>> {
        self.relocate(change, relocation, SourceFate::Kept)
    }

    /// Moves modules and directories in one commit.
    ///
    /// # Errors
    /// The errors of [`copy_modules`](Self::copy_modules).
    pub fn move_modules(&self, change: &Change, relocation: &Relocation) -> Result<Published<()>> {
        self.relocate(change, relocation, SourceFate::Removed)
    }

    /// Copies or moves modules. The precondition is compared with the source if there is only one, otherwise with the branch's tip.
    fn relocate(
        &self,
        change: &Change,
        relocation: &Relocation,
        fate: SourceFate,
    ) -> Result<Published<()>> {
        let mut extents = TreeExtents::new(self.name_rules);
        if let Err(error) = self.measure_sources(change, relocation, &mut extents) {
            // If something cannot be read now, it is read again under the lock, and that error is returned.
            tracing::debug!(error = chain(&error), "could not measure the sources");
        }
        let has_globs = relocation.sources.iter().any(|it| it.glob().is_some());
        let mut early = match has_globs {
            true => self.select_early(change, |tree| selection::selected(tree, relocation)),
            false => EarlySelection::deferred(),
        };
        let path_bytes_max = self.options.push.tree_path_bytes_max;
        let txn = self.begin()?;
        self.publish(txn, change, |draft| {
            let subject = match relocation.only_path() {
                Some(source) => source.into(),
                None => PreconditionSubject::Branch,
            };
            change.check(self, draft, subject)?;
            let selected = early.in_draft(draft, |tree| selection::selected(tree, relocation))?;
            let sources = (selected.as_slice(), &relocation.destination);
            let plan = Plan::new(draft, sources, fate, &mut extents)?;
            let last = plan.last.clone();
            plan.carry_out(draft, relocation.existing, (&mut extents, path_bytes_max))?;
            let default = || match relocation.sources.as_slice() {
                [source] if source.glob().is_none() => fate.message(&source.to_string(), &last),
                [source] => fate.message(&source.to_string(), &relocation.destination.path),
                several => {
                    let paths = format!("{} paths", several.len());
                    fate.message(&paths, &relocation.destination.path)
                }
            };
            Ok((change.commit_if_changed(draft, Vec::new(), default), ()))
        })
    }

    /// Measures (see [`TreeExtents`]) the directories that are copied or moved, and adds the results to `extents`. Measures the whole tree,
    /// too, if its paths may become much longer.
    fn measure_sources(
        &self,
        change: &Change,
        relocation: &Relocation,
        extents: &mut TreeExtents,
    ) -> Result<()> {
        let objects = self.repo.objects();
        self.read(&Revision::Branch(change.branch.clone()), |resolved| {
            let Some(tree) = resolved.tree else {
                return Ok(());
            };
            let mut growth_bytes = 0u64;
            // The directories that globs match are measured under the lock.
            for source in relocation.sources.iter().filter_map(TreePattern::path) {
                if let Some(TreeNode::Directory(directory)) = objects.node(tree, source)? {
                    let extent = objects.extent(directory, extents)?;
                    let to = &relocation.destination.path;
                    // This is an estimate, which only decides whether the whole tree is measured early. If the destination is a directory,
                    // the source also keeps its name.
                    let bytes = path_bytes_at(to, extent).max(path_bytes_at(source, extent));
                    growth_bytes = growth_bytes.saturating_add(bytes);
                }
            }
            if growth_bytes > GROWTH_BYTES_MAX {
                objects.extent(tree, extents)?;
            }
            Ok(())
        })
    }
}
