//! Reading commit objects as leniently as git reads them.
//!
//! Other programs have written commits that `git fsck` reports as malformed but git can read: without a mail address, with a date that is
//! not a number, without an author. git needs only the tree and the parents, which come first and in this order, and the committer time
//! (`parse_commit_buffer` in git's commit.c). gix rejects the whole commit if the author or the committer is malformed, so commits are read
//! here. [`LenientObjects`] lets gix walk such a history.

use gix::bstr::ByteSlice;
use gix::objs::{Data, Find, Kind};

use crate::repo::error::{Error, Result};
use crate::repo::objects::copies::find_object;

/// A commit whose tree and parents are well-formed. Everything else may be malformed.
pub(crate) struct RawCommit<'d> {
    pub tree: gix::ObjectId,
    /// The parents, in the order of the commit. A parent that the commit repeats is repeated here.
    pub parents: Vec<gix::ObjectId>,
    /// The value of the header `author`; `None` if there is none.
    author: Option<&'d [u8]>,
    /// The value of the header `committer`; `None` if there is none.
    committer: Option<&'d [u8]>,
    /// The commit message: everything after the first empty line.
    pub message: &'d [u8],
    has_message: bool,
    /// Whether the commit has a signature (header `gpgsig` or `gpgsig-sha256`, also for ssh keys). The signature is not checked.
    pub is_signed: bool,
}

/// The person and the time in a header `author`, `committer` or `tagger`, as far as they can be read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Signature {
    /// The name. If there is no mail address in angle brackets, it is everything before the time.
    pub name: String,
    /// The mail address; empty if there is none.
    pub mail: String,
    /// The time in seconds since 1970-01-01 UTC; `None` if it is missing or is not a 64-bit number.
    pub date_s: Option<i64>,
    /// Why the header is malformed; `None` if it is well-formed.
    pub fault: Option<&'static str>,
}

impl<'d> RawCommit<'d> {
    /// Reads a commit's encoded form.
    ///
    /// # Errors
    /// The commit does not begin with a tree, or a parent is not an object id.
    pub(crate) fn parse(id: impl std::fmt::Display, data: &'d [u8]) -> Result<Self> {
        let malformed = |reason: &str| Error::database(format!("decode commit {id}"))(reason);
        let mut lines = Lines(data);
        let tree = lines.value_of(b"tree").and_then(object_id);
        let tree = tree.ok_or_else(|| malformed("it does not begin with a tree"))?;
        let mut parents = Vec::new();
        while let Some(parent) = lines.value_of(b"parent") {
            parents.push(object_id(parent).ok_or_else(|| malformed("a parent is not an id"))?);
        }
        let (mut author, mut committer) = (None, None);
        let (mut has_message, mut is_signed) = (false, false);
        for line in lines.by_ref() {
            has_message = line.is_empty();
            if has_message {
                break;
            }
            // A SHA-256 store has `gpgsig-sha256`.
            is_signed = is_signed || line.starts_with(b"gpgsig");
            for (name, value) in [("author ", &mut author), ("committer ", &mut committer)] {
                if value.is_none() {
                    *value = line.strip_prefix(name.as_bytes());
                }
            }
        }
        Ok(Self {
            tree,
            parents,
            author,
            committer,
            message: lines.0,
            has_message,
            is_signed,
        })
    }

    /// Returns one description for each malformed part of the commit.
    pub(crate) fn faults(&self) -> Vec<String> {
        let signatures = [("author", self.author()), ("committer", self.committer())];
        let faults = signatures.into_iter().filter_map(|(name, signature)| {
            let fault = signature.fault?;
            Some(format!("its {name} {fault}"))
        });
        let unended = (!self.has_message).then(|| "its headers do not end".to_owned());
        faults.chain(unended).collect()
    }

    /// Returns the author.
    pub(crate) fn author(&self) -> Signature {
        Signature::read(self.author)
    }

    /// Returns the committer.
    pub(crate) fn committer(&self) -> Signature {
        Signature::read(self.committer)
    }
}

impl Signature {
    /// Reads the value of a header. `value` is `None` if the header is missing.
    pub(crate) fn read(value: Option<&[u8]>) -> Self {
        let Some(value) = value else {
            return Self {
                fault: Some("is missing"),
                ..Self::default()
            };
        };
        // git looks for the last `>` to find the time, because a name or an address may contain a `>`.
        let (person, time) = match value.rfind_byte(b'>') {
            Some(end) => value.split_at(end + 1),
            None => split_time(value),
        };
        let (name, mail) = match person.find_byte(b'<') {
            Some(start) => (&person[..start], &person[start + 1..]),
            None => (person, &b""[..]),
        };
        let is_mail_closed = mail.find_byte(b'>') == mail.len().checked_sub(1);
        let mail = mail.split(|byte| *byte == b'>').next().unwrap_or_default();
        let date_s = date(time);
        let has_brackets = person.contains(&b'<') && is_mail_closed && !mail.contains(&b'<');
        let fault = if !has_brackets || name.contains(&b'>') {
            Some("has no mail address in angle brackets")
        } else if date_s.is_none() {
            Some("has no time, or one that is not a number of 64 bits")
        } else if !is_time(time) {
            Some("has a time that is not seconds and an offset such as +0000")
        } else {
            None
        };
        Self {
            name: name.to_str_lossy().trim().to_owned(),
            mail: mail.to_str_lossy().trim().to_owned(),
            date_s,
            fault,
        }
    }
}

/// The lines of an encoded commit that were not read yet.
struct Lines<'d>(&'d [u8]);

impl<'d> Lines<'d> {
    /// If the next line is the header `name`, skips the line and returns its value.
    fn value_of(&mut self, name: &[u8]) -> Option<&'d [u8]> {
        if self.0.strip_prefix(name)?.first() != Some(&b' ') {
            return None;
        }
        self.next().map(|line| &line[name.len() + 1..])
    }
}

impl<'d> Iterator for Lines<'d> {
    type Item = &'d [u8];

    fn next(&mut self) -> Option<&'d [u8]> {
        if self.0.is_empty() {
            return None;
        }
        let end = self.0.find_byte(b'\n').unwrap_or(self.0.len());
        let line = &self.0[..end];
        self.0 = self.0.get(end + 1..).unwrap_or_default();
        Some(line)
    }
}

fn object_id(hex: &[u8]) -> Option<gix::ObjectId> {
    gix::ObjectId::from_hex(hex).ok()
}

/// Splits off the digits, signs and spaces at the end: the seconds and the offset of the time zone.
fn split_time(value: &[u8]) -> (&[u8], &[u8]) {
    let is_number = |byte: &u8| byte.is_ascii_digit() || b"+- ".contains(byte);
    let start = value.iter().rposition(|byte| !is_number(byte));
    value.split_at(start.map_or(0, |start| start + 1))
}

/// Returns the number at the beginning of a time; `None` if no number is there, or if it does not fit into 64 bits.
fn date(time: &[u8]) -> Option<i64> {
    let time = time.trim_ascii_start();
    let digits = time.iter().skip(usize::from(time.starts_with(b"-")));
    let length = digits.take_while(|byte| byte.is_ascii_digit()).count();
    let end = length + usize::from(time.starts_with(b"-"));
    std::str::from_utf8(&time[..end]).ok()?.parse().ok()
}

/// Returns whether a time is well-formed: ` <seconds> <offset>`.
fn is_time(time: &[u8]) -> bool {
    let fields: Vec<_> = time.split(|byte| *byte == b' ').collect();
    let is_digits = |text: &[u8]| !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    match fields.as_slice() {
        [b"", seconds, [b'+' | b'-', offset @ ..]] => is_digits(seconds) && is_digits(offset),
        _ => false,
    }
}

/// The objects of a repository for gix's walks over commits. Each commit is replaced by a well-formed commit with the same tree, parents
/// and committer time.
pub(crate) struct LenientObjects<'r>(pub &'r gix::Repository);

impl Find for LenientObjects<'_> {
    fn try_find<'b>(
        &self,
        id: &gix::oid,
        buffer: &'b mut Vec<u8>,
    ) -> gix::error::Result<Option<Data<'b>>> {
        let Some(mut found) = find_object(self.0, id.to_owned())? else {
            return Ok(None);
        };
        let (kind, object_hash) = (found.kind, found.id.kind());
        // Returns the walk's buffer to those that gix uses again.
        std::mem::swap(buffer, &mut found.data);
        if kind == Kind::Commit
            && let Ok(commit) = RawCommit::parse(id, buffer)
        {
            *buffer = well_formed(&commit);
        }
        Ok(Some(Data::new(buffer, kind, object_hash)))
    }
}

fn well_formed(commit: &RawCommit<'_>) -> Vec<u8> {
    let parents = commit.parents.iter();
    let parents: String = parents.map(|id| format!("parent {id}\n")).collect();
    let (tree, date_s) = (commit.tree, commit.committer().date_s.unwrap_or(0));
    format!("tree {tree}\n{parents}author a <> {date_s} +0000\ncommitter a <> {date_s} +0000\n\n")
        .into_bytes()
}

#[cfg(test)]
mod tests;
