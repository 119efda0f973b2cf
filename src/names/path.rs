//! Module paths.

use std::fmt;
use std::str::FromStr;

use super::digest;
use super::error::{Error, quoted};
use super::tree_path::TreePath;

/// The path of a module: at least one legal segment. A path of one segment never has the form of a hash.
///
/// Paths sort by their bytes, like the entries of a recursive `git ls-tree`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ModulePath(TreePath);

impl ModulePath {
    /// Parses `/`-separated segments. Leading, trailing and repeated slashes are removed.
    ///
    /// # Errors
    /// [`Error::PathEmpty`], [`Error::PathReadsAsHash`], or the errors of [`TreePath::parse`].
    pub fn parse(text: &str) -> Result<Self, Error> {
        TreePath::parse(text)?.try_into()
    }

    /// Returns the path of the entry `name` in the tree at `parent`, or `None` if a module cannot have that path.
    pub fn from_entry(parent: &TreePath, name: &[u8]) -> Option<Self> {
        TreePath::from_entry(parent, name)?.try_into().ok()
    }

    /// Returns the segments from the root downwards, at least one.
    pub fn segments(&self) -> impl DoubleEndedIterator<Item = &str> + Clone {
        self.0.segments()
    }

    /// Returns the segments joined by slashes, without a leading slash.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// Returns the path as a [`TreePath`].
    pub fn as_tree_path(&self) -> &TreePath {
        &self.0
    }
}

impl From<ModulePath> for TreePath {
    fn from(path: ModulePath) -> Self {
        path.0
    }
}

impl TryFrom<TreePath> for ModulePath {
    type Error = Error;

    fn try_from(path: TreePath) -> Result<Self, Error> {
        if path.is_root() {
            Err(Error::PathEmpty)
        } else if digest::has_hash_form(path.as_str()) {
            Err(Error::PathReadsAsHash {
                path: quoted(path.as_str()),
            })
        } else {
            Ok(Self(path))
        }
    }
}

impl FromStr for ModulePath {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::parse(text)
    }
}

/// Writes the path with a leading slash.
impl fmt::Display for ModulePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEX_40: &str = "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391";
    const HEX_64: &str = "473a0f4c3be8a93681a267e3b1e9a7dcda1185436fe141f7749120a303721813";

    fn path(text: &str) -> ModulePath {
        ModulePath::parse(text).unwrap()
    }

    #[test]
    fn superfluous_slashes_are_dropped_and_a_leading_one_is_displayed() {
        for text in ["a/b.wasm", "/a/b.wasm", "a/b.wasm/", "//a///b.wasm//"] {
            assert_eq!(path(text).as_str(), "a/b.wasm", "{text:?}");
            assert_eq!(path(text).to_string(), "/a/b.wasm", "{text:?}");
        }
        assert_eq!(path("a/b").segments().collect::<Vec<_>>(), ["a", "b"]);
    }

    #[test]
    fn an_empty_path_is_rejected() {
        for text in ["", "/", "///"] {
            assert_eq!(ModulePath::parse(text), Err(Error::PathEmpty), "{text:?}");
        }
        assert_eq!(
            ModulePath::try_from(TreePath::root()),
            Err(Error::PathEmpty)
        );
    }

    #[test]
    fn a_single_segment_with_the_form_of_a_hash_is_rejected() {
        for name in [HEX_40, HEX_64, "sha256:", "sha256:x", "SHA256:x"] {
            for text in [name.to_owned(), name.to_uppercase(), format!("//{name}/")] {
                let error = ModulePath::parse(&text).unwrap_err();
                assert!(
                    matches!(error, Error::PathReadsAsHash { .. }),
                    "{text}: {error}"
                );
            }
        }
    }

    #[test]
    fn deeper_segments_and_near_misses_of_a_hash_are_accepted() {
        for text in [
            format!("a/{HEX_40}"),
            format!("{HEX_40}/{HEX_64}"),
            "sha256:/a".to_owned(),
            format!("{HEX_40}0"),
            format!("{HEX_40}.wasm"),
            HEX_64[1..].to_owned(),
            "sha256".to_owned(),
            "sha512:x".to_owned(),
        ] {
            assert_eq!(path(&text).as_str(), text);
        }
    }

    #[test]
    fn illegal_segments_are_rejected() {
        for text in [
            ".",
            "a/..",
            "a/.git/b",
            ".GitModules",
            "a\\b",
            "a\0",
            "a/\u{85}",
        ] {
            let error = ModulePath::parse(text).unwrap_err();
            assert!(
                matches!(error, Error::PathSegment { .. }),
                "{text:?}: {error}"
            );
        }
    }

    #[test]
    fn entries_of_foreign_trees_are_validated() {
        let (root, directory) = (TreePath::root(), TreePath::parse("a").unwrap());
        assert_eq!(ModulePath::from_entry(&root, b"b"), Some(path("b")));
        assert_eq!(ModulePath::from_entry(&root, HEX_40.as_bytes()), None);
        assert_eq!(ModulePath::from_entry(&directory, b"\xff"), None);
        let deeper = format!("a/{HEX_40}");
        assert_eq!(
            ModulePath::from_entry(&directory, HEX_40.as_bytes()),
            Some(path(&deeper))
        );
    }

    #[test]
    fn paths_sort_by_their_bytes() {
        let mut paths = ["a/b", "a.b", "a0", "a", "B"].map(path);
        paths.sort();
        assert_eq!(
            paths.each_ref().map(ModulePath::as_str),
            ["B", "a", "a.b", "a/b", "a0"]
        );
    }

    #[test]
    fn a_module_path_is_a_tree_path() {
        let tree_path = TreePath::from(path("a/b"));
        assert_eq!(tree_path, TreePath::parse("a/b").unwrap());
        assert_eq!(ModulePath::try_from(tree_path), Ok(path("a/b")));
    }
}
