//! Finds out why a merge had nothing to do: the branch was merged before, and a rollback undid its changes.

use std::collections::HashMap;
use std::ops::ControlFlow;

use super::change_report::short_id;
use super::settings::Settings;
use super::shell_word::shell_word;
use crate::names::BranchName;
use crate::remote::StoreOperations;
use crate::store::{LogSelection, Revision};
use crate::wire::CommitJson;

/// The maximum number of commits in which the rollback is searched.
const COMMITS_MAX: usize = 1_000;

/// The trailer of a rollback, which names the commit whose content it restored.
const RESTORES: &str = "Restores: ";

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
    let (undone, rollback) = undone(&commits, &tip, &merged)?;
    let (undone, by) = (short_id(&undone.commit), short_id(&rollback.commit));
    let options = format!(
        " --branch {}{}",
        shell_word(ours.as_str()),
        settings.root_flag()
    );
    let remedy = if rollback.commit == tip {
        format!("`wasmstore restore {undone}{options}` makes them again")
    } else {
        // The branch has newer changes, which a restoration of the whole tree would undo.
        format!("`wasmstore restore {undone} PATH{options}` makes those of a path again")
    };
    Some(format!(
        "{theirs} is merged already, and the rollback {by} undid its changes: {remedy}"
    ))
}

/// Returns the commit that brought `merged` into the first-parent history of `tip`, and the rollback that undid it.
fn undone<'c>(
    commits: &'c HashMap<String, CommitJson>,
    tip: &str,
    merged: &str,
) -> Option<(&'c CommitJson, &'c CommitJson)> {
    let first_parent = |commit: &&'c CommitJson| commits.get(commit.parents.first()?);
    let history: Vec<_> = std::iter::successors(commits.get(tip), first_parent).collect();
    history.iter().enumerate().find_map(|(at, rollback)| {
        let restored = rollback.message.lines().last()?.strip_prefix(RESTORES)?;
        let older = &history[at + 1..];
        // The rollback undid everything between the restored commit and itself.
        let end = older.iter().position(|commit| commit.commit == restored)?;
        let brought = |commit: &&&CommitJson| {
            commit.commit == merged || commit.parents.iter().skip(1).any(|parent| parent == merged)
        };
        let undone = older[..end].iter().find(brought)?;
        Some((*undone, *rollback))
    })
}
