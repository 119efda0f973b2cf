//! Adding and removing mirrors.

use super::error::{Error, Result};
use super::mirror::{Mirror, Mirrors};
use super::mirror_state::{Refs, State};
use crate::names::{MirrorName, RemoteUrl};

/// How often a name is tried with another number behind it.
const NAMES_MAX: usize = 1000;

/// How long a push under way is waited for when its mirror is removed.
const REMOVAL: std::time::Duration = std::time::Duration::from_secs(10);

/// What to do with a repository that has something else in it than this store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnrelatedRepository {
    /// Refuse it.
    Refuse,
    /// Make it a mirror of this store, and delete what it has.
    Overwrite,
}

impl Mirrors {
    /// Adds a mirror. What is there has to be empty, or of this store; if it cannot be reached, that is looked at before the first
    /// push, and the reason is returned.
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
        let added = self.git.add_mirror(name.as_str(), url);
        added.map_err(Error::git_remote(url))?;
        if let Some(_lock) = self.store.lock_mirror(name, REMOVAL)? {
            // What was known is of another mirror of that name, and what was seen is soon old.
            let mut state = State::new(&mirror);
            state.refs = refs;
            state.save(&self.store, &mirror);
        }
        match unreachable {
            None => self.mark_checked(&mirror)?,
            Some(_) => self.store.fsync_config()?,
        }
        Ok(unreachable)
    }

    /// Adds a mirror for a URL, named after its host, unless there is one; returns its name, if it is new. What is there is looked
    /// at before the first push. If the URL has another password than the mirror's, it is replaced.
    ///
    /// # Errors
    /// git fails.
    pub fn add_if_missing(&self, url: &RemoteUrl) -> Result<Option<MirrorName>> {
        let shown = url.to_string();
        let mirrors = self.list()?;
        let is_there = |mirror: &&Mirror| mirror.url.to_string() == shown;
        if let Some(mirror) = mirrors.iter().find(is_there) {
            if mirror.url != *url {
                let set = self.git.set_mirror_url(mirror.name.as_str(), url);
                set.map_err(Error::git_remote(url))?;
                self.store.fsync_config()?;
            }
            return Ok(None);
        }
        let remotes = self.git.remotes()?;
        let first = url.mirror_name();
        let numbered = (2..NAMES_MAX).map(|nth| MirrorName::parse(&format!("{first}-{nth}")));
        let mut names = std::iter::once(Ok(first.clone())).chain(numbered).flatten();
        let name = names.find(|name| !remotes.contains_key(name.as_str()));
        let name = name.ok_or_else(|| Error::MirrorExists(first.clone()))?;
        let added = self.git.add_mirror(name.as_str(), url);
        added.map_err(Error::git_remote(url))?;
        self.store.fsync_config()?;
        Ok(Some(name))
    }

    /// Removes a mirror from the store; the repository there stays as it is.
    ///
    /// # Errors
    /// `UnknownMirror`; git fails.
    pub fn remove(&self, name: &MirrorName) -> Result<()> {
        let mirror = self.find(name)?;
        self.git.remove_remote(name.as_str())?;
        self.store.fsync_config()?;
        if let Some(_lock) = self.store.lock_mirror(name, REMOVAL)?
            && let Err(error) = State::remove(&self.store, &mirror)
        {
            tracing::debug!(mirror = %name, %error, "what was known of it stays");
        }
        Ok(())
    }

    /// Looks what is at a mirror's URL, and refuses it if a push would delete something that this store does not have.
    ///
    /// # Errors
    /// `UnrelatedRepository`, `Other`.
    pub(super) fn check(&self, mirror: &Mirror, tick: &mut dyn FnMut()) -> Result<Refs> {
        let limit = self.limits.look_timeout.min(self.limits.push_timeout);
        let there = self.git.ls_remote(&mirror.url, limit, tick);
        let there = there.map_err(Error::git_remote(&mirror.url))?;
        let ids: Vec<_> = there.iter().map(|(_, id)| *id).collect();
        let strange = self.store.unreachable(&ids)?;
        match there.iter().find(|(_, id)| strange.contains(id)) {
            Some((name, _)) => Err(Error::UnrelatedRepository {
                url: mirror.url.clone(),
                name: name.clone(),
            }),
            None => Ok(there
                .into_iter()
                .map(|(name, id)| (name, id.to_string()))
                .collect()),
        }
    }

    /// Notes in the configuration that the mirror may be pushed to.
    pub(super) fn mark_checked(&self, mirror: &Mirror) -> Result<()> {
        let (name, url) = (mirror.name.as_str(), mirror.url.to_string());
        self.git.set_checked(name, &url)?;
        Ok(self.store.fsync_config()?)
    }
}
