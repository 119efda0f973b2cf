//! The differences between two modules, as text.

use crate::cli::color::DiffColor;
use crate::cli::exit::Result;
use crate::cli::output::Output;
use crate::names::printable;
use crate::store::{Comparison, ItemChange, ModuleKind};

/// The largest width of the column of names, in characters.
const NAME_WIDTH_MAX: usize = 40;

/// Prints the differences, indented, below headings.
pub(super) fn print(compared: &Comparison, out: &mut Output) -> Result<()> {
    let (old, new) = compared.kind;
    if old != new {
        out.text(format_args!("    kind: {old} -> {new}\n"))?;
    }
    let (old, new) = compared.size_bytes;
    match i128::from(new) - i128::from(old) {
        0 => out.text(format_args!("    size: {new}\n"))?,
        more => out.text(format_args!("    size: {old} -> {new} ({more:+})\n"))?,
    }
    // The component model writes the function `run` of an interface as `wasi:cli/run@0.2.0#run`.
    let separator = match compared.kind {
        (ModuleKind::Component, ModuleKind::Component) => '#',
        _ => '.',
    };
    section(out, "imports", &compared.imports, separator)?;
    section(out, "exports", &compared.exports, separator)?;
    section(out, "custom sections", &compared.custom_sections, '.')?;
    section(out, "producers", &compared.producers, '.')
}

/// Prints the reason why two modules cannot be compared.
pub(super) fn print_reason(reason: &str, out: &mut Output) -> Result<()> {
    out.text(format_args!("    not compared: {}\n", printable(reason)))
}

/// Prints a heading and a line for each change; nothing if there are none. `separator` stands between a group and a name.
fn section(out: &mut Output, heading: &str, changes: &[ItemChange], separator: char) -> Result<()> {
    let name = |change| name(change, separator);
    if !changes.is_empty() {
        out.text(format_args!("    {heading}:\n"))?;
    }
    let widths = changes.iter().map(|change| name(change).chars().count());
    let width = widths.max().unwrap_or_default().min(NAME_WIDTH_MAX);
    for change in changes {
        let (color, sign) = match (&change.old, &change.new) {
            (None, _) => (DiffColor::Added, "+"),
            (_, None) => (DiffColor::Removed, "-"),
            (Some(_), Some(_)) => (DiffColor::Updated, "~"),
        };
        let line = format!("{sign} {:<width$} {}", name(change), values(change));
        out.text(format_args!("      "))?;
        out.colored(color, line.trim_end())?;
        out.line("")?;
    }
    Ok(())
}

fn name(change: &ItemChange, separator: char) -> String {
    let group = change.group.as_deref();
    let group = group.map(|group| format!("{group}{separator}"));
    printable(&format!("{}{}", group.unwrap_or_default(), change.name))
}

fn values(change: &ItemChange) -> String {
    let values = match (change.old.as_deref(), change.new.as_deref()) {
        (Some(old), Some(new)) => format!("{old} -> {new}"),
        (Some(value), None) | (None, Some(value)) => value.to_owned(),
        (None, None) => String::new(),
    };
    printable(&values)
}
