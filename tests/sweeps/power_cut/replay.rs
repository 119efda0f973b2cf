//! Doing what was recorded once more, with some of the flushes left out if that is wanted.

use std::collections::HashSet;

use super::disk::{Disk, Ino, Op};
use super::recording::Paths;
use super::subset::Subset;
use super::sweep::Run;

/// Which flushes do nothing, to see that it is noticed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ignored {
    None,
    All,
    Files,
    Folders,
    /// Those of this folder alone.
    Folder(&'static str),
    /// Those of this folder and of those below it.
    FoldersBelow(&'static str),
    /// Those of files that have a name below this folder at some time.
    FilesBelow(&'static str),
    /// That which is the operation of this number.
    One(usize),
}

/// A recorded run that is done once more, one operation at a time.
pub struct Replay<'r> {
    run: &'r Run,
    pub ignored: Ignored,
    /// From which operation on they are ignored.
    since: usize,
    pub disk: Disk,
    /// Files whose flushes do nothing.
    files: HashSet<Ino>,
    /// Files that an outside writer created.
    outside: HashSet<Ino>,
}

impl<'r> Replay<'r> {
    /// Before the first operation.
    pub fn new(run: &'r Run, ignored: Ignored, since: usize) -> Self {
        let files = match ignored {
            Ignored::FilesBelow(folder) => files_below(&run.log, folder),
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

    /// What is there after a cut now. An outside writer's lock files are removed, as whoever looks after the store has to do: a
    /// change of ours cannot know that their writer is dead.
    pub fn cut(&self, subset: Subset) -> Disk {
        let mut disk = self.disk.after(&subset.fates(&self.disk));
        disk.remove_locks(&self.outside);
        disk
    }

    /// Does the operation of this number.
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
        let Op::Flush { inode } = op else {
            return false;
        };
        let is_folder = self.disk.folder(*inode).is_ok();
        let path = || Paths::of(&self.disk).name(*inode);
        match self.ignored {
            Ignored::None => false,
            Ignored::All => true,
            Ignored::Files => !is_folder,
            Ignored::Folders => is_folder,
            Ignored::FilesBelow(_) => self.files.contains(inode),
            Ignored::Folder(folder) => is_folder && path() == folder,
            Ignored::FoldersBelow(folder) => is_folder && is_below(&path(), folder),
            Ignored::One(number) => number == n,
        }
    }
}

/// Every file that has a name below the folder at some time.
fn files_below(log: &[Op], folder: &str) -> HashSet<Ino> {
    let mut disk = Disk::new();
    let mut files = HashSet::new();
    for op in log {
        let ino = disk.apply(op).expect("it succeeded before");
        if matches!(op, Op::Create { .. } | Op::Link { .. } | Op::Rename { .. })
            && disk.file(ino).is_ok()
            && Paths::of(&disk)
                .all(ino)
                .iter()
                .any(|path| is_below(path, folder))
        {
            files.insert(ino);
        }
    }
    files
}

fn is_below(path: &str, folder: &str) -> bool {
    let rest = path.strip_prefix(folder);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}
