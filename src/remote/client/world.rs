//! Requests the components in the store behind a server that fit a WIT world.

use std::ops::ControlFlow;

use ureq::http::Method;

use super::next_page::next_after;
use super::request::{Client, with_revision};
use crate::names::{ModulePath, TreePath};
use crate::remote::error::Result;
use crate::store::{Revision, WorldCheck, WorldSource};
use crate::wire::{WorldCheckJson, encode_path, encode_query_value};

/// The maximum number of components in one response of the server.
const COMPONENTS_PER_PAGE: usize = 1_000;

impl Client {
    /// Calls `visit` for each component below the directory `scope` that fits a world, page by page, until `visit` returns `Break`. If
    /// `scope` is a module, calls `visit` for that module, whether it fits or not.
    pub(super) fn world_pages(
        &self,
        revision: &Revision,
        world: &WorldSource,
        scope: &TreePath,
        visit: &mut dyn FnMut(WorldCheck) -> ControlFlow<()>,
    ) -> Result<()> {
        let name = world.name.as_deref();
        let name = name.map(|name| format!("&name={}", encode_query_value(name)));
        let path = format!(
            "/world?limit={COMPONENTS_PER_PAGE}&path={}{}",
            encode_query_value(scope.as_str()),
            name.unwrap_or_default()
        );
        let (mut revision, mut after) = (revision.clone(), None::<ModulePath>);
        loop {
            let from = after
                .as_ref()
                .map(|after| format!("&after={}", encode_path(after.as_str())));
            let path = format!("{path}{}", from.unwrap_or_default());
            let request = with_revision(self.request(Method::POST, &path), &revision);
            let response = self.send_with(request, &world.bytes[..])?;
            let page = self.parse_json::<Vec<WorldCheckJson>>(self.read_text(response)?)?;
            for check in page.value {
                if visit(check.into()).is_break() {
                    return Ok(());
                }
            }
            let Some(link) = page.link else {
                return Ok(());
            };
            // A page may be empty, so the position of the next page is read from the link in the response.
            let next = next_after(&link).and_then(|after| ModulePath::parse(&after).ok());
            if next <= after {
                let reason = "a page of a list does not say where the next one begins";
                return Err(self.invalid_response(reason));
            }
            // The next request names the commit of this page, so that all pages are of the same commit.
            revision = page.commit.map_or(revision, Revision::Commit);
            after = next;
        }
    }
}
