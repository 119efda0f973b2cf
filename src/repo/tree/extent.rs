//! The extent of trees: the number of their paths and modules, and the lengths of the paths.
//!
//! Each tree is measured once, whatever the number of its paths: a few small trees can name billions of long paths. A measured tree need
//! not be read again, because its id determines its content. So a caller can measure trees before it takes a lock, and under the lock only
//! measures the trees that have changed since.

use std::collections::HashMap;

use gix::bstr::BStr;

use crate::config::NameRules;
use crate::names::{self, SimilarNames};
use crate::repo::error::{Error, Result};
use crate::repo::ids::TreeId;
use crate::repo::objects::db::ObjectDb;
use crate::repo::tree::encoded::entries;
use crate::repo::tree::entry::TreeNode;
use crate::repo::tree::new_names::check_segment;
use crate::repo::tree::reader::TreeReader;

/// The number and the length of the paths in a tree, relative to its root. The paths of directories are counted, too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TreeWeight {
    /// The number of paths.
    pub paths: u64,
    /// The total length of the paths in bytes.
    pub path_bytes: u64,
}

impl TreeWeight {
    /// Counts one more entry of the tree, whose name has `name_bytes` bytes. If the entry is a directory, `content` counts the paths below
    /// it; otherwise `content` is zero.
    pub(crate) fn add(&mut self, name_bytes: u64, content: Self) {
        let prefix_bytes = content.paths.saturating_mul(name_bytes.saturating_add(1));
        let bytes = prefix_bytes.saturating_add(content.path_bytes);
        self.paths = self.paths.saturating_add(content.paths).saturating_add(1);
        let path_bytes = self.path_bytes.saturating_add(name_bytes);
        self.path_bytes = path_bytes.saturating_add(bytes);
    }

    /// Checks that the paths have at most `bytes_max` bytes in total. `object` names the object that has the tree, for the error text.
    ///
    /// # Errors
    /// `LimitExceeded`.
    pub fn check(self, object: &str, bytes_max: u64) -> Result<()> {
        let Self { paths, path_bytes } = self;
        if path_bytes <= bytes_max {
            return Ok(());
        }
        Err(Error::LimitExceeded {
            object: object.to_owned(),
            reason: format!(
                "its tree has {paths} paths of {path_bytes} bytes in total; the limit is {bytes_max} bytes (--max-tree-path-bytes)"
            ),
        })
    }
}

/// The extent of a tree: the sizes by which limits are checked before the tree is put at another path. Only modules with legal names count
/// as modules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TreeExtent {
    /// The number and the total length of all paths, including paths with names that are not legal in the store.
    pub weight: TreeWeight,
    /// The number of modules.
    pub modules: u64,
    /// The length of the longest path of a module, relative to the tree, in bytes.
    pub path_bytes_max: usize,
    /// The number of segments of the deepest path of a module.
    pub segments_max: usize,
    /// Whether the tree can be put at another path as it is: it contains only modules and directories that contain modules, and all of
    /// their names are allowed for new entries.
    pub is_whole: bool,
}

impl TreeExtent {
    fn empty() -> Self {
        Self {
            weight: TreeWeight::default(),
            modules: 0,
            path_bytes_max: 0,
            segments_max: 0,
            is_whole: true,
        }
    }

    /// Adds an entry of the tree. If the entry is a directory, `content` is the extent of that directory's tree.
    fn add(&mut self, name: &BStr, node: TreeNode, content: &Self, rules: NameRules) {
        self.weight.add(name.len() as u64, content.weight);
        let legal = str::from_utf8(name).ok();
        let Some(legal) = legal.filter(|name| names::is_legal_segment(name)) else {
            self.is_whole = false;
            return;
        };
        self.is_whole &= check_segment(legal, rules).is_ok();
        match node {
            TreeNode::Foreign => self.is_whole = false,
            TreeNode::Module(_) => self.add_modules(1, name.len(), 1),
            TreeNode::Directory(_) => {
                self.is_whole &= content.is_whole;
                if content.modules > 0 {
                    let path_bytes = name.len() + 1 + content.path_bytes_max;
                    self.add_modules(content.modules, path_bytes, 1 + content.segments_max);
                }
            }
        }
    }

    fn add_modules(&mut self, count: u64, path_bytes: usize, segments: usize) {
        self.modules = self.modules.saturating_add(count);
        self.path_bytes_max = self.path_bytes_max.max(path_bytes);
        self.segments_max = self.segments_max.max(segments);
    }
}

/// The extents (numbers of modules and lengths of paths) of the trees that were measured.
pub struct TreeExtents {
    rules: NameRules,
    known: HashMap<gix::ObjectId, TreeExtent>,
}

impl TreeExtents {
    /// Returns a value that has measured no trees yet. `rules` are the rules for new names; they decide [`TreeExtent::is_whole`].
    pub fn new(rules: NameRules) -> Self {
        Self {
            rules,
            known: HashMap::new(),
        }
    }

    /// Returns the [`TreeExtent`] of a tree. Reads only the trees that were not measured before.
    pub(crate) fn measure(&mut self, trees: &TreeReader<'_>, tree: TreeId) -> Result<TreeExtent> {
        // Not recursive: a chain of nested trees can be deeper than the stack.
        let mut todo = vec![tree.0];
        while let Some(id) = todo.last().copied() {
            if self.known.contains_key(&id) {
                todo.pop();
                continue;
            }
            let bytes = trees.load_encoded(id)?;
            let below = self.unknown_below(&bytes, id.kind())?;
            if below.is_empty() {
                let extent = self.sum(&bytes, id.kind())?;
                self.known.insert(id, extent);
            }
            todo.extend(below);
        }
        Ok(self.known[&tree.0])
    }

    /// Returns the ids of the subdirectories of an encoded tree that were not measured yet.
    fn unknown_below(&self, bytes: &[u8], kind: gix::hash::Kind) -> Result<Vec<gix::ObjectId>> {
        let mut unknown = Vec::new();
        for entry in entries(bytes, kind) {
            let entry = entry?;
            if entry.is_directory() && !self.known.contains_key(&entry.id()) {
                unknown.push(entry.id());
            }
        }
        unknown.sort_unstable();
        unknown.dedup();
        Ok(unknown)
    }

    /// Adds up the entries of a tree, whose directories were measured before.
    fn sum(&self, bytes: &[u8], kind: gix::hash::Kind) -> Result<TreeExtent> {
        let (mut extent, nothing) = (TreeExtent::empty(), TreeExtent::empty());
        let mut names = Vec::new();
        for entry in entries(bytes, kind) {
            let entry = entry?;
            let known = match entry.is_directory() {
                true => self.known.get(&entry.id()),
                false => None,
            };
            let node = entry.entry()?.node();
            extent.add(entry.name, node, known.unwrap_or(&nothing), self.rules);
            if self.rules.portable {
                names.push(entry.name);
            }
        }
        extent.is_whole &= extent.modules > 0;
        if extent.is_whole && !names.is_empty() {
            let all = SimilarNames::new(names.iter().map(|name| name.as_ref()));
            let mut texts = names.iter().filter_map(|name| str::from_utf8(name).ok());
            extent.is_whole = texts.all(|name| all.check(name).is_ok());
        }
        Ok(extent)
    }
}

impl ObjectDb {
    /// Returns the extent of a tree (the number of its modules and the lengths of its paths), and stores the result in `extents`.
    pub fn extent(&self, tree: TreeId, extents: &mut TreeExtents) -> Result<TreeExtent> {
        extents.measure(&TreeReader::cached(self), tree)
    }
}

#[cfg(test)]
mod tests {
    use gix::bstr::ByteSlice as _;

    use super::*;
    use crate::repo::ids::module_hash;

    #[test]
    fn paths_below_a_directory_count_with_its_name() {
        let mut leaf = TreeWeight::default();
        leaf.add(1, TreeWeight::default());
        leaf.add(2, TreeWeight::default());
        let mut root = TreeWeight::default();
        // `dir`, `dir/a`, `dir/bc`
        root.add(3, leaf);
        let expected = TreeWeight {
            paths: 3,
            path_bytes: 3 + 5 + 6,
        };
        assert_eq!(root, expected);
    }

    #[test]
    fn weights_saturate() {
        let mut weight = TreeWeight::default();
        weight.add(1, TreeWeight::default());
        for _ in 0..100 {
            let content = weight;
            weight = TreeWeight::default();
            weight.add(255, content);
            weight.add(255, content);
        }
        assert_eq!((weight.paths, weight.path_bytes), (u64::MAX, u64::MAX));
    }

    #[test]
    fn the_longest_path_counts_and_a_name_that_a_change_must_not_add_does_not_move_along() {
        let module = TreeNode::Module(module_hash(&gix::ObjectId::Sha1([1; 20])));
        let directory = TreeNode::Directory(TreeId(gix::ObjectId::Sha1([1; 20])));
        let added = |entries: &[(&str, TreeNode, TreeExtent)]| {
            let mut extent = TreeExtent::empty();
            for (name, node, content) in entries {
                let name = name.as_bytes().as_bstr();
                extent.add(name, *node, content, NameRules::default());
            }
            extent
        };
        let nothing = TreeExtent::empty();
        let leaf = added(&[("a.wasm", module, nothing), ("b", module, nothing)]);
        let root = added(&[("dir", directory, leaf), ("longer.wasm", module, nothing)]);
        assert_eq!((root.modules, root.segments_max), (3, 2));
        assert_eq!(root.path_bytes_max, "longer.wasm".len());
        assert!(root.is_whole);
        for (name, node) in [
            (".git", module),
            ("a\u{202e}", module),
            ("a", TreeNode::Foreign),
        ] {
            assert!(!added(&[(name, node, nothing)]).is_whole, "{name:?}");
        }
    }
}
