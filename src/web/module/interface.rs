//! The card with the imports and exports of a module.

use std::collections::BTreeMap;

use maud::{Markup, html};

use super::page::ModulePage;
use crate::store::{ModuleKind, TypedExport, TypedImport, WitFacts, WitResult, WitSource};
use crate::web::format::count;
use crate::web::links::Site;
use crate::web::text::shown_cut;
use crate::web::wit_text::highlighted;

/// The number of imports, and of exports, that are listed unless the user asks for all.
const ITEMS_SHOWN: usize = 40;

/// The maximum length of a name or type, in characters.
const TEXT_CHARS: usize = 600;

/// The maximum length of the shown WIT, in bytes. A link leads to the whole text.
const WIT_BYTES_MAX: usize = 64 << 10;

/// Renders the card with the imports and exports.
pub(super) fn card(page: &ModulePage<'_>) -> Markup {
    let facts = &page.facts.facts;
    let wit = match &page.facts.wit {
        WitResult::Decoded(wit) => Some(wit),
        WitResult::Absent(_) => None,
    };
    // The lists are left out for a component with WIT, because the WIT contains all their names.
    let has_lists = facts.kind == ModuleKind::Module || wit.is_none();
    html! {
        section.card aria-labelledby="interface" {
            h2 #interface { "Interface" }
            @if let Some(wit) = wit { (wit_block(page, wit)) }
            @if let (WitResult::Absent(reason), ModuleKind::Component) = (&page.facts.wit, facts.kind) {
                p.note.warn { "The types are not known: " (shown_cut(reason, TEXT_CHARS)) }
            }
            @if has_lists {
                (exports(page, &facts.exports.items, facts.exports.total))
                (imports(page, &facts.imports.items, facts.imports.total))
            }
        }
    }
}

fn wit_block(page: &ModulePage<'_>, wit: &WitFacts) -> Markup {
    let text = first_lines(&wit.text, WIT_BYTES_MAX);
    let source = match wit.source {
        WitSource::Component => "The world that the component implements",
        WitSource::Module => "The world that is embedded in the module",
        WitSource::Package => "The package of WIT",
    };
    html! {
        h3 { (source) }
        pre.wit tabindex="0" role="region" aria-label=(source) { code { (highlighted(text)) } }
        @if text.len() < wit.text.len() || wit.text_is_cut {
            p.small { "The text is cut. " a href=(page.site.wit(page.place, page.path)) { "The whole text" } }
        }
    }
}

/// Returns the lines of a text that end within its first `bytes_max` bytes. Returns the whole text if it has at most `bytes_max` bytes.
fn first_lines(text: &str, bytes_max: usize) -> &str {
    if text.len() <= bytes_max {
        return text;
    }
    let start = &text.as_bytes()[..bytes_max];
    match start.iter().rposition(|byte| *byte == b'\n') {
        Some(newline) => &text[..newline],
        None => "",
    }
}

fn exports(page: &ModulePage<'_>, exports: &[TypedExport], total: u64) -> Markup {
    let shown = if page.has_all_items {
        exports.len()
    } else {
        ITEMS_SHOWN
    };
    html! {
        h3 { "Exports (" (count(total)) ")" }
        @if total == 0 { p.muted { "None." } }
        @else {
            div.scroll {
                table {
                    caption.sr { "Exports" }
                    thead { tr { th scope="col" { "Name" } th scope="col" { "Type" } } }
                    tbody {
                        @for export in exports.iter().take(shown) {
                            (row(&export.name, export.ty.as_deref().unwrap_or(export.kind.as_str())))
                        }
                    }
                }
            }
            (more(page, exports.len(), shown, total))
        }
    }
}

fn imports(page: &ModulePage<'_>, imports: &[TypedImport], total: u64) -> Markup {
    let shown = if page.has_all_items {
        imports.len()
    } else {
        ITEMS_SHOWN
    };
    let mut modules: BTreeMap<&str, Vec<&TypedImport>> = BTreeMap::new();
    for import in imports.iter().take(shown) {
        let module = import.module.as_deref().unwrap_or_default();
        modules.entry(module).or_default().push(import);
    }
    html! {
        h3 { "Imports (" (count(total)) ")" }
        @if total == 0 { p.muted { "None: it runs anywhere that its features are supported." } }
        @else {
            div.scroll {
                table {
                    caption.sr { "Imports, by the module that they are imported from" }
                    thead { tr { th scope="col" { "Name" } th scope="col" { "Type" } } }
                    @for (module, imports) in modules {
                        tbody {
                            @if !module.is_empty() {
                                tr { th colspan="2" scope="rowgroup" { "from " code { (shown_cut(module, TEXT_CHARS)) } } }
                            }
                            @for import in imports {
                                (row(&import.name, import.ty.as_deref().unwrap_or(import.kind.as_str())))
                            }
                        }
                    }
                }
            }
            (more(page, imports.len(), shown, total))
        }
    }
}

fn row(name: &str, ty: &str) -> Markup {
    html! {
        tr {
            td.sig { (shown_cut(name, TEXT_CHARS)) }
            td.sig { (highlighted(&crate::web::format::cut(ty, TEXT_CHARS))) }
        }
    }
}

fn more(page: &ModulePage<'_>, known: usize, shown: usize, total: u64) -> Markup {
    let url = page.site.module(page.place, page.path);
    html! {
        @if known > shown {
            p.small { a href=(Site::and(&url, "all", true)) { "Show all " (count(known as u64)) } }
        } @else if total > known as u64 {
            p.small.muted { (count(total - known as u64)) " more are not listed." }
        }
    }
}
