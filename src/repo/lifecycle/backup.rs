//! A consistent copy of the repository as a tar stream.
//!
//! The refs are read once, under `refs.lock`, and written from memory. `backup.lock` excludes `gc`, so no object disappears: every object
//! that these refs reach still exists, in one pack or another, when its file is copied. Derived files are left out: the directory
//! `wasmstore`, and commit-graphs, because another git process may write a commit-graph during the backup, and it would list commits that
//! are not in the copy.

use std::borrow::Cow;
use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use gix::refs::Target;
use rustix::fs::OFlags;

use crate::repo::error::{Error, Result};
use crate::repo::fs::names_in;
use crate::repo::lifecycle::create::REPOSITORY_DIRS;
use crate::repo::parts::Parts;
use crate::repo::refs::lock::CONFIG;

/// The maximum number of bytes copied from a file outside `objects/`. The copy of a larger file is cut off, but no configuration file or
/// hook is that large.
const FILE_BYTES_MAX: u64 = 64 << 20;

/// The directory of the packs.
const PACK_DIR: &str = "objects/pack";

/// The files below `objects/` that git derives from the objects. A backup does not contain them.
const DERIVED: [&str; 2] = ["objects/info/commit-graph", "objects/info/commit-graphs"];

/// The files and directories of the repository apart from `HEAD`, objects and refs.
const OTHER_FILES: [&str; 5] = ["config", "description", "shallow", "info", "hooks"];

/// Writes a tar archive of the repository to `out`. Unpacking it into an empty directory restores the repository. `progress` is
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
    let refs = parts.refs.all_refs("refs/")?;
    let head_path = parts.root().join("HEAD");
    let head = fs::read(&head_path).map_err(Error::io("read", &head_path))?;
    // This releases `refs.lock`, so that writers continue while the objects are copied.
    let _backup = locks.map(|(backup, _refs)| backup);
    let mut tar = TarWriter {
        tar: tar::Builder::new(out),
        progress: &mut progress,
    };
    tar.add_bytes(Path::new("HEAD"), &head)?;
    for dir in REPOSITORY_DIRS {
        tar.add_dir(dir)?;
    }
    for (name, target) in refs {
        let name = gix::path::from_bstr(&name).map_err(Error::database("name a ref"))?;
        let target = match target {
            Target::Object(id) => format!("{id}\n"),
            Target::Symbolic(to) => format!("ref: {}\n", to.as_bstr()),
        };
        tar.add_bytes(&name, target.as_bytes())?;
    }
    for name in OTHER_FILES {
        tar.add_tree(parts.root(), Path::new(name))?;
    }
    tar.add_tree(parts.root(), Path::new("objects"))?;
    tar.tar.finish().map_err(Error::io("write", "the archive"))
}

struct TarWriter<'p, W: Write> {
    tar: tar::Builder<W>,
    progress: &'p mut dyn FnMut(),
}

impl<W: Write> TarWriter<'_, W> {
    fn add_dir(&mut self, name: &str) -> Result<()> {
        let mut header = header(0, 0o755);
        header.set_entry_type(tar::EntryType::Directory);
        self.append(header, Path::new(&format!("{name}/")), io::empty())
    }

    fn add_bytes(&mut self, name: &Path, bytes: &[u8]) -> Result<()> {
        self.append(header(bytes.len() as u64, mode(name)), name, bytes)
    }

    /// Adds a file, or everything below a directory. Skips unfinished and derived files. Does nothing if the file does not exist.
    fn add_tree(&mut self, root: &Path, name: &Path) -> Result<()> {
        if DERIVED.iter().any(|derived| name == Path::new(derived)) {
            return Ok(());
        }
        let Some(path) = locate(root, name)? else {
            return Ok(());
        };
        if name == Path::new(PACK_DIR) {
            return self.add_packs(root);
        }
        if path.is_dir() {
            for entry in names_in(&path).map_err(Error::io("read", &path))? {
                if !is_unfinished(&entry.to_string_lossy()) {
                    self.add_tree(root, &name.join(entry))?;
                }
            }
            return Ok(());
        }
        self.add_file(root, name).map(drop)
    }

    /// Adds every pack. A roll-up may delete a pack before the backup has copied it. All objects of that pack are then in another pack, so
    /// the directory is read again until no listed file was missing. An index is added after its pack: an index alone would list objects
    /// that do not exist.
    fn add_packs(&mut self, root: &Path) -> Result<()> {
        let dir = root.join(PACK_DIR);
        let mut done = HashSet::new();
        loop {
            let mut has_missed = false;
            let mut names = names_in(&dir).map_err(Error::io("read", &dir))?;
            names.sort_by_key(|name| Path::new(name).extension() != Some(OsStr::new("pack")));
            for name in names {
                let stem = Path::new(PACK_DIR).join(&name).with_extension("");
                let is_pack = Path::new(&name).extension() == Some(OsStr::new("pack"));
                let is_ready = is_pack || done.contains(&stem.with_extension("pack"));
                let name = Path::new(PACK_DIR).join(name);
                if is_unfinished(&name_of(&name)) || !is_ready || !done.insert(name.clone()) {
                    continue;
                }
                if !self.add_file(root, &name)? {
                    done.remove(&name);
                    has_missed = true;
                }
            }
            if !has_missed {
                return Ok(());
            }
        }
    }

    /// Adds a file; returns `false` if it does not exist.
    fn add_file(&mut self, root: &Path, name: &Path) -> Result<bool> {
        let Some(path) = locate(root, name)? else {
            return Ok(false);
        };
        let file = match open_regular_file(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            file => file.map_err(Error::io("read", &path))?,
        };
        let metadata = file.metadata().map_err(Error::io("read", &path))?;
        if name.starts_with("objects") {
            self.append(header(metadata.len(), mode(name)), name, file)?;
            return Ok(true);
        }
        // Files outside `objects/` may change while they are read, so their length is known only afterwards.
        let mut bytes = Vec::new();
        let mut file = file.take(FILE_BYTES_MAX);
        file.read_to_end(&mut bytes)
            .map_err(Error::io("read", &path))?;
        // The configuration may contain the passwords of mirrors, so the archive keeps its mode.
        let mode = match name == Path::new(CONFIG) {
            true => metadata.permissions().mode() & 0o777,
            false => mode(name),
        };
        self.append(header(bytes.len() as u64, mode), name, &*bytes)?;
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

    /// Sets the name in a header unchanged; the crate `tar` would remove the leading `./`. A name of more than 100 bytes is written in an
    /// `L` entry before the header (tar(5), "GNU tar Archives").
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

/// Returns the path of a file or directory of the repository; `None` if the file or directory does not exist. A symbolic link to a file of
/// the repository is resolved. Any other link is left out, because following it would add files that are not part of the repository, or
/// never end. But if the link replaces the configuration or something below `objects/`, the copy would be useless without the link's
/// target, so such a link is an error.
///
/// # Errors
/// The path cannot be read; the configuration or something below `objects/` is a link that is not followed.
fn locate(root: &Path, name: &Path) -> Result<Option<PathBuf>> {
    let path = root.join(name);
    let found = match fs::symlink_metadata(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        found => found.map_err(Error::io("read", &path))?,
    };
    if !found.is_symlink() {
        return Ok(Some(path));
    }
    let real_root = fs::canonicalize(root).map_err(Error::io("read", root))?;
    let target = fs::canonicalize(&path).map_err(Error::io("follow the link", &path))?;
    if target.starts_with(real_root) && !target.is_dir() {
        return Ok(Some(target));
    }
    if name.starts_with("objects") || name == Path::new(CONFIG) {
        return Err(Error::NotAStore {
            root: root.to_owned(),
            reason: format!(
                "{name:?} is a symbolic link to {target:?}, which a backup does not follow; replace it by a copy, or mount the directory \
                 there"
            ),
        });
    }
    tracing::warn!(?name, ?target, "leaving a symbolic link out of the backup");
    Ok(None)
}

/// Opens a regular file. Fails if `path` has become anything else by now, such as a symbolic link or a named pipe.
fn open_regular_file(path: &Path) -> io::Result<File> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let mut options = OpenOptions::new();
    let file = options
        .read(true)
        .custom_flags(flags.bits().cast_signed())
        .open(path)?;
    if file.metadata()?.is_file() {
        Ok(file)
    } else {
        Err(io::Error::other("it is not a regular file"))
    }
}

fn name_of(path: &Path) -> Cow<'_, str> {
    path.file_name().unwrap_or_default().to_string_lossy()
}

/// Returns the permission bits of a file in the archive. Hooks are executable.
fn mode(name: &Path) -> u32 {
    if name.starts_with("hooks") {
        0o755
    } else {
        0o644
    }
}

/// Returns whether a file with this name is a temporary file or lock file of git or wasmstore.
fn is_unfinished(name: &str) -> bool {
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
