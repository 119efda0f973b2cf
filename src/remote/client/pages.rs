//! Requests lists that a server returns in pages.

use std::ops::ControlFlow;

use serde::de::DeserializeOwned;

use super::next_page::next_after;
use super::request::{Client, below, in_path};
use super::response::ApiResponse;
use crate::names::{CommitId, ModuleHash, ModulePath, ModuleRef, TreePath};
use crate::remote::error::Result;
use crate::remote::operations::StoreOperations;
use crate::store::{LogOrder, LogSelection, Revision};
use crate::wire::{
    CommitJson, InfoJson, PathCommitJson, ReceivedModules, commit_filter_query, encode_path,
};

/// The number of modules in one response of the server.
const MODULES_PER_PAGE: usize = 10_000;

/// The number of commits in the first page. Each further page has twice as many, up to [`COMMITS_MAX`]. The number is limited because each
/// commit may have a message of 64 KiB.
const COMMITS_FIRST: usize = 100;
/// The maximum number of commits in one page.
const COMMITS_MAX: usize = 1_000;

/// The error if the first item of a page is not after the last item of the page before. Without this error, the client could request pages
/// in an endless loop.
const NO_PROGRESS: &str = "a page of a list does not continue where the page before ended";

/// A page of the list of modules: the path and the hash of each module.
pub(super) type ModulePage = ApiResponse<Vec<(ModulePath, ModuleHash)>>;

impl Client {
    /// Requests pages of the modules below `prefix` until there are `count` modules or no more pages.
    pub(super) fn module_pages(
        &self,
        revision: &Revision,
        prefix: &TreePath,
        count: usize,
    ) -> Result<ModulePage> {
        let mut all: ModulePage = self.module_page(revision, prefix, None, MODULES_PER_PAGE)?;
        while all.has_more && all.value.len() < count {
            // The request names the commit of the first page, so that all pages are of the same commit.
            let revision = all
                .commit
                .map_or_else(|| revision.clone(), Revision::Commit);
            let last = all.value.last().map(|(path, _)| path);
            let page = self.module_page(&revision, prefix, last, MODULES_PER_PAGE)?;
            if page.value.first().map(|(path, _)| path) <= last {
                return Err(self.invalid_response(NO_PROGRESS));
            }
            all.value.extend(page.value);
            all.has_more = page.has_more;
        }
        Ok(all)
    }

    /// Requests the description of a module, with all pages of its imports and exports.
    pub(super) fn info_pages(&self, revision: &Revision, name: &ModuleRef) -> Result<InfoJson> {
        let path = format!("/info/{}", in_path(name));
        let mut all = self.json::<InfoJson>(self.get(&path, revision))?;
        while all.has_more {
            // The request names the commit of the first page, so that all pages are of the same commit.
            let commit = all.commit;
            let revision = commit.map_or_else(|| revision.clone(), Revision::Commit);
            let skip = all.value.imports.len() + all.value.exports.len();
            let page =
                self.json::<InfoJson>(self.get(&format!("{path}?skip={skip}"), &revision))?;
            if page.value.imports.is_empty() && page.value.exports.is_empty() {
                return Err(self.invalid_response("a page of a description is empty"));
            }
            all.value.imports.extend(page.value.imports);
            all.value.exports.extend(page.value.exports);
            all.has_more = page.has_more;
        }
        Ok(all.value)
    }

    pub(super) fn module_page(
        &self,
        revision: &Revision,
        prefix: &TreePath,
        after: Option<&ModulePath>,
        limit: usize,
    ) -> Result<ModulePage> {
        let mut path = format!("/modules{}?limit={limit}", below(prefix));
        if let Some(after) = after {
            path.push_str(&format!("&after={}", encode_path(after.as_str())));
        }
        let page = self.json::<ReceivedModules>(self.get(&path, revision))?;
        Ok(ApiResponse {
            value: page.value.0,
            commit: page.commit,
            published: page.published,
            has_more: page.has_more,
            link: page.link,
        })
    }

    /// Calls `visit` for up to `count` selected commits of the history after the first `skip` ones, until `visit` returns `Break`. With
    /// [`LogOrder::OldestFirst`], `skip` and `count` select the same commits as with `NewestFirst`, but `visit` receives them in reverse
    /// order.
    pub(super) fn log_pages(
        &self,
        revision: &Revision,
        selection: &LogSelection,
        visit: &mut dyn FnMut(CommitJson) -> ControlFlow<()>,
    ) -> Result<()> {
        let LogSelection {
            skip,
            count,
            order,
            ref filter,
        } = *selection;
        if count == 0 {
            // `snapshot` fails if the revision is unknown. This is an error even if no commit is requested.
            return self.snapshot(revision).map(drop);
        }
        let mut query = commit_filter_query(filter);
        if order == LogOrder::ChildrenFirst {
            query.push_str("&order=children-first");
        }
        let end = skip.saturating_add(count);
        let (mut seen, mut selected) = (0, Vec::new());
        let each = |commit| {
            let commit = self.checked_commit(commit)?;
            self.check_selected(&commit, filter)?;
            seen += 1;
            let flow = match order {
                _ if seen <= skip => ControlFlow::Continue(()),
                LogOrder::NewestFirst | LogOrder::ChildrenFirst => visit(commit),
                LogOrder::OldestFirst => {
                    selected.push(commit);
                    ControlFlow::Continue(())
                }
            };
            Ok(flow.is_continue() && seen < end)
        };
        let last = |commit: &CommitJson| commit.commit.clone();
        self.commit_pages(revision, "/commits", &query, end, last, each)?;
        visit_all(selected.into_iter().rev(), visit);
        Ok(())
    }

    /// Requests all pages of the list of commits that changed a path. Each commit has the hash of the module that it put there, or `None`
    /// if it removed the module.
    pub(super) fn audit_pages(
        &self,
        revision: &Revision,
        path: &ModulePath,
    ) -> Result<Vec<(CommitJson, Option<ModuleHash>)>> {
        let mut entries = Vec::new();
        let path = format!("/commits/{}", encode_path(path.as_str()));
        let each = |entry: PathCommitJson| {
            let hash = match entry.module {
                Some(Some(hash)) => Some(self.parse(&hash, ModuleHash::parse)?),
                Some(None) => None,
                // The path is a directory, for which the audit of a module is empty.
                None => return Ok(true),
            };
            entries.push((self.checked_commit(entry.commit)?, hash));
            Ok(true)
        };
        let last = |entry: &PathCommitJson| entry.commit.commit.clone();
        self.commit_pages(revision, &path, "&modules=true", usize::MAX, last, each)?;
        Ok(entries)
    }

    /// Calls `each` for the items of a list of commits, page by page, until `each` returns `false`. All pages are of the same commit.
    /// `count` is the number of items that the caller expects to need. `last` returns the commit id of an item; the next page starts after
    /// the last item of a page.
    pub(super) fn commit_pages<T: DeserializeOwned>(
        &self,
        revision: &Revision,
        path: &str,
        query: &str,
        count: usize,
        last: impl Fn(&T) -> String,
        mut each: impl FnMut(T) -> Result<bool>,
    ) -> Result<()> {
        let (mut revision, mut after) = (revision.clone(), String::new());
        let mut limit = count.min(COMMITS_FIRST);
        loop {
            let path = format!("{path}?limit={limit}{after}{query}");
            let page = self.json::<Vec<T>>(self.get(&path, &revision))?;
            let last = page.value.last().map(&last);
            for item in page.value {
                if !each(item)? {
                    return Ok(());
                }
            }
            // A page of a filtered list may have few commits or none, so the position is read from the link if possible.
            let linked = page.link.as_deref().and_then(next_after);
            let next = linked
                .or(last)
                .map(|last| format!("&after={}", encode_path(&last)));
            match next.filter(|_| page.has_more) {
                Some(next) if next == after => return Err(self.invalid_response(NO_PROGRESS)),
                Some(next) => after = next,
                None => return Ok(()),
            }
            revision = page.commit.map_or(revision, Revision::Commit);
            limit = (2 * limit).min(COMMITS_MAX);
        }
    }

    /// Checks that the ids in a commit are valid object ids, because they are printed without escaping.
    pub(super) fn checked_commit(&self, commit: CommitJson) -> Result<CommitJson> {
        for id in commit.parents.iter().chain([&commit.commit]) {
            self.parse(id, CommitId::parse)?;
        }
        Ok(commit)
    }
}

/// Calls `visit` for each item until `visit` returns `Break`.
pub(super) fn visit_all<T>(
    items: impl Iterator<Item = T>,
    visit: &mut dyn FnMut(T) -> ControlFlow<()>,
) {
    for item in items {
        if visit(item).is_break() {
            break;
        }
    }
}
