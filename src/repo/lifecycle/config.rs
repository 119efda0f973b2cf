//! The repository's configuration (git-config(1)), changed such that the change survives a power cut.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use gix::bstr::ByteSlice;
use gix::config::{File, Source};

use crate::repo::error::{Error, Result};
use crate::repo::fs::sync_dir;
use crate::repo::refs::lock::{CONFIG, OUTSIDE_MAX, RefLock};

/// The configuration as the file has it now.
pub(crate) fn config_file(root: &Path) -> Result<File> {
    let path = root.join(CONFIG);
    let file = File::from_path_no_includes(path.clone(), Source::Local);
    file.map_err(Error::database(format!("read {path:?}")))
}

/// Sets what is not set as wanted, under `refs.lock` and git's own lock for the file.
pub(crate) fn configure(root: &Path, wanted: &[(&str, &str)]) -> Result<()> {
    let path = root.join(CONFIG);
    loop {
        let before = fs::read(&path).map_err(Error::io("read", &path))?;
        let mut config = config_file(root)?;
        for (key, value) in wanted {
            if !is_set(&config, key, value) {
                let set = config.set_raw_value(*key, *value);
                set.map_err(Error::database(format!("set {key} in {path:?}")))?;
            }
        }
        let after = config.to_bstring();
        if after.as_bytes() == before {
            return Ok(());
        }
        let lock = RefLock::take(root, CONFIG, &after, OUTSIDE_MAX)?;
        // Somebody else may have changed it before it was locked.
        if fs::read(&path).is_ok_and(|now| now == before) {
            lock.rename()?;
            let mode = fs::Permissions::from_mode(0o644);
            fs::set_permissions(&path, mode).map_err(Error::io("write", &path))?;
            return sync_dir(root);
        }
    }
}

/// Whether a key has a value, the last one counting.
pub(crate) fn is_set(config: &File, key: &str, value: &str) -> bool {
    let set = config.raw_values(key).unwrap_or_default();
    set.last().is_some_and(|last| last.as_bstr() == value)
}
