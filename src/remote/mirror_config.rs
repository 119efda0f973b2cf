//! Adds, checks and removes mirrors.

use std::time::Duration;

use super::error::{Error, Result};
use super::mirror::{Mirror, Mirrors};
use super::mirror_state::{MirrorState, RefTips};
use crate::names::{MirrorName, ObjectId, RemoteUrl};

/// If a remote with the name of a new mirror exists, a number below this limit is appended to the mirror's name.
const NAME_NUMBER_MAX: usize = 1000;

/// How long the addition or removal of a mirror waits for the mirror's lock, which a running push holds.
const REMOVAL_WAIT_MAX: Duration = Duration::from_secs(10);

/// The treatment of a repository with commits that are not from this store, when it is added as a mirror.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnrelatedRepository {
    /// The repository is not added as a mirror.
    Refuse,
    /// The repository is added as a mirror. The first push makes its refs equal to the refs of this store, and deletes all other branches
    /// and tags.
    Overwrite,
}

impl Mirrors {
    /// Adds a mirror. Checks that the repository is empty or has only commits of this store, unless `unrelated` allows others. If the
    /// repository cannot be reached, adds the mirror and returns the reason; the first push then checks the repository.
    ///
    /// # Errors
    /// `MirrorExists`, `UnrelatedRepository`; git fails.
    pub fn add(
        &self,
        name: &MirrorName,
        url: &RemoteUrl,
        unrelated: UnrelatedRepository,
        tick: &mut dyn FnMut(),
    ) -> Result<Option<Error>> {
        if self.git.remotes()?.contains_key(name.as_str()) {
            return Err(Error::MirrorExists(name.clone()));
        }
        let mirror = Mirror {
            name: name.clone(),
            url: url.clone(),
            is_checked: false,
        };
        let (refs, unreachable) = match unrelated {
            UnrelatedRepository::Overwrite => (None, None),
            UnrelatedRepository::Refuse => match self.check(&mirror, tick) {
                Ok(refs) => (Some(refs), None),
                Err(error @ Error::GitRemote { .. }) => (None, Some(error)),
                Err(error) => return Err(error),
            },
        };
        self.store.add_mirror(name, url)?;
        if let Some(_lock) = self.store.lock_mirror(name, REMOVAL_WAIT_MAX)? {
            // A state file that exists already is from a removed mirror with the same name, so it is overwritten.
            let mut state = MirrorState::new(&mirror);
            state.refs = refs;
            state.save(&self.store, &mirror);
        }
        if unreachable.is_none() {
            self.mark_checked(&mirror)?;
        }
        Ok(unreachable)
    }

    /// Adds a mirror for `url`, and returns its name, which is derived from the host in the URL. If there is a mirror with this URL
    /// already, returns `None`, and updates the password of the mirror if `url` has another one. The first push checks the repository.
    ///
    /// # Errors
    /// git fails.
    pub fn add_if_missing(&self, url: &RemoteUrl) -> Result<Option<MirrorName>> {
        let redacted = url.to_string();
        let mirrors = self.list()?;
        let is_same = |mirror: &&Mirror| mirror.url.to_string() == redacted;
        if let Some(mirror) = mirrors.iter().find(is_same) {
            if mirror.url != *url {
                self.store.set_mirror_url(&mirror.name, url)?;
            }
            return Ok(None);
        }
        let remotes = self.git.remotes()?;
        let first = url.mirror_name();
        let numbered = (2..NAME_NUMBER_MAX).map(|n| MirrorName::parse(&format!("{first}-{n}")));
        let mut names = std::iter::once(Ok(first.clone())).chain(numbered).flatten();
        let name = names
            .find(|name| !remotes.contains_key(name.as_str()))
            .ok_or_else(|| Error::MirrorExists(first.clone()))?;
        self.store.add_mirror(&name, url)?;
        Ok(Some(name))
    }

    /// Removes a mirror from the store's configuration. Does not change the repository at the mirror's URL.
    ///
    /// # Errors
    /// `UnknownMirror`; git fails.
    pub fn remove(&self, name: &MirrorName) -> Result<()> {
        let mirror = self.find(name)?;
        self.git.remove_remote(name.as_str())?;
        self.store.fsync_config()?;
        if let Some(_lock) = self.store.lock_mirror(name, REMOVAL_WAIT_MAX)?
            && let Err(error) = MirrorState::remove(&self.store, &mirror)
        {
            tracing::debug!(mirror = %name, %error, "cannot remove the state file of a mirror");
        }
        Ok(())
    }

    /// Lists the refs of the repository at a mirror's URL. Fails if a push would delete a commit that this store does not have.
    ///
    /// # Errors
    /// `UnrelatedRepository`, `GitRemote`.
    pub(super) fn check(&self, mirror: &Mirror, tick: &mut dyn FnMut()) -> Result<RefTips> {
        let refs = self.list_refs(mirror, tick)?;
        let ids: Vec<_> = refs.values().filter_map(|id| ObjectId::parse(id)).collect();
        let unrelated = self.store.unreachable(&ids)?.into_iter();
        let unrelated: Vec<_> = unrelated.map(|id| id.to_string()).collect();
        match refs.iter().find(|(_, id)| unrelated.contains(id)) {
            Some((name, _)) => Err(Error::UnrelatedRepository {
                url: mirror.url.clone(),
                name: name.clone(),
            }),
            None => Ok(refs),
        }
    }

    /// Lists the branches, tags and `refs/oci/records` of the repository at a mirror's URL.
    ///
    /// # Errors
    /// `GitRemote`.
    pub(super) fn list_refs(&self, mirror: &Mirror, tick: &mut dyn FnMut()) -> Result<RefTips> {
        let limit = self.limits.ls_remote_timeout.min(self.limits.push_timeout);
        let refs = self.git.ls_remote(&mirror.url, limit, tick);
        let refs = refs.map_err(Error::git_remote(&mirror.url))?.into_iter();
        Ok(refs.map(|(name, id)| (name, id.to_string())).collect())
    }

    /// Records in the configuration that pushes may overwrite the repository at the mirror's URL.
    pub(super) fn mark_checked(&self, mirror: &Mirror) -> Result<()> {
        let (name, url) = (mirror.name.as_str(), mirror.url.to_string());
        self.git.set_verified_url(name, &url)?;
        Ok(self.store.fsync_config()?)
    }
}
