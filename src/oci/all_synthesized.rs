//! Finds the digests of the synthesised manifests (see `synthesized.rs`) of all modules.

use std::collections::HashSet;

use super::error::Result;
use super::registry::Registry;
use super::tag_path::{is_tag_file, without_suffix};
use crate::names::{ModuleHash, OciDigest, RepositoryName, TreePath};
use crate::store::{RegistryView, TreeId, TreeNode};

/// The number of modules whose manifest digests are looked up in the store's index at a time.
const STEP: usize = 1024;

impl Registry {
    /// Calls `visit` with the digest of each synthesised manifest: the manifest that the registry makes for each module that may have a tag
    /// on the branches of `views`. Adds missing digests to the store's index. Reads a tree only once, even if it occurs on several
    /// branches.
    pub(super) fn all_synthesized(
        &self,
        views: &[RegistryView<'_>],
        visit: &mut dyn FnMut(OciDigest),
    ) -> Result<()> {
        let mut seen = HashSet::new();
        for view in views {
            let mut walk = Walk {
                registry: self,
                view,
                seen: &mut seen,
                found: Vec::new(),
                visit,
            };
            if view
                .modules_root()
                .is_some_and(|root| walk.seen.insert(root))
            {
                walk.walk()?;
            }
        }
        Ok(())
    }
}

struct Walk<'w> {
    registry: &'w Registry,
    view: &'w RegistryView<'w>,
    seen: &'w mut HashSet<TreeId>,
    /// The hashes and file names of modules whose manifest digests have not been looked up yet.
    found: Vec<(ModuleHash, String)>,
    visit: &'w mut dyn FnMut(OciDigest),
}

impl Walk<'_> {
    fn walk(&mut self) -> Result<()> {
        let mut todo = vec![TreePath::root()];
        while let Some(directory) = todo.pop() {
            for (name, node) in self.view.modules(&directory)? {
                match node {
                    TreeNode::Directory(tree) if self.seen.insert(tree) => {
                        todo.push(directory.join(&name)?);
                    }
                    TreeNode::Module(hash) if may_have_tag(&name) => self.found.push((hash, name)),
                    _ => {}
                }
            }
            if self.found.len() >= STEP {
                self.look_up()?;
            }
        }
        self.look_up()
    }

    fn look_up(&mut self) -> Result<()> {
        let found = std::mem::take(&mut self.found);
        for step in found.chunks(STEP) {
            let named = step.iter().map(|(hash, name)| (*hash, name.as_str()));
            let named: Vec<_> = named.collect();
            for entry in self.registry.manifest_digests(self.view, &named)? {
                (self.visit)(entry.digest.into());
            }
        }
        Ok(())
    }
}

/// Returns whether a module with this file name has a tag in at least one directory: as `R/<tag>.wasm`, `R.wasm` or `R` of a repository
/// `R`.
fn may_have_tag(name: &str) -> bool {
    is_tag_file(name) || RepositoryName::parse(without_suffix(name)).is_ok()
}
