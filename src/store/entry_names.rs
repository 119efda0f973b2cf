//! Lists the names in a directory.

use super::error::Result;
use super::open::Store;
use super::revision::Revision;
use crate::names::TreePath;
use crate::repo::TreeNode;

impl Store {
    /// Returns at most `count` names of modules and directories in the directory at `path` that start with `beginning`. The name of a
    /// directory ends with a slash. Returns no names if the directory does not exist.
    ///
    /// # Errors
    /// Unknown branch or commit.
    pub fn entry_names(
        &self,
        revision: &Revision,
        path: &TreePath,
        beginning: &str,
        count: usize,
    ) -> Result<Vec<String>> {
        self.read(revision, |resolved| {
            let nodes = self.nodes_in(resolved, path, (0, usize::MAX))?;
            let nodes = nodes.map(|(nodes, _)| nodes).unwrap_or_default();
            let named = nodes.into_iter().filter_map(|(name, node)| {
                let slash = match node {
                    TreeNode::Directory(_) => "/",
                    TreeNode::Module(_) => "",
                    TreeNode::Foreign => return None,
                };
                Some(format!("{name}{slash}")).filter(|name| name.starts_with(beginning))
            });
            Ok(named.take(count).collect())
        })
    }
}
