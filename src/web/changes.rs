//! The table of the modules that differ between two commits.

use maud::{Markup, html};

use super::format::{bytes, bytes_change};
use super::links::{Place, Site};
use super::text::shown_cut;
use crate::names::{CommitId, ModulePath};
use crate::store::Compatibility;

/// A module that differs between two trees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangeRow {
    /// The path of the module.
    pub path: ModulePath,
    /// The size of the old module, in bytes; `None` if the path is new.
    pub old_bytes: Option<u64>,
    /// The size of the new module, in bytes; `None` if the path was removed.
    pub new_bytes: Option<u64>,
    /// Whether the newer module can replace the older one. `None` if there is only one module, or if they were not compared.
    pub verdict: Option<Compatibility>,
}

/// The two commits that a table compares, and the data for its links.
pub(super) struct Sides<'s> {
    pub site: &'s Site,
    pub place: &'s Place,
    /// The older commit; `None` if the newer one has no parent.
    pub old: Option<CommitId>,
    pub new: CommitId,
}

/// Returns the verdict about all changes, which is the worst verdict of a single change. A verdict says whether the newer module can
/// replace the older one. A new module breaks nothing; a removed module does. `all` is whether `rows` are all changes. Returns `None` if a
/// change that was not compared, or that is not in `rows`, could make the verdict worse.
pub fn verdict_of(rows: &[ChangeRow], all: bool) -> Option<Compatibility> {
    let verdict = |row: &ChangeRow| match (row.old_bytes, row.new_bytes) {
        (Some(_), None) => Some(Compatibility::Breaking),
        (None, _) => Some(Compatibility::Compatible),
        (Some(_), Some(_)) => row.verdict,
    };
    let verdicts: Vec<_> = rows.iter().map(verdict).collect();
    if verdicts.contains(&Some(Compatibility::Breaking)) {
        return Some(Compatibility::Breaking);
    }
    if !all || verdicts.contains(&None) {
        return None;
    }
    let worst = verdicts.into_iter().flatten().max();
    Some(worst.unwrap_or(Compatibility::Same))
}

/// Renders the table. A path links to the comparison of its two modules, or to its only module.
pub(super) fn change_table(sides: &Sides<'_>, rows: &[ChangeRow]) -> Markup {
    html! {
        div.card.flush {
            div.scroll {
                table {
                    caption.sr { "The modules that differ" }
                    thead {
                        tr {
                            th scope="col" { "Module" }
                            th scope="col" { "Change" }
                            th.num scope="col" { "Size" }
                            th.num.wide scope="col" { "Difference" }
                        }
                    }
                    tbody { @for row in rows { (change_row(sides, row)) } }
                }
            }
        }
    }
}

fn change_row(sides: &Sides<'_>, row: &ChangeRow) -> Markup {
    let size = row.new_bytes.or(row.old_bytes).unwrap_or(0);
    html! {
        tr {
            th scope="row" { div.entry { a href=(row_url(sides, row)) { (shown_cut(row.path.as_str(), 300)) } } }
            td.nowrap { (change_label(row)) }
            td.num {
                (bytes(size))
                @if let (Some(old), Some(new)) = (row.old_bytes, row.new_bytes) {
                    span class=(format!("narrow nowrap {}", growth_class(old, new))) { (bytes_change(old, new)) }
                }
            }
            td.num.wide {
                @if let (Some(old), Some(new)) = (row.old_bytes, row.new_bytes) {
                    span class=(growth_class(old, new)) { (bytes_change(old, new)) }
                }
            }
        }
    }
}

fn row_url(sides: &Sides<'_>, row: &ChangeRow) -> String {
    let Sides {
        site,
        place,
        old,
        new,
    } = sides;
    match (row.old_bytes, row.new_bytes, old) {
        (Some(_), Some(_), Some(old)) => {
            site.compare(&old.to_string(), &new.to_string(), row.path.as_tree_path())
        }
        (Some(_), None, Some(old)) => site.module(&place.at(*old), &row.path),
        _ => site.module(&place.at(*new), &row.path),
    }
}

fn change_label(row: &ChangeRow) -> Markup {
    match (row.old_bytes, row.new_bytes) {
        (None, _) => html! { span.tag.good { "added" } },
        (Some(_), None) => html! { span.tag.bad { "removed" } },
        (Some(_), Some(_)) => match row.verdict {
            Some(verdict) => verdict_label(verdict),
            None => html! { span.tag { "updated, not compared" } },
        },
    }
}

/// Renders a verdict, which says whether the newer module can replace the older one, as a small label.
pub(super) fn verdict_label(verdict: Compatibility) -> Markup {
    match verdict {
        Compatibility::Same => html! { span.tag { "same interface" } },
        Compatibility::Compatible => html! { span.tag.good { "compatible" } },
        Compatibility::Breaking => html! { span.tag.bad { "breaking" } },
    }
}

/// Returns the CSS class that colours the difference between two sizes.
pub(super) fn growth_class(old: u64, new: u64) -> &'static str {
    match new.cmp(&old) {
        std::cmp::Ordering::Less => "shrank",
        std::cmp::Ordering::Equal => "muted",
        std::cmp::Ordering::Greater => "grew",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_verdict_is_that_of_the_worst_change() {
        let row = |old_bytes, new_bytes, verdict| ChangeRow {
            path: "a".parse().unwrap(),
            old_bytes,
            new_bytes,
            verdict,
        };
        let added = row(None, Some(1), None);
        let same = row(Some(1), Some(1), Some(Compatibility::Same));
        let unknown = row(Some(1), Some(1), None);
        let removed = row(Some(1), None, None);
        assert_eq!(verdict_of(&[], true), Some(Compatibility::Same));
        for (rows, all, expected) in [
            (vec![&same], true, Some(Compatibility::Same)),
            (vec![&same, &added], true, Some(Compatibility::Compatible)),
            (vec![&same, &added], false, None),
            (vec![&same, &unknown], true, None),
            (
                vec![&unknown, &removed],
                true,
                Some(Compatibility::Breaking),
            ),
            (vec![&same, &removed], false, Some(Compatibility::Breaking)),
        ] {
            let rows: Vec<_> = rows.into_iter().cloned().collect();
            assert_eq!(verdict_of(&rows, all), expected, "{rows:?} {all}");
        }
    }
}
