//! The frame of every page: the HTML head, the navigation, the search field, and the footer.

use maud::{DOCTYPE, Markup, html};

use super::assets;
use super::links::{Place, Site};

/// The section of the UI that contains a page. The navigation highlights it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    /// Directories and modules.
    Modules,
    /// Commits and comparisons.
    History,
    /// Branches and tags.
    Branches,
    /// The search page.
    Search,
    /// The page with the state of the server.
    Status,
    /// A page in no section.
    Other,
}

/// A page without its frame, and the data for the frame.
pub struct Page<'p> {
    /// The server, and the rights of the client.
    pub site: &'p Site,
    /// The branch or commit that the page shows. The navigation and the search lead to the tip of its branch, so that a user who looks at
    /// an old commit does not stay there without noticing. The exception is the search field on the search screen, which searches the same
    /// commit again.
    pub place: &'p Place,
    /// The title. The frame appends the name of the program.
    pub title: &'p str,
    /// The section that contains the page.
    pub section: Section,
    /// The text in the search field.
    pub query: &'p str,
    /// The content, which contains the `h1` heading.
    pub content: Markup,
}

/// Renders a complete HTML document.
pub fn page(page: Page<'_>) -> String {
    let Page {
        site,
        place,
        title,
        section,
        query,
        content,
    } = page;
    // On the page of a search, the search field searches the same commit again.
    let place = &match section {
        Section::Search => place.clone(),
        _ => place.tip(),
    };
    let asset = |name: &str| format!("{}/ui/assets/{name}", site.base);
    let document = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) " · wasmstore" }
                link rel="icon" href=(asset(&assets::icon().name)) type="image/svg+xml";
                link rel="stylesheet" href=(asset(&assets::style().name));
                script type="module" src=(asset(&assets::script().name)) {}
            }
            body {
                a.skip href="#content" { "Skip to the content" }
                (symbols())
                header.top {
                    div {
                        a.brand href=(site.home()) { (logo()) "wasmstore" }
                        (navigation(site, place, section))
                        @if site.rights.is_signed_in { a.sign-out href=(site.logout()) { "Sign out" } }
                        (search_form(site, place, query))
                    }
                }
                main #content tabindex="-1" { (content) }
                footer.foot {
                    span { "wasmstore " (env!("CARGO_PKG_VERSION")) }
                    a href=(format!("{}/api/v1/openapi.json", site.base)) { "API description" }
                    span { "Press " kbd { "/" } " to search" }
                }
            }
        }
    };
    document.into_string()
}

fn navigation(site: &Site, place: &Place, section: Section) -> Markup {
    let root = crate::names::TreePath::root();
    let mut links = vec![
        (Section::Modules, "Modules", site.tree(place, &root)),
        (Section::History, "History", site.history(place, &root)),
        (Section::Branches, "Branches", site.branches()),
        (Section::Search, "Search", site.search_for(place, "")),
    ];
    if site.shows_status {
        links.push((Section::Status, "Status", site.status()));
    }
    html! {
        nav aria-label="Main" {
            ul {
                @for (linked, text, url) in links {
                    li { a href=(url) aria-current=[(linked == section).then_some("page")] { (text) } }
                }
            }
        }
    }
}

fn search_form(site: &Site, place: &Place, query: &str) -> Markup {
    html! {
        form.find role="search" action=(site.search()) method="get" {
            (hidden_place(place))
            label.sr for="search" { "Search modules" }
            input #search name="q" type="search" value=(query) placeholder="Search: export:run size>1MB" autocomplete="off" spellcheck="false";
            button { "Search" }
        }
    }
}

/// Renders hidden form fields with the branch and the commit, so that the next page shows them too.
pub(super) fn hidden_place(place: &Place) -> Markup {
    html! {
        @if let Some(branch) = &place.branch { input type="hidden" name="branch" value=(branch); }
        @if let Some(commit) = &place.commit { input type="hidden" name="commit" value=(commit); }
    }
}

fn logo() -> Markup {
    html! {
        svg viewBox="0 0 32 32" aria-hidden="true" {
            rect.tile width="32" height="32" rx="8" {}
            path.edge d="M9 9v14M9 16c8 0 14-1 14-7" {}
            circle.node cx="9" cy="9" r="3.5" {}
            circle.node cx="9" cy="23" r="3.5" {}
            circle.node cx="23" cy="9" r="3.5" {}
        }
    }
}

/// Renders the definitions of the icons, to which [`icon`] refers.
fn symbols() -> Markup {
    html! {
        svg.sr aria-hidden="true" width="0" height="0" {
            symbol #i-dir viewBox="0 0 24 24" { path d="M3 6.5A1.5 1.5 0 0 1 4.5 5H9l2.5 2.5h8A1.5 1.5 0 0 1 21 9v8.5a1.5 1.5 0 0 1-1.5 1.5h-15A1.5 1.5 0 0 1 3 17.5z" {} }
            symbol #i-module viewBox="0 0 24 24" { path d="M4 4h5.5a2.5 2.5 0 0 0 5 0H20v16H4z" {} }
            symbol #i-component viewBox="0 0 24 24" { path d="M12 3l8 4.5v9L12 21l-8-4.5v-9zM4 7.5l8 4.5 8-4.5M12 12v9" {} }
        }
    }
}

/// Renders an icon that [`symbols`] defines: `dir`, `module` or `component`.
pub(super) fn icon(name: &str) -> Markup {
    let class = format!("icon {name}");
    html! { svg class=(class) aria-hidden="true" { use href=(format!("#i-{name}")) {} } }
}
