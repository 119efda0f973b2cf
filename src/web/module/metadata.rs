//! The card with a module's metadata, such as its name, licence and tools.

use maud::{Markup, html};

use super::page::ModulePage;
use crate::store::Crates;
use crate::web::format::count;
use crate::web::text::{shown, shown_cut};

/// The maximum length of a metadata field, in characters.
const TEXT_CHARS: usize = 400;

/// The maximum number of crates that are listed.
const CRATES_SHOWN: usize = 400;

/// Renders the card with the metadata.
pub(super) fn card(page: &ModulePage<'_>) -> Markup {
    let facts = &page.facts.facts;
    let metadata = &facts.metadata;
    let texts = [
        ("Name", &metadata.name),
        ("Version", &metadata.version),
        ("Licence", &metadata.licenses),
        ("Authors", &metadata.authors),
        ("Source", &metadata.source),
        ("Home page", &metadata.homepage),
        ("Revision", &metadata.revision),
        ("Source map", &metadata.source_map_url),
        ("Debug info", &metadata.external_debug_info),
        ("Build id", &metadata.build_id),
    ];
    let producers = &metadata.producers;
    html! {
        section.card aria-labelledby="about" {
            h2 #about { "About" }
            dl.facts {
                @for (name, text) in texts {
                    @if let Some(text) = text { dt { (name) } dd { (shown_cut(text, TEXT_CHARS)) } }
                }
                @if !producers.items.is_empty() {
                    dt { "Made with" }
                    dd {
                        ul.plain {
                            @for tool in &producers.items {
                                li { (shown_cut(&tool.name, 80)) " " span.muted { (shown_cut(&tool.version, 80)) } }
                            }
                        }
                    }
                }
                dt { "Hash" } dd.mono { (page.hash) }
                dt { "Digest" } dd.mono { (page.digest) }
                @if !facts.requires.included.is_empty() {
                    dt { "Uses" } dd { (shown(&facts.requires.included.join(", "))) }
                }
                @if !facts.requires.proposals.is_empty() {
                    dt { "Beyond Wasm " (facts.requires.standard.as_str()) } dd { (shown(&facts.requires.proposals.join(", "))) }
                }
            }
            @if let Some(crates) = &metadata.crates { (crate_list(crates)) }
        }
    }
}

fn crate_list(crates: &Crates) -> Markup {
    let Crates::Listed(crates) = crates else {
        return html! { p.small.muted { "It has a list of crates that cannot be read." } };
    };
    let left_out = crates
        .total
        .saturating_sub(crates.items.len().min(CRATES_SHOWN) as u64);
    html! {
        h3 { "Dependencies" }
        details {
            summary { (count(crates.total)) " crates" }
            ul.plain.small {
                @for used in crates.items.iter().take(CRATES_SHOWN) {
                    li { (shown(&used.name)) " " span.muted { (shown(&used.version)) } }
                }
                @if left_out > 0 { li.muted { "and " (count(left_out)) " more" } }
            }
        }
    }
}
