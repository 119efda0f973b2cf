//! Commit objects (git-commit-tree(1)): reading them, and encoding new ones.

use std::time::{SystemTime, UNIX_EPOCH};

use gix::bstr::ByteSlice;
use gix::objs::WriteTo;

use crate::names::{Author, CommitId};
use crate::repo::error::{Error, Result};
use crate::repo::ids::{TreeId, commit_id, object_id};

/// A commit as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commit {
    /// Its id.
    pub id: CommitId,
    /// Its parents' ids, the branch's own line first.
    pub parents: Vec<CommitId>,
    /// The tree of modules.
    pub tree: TreeId,
    /// The author's name.
    pub author: String,
    /// The author's mail address; may be empty.
    pub mail: String,
    /// The author time, in seconds since 1970-01-01 UTC.
    pub date_s: i64,
    /// The message, without the newlines at its end.
    pub message: String,
}

impl Commit {
    /// The value of our trailer `key` (`Restores`, `Squashed`): the message's last line, if it has that key.
    pub fn trailer(&self, key: &str) -> Option<&str> {
        self.message
            .lines()
            .next_back()?
            .strip_prefix(key)?
            .strip_prefix(": ")
    }
}

/// Reads a commit that a person named.
pub(crate) fn read(repo: &gix::Repository, id: CommitId) -> Result<Commit> {
    let data = data(repo, id)?;
    decode(id, &understand(repo, id, &data)?)
}

/// Reads a commit that another object or a ref names, and its committer time in seconds.
pub(crate) fn read_dated(repo: &gix::Repository, id: CommitId) -> Result<(i64, Commit)> {
    let data = data(repo, id).map_err(linked)?;
    let commit = understand(repo, id, &data)?;
    let date = commit.time().map_or(0, |time| time.seconds);
    Ok((date, decode(id, &commit)?))
}

fn understand<'d>(
    repo: &gix::Repository,
    id: CommitId,
    data: &'d [u8],
) -> Result<gix::objs::CommitRef<'d>> {
    gix::objs::CommitRef::from_bytes(data, repo.object_hash())
        .map_err(Error::database(format!("understand commit {id}")))
}

fn data(repo: &gix::Repository, id: CommitId) -> Result<Vec<u8>> {
    let oid = object_id(repo, id.as_bytes()).ok_or(Error::UnknownCommit(id))?;
    let object = repo
        .try_find_object(oid)
        .map_err(Error::database(format!("read commit {id}")))?;
    let object = object
        .filter(|object| object.kind == gix::objs::Kind::Commit)
        .ok_or(Error::UnknownCommit(id))?;
    Ok(object.detach().data)
}

/// Reads a commit that another object or a ref names: its absence is a fault of the repository.
pub(crate) fn read_linked(repo: &gix::Repository, id: CommitId) -> Result<Commit> {
    read(repo, id).map_err(linked)
}

fn linked(error: Error) -> Error {
    match error {
        Error::UnknownCommit(id) => Error::Missing { id: id.to_string() },
        other => other,
    }
}

pub(crate) fn decode(id: CommitId, commit: &gix::objs::CommitRef<'_>) -> Result<Commit> {
    let author = commit.author().map_err(Error::database(format!(
        "understand the author of commit {id}"
    )))?;
    Ok(Commit {
        id,
        parents: commit.parents().map(|parent| commit_id(&parent)).collect(),
        tree: TreeId(commit.tree()),
        author: author.name.to_str_lossy().trim().to_owned(),
        mail: author.email.to_str_lossy().trim().to_owned(),
        date_s: author.time().map_or(0, |time| time.seconds),
        message: commit.message.to_str_lossy().trim_end().to_owned(),
    })
}

/// A commit to be made, at this moment, by us for `author`.
pub(crate) struct NewCommit<'a> {
    pub tree: gix::ObjectId,
    pub parents: Vec<gix::ObjectId>,
    pub author: &'a Author,
    pub message: String,
}

/// The bytes of a new commit object.
pub(crate) fn encode(commit: &NewCommit<'_>) -> Result<Vec<u8>> {
    let object = gix::objs::Commit {
        tree: commit.tree,
        parents: commit.parents.iter().copied().collect(),
        author: signature(commit.author),
        committer: signature(&Author::default()),
        encoding: None,
        message: format!("{}\n", commit.message.trim_end()).into(),
        extra_headers: Vec::new(),
    };
    let mut bytes = Vec::with_capacity(256);
    object
        .write_to(&mut bytes)
        .map_err(Error::database("encode a commit"))?;
    Ok(bytes)
}

/// `author`, at this moment, in UTC.
pub(crate) fn signature(author: &Author) -> gix::actor::Signature {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs().cast_signed());
    gix::actor::Signature {
        name: author.name().into(),
        email: author.mail().into(),
        time: gix::date::Time::new(now, 0),
    }
}
