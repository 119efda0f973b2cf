//! The list of the modules that a rollback or restoration would change.

use maud::{Markup, html};

use super::changes::{ChangeRow, Sides, change_table};
use super::format::count;
use super::links::{Place, Site};
use crate::names::CommitId;

/// The data for the list of the modules that a rollback or restoration would change.
pub struct ChangePreview<'p> {
    /// The server, and the rights of the client.
    pub site: &'p Site,
    /// The branch that would change.
    pub place: &'p Place,
    /// The newest commit of the branch.
    pub tip: CommitId,
    /// The commit whose state the modules would get.
    pub restored: CommitId,
    /// The first modules that would change, each with a verdict: whether the new module can replace the old one.
    pub rows: &'p [ChangeRow],
    /// The number of all modules that would change.
    pub total: usize,
}

impl ChangePreview<'_> {
    /// Renders the list of the modules that would change.
    pub fn render(&self) -> Markup {
        let sides = Sides {
            site: self.site,
            place: self.place,
            old: Some(self.tip),
            new: self.restored,
        };
        html! {
            @if self.rows.is_empty() { p.note { "No module would change." } }
            @else {
                h2 { "What changes" }
                (change_table(&sides, self.rows))
                @if self.total > self.rows.len() { p.small.muted { "and " (count((self.total - self.rows.len()) as u64)) " more" } }
            }
        }
    }
}
