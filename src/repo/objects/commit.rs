//! Commit objects (git-commit-tree(1)): reading, decoding and encoding them.

use std::time::{SystemTime, UNIX_EPOCH};

use gix::bstr::ByteSlice;
use gix::objs::WriteTo;

use crate::names::{Author, CommitId};
use crate::repo::error::{Error, Result};
use crate::repo::ids::{TreeId, commit_id, object_id};
use crate::repo::objects::copies::find_object;
use crate::repo::objects::raw_commit::RawCommit;

/// A commit as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commit {
    /// The commit's id.
    pub id: CommitId,
    /// The parents' ids. The first parent is the branch's own earlier tip.
    pub parents: Vec<CommitId>,
    /// The id of the commit's tree, which contains the modules.
    pub tree: TreeId,
    /// The author's name.
    pub author: String,
    /// The author's mail address; may be empty.
    pub mail: String,
    /// The author time, in seconds since 1970-01-01 UTC.
    pub date_s: i64,
    /// The message, without the newlines at its end.
    pub message: String,
    /// Whether the commit has a signature. The signature is not checked.
    pub is_signed: bool,
}

impl Commit {
    /// Returns the value of wasmstore's trailer `key`, such as `Restores` or `Squashed`; `None` if the last line of the message is not this
    /// trailer.
    pub fn trailer(&self, key: &str) -> Option<&str> {
        self.message
            .lines()
            .next_back()?
            .strip_prefix(key)?
            .strip_prefix(": ")
    }
}

/// Reads a commit whose id a user gave.
///
/// # Errors
/// `UnknownCommit` if the repository has no object with this id, or that object is not a commit.
pub(crate) fn read(repo: &gix::Repository, id: CommitId) -> Result<Commit> {
    decode(id, &data(repo, id)?)
}

/// Reads a commit to which another object or a ref points. Also returns the commit's committer time, in seconds since 1970.
pub(crate) fn read_dated(repo: &gix::Repository, id: CommitId) -> Result<(i64, Commit)> {
    let data = data(repo, id).map_err(linked)?;
    let commit = RawCommit::parse(id, &data)?;
    // git also treats a commit without a readable time as the oldest.
    let date_s = commit.committer().date_s.unwrap_or(0);
    Ok((date_s, convert(id, &commit)))
}

fn data(repo: &gix::Repository, id: CommitId) -> Result<Vec<u8>> {
    let oid = object_id(repo, id.as_bytes()).ok_or(Error::UnknownCommit(id))?;
    let object = find_object(repo, oid)
        .map_err(Error::database(format!("read commit {id}")))?
        .filter(|object| object.kind == gix::objs::Kind::Commit)
        .ok_or(Error::UnknownCommit(id))?;
    Ok(object.detach().data)
}

/// Reads a commit to which another object or a ref points.
///
/// # Errors
/// `Missing` if the commit does not exist: the repository is damaged, or a `gc` removed the commit.
pub(crate) fn read_linked(repo: &gix::Repository, id: CommitId) -> Result<Commit> {
    read(repo, id).map_err(linked)
}

fn linked(error: Error) -> Error {
    match error {
        Error::UnknownCommit(id) => Error::Missing { id: id.to_string() },
        other => other,
    }
}

/// Decodes a commit. The author is decoded as far as possible: see `raw_commit.rs`.
///
/// # Errors
/// The commit does not begin with a tree, or a parent is not an object id.
pub(crate) fn decode(id: CommitId, data: &[u8]) -> Result<Commit> {
    Ok(convert(id, &RawCommit::parse(id, data)?))
}

fn convert(id: CommitId, commit: &RawCommit<'_>) -> Commit {
    let author = commit.author();
    Commit {
        id,
        parents: commit.parents.iter().map(|id| commit_id(id)).collect(),
        tree: TreeId(commit.tree),
        author: author.name,
        mail: author.mail,
        date_s: author.date_s.unwrap_or(0),
        message: commit.message.to_str_lossy().trim_end().to_owned(),
        is_signed: commit.is_signed,
    }
}

/// A new commit by `author`. Its committer is wasmstore, and its author time and committer time are the time at which it is encoded.
pub(crate) struct NewCommit<'a> {
    pub tree: gix::ObjectId,
    pub parents: Vec<gix::ObjectId>,
    pub author: &'a Author,
    pub message: String,
}

/// Encodes a new commit.
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

/// Returns the signature of `author` at the current time, in UTC.
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
