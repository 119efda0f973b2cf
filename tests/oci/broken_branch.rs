//! A broken branch stops `gc` before it removes any record, because nobody knows which modules the branch has.

use std::fs;

use wasmstore::store::{Change, ErrorKind, History, Revision};

use super::kept::remove;
use super::pushing::Registered;
use crate::support::store::branch;

#[test]
fn gc_removes_no_record_while_a_branch_is_broken() {
    let mut r = Registered::new();
    r.keep_days(0);
    let digest = r.push("a", "1", 1);
    r.s.store
        .create_branch(&branch("dev"), &Revision::default())
        .unwrap();
    // Now only `dev` has the module of the tag.
    remove(&r, "a/1.wasm");
    let dev = r.s.root.join("refs/heads/dev");
    let tip = fs::read(&dev).unwrap();
    let records = r.s.git(&["rev-parse", "refs/oci/records"]);
    fs::write(&dev, "").unwrap();
    for history in [History::Keep, History::Squash] {
        let failed = r.s.store.gc(&Change::default(), history).unwrap_err();
        assert_eq!(failed.kind(), ErrorKind::Conflict);
        let message = failed.to_string();
        assert!(message.contains("gc cannot know"), "{message}");
        assert!(message.contains("refs/heads/dev"), "{message}");
        assert_eq!(r.s.git(&["rev-parse", "refs/oci/records"]), records);
    }
    fs::write(&dev, tip).unwrap();
    r.gc(History::Squash);
    r.s.git(&["symbolic-ref", "HEAD", "refs/heads/dev"]);
    assert_eq!(r.pull("a", "1"), Some(digest));
    assert_eq!(r.pull("a", &digest.to_string()), Some(digest));
}
