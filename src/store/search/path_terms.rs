//! The terms of a search query that depend on the path of a module.

use crate::index::ModuleSet;
use crate::names::{Glob, TreePath};

/// The terms of a query that depend on the path of a module. Some of them may also depend on the module itself.
///
/// A search may have to compare every path in a large tree. So whether a whole directory matches is computed once for all modules in it.
#[derive(Default)]
pub(super) struct PathTerms<'q> {
    /// The terms. Their number is limited by `TERMS_MAX`, so that [`Undecided`] has a bit for each.
    terms: Vec<PathTerm<'q>>,
    /// The path of the module that is evaluated: the current directory with a slash at its end (nothing for the root), and the name of the
    /// module.
    path: Vec<u8>,
    /// The length of the directory in `path`.
    directory_bytes: usize,
    /// A buffer that holds the current path or name in lower case.
    lower: String,
}

struct PathTerm<'q> {
    is_negated: bool,
    matcher: PathMatcher<'q>,
    /// The modules whose metadata contains the words of the term. For these modules, the condition of the term holds at every path. `None`
    /// if there are none.
    modules: Option<ModuleSet>,
    /// Whether the matcher matches all paths in the current directory.
    matches_directory: bool,
}

enum PathMatcher<'q> {
    Glob(&'q Glob),
    /// Matches paths that contain these words. The words are in lower case.
    Contains(String),
}

/// The terms that the path alone does not decide, so that their result depends on the module. A bit set with one bit for each term.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Undecided(u64);

impl<'q> PathTerms<'q> {
    /// Adds a term. Its condition holds at the paths that `glob` matches. With `is_negated`, the term holds where the condition does not.
    pub fn push_glob(&mut self, glob: &'q Glob, is_negated: bool) {
        self.push(PathMatcher::Glob(glob), is_negated, None);
    }

    /// Adds a term. Its condition holds for every module whose path contains `words`, and for the modules in `modules` whatever their path
    /// is. With `is_negated`, the term holds where the condition does not.
    pub fn push_words(&mut self, words: &str, is_negated: bool, modules: ModuleSet) {
        let modules = Some(modules).filter(|modules| !modules.is_empty());
        let matcher = PathMatcher::Contains(words.to_lowercase());
        self.push(matcher, is_negated, modules);
    }

    fn push(&mut self, matcher: PathMatcher<'q>, is_negated: bool, modules: Option<ModuleSet>) {
        self.terms.push(PathTerm {
            is_negated,
            matcher,
            modules,
            matches_directory: false,
        });
    }

    /// Returns a directory that contains all paths at which the terms may hold, so that a search reads only this directory.
    pub fn directory(&self) -> TreePath {
        let terms = self.terms.iter().filter(|term| !term.is_negated);
        let directories = terms.filter_map(|term| match &term.matcher {
            PathMatcher::Glob(glob) => Some(glob.directory()),
            PathMatcher::Contains(_) => None,
        });
        // The deepest directory is enough. If another directory is not above it, no path is in both, and the query holds for no path.
        let deepest = directories.max_by_key(|directory| directory.segments().count());
        deepest.unwrap_or_default()
    }

    /// Evaluates the terms for the path of the module `name` in a directory. Returns `None` if a term does not hold for any module at this
    /// path. Otherwise returns the terms that depend on the module; all other terms hold.
    pub fn at_path(&mut self, directory: &str, name: &[u8]) -> Option<Undecided> {
        if self.terms.is_empty() {
            return Some(Undecided(0));
        }
        self.enter(directory);
        self.path.truncate(self.directory_bytes);
        self.path.extend_from_slice(name);
        let mut undecided = 0;
        for (nth, term) in self.terms.iter().enumerate() {
            let matches = term.matches_directory
                || term
                    .matcher
                    .matches(&self.path, self.directory_bytes, &mut self.lower);
            match (matches, term.is_negated) {
                (true, true) => return None,
                (true, false) => {}
                (false, true) if term.modules.is_none() => {}
                (false, false) if term.modules.is_none() => return None,
                (false, _) => undecided |= 1 << nth,
            }
        }
        Some(Undecided(undecided))
    }

    /// Returns whether the undecided terms hold for the module with this row id in the index.
    pub fn accepts(&self, Undecided(undecided): Undecided, row: usize) -> bool {
        let terms = self.terms.iter().enumerate();
        let mut terms = terms.filter(|(nth, _)| undecided & (1 << nth) != 0);
        terms.all(|(_, term)| {
            let modules = term.modules.as_ref();
            modules.is_some_and(|modules| modules.contains(row)) != term.is_negated
        })
    }

    fn enter(&mut self, directory: &str) {
        let current = self.path[..self.directory_bytes].strip_suffix(b"/");
        if current.unwrap_or_default() == directory.as_bytes() {
            return;
        }
        self.path.clear();
        self.path.extend_from_slice(directory.as_bytes());
        if !directory.is_empty() {
            self.path.push(b'/');
        }
        self.directory_bytes = self.path.len();
        for term in &mut self.terms {
            term.matches_directory = term.matcher.matches_all_in(directory);
        }
    }
}

impl PathMatcher<'_> {
    /// Returns whether the matcher matches every path in a directory.
    fn matches_all_in(&self, directory: &str) -> bool {
        match self {
            Self::Glob(glob) => glob.matching_directory(directory).is_some(),
            Self::Contains(words) => {
                let lower = format!("{directory}/").to_lowercase();
                !directory.is_empty() && lower.contains(words)
            }
        }
    }

    /// Returns whether the matcher matches a path. Must only be called if [`matches_all_in`](Self::matches_all_in) is false for the
    /// directory of the path. `name_start` is the position of the module's name in the path.
    fn matches(&self, path: &[u8], name_start: usize, lower: &mut String) -> bool {
        let name = &path[name_start..];
        match self {
            Self::Glob(glob) => {
                name.ends_with(glob.name_end().as_bytes()) && glob.matches(path, false)
            }
            // Searches only the name for words without a slash: if the directory contained them, all its paths would match.
            Self::Contains(words) => {
                let text = if words.contains('/') { path } else { name };
                // A path in the store is always UTF-8.
                let Ok(text) = str::from_utf8(text) else {
                    return false;
                };
                lower.clear();
                if text.is_ascii() {
                    lower.push_str(text);
                    lower.make_ascii_lowercase();
                } else {
                    lower.push_str(&text.to_lowercase());
                }
                lower.contains(words)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Returns whether a glob matches a path, without using the state for the current directory.
    fn matches(glob: &Glob, path: &str) -> bool {
        let directories = path.match_indices('/').map(|(at, _)| &path[..at]);
        let mut directories = directories.map(|directory| glob.matches(directory.as_bytes(), true));
        glob.matches(path.as_bytes(), false) || directories.any(|matches| matches)
    }

    fn at(terms: &mut PathTerms<'_>, path: &str) -> Option<Undecided> {
        let (directory, name) = path.rsplit_once('/').unwrap_or(("", path));
        terms.at_path(directory, name.as_bytes())
    }

    proptest! {
        #[test]
        fn terms_agree_with_the_whole_path(
            glob in "[aB*?/]{1,5}", words in "[aσ/]{0,2}b", paths in proptest::collection::vec("[aBΣ]{1,3}(/[aBΣ]{1,3}){0,3}", 1..8),
        ) {
            let glob = Glob::parse(&glob).unwrap();
            for is_negated in [false, true] {
                let (mut by_glob, mut by_words) = (PathTerms::default(), PathTerms::default());
                by_glob.push_glob(&glob, is_negated);
                by_words.push_words(&words, is_negated, ModuleSet::default());
                for path in &paths {
                    let holds = matches(&glob, path) != is_negated;
                    prop_assert_eq!(at(&mut by_glob, path).is_some(), holds, "{} {}", glob, path);
                    let holds = path.to_lowercase().contains(&words) != is_negated;
                    prop_assert_eq!(at(&mut by_words, path).is_some(), holds, "{} {}", words, path);
                }
            }
        }
    }

    #[test]
    fn what_the_path_does_not_decide_depends_on_the_module() {
        let glob = Glob::parse("*.wasm").unwrap();
        let rows = |rows: &[usize]| {
            let mut set = ModuleSet::default();
            rows.iter().for_each(|row| set.insert(*row));
            set
        };
        let mut terms = PathTerms::default();
        terms.push_glob(&glob, false);
        terms.push_words("Q", false, rows(&[1, 2]));
        terms.push_words("z", true, rows(&[2]));
        assert_eq!(at(&mut terms, "q/x"), None);
        assert_eq!(at(&mut terms, "z/x.wasm"), None);
        let undecided = at(&mut terms, "x.wasm").unwrap();
        let accepted: Vec<_> = (0..4)
            .filter(|row| terms.accepts(undecided, *row))
            .collect();
        assert_eq!(accepted, [1]);
        let undecided = at(&mut terms, "Q/x.wasm").unwrap();
        let accepted: Vec<_> = (0..4)
            .filter(|row| terms.accepts(undecided, *row))
            .collect();
        assert_eq!(accepted, [0, 1, 3]);
    }
}
