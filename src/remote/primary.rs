//! The store that a replica follows: where it is, and what it has.

use std::thread;

use super::error::{Error, Result};
use super::replica::{DELAY_FIRST, DELAY_MAX};
use crate::config::ReplicaLimits;
use crate::git::{Followed, Git};
use crate::names::{ObjectId, RefName, RemoteUrl, ServerUrl};
use crate::store::{ObjectFormat, RemoteRefs, chain};

/// The store that is followed.
#[derive(Clone)]
pub struct Primary {
    /// Where it is served.
    pub url: ServerUrl,
    /// The key for it, which has to be good for GET.
    pub key: Option<String>,
    /// How it is asked.
    pub limits: ReplicaLimits,
}

/// Without the key.
impl std::fmt::Debug for Primary {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Primary").field(&self.url).finish()
    }
}

impl Primary {
    /// What it has, as git tells it.
    pub(super) fn wanted(&self, git: &Git) -> Result<RemoteRefs> {
        let url = self.url.git();
        let header = self.header();
        let advertised = git.advertised(&self.followed(&url, header.as_deref()));
        let advertised = advertised.map_err(Error::git_remote(&url))?;
        let mut wanted = RemoteRefs::default();
        for (name, id) in advertised.refs {
            // What has another name is none that we would take.
            if let Ok(name) = RefName::parse(&name) {
                wanted.refs.insert(name, id);
            }
        }
        let head = advertised.head.and_then(|name| RefName::parse(&name).ok());
        if let Some(RefName::Branch(branch)) = head {
            wanted.default = Some(branch);
        }
        Ok(wanted)
    }

    /// How git reaches it.
    pub(super) fn followed<'f>(&self, url: &'f RemoteUrl, header: Option<&'f str>) -> Followed<'f> {
        let limit = self.limits.fetch_timeout;
        Followed { url, header, limit }
    }

    /// The header with the key.
    pub(super) fn header(&self) -> Option<String> {
        let key = self.key.as_ref()?;
        Some(format!("Wasmstore-Auth: {key}"))
    }

    /// The kind of its ids, as soon as it can be reached.
    pub(super) fn format(&self, git: &Git) -> ObjectFormat {
        let mut delay = DELAY_FIRST;
        loop {
            match self.wanted(git) {
                Ok(wanted) => {
                    let is_sha256 = |id: &ObjectId| matches!(id, ObjectId::Sha256(_));
                    return match wanted.refs.values().any(is_sha256) {
                        true => ObjectFormat::Sha256,
                        false => ObjectFormat::Sha1,
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
