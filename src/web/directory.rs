//! The screen of a directory.

use maud::{Markup, html};

use super::actions;
use super::format::{bytes, count, counted, time};
use super::layout::icon;
use super::links::{Place, Site};
use super::picker::{Branches, commit_note, crumbs, heading, live_bar, picker};
use super::sparkline::sparkline;
use super::text::{plain, shown, shown_cut};
use crate::names::{ModulePath, TreePath};
use crate::store::{Commit, DirectoryEntry, DirectoryPage, EntryNode, ModuleKind, ModuleSummary};

/// The maximum length of a description in the table, in characters.
const DESCRIPTION_CHARS: usize = 140;

/// The data of the page of a directory.
pub struct Directory<'d> {
    /// The server, and the rights of the client.
    pub site: &'d Site,
    /// The branch or commit that the page shows.
    pub place: &'d Place,
    /// The path of the directory.
    pub path: &'d TreePath,
    /// The commit whose tree is shown; `None` on a branch without commits.
    pub commit: Option<&'d Commit>,
    /// The URL of this page at the tip of the branch, if the directory exists there. Used only if the page shows an older commit.
    pub newest: Option<String>,
    /// The newest commit that changed something in the directory.
    pub last_change: Option<&'d Commit>,
    /// The branches that the user can select.
    pub branches: &'d Branches,
    /// The entries on this page of the list.
    pub page: &'d DirectoryPage,
    /// The maximum number of entries on a page of the list.
    pub page_size: usize,
}

impl Directory<'_> {
    /// Returns the title of the page.
    pub fn title(&self) -> String {
        if self.path.is_root() {
            plain(&format!("Modules on {}", self.place.name()), 100)
        } else {
            plain(self.path.as_str(), 100)
        }
    }

    /// Renders the content of the page, without its frame.
    pub fn render(&self) -> Markup {
        let Self {
            site,
            place,
            path,
            commit,
            page,
            ..
        } = self;
        let url = site.tree(place, path);
        let bare = site.tree(
            &Place {
                branch: None,
                commit: None,
            },
            path,
        );
        html! {
            (live_bar(site, place, *commit, &url))
            (commit_note(site, place, *commit, self.newest.as_deref()))
            div.head {
                div {
                    (crumbs(site, place, path))
                    (heading(path))
                    div.what {
                        span.muted { (counted(page.total, "entry", "entries")) }
                        @if let Some(change) = self.last_change {
                            span.muted { "changed " (time(change.date_s)) " by " (shown_cut(&change.author, 60)) }
                        }
                        a href=(site.history(place, path)) { "History" }
                    }
                    (actions::of_directory(site, place, path))
                }
                (picker(&bare, place, self.branches, &html! {}))
            }
            @if page.is_cut {
                p.note.warn { "Some last changes and earlier sizes are not shown: to find them in a history with so many branches takes too long." }
            }
            @if page.entries.is_empty() {
                div.card.empty { (self.empty()) }
            } @else {
                div.card.flush { div.scroll { (self.table()) } }
                (self.pages(&url))
            }
        }
    }

    fn empty(&self) -> Markup {
        let is_empty_store = self.page.total == 0 && self.path.is_root();
        html! {
            @if is_empty_store {
                p { "There are no modules on " strong { (shown(&self.place.name())) } " yet." }
                @if self.site.rights.post { p { "Upload one, or add it with " code { "curl --data-binary @add.wasm " (self.site.url) "/api/v1/module/math/add.wasm" } } }
                @else { p { "Add one: " code { "curl --data-binary @add.wasm " (self.site.url) "/api/v1/module/math/add.wasm" } } }
            } @else {
                p { "There are no entries here." }
            }
        }
    }

    fn table(&self) -> Markup {
        html! {
            table {
                caption.sr { "The modules and directories in " (shown(self.path.as_str())) }
                thead {
                    tr {
                        th scope="col" { "Name" }
                        th.wide scope="col" { "Kind" }
                        th.wide scope="col" { "Needs" }
                        th.num.wide scope="col" { "Size" }
                        th.wide scope="col" { "Size over versions" }
                        th.wide scope="col" { "Last change" }
                    }
                }
                tbody {
                    @for entry in &self.page.entries { (self.row(entry)) }
                }
            }
        }
    }

    fn row(&self, entry: &DirectoryEntry) -> Markup {
        let (summary, size_bytes, sizes) = match &entry.node {
            EntryNode::Directory { .. } => (None, None, &[][..]),
            EntryNode::Module {
                size_bytes,
                summary,
                sizes,
                ..
            } => (summary.as_deref(), Some(*size_bytes), sizes.as_slice()),
        };
        let change = entry.last_change.as_ref();
        html! {
            tr {
                th scope="row" {
                    div.entry {
                        (icon(icon_name(entry)))
                        div {
                            (self.link(entry))
                            @if let Some(description) = summary.and_then(|summary| summary.description.as_deref()) {
                                p { (shown_cut(description, DESCRIPTION_CHARS)) }
                            }
                            p.narrow {
                                (kind(&entry.node, summary)) " "
                                @if let Some(summary) = summary { "Wasm " (summary.requires.standard.as_str()) " · " }
                                @if let Some(size) = size_bytes { (bytes(size)) " · " }
                                @if let Some(change) = change { (time(change.date_s)) " by " (shown_cut(&change.author, 30)) }
                            }
                        }
                    }
                }
                td.wide { (kind(&entry.node, summary)) }
                td.wide { @if let Some(summary) = summary { (needs(summary)) } }
                td.num.wide { @if let Some(size) = size_bytes { (bytes(size)) } }
                td.wide { (sparkline(sizes)) }
                td.wide {
                    @if let Some(change) = change {
                        a href=(self.site.commit(self.place, &change.id)) { (time(change.date_s)) }
                        div.small.muted { (shown_cut(&change.author, 40)) }
                    }
                }
            }
        }
    }

    fn link(&self, entry: &DirectoryEntry) -> Markup {
        let Ok(path) = self.path.join(&entry.name) else {
            return shown(&entry.name);
        };
        match (&entry.node, ModulePath::try_from(path.clone())) {
            (EntryNode::Directory { .. }, _) => html! {
                a href=(self.site.tree(self.place, &path)) { (shown(&entry.name)) "/" }
            },
            (EntryNode::Module { .. }, Ok(path)) => html! {
                a href=(self.site.module(self.place, &path)) { (shown(&entry.name)) }
            },
            // The name of the entry has the form of a hash, so another program must have written it to the repository. The page cannot link
            // to such a module.
            (EntryNode::Module { .. }, Err(_)) => shown(&entry.name),
        }
    }

    fn pages(&self, url: &str) -> Markup {
        let DirectoryPage {
            entries,
            before,
            total,
            ..
        } = self.page;
        let after = before + entries.len();
        if *before == 0 && after >= *total {
            return html! {};
        }
        let at = |start: usize| match start {
            0 => url.to_owned(),
            start => Site::and(url, "start", start),
        };
        html! {
            nav.pages aria-label="Pages" {
                span.muted { (count((before + 1) as u64)) "–" (count(after as u64)) " of " (count(*total as u64)) }
                div.actions {
                    @if *before > 0 {
                        a.button href=(at(0)) { "First" }
                        a.button href=(at(before.saturating_sub(self.page_size))) rel="prev" { "Previous" }
                    }
                    @if after < *total { a.button href=(at(after)) rel="next" { "Next" } }
                }
            }
        }
    }
}

fn icon_name(entry: &DirectoryEntry) -> &'static str {
    match &entry.node {
        EntryNode::Directory { .. } => "dir",
        EntryNode::Module {
            summary: Some(summary),
            ..
        } if summary.kind == ModuleKind::Component => "component",
        EntryNode::Module { .. } => "module",
    }
}

fn kind(node: &EntryNode, summary: Option<&ModuleSummary>) -> Markup {
    match (node, summary) {
        (EntryNode::Directory { entries }, _) => {
            html! { span.muted.small { (counted(*entries, "entry", "entries")) } }
        }
        (_, Some(summary)) => kind_label(summary.kind),
        (_, None) => html! { span.tag { "not read yet" } },
    }
}

/// Renders the kind of a module as a small label.
pub(super) fn kind_label(kind: ModuleKind) -> Markup {
    match kind {
        ModuleKind::Component => html! { span.tag.component { "component" } },
        ModuleKind::Module => html! { span.tag { "core module" } },
    }
}

/// Renders the version of the WebAssembly standard that a module needs, and the proposals that it needs beyond that version.
fn needs(summary: &ModuleSummary) -> Markup {
    let requires = &summary.requires;
    html! {
        span.nowrap { "Wasm " (requires.standard.as_str()) }
        @if !requires.proposals.is_empty() {
            div.small.muted title=(requires.proposals.join(", ")) {
                @if let [only] = requires.proposals.as_slice() { "+ " (only) }
                @else { "+ " (requires.proposals.len()) " proposals" }
            }
        }
    }
}
