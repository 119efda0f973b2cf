//! The people that pushed commits and tags name: author, committer and tagger.

use gix::actor::SignatureRef;
use gix::bstr::ByteSlice;
use gix::objs::{CommitRefIter, TagRefIter};

use crate::names::{Author, CommitId, ObjectId};
use crate::repo::error::{Error, Result};
use crate::repo::push::incoming::IncomingObjects;

/// A person that a commit or a tag names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// `author`, `committer` or `tagger`.
    pub role: &'static str,
    name: String,
    mail: String,
}

impl Identity {
    fn new(role: &'static str, signature: SignatureRef<'_>) -> Self {
        Self {
            role,
            name: signature.name.to_str_lossy().trim().to_owned(),
            mail: signature.email.to_str_lossy().trim().to_owned(),
        }
    }

    /// Returns whether this person has the name and mail address of `author`.
    pub fn is(&self, author: &Author) -> bool {
        author.name() == self.name && author.mail() == self.mail
    }
}

impl IncomingObjects {
    /// Returns the author and the committer of a commit.
    ///
    /// # Errors
    /// `Missing`; the commit cannot be decoded.
    pub fn commit_identities(&self, commit: CommitId) -> Result<[Identity; 2]> {
        let data = self.commit_data(commit)?;
        let failed = || Error::database(format!("decode the author of commit {commit}"));
        let parts = CommitRefIter::from_bytes(&data, self.hash_kind());
        let author = parts.author().map_err(failed())?;
        let committer = parts.committer().map_err(failed())?;
        Ok([
            Identity::new("author", author),
            Identity::new("committer", committer),
        ])
    }

    /// Returns the tagger of a tag; `None` if it names none.
    ///
    /// # Errors
    /// `Missing`; the tag cannot be decoded.
    pub fn tagger(&self, tag: ObjectId) -> Result<Option<Identity>> {
        let data = self.tag_data(tag)?;
        let tagger = TagRefIter::from_bytes(&data, self.hash_kind()).tagger();
        let tagger = tagger.map_err(Error::database(format!("decode tag {tag}")))?;
        Ok(tagger.map(|tagger| Identity::new("tagger", tagger)))
    }
}
