//! The line for a changed path, in the output of `diff`, `show` and of commands with `--dry-run`.

use super::color::DiffColor;
use super::exit::Result;
use super::output::Output;
use crate::store::PathChange;

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
