//! Parts of pages: the form that selects a branch or commit, the links to the directories above, and the notes about old commits and new
//! changes.

use maud::{Markup, html};

use super::format;
use super::links::{Place, Site, short};
use super::text::{shown, shown_cut};
use crate::names::{BranchName, ModulePath, TreePath};
use crate::store::Commit;

/// The maximum number of branches in the selection list. If there are more, the user types the name.
const BRANCHES_MAX: usize = 200;

/// The names of the branches that the user can select.
#[derive(Clone, Debug, Default)]
pub struct Branches(pub Vec<BranchName>);

/// Renders the form that shows the same page on another branch or at another commit. `url` is the URL of the page without a query, and
/// `fields` are hidden fields for further query parameters.
pub(super) fn picker(url: &str, place: &Place, branches: &Branches, fields: &Markup) -> Markup {
    let current = place.branch.as_ref();
    let is_listed = current.is_none_or(|branch| branches.0.contains(branch));
    html! {
        form.picker method="get" action=(url) {
            (fields)
            div.field {
                label for="pick-branch" { "Branch" }
                @if branches.0.len() <= BRANCHES_MAX && is_listed {
                    select #pick-branch name="branch" {
                        @for branch in &branches.0 {
                            option value=(branch) selected[current == Some(branch)] { (format::cut(branch.as_str(), 60)) }
                        }
                    }
                } @else {
                    input #pick-branch name="branch" value=[current];
                }
            }
            div.field {
                label for="pick-commit" { "At commit" }
                // The field is empty, so that selecting a branch shows its tip. The note above the form names the commit that the page
                // shows.
                input #pick-commit name="commit" placeholder="the newest" spellcheck="false" autocomplete="off";
            }
            button { "Show" }
        }
    }
}

/// Renders links to the directories above a path, and the last segment of the path. Renders nothing for the root.
pub(super) fn crumbs(site: &Site, place: &Place, path: &TreePath) -> Markup {
    let segments: Vec<&str> = path.segments().collect();
    if segments.is_empty() {
        return html! {};
    }
    let mut above = TreePath::root();
    let mut steps = vec![(site.tree(place, &above), "All modules".to_owned())];
    for segment in segments.iter().take(segments.len().saturating_sub(1)) {
        // `join` cannot fail, because a segment of a valid path is valid.
        let Ok(next) = above.join(segment) else { break };
        above = next;
        steps.push((site.tree(place, &above), (*segment).to_owned()));
    }
    html! {
        nav.crumbs aria-label="Path" {
            ol {
                @for (url, segment) in steps {
                    li { a href=(url) { (shown_cut(&segment, 80)) } }
                }
                @if let Some(last) = segments.last() {
                    li aria-current="page" { (shown_cut(last, 80)) }
                }
            }
        }
    }
}

/// Renders a note that the page shows an old commit. Renders nothing if the page shows the tip of a branch. `newest` is the URL of the same
/// page at the tip, if there is one.
pub(super) fn commit_note(
    site: &Site,
    place: &Place,
    commit: Option<&Commit>,
    newest: Option<&str>,
) -> Markup {
    let Some(commit) = commit.filter(|_| place.commit.is_some()) else {
        return html! {};
    };
    html! {
        p.note {
            span {
                "At commit " a.mono href=(site.commit(place, &commit.id)) { (short(&commit.id)) }
                " of " (format::time(commit.date_s)) " by " (shown_cut(&commit.author, 60)) ": " (shown_cut(subject(&commit.message), 100))
            }
            @match newest {
                Some(newest) => a href=(newest) { "Show the newest" },
                None => span { "The branch has nothing here now." },
            }
        }
    }
}

/// Renders a hidden bar, in which the script of the page announces new commits of the branch. Renders nothing if the page shows an old
/// commit.
pub(super) fn live_bar(site: &Site, place: &Place, commit: Option<&Commit>, url: &str) -> Markup {
    let watched = place
        .branch
        .as_ref()
        .zip(commit)
        .filter(|_| place.commit.is_none());
    let Some((branch, commit)) = watched else {
        return html! {};
    };
    html! {
        div role="status" {
            p.note hidden data-watch=(site.watch(branch, &commit.id)) {
                span data-count {}
                a href=(url) { "Show them" }
            }
        }
    }
}

/// Returns the first line of a commit message.
pub(super) fn subject(message: &str) -> &str {
    let line = message.lines().next().unwrap_or_default();
    if line.is_empty() {
        "(no message)"
    } else {
        line
    }
}

/// Returns the last segment of a path, for use as a file name.
pub(super) fn file_name(path: &ModulePath) -> &str {
    path.segments().next_back().unwrap_or(path.as_str())
}

/// Renders the heading for a path: its last segment.
pub(super) fn heading(path: &TreePath) -> Markup {
    match path.segments().next_back() {
        Some(last) => html! { h1 { (shown(last)) } },
        None => html! { h1 { "All modules" } },
    }
}
