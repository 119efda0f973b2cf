//! The card with the newest versions of a path, as a timeline.

use maud::{Markup, html};

use super::page::{ModulePage, VersionRow};
use crate::web::format::{bytes, bytes_change, counted, time};
use crate::web::links::short;
use crate::web::picker::subject;
use crate::web::sparkline::growth_line;
use crate::web::text::shown_cut;

/// Renders the card with the versions.
pub(super) fn card(page: &ModulePage<'_>) -> Markup {
    let ModulePage {
        site,
        place,
        path,
        versions,
        ..
    } = page;
    html! {
        section.card aria-labelledby="versions" {
            h2 #versions { (counted(page.version_count, "version", "versions")) }
            (growth_line(page.sizes))
            ol.timeline reversed {
                @for (at, version) in versions.iter().enumerate() {
                    li.now[version.hash == page.hash] { (row(page, version, versions.get(at + 1))) }
                }
            }
            @if page.version_count > versions.len() {
                p.small { a href=(site.history(place, path.as_tree_path())) { "All versions" } }
            }
            @if versions.len() > 1 { (comparison(page)) }
        }
    }
}

fn row(page: &ModulePage<'_>, version: &VersionRow, before: Option<&VersionRow>) -> Markup {
    let ModulePage {
        site, place, path, ..
    } = page;
    let at = place.at(version.commit.id);
    html! {
        div.row {
            @if version.hash == page.hash { strong aria-current="true" { "Version " (version.number) } }
            @else { a href=(site.module(&at, path)) { "Version " (version.number) } }
            span.muted.small { (time(version.commit.date_s)) }
            span.small { (bytes(version.size_bytes)) }
            @if let Some(before) = before {
                span class=(if version.size_bytes > before.size_bytes { "small grew" } else { "small shrank" }) {
                    (bytes_change(before.size_bytes, version.size_bytes))
                }
            }
        }
        p { (shown_cut(subject(&version.commit.message), 90)) " " span.muted { "by " (shown_cut(&version.commit.author, 40)) } }
        p {
            a href=(site.commit(place, &version.commit.id)) { "Commit " span.mono { (short(&version.commit.id)) } }
            @if let Some(before) = before {
                " · " a href=(site.compare(&before.commit.id.to_string(), &version.commit.id.to_string(), path.as_tree_path())) {
                    "Compare with " (before.number)
                }
            }
        }
    }
}

/// Renders a form in which the user selects two of the listed versions to compare.
fn comparison(page: &ModulePage<'_>) -> Markup {
    let ModulePage {
        site,
        path,
        versions,
        ..
    } = page;
    let options = |selected: usize| {
        html! {
            @for (at, version) in versions.iter().enumerate() {
                option value=(version.commit.id) selected[at == selected] { (version.number) ", " (bytes(version.size_bytes)) }
            }
        }
    };
    html! {
        h3 { "Compare two versions" }
        form.actions method="get" action=(site.compare_form()) {
            input type="hidden" name="path" value=(path.as_str());
            label.sr for="compare-from" { "Older version" }
            select #compare-from name="from" { (options(versions.len() - 1)) }
            label.sr for="compare-to" { "Newer version" }
            select #compare-to name="to" { (options(0)) }
            button { "Compare" }
        }
    }
}
