//! Packing with deltas: git-pack-objects(1).

use std::path::Path;
use std::time::Duration;

use super::run::{Error, Git};

/// How long git may take to pack a store.
const LIMIT: Duration = Duration::from_secs(6 * 3600);

impl Git {
    /// Packs everything reachable from the objects `tips` (hex ids of commits, tags or trees) with deltas, into
    /// `PREFIX-<checksum>.pack` and `.idx`; returns the checksum, or `None` when there is nothing to pack.
    ///
    /// # Errors
    /// git is missing, fails (say, on a missing object), or takes longer than six hours.
    pub fn pack_objects(&self, tips: &[String], prefix: &Path) -> Result<Option<String>, Error> {
        let prefix = prefix.to_string_lossy();
        let args = [
            "pack-objects",
            "--revs",
            "--delta-base-offset",
            "--non-empty",
            "--quiet",
            "--no-write-bitmap-index",
            &prefix,
        ];
        let output = self.run(&args, (tips.join("\n") + "\n").into_bytes(), LIMIT)?;
        let checksum = String::from_utf8_lossy(&output).trim().to_owned();
        Ok((!checksum.is_empty()).then_some(checksum))
    }
}
