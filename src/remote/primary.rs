//! The primary of a replica: the store, behind a server, that the replica copies.

use std::thread;
use std::time::Duration;

use super::error::{Error, Result};
use crate::config::ReplicaLimits;
use crate::git::{FetchSource, Git};
use crate::names::{ObjectId, RefName, RemoteUrl, ServerUrl};
use crate::store::{ObjectFormat, RemoteRefs, chain};

/// The delay after the first failed request to the primary. It doubles with each further failure.
pub(super) const DELAY_FIRST: Duration = Duration::from_millis(250);
/// The longest delay after a failed request to the primary.
pub(super) const DELAY_MAX: Duration = Duration::from_secs(5);

/// The server of the store that a replica copies, and how the replica connects to it.
#[derive(Clone)]
pub struct Primary {
    /// The URL of the primary's server.
    pub url: ServerUrl,
    /// The API key for the server. It must allow GET.
    pub key: Option<String>,
    /// The timeouts and intervals for requests to the primary.
    pub limits: ReplicaLimits,
}

/// Displays only the URL, so that the API key is never logged.
impl std::fmt::Debug for Primary {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Primary").field(&self.url).finish()
    }
}

impl Primary {
    /// Lists the primary's branches, tags and `refs/oci/records`, and its default branch, with git. Omits refs whose names are not valid in
    /// a store.
    pub(super) fn refs(&self, git: &Git) -> Result<RemoteRefs> {
        let url = self.url.git();
        let header = self.header();
        let advertised = git
            .advertised_refs(&self.followed(&url, header.as_deref()))
            .map_err(Error::git_remote(&url))?;
        let mut refs = RemoteRefs::default();
        // If the file of a ref has no valid content, git advertises the ref with an id of zeros.
        let is_zero = |id: &ObjectId| id.to_string().bytes().all(|digit| digit == b'0');
        for (name, id) in advertised.refs {
            if is_zero(&id) {
                continue;
            }
            if let Ok(name) = RefName::parse(&name) {
                refs.refs.insert(name, id);
            }
        }
        let head = advertised.head.and_then(|name| RefName::parse(&name).ok());
        if let Some(RefName::Branch(branch)) = head {
            refs.default = Some(branch);
        }
        Ok(refs)
    }

    /// Returns the URL, the request header and the time limit with which git fetches from the primary.
    pub(super) fn followed<'f>(
        &self,
        url: &'f RemoteUrl,
        header: Option<&'f str>,
    ) -> FetchSource<'f> {
        let limit = self.limits.fetch_timeout;
        FetchSource { url, header, limit }
    }

    /// Returns the request header with the API key; `None` without a key.
    pub(super) fn header(&self) -> Option<String> {
        let key = self.key.as_ref()?;
        Some(format!("Wasmstore-Auth: {key}"))
    }

    /// Returns the primary's object format, SHA-1 or SHA-256. Waits until the primary can be reached.
    pub(super) fn object_format(&self, git: &Git) -> ObjectFormat {
        let mut delay = DELAY_FIRST;
        loop {
            match self.refs(git) {
                Ok(refs) => {
                    let is_sha256 = |id: &ObjectId| matches!(id, ObjectId::Sha256(_));
                    return if refs.refs.values().any(is_sha256) {
                        ObjectFormat::Sha256
                    } else {
                        ObjectFormat::Sha1
                    };
                }
                Err(error) => {
                    let error = chain(&error);
                    tracing::warn!(primary = %self.url, error, "waiting for the primary");
                }
            }
            thread::sleep(delay);
            delay = (delay * 2).min(DELAY_MAX);
        }
    }
}
