//! Paths in a commit's tree: the root, a directory or a module.

use std::fmt;
use std::str::FromStr;

use super::error::{Error, quoted};
use super::segment;

/// The maximum length of a path, in bytes.
const PATH_BYTES_MAX: usize = 4096;

/// The maximum number of segments of a path.
const PATH_SEGMENTS_MAX: usize = 64;

/// A path in a commit's tree. Unlike a [`ModulePath`](super::ModulePath), it may be the root, and a single segment may have the form of a
/// hash.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TreePath {
    /// Legal segments, joined by single slashes; empty for the root.
    text: String,
}

impl TreePath {
    /// Returns the root of the tree.
    pub fn root() -> Self {
        Self::default()
    }

    /// Parses `/`-separated segments. Leading, trailing and repeated slashes are removed.
    ///
    /// # Errors
    /// [`Error::PathSegment`], [`Error::PathTooDeep`] or [`Error::PathTooLong`].
    pub fn parse(text: &str) -> Result<Self, Error> {
        let mut path = Self::root();
        for segment in text.split('/').filter(|segment| !segment.is_empty()) {
            path.push(segment)?;
        }
        Ok(path)
    }

    /// Returns the path of the entry `segment` in this directory.
    ///
    /// # Errors
    /// The errors of [`TreePath::parse`]; [`Error::PathSegment`] also if the segment contains a slash.
    pub fn join(&self, segment: &str) -> Result<Self, Error> {
        let mut path = self.clone();
        path.push(segment)?;
        Ok(path)
    }

    /// Returns the path of the entry `name` in the tree at `parent`, or `None` if the name is not legal.
    pub fn from_entry(parent: &Self, name: &[u8]) -> Option<Self> {
        parent.join(str::from_utf8(name).ok()?).ok()
    }

    /// Returns whether this is the root of the tree.
    pub fn is_root(&self) -> bool {
        self.text.is_empty()
    }

    /// Returns the segments from the root downwards. The root has no segments.
    pub fn segments(&self) -> impl DoubleEndedIterator<Item = &str> + Clone {
        self.text.split('/').filter(|segment| !segment.is_empty())
    }

    /// Returns the segments joined by slashes, without a leading slash; empty for the root.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns the part of `path` after this directory, without a slash before it; `None` if the path is not below this directory.
    pub fn relative<'p>(&self, path: &'p str) -> Option<&'p str> {
        let rest = path.strip_prefix(&self.text)?;
        let below = if self.is_root() {
            rest
        } else {
            rest.strip_prefix('/')?
        };
        (!below.is_empty()).then_some(below)
    }

    /// Returns whether `path`, in the form of [`as_str`](Self::as_str), is this path or lies below it.
    pub fn contains(&self, path: &str) -> bool {
        path == self.text || self.relative(path).is_some()
    }

    /// Returns whether a path of this many bytes and segments can be appended to this directory without exceeding the limits of a path.
    pub fn has_room_for(&self, path_bytes: usize, segments: usize) -> bool {
        let slash = usize::from(!self.is_root());
        self.text.len() + slash + path_bytes <= PATH_BYTES_MAX
            && self.segments().count() + segments <= PATH_SEGMENTS_MAX
    }

    fn push(&mut self, segment: &str) -> Result<(), Error> {
        segment::check(segment)?;
        if !self.is_root() {
            self.text.push('/');
        }
        self.text.push_str(segment);
        if self.text.len() > PATH_BYTES_MAX {
            return Err(Error::PathTooLong {
                path: quoted(&self.text),
                bytes_max: PATH_BYTES_MAX,
            });
        }
        if self.segments().count() > PATH_SEGMENTS_MAX {
            return Err(Error::PathTooDeep {
                path: quoted(&self.text),
                segments_max: PATH_SEGMENTS_MAX,
            });
        }
        Ok(())
    }
}

impl FromStr for TreePath {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::parse(text)
    }
}

/// Writes the path with a leading slash; the root is `/`.
impl fmt::Display for TreePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "/{}", self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEX_40: &str = "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391";

    fn tree_path(text: &str) -> TreePath {
        TreePath::parse(text).unwrap()
    }

    #[test]
    fn superfluous_slashes_are_dropped() {
        for text in ["a/b", "/a/b", "a/b/", "//a///b//"] {
            assert_eq!(tree_path(text).as_str(), "a/b", "{text:?}");
        }
        assert_eq!(tree_path("a/b").segments().collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(tree_path("a/b").to_string(), "/a/b");
    }

    #[test]
    fn the_root_has_no_segments() {
        for text in ["", "/", "//"] {
            let root = tree_path(text);
            assert!(root.is_root());
            assert_eq!(root, TreePath::root());
            assert_eq!(root.segments().count(), 0);
            assert_eq!((root.as_str(), root.to_string().as_str()), ("", "/"));
        }
        assert!(!tree_path("a").is_root());
    }

    #[test]
    fn a_directory_may_have_the_form_of_a_hash() {
        assert_eq!(tree_path(HEX_40).as_str(), HEX_40);
        assert_eq!(tree_path("sha256:x").as_str(), "sha256:x");
    }

    #[test]
    fn joining_checks_the_segment() {
        assert_eq!(TreePath::root().join("a").unwrap().as_str(), "a");
        assert_eq!(tree_path("a").join("b").unwrap().as_str(), "a/b");
        for segment in ["", "b/c", "..", ".git"] {
            let error = tree_path("a").join(segment).unwrap_err();
            assert!(
                matches!(error, Error::PathSegment { .. }),
                "{segment:?}: {error}"
            );
        }
    }

    #[test]
    fn a_path_over_64_segments_is_rejected() {
        let deepest = tree_path(&"a/".repeat(64));
        assert_eq!(deepest.segments().count(), 64);
        let error = deepest.join("a").unwrap_err();
        assert!(matches!(
            error,
            Error::PathTooDeep {
                segments_max: 64,
                ..
            }
        ));
    }

    #[test]
    fn a_path_over_4096_bytes_is_rejected() {
        let segment = "a".repeat(255);
        let nearly = tree_path(&format!("{segment}/").repeat(15));
        assert_eq!(nearly.as_str().len(), 15 * 256 - 1);
        let longest = nearly.join(&segment).unwrap();
        assert_eq!(longest.as_str().len(), 4095);
        let full = nearly.join(&"a".repeat(254)).unwrap().join("a").unwrap();
        assert_eq!(full.as_str().len(), 4096);
        assert!(nearly.has_room_for(255, 1) && TreePath::root().has_room_for(4096, 64));
        assert!(!nearly.has_room_for(257, 1) && !TreePath::root().has_room_for(4097, 1));
        assert!(!nearly.has_room_for(255, 50));
        let error = longest.join("a").unwrap_err();
        assert!(matches!(
            error,
            Error::PathTooLong {
                bytes_max: 4096,
                ..
            }
        ));
    }

    #[test]
    fn only_a_path_below_a_directory_is_relative_to_it() {
        let (directory, root) = (tree_path("a/b"), TreePath::root());
        assert_eq!(directory.relative("a/b/c/d"), Some("c/d"));
        for other in ["a/b", "a/bc", "a/b.wasm", "a", "b/c", ""] {
            assert_eq!(directory.relative(other), None, "{other:?}");
        }
        assert_eq!(root.relative("a/b"), Some("a/b"));
        assert_eq!(root.relative(""), None);
    }

    #[test]
    fn entries_of_foreign_trees_are_validated() {
        let directory = tree_path("a");
        assert_eq!(
            TreePath::from_entry(&directory, b"b"),
            Some(tree_path("a/b"))
        );
        for name in [&b""[..], b"b\xff", b"..", b".GIT", b"b\\c", b"b\n"] {
            assert_eq!(TreePath::from_entry(&directory, name), None, "{name:?}");
        }
    }
}
