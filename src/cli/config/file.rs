//! The file: its lines, each with the flag that it stands for.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

use super::error::Error;
use super::flags::Flag;
use super::origin::Origin;
use super::value;
use crate::cli::hints::nearest;
use crate::http::read_bounded_regular_file;
use crate::names::redact;

/// The largest file, in bytes.
const BYTES_MAX: u64 = 1 << 20;

/// The longest unknown key that is repeated, in bytes.
const NAME_BYTES_MAX: usize = 40;

/// A file that was read.
pub(super) struct File<'f> {
    /// What it sets, from top to bottom.
    pub entries: Vec<Entry<'f>>,
    /// It holds secrets that others can read.
    pub is_exposed: bool,
}

/// A setting of some layer.
pub(super) struct Entry<'f> {
    pub flag: &'f Flag,
    pub origin: Origin,
    /// The setting as arguments.
    pub words: Vec<OsString>,
}

/// Reads the file at `path`. All that it says is judged, whether it counts or not.
///
/// # Errors
/// It cannot be read, is no TOML, or holds what no flag takes; the place is told, and nothing that may be a secret.
pub(super) fn read<'f>(path: &Path, flags: &'f [Flag]) -> Result<File<'f>, Error> {
    let (bytes, is_open) = load(path)?;
    let lines = Lines(path, &bytes);
    let text = str::from_utf8(&bytes)
        .map_err(|error| lines.malformed(error.valid_up_to(), "it is not UTF-8".to_owned()))?;
    // Its own rendering shows the line.
    let table = DeTable::parse(text).map_err(|error| {
        let offset = error.span().map_or(0, |span| span.start);
        let key = key_at(text, offset, flags).map(|key| format!("`{key}`: "));
        lines.malformed(offset, key.unwrap_or_default() + error.message())
    })?;
    let mut found: Vec<_> = table.get_ref().iter().collect();
    found.sort_by_key(|(key, _)| key.span().start);
    let mut file = File {
        entries: Vec::new(),
        is_exposed: false,
    };
    for (key, value) in found {
        let entry = entry(key, value.get_ref(), &lines, flags)?;
        file.is_exposed |= is_open && (entry.flag.is_secret() || holds_secret(value.get_ref()));
        file.entries.push(entry);
    }
    Ok(file)
}

fn entry<'f>(
    key: &Spanned<DeString<'_>>,
    value: &DeValue<'_>,
    lines: &Lines<'_>,
    flags: &'f [Flag],
) -> Result<Entry<'f>, Error> {
    let (name, offset) = (key.get_ref(), key.span().start);
    let flag = flags.iter().find(|flag| flag.name() == name);
    let flag = flag.ok_or_else(|| lines.malformed(offset, unknown(name, flags)))?;
    let folder = lines.0.parent().unwrap_or(Path::new(""));
    let words = value::words(flag, value, folder);
    let words = words.map_err(|fault| lines.malformed(offset, format!("`{name}` {fault}")))?;
    Ok(Entry {
        flag,
        origin: lines.at(offset),
        words,
    })
}

/// The name of a file, and what is in it.
struct Lines<'a>(&'a Path, &'a [u8]);

impl Lines<'_> {
    fn at(&self, offset: usize) -> Origin {
        let before = self.1.iter().take(offset);
        let lines = before.filter(|byte| **byte == b'\n').count();
        Origin::Line(self.0.to_owned(), lines + 1)
    }

    fn malformed(&self, offset: usize, fault: String) -> Error {
        let origin = self.at(offset);
        Error::Malformed { origin, fault }
    }
}

/// What is in the file, and whether others can read it. The group may if the file is root's, who gives it to the server that way.
fn load(path: &Path) -> Result<(Vec<u8>, bool), Error> {
    let failed = |source| Error::Read {
        path: path.to_owned(),
        source,
    };
    let known = fs::metadata(path).map_err(failed)?;
    if !known.is_file() {
        return Err(Error::NoFile(PathBuf::from(path)));
    }
    let readers = if known.uid() == 0 { 0o004 } else { 0o044 };
    match read_bounded_regular_file(path, BYTES_MAX) {
        Ok(bytes) => Ok((bytes, known.mode() & readers != 0)),
        Err(error) if error.kind() == io::ErrorKind::FileTooLarge => Err(Error::TooLarge {
            path: path.to_owned(),
            bytes_max: BYTES_MAX,
        }),
        Err(source) => Err(failed(source)),
    }
}

/// The key on the line at `offset`, if it is one that is known: anything else there may be a secret.
fn key_at<'f>(text: &str, offset: usize, flags: &'f [Flag]) -> Option<&'f str> {
    let mut before = text.bytes().take(offset);
    let begin = before.rposition(|byte| byte == b'\n');
    let begin = begin.map_or(0, |at| at + 1);
    let line = text[begin..].lines().next()?;
    let key = line.split('=').next()?.trim().trim_matches('"');
    let mut names = flags.iter().map(Flag::name);
    names.find(|name| *name == key)
}

fn unknown(name: &str, flags: &[Flag]) -> String {
    let names: Vec<_> = flags.iter().map(Flag::name).collect();
    // What does not look like the name of a flag may be a key of the other kind, in the wrong place.
    let is_word = |c: char| c.is_ascii_alphabetic() || matches!(c, '-' | '_');
    let is_name = name.len() <= NAME_BYTES_MAX && name.chars().all(is_word);
    let shown = match is_name {
        true => format!("unknown key `{name}`"),
        false => "unknown key".to_owned(),
    };
    match nearest(name, &names) {
        Some(meant) => format!("{shown}: did you mean `{meant}`?"),
        None => format!("{shown}: the long names of the flags of `server` are keys, and no others"),
    }
}

fn holds_secret(value: &DeValue<'_>) -> bool {
    match value {
        DeValue::String(text) => redact(text) != *text,
        DeValue::Array(values) => values.iter().any(|value| holds_secret(value.get_ref())),
        _ => false,
    }
}
