//! The modules that the pages use.

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::support::store::git_with_input;

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures")
}

/// The hashes and digests of the compiled fixtures.
pub fn hashes() -> Vec<String> {
    let mut hashes = Vec::new();
    for name in ["adder.wasm", "adder2.wasm"] {
        let bytes = std::fs::read(directory().join(name)).unwrap();
        let hash = git_with_input(&directory(), &["hash-object", "--stdin"], &bytes);
        let digest = Sha256::digest(&bytes);
        hashes.push(hash.trim().to_owned());
        hashes.push(digest.iter().map(|byte| format!("{byte:02x}")).collect());
    }
    hashes
}

#[test]
fn compiled_fixtures_match_their_sources() {
    for (name, source) in [("adder.wasm", "adder"), ("adder2.wasm", "adder_with_sub")] {
        let source = directory().join("valid").join(source).with_extension("wat");
        let compiled = std::fs::read(directory().join(name)).unwrap();
        assert_eq!(wat::parse_file(source).unwrap(), compiled);
    }
}
