//! Limits on the modules and pushes that a store accepts, read from the store's configuration.

use std::path::Path;

use super::error::Result;
use crate::config::Options;
use crate::repo::config_numbers;

/// The settings in `ROOT/config` (git-config(1)). Each has the name of the flag of `wasmstore server` that sets the same limit.
const KEYS: [&str; 7] = [
    "wasmstore.maxModuleBytes",
    "wasmstore.maxSectionBytes",
    "wasmstore.maxValidationFuel",
    "wasmstore.maxPushPaths",
    "wasmstore.maxPushPathBytes",
    "wasmstore.maxTreePathBytes",
    "wasmstore.ociKeep",
];

impl Options {
    /// Returns the options for the store at `root`: limits from its configuration, and defaults for all others. Every process that writes
    /// to a store uses these limits, so that the command line, the hooks and the server accept the same modules.
    ///
    /// # Errors
    /// The configuration cannot be read; a limit is not a whole number.
    pub fn of_store(root: &Path) -> Result<Self> {
        let [
            module,
            section,
            fuel,
            paths,
            path_bytes,
            tree_path_bytes,
            oci_keep,
        ] = config_numbers(root, KEYS)?;
        let mut options = Self::default();
        let replace = |limit: &mut u64, configured: Option<u64>| {
            *limit = configured.unwrap_or(*limit);
        };
        replace(&mut options.modules.module_bytes_max, module);
        replace(&mut options.modules.validation_fuel_max, fuel);
        replace(&mut options.push.paths_max, paths);
        replace(&mut options.push.path_bytes_max, path_bytes);
        replace(&mut options.push.tree_path_bytes_max, tree_path_bytes);
        replace(&mut options.manifests.keep_days, oci_keep);
        if let Some(bytes) = section {
            options.modules.section_bytes_max = u32::try_from(bytes).unwrap_or(u32::MAX);
        }
        Ok(options)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn the_configuration_of_the_store_sets_limits() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(Options::of_store(dir.path()).unwrap(), Options::default());
        let text = "[wasmstore]\n\tmaxModuleBytes = 2k\n\tmaxsectionbytes = 7\n\tmaxTreePathBytes = 9\n\tociKeep = 3\n";
        fs::write(dir.path().join("config"), text).unwrap();
        let options = Options::of_store(dir.path()).unwrap();
        assert_eq!(options.modules.module_bytes_max, 2048);
        assert_eq!(options.modules.section_bytes_max, 7);
        assert_eq!(options.push.tree_path_bytes_max, 9);
        assert_eq!(options.manifests.keep_days, 3);
        assert_eq!(options.push.paths_max, Options::default().push.paths_max);
        for value in ["-1", "many"] {
            let text = format!("[wasmstore]\n\tmaxModuleBytes = {value}\n");
            fs::write(dir.path().join("config"), text).unwrap();
            let error = Options::of_store(dir.path()).unwrap_err();
            assert!(error.to_string().contains("maxModuleBytes"), "{error}");
        }
    }
}
