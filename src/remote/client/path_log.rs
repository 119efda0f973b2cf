//! Requests the history of a path from a server.

use std::ops::ControlFlow;

use super::next_page::next_after;
use super::request::Client;
use crate::names::{CommitId, ModuleHash, ModulePath};
use crate::remote::error::Result;
use crate::store::{ChangeFilter, CommitFilter, Revision, Version};
use crate::wire::{CommitJson, PathCommitJson, commit_filter_query, encode_path, filter_query};

/// The number of commits in one response of the server.
const COMMITS_PER_PAGE: usize = 1_000;

impl Client {
    /// Calls `visit` for the commits that changed a path, newest first, until `visit` returns `Break`. Visits only commits whose change to
    /// the path matches `filter` and whose author and date match `commits`. An empty filter matches everything.
    pub(super) fn path_log_pages(
        &self,
        revision: &Revision,
        path: &ModulePath,
        (filter, commits): (&ChangeFilter, &CommitFilter),
        visit: &mut dyn FnMut(PathCommitJson) -> ControlFlow<()>,
    ) -> Result<()> {
        let path = format!(
            "/commits/{}?modules=true&limit={COMMITS_PER_PAGE}{}{}",
            encode_path(path.as_str()),
            filter_query(filter),
            commit_filter_query(commits)
        );
        let (mut revision, mut after) = (revision.clone(), None::<CommitId>);
        loop {
            let from = after.map(|after| format!("&after={after}"));
            let request = self.get(&format!("{path}{}", from.unwrap_or_default()), &revision);
            let page = self.json::<Vec<PathCommitJson>>(request)?;
            for commit in page.value {
                self.check_selected(&commit.commit, commits)?;
                if visit(self.checked_path_commit(commit, filter)?).is_break() {
                    return Ok(());
                }
            }
            // A page of a filtered list may be empty, so the position of the next page is read from the link in the response.
            let next = match page.link.as_deref() {
                Some(link) => next_after(link).and_then(|after| CommitId::parse(&after).ok()),
                None => return Ok(()),
            };
            if next.is_none() || next == after {
                let reason = "a page of a list does not say where the next one begins";
                return Err(self.invalid_response(reason));
            }
            // The next request names the commit of this page, so that all pages are of the same commit.
            revision = page.commit.map_or(revision, Revision::Commit);
            after = next;
        }
    }

    /// Requests the versions of a path, oldest first.
    pub(super) fn version_list(
        &self,
        revision: &Revision,
        path: &ModulePath,
    ) -> Result<Vec<Version>> {
        let path = format!("/versions/{}", encode_path(path.as_str()));
        let pairs = self.json::<Vec<(String, String)>>(self.get(&path, revision))?;
        let version = |(hash, commit): &(String, String)| {
            Ok(Version {
                hash: self.parse(hash, ModuleHash::parse)?,
                commit: self.parse(commit, CommitId::parse)?,
            })
        };
        pairs.value.iter().map(version).collect()
    }

    /// Checks that the filter selects a commit. An older server ignores the parameters of the filter, and lists all commits.
    pub(super) fn check_selected(&self, commit: &CommitJson, filter: &CommitFilter) -> Result<()> {
        if filter.may_select(&commit.author, commit.date) {
            return Ok(());
        }
        Err(self.invalid_response("the server cannot select commits by author or date"))
    }

    /// Checks the ids in a commit, and that the server has applied the filter.
    fn checked_path_commit(
        &self,
        mut commit: PathCommitJson,
        filter: &ChangeFilter,
    ) -> Result<PathCommitJson> {
        commit.commit = self.checked_commit(commit.commit)?;
        if let Some(Some(hash)) = &commit.module {
            self.parse(hash, ModuleHash::parse)?;
        }
        // An older server ignores the parameters of the filter, and lists all commits.
        if commit.matched.is_none() && !filter.is_empty() {
            return Err(self.invalid_response("the server cannot filter the commits of a path"));
        }
        Ok(commit)
    }
}
