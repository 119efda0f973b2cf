//! The recorded disk as a file system that the kernel mounts (FUSE).
//!
//! There is no write-back cache, so each write(2) has arrived here when it returns. Every change of the disk comes through this one
//! mount, so the kernel's caches of names and attributes stay correct. flock(2) is handled by the kernel and does not arrive here. The
//! server waits for nothing but the recording's mutex, which no one holds while using the mount.

use std::collections::{HashMap, HashSet};
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use fuser::{
    BsdFileFlags, Errno, FileAttr, FileHandle, FileType, Filesystem, FopenFlags, Generation,
    INodeNo, LockOwner, OpenFlags, RenameFlags, ReplyAttr, ReplyCreate, ReplyData, ReplyDirectory,
    ReplyEmpty, ReplyEntry, ReplyOpen, ReplyStatfs, ReplyWrite, Request, TimeOrNow, WriteFlags,
};
use nix::mount::{MntFlags, umount2};

use super::disk::{Ino, Kind, Op, Refused};
use super::recording::{Recording, Shared};

/// How long the kernel may cache replies; only the kernel changes the disk.
const REMEMBERED: Duration = Duration::from_secs(3600);
/// How long unmounting may take.
const END_MAX: Duration = Duration::from_secs(10);

/// The entries of a directory.
type Listing = Vec<(Ino, FileType, OsString)>;

/// A mounted recording; dropping it unmounts, even if the mount is in use.
pub struct Mounted {
    session: Option<fuser::BackgroundSession>,
    path: PathBuf,
    _dir: tempfile::TempDir,
}

impl Mounted {
    /// Mounts the disk on a new directory.
    ///
    /// # Errors
    /// The reason why this machine cannot mount it.
    pub fn new(shared: Shared) -> Result<Self, String> {
        std::fs::File::options()
            .read(true)
            .write(true)
            .open("/dev/fuse")
            .map_err(|error| format!("/dev/fuse cannot be opened: {error}"))?;
        let dir = tempfile::tempdir().map_err(|error| error.to_string())?;
        let path = dir.path().to_owned();
        let server = Server {
            shared,
            listings: Mutex::default(),
            shared_memory: Mutex::default(),
            handles: AtomicU64::new(1),
        };
        let session = fuser::spawn_mount(server, &path, &fuser::Config::default())
            .map_err(|error| format!("mount(2) is not permitted here ({error})"))?;
        Ok(Self {
            session: Some(session),
            path,
            _dir: dir,
        })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Ends the mount; pending requests fail.
    pub fn end(path: &Path) {
        let _ = umount2(path, MntFlags::MNT_FORCE | MntFlags::MNT_DETACH);
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        Self::end(&self.path);
        let session = self.session.take().expect("it is dropped once");
        let deadline = Instant::now() + END_MAX;
        while !session.guard.is_finished() && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

/// Replies to the kernel's requests.
struct Server {
    shared: Shared,
    /// The entries of open directories, as of when they were opened.
    listings: Mutex<HashMap<u64, Listing>>,
    /// Files that SQLite would map as memory shared between processes.
    shared_memory: Mutex<HashSet<INodeNo>>,
    handles: AtomicU64,
}

impl Server {
    fn apply(&self, op: Op) -> Result<FileAttr, Refused> {
        let mut recording = self.shared.lock();
        let ino = recording.apply(op)?;
        attributes(&recording, ino)
    }

    /// Returns the flags for opening a file. Shared writable mappings are refused, as by other file systems that are not on a disk: a
    /// process that writes to such memory waits for this process, which may be itself.
    fn flags(&self, ino: INodeNo) -> FopenFlags {
        let shared_memory = self.shared_memory.lock();
        match shared_memory.is_ok_and(|files| files.contains(&ino)) {
            true => FopenFlags::FOPEN_DIRECT_IO,
            false => FopenFlags::empty(),
        }
    }

    fn handle(&self) -> FileHandle {
        FileHandle(self.handles.fetch_add(1, Ordering::Relaxed))
    }

    fn list(&self, ino: Ino) -> Result<Listing, Refused> {
        let recording = self.shared.lock();
        let itself = [".", ".."].map(|name| (ino, FileType::Directory, name.into()));
        let names = recording.disk.directory(ino)?.now.iter();
        let names = names.map(|(name, ino)| {
            let kind = attributes(&recording, *ino).map(|it| it.kind);
            (*ino, kind.unwrap_or(FileType::RegularFile), name.clone())
        });
        Ok(itself.into_iter().chain(names).collect())
    }
}

fn attributes(recording: &Recording, ino: Ino) -> Result<FileAttr, Refused> {
    let inode = recording.disk.inode(ino)?;
    let (kind, size, nlink) = match &inode.kind {
        Kind::File(file) => (FileType::RegularFile, file.now.len() as u64, inode.links),
        Kind::Directory(_) => (FileType::Directory, 0, 2),
    };
    Ok(FileAttr {
        ino: INodeNo(ino),
        size,
        blocks: size.div_ceil(512),
        atime: inode.changed,
        mtime: inode.changed,
        ctime: inode.changed,
        crtime: inode.changed,
        kind,
        perm: (inode.mode & 0o7777) as u16,
        nlink,
        uid: nix::unistd::geteuid().as_raw(),
        gid: nix::unistd::getegid().as_raw(),
        rdev: 0,
        blksize: 4096,
        flags: 0,
    })
}

fn errno(refused: Refused) -> Errno {
    match refused {
        Refused::NotFound => Errno::ENOENT,
        Refused::Exists => Errno::EEXIST,
        Refused::NotEmpty => Errno::ENOTEMPTY,
        Refused::IsFolder => Errno::EISDIR,
        Refused::NotAFolder => Errno::ENOTDIR,
    }
}

fn answer(reply: ReplyEmpty, result: Result<FileAttr, Refused>) {
    match result {
        Ok(_) => reply.ok(),
        Err(refused) => reply.error(errno(refused)),
    }
}

fn answer_entry(reply: ReplyEntry, result: Result<FileAttr, Refused>) {
    match result {
        Ok(it) => reply.entry(&REMEMBERED, &it, Generation(0)),
        Err(refused) => reply.error(errno(refused)),
    }
}

fn answer_attr(reply: ReplyAttr, result: Result<FileAttr, Refused>) {
    match result {
        Ok(it) => reply.attr(&REMEMBERED, &it),
        Err(refused) => reply.error(errno(refused)),
    }
}

impl Filesystem for Server {
    fn lookup(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        let recording = self.shared.lock();
        let found = recording.disk.lookup(parent.0, &name.to_owned());
        answer_entry(reply, found.and_then(|ino| attributes(&recording, ino)));
    }

    fn getattr(&self, _: &Request, ino: INodeNo, _: Option<FileHandle>, reply: ReplyAttr) {
        answer_attr(reply, attributes(&self.shared.lock(), ino.0));
    }

    fn setattr(
        &self,
        _: &Request,
        ino: INodeNo,
        mode: Option<u32>,
        _uid: Option<u32>,
        _gid: Option<u32>,
        size: Option<u64>,
        _atime: Option<TimeOrNow>,
        _mtime: Option<TimeOrNow>,
        _ctime: Option<SystemTime>,
        _fh: Option<FileHandle>,
        _crtime: Option<SystemTime>,
        _chgtime: Option<SystemTime>,
        _bkuptime: Option<SystemTime>,
        _flags: Option<BsdFileFlags>,
        reply: ReplyAttr,
    ) {
        let inode = ino.0;
        let mut result = attributes(&self.shared.lock(), inode);
        if let Some(mode) = mode {
            result = result.and_then(|_| self.apply(Op::Chmod { inode, mode }));
        }
        if let Some(size) = size {
            let (file, size) = (inode, size as usize);
            result = result.and_then(|_| self.apply(Op::Resize { file, size }));
        }
        answer_attr(reply, result);
    }

    fn mkdir(
        &self,
        _: &Request,
        parent: INodeNo,
        name: &OsStr,
        mode: u32,
        _umask: u32,
        reply: ReplyEntry,
    ) {
        answer_entry(
            reply,
            self.apply(Op::Create {
                directory: parent.0,
                name: name.to_owned(),
                mode,
                is_directory: true,
            }),
        );
    }

    fn create(
        &self,
        _: &Request,
        parent: INodeNo,
        name: &OsStr,
        mode: u32,
        _umask: u32,
        _flags: i32,
        reply: ReplyCreate,
    ) {
        let created = self.apply(Op::Create {
            directory: parent.0,
            name: name.to_owned(),
            mode,
            is_directory: false,
        });
        if let (Ok(it), true, Ok(mut shared_memory)) = (
            &created,
            name.as_encoded_bytes().ends_with(b"-shm"),
            self.shared_memory.lock(),
        ) {
            shared_memory.insert(it.ino);
        }
        match created {
            Ok(it) => {
                let flags = self.flags(it.ino);
                reply.created(&REMEMBERED, &it, Generation(0), self.handle(), flags);
            }
            Err(refused) => reply.error(errno(refused)),
        }
    }

    fn link(
        &self,
        _: &Request,
        ino: INodeNo,
        newparent: INodeNo,
        newname: &OsStr,
        reply: ReplyEntry,
    ) {
        answer_entry(
            reply,
            self.apply(Op::Link {
                inode: ino.0,
                directory: newparent.0,
                name: newname.to_owned(),
            }),
        );
    }

    fn unlink(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        answer(
            reply,
            self.apply(Op::Remove {
                directory: parent.0,
                name: name.to_owned(),
            }),
        );
    }

    fn rmdir(&self, request: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        self.unlink(request, parent, name, reply);
    }

    fn rename(
        &self,
        _: &Request,
        parent: INodeNo,
        name: &OsStr,
        newparent: INodeNo,
        newname: &OsStr,
        flags: RenameFlags,
        reply: ReplyEmpty,
    ) {
        let (from, to) = (
            (parent.0, name.to_owned()),
            (newparent.0, newname.to_owned()),
        );
        let is_there = self.shared.lock().disk.lookup(to.0, &to.1).is_ok();
        if flags.contains(RenameFlags::RENAME_NOREPLACE) && is_there {
            return reply.error(Errno::EEXIST);
        }
        if !(flags - RenameFlags::RENAME_NOREPLACE).is_empty() {
            return reply.error(Errno::EINVAL);
        }
        answer(reply, self.apply(Op::Rename { from, to }));
    }

    fn open(&self, _: &Request, ino: INodeNo, _: OpenFlags, reply: ReplyOpen) {
        reply.opened(self.handle(), self.flags(ino));
    }

    fn read(
        &self,
        _: &Request,
        ino: INodeNo,
        _: FileHandle,
        offset: u64,
        size: u32,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyData,
    ) {
        let recording = self.shared.lock();
        match recording.disk.file(ino.0) {
            Ok(file) => {
                let begin = file.now.len().min(offset as usize);
                let end = file.now.len().min(begin + size as usize);
                reply.data(&file.now[begin..end]);
            }
            Err(refused) => reply.error(errno(refused)),
        }
    }

    fn write(
        &self,
        _: &Request,
        ino: INodeNo,
        _: FileHandle,
        offset: u64,
        data: &[u8],
        _: WriteFlags,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyWrite,
    ) {
        let written = self.apply(Op::Write {
            file: ino.0,
            offset: offset as usize,
            bytes: data.into(),
        });
        match written {
            Ok(_) => reply.written(data.len() as u32),
            Err(refused) => reply.error(errno(refused)),
        }
    }

    fn fsync(&self, _: &Request, ino: INodeNo, _: FileHandle, _: bool, reply: ReplyEmpty) {
        answer(reply, self.apply(Op::Fsync { inode: ino.0 }));
    }

    fn fsyncdir(&self, _: &Request, ino: INodeNo, _: FileHandle, _: bool, reply: ReplyEmpty) {
        answer(reply, self.apply(Op::Fsync { inode: ino.0 }));
    }

    fn opendir(&self, _: &Request, ino: INodeNo, _: OpenFlags, reply: ReplyOpen) {
        let handle = self.handle();
        match (self.list(ino.0), self.listings.lock()) {
            (Ok(list), Ok(mut listings)) => {
                listings.insert(handle.0, list);
                reply.opened(handle, FopenFlags::empty());
            }
            (Err(refused), _) => reply.error(errno(refused)),
            (_, Err(_)) => reply.error(Errno::EIO),
        }
    }

    fn readdir(
        &self,
        _: &Request,
        _: INodeNo,
        fh: FileHandle,
        offset: u64,
        mut reply: ReplyDirectory,
    ) {
        let Ok(listings) = self.listings.lock() else {
            return reply.error(Errno::EIO);
        };
        let list = listings.get(&fh.0).map_or(&[][..], Vec::as_slice);
        for (next, (ino, kind, name)) in (1..).zip(list).skip(offset as usize) {
            if reply.add(INodeNo(*ino), next, *kind, name) {
                break;
            }
        }
        reply.ok();
    }

    fn releasedir(&self, _: &Request, _: INodeNo, fh: FileHandle, _: OpenFlags, reply: ReplyEmpty) {
        if let Ok(mut listings) = self.listings.lock() {
            listings.remove(&fh.0);
        }
        reply.ok();
    }

    fn statfs(&self, _: &Request, _: INodeNo, reply: ReplyStatfs) {
        let plenty = 1 << 30;
        reply.statfs(plenty, plenty, plenty, plenty, plenty, 4096, 255, 4096);
    }
}
