//! Packing with deltas: git-pack-objects(1).

use std::ffi::OsStr;
use std::path::Path;
use std::time::Duration;

use super::program::{Error, Git};

/// How long git may take to pack a store.
const LIMIT: Duration = Duration::from_secs(6 * 3600);

impl Git {
    /// Packs everything reachable from the objects `tips` (hex ids of commits, tags or trees) with deltas, into
    /// `PREFIX-<checksum>.pack` and `.idx`; returns the checksum, or `None` when there is nothing to pack.
    ///
    /// # Errors
    /// git is missing, fails (say, on a missing object), takes longer than six hours, or answers something else.
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
        let output = self.run("pack-objects", args, input, LIMIT)?;
        let output = String::from_utf8_lossy(&output).trim().to_owned();
        match output.as_str() {
            "" => Ok(None),
            checksum if checksum.bytes().all(|byte| byte.is_ascii_hexdigit()) => Ok(Some(output)),
            _ => Err(Error::Failed {
                command: "pack-objects".to_owned(),
                stderr: format!("it answered {output:?} where one checksum is expected"),
            }),
        }
    }
}
