//! `diff`: compares the modules of two commits.

use std::ops::ControlFlow;

use super::diff_text;
use crate::cli::color::DiffColor;
use crate::cli::exit::Result;
use crate::cli::output::Output;
use crate::cli::settings::Settings;
use crate::cli::show_each::show_each;
use crate::names::TreePath;
use crate::store::{ModuleComparison, PathChange, Revision};
use crate::wire;

/// Print which modules differ between two commits, and how
///
/// Prints one line for each path that differs, sorted: `A` tab `/<path>` tab `<hash>` for a module that only B has, `D` with the same
/// columns for a module that only A has, and `M` tab `/<path>` tab `<old hash>` tab `<new hash>` for an updated module. Indented lines
/// below an `M` line show the differences: the verdict `same`, `compatible` or `breaking` on whether the newer module can stand in for
/// the older module, with the reasons; kind, size in bytes, imports and exports with their types, names of custom sections, producers,
/// sizes of sections. In the indented lines, `+` marks items that only the new module has, `-` items that only the old module has, and
/// `~` items that differ. Exits with 0 even if there are differences.
/// JSON: [{"path":"/…","action":"added"|"removed","hash":"…"},{"path":"/…","action":"updated","hash":{"old":"…","new":"…"},
/// "verdict":"same"|"compatible"|"breaking","reasons":{"breaking":["…"],"compatible":["…"],"left_out":N},
/// "size":{"old":N,"new":N},"kind":{"old":"module"|"component","new":…},
/// "imports":[{"module":"…"|null,"name":"…","old":"<type>"|null,"new":"<type>"|null}],"exports":[{"name":"…","old":…,"new":…}],
/// "custom_sections":{"added":["…"],"removed":["…"]},
/// "producers":[{"field":"…","name":"…","old":"<version>"|null,"new":"<version>"|null}],
/// "sections":[{"kind":"…","name":"…","old":N|null,"new":N|null}]}]; "name" only for custom sections; if one of the two is not a valid module,
/// "not_compared":"<reason>" replaces everything after the hash
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct DiffArgs {
    /// The old commit, branch or tag
    #[arg(value_name = "A", value_parser = Revision::parse)]
    old: Revision,
    /// The new commit, branch or tag
    #[arg(value_name = "B", value_parser = Revision::parse)]
    new: Revision,
    /// Compare only this module or directory
    #[arg(default_value = "/", hide_default_value = true, value_parser = TreePath::parse)]
    path: TreePath,
}

impl DiffArgs {
    pub fn run(self, settings: &Settings, out: &mut Output) -> Result<()> {
        let store = settings.open()?;
        let branch = settings.branch()?;
        let old = store.pin(&self.old.on_branch(branch.clone()))?;
        let new = settings.remember(self.new.on_branch(branch));
        let new = store.pin(&new)?;
        // Differences are printed while they are found, because there may be millions.
        let find = |visit: &mut dyn FnMut(PathChange) -> ControlFlow<()>| {
            store.diff(&old, &new, &self.path, visit)
        };
        if out.is_json() {
            let mut array = out.array();
            show_each(find, |change| {
                let comparison = store.compare(&old, &new, &change)?;
                match wire::PathDiff::new(&change, comparison.as_ref()) {
                    Some(diff) => array.push(&diff),
                    None => Ok(()),
                }
            })?;
            return array.end();
        }
        show_each(find, |change| {
            print_change(&change, out)?;
            match store.compare(&old, &new, &change)? {
                Some(ModuleComparison::Compared(compared)) => diff_text::print(&compared, out),
                Some(ModuleComparison::NotComparable(reason)) => {
                    diff_text::print_reason(&reason, out)
                }
                None => Ok(()),
            }
        })
    }
}

/// Prints the line for a changed path.
pub(super) fn print_change(change: &PathChange, out: &mut Output) -> Result<()> {
    let (color, hashes) = match (change.old, change.new) {
        (Some(old), Some(new)) => (DiffColor::Updated, format!("{old}\t{new}")),
        (None, Some(new)) => (DiffColor::Added, new.to_string()),
        (Some(old), None) => (DiffColor::Removed, old.to_string()),
        (None, None) => return Ok(()),
    };
    let letter = match color {
        DiffColor::Added => "A",
        DiffColor::Removed => "D",
        DiffColor::Updated => "M",
    };
    out.colored(color, letter)?;
    out.text(format_args!("\t{}\t{hashes}\n", change.path))
}
