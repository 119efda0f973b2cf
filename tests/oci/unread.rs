//! Modules that are not read: the digests of synthesised manifests are in the index.

use wasmstore::names::{ManifestRef, OciDigest};
use wasmstore::oci::{Error, Registry};
use wasmstore::store::Change;

use super::pushing::{Registered, name};
use crate::support::store::{custom_section, path};

#[test]
fn looking_for_an_unknown_digest_reads_no_module_twice() {
    let mut r = Registered::new();
    // A large module is a file of its own, which can be removed.
    let large = custom_section([7; 200_000]);
    let hash =
        r.s.store
            .put(&Change::default(), &path("a/1.wasm"), &large[..])
            .unwrap();
    let unknown = ManifestRef::Digest(OciDigest::Sha256([1; 32]));
    let find = |r: &Registered, reference| {
        Registry::default()
            .manifest(&r.s.store, &name("a"), reference)
            .err()
    };
    let is_unknown = |error| matches!(error, Some(Error::ManifestUnknown { .. }));
    assert!(is_unknown(find(&r, &unknown)));
    let digest = r.pull("a", "1").unwrap();
    std::fs::remove_file(r.s.loose_file(&hash.value.to_string())).unwrap();
    r.s.reopen();
    assert!(is_unknown(find(&r, &unknown)));
    // Nor after a change of the directory.
    r.s.put("a/2.wasm", 2);
    assert!(is_unknown(find(&r, &unknown)));
    // The digest is still known; its manifest contains what only the module has.
    let known = ManifestRef::Digest(digest);
    assert!(matches!(find(&r, &known), Some(Error::Store(_))));
    // Without the index, the modules are read.
    for entry in std::fs::read_dir(r.s.root.join("wasmstore")).unwrap() {
        let entry = entry.unwrap();
        if entry.file_name().to_string_lossy().starts_with("index") {
            std::fs::remove_file(entry.path()).unwrap();
        }
    }
    r.s.reopen();
    assert!(matches!(find(&r, &unknown), Some(Error::Store(_))));
}
