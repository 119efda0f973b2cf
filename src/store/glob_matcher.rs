//! Compares globs with the modules of a tree.

use super::early_selection::SelectableTree;
use super::error::Result;
use crate::names::{Glob, ModuleHash, ModulePath, TreePath};

/// Compares a glob with the modules of a tree.
pub(super) struct GlobMatcher<'g, 'm> {
    pub glob: &'g Glob,
    /// The last directory that was compared, and the topmost directory at or above it that the glob matches. The result is reused for the
    /// next modules, because the modules of a directory come one after the other.
    last: Option<(&'m str, Option<&'m str>)>,
}

/// How a glob matches a module.
pub(super) enum GlobMatch<'m> {
    /// The glob matches this directory, which contains the module.
    Directory(&'m str),
    /// The glob matches the path of the module.
    Module,
}

impl<'g, 'm> GlobMatcher<'g, 'm> {
    pub fn new(glob: &'g Glob) -> Self {
        Self { glob, last: None }
    }

    /// Returns how the glob matches the module at a path. If it matches the module and a directory, returns the directory.
    pub fn compare(&mut self, path: &'m ModulePath) -> Option<GlobMatch<'m>> {
        let path = path.as_str();
        let directory = path.rsplit_once('/').unwrap_or_default().0;
        let matching = match self.last {
            Some((last, matching)) if last == directory => matching,
            Some(_) | None => self.glob.matching_directory(directory),
        };
        self.last = Some((directory, matching));
        match matching {
            Some(directory) => Some(GlobMatch::Directory(directory)),
            None if self.glob.matches(path.as_bytes(), false) => Some(GlobMatch::Module),
            None => None,
        }
    }
}

/// Returns the modules that these globs may match. If all globs begin with the same directory, returns only the modules in this directory;
/// otherwise returns all modules.
pub(super) fn modules_for(
    tree: &dyn SelectableTree,
    globs: &[Option<&Glob>],
) -> Result<Vec<(ModulePath, ModuleHash)>> {
    let mut directories = globs.iter().flatten().map(|glob| glob.directory());
    let Some(directory) = directories.next() else {
        return Ok(Vec::new());
    };
    match directories.all(|other| other == directory) {
        true => tree.modules(&directory),
        false => tree.modules(&TreePath::root()),
    }
}
