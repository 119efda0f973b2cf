//! Requests the list of modules with their details, page by page.

use std::ops::ControlFlow;

use super::request::{Client, below};
use crate::names::{ModulePath, TreePath};
use crate::remote::error::Result;
use crate::store::{ListedModule, Revision};
use crate::wire::{ListedModuleJson, encode_query_value};

/// The number of modules in one response of the server.
const MODULES_PER_PAGE: usize = 10_000;

impl Client {
    /// Calls `visit` for every module below the directory `prefix`, sorted by path, until `visit` returns `Break`.
    pub(super) fn detail_pages(
        &self,
        revision: &Revision,
        prefix: &TreePath,
        visit: &mut dyn FnMut(ListedModule) -> ControlFlow<()>,
    ) -> Result<()> {
        let path = format!(
            "/modules{}?details=true&limit={MODULES_PER_PAGE}",
            below(prefix)
        );
        let (mut revision, mut last) = (revision.clone(), None::<ModulePath>);
        loop {
            let after = last.as_ref().map(|last| encode_query_value(last.as_str()));
            let after = after
                .map(|after| format!("&after={after}"))
                .unwrap_or_default();
            let page = self.text(self.get(&format!("{path}{after}"), &revision))?;
            // An older server ignores the parameter `details`, and returns the list as a JSON object.
            if page.value.starts_with('{') {
                return Err(self.invalid_response("the server cannot list modules with details"));
            }
            let page = self.parse_json::<Vec<ListedModuleJson>>(page)?;
            let previous = last.clone();
            for listed in page.value.into_iter().map(ListedModule::from) {
                last = Some(listed.path.clone());
                if visit(listed).is_break() {
                    return Ok(());
                }
            }
            if !page.has_more {
                return Ok(());
            }
            if last <= previous {
                let reason = "a page of a list does not continue where the page before ended";
                return Err(self.invalid_response(reason));
            }
            // The next request names the commit of this page, so that all pages are of the same commit.
            revision = page.commit.map_or(revision, Revision::Commit);
        }
    }
}
