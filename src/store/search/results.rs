//! Finds the paths of the modules that fulfil a search query.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use super::evaluate::Evaluated;
use super::matched_terms::{MatchedTerms, TermMatcher};
use super::query::Query;
use crate::index::Reader;
use crate::names::{CommitId, ModuleHash, ModulePath};
use crate::repo::{ModuleEntry, TreeNode};
use crate::store::error::{Error, Result};
use crate::store::open::Store;
use crate::store::revision::{ResolvedRevision, Revision};

/// Decides which of two ways to search is faster: testing the modules of the tree in the order of their paths, or looking up the paths of
/// the matching modules in the index (see `few_paths`). The constant is `n / c`, where a page has `n` matches, and looking up one module
/// takes as long as testing `c` modules.
const LOOKUP_COST: usize = 16;

/// The maximum number of paths that are looked up in the index. They are held in memory, and a single module may have any number of paths.
const PATHS_MAX: usize = 4096;

/// The modules that a search covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SearchScope {
    /// The tree of the requested revision.
    Tree,
    /// Every version of every path in the history of the requested revision.
    History,
}

/// What a search returns about each module that it finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SearchDetail {
    /// The path and the hash.
    Hashes,
    /// The path, the hash, and what matched the terms of the query.
    Matched,
}

/// A module that a search found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SearchMatch {
    /// A path at which the module was found.
    pub path: ModulePath,
    /// The hash of the module.
    pub hash: ModuleHash,
    /// The oldest commit that put the module at the path; `None` in a search of a tree.
    pub commit: Option<CommitId>,
    /// What matched the terms of the query; `None` if the search was not to return it.
    pub matched: Option<MatchedTerms>,
}

/// The position at which a page of results begins.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SearchCursor {
    /// The page begins with the first match at a path after this one.
    pub after: Option<ModulePath>,
    /// The number of matches to skip at the path of the first match, because the previous page contains them.
    pub skip: usize,
}

/// A page of the results of a search.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SearchPage {
    /// The matches, sorted by path. In a search of a history, the versions of a path are sorted oldest first.
    pub matches: Vec<SearchMatch>,
    /// The position at which the next page begins; `None` if this is the last page.
    pub next: Option<SearchCursor>,
    /// The number of modules whose facts are not in the index yet. A search does not find them.
    pub pending: u64,
}

impl Store {
    /// Returns a page of at most `count` modules for which the query holds, sorted by path. If `detail` asks for what matched, the page
    /// also ends when the facts about its modules are large: the work for one page is limited.
    ///
    /// # Errors
    /// Unknown branch or commit; too many names in the index would have to be compared with a pattern of the query.
    pub fn search(
        &self,
        revision: &Revision,
        query: &Query,
        scope: SearchScope,
        detail: SearchDetail,
        cursor: &SearchCursor,
        count: usize,
    ) -> Result<SearchPage> {
        self.read(revision, |resolved| {
            let Some(tip) = resolved.commit else {
                return Ok(SearchPage::default());
            };
            self.query_index(tip, |index| {
                let evaluated = Evaluated::new(index, query)?;
                let mut page = SearchPage {
                    pending: index.count_without_facts()?,
                    ..SearchPage::default()
                };
                let mut search = Search {
                    store: self,
                    index,
                    evaluated,
                    matcher: (detail == SearchDetail::Matched).then(|| TermMatcher::new(query)),
                    cursor: cursor.clone(),
                    count,
                    page: &mut page,
                };
                match scope {
                    SearchScope::Tree => search.tree(&resolved)?,
                    SearchScope::History => search.history(tip)?,
                }
                Ok(page)
            })
        })
    }
}

struct Search<'s, 'q> {
    store: &'s Store,
    index: &'s Reader,
    evaluated: Evaluated<'q>,
    /// Finds what matched in each module of the page; `None` if the search does not return it.
    matcher: Option<TermMatcher<'q>>,
    /// The current position: all paths up to `after` are done, and `skip` applies to the next path that has a match.
    cursor: SearchCursor,
    /// The maximum number of matches on the page.
    count: usize,
    page: &'s mut SearchPage,
}

impl Search<'_, '_> {
    /// Finds matches in the tree of a commit.
    fn tree(&mut self, resolved: &ResolvedRevision) -> Result<()> {
        let Some(tree) = resolved.tree else {
            return Ok(());
        };
        let objects = self.store.repo.objects();
        if let Some(paths) = self.few_paths()? {
            for path in paths {
                if let Some(TreeNode::Module(hash)) = objects.node(tree, path.as_tree_path())?
                    && self.push_all(path, [(hash, None)])?.is_break()
                {
                    break;
                }
            }
            return Ok(());
        }
        let (mut failed, after) = (None, self.cursor.after.clone());
        let directory = self.evaluated.directory();
        objects.walk_entries_after(tree, &directory, after.as_ref(), |entry| {
            let pushed = self.push_entry(entry);
            or_stop(pushed, &mut failed)
        })?;
        failed.map_or(Ok(()), Err)
    }

    /// Finds matches in the history of a commit.
    fn history(&mut self, tip: CommitId) -> Result<()> {
        if let Some(paths) = self.few_paths()? {
            for path in paths {
                if self.push_versions(tip, path)?.is_break() {
                    break;
                }
            }
            return Ok(());
        }
        let (mut failed, after) = (None, self.cursor.after.clone());
        let (index, directory) = (self.index, self.evaluated.directory());
        let modules = self.evaluated.modules().clone();
        let modules = Some(&modules).filter(|modules| modules.len() < self.evaluated.all_modules());
        index.visit_paths_after(&directory, after.as_ref(), modules, |path| {
            let pushed = self.push_versions(tip, path);
            or_stop(pushed, &mut failed)
        })?;
        failed.map_or(Ok(()), Err)
    }

    /// Returns the paths at which any commit has a module that the query may find. Returns `None` if it takes less time to test all paths
    /// in order until the page is full: the more modules the query finds, the sooner the page is full.
    fn few_paths(&self) -> Result<Option<BTreeSet<ModulePath>>> {
        let found = self.evaluated.modules().len();
        if found.saturating_mul(found) > LOOKUP_COST * self.evaluated.all_modules() {
            return Ok(None);
        }
        let mut paths = self
            .index
            .paths_of_set(self.evaluated.modules(), PATHS_MAX)?;
        if let Some((paths, after)) = paths.as_mut().zip(self.cursor.after.as_ref()) {
            paths.retain(|path| path > after);
        }
        Ok(paths)
    }

    /// Adds a module of the tree to the page if the query holds for it. Builds the path only then, because most modules do not match.
    fn push_entry(&mut self, entry: ModuleEntry<'_>) -> Result<ControlFlow<()>> {
        let ModuleEntry {
            directory,
            name,
            hash,
        } = entry;
        let directory = directory.as_str();
        if self
            .evaluated
            .accepts_entry(self.index, directory, name, hash)?
            && let Some(path) = entry.path()
        {
            return self.push_all(path, [(hash, None)]);
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Adds to the page those versions of a path for which the query holds. `tip` is the commit whose history is searched.
    fn push_versions(&mut self, tip: CommitId, path: ModulePath) -> Result<ControlFlow<()>> {
        if !self.evaluated.accepts_path(&path) {
            self.cursor.after = Some(path);
            return Ok(ControlFlow::Continue(()));
        }
        let mut seen = BTreeSet::new();
        let changes = self.index.own_changes(tip, &path)?;
        let versions = changes.into_iter().filter_map(|change| {
            let hash = change.module.filter(|hash| seen.insert(*hash))?;
            Some((hash, Some(change.commit)))
        });
        self.push_all(path, versions)
    }

    /// Adds to the page those of the modules at `path` that the query finds. Returns `Break` if a match does not fit on the page.
    fn push_all(
        &mut self,
        path: ModulePath,
        modules: impl IntoIterator<Item = (ModuleHash, Option<CommitId>)>,
    ) -> Result<ControlFlow<()>> {
        let mut nth = 0;
        for (hash, commit) in modules {
            if !self.evaluated.accepts(self.index, &path, hash)? {
                continue;
            }
            nth += 1;
            if nth <= self.cursor.skip {
                continue;
            }
            if self.is_full() {
                self.cursor.skip = nth - 1;
                self.page.next = Some(self.cursor.clone());
                return Ok(ControlFlow::Break(()));
            }
            let matched = match &mut self.matcher {
                Some(matcher) => Some(matcher.matched_in(self.index, hash)?),
                None => None,
            };
            self.page.matches.push(SearchMatch {
                path: path.clone(),
                hash,
                commit,
                matched,
            });
        }
        if nth > 0 {
            self.cursor.skip = 0;
        }
        self.cursor.after = Some(path);
        Ok(ControlFlow::Continue(()))
    }

    /// Returns whether the next match belongs on the next page. A page has at least one match, so that the search makes progress.
    fn is_full(&self) -> bool {
        let matcher = self.matcher.as_ref();
        self.page.matches.len() >= self.count || matcher.is_some_and(TermMatcher::is_exhausted)
    }
}

/// Returns the control flow of a step of a walk. If the step failed, stores the error in `failed` and returns `Break`.
fn or_stop(step: Result<ControlFlow<()>>, failed: &mut Option<Error>) -> ControlFlow<()> {
    step.unwrap_or_else(|error| {
        *failed = Some(error);
        ControlFlow::Break(())
    })
}
