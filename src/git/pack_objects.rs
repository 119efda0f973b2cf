//! Writes packs with deltas: git-pack-objects(1).

use std::ffi::OsStr;
use std::path::Path;
use std::time::Duration;

use super::error::Error;
use super::program::Git;

/// How long git may take to pack all objects of a store.
const LIMIT: Duration = Duration::from_secs(6 * 3600);

impl Git {
    /// Packs all objects that are reachable from `tips` (hexadecimal ids of commits, tags or trees), with deltas. Writes the files
    /// `<prefix>-<checksum>.pack` and `<prefix>-<checksum>.idx`. Returns the checksum, or `None` if there is nothing to pack.
    ///
    /// # Errors
    /// If git is missing, fails (for example because an object is missing), takes longer than six hours, or prints anything but a
    /// checksum.
    pub fn pack_objects(&self, tips: &[String], prefix: &Path) -> Result<Option<String>, Error> {
        let args = [
            "-c",
            "pack.packSizeLimit=0",
            "pack-objects",
            "--revs",
            "--delta-base-offset",
            "--non-empty",
            "--quiet",
            "--no-write-bitmap-index",
            "--",
        ];
        let args = args.iter().map(OsStr::new).chain([prefix.as_os_str()]);
        let input = (tips.join("\n") + "\n").into_bytes();
        let stdout = self.run("pack-objects", args, input, LIMIT)?;
        let checksum = String::from_utf8_lossy(&stdout).trim().to_owned();
        if checksum.is_empty() {
            Ok(None)
        } else if checksum.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            Ok(Some(checksum))
        } else {
            Err(Error::Failed {
                command: "pack-objects".to_owned(),
                stderr: format!("expected one checksum, but it printed {checksum:?}"),
            })
        }
    }
}
