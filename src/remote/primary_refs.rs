//! Lists the refs of the primary, and determines which of its own refs a replica keeps although the primary does not list them.
//!
//! The primary hides broken refs from git. So if git does not list a ref, the ref may be deleted or broken. Before a replica deletes a ref,
//! it requests the list of broken refs from the primary.

use std::collections::{BTreeMap, BTreeSet};

use ureq::http::Method;

use super::client::Client;
use super::error::{Error, Result};
use super::primary::Primary;
use crate::git::Git;
use crate::names::RefName;
use crate::store::RemoteRefs;

/// The endpoint of the primary that lists its broken refs.
const PATH: &str = "/broken-refs";

/// The response of a primary to the request for its broken refs.
#[derive(Debug)]
pub(super) enum BrokenReport {
    /// The replica sent no request, because the primary lists every ref that the replica has.
    NotNeeded,
    /// The full names of the broken refs, with the reasons. A name that does not begin with `refs/` stands for broken refs whose names are
    /// unknown.
    Broken(BTreeMap<String, String>),
    /// The primary is too old to have the endpoint. Or the URL redirects: git follows redirects, but the client does not, so only git
    /// reaches the primary.
    Unsupported,
    /// The primary did not respond, or returned an error.
    Failed(Error),
}

/// The two clients with which a replica reads from its primary: the HTTP client for the API, and git.
pub(super) struct PrimaryReader {
    pub primary: Primary,
    pub client: Client,
    pub git: Git,
}

impl PrimaryReader {
    /// Returns the primary's refs, and the primary's report about broken refs. `local` has the names of this store's refs. In the result,
    /// `kept` has the refs that the replica must keep although the primary does not list them; the report has the reasons.
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
        // The refs are listed a second time, because refs may change between the requests. A ref that is repaired between the first listing
        // and the report is in neither of these, but in the second listing. A ref that breaks after the report is in the first listing.
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
