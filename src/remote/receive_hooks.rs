//! The hooks through which git-receive-pack(1) has a push checked and published (githooks(5)).
//!
//! git stores what is pushed in quarantine, and asks `pre-receive`: a refusal leaves nothing of it. Then it moves the objects into
//! the store, and asks `proc-receive` to move the refs. That is done as any change is, and judged once more: others may have
//! moved a ref or collected an object between the two.

use std::io::{self, BufRead, Read, Write};
use std::path::Path;

use gix_packetline::PacketLineRef;
use gix_packetline::blocking_io::{StreamingPeekableIter, encode};

use super::error::{Error, Result};
use crate::git::Git;
use crate::names::{ObjectId, RefName};
use crate::store::{Guarded, Objection, Pusher, RefUpdate, Store, Together, chain};

/// How many refs one push may update.
const UPDATES_MAX: usize = 4096;
/// How long the line about a ref may be, in bytes, on average: two ids and a name.
const LINE_BYTES_MAX: u64 = 2048;
/// The first git with the hook `proc-receive`; one before it would move the refs itself.
const GIT_NEEDED: (u32, u32) = (2, 29);

/// The hook `pre-receive`: reads from `input` which refs are to be updated, `OLD NEW NAME` a line, and says what is wrong with
/// that. The objects are in the folder `quarantine`; without it the push brings none.
///
/// # Errors
/// The input is not what git writes; the store cannot be read.
pub fn pre_receive(
    store: &Store,
    input: impl BufRead,
    quarantine: Option<&Path>,
    pusher: &Pusher,
) -> Result<Vec<Objection>> {
    if let Some(objection) = unguarded(store)? {
        return Ok(vec![objection]);
    }
    let mut updates = Vec::new();
    let mut objections = Vec::new();
    let lines = match lines(input)? {
        Ok(lines) => lines,
        Err(objection) => return Ok(vec![objection]),
    };
    for line in lines {
        match update(&line)? {
            Ok(update) => updates.push(update),
            Err(objection) => objections.push(objection),
        }
    }
    match objections.is_empty() {
        true => Ok(store.check_push(quarantine, &updates, pusher)?),
        false => Ok(objections),
    }
}

/// What would have git move the refs by itself, once the check is passed.
fn unguarded(store: &Store) -> Result<Option<Objection>> {
    let reason = match (store.push_hooks()?, git_version(store)) {
        (_, Some(version)) if version < GIT_NEEDED => {
            let (major, minor) = GIT_NEEDED;
            format!("pushing needs git {major}.{minor} or newer on the store's machine")
        }
        (Guarded::Yes, _) => return Ok(None),
        (Guarded::Foreign(path), _) => format!("{path:?} is not the store's own"),
        (Guarded::Missing(what), _) => format!("{what} is missing: run `wasmstore init` there"),
    };
    let subject = "the store".to_owned();
    Ok(Some(Objection { subject, reason }))
}

fn git_version(store: &Store) -> Option<(u32, u32)> {
    Git::find(store.root())?.version()
}

/// The lines, unless they are more than one push may have.
fn lines(input: impl BufRead) -> Result<Result<Vec<Vec<u8>>, Objection>> {
    let most = UPDATES_MAX as u64 * LINE_BYTES_MAX;
    let mut input = input.take(most + 1);
    let lines: io::Result<Vec<_>> = input.by_ref().split(b'\n').collect();
    let lines = lines.map_err(Error::HookProtocol)?;
    let subject = if lines.len() > UPDATES_MAX {
        format!("the push updates more than {UPDATES_MAX} refs")
    } else if input.limit() == 0 {
        "the names of the refs that the push updates are too long".to_owned()
    } else {
        return Ok(Ok(lines));
    };
    let reason = "push fewer at a time".to_owned();
    Ok(Err(Objection { subject, reason }))
}

/// Reads `OLD NEW NAME`, where zeros stand for a ref that is not there (githooks(5), pre-receive).
fn update(line: &[u8]) -> Result<Result<RefUpdate, Objection>> {
    let text = String::from_utf8_lossy(line);
    let mut parts = text.splitn(3, ' ');
    let mut part = || {
        parts
            .next()
            .ok_or_else(|| Error::hook(format!("the line {text:?}")))
    };
    let (old, new, name) = (id(part()?)?, id(part()?)?, part()?);
    let reason = match RefName::parse(name) {
        _ if std::str::from_utf8(line).is_err() => "the name of a ref is not UTF-8".to_owned(),
        Ok(name) => return Ok(Ok(RefUpdate { name, old, new })),
        Err(error) => error.to_string(),
    };
    let subject = name.escape_debug().to_string();
    Ok(Err(Objection { subject, reason }))
}

fn id(text: &str) -> Result<Option<ObjectId>> {
    if !text.is_empty() && text.bytes().all(|byte| byte == b'0') {
        return Ok(None);
    }
    let id = ObjectId::parse(text).ok_or_else(|| Error::hook(format!("the id {text:?}")))?;
    Ok(Some(id))
}

/// The hook `proc-receive`: speaks its protocol, version 1, with git, and publishes the push.
///
/// # Errors
/// git does not keep to the protocol; the connection to it fails. What goes wrong in the store is told to git.
pub fn proc_receive(
    store: &Store,
    input: impl Read,
    mut output: impl Write,
    pusher: &Pusher,
) -> Result<()> {
    let mut lines = StreamingPeekableIter::new(input, &[PacketLineRef::Flush], false);
    let greeting = packets(&mut lines)?;
    let together = together(greeting.first().map(Vec::as_slice).unwrap_or_default())?;
    let sent = encode::data_to_write(b"version=1", &mut output)
        .and_then(|_| encode::flush_to_write(&mut output));
    sent.and_then(|_| output.flush())
        .map_err(Error::HookProtocol)?;
    let mut updates = Vec::new();
    for line in packets(&mut lines)? {
        match update(line.trim_ascii_end())? {
            Ok(update) => updates.push(update),
            // `check` has refused it.
            Err(objection) => return Err(Error::hook(objection.to_string())),
        }
    }
    let done = match unguarded(store)? {
        Some(objection) => vec![Err(objection.to_string()); updates.len()],
        None => match store.publish_push(&updates, pusher.dropping, together) {
            Ok(done) => done
                .into_iter()
                .map(|done| done.map_err(|refusal| refusal.to_string()))
                .collect(),
            Err(error) => vec![Err(chain(&error)); updates.len()],
        },
    };
    for (update, done) in updates.iter().zip(&done) {
        let line = match done {
            Ok(()) => format!("ok {}", update.name),
            Err(reason) => format!("ng {} {reason}", update.name),
        };
        encode::data_to_write(line.as_bytes(), &mut output).map_err(Error::HookProtocol)?;
    }
    encode::flush_to_write(&mut output)
        .and_then(|_| output.flush())
        .map_err(Error::HookProtocol)
}

/// `version=1`, and after a NUL what the push wants, separated by spaces.
fn together(greeting: &[u8]) -> Result<Together> {
    let greeting = String::from_utf8_lossy(greeting);
    let (version, wanted) = greeting
        .trim_end()
        .split_once('\0')
        .unwrap_or((greeting.trim_end(), ""));
    if version != "version=1" {
        return Err(Error::hook(format!("the greeting {version:?}")));
    }
    Ok(match wanted.split(' ').any(|wanted| wanted == "atomic") {
        true => Together::All,
        false => Together::Each,
    })
}

/// The packets up to the next flush packet (gitprotocol-common(5)).
fn packets<R: Read>(lines: &mut StreamingPeekableIter<R>) -> Result<Vec<Vec<u8>>> {
    let mut packets = Vec::new();
    while let Some(line) = lines.read_line() {
        let line = line.map_err(Error::HookProtocol)?;
        let line = line.map_err(|error| Error::hook(error.to_string()))?;
        packets.push(line.as_slice().unwrap_or_default().to_vec());
        if packets.len() > UPDATES_MAX {
            return Err(Error::hook(format!("more than {UPDATES_MAX} refs")));
        }
    }
    if lines.stopped_at() != Some(PacketLineRef::Flush) {
        return Err(Error::HookProtocol(io::ErrorKind::UnexpectedEof.into()));
    }
    lines.reset();
    Ok(packets)
}
