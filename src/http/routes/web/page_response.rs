//! Responds with a page: sets its entity tag, content coding and caching headers.

use std::hash::{DefaultHasher, Hash, Hasher};

use axum::http::header::{CACHE_CONTROL, CONTENT_ENCODING, ETAG, IF_NONE_MATCH, LOCATION, VARY};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};

use super::screen::{Answer, Screen};
use crate::budget::Charge;
use crate::http::charged::charged_response;
use crate::http::error::Result;
use crate::http::module::encodings::{Coding, compress};
use crate::http::module::etag::{self, Freshness};
use crate::http::pages;
use crate::web::layout::Page;
use crate::web::{assets, page};

/// The minimum size of a page that is compressed, in bytes.
const COMPRESSED_BYTES_MIN: usize = 1024;

impl Screen {
    /// Returns the entity tag of a page. The tag is a hash of all data on which the page depends.
    pub fn tag(&self, content: impl Hash) -> String {
        let mut hasher = DefaultHasher::new();
        (
            env!("CARGO_PKG_VERSION"),
            &assets::style().name,
            &assets::script().name,
        )
            .hash(&mut hasher);
        (
            &self.uri,
            &self.site.url,
            &self.site.default_branch,
            (self.site.rights, self.site.shows_status),
        )
            .hash(&mut hasher);
        content.hash(&mut hasher);
        format!("W/\"{:016x}\"", hasher.finish())
    }

    pub fn has(&self, tag: &str) -> Result<bool> {
        let conditions = self.headers.get_all(IF_NONE_MATCH).iter();
        let conditions = conditions
            .map(|value| (IF_NONE_MATCH, value.clone()))
            .collect();
        let opaque = tag.trim_start_matches("W/").trim_matches('"');
        Ok(matches!(
            etag::evaluate(&conditions, opaque)?,
            Freshness::NotModified
        ))
    }

    pub fn send(&self, answer: Answer, tag: Option<String>, charge: Charge) -> Result<Response> {
        let content = match answer {
            Answer::Page(content) => content,
            Answer::Redirect(url) => return Ok(redirect(&url)),
        };
        let html = page(Page {
            site: &self.site,
            place: &self.place,
            title: &content.title,
            section: content.section,
            query: &content.query,
            content: content.markup,
        });
        let coding =
            Coding::preferred(&self.headers).filter(|_| html.len() >= COMPRESSED_BYTES_MIN);
        let bytes = match coding {
            Some(coding) => compress(html.as_bytes(), coding)
                .expect("BUG: writing to memory does not fail")
                .to_vec(),
            None => html.into_bytes(),
        };
        let mut response = charged_response(pages::MEDIA_TYPE, bytes, charge)?;
        let headers = response.headers_mut();
        if let Some(coding) = coding {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static(coding.name()));
        }
        match tag.filter(|_| content.is_cacheable).map(|tag| tag.parse()) {
            Some(Ok(tag)) => drop(headers.insert(ETAG, tag)),
            _ => drop(headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-cache"))),
        }
        headers.insert(VARY, SELECTING_HEADERS);
        Ok(response)
    }
}

/// The value of `Vary`: the request headers on which a page depends.
const SELECTING_HEADERS: HeaderValue =
    HeaderValue::from_static("Accept, Accept-Encoding, Authorization, Cookie");

/// Returns the response 304 for a client that already has the page.
pub(super) fn not_modified(tag: &str) -> Response {
    let headers = [(ETAG, tag.to_owned())];
    (
        StatusCode::NOT_MODIFIED,
        headers,
        [(VARY, SELECTING_HEADERS)],
    )
        .into_response()
}

/// Returns a redirect (303) to a URL of this server.
pub(super) fn redirect(url: &str) -> Response {
    (StatusCode::SEE_OTHER, [(LOCATION, url)]).into_response()
}
