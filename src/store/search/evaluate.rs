//! Evaluates the terms of a search query.

use super::path_terms::PathTerms;
use super::query::{Condition, Query};
use crate::index::{ModuleRows, ModuleSet, NameFilter, Reader};
use crate::names::{ModuleHash, ModulePath, TreePath};
use crate::store::error::Result;

/// A query whose terms are evaluated, except the terms that depend on the path of a module.
pub(super) struct Evaluated<'q> {
    /// The modules that fulfil all terms that do not depend on the path.
    modules: ModuleSet,
    /// The number of modules whose facts are in the index.
    all_modules: usize,
    /// The terms that depend on the path.
    path_terms: PathTerms<'q>,
    /// The number of times that a module was looked up, in the index or in `rows`.
    lookups: usize,
    /// The row id in the index of each of `modules`, by hash; `None` until they are read into memory.
    rows: Option<ModuleRows>,
}

/// The number of modules that are looked up in the index one by one. After that, the row ids of all modules that the query may find are
/// read at once, because the search may have to look up every module in a large tree.
const LOOKUPS_MAX: usize = 1024;

impl<'q> Evaluated<'q> {
    /// Evaluates a query with the index.
    pub fn new(index: &Reader, query: &'q Query) -> Result<Self> {
        let (mut modules, mut path_terms) = (index.modules_with_facts()?, PathTerms::default());
        let all_modules = modules.len();
        for term in &query.terms {
            let found = match &term.condition {
                Condition::Path(glob) => {
                    path_terms.push_glob(glob, term.is_negated);
                    continue;
                }
                Condition::Words(words) => {
                    let found = index.modules_with_words(words)?;
                    path_terms.push_words(words, term.is_negated, found);
                    continue;
                }
                Condition::Size(range) => index.modules_sized(range)?,
                Condition::Item(kind, pattern) => index.modules_with_item(&NameFilter {
                    kind: *kind,
                    ranges: &pattern.name.ranges(),
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
            rows: index.held_module_rows(&modules),
            modules,
            all_modules,
            path_terms,
            lookups: 0,
        })
    }

    /// Returns the modules that fulfil all terms that do not depend on the path.
    pub fn modules(&self) -> &ModuleSet {
        &self.modules
    }

    /// Returns the number of modules whose facts are in the index.
    pub fn all_modules(&self) -> usize {
        self.all_modules
    }

    /// Returns a directory that contains all paths at which the query may hold.
    pub fn directory(&self) -> TreePath {
        self.path_terms.directory()
    }

    /// Returns whether the query may hold for a module at this path.
    pub fn accepts_path(&mut self, path: &ModulePath) -> bool {
        let (directory, name) = split(path);
        self.path_terms.at_path(directory, name).is_some()
    }

    /// Returns whether the query holds for a module at a path.
    pub fn accepts(&mut self, index: &Reader, path: &ModulePath, hash: ModuleHash) -> Result<bool> {
        let (directory, name) = split(path);
        self.accepts_entry(index, directory, name, hash)
    }

    /// Returns whether the query holds for the module `name` in a directory.
    pub fn accepts_entry(
        &mut self,
        index: &Reader,
        directory: &str,
        name: &[u8],
        hash: ModuleHash,
    ) -> Result<bool> {
        // Checks the path first, because that takes less time than looking the module up in the index.
        let Some(undecided) = self.path_terms.at_path(directory, name) else {
            return Ok(false);
        };
        let row = self.row(index, hash)?;
        let row = row.filter(|row| self.modules.contains(*row));
        Ok(row.is_some_and(|row| self.path_terms.accepts(undecided, row)))
    }

    fn row(&mut self, index: &Reader, hash: ModuleHash) -> Result<Option<usize>> {
        self.lookups += 1;
        if self.lookups == LOOKUPS_MAX && self.rows.is_none() {
            self.rows = index.module_rows(&self.modules)?;
        }
        match &self.rows {
            Some(rows) => Ok(rows.get(&hash).copied()),
            None => Ok(index.module_row(hash)?),
        }
    }
}

/// Splits the path of a module into the directory and the name.
fn split(path: &ModulePath) -> (&str, &[u8]) {
    let (directory, name) = path
        .as_str()
        .rsplit_once('/')
        .unwrap_or(("", path.as_str()));
    (directory, name.as_bytes())
}
