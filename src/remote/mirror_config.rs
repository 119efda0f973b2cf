//! Adding and removing mirrors.

use std::time::Duration;

use super::error::{Error, Result};
use super::mirror::{Mirror, Mirrors};
use super::mirror_state::{MirrorState, RefTips};
use crate::names::{MirrorName, ObjectId, RemoteUrl};

/// The largest number that is appended to a name that is taken.
const NAME_NUMBER_MAX: usize = 1000;

/// How long the removal of a mirror waits for a running push to it.
const REMOVAL_WAIT_MAX: Duration = Duration::from_secs(10);

/// The treatment of a repository that contains commits that are not from this store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnrelatedRepository {
    /// Refuse to add the repository as a mirror.
    Refuse,
    /// Add the repository as a mirror. The first push makes it equal to this store, and deletes everything else in it.
    Overwrite,
}

impl Mirrors {
    /// Adds a mirror. The repository must be empty or contain only commits of this store. If it cannot be reached, returns the
    /// reason; the repository is then checked before the first push.
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
            // An existing state file belongs to a removed mirror with the same name.
            let mut state = MirrorState::new(&mirror);
            state.refs = refs;
            state.save(&self.store, &mirror);
        }
        if unreachable.is_none() {
            self.mark_checked(&mirror)?;
        }
        Ok(unreachable)
    }

    /// Adds a mirror for `url`, and returns its name, which is derived from the URL's host. If there is a mirror with this URL, replaces
    /// its password if `url` has another one, and returns `None`. The repository is checked before the first push.
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

    /// Removes a mirror from the store's configuration. The repository at its URL stays as it is.
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

    /// Lists the refs at a mirror's URL, and rejects the repository if a push would delete a commit that this store does not have.
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

    /// Lists the branches, tags and registry ref at a mirror's URL.
    ///
    /// # Errors
    /// `GitRemote`.
    pub(super) fn list_refs(&self, mirror: &Mirror, tick: &mut dyn FnMut()) -> Result<RefTips> {
        let limit = self.limits.look_timeout.min(self.limits.push_timeout);
        let refs = self.git.ls_remote(&mirror.url, limit, tick);
        let refs = refs.map_err(Error::git_remote(&mirror.url))?.into_iter();
        Ok(refs.map(|(name, id)| (name, id.to_string())).collect())
    }

    /// Records in the configuration that pushes may overwrite the repository at the mirror's URL.
    pub(super) fn mark_checked(&self, mirror: &Mirror) -> Result<()> {
        let (name, url) = (mirror.name.as_str(), mirror.url.to_string());
        self.git.set_checked(name, &url)?;
        Ok(self.store.fsync_config()?)
    }
}
