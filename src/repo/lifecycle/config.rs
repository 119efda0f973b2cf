//! Reading the repository's configuration (git-config(1)), and changing it durably.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use gix::bstr::ByteSlice;
use gix::config::{File, Source};

use crate::repo::error::{Error, Result};
use crate::repo::fs::sync_dir;
use crate::repo::refs::lock::{CONFIG, OUTSIDE_MAX, RefLock};

/// The bits of a mode that chmod(2) can set.
const MODE_BITS: u32 = 0o7777;

/// Reads the configuration file.
pub(crate) fn config_file(root: &Path) -> Result<File> {
    let path = root.join(CONFIG);
    let file = File::from_path_no_includes(path.clone(), Source::Local);
    file.map_err(Error::database(format!("read {path:?}")))
}

/// Reads the configuration file and the files that it includes (git-config(1), `include.path`). Conditional includes are not followed.
pub(crate) fn config_with_includes(root: &Path) -> Result<File> {
    let mut config = config_file(root)?;
    let options = gix::config::file::init::Options {
        includes: gix::config::file::includes::Options::follow_without_conditional(None),
        ..Default::default()
    };
    let resolved = config.resolve_includes(options);
    let path = root.join(CONFIG);
    resolved.map_err(Error::database(format!("read what {path:?} includes")))?;
    Ok(config)
}

/// Reads whole numbers from the configuration file, as git-config(1) does: `2g` is 2 GiB. The number of a key that is not set is `None`. If
/// there is no store, all numbers are `None`.
///
/// # Errors
/// The file cannot be read; a value is not a number, or is negative.
pub fn config_numbers<const N: usize>(root: &Path, keys: [&str; N]) -> Result<[Option<u64>; N]> {
    let mut numbers = [None; N];
    let path = root.join(CONFIG);
    if !path.is_file() {
        return Ok(numbers);
    }
    let config = config_file(root)?;
    for (number, key) in numbers.iter_mut().zip(keys) {
        let failed = || format!("read {key} in {path:?}");
        let value = config.integer(key).map_err(Error::database(failed()))?;
        let value = value.map(u64::try_from).transpose();
        *number = value.map_err(Error::database(failed()))?;
    }
    Ok(numbers)
}

/// Sets each key of `settings` to its value, durably, unless the key has that value already. The caller holds `refs.lock`; this function
/// takes git's lock file, `config.lock`.
pub(crate) fn configure(root: &Path, settings: &[(&str, &str)]) -> Result<()> {
    let path = root.join(CONFIG);
    loop {
        let before = fs::read(&path).map_err(Error::io("read", &path))?;
        let mut config = config_file(root)?;
        for (key, value) in settings {
            if !is_set(&config, key, value) {
                let set = config.set_raw_value(*key, *value);
                set.map_err(Error::database(format!("set {key} in {path:?}")))?;
            }
        }
        let after = config.to_bstring();
        if after.as_bytes() == before {
            return Ok(());
        }
        // The configuration may contain the passwords of mirrors. The lock file will replace it, so the lock file must not be readable for
        // more users.
        let mode = fs::metadata(&path).map_err(Error::io("read", &path))?;
        let mode = mode.permissions().mode() & MODE_BITS;
        let lock = RefLock::take_with_mode(root, CONFIG, &after, OUTSIDE_MAX, mode)?;
        // Another program may have changed the file before it was locked.
        if fs::read(&path).is_ok_and(|now| now == before) {
            lock.rename()?;
            let mode = fs::Permissions::from_mode(mode);
            fs::set_permissions(&path, mode).map_err(Error::io("write", &path))?;
            return sync_dir(root);
        }
    }
}

/// Returns whether a key has this value. As in git, the last value of a key counts.
pub(crate) fn is_set(config: &File, key: &str, value: &str) -> bool {
    let set = config.raw_values(key).unwrap_or_default();
    set.last().is_some_and(|last| last.as_bstr() == value)
}
