//! Parses a manifest strictly: exactly the texts that `encode` writes are accepted.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use super::{
    FORMAT, HISTORY_COUNT, MANIFEST_BYTES_MAX, Manifest, PeerKeyHex, REQUESTS_COUNT, is_request_id,
    is_writer_url,
};
use crate::bucket::snapshot::is_snapshot_key;
use crate::names::{BranchName, ObjectId, RefName, printable};
use crate::repo::{AppliedRequest, ObjectFormat, PackKey};

/// The error for a text that is not a valid manifest, or that has a format of a later version of wasmstore.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the manifest is invalid: {0}")]
pub struct InvalidManifest(pub String);

type Result<T> = std::result::Result<T, InvalidManifest>;

pub(super) fn parse(bytes: &[u8]) -> Result<Manifest> {
    if bytes.len() > MANIFEST_BYTES_MAX {
        return fail(format!(
            "it has {} bytes, and at most {MANIFEST_BYTES_MAX} are allowed",
            bytes.len()
        ));
    }
    let text = str::from_utf8(bytes).or_else(|_| fail("it is not text"))?;
    check_format(text)?;
    let Some(text) = text.strip_suffix("\nend\n") else {
        return fail("it is truncated: its last line is not `end`");
    };
    let mut lines = Lines::new(text);
    lines.next_value("wasmstore-manifest")?;
    let mut manifest = Manifest {
        generation: number(lines.next_value("generation")?)?,
        batch: digits(lines.next_value("batch")?, 32)?,
        store: digits(lines.next_value("store")?, 32)?,
        peer_key: PeerKeyHex(digits(lines.next_value("peer-key")?, 64)?),
        writer: writer(lines.next_value("writer")?)?,
        head: {
            let head = lines.next_value("head")?;
            BranchName::parse(head).or_else(|error| fail(error.to_string()))?
        },
        object_format: object_format(lines.next_value("object-format")?)?,
        floor: number(lines.next_value("floor")?)?,
        snapshot: snapshot(lines.next_value("refs")?)?,
        requests_since: number(lines.next_value("requests-since")?)?,
        changed: BTreeMap::new(),
        packs: Arc::default(),
        requests: Arc::default(),
        batches: Vec::new(),
    };
    if manifest.floor > manifest.generation {
        return fail("its floor is above its generation");
    }
    let format = manifest.object_format;
    manifest.changed = refs(&mut lines, format)?;
    manifest.packs = Arc::new(packs(&mut lines, format, manifest.generation)?);
    manifest.requests = Arc::new(requests(&mut lines, format)?);
    manifest.batches = batches(&mut lines, &manifest.batch)?;
    match lines.rest.next() {
        None => Ok(manifest),
        Some(line) => fail(format!(
            "line {} is unexpected: {:?}",
            lines.number + 1,
            shown(line)
        )),
    }
}

fn check_format(text: &str) -> Result<()> {
    let first = text.split('\n').next().unwrap_or_default();
    match first.strip_prefix("wasmstore-manifest ") {
        _ if first == FORMAT => Ok(()),
        Some(version) => fail(format!(
            "it has format {:?}, and this version of wasmstore knows format 1 only; upgrade wasmstore",
            shown(version)
        )),
        None => fail(format!(
            "it does not start with {FORMAT:?}; another program wrote it"
        )),
    }
}

/// The lines of a manifest that are not parsed yet.
struct Lines<'a> {
    rest: std::iter::Peekable<std::str::Split<'a, char>>,
    /// The number of lines that are parsed already.
    number: usize,
}

impl<'a> Lines<'a> {
    fn new(text: &'a str) -> Self {
        Self {
            rest: text.split('\n').peekable(),
            number: 0,
        }
    }

    /// Returns the value of the next line, whose keyword must be `keyword`.
    fn next_value(&mut self, keyword: &str) -> Result<&'a str> {
        match self.next_if(keyword) {
            Some(value) => Ok(value),
            None => fail(format!(
                "line {} is not the line {keyword:?}",
                self.number + 1
            )),
        }
    }

    /// Returns the value of the next line if the line has this keyword. Otherwise returns `None`, and does not consume the line.
    fn next_if(&mut self, keyword: &str) -> Option<&'a str> {
        let value = self.rest.peek()?.strip_prefix(keyword)?.strip_prefix(' ')?;
        self.rest.next();
        self.number += 1;
        Some(value)
    }

    /// Adds the number of the line that was parsed last to the error of `result`.
    fn at<T>(&self, result: Result<T>) -> Result<T> {
        result.map_err(|InvalidManifest(reason)| {
            InvalidManifest(format!("line {}: {reason}", self.number))
        })
    }
}

fn refs(
    lines: &mut Lines<'_>,
    format: ObjectFormat,
) -> Result<BTreeMap<RefName, Option<ObjectId>>> {
    let mut refs = BTreeMap::new();
    let mut last = "";
    while let Some(line) = lines.next_if("ref") {
        let Some((id, name)) = line.split_once(' ') else {
            return lines.at(fail("a ref has an id and a name"));
        };
        if name <= last {
            return lines.at(fail("the refs are not sorted, or one appears twice"));
        }
        last = name;
        let parsed = RefName::parse(name).or_else(|error| fail(error.to_string()));
        refs.insert(lines.at(parsed)?, lines.at(optional_id(id, format))?);
    }
    Ok(refs)
}

fn packs(lines: &mut Lines<'_>, format: ObjectFormat, newest: u64) -> Result<Vec<PackKey>> {
    let (mut packs, mut seen) = (Vec::new(), HashSet::new());
    while let Some(line) = lines.next_if("pack") {
        let fields: Vec<_> = line.split(' ').collect();
        let [generation, checksum, size] = fields[..] else {
            return lines.at(fail("a pack has a generation, a checksum and a size"));
        };
        let key = PackKey {
            generation: lines.at(number(generation))?,
            checksum: lines.at(id(checksum, format))?.to_string(),
            size_bytes: lines.at(number(size))?,
        };
        if !seen.insert(checksum) {
            return lines.at(fail("the pack appears twice"));
        }
        if key.generation > newest {
            return lines.at(fail("the pack is newer than the manifest"));
        }
        packs.push(key);
    }
    Ok(packs)
}

fn requests(lines: &mut Lines<'_>, format: ObjectFormat) -> Result<Vec<AppliedRequest>> {
    let (mut requests, mut seen) = (Vec::new(), HashSet::new());
    while let Some(line) = lines.next_if("request") {
        let fields: Vec<_> = line.split(' ').collect();
        let [generation, id, before, after] = fields[..] else {
            return lines.at(fail("a request has a generation, an id and two tips"));
        };
        if !is_request_id(id) || !seen.insert(id) {
            return lines.at(fail("the id of the request is invalid or appears twice"));
        }
        requests.push(AppliedRequest {
            id: id.to_owned(),
            generation: lines.at(number(generation))?,
            before: lines.at(optional_id(before, format))?,
            after: lines.at(optional_id(after, format))?,
        });
    }
    match requests.len() {
        0..=REQUESTS_COUNT => Ok(requests),
        count => fail(format!(
            "it has {count} requests, and at most {REQUESTS_COUNT} are allowed"
        )),
    }
}

fn batches(lines: &mut Lines<'_>, current: &str) -> Result<Vec<String>> {
    let (mut batches, mut seen) = (Vec::new(), HashSet::from([current]));
    while let Some(batch) = lines.next_if("batch-done") {
        if !seen.insert(batch) {
            return lines.at(fail("the batch appears twice"));
        }
        batches.push(lines.at(digits(batch, 32))?);
    }
    match batches.len() {
        0..=HISTORY_COUNT => Ok(batches),
        count => fail(format!(
            "it has {count} batches, and at most {HISTORY_COUNT} are allowed"
        )),
    }
}

fn number(text: &str) -> Result<u64> {
    let parsed = text.parse::<u64>().ok();
    match parsed.filter(|number| number.to_string() == text) {
        Some(number) => Ok(number),
        None => fail(format!("{:?} is not a number", shown(text))),
    }
}

fn digits(text: &str, count: usize) -> Result<String> {
    let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    if text.len() == count && text.bytes().all(is_digit) {
        Ok(text.to_owned())
    } else {
        fail(format!(
            "{:?} is not {count} hex digits in lower case",
            shown(text)
        ))
    }
}

fn id(text: &str, format: ObjectFormat) -> Result<ObjectId> {
    let parsed = ObjectId::parse(text).filter(|id| {
        let is_format = matches!(
            (id, format),
            (ObjectId::Sha1(_), ObjectFormat::Sha1) | (ObjectId::Sha256(_), ObjectFormat::Sha256)
        );
        is_format && id.to_string() == text
    });
    match parsed {
        Some(id) => Ok(id),
        None => fail(format!("{:?} is not a {} id", shown(text), format.as_str())),
    }
}

fn optional_id(text: &str, format: ObjectFormat) -> Result<Option<ObjectId>> {
    if text == "-" {
        return Ok(None);
    }
    id(text, format).map(Some)
}

fn writer(text: &str) -> Result<Option<String>> {
    match text {
        "-" => Ok(None),
        url if is_writer_url(url) => Ok(Some(url.to_owned())),
        other => fail(format!("{:?} is not the URL of a writer", shown(other))),
    }
}

fn object_format(text: &str) -> Result<ObjectFormat> {
    let formats = [ObjectFormat::Sha1, ObjectFormat::Sha256];
    match formats.into_iter().find(|format| format.as_str() == text) {
        Some(format) => Ok(format),
        None => fail(format!("the object format {:?} is unknown", shown(text))),
    }
}

fn snapshot(text: &str) -> Result<Option<String>> {
    match text {
        "-" => Ok(None),
        key if is_snapshot_key(key) => Ok(Some(key.to_owned())),
        other => fail(format!("{:?} is not the key of a snapshot", shown(other))),
    }
}

/// Returns the first 80 characters of a text from the manifest, for an error message.
fn shown(text: &str) -> String {
    printable(&text.chars().take(80).collect::<String>())
}

fn fail<T>(reason: impl Into<String>) -> Result<T> {
    Err(InvalidManifest(reason.into()))
}
