//! The parameters `author` and `since` of lists of commits.

use serde::Deserialize;

use crate::http::error::{Failure, Result};
use crate::http::json_items::JsonItems;
use crate::names::{Author, CommitId, Cutoff};
use crate::store::{Commit, CommitFilter};

/// The maximum number of commits that are compared with the filter for one page.
const COMPARED_MAX: usize = 20_000;

/// The query parameters that select commits by author and date.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(in crate::http) struct CommitFilterQuery {
    /// List the commits whose author's name contains this text. With `NAME <MAIL>`, the address must also contain MAIL. The server compares
    /// 20,000 commits per page, so a page may have few commits or none; the next page continues.
    #[param(example = "Ann", max_length = 1024)]
    author: Option<String>,
    /// List the commits with this date or a later one: a day, which begins at midnight UTC, or a date and time.
    #[param(example = "2026-11-01")]
    since: Option<String>,
}

impl CommitFilterQuery {
    /// Parses the parameters. Without any of them, the returned filter is empty.
    ///
    /// # Errors
    /// 400 if a parameter is malformed, or if `since` is an age.
    pub fn parse(&self) -> Result<CommitFilter> {
        let author = self.author.as_deref().map(Author::parse).transpose()?;
        let since = self.since.as_deref().map(Cutoff::parse).transpose()?;
        let since_s = match since {
            // The entity tag of a list is its commit, so the list must not depend on the current time.
            Some(Cutoff::Ago(_)) => {
                return Err(Failure::malformed(
                    "`since` must be a date or a time, such as 2026-11-01 or 2026-11-01T12:00:00Z",
                ));
            }
            Some(Cutoff::At(since_s)) => Some(since_s),
            None => None,
        };
        Ok(CommitFilter { author, since_s })
    }
}

/// A page of a list of commits that a filter selects. It compares a limited number of commits with the filter.
pub(super) struct CommitPage<'p> {
    filter: &'p CommitFilter,
    items: &'p mut JsonItems,
    /// Whether the page may examine only [`COMPARED_MAX`] commits.
    is_limited: bool,
    compared: usize,
    last: Option<CommitId>,
    has_more: bool,
}

impl<'p> CommitPage<'p> {
    /// Begins a page of a list. The number of commits that it examines is limited only if the filter is not empty.
    pub fn new(filter: &'p CommitFilter, items: &'p mut JsonItems) -> Self {
        Self {
            filter,
            items,
            is_limited: !filter.is_empty(),
            compared: 0,
            last: None,
            has_more: false,
        }
    }

    /// Begins a page of a list for which each commit is compared with its parents. The number of commits that it examines is always
    /// limited.
    pub fn comparing(filter: &'p CommitFilter, items: &'p mut JsonItems) -> Self {
        Self {
            is_limited: true,
            ..Self::new(filter, items)
        }
    }

    /// Counts a commit that was examined for this page, but does not belong to the list. Returns whether the page can take another commit.
    pub fn skip(&mut self, commit: CommitId) -> bool {
        self.count(commit, |_| true)
    }

    /// Adds the next commit of the list with `push` if the filter selects it. `push` returns whether the page had room for it. Returns
    /// whether the page can take another commit.
    pub fn add(&mut self, commit: &Commit, push: impl FnOnce(&mut JsonItems) -> bool) -> bool {
        let filter = self.filter;
        self.count(commit.id, |items| !filter.selects(commit) || push(items))
    }

    fn count(&mut self, commit: CommitId, push: impl FnOnce(&mut JsonItems) -> bool) -> bool {
        self.has_more = self.is_limited && self.compared == COMPARED_MAX || !push(self.items);
        if !self.has_more {
            self.compared += 1;
            self.last = Some(commit);
        }
        !self.has_more
    }

    /// Returns the commit after which the next page begins; `None` if this is the last page.
    pub fn next(&self) -> Option<CommitId> {
        self.last.filter(|_| self.has_more)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Options;
    use crate::http::json_items::ListKind;
    use crate::store::{Change, LogOrder, ObjectFormat, Revision, Store};

    #[test]
    fn a_page_ends_after_the_maximum_number_of_compared_commits() {
        let dir = tempfile::tempdir().unwrap();
        let store =
            Store::open_or_create(dir.path(), Options::default(), ObjectFormat::Sha1).unwrap();
        for text in ["(module)", "(module (func))"] {
            let module = wat::parse_str(text).unwrap();
            let path = "a".parse().unwrap();
            store
                .put(&Change::default(), &path, module.as_slice())
                .unwrap();
        }
        let mut commits = Vec::new();
        let (tip, order) = (Revision::default(), LogOrder::NewestFirst);
        let collected = store.log(&tip, 0, usize::MAX, order, |commit| {
            commits.push(commit);
            true
        });
        collected.unwrap();
        let nobody = CommitFilter {
            author: Some("Nobody".parse().unwrap()),
            since_s: None,
        };
        let added = |filter: &CommitFilter, compared| {
            let mut items = JsonItems::first(ListKind::Array, 1 << 16, 100);
            let mut page = CommitPage {
                compared,
                ..CommitPage::new(filter, &mut items)
            };
            let wants_more = commits
                .iter()
                .take_while(|commit| page.add(commit, |items| items.push(&"x")));
            (wants_more.count(), page.next())
        };
        let last = COMPARED_MAX - 2;
        assert_eq!(added(&nobody, last), (2, Some(commits[1].id)));
        assert_eq!(added(&nobody, 0), (3, None));
        // Without a filter, only the size of the page is limited.
        assert_eq!(added(&CommitFilter::default(), last), (3, None));
        // In the list of a directory, commits that did not change it count, too.
        let all = CommitFilter::default();
        let mut items = JsonItems::first(ListKind::Array, 1 << 16, 100);
        let mut page = CommitPage {
            compared: last,
            ..CommitPage::comparing(&all, &mut items)
        };
        assert!(page.skip(commits[0].id));
        assert!(page.add(&commits[1], |items| items.push(&"x")));
        assert!(!page.skip(commits[2].id));
        assert_eq!(page.next(), Some(commits[1].id));
    }
}
