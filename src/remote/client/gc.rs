//! Requests garbage collections.

use ureq::http::Method;

use super::request::Client;
use crate::names::{BranchName, CommitId};
use crate::remote::error::Result;
use crate::store::{Change, GcPreview, GcSummary, History, KeptForRefs, Published};
use crate::wire::{self, encode_query_value};

impl Client {
    /// Requests a garbage collection.
    pub(super) fn request_gc(
        &self,
        change: &Change,
        history: &History,
    ) -> Result<Published<GcSummary>> {
        let path = format!("/gc{}", gc_query(history, &[]));
        let request = self.write(Method::POST, &path, change);
        let response = self.with_gc_timeout().json::<wire::GcJson>(request)?;
        let commit = response.value.commit.as_deref();
        let commit = commit.map(|commit| self.parse(commit, CommitId::parse));
        let kept_for_refs = self.kept_for_refs(response.value.kept_for_refs)?;
        Ok(Published {
            // The body also has the commit if an old server does not send the header.
            commit: commit.transpose()?,
            ..response.published.with_value(GcSummary {
                removed: response.value.removed,
                before_bytes: response.value.before_bytes,
                freed_bytes: response.value.freed_bytes,
                kept_for_refs,
            })
        })
    }

    /// Requests a preview of a garbage collection: the number of commits and versions that it would drop.
    pub(super) fn request_gc_preview(
        &self,
        branch: Option<&BranchName>,
        history: &History,
    ) -> Result<GcPreview> {
        let path = format!("/gc{}", gc_query(history, &["dry_run=true"]));
        let change = Change {
            branch: branch.cloned(),
            ..Change::default()
        };
        let request = self.write(Method::POST, &path, &change);
        let preview: wire::GcPreviewJson = self.with_gc_timeout().json(request)?.value;
        Ok(GcPreview {
            branch: self.parse(&preview.branch, BranchName::parse)?,
            commits: preview.commits,
            versions: preview.versions,
            module_bytes: preview.module_bytes,
            kept_for_refs: self.kept_for_refs(preview.kept_for_refs)?,
        })
    }

    fn kept_for_refs(&self, kept: Option<wire::KeptForRefsJson>) -> Result<Option<KeptForRefs>> {
        let kept = kept.map(KeptForRefs::try_from).transpose();
        kept.map_err(|error| self.invalid_response(error))
    }
}

/// Returns the query of a request for a garbage collection. The query also has the parameters in `more`, each of the form `NAME=VALUE`.
fn gc_query(history: &History, more: &[&str]) -> String {
    let mut parameters: Vec<String> = more.iter().map(|text| (*text).to_owned()).collect();
    match history {
        History::Squash => {}
        History::Keep => parameters.push("keep_history=true".to_owned()),
        History::Retain(retention) => {
            let last = retention.last.map(|last| format!("keep_last={last}"));
            let since = retention.since.map(|since| {
                let text = since.to_string();
                format!("keep_since={}", encode_query_value(&text))
            });
            let tags = retention.tags.then(|| "keep_tags=true".to_owned());
            parameters.extend(last.into_iter().chain(since).chain(tags));
            let paths = retention.paths.iter();
            parameters
                .extend(paths.map(|path| format!("path={}", encode_query_value(path.as_str()))));
        }
    }
    match parameters.as_slice() {
        [] => String::new(),
        parameters => format!("?{}", parameters.join("&")),
    }
}
