//! Renders the differences between two modules.

use std::sync::Arc;

use maud::{Markup, html};

use crate::store::{
    Comparison, Compatibility, ItemChange, ModuleComparison, ModuleDiff, PartSizeChange,
    SizeChanges,
};
use crate::web::changes::growth_class;
use crate::web::format::{bytes, bytes_change, count};
use crate::web::text::{sentence, shown_cut};

/// The maximum number of items in one list of differences.
const ITEMS_MAX: usize = 300;

/// The maximum number of listed reasons for a verdict, which says whether the newer module can replace the older one.
const REASONS_MAX: usize = 20;

/// The maximum number of functions, crates or namespaces in the list of those that grew, and in the list of those that shrank.
const PARTS_MAX: usize = 25;

/// The maximum length of a name or type, in characters.
const TEXT_CHARS: usize = 600;

/// Renders a verdict (whether the newer module can replace the older one), and a sentence that explains it. `None` stands for an unknown
/// verdict.
pub(super) fn verdict(verdict: Option<Compatibility>, meaning: &str) -> Markup {
    let (name, class) = match verdict {
        Some(Compatibility::Same) => ("Same", "verdict same"),
        Some(Compatibility::Compatible) => ("Compatible", "verdict compatible"),
        Some(Compatibility::Breaking) => ("Breaking", "verdict breaking"),
        None => ("Not known", "verdict same"),
    };
    html! {
        p class=(class) { strong { (name) } span { (meaning) } }
    }
}

/// Renders the differences between two modules.
pub(super) fn module(comparison: &ModuleComparison, sizes: &SizeChanges) -> Markup {
    match comparison {
        ModuleComparison::NotComparable(reason) => html! {
            p.note.warn { "The modules cannot be compared: " (shown_cut(reason, TEXT_CHARS)) }
        },
        ModuleComparison::Compared(diff) => compared(diff, sizes),
    }
}

fn compared(diff: &ModuleDiff, sizes: &SizeChanges) -> Markup {
    let comparison = &diff.comparison;
    let meaning = match diff.verdict.compatibility {
        Compatibility::Same => "Imports and exports do not differ.",
        Compatibility::Compatible => "The newer module can stand in for the older one.",
        Compatibility::Breaking => "The newer module cannot stand in for the older one.",
    };
    let (old, new) = comparison.size_bytes;
    html! {
        (verdict(Some(diff.verdict.compatibility), meaning))
        (reasons(diff))
        section.card aria-labelledby="interface" {
            h2 #interface { "Interface" }
            (items("Exports", &comparison.exports))
            (items("Imports", &comparison.imports))
            @if comparison.exports.is_empty() && comparison.imports.is_empty() { p.muted { "No import and no export differs." } }
        }
        section.card aria-labelledby="sizes" {
            h2 #sizes { "Size: " (bytes(old)) " → " (bytes(new)) " " span class=(growth_class(old, new)) { (bytes_change(old, new)) } }
            (sections(comparison))
            (parts("Crates and namespaces", &sizes.groups))
            (parts("Functions", &sizes.functions))
            @if sizes.is_cut { p.small.muted { "Only the largest functions of the modules are known; changes of smaller ones are missing." } }
        }
        @if !comparison.producers.is_empty() || !comparison.custom_sections.is_empty() {
            section.card aria-labelledby="others" {
                h2 #others { "Tools and custom sections" }
                (items("Tools", &comparison.producers))
                (items("Custom sections", &comparison.custom_sections))
            }
        }
    }
}

fn reasons(diff: &ModuleDiff) -> Markup {
    let list = |reasons: &[String]| {
        html! {
            ul { @for reason in reasons.iter().take(REASONS_MAX) { li { (sentence(reason, TEXT_CHARS)) } } }
            @if reasons.len() > REASONS_MAX { p.small.muted { "and " (count((reasons.len() - REASONS_MAX) as u64)) " more" } }
        }
    };
    let (breaking, compatible) = (&diff.verdict.breaking, &diff.verdict.compatible);
    html! {
        @if !breaking.is_empty() { div.card { h2 { "What breaks" } (list(breaking)) } }
        @if !compatible.is_empty() { div.card { h2 { "What else changed" } (list(compatible)) } }
    }
}

/// Renders a list of differences: lines of the old module in red, lines of the new one in green.
fn items(title: &str, changes: &[ItemChange]) -> Markup {
    let line = |class: &'static str, sign: &str, name: &str, text: &Option<Arc<str>>| {
        html! {
            @if let Some(text) = text {
                div class=(class) { (sign) " " (shown_cut(name, TEXT_CHARS)) @if !text.is_empty() { ": " (shown_cut(text, TEXT_CHARS)) } }
            }
        }
    };
    let mut group = None;
    html! {
        @if !changes.is_empty() {
            h3 { (title) }
            div.diff role="group" aria-label=(format!("{title} that differ")) {
                @for change in changes.iter().take(ITEMS_MAX) {
                    @let is_new_group = change.group.is_some() && group.as_ref() != change.group.as_ref();
                    @if is_new_group { div.group { (shown_cut(change.group.as_deref().unwrap_or_default(), TEXT_CHARS)) } }
                    ({ group.clone_from(&change.group); "" })
                    (line("del", "−", &change.name, &change.old))
                    (line("add", "+", &change.name, &change.new))
                }
            }
            @if changes.len() > ITEMS_MAX { p.small.muted { "and " (count((changes.len() - ITEMS_MAX) as u64)) " more" } }
        }
    }
}

fn sections(comparison: &Comparison) -> Markup {
    html! {
        @if !comparison.sections.is_empty() {
            h3 { "Sections" }
            div.scroll tabindex="0" role="region" aria-label="Sections whose size differs" {
                table {
                    caption.sr { "Sections whose size differs" }
                    (heading("Section"))
                    tbody {
                        @for section in comparison.sections.iter().take(ITEMS_MAX) {
                            tr {
                                th scope="row" { (section.kind.as_str()) @if let Some(name) = &section.name { " " (shown_cut(name, 100)) } }
                                (numbers(section.old, section.new))
                            }
                        }
                    }
                }
            }
        }
    }
}

fn heading(what: &str) -> Markup {
    html! {
        thead { tr { th scope="col" { (what) } th.num.wide scope="col" { "Before" } th.num.wide scope="col" { "After" } th.num scope="col" { "Difference" } } }
    }
}

fn numbers(old: Option<u64>, new: Option<u64>) -> Markup {
    let size = |size: Option<u64>| size.map_or("–".to_owned(), bytes);
    let (before, after) = (old.unwrap_or(0), new.unwrap_or(0));
    html! {
        td.num.wide { (size(old)) }
        td.num.wide { (size(new)) }
        td.num {
            span class=(growth_class(before, after)) { (bytes_change(before, after)) }
            span.narrow.muted.nowrap { (size(old)) " → " (size(new)) }
        }
    }
}

/// Renders the parts that grew and the parts that shrank, each list with the largest change first.
fn parts(title: &str, changes: &[PartSizeChange]) -> Markup {
    let grew: Vec<_> = changes
        .iter()
        .filter(|change| change.growth() > 0)
        .collect();
    let shrank: Vec<_> = changes
        .iter()
        .filter(|change| change.growth() < 0)
        .collect();
    html! {
        @for (what, changes) in [("grew", grew), ("shrank", shrank)] {
            @if !changes.is_empty() {
                h3 { (title) " that " (what) " (" (count(changes.len() as u64)) ")" }
                div.scroll tabindex="0" role="region" aria-label=(format!("{title} that {what}")) {
                    table {
                        caption.sr { (title) " that " (what) }
                        (heading("Name"))
                        tbody {
                            @for change in changes.iter().take(PARTS_MAX) {
                                tr {
                                    th.sig scope="row" {
                                        (shown_cut(&change.name, 300))
                                        @if change.old.is_none() { " " span.tag.good { "new" } }
                                        @if change.new.is_none() { " " span.tag.bad { "gone" } }
                                    }
                                    (numbers(change.old, change.new))
                                }
                            }
                        }
                    }
                }
                @if changes.len() > PARTS_MAX { p.small.muted { "and " (count((changes.len() - PARTS_MAX) as u64)) " more, which changed less" } }
            }
        }
    }
}
