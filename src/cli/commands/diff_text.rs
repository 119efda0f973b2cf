//! The differences between two modules, as text.

use crate::cli::color::DiffColor;
use crate::cli::exit::Result;
use crate::cli::output::Output;
use crate::names::printable;
use crate::store::{Compatibility, ItemChange, ModuleDiff, ModuleKind, SectionChange, Verdict};

/// The maximum width of the column with the names, in characters.
const NAME_WIDTH_MAX: usize = 40;

/// Prints the differences, indented, below headings.
pub(super) fn print(diff: &ModuleDiff, out: &mut Output) -> Result<()> {
    print_verdict(out, &diff.verdict)?;
    let compared = &diff.comparison;
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
    section(out, "producers", &compared.producers, '.')?;
    sizes(out, &compared.sections)
}

/// Prints a verdict with its reasons.
pub(in crate::cli) fn print_verdict(out: &mut Output, verdict: &Verdict) -> Result<()> {
    let compatibility = verdict.compatibility;
    out.text(format_args!("    verdict: {}\n", compatibility.as_str()))?;
    let breaking = verdict.breaking.iter();
    let breaking = breaking.map(|reason| (DiffColor::Removed, Compatibility::Breaking, reason));
    let compatible = verdict.compatible.iter();
    let compatible = compatible.map(|reason| (DiffColor::Added, Compatibility::Compatible, reason));
    for (color, kind, reason) in breaking.chain(compatible) {
        out.text(format_args!("      "))?;
        out.colored(color, &format!("{}: {}", kind.as_str(), printable(reason)))?;
        out.line("")?;
    }
    match verdict.left_out {
        0 => Ok(()),
        more => out.text(format_args!("      and {more} more\n")),
    }
}

/// Prints the sizes of the sections that differ, with a heading; nothing if there are none.
fn sizes(out: &mut Output, changes: &[SectionChange]) -> Result<()> {
    let size = |change: &SectionChange| match (change.old, change.new) {
        (Some(old), Some(new)) => {
            format!("{old} -> {new} ({:+})", i128::from(new) - i128::from(old))
        }
        (old, new) => old.or(new).unwrap_or_default().to_string(),
    };
    let lines = changes.iter().map(|change| {
        let kind = change.kind.as_str();
        let name = match &change.name {
            Some(name) => printable(&format!("{kind} {name}")),
            None => kind.to_owned(),
        };
        let color = color(change.old.is_some(), change.new.is_some());
        (color, name, size(change))
    });
    table(out, "sections", &lines.collect::<Vec<_>>())
}

/// Prints the reason why two modules cannot be compared.
pub(super) fn print_reason(reason: &str, out: &mut Output) -> Result<()> {
    out.text(format_args!("    not compared: {}\n", printable(reason)))
}

/// Prints a heading and a line for each change; nothing if there are none. `separator` is printed between the group of an item (such as the
/// module of an import) and its name.
fn section(out: &mut Output, heading: &str, changes: &[ItemChange], separator: char) -> Result<()> {
    let lines = changes.iter().map(|change| {
        let color = color(change.old.is_some(), change.new.is_some());
        (color, name(change, separator), values(change))
    });
    table(out, heading, &lines.collect::<Vec<_>>())
}

/// Prints a heading, and a line for each element of `lines`, which is a color, a name and a value. Prints nothing if `lines` is empty.
fn table(out: &mut Output, heading: &str, lines: &[(DiffColor, String, String)]) -> Result<()> {
    if !lines.is_empty() {
        out.text(format_args!("    {heading}:\n"))?;
    }
    let widths = lines.iter().map(|(_, name, _)| name.chars().count());
    let width = widths.max().unwrap_or_default().min(NAME_WIDTH_MAX);
    for (color, name, value) in lines {
        let sign = match color {
            DiffColor::Added => "+",
            DiffColor::Removed => "-",
            DiffColor::Updated => "~",
        };
        let line = format!("{sign} {name:<width$} {value}");
        out.text(format_args!("      "))?;
        out.colored(*color, line.trim_end())?;
        out.line("")?;
    }
    Ok(())
}

/// Returns the color of a changed item. At least one of the two modules has the item.
fn color(is_in_old: bool, is_in_new: bool) -> DiffColor {
    match (is_in_old, is_in_new) {
        (false, _) => DiffColor::Added,
        (_, false) => DiffColor::Removed,
        (true, true) => DiffColor::Updated,
    }
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
