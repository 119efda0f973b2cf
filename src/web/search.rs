//! The screen with the search form and the results.

use maud::{Markup, html};

use super::format::{bytes, count, time};
use super::layout::{hidden_place, icon};
use super::links::{Place, Site, short};
use super::picker::{Branches, picker};
use super::text::{escaped, shown_cut};
use super::wit_text::highlighted;
use crate::store::{Commit, FoundItem, ModuleKind, ModuleSummary, SearchMatch};
use std::sync::Arc;

/// The examples on the page: search terms, each with a description of the modules that it finds.
const TERMS: [(&str, &str); 12] = [
    (
        "import:wasi:http@0.2",
        "modules that import something of a package, in a compatible version",
    ),
    (
        "import:env.memory",
        "core modules that import a name from a module",
    ),
    (
        "export:run",
        "modules that export a name; import, export and crate take * in a name",
    ),
    ("needs:simd", "modules that use a proposal"),
    ("needs:2.0", "modules that need a version of the standard"),
    (
        "crate:serde<1.0.200",
        "modules that were built from a crate",
    ),
    ("producer:rustc", "modules that a tool or language produced"),
    ("license:mit", "modules with a licence"),
    (
        "kind:component",
        "components, or kind:module for core modules",
    ),
    (
        "size>1MB",
        "modules by size: <, <=, >, >= with B, KB, MB, KiB, MiB",
    ),
    ("path:math/**", "modules by path"),
    (
        "\"image filter\"",
        "words in path, name, description and authors",
    ),
];

/// A module that the search found.
pub struct FoundRow {
    /// The path and the hash of the module; in a search of the history, also the commit id.
    pub found: SearchMatch,
    /// In a search of the history, the oldest commit that put the module at the path.
    pub commit: Option<Commit>,
    /// The summary of the module; `None` if it is not known.
    pub summary: Option<Arc<ModuleSummary>>,
    /// Some items of the module, such as imports and exports, that match the query, and the number of all matching items; `None` if there
    /// was no time to look them up.
    pub items: Option<(Vec<FoundItem>, usize)>,
}

/// The result of a search.
pub enum Outcome {
    /// The user has not entered a query yet.
    NoQuery,
    /// The query is malformed: the error text, the text around the fault, and a line with a caret under the fault.
    Malformed(String, [String; 2]),
    /// The modules that were found; the URL of the next page, or `None` on the last page; and the number of modules that were not searched,
    /// because the server has not analysed them yet.
    Found(Vec<FoundRow>, Option<String>, u64),
}

/// The data that the search page shows.
pub struct SearchPage<'s> {
    /// The server, and the rights of the client.
    pub site: &'s Site,
    /// The branch or commit that is searched.
    pub place: &'s Place,
    /// The branches that the user can select.
    pub branches: &'s Branches,
    /// The query as the user wrote it.
    pub query: &'s str,
    /// The search words in the query, which are highlighted in paths and descriptions.
    pub words: &'s [String],
    /// Whether the search covers every version in the history.
    pub has_history: bool,
    /// The result of the search.
    pub outcome: &'s Outcome,
}

impl SearchPage<'_> {
    /// Renders the content of the page, without its frame.
    pub fn render(&self) -> Markup {
        let fields = html! {
            input type="hidden" name="q" value=(self.query);
            @if self.has_history { input type="hidden" name="history" value="true"; }
        };
        html! {
            div.head {
                div { h1 { "Search" } p.muted.small { "On " strong { (shown_cut(&self.place.name(), 60)) } ". All terms must hold; a - in front excludes." } }
                (picker(&self.site.search(), self.place, self.branches, &fields))
            }
            (self.form())
            @match self.outcome {
                Outcome::NoQuery => {},
                Outcome::Malformed(reason, [line, caret]) => div.card {
                    p.note.bad role="alert" { (shown_cut(reason, 300)) }
                    pre tabindex="0" { (escaped(line)) "\n" (caret) }
                },
                Outcome::Found(rows, next, pending) => (self.results(rows, next.as_deref(), *pending)),
            }
            (self.help())
        }
    }

    fn form(&self) -> Markup {
        html! {
            form.card.actions role="search" aria-label="Query" method="get" action=(self.site.search()) {
                (hidden_place(self.place))
                label.sr for="query" { "Query" }
                input #query name="q" type="search" size="48" value=(self.query) autocomplete="off" spellcheck="false";
                label { input type="checkbox" name="history" value="true" checked[self.has_history]; " every version in the history" }
                button.primary { "Search" }
            }
        }
    }

    fn results(&self, rows: &[FoundRow], next: Option<&str>, pending: u64) -> Markup {
        html! {
            @if pending > 0 {
                p.note.warn { (count(pending)) " modules are not searched yet, because they have not been read. Search again in a moment." }
            }
            @if rows.is_empty() {
                div.card.empty { p { "No module was found." } (self.suggestions()) }
            } @else {
                div.card.flush { div.scroll { (self.table(rows)) } }
                @if let Some(next) = next { div.pages { span {} a.button href=(next) rel="next" { "Next" } } }
            }
        }
    }

    /// Renders links to other searches, for a search without results. A single word finds paths, names and descriptions, but no exports, so
    /// a search for imports and exports may find more.
    fn suggestions(&self) -> Markup {
        let word = match self.words {
            [word] if !self.query.contains(':') => Some(word.as_str()),
            _ => None,
        };
        let word = word
            .filter(|word| !word.contains(|c: char| c.is_whitespace() || "\"*-@<>=".contains(c)));
        let fields = word.map(|word| ["export", "import"].map(|field| format!("{field}:*{word}*")));
        html! {
            @for query in fields.iter().flatten() {
                p { "Search for " a href=(self.site.search_for(self.place, query)) { code { (shown_cut(query, 100)) } } }
            }
            @if !self.has_history { p.muted { "Modules that were removed are found in every version in the history." } }
        }
    }

    fn table(&self, rows: &[FoundRow]) -> Markup {
        html! {
            table {
                caption.sr { "Modules that were found" }
                thead { tr { th scope="col" { "Module" } th.wide scope="col" { "Kind" } th.num scope="col" { "Size" } } }
                tbody { @for row in rows { (self.row(row)) } }
            }
        }
    }

    fn row(&self, row: &FoundRow) -> Markup {
        let place = match &row.commit {
            Some(commit) => self.place.at(commit.id),
            None => self.place.clone(),
        };
        let summary = row.summary.as_deref();
        let is_component = summary.is_some_and(|summary| summary.kind == ModuleKind::Component);
        let (items, total) = row
            .items
            .as_ref()
            .map_or((&[][..], 0), |(items, total)| (items.as_slice(), *total));
        html! {
            tr {
                th scope="row" {
                    div.entry {
                        (icon(if is_component { "component" } else { "module" }))
                        div {
                            a href=(self.site.module(&place, &row.found.path)) { (self.marked(row.found.path.as_str(), 300)) }
                            @if let Some(description) = summary.and_then(|summary| summary.description.as_deref()) {
                                p { (self.marked(description, 200)) }
                            }
                            @for item in items { p.sig { (found_item(item)) } }
                            @if total > items.len() { p { "and " (count((total - items.len()) as u64)) " more" } }
                            @if let Some(commit) = &row.commit {
                                p { "since commit " span.mono { (short(&commit.id)) } ", " (time(commit.date_s)) }
                            }
                        }
                    }
                }
                td.wide { @if let Some(summary) = summary { (super::directory::kind_label(summary.kind)) } }
                td.num { @if let Some(summary) = summary { (bytes(summary.size_bytes)) } }
            }
        }
    }

    /// Renders text with the first occurrence of a word of the query highlighted.
    fn marked(&self, text: &str, chars_max: usize) -> Markup {
        // Highlights nothing if the text in lower case has another length, because positions in it would not be positions in the text.
        let lower = text.to_lowercase();
        let found = self.words.iter().find_map(|word| {
            let at = lower.find(&word.to_lowercase())?;
            let end = at + word.to_lowercase().len();
            let is_exact = lower.len() == text.len()
                && text.is_char_boundary(at)
                && text.is_char_boundary(end);
            is_exact.then_some((at, end))
        });
        match found.filter(|_| text.chars().count() <= chars_max) {
            Some((at, end)) => {
                html! { bdi { (escaped(&text[..at])) mark { (escaped(&text[at..end])) } (escaped(&text[end..])) } }
            }
            None => shown_cut(text, chars_max),
        }
    }

    fn help(&self) -> Markup {
        let is_open = matches!(self.outcome, Outcome::NoQuery | Outcome::Malformed(..));
        html! {
            details.card open[is_open] {
                summary { "The query language" }
                dl.facts {
                    @for (term, meaning) in TERMS {
                        dt { a href=(self.site.search_for(self.place, term)) { code { (term) } } }
                        dd { (meaning) }
                    }
                }
                p.small.muted { "Terms are separated by spaces. A version may follow a name: @0.2 for compatible ones, or <, <=, >, >=, = and a version. -import:env.* excludes." }
            }
        }
    }
}

fn found_item(item: &FoundItem) -> Markup {
    html! {
        span.muted { (item.kind.as_str()) " " }
        mark { (shown_cut(&item.name, 200)) @if !item.version.is_empty() { "@" (shown_cut(&item.version, 60)) } }
        @if !item.ty.is_empty() { " " (highlighted(&super::format::cut(&item.ty, 200))) }
    }
}
