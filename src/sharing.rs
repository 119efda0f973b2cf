//! The permissions of new files and directories in a repository that several users write to (`core.sharedRepository`, git-config(1)).
//!
//! Each repository has its own setting. Every file and directory in a repository is created through the functions in this file. The
//! settings of all repositories that this process has opened are in a global variable, so that a function that gets only the path of a file
//! can apply the right setting.

use std::ffi::OsStr;
use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{PoisonError, RwLock};

/// The bits of a mode that chmod(2) can set.
const MODE_BITS: u32 = 0o7777;
/// The set-group-ID bit: new files in a directory with this bit belong to the directory's group.
const SET_GROUP_ID: u32 = 0o2000;

/// The repositories with shared permissions that this process has opened: the path of each, and its setting. Most processes open no such
/// repository; they read only `IS_ANY_SHARED`, which needs no lock.
static SHARED: RwLock<Vec<(PathBuf, Sharing)>> = RwLock::new(Vec::new());
static IS_ANY_SHARED: AtomicBool = AtomicBool::new(false);

/// A value of `core.sharedRepository` other than `umask`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sharing {
    /// These permission bits are set in addition to the bits that the umask leaves.
    Granted(u32),
    /// The read and write permissions are exactly these bits, whatever the umask is.
    Exact(u32),
}

impl Sharing {
    /// Parses a value of `core.sharedRepository` as git does. Returns `None` if the umask decides the permissions, or if the value is
    /// malformed.
    fn parse(value: &str) -> Option<Self> {
        match value.to_ascii_lowercase().as_str() {
            "group" | "true" | "yes" | "on" | "1" => Some(Self::Granted(0o660)),
            "all" | "world" | "everybody" | "2" => Some(Self::Granted(0o664)),
            octal => {
                let mode = u32::from_str_radix(octal, 8).ok()?;
                // git rejects a mode that locks out the owner.
                (mode & 0o600 == 0o600).then_some(Self::Exact(mode & 0o666))
            }
        }
    }

    /// Returns the permissions that a new file or directory must get. `mode` has the permissions with which it was created.
    fn apply(self, mode: u32, is_dir: bool) -> u32 {
        let (Self::Granted(mut granted) | Self::Exact(mut granted)) = self;
        if mode & 0o200 == 0 {
            granted &= !0o222;
        }
        if mode & 0o100 != 0 {
            granted |= (granted & 0o444) >> 2;
        }
        let mut shared = match self {
            Self::Granted(_) => mode | granted,
            Self::Exact(_) => (mode & !0o777) | granted,
        };
        if is_dir {
            shared |= (shared & 0o444) >> 2;
            if shared & 0o060 != 0 {
                shared |= SET_GROUP_ID;
            }
        }
        shared
    }
}

/// Records the value of `core.sharedRepository` of the repository at `root`, so that [`share`] applies it.
pub fn set_sharing(root: &Path, value: Option<&str>) {
    let sharing = value.and_then(Sharing::parse);
    if sharing.is_none() && !IS_ANY_SHARED.load(Ordering::Relaxed) {
        return;
    }
    let mut shared = SHARED.write().unwrap_or_else(PoisonError::into_inner);
    shared.retain(|(other, _)| other != root);
    shared.extend(sharing.map(|sharing| (root.to_owned(), sharing)));
    IS_ANY_SHARED.store(!shared.is_empty(), Ordering::Relaxed);
}

fn sharing(path: &Path) -> Option<Sharing> {
    if !IS_ANY_SHARED.load(Ordering::Relaxed) {
        return None;
    }
    let shared = SHARED.read().unwrap_or_else(PoisonError::into_inner);
    let found = shared.iter().find(|(root, _)| path.starts_with(root));
    found.map(|(_, sharing)| *sharing)
}

/// Sets the permissions of a file or directory that this process has just created or written, according to the setting of its repository.
/// Ignores errors: for example, the permissions stay as they are if another user owns the file.
pub fn share(path: &Path) {
    let Some(sharing) = sharing(path) else { return };
    let Ok(metadata) = fs::symlink_metadata(path) else {
        return;
    };
    if metadata.is_symlink() {
        return;
    }
    let mode = metadata.permissions().mode() & MODE_BITS;
    let shared = sharing.apply(mode, metadata.is_dir());
    if shared != mode {
        let _ = fs::set_permissions(path, Permissions::from_mode(shared));
    }
}

/// Creates a directory with the permissions that the setting of its repository requires.
///
/// # Errors
/// As for [`fs::create_dir`].
pub fn create_shared_dir(path: &Path) -> io::Result<()> {
    fs::create_dir(path)?;
    share(path);
    Ok(())
}

/// Creates a directory and its missing parents with the permissions that `core.sharedRepository` of the repository that contains them
/// requires.
///
/// # Errors
/// As for [`fs::create_dir_all`].
pub fn create_shared_dir_all(path: &Path) -> io::Result<()> {
    let missing = |dir: &&Path| *dir != OsStr::new("") && !dir.exists();
    let new: Vec<_> = path.ancestors().take_while(missing).collect();
    fs::create_dir_all(path)?;
    new.into_iter().rev().for_each(share);
    Ok(())
}

/// Writes a file, and sets its permissions as `core.sharedRepository` of the repository that contains it requires.
///
/// # Errors
/// As for [`fs::write`].
pub fn write_shared(path: &Path, bytes: impl AsRef<[u8]>) -> io::Result<()> {
    fs::write(path, bytes)?;
    share(path);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_parsed_as_git_does() {
        for value in ["group", "TRUE", "1"] {
            assert_eq!(Sharing::parse(value), Some(Sharing::Granted(0o660)));
        }
        for value in ["all", "world", "everybody", "2"] {
            assert_eq!(Sharing::parse(value), Some(Sharing::Granted(0o664)));
        }
        assert_eq!(Sharing::parse("0640"), Some(Sharing::Exact(0o640)));
        for value in ["umask", "false", "0", "", "0440", "x"] {
            assert_eq!(Sharing::parse(value), None, "{value}");
        }
    }

    #[test]
    fn modes_are_those_of_git() {
        let group = Sharing::Granted(0o660);
        assert_eq!(group.apply(0o644, false), 0o664);
        assert_eq!(group.apply(0o600, false), 0o660);
        assert_eq!(group.apply(0o444, false), 0o444);
        assert_eq!(group.apply(0o400, false), 0o440);
        assert_eq!(group.apply(0o755, false), 0o775);
        assert_eq!(group.apply(0o755, true), 0o2775);
        assert_eq!(Sharing::Granted(0o664).apply(0o700, true), 0o2775);
        assert_eq!(Sharing::Exact(0o640).apply(0o666, false), 0o640);
        assert_eq!(Sharing::Exact(0o640).apply(0o444, false), 0o440);
        assert_eq!(Sharing::Exact(0o600).apply(0o755, true), 0o700);
    }

    #[test]
    fn only_what_is_in_a_shared_repository_is_shared() {
        let directory = tempfile::tempdir().unwrap();
        let (shared, other) = (directory.path().join("a"), directory.path().join("b"));
        set_sharing(&shared, Some("0660"));
        set_sharing(&other, Some("umask"));
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & MODE_BITS;
        create_shared_dir_all(&shared.join("x/y")).unwrap();
        write_shared(&shared.join("x/y/file"), "").unwrap();
        assert_eq!(mode(&shared.join("x")), 0o2770);
        assert_eq!(mode(&shared.join("x/y")), 0o2770);
        assert_eq!(mode(&shared.join("x/y/file")), 0o660);
        create_shared_dir_all(&other).unwrap();
        assert_eq!(mode(&other) & SET_GROUP_ID, 0);
        // This checks a file and not a directory, because a new directory would inherit the set-group-ID bit of its parent.
        set_sharing(&shared, None);
        write_shared(&shared.join("z"), "").unwrap();
        fs::write(shared.join("plain"), "").unwrap();
        assert_eq!(mode(&shared.join("z")), mode(&shared.join("plain")));
    }
}
