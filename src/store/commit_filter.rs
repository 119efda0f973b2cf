//! The filter of a log by author and date.

use crate::names::Author;
use crate::repo::Commit;

/// Selects commits by their author and date.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CommitFilter {
    /// The author of a selected commit: the commit's author name must contain this name, and the email address must contain this address.
    pub author: Option<Author>,
    /// The earliest author time of a selected commit, in seconds since 1970-01-01 UTC.
    pub since_s: Option<i64>,
}

impl CommitFilter {
    /// Returns whether the filter selects every commit.
    pub fn is_empty(&self) -> bool {
        self.author.is_none() && self.since_s.is_none()
    }

    /// Returns whether the filter selects a commit.
    pub fn selects(&self, commit: &Commit) -> bool {
        let has_mail = |author: &Author| commit.mail.contains(author.mail());
        self.may_select(&commit.author, commit.date_s) && self.author.as_ref().is_none_or(has_mail)
    }

    /// Returns whether the author's name and the date of a commit match the filter. The filter selects the commit if the author's address
    /// matches, too.
    pub fn may_select(&self, author: &str, date_s: i64) -> bool {
        let has_name = |wanted: &Author| author.contains(wanted.name());
        self.author.as_ref().is_none_or(has_name)
            && self.since_s.is_none_or(|since_s| date_s >= since_s)
    }
}
