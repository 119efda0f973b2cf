//! The refs of the primary that a replica follows, and the refs of its own that the replica keeps.
//!
//! The primary hides broken refs from git. So a ref that git does not list may be deleted or broken. Before a replica deletes a ref, it
//! asks the primary which refs are broken.

use std::collections::{BTreeMap, BTreeSet};

use ureq::http::Method;

use super::client::Client;
use super::error::{Error, Result};
use super::primary::Primary;
use crate::git::Git;
use crate::names::RefName;
use crate::store::RemoteRefs;

/// The endpoint that lists broken refs.
const PATH: &str = "/broken-refs";

/// The report of a primary about its broken refs.
#[derive(Debug)]
pub(super) enum BrokenReport {
    /// The replica did not ask: it has no ref that the primary does not list.
    NotNeeded,
    /// The full names of the broken refs, with the reasons. A name that does not begin with `refs/` stands for refs of unknown names.
    Broken(BTreeMap<String, String>),
    /// The primary is too old to have the endpoint, or its URL redirects, so that git reaches the primary and the client does not.
    Unsupported,
    /// The primary did not respond, or returned an error.
    Failed(Error),
}

/// The client for the API of a primary, and git.
pub(super) struct PrimaryReader {
    pub primary: Primary,
    pub client: Client,
    pub git: Git,
}

impl PrimaryReader {
    /// Returns the primary's refs, and its report about broken refs. `local` has the names of this store's refs. Some of them are kept
    /// although the primary does not list them, and the report has the reasons.
    ///
    /// # Errors
    /// git cannot list the refs.
    pub fn refs(&self, local: BTreeSet<RefName>) -> Result<(RemoteRefs, BrokenReport)> {
        let first = self.primary.refs(&self.git)?;
        if local.iter().all(|name| first.refs.contains_key(name)) {
            return Ok((first, BrokenReport::NotNeeded));
        }
        let report = self.broken_refs();
        if matches!(report, BrokenReport::Unsupported) {
            return Ok((first, report));
        }
        // A broken ref that was repaired between the first listing and the report is in neither of them, but it is in this second listing.
        // A ref that broke after the report is in the first listing.
        let mut refs = self.primary.refs(&self.git)?;
        refs.kept = match &report {
            BrokenReport::Broken(broken) if broken.keys().all(|it| it.starts_with("refs/")) => {
                let broken = broken.keys().filter_map(|name| RefName::parse(name).ok());
                first.refs.into_keys().chain(broken).collect()
            }
            _ => local,
        };
        refs.kept.retain(|name| !refs.refs.contains_key(name));
        Ok((refs, report))
    }

    fn broken_refs(&self) -> BrokenReport {
        let request = self.client.request(Method::GET, PATH);
        match self.client.json(request) {
            Ok(response) => BrokenReport::Broken(response.value),
            // git follows a redirect, but the client does not.
            Err(Error::Refused(response)) if matches!(response.status, 404 | 300..=399) => {
                BrokenReport::Unsupported
            }
            Err(error) => BrokenReport::Failed(error),
        }
    }
}
