//! The sentences in which the forms say what a change will do, and the fields of some forms.

use maud::{Markup, html};

use super::change_form::{check_box, name, text_field};
use super::format;
use super::links::{Place, Site, short};
use super::picker::subject;
use super::text::shown_cut;
use crate::names::{BranchName, CommitId, TreePath};
use crate::store::{CappedCount, Commit, Tag};

/// Renders no fields, for a form that needs none.
pub fn no_fields() -> Markup {
    html! {}
}

/// Renders a page that says why the change is not possible.
pub fn unchangeable(title: &str, reason: &str, back: &str) -> Markup {
    html! {
        div.head { div { h1 { (title) } } }
        div.card {
            p { (shown_cut(reason, 500)) "." }
            div.actions { a.button href=(back) { "Back" } }
        }
    }
}

/// Returns the default commit message: the verb and the path, or only the verb for the root.
pub fn default_message(verb: &str, path: &TreePath) -> String {
    if path.is_root() {
        verb.to_owned()
    } else {
        format!("{verb} {path}")
    }
}

/// Renders what a rollback will do.
pub fn rollback(target: &str) -> Markup {
    html! {
        p { "Undoes the newest change of " (name(target)) " that is not undone yet, in a new commit. Each further rollback undoes one change more." }
        p.muted { "Nothing is lost: the history keeps all commits." }
    }
}

/// Renders what restoring an older commit will do.
pub fn restore(site: &Site, branch: &BranchName, target: &str, commit: &Commit) -> Markup {
    let place = Place::branch(branch.clone());
    html! {
        p { "Makes a new commit in which " (name(target)) " is as in commit "
            a.mono href=(site.commit(&place, &commit.id)) { (short(&commit.id)) } "."
        }
        p.muted {
            "That commit was made " (format::time(commit.date_s)) " by " (shown_cut(&commit.author, 100)) ": " (shown_cut(subject(&commit.message), 200))
        }
    }
}

/// Renders what a removal will do.
pub fn remove(target: &str, is_module: bool) -> Markup {
    html! {
        p {
            "Removes "
            @if is_module { "the module " } @else { "the directory " }
            (name(target))
            @if !is_module { " with everything in it" }
            ", in a new commit."
        }
        p.muted { "The history keeps it, and a rollback brings it back." }
    }
}

/// Renders the sentences that say what a copy will do. `target` names the module.
pub fn set(target: &str) -> Markup {
    html! {
        p { "Puts the module of " (name(target)) " at another path too, in a new commit. The bytes are stored once." }
    }
}

/// Renders the form fields for copying a module to another path. `path` is the path of the module.
pub fn set_fields(path: &TreePath) -> Markup {
    html! {
        (text_field("path", "New path", path.as_str(), true))
        p.muted.small { "If there is a module at the path, you see it before it is replaced." }
    }
}

/// Renders the sentences that say what a move will do. `target` names the module or directory.
pub fn mv(target: &str) -> Markup {
    html! {
        p { "Moves " (name(target)) " to another path, in a new commit. A directory goes with everything in it." }
        p.muted { "Versions belong to paths: the history of the old path stays there. A rollback of the whole branch undoes the move." }
    }
}

/// Renders the form fields for moving a module or directory. `path` is its current path.
pub fn mv_fields(path: &TreePath) -> Markup {
    html! {
        (text_field("to", "New path", path.as_str(), true))
        p.muted.small { "In a directory that exists, and in one that you write with a slash at its end, it keeps its name. No module is replaced." }
    }
}

/// Renders which commit a new tag will name.
pub fn new_tag(site: &Site, from: &str, commit: &Commit) -> Markup {
    let place = Place {
        branch: None,
        commit: Some(commit.id),
    };
    html! {
        p { "Gives a name to the commit " a.mono href=(site.commit(&place, &commit.id)) { (short(&commit.id)) } " of " (name(from)) ": "
            (shown_cut(subject(&commit.message), 200))
        }
        p.muted { "A tag does not move when somebody commits, and gc keeps its commit." }
    }
}

/// Renders the form field for the name of a new tag.
pub fn tag_name_field() -> Markup {
    text_field("name", "Name of the tag", "", true)
}

/// Renders what the deletion of a tag will do.
pub fn delete_tag(tag: &Tag) -> Markup {
    html! {
        p { "Deletes the tag " (name(tag.name.as_str())) ", which names the commit " span.mono { (short(&tag.commit)) } "." }
        p.note.warn { "If no branch and no other tag has this commit, the next garbage collection deletes it." }
    }
}

/// Renders the sentence that says at which commit the new branch will begin.
pub fn new_branch(from: &str, commit: &CommitId) -> Markup {
    html! {
        p { "Creates a branch that begins at " (name(from)) ", commit " span.mono { (short(commit)) } "." }
    }
}

/// Renders the form field for the name of a new branch.
pub fn branch_name_field() -> Markup {
    text_field("name", "Name of the branch", "", true)
}

/// Renders what a merge will do.
pub fn merge(from: &BranchName, into: &BranchName) -> Markup {
    html! {
        p { "Merges what this page shows of " (name(from.as_str())) " into " (name(into.as_str())) ". If somebody commits to one of them first, nothing is merged." }
    }
}

/// Renders the form field with which the user decides between a fast-forward and a merge commit.
pub fn fast_forward_fields() -> Markup {
    html! {
        (check_box("no_ff", "Always make a merge commit, so that one rollback undoes the merge"))
        p.muted.small { "Otherwise the branch moves forward without a commit of its own, and message and author are not used." }
    }
}

/// Renders what changes when a branch becomes the default branch.
pub fn default_branch(branch: &BranchName, current: &str) -> Markup {
    html! {
        p { "Makes " (name(branch.as_str())) " the default branch, instead of " (name(current)) "." }
        p.muted { "Requests and pages that name no branch then use it, as do git clones and OCI clients. No branch changes." }
    }
}

/// Renders what a garbage collection that squashes the branch will do.
pub fn squash(branch: &str, commits: CappedCount, tip: &CommitId) -> Markup {
    let more = if commits.has_more { "more than " } else { "" };
    html! {
        p { "Replaces the history of " (name(branch)) " by one commit with the modules that are there now, and deletes everything that no branch and no tag needs." }
        p.note.warn { span {
            "The branch has " (more) (format::counted(commits.count, "commit", "commits")) " up to " span.mono { (short(tip)) } ". Those that no other branch or tag has are dropped: their versions, messages and \
             authors are lost, nothing can be rolled back to them, and links to them end. Clones with the old history must be made again."
        } }
    }
}

/// Renders a warning that there is a module at the target path of a copy, which the copy will replace.
pub fn replace(target: &str, size: u64, hash: &str) -> Markup {
    html! {
        p.note.warn { span { "There is a module at " (name(target)) " already: " (format::bytes(size)) ", hash " span.mono { (hash) } "." } }
        p { "Replaces that module by the one that you copy, in a new commit. If somebody changes it first, nothing is replaced." }
    }
}

/// Renders what the deletion of a branch will do.
pub fn delete_branch(branch: &BranchName, tip: &CommitId) -> Markup {
    html! {
        p { "Deletes the branch " (name(branch.as_str())) ", whose newest commit is " span.mono { (short(tip)) } "." }
        p.note.warn { "Commits that no other branch has are dropped: the next garbage collection deletes them." }
    }
}
