//! Evaluates the terms of a query.

use super::query::{Condition, Query};
use crate::index::{ModuleSet, NameFilter, Reader};
use crate::names::{Glob, ModuleHash, ModulePath};
use crate::store::error::Result;

/// A query whose terms are evaluated as far as they do not depend on the path.
pub(super) struct Evaluated<'q> {
    /// The modules for which all terms hold that do not depend on the path.
    modules: ModuleSet,
    /// The number of all modules whose facts are known.
    all_modules: usize,
    /// The terms that depend on the path.
    path_terms: Vec<PathTerm<'q>>,
}

/// A term that depends on the path, at least partly.
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
        })
    }

    /// Returns the modules for which the query holds at some path, perhaps.
    pub fn modules(&self) -> &ModuleSet {
        &self.modules
    }

    /// Returns the number of all modules whose facts are known.
    pub fn all_modules(&self) -> usize {
        self.all_modules
    }

    /// Returns whether the query holds for a module at a path.
    pub fn accepts(&self, index: &Reader, path: &ModulePath, hash: ModuleHash) -> Result<bool> {
        if !index.is_in(&self.modules, hash)? {
            return Ok(false);
        }
        for term in &self.path_terms {
            let holds = term.matcher.matches(path) || index.is_in(&term.modules, hash)?;
            if holds == term.is_negated {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

impl PathMatcher<'_> {
    fn matches(&self, path: &ModulePath) -> bool {
        match self {
            // A pattern also selects what is below a directory that it matches, as in gitignore(5).
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
