//! The metadata of the directories and files that contain the refs. Comparing it detects changes without reading every ref.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustix::time::{ClockId, clock_gettime};

/// The maximum difference between the time that the kernel records for a change and the actual time: two ticks of a kernel with 100 ticks
/// per second.
const TICK: Duration = Duration::from_millis(20);
/// The maximum difference between the recorded and the actual time of a change, on a file system that records whole seconds or
/// milliseconds. FAT records only even seconds.
const COARSE: Duration = Duration::from_secs(3);

/// The metadata of `packed-refs` and of each directory of refs, recorded before they were read. It changes when the file of a ref is
/// created, renamed or deleted, which git and wasmstore do in every update. It does not change when another program writes into the file of
/// a ref.
#[derive(Default)]
pub(crate) struct RefsStamp(Vec<(PathBuf, Option<FileStamp>)>);

/// The metadata of one file or directory, by which a change is detected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::repo::refs) struct FileStamp {
    device: u64,
    inode: u64,
    size: u64,
    /// The time of the last change in seconds and nanoseconds. Unlike the modification time, no program can set it.
    changed: (i64, i64),
}

impl RefsStamp {
    /// Records and returns the metadata of a directory or file; `None` if it is missing.
    pub(in crate::repo::refs) fn record(&mut self, path: &Path) -> Option<FileStamp> {
        let stamp = FileStamp::of(path);
        self.0.push((path.to_owned(), stamp));
        stamp
    }

    /// Returns whether all files and directories still have the metadata that was recorded.
    pub(in crate::repo::refs) fn is_current(&self) -> bool {
        self.0.iter().all(|(path, old)| FileStamp::of(path) == *old)
    }
}

impl FileStamp {
    /// Returns the current metadata of a file or directory, or of the file that a symbolic link leads to; `None` if stat(2) fails.
    pub(in crate::repo::refs) fn of(path: &Path) -> Option<Self> {
        let it = fs::metadata(path).ok()?;
        Some(Self {
            device: it.dev(),
            inode: it.ino(),
            size: it.size(),
            changed: (it.ctime(), it.ctime_nsec()),
        })
    }

    /// Returns whether the file or directory is on the same device as `other`.
    pub(in crate::repo::refs) fn is_beside(&self, other: &Self) -> bool {
        self.device == other.device
    }

    /// Returns whether every change after the time `seen` is certain to change the metadata of the file. `seen` is a value of
    /// [`file_clock`], read before or when this metadata was recorded. Two changes in the same tick of the kernel's clock may have the same
    /// metadata: git calls such an entry racy.
    pub(in crate::repo::refs) fn is_settled(&self, seen: SystemTime) -> bool {
        let (seconds, nanoseconds) = self.changed;
        let granularity = if nanoseconds % 1_000_000 == 0 {
            COARSE
        } else {
            TICK
        };
        let (Ok(seconds), Ok(nanoseconds)) = (seconds.try_into(), nanoseconds.try_into()) else {
            return false;
        };
        let changed = UNIX_EPOCH + Duration::new(seconds, nanoseconds);
        changed + granularity < seen
    }
}

/// Reads the coarse clock from which the kernel takes the change times of files. It advances once per tick, so it is never ahead of the
/// time that the kernel would record for a change now.
pub(in crate::repo::refs) fn file_clock() -> SystemTime {
    let now = clock_gettime(ClockId::RealtimeCoarse);
    match (now.tv_sec.try_into(), now.tv_nsec.try_into()) {
        (Ok(seconds), Ok(nanoseconds)) => UNIX_EPOCH + Duration::new(seconds, nanoseconds),
        // If the clock is before 1970, no file counts as settled.
        _ => UNIX_EPOCH,
    }
}

#[cfg(test)]
impl FileStamp {
    /// Returns the metadata of a file that was last changed at this time in seconds and nanoseconds.
    pub(in crate::repo::refs) fn of_change(device: u64, changed: (i64, i64)) -> Self {
        Self {
            device,
            inode: 2,
            size: 41,
            changed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_is_settled_once_the_clock_of_the_file_system_has_moved_on() {
        let state = |nanoseconds| FileStamp::of_change(1, (1000, nanoseconds));
        let after =
            |milliseconds: u64| UNIX_EPOCH + Duration::from_millis(1_000_000 + milliseconds);
        for (nanoseconds, settled) in [(500_000_001, 521), (500_000_000, 3501), (0, 3001)] {
            let state = state(nanoseconds);
            assert!(!state.is_settled(after(0)));
            assert!(!state.is_settled(after(settled - 1)), "{nanoseconds}");
            assert!(state.is_settled(after(settled)), "{nanoseconds}");
        }
        let before_1970 = FileStamp::of_change(1, (-1, 1));
        assert!(!before_1970.is_settled(after(0)));
    }
}
