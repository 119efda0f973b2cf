//! The web UI over HTTP: every screen, its links, its caching, and hostile content.

mod access;
mod caching;
mod crawl;
mod document;
mod forms;
mod hostile;
mod named_commits;
mod screens;

use std::collections::BTreeSet;
use std::ops::Deref;

use wasmstore::config::Options;
use wasmstore::http::ServerOptions;
use wasmstore::names::CommitId;
use wasmstore::store::{Change, Revision};

use crate::http::api::{Api, TestResponse};
use crate::support::store::{on, path};
use document::Document;

/// The policy of every page.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; \
                      form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

/// A server with the web UI.
pub struct Web(Api);

impl Deref for Web {
    type Target = Api;

    fn deref(&self) -> &Api {
        &self.0
    }
}

/// A page that was checked.
pub struct CheckedPage {
    pub status: u16,
    pub html: String,
    pub links: BTreeSet<String>,
    pub response: TestResponse,
}

impl Web {
    pub fn new() -> Self {
        Self::with(ServerOptions::default())
    }

    pub fn with(server_options: ServerOptions) -> Self {
        let server_options = ServerOptions {
            has_web: true,
            ..server_options
        };
        Self(Api::with_options(server_options, Options::default()))
    }

    /// Puts a module given as text at a path of the default branch.
    pub fn put_wat(&self, at: &str, wat: &str) -> CommitId {
        self.put_bytes(None, at, &wat::parse_str(wat).unwrap())
    }

    pub fn put_bytes(&self, branch: Option<&str>, at: &str, bytes: &[u8]) -> CommitId {
        let change = Change {
            author: Some("Ann Lee <ann@example.org>".parse().unwrap()),
            ..on(branch)
        };
        self.store.put(&change, &path(at), bytes).unwrap();
        self.store
            .snapshot(&Revision::Branch(change.branch))
            .unwrap()
    }

    /// Adds the facts about all modules of the default branch to the index, as a server does in the background.
    pub fn read_all(&self) {
        self.store.complete_facts(&Revision::default()).unwrap();
    }

    /// Requests a page as a browser does, and checks what holds for every page.
    #[track_caller]
    pub fn page(&self, uri: &str) -> CheckedPage {
        self.page_with(uri, &[])
    }

    #[track_caller]
    pub fn page_with(&self, uri: &str, headers: &[(&str, &str)]) -> CheckedPage {
        let accept = [("accept", "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8")];
        let response = self.send("GET", uri, &[&accept[..], headers].concat(), "");
        response.has("content-type", "text/html; charset=utf-8");
        response.has("content-security-policy", POLICY);
        response.has("referrer-policy", "same-origin");
        let html = response.text().to_owned();
        let document = Document::parse(&html);
        assert_eq!(document.errors, [""; 0], "{uri}");
        assert_eq!(document.inline, [""; 0], "{uri}");
        assert_eq!(
            document.headings, 1,
            "{uri}: a page has one heading of the first level"
        );
        let ids: BTreeSet<_> = document.ids.iter().collect();
        assert_eq!(
            ids.len(),
            document.ids.len(),
            "{uri}: an id is used twice in {:?}",
            document.ids
        );
        for reference in &document.references {
            assert!(
                ids.contains(reference),
                "{uri}: nothing has the id {reference:?}"
            );
        }
        for form in &document.forms {
            assert!(form.starts_with('/'), "{uri}: a form goes to {form}");
        }
        // A field must have what was typed; everything else shows such characters as escapes.
        let is_hidden = |c| ['\u{202e}', '\u{2066}', '\u{1b}', '\0'].contains(&c);
        let values = html.split(" value=\"").skip(1);
        let outside = values.map(|part| part.split_once('"').map_or("", |(_, rest)| rest));
        let outside = outside.chain(html.split(" value=\"").take(1));
        assert!(!{ outside }.any(|part| part.contains(is_hidden)), "{uri}");
        CheckedPage {
            status: response.status,
            links: document.links.into_iter().collect(),
            html,
            response,
        }
    }
}

impl CheckedPage {
    #[track_caller]
    pub fn shows(&self, text: &str) -> &Self {
        assert!(self.html.contains(text), "no {text:?} in {}", self.main());
        self
    }

    #[track_caller]
    pub fn hides(&self, text: &str) -> &Self {
        assert!(!self.html.contains(text), "{text:?} is in {}", self.main());
        self
    }

    #[track_caller]
    pub fn is(&self, status: u16) -> &Self {
        assert_eq!(self.status, status, "{}", self.main());
        self
    }

    /// Returns the beginning of the content.
    fn main(&self) -> String {
        let (_, main) = self.html.split_once("<main").unwrap_or_default();
        main.chars().take(3000).collect()
    }

    /// Returns the link that ends with this text.
    #[track_caller]
    pub fn link(&self, end: &str) -> &str {
        let mut links = self.links.iter();
        let found = links.find(|link| link.ends_with(end));
        found.unwrap_or_else(|| panic!("no link {end:?} in {:?}", self.links))
    }
}
