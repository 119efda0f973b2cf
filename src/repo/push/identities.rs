//! The authors and committers of pushed commits, and the taggers of pushed tags.

use crate::names::{Author, CommitId, ObjectId};
use crate::repo::error::Result;
use crate::repo::objects::raw_commit::{RawCommit, Signature};
use crate::repo::push::incoming::IncomingObjects;

/// The author or committer in a commit, or the tagger in a tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// `author`, `committer` or `tagger`.
    pub role: &'static str,
    signature: Signature,
}

impl Identity {
    /// Returns whether this person has the name and mail address of `author`. If the header is malformed, programs may read different names
    /// from it, so the answer is `false`.
    pub fn is(&self, author: &Author) -> bool {
        let signature = &self.signature;
        signature.fault.is_none()
            && author.name() == signature.name
            && author.mail() == signature.mail
    }
}

impl IncomingObjects {
    /// Returns the author and the committer of a commit.
    ///
    /// # Errors
    /// `Missing`; the commit cannot be decoded.
    pub fn commit_identities(&self, commit: CommitId) -> Result<[Identity; 2]> {
        let data = self.commit_data(commit)?;
        let commit = RawCommit::parse(commit, &data)?;
        let identity = |role, signature| Identity { role, signature };
        Ok([
            identity("author", commit.author()),
            identity("committer", commit.committer()),
        ])
    }

    /// Returns the tagger of a tag; `None` if the tag names no tagger.
    ///
    /// # Errors
    /// `Missing`; the object is not a tag.
    pub fn tagger(&self, tag: ObjectId) -> Result<Option<Identity>> {
        let data = self.tag_data(tag)?;
        let lines = data.split(|byte| *byte == b'\n');
        let mut headers = lines.take_while(|line| !line.is_empty());
        let tagger = headers.find_map(|line| line.strip_prefix(b"tagger "));
        Ok(tagger.map(|tagger| Identity {
            role: "tagger",
            signature: Signature::read(Some(tagger)),
        }))
    }
}
