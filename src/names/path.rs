//! Where a module is kept.

use std::fmt;
use std::str::FromStr;

use super::error::{Error, quoted};
use super::reference;
use super::tree_path::TreePath;

/// The path of a module: at least one legal segment, and never to be taken for a hash.
///
/// Paths sort by their bytes, which is the order in which git walks a tree.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ModulePath(TreePath);

impl ModulePath {
    /// Reads `/`-separated segments; leading, trailing and doubled slashes are dropped.
    ///
    /// # Errors
    /// [`Error::PathEmpty`], [`Error::PathReadsAsHash`], or those of [`TreePath::parse`].
    pub fn parse(text: &str) -> Result<Self, Error> {
        TreePath::parse(text)?.try_into()
    }

    /// The path that a tree's entry names, seen from that tree's own place; `None` where no module may be called so.
    pub fn from_entry(parent: &TreePath, name: &[u8]) -> Option<Self> {
        TreePath::from_entry(parent, name)?.try_into().ok()
    }

    /// The segments from the root downwards, at least one.
    pub fn segments(&self) -> impl DoubleEndedIterator<Item = &str> + Clone {
        self.0.segments()
    }

    /// The segments joined by slashes, without a leading one.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// The same place, where it may as well be a folder.
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
        } else if reference::reads_as_hash(path.as_str()) {
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

/// With a leading slash, as paths are shown.
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
    fn superfluous_slashes_are_dropped_and_one_is_shown() {
        for text in ["a/b.wasm", "/a/b.wasm", "a/b.wasm/", "//a///b.wasm//"] {
            assert_eq!(path(text).as_str(), "a/b.wasm", "{text:?}");
            assert_eq!(path(text).to_string(), "/a/b.wasm", "{text:?}");
        }
        assert_eq!(path("a/b").segments().collect::<Vec<_>>(), ["a", "b"]);
    }

    #[test]
    fn nothing_is_not_a_path() {
        for text in ["", "/", "///"] {
            assert_eq!(ModulePath::parse(text), Err(Error::PathEmpty), "{text:?}");
        }
        assert_eq!(
            ModulePath::try_from(TreePath::root()),
            Err(Error::PathEmpty)
        );
    }

    #[test]
    fn a_single_segment_that_reads_as_a_hash_is_refused() {
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
    fn deeper_segments_and_near_misses_of_a_hash_are_paths() {
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
    fn segments_are_checked() {
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
    fn entries_of_foreign_trees_are_judged() {
        let (root, folder) = (TreePath::root(), TreePath::parse("a").unwrap());
        assert_eq!(ModulePath::from_entry(&root, b"b"), Some(path("b")));
        assert_eq!(ModulePath::from_entry(&root, HEX_40.as_bytes()), None);
        assert_eq!(ModulePath::from_entry(&folder, b"\xff"), None);
        let deeper = format!("a/{HEX_40}");
        assert_eq!(
            ModulePath::from_entry(&folder, HEX_40.as_bytes()),
            Some(path(&deeper))
        );
    }

    #[test]
    fn paths_sort_as_git_walks_them() {
        let mut paths = ["a/b", "a.b", "a0", "a", "B"].map(path);
        paths.sort();
        assert_eq!(
            paths.each_ref().map(ModulePath::as_str),
            ["B", "a", "a.b", "a/b", "a0"]
        );
    }

    #[test]
    fn a_path_is_a_place_in_the_tree() {
        let place = TreePath::from(path("a/b"));
        assert_eq!(place, TreePath::parse("a/b").unwrap());
        assert_eq!(ModulePath::try_from(place), Ok(path("a/b")));
    }
}
