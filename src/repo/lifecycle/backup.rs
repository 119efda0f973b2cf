//! A consistent copy of the repository as a tar stream.
//!
//! The refs are read once, under `refs.lock`, and written from memory; no object vanishes while `backup.lock` keeps `gc` away, so
//! every object that these refs reach is there when the copy comes to it, in one pack or another. What is derived is left out: all
//! in our own folder, and commit-graphs, as an outside git may write one meanwhile that names commits which the copy has not.

use std::borrow::Cow;
use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use gix::refs::Target;

use crate::repo::error::{Error, Result};
use crate::repo::fs::names_in;
use crate::repo::lifecycle::create::FOLDERS;
use crate::repo::parts::Parts;

/// How much of a file that is no object is copied, in bytes: a configuration or hook is never longer.
const FILE_BYTES_MAX: u64 = 64 << 20;

/// Where the packs are.
const PACKS: &str = "objects/pack";

/// What is derived among the objects.
const DERIVED: [&str; 2] = ["objects/info/commit-graph", "objects/info/commit-graphs"];

/// The files besides objects and refs that make up the repository.
const FILES: [&str; 5] = ["config", "description", "shallow", "info", "hooks"];

/// Writes a tar archive of the repository to `out`; unpacked into an empty folder it is the repository. `progress` is
/// called after each file.
pub(crate) fn backup(parts: &Parts, out: impl Write, mut progress: impl FnMut()) -> Result<()> {
    if parts.root().join("objects/info/alternates").exists() {
        let reason = "it borrows objects from another repository; \
                `git repack -a` and remove objects/info/alternates before a backup";
        return Err(Error::NotAStore {
            root: parts.root().to_owned(),
            reason: reason.to_owned(),
        });
    }
    let locks = parts.locks.reading()?;
    let head = parts.root().join("HEAD");
    let refs = parts.refs.all_refs("refs/")?;
    let head = fs::read(&head).map_err(Error::io("read", &head))?;
    let _backup = locks.map(|(backup, _refs)| backup);
    let mut tar = Archive {
        tar: tar::Builder::new(out),
        progress: &mut progress,
    };
    tar.bytes(Path::new("HEAD"), &head)?;
    for folder in FOLDERS {
        tar.folder(folder)?;
    }
    for (name, target) in refs {
        let name = gix::path::from_bstr(&name).map_err(Error::database("name a ref"))?;
        let target = match target {
            Target::Object(id) => format!("{id}\n"),
            Target::Symbolic(to) => format!("ref: {}\n", to.as_bstr()),
        };
        tar.bytes(&name, target.as_bytes())?;
    }
    for name in FILES {
        tar.tree(parts.root(), Path::new(name))?;
    }
    tar.tree(parts.root(), Path::new("objects"))?;
    tar.tar.finish().map_err(Error::io("write", "the archive"))
}

struct Archive<'p, W: Write> {
    tar: tar::Builder<W>,
    progress: &'p mut dyn FnMut(),
}

impl<W: Write> Archive<'_, W> {
    fn folder(&mut self, name: &str) -> Result<()> {
        let mut header = header(0, 0o755);
        header.set_entry_type(tar::EntryType::Directory);
        self.append(header, Path::new(&format!("{name}/")), io::empty())
    }

    fn bytes(&mut self, name: &Path, bytes: &[u8]) -> Result<()> {
        self.append(header(bytes.len() as u64, mode(name)), name, bytes)
    }

    /// A file, or everything below a folder; what is not there is left out, and so are files in the making and what is
    /// derived.
    fn tree(&mut self, root: &Path, name: &Path) -> Result<()> {
        let path = root.join(name);
        if name == Path::new(PACKS) {
            return self.packs(root);
        }
        if DERIVED.iter().any(|derived| name == Path::new(derived)) {
            return Ok(());
        }
        if path.is_dir() {
            for entry in names_in(&path).map_err(Error::io("read", &path))? {
                if !is_in_the_making(&entry.to_string_lossy()) {
                    self.tree(root, &name.join(entry))?;
                }
            }
            return Ok(());
        }
        self.file(root, name).map(drop)
    }

    /// Every pack. A roll-up may delete one before its turn comes; all of it is in another pack then, so the folder is read until
    /// nothing was missed. The index comes after the pack: alone it would tell of objects that are not there.
    fn packs(&mut self, root: &Path) -> Result<()> {
        let folder = root.join(PACKS);
        let mut done = HashSet::new();
        loop {
            let mut has_missed = false;
            let mut names = names_in(&folder).map_err(Error::io("read", &folder))?;
            names.sort_by_key(|name| Path::new(name).extension() != Some(OsStr::new("pack")));
            for name in names {
                let stem = Path::new(PACKS).join(&name).with_extension("");
                let is_pack = Path::new(&name).extension() == Some(OsStr::new("pack"));
                let is_ready = is_pack || done.contains(&stem.with_extension("pack"));
                let name = Path::new(PACKS).join(name);
                if is_in_the_making(&name_of(&name)) || !is_ready || !done.insert(name.clone()) {
                    continue;
                }
                if !self.file(root, &name)? {
                    done.remove(&name);
                    has_missed = true;
                }
            }
            if !has_missed {
                return Ok(());
            }
        }
    }

    /// A file; returns whether it is there.
    fn file(&mut self, root: &Path, name: &Path) -> Result<bool> {
        let path = root.join(name);
        let file = match File::open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            file => file.map_err(Error::io("read", &path))?,
        };
        if name.starts_with("objects") {
            let size_bytes = file.metadata().map_err(Error::io("read", &path))?.len();
            self.append(header(size_bytes, mode(name)), name, file)?;
            return Ok(true);
        }
        // Other files may change while they are read: their length is known when they have been.
        let mut bytes = Vec::new();
        let mut file = file.take(FILE_BYTES_MAX);
        file.read_to_end(&mut bytes)
            .map_err(Error::io("read", &path))?;
        self.bytes(name, &bytes)?;
        Ok(true)
    }

    fn append(&mut self, mut header: tar::Header, name: &Path, data: impl Read) -> Result<()> {
        (self.progress)();
        let stored = [b"./", name.as_os_str().as_bytes()].concat();
        self.set_name(&mut header, &stored)
            .and_then(|()| {
                header.set_cksum();
                self.tar.append(&header, data)
            })
            .map_err(Error::io("write the archive entry", name))
    }

    /// Sets the name as it is; the library would take the `./` away. Over 100 bytes, GNU tar's `L` entry goes before
    /// (tar(5), "GNU tar Archives").
    fn set_name(&mut self, header: &mut tar::Header, name: &[u8]) -> io::Result<()> {
        let field = &mut header.as_old_mut().name;
        let short = name.len().min(field.len());
        field[..short].copy_from_slice(&name[..short]);
        if short == name.len() {
            return Ok(());
        }
        let mut long = tar::Header::new_gnu();
        long.as_old_mut().name[..13].copy_from_slice(b"././@LongLink");
        long.set_entry_type(tar::EntryType::GNULongName);
        long.set_size(name.len() as u64 + 1);
        long.set_cksum();
        self.tar.append(&long, name.chain(&b"\0"[..]))
    }
}

fn name_of(path: &Path) -> Cow<'_, str> {
    path.file_name().unwrap_or_default().to_string_lossy()
}

/// Hooks are programs.
fn mode(name: &Path) -> u32 {
    if name.starts_with("hooks") {
        0o755
    } else {
        0o644
    }
}

fn is_in_the_making(name: &str) -> bool {
    name.starts_with(".tmp") || name.starts_with("tmp_") || name.ends_with(".lock")
}

fn header(size_bytes: u64, mode: u32) -> tar::Header {
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap_or_default();
    let mut header = tar::Header::new_gnu();
    header.set_size(size_bytes);
    header.set_mode(mode);
    header.set_mtime(now.as_secs());
    header
}
