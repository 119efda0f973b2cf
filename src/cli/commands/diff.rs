//! `diff`: what differs between two commits.

use std::ops::ControlFlow;

use super::diff_text;
use crate::cli::args::commit_or_branch;
use crate::cli::color::Tone;
use crate::cli::exit::Result;
use crate::cli::output::Output;
use crate::cli::settings::Settings;
use crate::names::TreePath;
use crate::store::{ModuleComparison, PathChange, Revision};
use crate::wire;

/// Print which modules differ between two commits, and how
///
/// Prints, sorted by path, a line for each module that is only in the second (`A` tab `/<path>` tab `<hash>`), only in the first
/// (`D`, the same) or in both and different (`M` tab `/<path>` tab `<old hash>` tab `<new hash>`), and below the last, indented, what
/// differs: kind, size in bytes, imports and exports with their types, names of custom sections, producers; `+` is only in the new
/// module, `-` only in the old, `~` in both and different. Exits with 0 whether or not there is a difference.
/// JSON: [{"path":"/…","action":"added"|"removed","hash":"…"},{"path":"/…","action":"updated","hash":{"old":"…","new":"…"},
/// "size":{"old":N,"new":N},"kind":{"old":"module"|"component","new":…},
/// "imports":[{"module":"…"|null,"name":"…","old":"<type>"|null,"new":"<type>"|null}],"exports":[{"name":"…","old":…,"new":…}],
/// "custom_sections":{"added":["…"],"removed":["…"]},
/// "producers":[{"field":"…","name":"…","old":"<version>"|null,"new":"<version>"|null}]}], where "not_compared":"<reason>" stands
/// in the place of all that follows the hash if one of the two is no module
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct DiffArgs {
    /// The commit, or the branch, to begin with
    #[arg(value_name = "A", value_parser = commit_or_branch)]
    old: Revision,
    /// The commit, or the branch, to compare it with
    #[arg(value_name = "B", value_parser = commit_or_branch)]
    new: Revision,
    /// Compare only this module or folder
    #[arg(default_value = "/", hide_default_value = true, value_parser = TreePath::parse)]
    path: TreePath,
}

impl DiffArgs {
    pub fn run(self, settings: &Settings, out: &mut Output) -> Result<()> {
        let store = settings.open()?;
        let (old, new) = (store.pin(&self.old)?, settings.looking(self.new));
        let new = store.pin(&new)?;
        // What differs is told as it is found: there may be millions.
        let visit = |show: &mut dyn FnMut(PathChange) -> Result<()>| {
            let mut shown = Ok(());
            store.diff(&old, &new, &self.path, &mut |change| {
                shown = show(change);
                match shown {
                    Ok(()) => ControlFlow::Continue(()),
                    Err(_) => ControlFlow::Break(()),
                }
            })?;
            shown
        };
        if out.is_json() {
            let mut array = out.array();
            visit(&mut |change| {
                let compared = store.compare((&old, &new), &change)?;
                array.push(&wire::PathDiff::new(&change, compared.as_ref()))
            })?;
            return array.end();
        }
        visit(&mut |change| {
            print_change(&change, out)?;
            match store.compare((&old, &new), &change)? {
                Some(ModuleComparison::Compared(compared)) => diff_text::print(&compared, out),
                Some(ModuleComparison::NotComparable(reason)) => {
                    diff_text::print_reason(&reason, out)
                }
                None => Ok(()),
            }
        })
    }
}

/// Prints what became of a path on one line.
pub(super) fn print_change(change: &PathChange, out: &mut Output) -> Result<()> {
    let (tone, hashes) = match (change.old, change.new) {
        (Some(old), Some(new)) => (Tone::Changed, format!("{old}\t{new}")),
        (None, Some(new)) => (Tone::Added, new.to_string()),
        (Some(old), None) => (Tone::Removed, old.to_string()),
        (None, None) => return Ok(()),
    };
    let letter = match tone {
        Tone::Added => "A",
        Tone::Removed => "D",
        Tone::Changed => "M",
    };
    let letter = out.toned(tone, letter);
    out.text(format_args!("{letter}\t{}\t{hashes}\n", change.path))
}
