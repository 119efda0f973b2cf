//! The page of a module: the heading, and the cards.

use maud::{Markup, html};

use super::{get_it, interface, largest, metadata, versions};
use crate::names::{Digest, ModuleHash, ModulePath};
use crate::oci::OciModule;
use crate::store::{Commit, ModuleFacts};
use crate::web::actions;
use crate::web::directory::kind_label;
use crate::web::format::{bytes, count, time};
use crate::web::icicle::{icicle, size_table};
use crate::web::links::{Place, Site};
use crate::web::picker::{Branches, commit_note, crumbs, heading, live_bar, picker};
use crate::web::size_tree;
use crate::web::text::{plain, shown, shown_cut};

/// The maximum length of the description, in characters.
const DESCRIPTION_CHARS: usize = 1000;

/// The data that the page of a module shows.
pub struct ModulePage<'m> {
    /// The server, and the rights of the client.
    pub site: &'m Site,
    /// The branch or commit that the page shows.
    pub place: &'m Place,
    /// The path of the module.
    pub path: &'m ModulePath,
    /// The commit that has the module.
    pub commit: Option<&'m Commit>,
    /// The URL of this page at the tip of the branch, if the module exists there. Used only if the page shows an older commit.
    pub newest: Option<String>,
    /// The branches that the user can select.
    pub branches: &'m Branches,
    /// The hash of the module.
    pub hash: ModuleHash,
    /// The SHA-256 digest of the module.
    pub digest: Digest,
    /// The facts about the module: its imports, exports, sizes and metadata.
    pub facts: &'m ModuleFacts,
    /// The newest commit of the branch that changed the path.
    pub last_change: Option<&'m Commit>,
    /// The newest versions of the path, newest first.
    pub versions: &'m [VersionRow],
    /// The sizes of the newest versions, in bytes, oldest first.
    pub sizes: &'m [u64],
    /// The number of all versions of the path.
    pub version_count: usize,
    /// The repository and tag under which OCI clients pull the module; `None` if they cannot.
    pub oci: Option<&'m OciModule>,
    /// Whether the user has asked for all imports and exports.
    pub has_all_items: bool,
}

/// A version of the path.
pub struct VersionRow {
    /// The index of the version, counted from 0.
    pub number: usize,
    /// The hash of the module.
    pub hash: ModuleHash,
    /// The size of the module, in bytes.
    pub size_bytes: u64,
    /// The oldest commit that put the module at the path.
    pub commit: Commit,
}

impl ModulePage<'_> {
    /// Returns the title of the page.
    pub fn title(&self) -> String {
        plain(self.path.as_str(), 100)
    }

    /// Renders the content of the page, without its frame.
    pub fn render(&self) -> Markup {
        let Self {
            site,
            place,
            path,
            commit,
            ..
        } = self;
        let facts = &self.facts.facts;
        let bare = site.module(
            &Place {
                branch: None,
                commit: None,
            },
            path,
        );
        let whole = size_tree::of(facts);
        html! {
            (live_bar(site, place, *commit, &site.module(place, path)))
            (commit_note(site, place, *commit, self.newest.as_deref()))
            div.head {
                div {
                    (crumbs(site, place, path.as_tree_path()))
                    (heading(path.as_tree_path()))
                    (self.summary())
                    (actions::of_module(site, place, path))
                }
                (picker(&bare, place, self.branches, &html! {}))
            }
            div.columns {
                div {
                    section.card aria-labelledby="sizes" {
                        h2 #sizes { "Size: " (bytes(facts.size_bytes)) }
                        (icicle(&whole))
                        (largest::table(facts))
                        @if facts.functions.is_cut() {
                            p.small.muted { "Only the " (count(facts.functions.items.len() as u64)) " largest functions have an entry of their own in the table of all parts." }
                        }
                        h3 { "All parts" }
                        (size_table(&whole))
                    }
                    (interface::card(self))
                }
                div {
                    (get_it::card(self))
                    (versions::card(self))
                    (metadata::card(self))
                }
            }
        }
    }

    fn summary(&self) -> Markup {
        let facts = &self.facts.facts;
        html! {
            @if let Some(description) = &facts.metadata.description {
                p.upto { (shown_cut(description, DESCRIPTION_CHARS)) }
            }
            div.what {
                (kind_label(facts.kind))
                span.tag title=(facts.requires.included.join(", ")) { "needs Wasm " (facts.requires.standard.as_str()) }
                @for proposal in &facts.requires.proposals { span.tag.warn { (shown(proposal)) } }
                span.muted { (bytes(facts.size_bytes)) }
                @if let Some(change) = self.last_change {
                    span.muted { "last changed " (time(change.date_s)) " by " (shown_cut(&change.author, 60)) }
                }
            }
        }
    }
}
