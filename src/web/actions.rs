//! The links from the screens of a directory, a module and a commit to the forms that change or restore it. A link is left out if the
//! client's API key does not allow the change.

use maud::{Markup, html};

use super::links::{Place, Site};
use crate::names::{CommitId, ModulePath, TreePath};

/// Renders the links to the forms that change or restore a directory.
pub(super) fn of_directory(site: &Site, place: &Place, path: &TreePath) -> Markup {
    let Some(branch) = &place.branch else {
        return html! {};
    };
    let rights = site.rights;
    html! {
        div.actions {
            @if let Some(commit) = &place.commit {
                @if rights.post { a.button href=(site.restore(branch, commit, path)) { "Restore this" } }
            } @else {
                @if rights.post {
                    a.button.primary href=(site.upload_to(branch, path)) { "Upload" }
                    a.button href=(site.rollback(branch, path)) { "Roll back" }
                }
                @if !path.is_root() {
                    @if rights.post && rights.delete { a.button href=(site.mv(branch, path)) { "Move" } }
                    @if rights.delete { a.button.danger href=(site.remove(branch, path)) { "Remove" } }
                }
            }
        }
    }
}

/// Renders the links for a module.
pub(super) fn of_module(site: &Site, place: &Place, path: &ModulePath) -> Markup {
    let Some(branch) = &place.branch else {
        return html! {};
    };
    let (rights, path) = (site.rights, path.as_tree_path());
    html! {
        div.actions {
            @if let Some(commit) = &place.commit {
                @if rights.post {
                    a.button href=(site.restore(branch, commit, path)) { "Restore this version" }
                    a.button href=(site.set_from(branch, commit, path)) { "Copy" }
                }
            } @else {
                @if rights.post {
                    a.button.primary href=(site.upload_version(branch, path)) { "Upload a new version" }
                    a.button href=(site.rollback(branch, path)) { "Roll back" }
                    a.button href=(site.set(branch, path)) { "Copy" }
                }
                @if rights.post && rights.delete { a.button href=(site.mv(branch, path)) { "Move" } }
                @if rights.delete { a.button.danger href=(site.remove(branch, path)) { "Remove" } }
            }
        }
    }
}

/// Renders the buttons for a commit: restore it, create a branch at it, and tag it. Omits the buttons that the client may not use.
pub(super) fn of_commit(site: &Site, place: &Place, commit: &CommitId) -> Markup {
    html! {
        @if site.rights.post {
            @if let Some(branch) = &place.branch {
                a.button href=(site.restore(branch, commit, &TreePath::root())) { "Restore everything" }
            }
            a.button href=(site.new_branch(&commit.to_string())) { "New branch here" }
            a.button href=(site.new_tag(&commit.to_string())) { "Tag it" }
        }
    }
}
