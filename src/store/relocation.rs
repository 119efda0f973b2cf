//! Copies and moves modules and directories.

use std::collections::{BTreeMap, BTreeSet};

use super::change::Change;
use super::commit_messages as message;
use super::error::{Error, Result};
use super::modules_upload::MODULES_MAX;
use super::open::Store;
use super::precondition::PreconditionSubject;
use crate::names::{Destination, ModuleHash, ModulePath, TreePath};
use crate::repo::{Draft, Published, TreeNode};

/// The sources and the destination of a copy or a move.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Relocation {
    /// The paths of the modules and directories to copy or move.
    pub sources: Vec<TreePath>,
    /// The new path. If it is an existing directory or ends with a slash, each source is put into this directory under its old name.
    /// Otherwise there must be one source, and it gets this path.
    pub destination: Destination,
    /// What to do with modules that exist at the new paths.
    pub existing: ExistingModules,
}

/// What to do with modules that exist at the paths that a copy or a move writes.
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
    /// directory would be copied into itself; unknown branch. If there is an error, nothing is changed.
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
        let txn = self.begin()?;
        self.publish(txn, change, |draft| {
            let subject = match relocation.sources.as_slice() {
                [source] => source.into(),
                _ => PreconditionSubject::Branch,
            };
            change.check(draft, subject)?;
            let plan = Plan::new(draft, relocation, fate)?;
            if fate == SourceFate::Removed {
                let sources: Vec<_> = plan.sources.into_iter().collect();
                draft.remove(&sources)?;
            }
            let targets: Vec<_> = plan.targets.into_iter().collect();
            draft.set(&targets)?;
            let default = || match relocation.sources.as_slice() {
                [source] => fate.message(&source.to_string(), &plan.last),
                several => {
                    let paths = format!("{} paths", several.len());
                    fate.message(&paths, &relocation.destination.path)
                }
            };
            Ok((change.commit_if_changed(draft, Vec::new(), default), ()))
        })
    }
}

/// The modules that a copy or move reads (`sources`) and writes (`targets`).
struct Plan {
    sources: BTreeSet<ModulePath>,
    targets: BTreeMap<ModulePath, ModuleHash>,
    /// The new path of the source that was added last.
    last: TreePath,
}

impl Plan {
    fn new(draft: &Draft<'_>, relocation: &Relocation, fate: SourceFate) -> Result<Self> {
        let destination = &relocation.destination;
        let is_directory = destination.is_directory
            || matches!(draft.node(&destination.path)?, Some(TreeNode::Directory(_)));
        if !is_directory && relocation.sources.len() != 1 {
            return Err(Error::NotRelocated {
                verb: fate.verb(),
                from: format!("{} paths", relocation.sources.len()),
                to: destination.to_string(),
                reason: "it is not a directory; end it with a slash to create one".to_owned(),
            });
        }
        let mut plan = Self {
            sources: BTreeSet::new(),
            targets: BTreeMap::new(),
            last: TreePath::root(),
        };
        for source in &relocation.sources {
            let name = source.segments().next_back();
            plan.last = match name.filter(|_| is_directory) {
                Some(name) => destination.path.join(name)?,
                None => destination.path.clone(),
            };
            plan.add(draft, source, fate)?;
        }
        if relocation.existing == ExistingModules::Refuse {
            plan.check_absent(draft, fate)?;
        }
        Ok(plan)
    }

    /// Adds the modules of a source, whose new path is `self.last`.
    fn add(&mut self, draft: &Draft<'_>, source: &TreePath, fate: SourceFate) -> Result<()> {
        let refused = |from: &str, to: &str, reason: String| Error::NotRelocated {
            verb: fate.verb(),
            from: from.to_owned(),
            to: to.to_owned(),
            reason,
        };
        let (from, to) = (source.to_string(), self.last.to_string());
        if source.is_root() {
            return Err(refused(&from, &to, "it is the whole tree".to_owned()));
        }
        if from == to {
            return Err(refused(&from, &to, "they are the same path".to_owned()));
        }
        if to.starts_with(&format!("{from}/")) {
            return Err(refused(
                &from,
                &to,
                "the destination is below the source".to_owned(),
            ));
        }
        for (path, hash) in modules_at(draft, source)? {
            let below = &path.as_str()[source.as_str().len()..];
            let target = ModulePath::parse(&format!("{}{below}", self.last.as_str()))?;
            let (from, to) = (path.to_string(), target.to_string());
            if self.targets.len() == MODULES_MAX {
                return Err(Error::TooManyModules(MODULES_MAX));
            }
            if self.targets.insert(target, hash).is_some() {
                return Err(refused(
                    &from,
                    &to,
                    "another source has the same destination".to_owned(),
                ));
            }
            if !self.sources.insert(path) && fate == SourceFate::Removed {
                return Err(refused(
                    &from,
                    &to,
                    "two of the sources contain it".to_owned(),
                ));
            }
        }
        Ok(())
    }

    /// Checks that no existing module would be replaced.
    fn check_absent(&self, draft: &Draft<'_>, fate: SourceFate) -> Result<()> {
        let mut paths = Vec::new();
        for target in self.targets.keys() {
            let goes_away = fate == SourceFate::Removed && self.sources.contains(target);
            let node = draft.node(target.as_tree_path())?;
            if matches!(node, Some(TreeNode::Module(_))) && !goes_away {
                paths.push(target.to_string());
            }
        }
        if paths.is_empty() {
            return Ok(());
        }
        Err(Error::ModulesExist { paths })
    }
}

/// Returns the module at a path, or all modules in the directory at the path.
fn modules_at(draft: &Draft<'_>, path: &TreePath) -> Result<Vec<(ModulePath, ModuleHash)>> {
    let modules = match draft.node(path)? {
        Some(TreeNode::Module(hash)) => vec![(ModulePath::try_from(path.clone())?, hash)],
        Some(TreeNode::Directory(_)) => draft.modules(path)?,
        Some(TreeNode::Foreign) | None => Vec::new(),
    };
    if modules.is_empty() {
        return Err(Error::NoModule(path.to_string()));
    }
    Ok(modules)
}
