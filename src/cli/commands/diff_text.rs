//! What differs between two modules, for a person.

use crate::cli::color::Tone;
use crate::cli::exit::Result;
use crate::cli::output::{Output, printable};
use crate::store::{Comparison, ItemChange};

/// How far, in characters, what follows a name is moved to the right to stand below the others.
const NAME_WIDTH_MAX: usize = 40;

/// Prints what differs, indented, under headings; nothing that does not differ.
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
    section(out, "imports", &compared.imports)?;
    section(out, "exports", &compared.exports)?;
    section(out, "custom sections", &compared.custom_sections)?;
    section(out, "producers", &compared.producers)
}

/// Prints why two modules cannot be compared.
pub(super) fn print_reason(reason: &str, out: &mut Output) -> Result<()> {
    out.text(format_args!("    not compared: {}\n", printable(reason)))
}

/// A heading, and a line for each change; nothing if there are none.
fn section(out: &mut Output, heading: &str, changes: &[ItemChange]) -> Result<()> {
    if !changes.is_empty() {
        out.text(format_args!("    {heading}:\n"))?;
    }
    let widths = changes.iter().map(|change| name(change).chars().count());
    let width = widths.max().unwrap_or_default().min(NAME_WIDTH_MAX);
    for change in changes {
        let (tone, sign) = match (&change.old, &change.new) {
            (None, _) => (Tone::Added, "+"),
            (_, None) => (Tone::Removed, "-"),
            (Some(_), Some(_)) => (Tone::Changed, "~"),
        };
        let line = format!("{sign} {:<width$} {}", name(change), what(change));
        let line = out.toned(tone, line.trim_end());
        out.text(format_args!("      {line}\n"))?;
    }
    Ok(())
}

fn name(change: &ItemChange) -> String {
    let group = change.group.as_deref().map(|group| format!("{group}."));
    printable(&format!("{}{}", group.unwrap_or_default(), change.name))
}

fn what(change: &ItemChange) -> String {
    let what = match (change.old.as_deref(), change.new.as_deref()) {
        (Some(old), Some(new)) => format!("{old} -> {new}"),
        (Some(what), None) | (None, Some(what)) => what.to_owned(),
        (None, None) => String::new(),
    };
    printable(&what)
}
