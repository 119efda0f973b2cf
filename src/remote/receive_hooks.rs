//! Implements the hooks with which wasmstore validates and publishes a push (githooks(5)). git-receive-pack(1) runs them.
//!
//! git stores the pushed objects in a quarantine directory and runs `pre-receive`, which validates the push. If that hook rejects the push,
//! git deletes the objects. Otherwise git moves the objects into the store and runs `proc-receive`. That hook validates the push again,
//! because between the two hooks other processes may have moved a ref or deleted an object. Then it moves the refs, with the same locks and
//! fsyncs as any other write.

use std::io::{self, BufRead, Read, Write};
use std::path::Path;

use gix_packetline::PacketLineRef;
use gix_packetline::blocking_io::{StreamingPeekableIter, encode};

use super::error::{Error, Result};
use crate::git::Git;
use crate::names::{ObjectId, RefName};
use crate::store::{Atomicity, Objection, PushHooks, Pusher, RefUpdate, Store, chain};

/// The maximum number of refs that one push may update.
const UPDATES_MAX: usize = 4096;
/// The maximum average length of the input lines of a hook, in bytes. Each line has two ids and the name of a ref.
const LINE_BYTES_MAX: u64 = 2048;
/// The first version of git that runs the hook `proc-receive`. An older git would move the refs itself, without wasmstore's locks and
/// checks.
const GIT_VERSION_MIN: (u32, u32) = (2, 29);

/// The reason why the input of a hook could not be parsed as ref updates.
enum InputError {
    /// The client's push is invalid. The hook rejects it with this objection.
    Rejected(Objection),
    /// git did not follow the protocol of the hook.
    Failed(Error),
}

impl From<Error> for InputError {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

/// Runs the hook `pre-receive`: reads the ref updates of the push from `input`, one `OLD NEW NAME` per line, and returns the objections to
/// them. The pushed objects are in the directory `quarantine`, which is `None` if the push contains no objects.
///
/// # Errors
/// The input is not in git's format; the store cannot be read.
pub fn pre_receive(
    store: &Store,
    input: impl BufRead,
    quarantine: Option<&Path>,
    pusher: &Pusher,
) -> Result<Vec<Objection>> {
    if let Some(objection) = hooks_objection(store)? {
        return Ok(vec![objection]);
    }
    let lines = match read_lines(input) {
        Ok(lines) => lines,
        Err(InputError::Rejected(objection)) => return Ok(vec![objection]),
        Err(InputError::Failed(error)) => return Err(error),
    };
    let (mut updates, mut objections) = (Vec::new(), Vec::new());
    for line in lines {
        match parse_update(&line) {
            Ok(update) => updates.push(update),
            Err(InputError::Rejected(objection)) => objections.push(objection),
            Err(InputError::Failed(error)) => return Err(error),
        }
    }
    if objections.is_empty() {
        Ok(store.check_push(quarantine, &updates, pusher)?)
    } else {
        Ok(objections)
    }
}

/// Returns an objection if git would not run the hook `proc-receive` after `pre-receive`, and would move the refs itself.
fn hooks_objection(store: &Store) -> Result<Option<Objection>> {
    let reason = match (store.push_hooks()?, git_version(store)) {
        (_, Some(version)) if version < GIT_VERSION_MIN => {
            let (major, minor) = GIT_VERSION_MIN;
            format!("pushing needs git {major}.{minor} or newer on the store's machine")
        }
        (PushHooks::Installed, _) => return Ok(None),
        (PushHooks::Foreign(path), _) => format!("the hook {path:?} was not written by wasmstore"),
        (PushHooks::NoExec, _) => "its file system is mounted with noexec".to_owned(),
        (PushHooks::Missing(what), _) => {
            format!("{what} is missing: run `wasmstore init` on the store's machine")
        }
    };
    let subject = "the store".to_owned();
    Ok(Some(Objection { subject, reason }))
}

fn git_version(store: &Store) -> Option<(u32, u32)> {
    Git::find(store.root())?.version()
}

/// Reads the lines of `input`. Rejects the push if there are too many lines, or if they are too long.
fn read_lines(input: impl BufRead) -> Result<Vec<Vec<u8>>, InputError> {
    let bytes_max = UPDATES_MAX as u64 * LINE_BYTES_MAX;
    let mut input = input.take(bytes_max + 1);
    let lines = input
        .by_ref()
        .split(b'\n')
        .collect::<io::Result<Vec<_>>>()
        .map_err(Error::HookProtocol)?;
    let subject = if lines.len() > UPDATES_MAX {
        format!("the push updates more than {UPDATES_MAX} refs")
    } else if input.limit() == 0 {
        "the names of the refs that the push updates are too long".to_owned()
    } else {
        return Ok(lines);
    };
    let reason = "push fewer refs at a time".to_owned();
    Err(InputError::Rejected(Objection { subject, reason }))
}

/// Parses a line `OLD NEW NAME`. An id of zeros stands for a ref that does not exist before or after the push (githooks(5), pre-receive).
fn parse_update(line: &[u8]) -> Result<RefUpdate, InputError> {
    let text = String::from_utf8_lossy(line);
    let mut parts = text.splitn(3, ' ');
    let mut part = || {
        parts
            .next()
            .ok_or_else(|| Error::hook_protocol(format!("the line {text:?}")))
    };
    let (old, new, name) = (parse_id(part()?)?, parse_id(part()?)?, part()?);
    let reason = match RefName::parse(name) {
        _ if std::str::from_utf8(line).is_err() => "the name of a ref is not UTF-8".to_owned(),
        Ok(RefName::Oci) => "only OCI clients change this ref, through the registry API".to_owned(),
        Ok(name) => return Ok(RefUpdate { name, old, new }),
        Err(error) => error.to_string(),
    };
    let subject = name.escape_debug().to_string();
    Err(InputError::Rejected(Objection { subject, reason }))
}

fn parse_id(text: &str) -> Result<Option<ObjectId>> {
    if !text.is_empty() && text.bytes().all(|byte| byte == b'0') {
        return Ok(None);
    }
    let id = ObjectId::parse(text);
    Ok(Some(id.ok_or_else(|| {
        Error::hook_protocol(format!("the id {text:?}"))
    })?))
}

/// Runs the hook `proc-receive`: communicates with git in version 1 of the hook's protocol, and publishes the push. Reports errors of the
/// store to git as the reason why the refs were not updated.
///
/// # Errors
/// git does not follow the protocol; the connection to git fails.
pub fn proc_receive(
    store: &Store,
    input: impl Read,
    mut output: impl Write,
    pusher: &Pusher,
) -> Result<()> {
    let mut lines = StreamingPeekableIter::new(input, &[PacketLineRef::Flush], false);
    let greeting = read_packets(&mut lines)?;
    let atomicity = parse_greeting(greeting.first().map(Vec::as_slice).unwrap_or_default())?;
    let sent = encode::data_to_write(b"version=1", &mut output)
        .and_then(|_| encode::flush_to_write(&mut output));
    sent.and_then(|_| output.flush())
        .map_err(Error::HookProtocol)?;
    let mut updates = Vec::new();
    for line in read_packets(&mut lines)? {
        match parse_update(line.trim_ascii_end()) {
            Ok(update) => updates.push(update),
            // This cannot happen unless git misbehaves, because `pre_receive` has rejected such a push.
            Err(InputError::Rejected(objection)) => {
                return Err(Error::hook_protocol(objection.to_string()));
            }
            Err(InputError::Failed(error)) => return Err(error),
        }
    }
    let results = publish(store, &updates, pusher, atomicity)?;
    for (update, result) in updates.iter().zip(&results) {
        let line = match result {
            Ok(()) => format!("ok {}", update.name),
            Err(reason) => format!("ng {} {reason}", update.name),
        };
        encode::data_to_write(line.as_bytes(), &mut output).map_err(Error::HookProtocol)?;
    }
    encode::flush_to_write(&mut output)
        .and_then(|_| output.flush())
        .map_err(Error::HookProtocol)
}

/// Publishes the push. Returns one result per update; the error is the reason why the update failed.
fn publish(
    store: &Store,
    updates: &[RefUpdate],
    pusher: &Pusher,
    atomicity: Atomicity,
) -> Result<Vec<Result<(), String>>> {
    let failed = |reason: String| vec![Err(reason); updates.len()];
    if let Some(objection) = hooks_objection(store)? {
        return Ok(failed(objection.to_string()));
    }
    Ok(
        match store.publish_push(updates, pusher.drop_policy, atomicity) {
            Ok(results) => results
                .into_iter()
                .map(|result| result.map_err(|refusal| refusal.to_string()))
                .collect(),
            Err(error) => failed(chain(&error)),
        },
    )
}

/// Parses the first packet from git: `version=1`, followed by a NUL and the requested capabilities, which are separated by spaces.
fn parse_greeting(greeting: &[u8]) -> Result<Atomicity> {
    let greeting = String::from_utf8_lossy(greeting);
    let (version, capabilities) = greeting
        .trim_end()
        .split_once('\0')
        .unwrap_or((greeting.trim_end(), ""));
    if version != "version=1" {
        return Err(Error::hook_protocol(format!("the greeting {version:?}")));
    }
    let is_atomic = capabilities.split(' ').any(|name| name == "atomic");
    Ok(if is_atomic {
        Atomicity::AllOrNothing
    } else {
        Atomicity::PerRef
    })
}

/// Reads the packets from git up to the next flush packet (gitprotocol-common(5)).
fn read_packets<R: Read>(lines: &mut StreamingPeekableIter<R>) -> Result<Vec<Vec<u8>>> {
    let mut packets = Vec::new();
    while let Some(line) = lines.read_line() {
        let packet = line
            .map_err(Error::HookProtocol)?
            .map_err(|error| Error::hook_protocol(error.to_string()))?;
        packets.push(packet.as_slice().unwrap_or_default().to_vec());
        if packets.len() > UPDATES_MAX {
            return Err(Error::hook_protocol(format!(
                "more than {UPDATES_MAX} refs"
            )));
        }
    }
    if lines.stopped_at() != Some(PacketLineRef::Flush) {
        return Err(Error::HookProtocol(io::ErrorKind::UnexpectedEof.into()));
    }
    lines.reset();
    Ok(packets)
}
