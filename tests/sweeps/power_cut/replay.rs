//! Replaying a recorded run, optionally with some of the fsyncs left out.

use std::collections::HashSet;

use super::disk::{Disk, Ino, Op};
use super::recording::Paths;
use super::subset::Subset;
use super::sweep::Run;

/// Which fsyncs are left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ignored {
    None,
    All,
    Files,
    Directories,
    /// Those of this directory.
    Directory(&'static str),
    /// Those of this directory and of those below it.
    DirectoriesBelow(&'static str),
    /// Those of files that have a name below this directory at some time.
    FilesBelow(&'static str),
    /// The one with this operation number.
    One(usize),
}

/// A recorded run that is replayed one operation at a time.
pub struct Replay<'r> {
    run: &'r Run,
    pub ignored: Ignored,
    /// The operation from which on fsyncs are left out.
    since: usize,
    pub disk: Disk,
    /// Files whose fsyncs are left out.
    files: HashSet<Ino>,
    /// Files that an outside writer created.
    outside: HashSet<Ino>,
}

impl<'r> Replay<'r> {
    /// Returns the replay before the first operation.
    pub fn new(run: &'r Run, ignored: Ignored, since: usize) -> Self {
        let files = match ignored {
            Ignored::FilesBelow(directory) => files_below(&run.log, directory),
            _ => HashSet::new(),
        };
        Self {
            run,
            ignored,
            since,
            disk: Disk::new(),
            files,
            outside: HashSet::new(),
        }
    }

    /// Returns the disk after a cut now, without the lock files of outside writers. An administrator has to remove those, because the
    /// store cannot know that their writer is dead.
    pub fn cut(&self, subset: Subset) -> Disk {
        let mut disk = self.disk.after(&subset.fates(&self.disk));
        disk.remove_locks(&self.outside);
        disk
    }

    /// Applies the operation of this number.
    pub fn step(&mut self, n: usize) {
        let Some(op) = self.run.log.get(n) else {
            return;
        };
        if n >= self.since && self.is_ignored(n, op) {
            return;
        }
        let ino = self.disk.apply(op).expect("it succeeded before");
        if matches!(op, Op::Create { .. }) && self.run.promises.is_outside_operation(n) {
            self.outside.insert(ino);
        }
    }

    fn is_ignored(&self, n: usize, op: &Op) -> bool {
        let Op::Fsync { inode } = op else {
            return false;
        };
        let is_directory = self.disk.directory(*inode).is_ok();
        let path = || Paths::of(&self.disk).name(*inode);
        match self.ignored {
            Ignored::None => false,
            Ignored::All => true,
            Ignored::Files => !is_directory,
            Ignored::Directories => is_directory,
            Ignored::FilesBelow(_) => self.files.contains(inode),
            Ignored::Directory(directory) => is_directory && path() == directory,
            Ignored::DirectoriesBelow(directory) => is_directory && is_below(&path(), directory),
            Ignored::One(number) => number == n,
        }
    }
}

/// Returns every file that has a name below the directory at some time.
fn files_below(log: &[Op], directory: &str) -> HashSet<Ino> {
    let mut disk = Disk::new();
    let mut files = HashSet::new();
    for op in log {
        let ino = disk.apply(op).expect("it succeeded before");
        if matches!(op, Op::Create { .. } | Op::Link { .. } | Op::Rename { .. })
            && disk.file(ino).is_ok()
            && Paths::of(&disk)
                .all(ino)
                .iter()
                .any(|path| is_below(path, directory))
        {
            files.insert(ino);
        }
    }
    files
}

fn is_below(path: &str, directory: &str) -> bool {
    let rest = path.strip_prefix(directory);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}
