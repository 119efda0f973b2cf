//! Finds out why a merge had nothing to do: the branch was merged before, and a rollback undid its changes.

use std::collections::HashMap;
use std::ops::ControlFlow;

use super::change_report::short_id;
use super::first_changes::visit_first_changes;
use super::settings::Settings;
use super::shell_word::shell_word;
use crate::names::BranchName;
use crate::remote::StoreOperations;
use crate::store::{LogSelection, PathChange, RESTORES, Revision};
use crate::wire::CommitJson;

/// How many of the newest commits are searched for a rollback that undid an earlier merge.
const COMMITS_MAX: usize = 1_000;

/// Returns the hint for a merge of `theirs` that changed nothing, because a rollback undid an earlier merge; `None` if there is no such
/// rollback among the newest commits.
pub(super) fn hint(
    store: &dyn StoreOperations,
    theirs: &BranchName,
    settings: &Settings,
) -> Option<String> {
    let ours = match settings.branch().ok()? {
        Some(branch) => branch,
        None => store.default_branch().ok()?,
    };
    let revision = |branch: &BranchName| Revision::Branch(Some(branch.clone()));
    let merged = store.snapshot(&revision(theirs)).ok()?.to_string();
    let tip = store.snapshot(&revision(&ours)).ok()?.to_string();
    let mut commits = HashMap::new();
    let newest = LogSelection::newest(COMMITS_MAX);
    let log = store.log(&revision(&ours), &newest, &mut |commit| {
        commits.insert(commit.commit.clone(), commit);
        ControlFlow::Continue(())
    });
    log.ok()?;
    let (undone, rollback) = find_undone_merge(store, &commits, &tip, &merged)?;
    if rollback.commit != tip && !is_still_undone(store, undone, &tip) {
        return None;
    }
    let (undone, by) = (short_id(&undone.commit), short_id(&rollback.commit));
    let options = format!(
        " --branch {}{}",
        shell_word(ours.as_str()),
        settings.root_flag()
    );
    let remedy = if rollback.commit == tip {
        // The rollback is the newest commit, so the branch has the tree from before `undone`. Restoring the whole tree of `undone` makes
        // the changes of the merge again, and no other changes.
        format!("`wasmstore restore {undone}{options}` makes them again")
    } else {
        // The branch has changes newer than the rollback. Restoring the whole tree of `undone` would undo them, so the hint restores single
        // paths.
        format!("`wasmstore restore {undone} PATH{options}` makes those of a path again")
    };
    Some(format!(
        "{theirs} is merged already, and the rollback {by} undid its changes: {remedy}"
    ))
}

/// Returns the commit that brought `merged` into the first-parent history of `tip`, and the rollback that undid this commit. The rollback
/// must have restored the whole tree from before this commit. A rollback of one path has the same trailer in its message, but does not undo
/// the changes of other paths, so it does not count.
fn find_undone_merge<'c>(
    store: &dyn StoreOperations,
    commits: &'c HashMap<String, CommitJson>,
    tip: &str,
    merged: &str,
) -> Option<(&'c CommitJson, &'c CommitJson)> {
    let first_parent = |commit: &&'c CommitJson| commits.get(commit.parents.first()?);
    let history: Vec<_> = std::iter::successors(commits.get(tip), first_parent).collect();
    history.iter().enumerate().find_map(|(at, rollback)| {
        let trailer = rollback.message.lines().last()?.strip_prefix(RESTORES)?;
        let restored = trailer.strip_prefix(": ")?;
        let older = &history[at + 1..];
        let restored_at = older.iter().position(|commit| commit.commit == restored)?;
        let undone = older[..restored_at].last()?;
        let has_brought =
            undone.commit == merged || undone.parents.iter().skip(1).any(|parent| parent == merged);
        if !has_brought || !changes(store, restored, &rollback.commit)?.is_empty() {
            return None;
        }
        Some((*undone, *rollback))
    })
}

/// Returns whether at least one of the changes of `undone` is not in effect at the tip: the path has the same content as before `undone`.
/// If all are in effect, all changes were made again after the rollback.
fn is_still_undone(store: &dyn StoreOperations, undone: &CommitJson, tip: &str) -> bool {
    let before = undone.parents.first();
    let changed = before.and_then(|before| changes(store, before, &undone.commit));
    let since = changes(store, &undone.commit, tip);
    let (Some(changed), Some(since)) = (changed, since) else {
        return false;
    };
    let olds: HashMap<_, _> = changed
        .into_iter()
        .map(|change| (change.path, change.old))
        .collect();
    since
        .iter()
        .any(|change| olds.get(&change.path) == Some(&change.new))
}

/// Returns the first changes between two commits; `None` if they cannot be read.
fn changes(store: &dyn StoreOperations, old: &str, new: &str) -> Option<Vec<PathChange>> {
    let sides = (old.parse().ok()?, new.parse().ok()?);
    let mut found = Vec::new();
    visit_first_changes(store, sides, &mut |change| found.push(change)).ok()?;
    Some(found)
}
