//! Evaluates the terms of a query.

use std::collections::HashMap;

use super::query::{Condition, Query};
use crate::index::{ModuleSet, NameFilter, Reader};
use crate::names::{Glob, ModuleHash, ModulePath, TreePath};
use crate::store::error::Result;

/// A query. Its terms that do not depend on the path are evaluated.
pub(super) struct Evaluated<'q> {
    /// The modules for which all terms without a path hold.
    modules: ModuleSet,
    /// The number of all modules whose facts are known.
    all_modules: usize,
    /// The terms that depend on the path.
    path_terms: Vec<PathTerm<'q>>,
    /// The number of modules that were looked up in the index.
    lookups: usize,
    /// The row ids of `modules`; `None` until [`LOOKUPS_MAX`] modules were looked up.
    rows: Option<HashMap<ModuleHash, usize>>,
}

/// The number of modules that are looked up one by one. After that, the row ids of all candidates are read at once, because the search may
/// have to look up every module in the tree: the modules that the query finds may all be at the end.
const LOOKUPS_MAX: usize = 1024;

/// The maximum number of modules whose row ids are held in memory. Their hashes take about 10 MiB.
const ROWS_MAX: usize = 1 << 17;

/// A term that depends on the path, and perhaps also on the module.
struct PathTerm<'q> {
    is_negated: bool,
    matcher: PathMatcher<'q>,
    /// The modules for which the term holds at every path.
    modules: ModuleSet,
}

enum PathMatcher<'q> {
    Glob(&'q Glob),
    /// The path contains the words, in lower case.
    Contains(String),
}

impl<'q> Evaluated<'q> {
    /// Evaluates a query with the index.
    pub fn new(index: &Reader, query: &'q Query) -> Result<Self> {
        let (mut modules, mut path_terms) = (index.modules_with_facts()?, Vec::new());
        let all_modules = modules.len();
        for term in &query.terms {
            let found = match &term.condition {
                Condition::Path(glob) => {
                    path_terms.push(PathTerm {
                        is_negated: term.is_negated,
                        matcher: PathMatcher::Glob(glob),
                        modules: ModuleSet::default(),
                    });
                    continue;
                }
                Condition::Words(words) => {
                    path_terms.push(PathTerm {
                        is_negated: term.is_negated,
                        matcher: PathMatcher::Contains(words.to_lowercase()),
                        modules: index.modules_with_words(words)?,
                    });
                    continue;
                }
                Condition::Size(range) => index.modules_sized(range)?,
                Condition::Item(kind, pattern) => index.modules_with_item(&NameFilter {
                    kind: *kind,
                    prefix: pattern.name.prefix(),
                    accepts_name: &|name| pattern.name.matches(name),
                    accepts_version: &|version| pattern.bound.accepts(version),
                })?,
            };
            if term.is_negated {
                modules.subtract(&found);
            } else {
                modules.intersect(&found);
            }
        }
        Ok(Self {
            modules,
            all_modules,
            path_terms,
            lookups: 0,
            rows: None,
        })
    }

    /// Returns the modules for which the query may hold at some path.
    pub fn modules(&self) -> &ModuleSet {
        &self.modules
    }

    /// Returns the number of all modules whose facts are known.
    pub fn all_modules(&self) -> usize {
        self.all_modules
    }

    /// Returns a directory that is above all paths at which the query may hold.
    pub fn directory(&self) -> TreePath {
        let globs = self.path_terms.iter().filter(|term| !term.is_negated);
        let directories = globs.filter_map(|term| match &term.matcher {
            PathMatcher::Glob(glob) => Some(glob.directory()),
            PathMatcher::Contains(_) => None,
        });
        // The deepest directory is enough: if one of the other directories is not above it, the query holds for no path.
        let deepest = directories.max_by_key(|directory| directory.segments().count());
        deepest.unwrap_or_default()
    }

    /// Returns whether the query holds for a module at a path.
    pub fn accepts(&mut self, index: &Reader, path: &ModulePath, hash: ModuleHash) -> Result<bool> {
        // The paths are compared first, because that takes less time than to find the module in the index.
        let mut by_module = Vec::new();
        for term in &self.path_terms {
            match (term.matcher.matches(path), term.is_negated) {
                (true, true) => return Ok(false),
                (true, false) => {}
                (false, true) if term.modules.is_empty() => {}
                (false, false) if term.modules.is_empty() => return Ok(false),
                (false, _) => by_module.push(term),
            }
        }
        self.lookups += 1;
        if self.lookups == LOOKUPS_MAX && self.modules.len() <= ROWS_MAX {
            self.rows = Some(index.rows_of_set(&self.modules)?);
        }
        let row = match &self.rows {
            Some(rows) => rows.get(&hash).copied(),
            None => index.module_row(hash)?,
        };
        let Some(row) = row.filter(|row| self.modules.contains(*row)) else {
            return Ok(false);
        };
        let mut by_module = by_module.into_iter();
        Ok(by_module.all(|term| term.modules.contains(row) != term.is_negated))
    }
}

impl PathMatcher<'_> {
    fn matches(&self, path: &ModulePath) -> bool {
        match self {
            // A glob that matches a directory also selects everything below it, as in gitignore(5).
            Self::Glob(glob) => {
                let path = path.as_str();
                let mut directories = path.match_indices('/').map(|(at, _)| &path[..at]);
                glob.matches(path.as_bytes(), false)
                    || directories.any(|directory| glob.matches(directory.as_bytes(), true))
            }
            Self::Contains(words) => path.as_str().to_lowercase().contains(words.as_str()),
        }
    }
}
