//! The modules that a repository has on all branches. Most branches have the same modules of a repository. These modules are read only
//! once.

use std::collections::HashMap;

use super::error::Result;
use super::registry::{RepositoryKey, modules};
use super::tag_path::names_outer;
use crate::names::{BranchName, ModuleHash, OciTag, RepositoryName};
use crate::store::{RegistryView, TreeId};

/// All branches, grouped by their root tree: a view of one branch of each group, and the names of all its branches.
pub(super) struct Branches<'v>(Vec<(&'v RegistryView<'v>, Vec<&'v BranchName>)>);

/// The modules of a repository on one branch, and the other branches with the same modules of the repository.
pub(super) struct BranchModules<'v> {
    view: &'v RegistryView<'v>,
    /// The names of the branches. OCI clients can use the name of a branch as a tag of repository `R`: it names the module at the path
    /// `R.wasm` or `R` on that branch.
    names: Vec<&'v BranchName>,
    inner: HashMap<OciTag, ModuleHash>,
    outer: Vec<ModuleHash>,
}

impl<'v> Branches<'v> {
    /// Groups the branches of these views by their root tree.
    pub fn of(views: &'v [RegistryView<'v>]) -> Self {
        let mut branches: Vec<(_, Vec<_>)> = Vec::new();
        let mut index_of_tree = HashMap::<Option<TreeId>, usize>::new();
        for view in views {
            let tree = view.modules_root();
            let at = *index_of_tree.entry(tree).or_insert(branches.len());
            if at == branches.len() {
                branches.push((view, Vec::new()));
            }
            branches[at].1.push(view.branch());
        }
        Self(branches)
    }

    /// Returns the modules of a repository, with one item for all branches that have the same modules.
    pub fn modules(&self, repository: &RepositoryName) -> Result<Vec<BranchModules<'v>>> {
        let mut found: Vec<BranchModules<'v>> = Vec::new();
        let mut index_of_key = HashMap::new();
        for (view, names) in &self.0 {
            let key = RepositoryKey::of(view, repository)?;
            let at = *index_of_key.entry(key).or_insert(found.len());
            if at == found.len() {
                found.push(BranchModules::read(view, repository)?);
            }
            found[at].names.extend(names);
        }
        Ok(found)
    }
}

impl<'v> BranchModules<'v> {
    fn read(view: &'v RegistryView<'v>, repository: &RepositoryName) -> Result<Self> {
        let (mut inner, mut outer) = (HashMap::new(), Vec::new());
        for module in modules(view, repository)? {
            match module.tag() {
                Some(tag) => {
                    inner.insert(tag, module.hash);
                }
                None => outer.push(module.hash),
            }
        }
        Ok(Self {
            view,
            names: Vec::new(),
            inner,
            outer,
        })
    }

    /// Returns the view of one of these branches, which all have the same modules of the repository.
    pub fn view(&self) -> &'v RegistryView<'v> {
        self.view
    }

    /// Returns the hashes of all modules of the repository on these branches.
    pub fn hashes(&self) -> impl Iterator<Item = ModuleHash> {
        self.inner.values().chain(&self.outer).copied()
    }

    /// Returns the module that tag `T` of repository `R` names on one of the branches: the module at `R/T.wasm` or, for `latest` and the
    /// name of the branch, at `R.wasm` or `R`.
    pub fn module(&self, tag: &OciTag) -> Option<ModuleHash> {
        let names_outer = || self.names.iter().any(|name| names_outer(tag, name));
        let inner = self.inner.get(tag);
        inner
            .or_else(|| self.outer.first().filter(|_| names_outer()))
            .copied()
    }
}
