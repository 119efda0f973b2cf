//! Which records `gc` keeps, and which it removes with their blobs.

use std::sync::atomic::{AtomicBool, Ordering};

use wasmstore::names::{ModuleRef, OciDigest};
use wasmstore::store::{Change, DirectoryRemoval, History, ObjectFormat, Revision, sha256};

use super::pushing::{Registered, image, index, module_manifest};
use crate::support::store::{branch, module, path};

pub fn remove(r: &Registered, at: &str) {
    let name = ModuleRef::Path(path(at));
    let directories = DirectoryRemoval::Refuse;
    r.s.store
        .remove(&Change::default(), &name, directories)
        .unwrap();
}

#[test]
fn what_a_tag_names_stays_byte_for_byte_and_the_history_goes() {
    for format in [ObjectFormat::Sha1, ObjectFormat::Sha256] {
        let r = Registered::with_format(format);
        let pushed: Vec<_> = (0..5)
            .map(|n| r.push("a/b", &format!("1.{n}"), n))
            .collect();
        let records = r.records();
        for history in [History::Keep, History::Squash] {
            r.gc(history);
            assert_eq!(
                r.s.git(&["rev-list", "--count", "refs/oci/records"]).trim(),
                "1"
            );
            assert_eq!(r.records(), records);
            for (n, digest) in pushed.iter().enumerate() {
                assert_eq!(r.pull("a/b", &format!("1.{n}")), Some(*digest));
                assert_eq!(r.pull("a/b", &digest.to_string()), Some(*digest));
            }
        }
        let tip = r.s.git(&["rev-parse", "refs/oci/records"]);
        r.gc(History::Keep);
        assert_eq!(
            r.s.git(&["rev-parse", "refs/oci/records"]),
            tip,
            "nothing to do"
        );
    }
}

#[test]
fn removing_a_module_and_gc_free_its_blob() {
    let r = Registered::new();
    let digest = r.push("a", "1", 1);
    r.push("a", "2", 2);
    remove(&r, "a/1.wasm");
    assert_eq!(r.pull("a", "1"), None, "the tag goes with the module");
    assert_eq!(r.copies(&module(1)), 1);
    r.gc(History::Squash);
    assert_eq!(r.copies(&module(1)), 0);
    assert_eq!(r.pull("a", &digest.to_string()), None);
    assert!(
        r.records()
            .iter()
            .all(|path| !path.contains(&digest.to_hex()[2..]))
    );
    assert!(r.pull("a", "2").is_some());
    remove(&r, "a/2.wasm");
    r.gc(History::Squash);
    assert_eq!(r.records(), [""; 0]);
}

#[test]
fn the_old_digest_of_a_moved_tag_is_kept_for_some_days() {
    let mut r = Registered::new();
    let old = r.push("a", "1", 1).to_string();
    r.push("a", "1", 2);
    r.age("a", 29);
    r.gc(History::Squash);
    assert!(r.pull("a", &old).is_some(), "29 days after the move");
    assert_eq!(r.copies(&module(1)), 1);
    r.age("a", 1);
    r.gc(History::Squash);
    assert_eq!(r.pull("a", &old), None, "30 days after the move");
    assert_eq!(r.copies(&module(1)), 0);
    let old = r.push("a", "1", 3).to_string();
    r.push("a", "1", 4);
    r.keep_days(0);
    r.gc(History::Squash);
    assert_eq!(r.pull("a", &old), None, "nothing is kept for 0 days");
}

#[test]
fn the_digest_of_a_tag_that_an_upload_moved_is_kept_for_some_days() {
    let r = Registered::new();
    let old = r.push("a", "1", 1);
    r.s.put("a/1.wasm", 2);
    r.gc(History::Squash);
    assert_eq!(r.pull("a", &old.to_string()), Some(old));
    assert_ne!(r.pull("a", "1"), Some(old));
    r.s.put("a/1.wasm", 1);
    assert_eq!(r.pull("a", "1"), Some(old), "the module came back");
    r.s.put("a/1.wasm", 2);
    r.age("a", 29);
    r.gc(History::Squash);
    assert_eq!(r.pull("a", &old.to_string()), Some(old));
    r.age("a", 1);
    r.gc(History::Squash);
    assert_eq!(r.pull("a", &old.to_string()), None);
    assert_eq!(r.copies(&module(1)), 0);
}

#[test]
fn a_manifest_without_a_tag_is_kept_for_some_days() {
    let r = Registered::new();
    let (config, layer) = (r.blob("a", b"{}"), r.blob("a", b"text"));
    let digest = r.manifest("a", None, &image(&config, &[("text/plain", &layer)]));
    r.age("a", 29);
    r.gc(History::Squash);
    assert_eq!(r.pull("a", &digest.to_string()), Some(digest));
    assert!(r.has_blob("a", &layer));
    r.age("a", 1);
    r.gc(History::Squash);
    assert_eq!(r.pull("a", &digest.to_string()), None);
    assert_eq!(r.copies(b"text"), 0);
}

#[test]
fn an_index_keeps_its_manifests() {
    let r = Registered::new();
    let config = r.blob("a", b"{}");
    let children: Vec<_> = ["one", "two"]
        .map(|text| {
            let layer = r.blob("a", text.as_bytes());
            r.manifest("a", None, &image(&config, &[("text/plain", &layer)]))
        })
        .into();
    let all = r.manifest("a", Some("all"), &index(&children));
    r.age("a", 100);
    r.gc(History::Squash);
    assert_eq!(r.pull("a", "all"), Some(all));
    for child in &children {
        assert_eq!(r.pull("a", &child.to_string()), Some(*child));
    }
    assert_eq!((r.copies(b"one"), r.copies(b"two")), (1, 1));
}

#[test]
fn signatures_stay_and_go_with_their_subject() {
    let r = Registered::new();
    for (at, n) in [("1", 1), ("2", 2)] {
        let subject = r.push("a", at, n);
        r.sign("a", None, &subject);
        r.sign(
            "a",
            Some(&format!("sha256-{}.sig", subject.to_hex())),
            &subject,
        );
    }
    // A signature of a module that no OCI client has pushed.
    r.s.put("a/3.wasm", 3);
    let subjects = ["1", "2", "3"].map(|tag| r.pull("a", tag).unwrap());
    r.sign("a", None, &subjects[2]);
    r.age("a", 100);
    r.gc(History::Squash);
    let signature = |n: usize| format!("signature of {}", subjects[n]);
    let cosign = |n: usize| format!("sha256-{}.sig", subjects[n].to_hex());
    for n in 0..3 {
        assert_eq!(r.copies(signature(n).as_bytes()), 1, "{n}");
    }
    remove(&r, "a/1.wasm");
    remove(&r, "a/3.wasm");
    r.gc(History::Squash);
    let left = [0, 1, 2].map(|n| r.copies(signature(n).as_bytes()));
    assert_eq!(left, [0, 1, 0]);
    assert_eq!(r.pull("a", &cosign(0)), None);
    assert!(r.pull("a", &cosign(1)).is_some());
}

#[test]
fn signatures_in_another_repository_stay_and_go_with_their_subject() {
    let r = Registered::new();
    // In a repository without records, in one that sorts after that of the signatures, and a signature of a signature.
    r.s.put("plain/1.wasm", 1);
    let subjects = [r.pull("plain", "1").unwrap(), r.push("z", "2", 2)];
    let mut tags = Vec::new();
    for subject in &subjects {
        tags.push(format!("sha256-{}.sig", subject.to_hex()));
        let signature = r.sign("sigs", tags.last().map(String::as_str), subject);
        tags.push(format!("sha256-{}.sig", signature.to_hex()));
        r.sign("more", tags.last().map(String::as_str), &signature);
    }
    r.age("sigs", 100);
    r.age("more", 100);
    // The index is derived data: without it, the digests are computed again.
    r.s.store.reindex().unwrap();
    r.gc(History::Squash);
    let kept = || {
        let repositories = ["sigs", "more", "sigs", "more"].iter().zip(&tags);
        let pulled = repositories.map(|(repository, tag)| r.pull(repository, tag).is_some());
        pulled.collect::<Vec<_>>()
    };
    assert_eq!(kept(), [true; 4]);
    remove(&r, "plain/1.wasm");
    r.gc(History::Squash);
    assert_eq!(kept(), [false, false, true, true]);
    remove(&r, "z/2.wasm");
    r.gc(History::Squash);
    assert_eq!(kept(), [false; 4]);
}

#[test]
fn a_signature_may_be_pushed_some_days_before_its_subject() {
    let r = Registered::new();
    let layer = r.blob("a", &module(1));
    let config = r.blob("a", b"{}");
    let manifest = module_manifest(&layer, &config, 1);
    let subject = OciDigest::Sha256(sha256(&serde_json::to_vec(&manifest).unwrap()));
    let tag = format!("sha256-{}.sig", subject.to_hex());
    let signature = r.sign("sigs", Some(&tag), &subject);
    r.age("sigs", 29);
    r.gc(History::Squash);
    assert_eq!(r.pull("sigs", &tag), Some(signature), "29 days later");
    assert_eq!(r.manifest("a", Some("1"), &manifest), subject);
    r.age("sigs", 100);
    r.gc(History::Squash);
    assert_eq!(
        r.pull("sigs", &tag),
        Some(signature),
        "the subject is there"
    );
    remove(&r, "a/1.wasm");
    r.gc(History::Squash);
    assert_eq!(r.pull("sigs", &tag), None);
    let signature = r.sign("sigs", Some(&tag), &subject);
    assert_eq!(r.pull("sigs", &tag), Some(signature));
    r.age("sigs", 30);
    r.gc(History::Squash);
    assert_eq!(r.pull("sigs", &tag), None, "the subject never came");
}

#[test]
fn manifests_of_the_modules_of_every_branch_stay() {
    let r = Registered::new();
    let digest = r.push("a", "1", 1);
    r.s.store
        .create_branch(&branch("dev"), &Revision::default())
        .unwrap();
    remove(&r, "a/1.wasm");
    r.gc(History::Squash);
    assert_eq!(r.pull("a", "1"), None);
    r.s.store.set_registry_branch(Some(branch("dev")));
    assert_eq!(r.pull("a", "1"), Some(digest));
    r.s.store.set_registry_branch(None);
    r.s.store.delete_branch(&branch("dev"), None).unwrap();
    r.gc(History::Squash);
    assert_eq!(r.records(), [""; 0]);
}

#[test]
fn gc_loses_nothing_that_is_pushed_at_the_same_time() {
    let r = Registered::new();
    let ends = AtomicBool::new(false);
    let pushed = std::thread::scope(|threads| {
        let writers: Vec<_> = (0..3)
            .map(|writer| {
                let (r, ends) = (&r, &ends);
                threads.spawn(move || {
                    let mut pushed = Vec::new();
                    while pushed.len() < 50 && !ends.load(Ordering::Relaxed) {
                        let n = writer * 10_000 + pushed.len() as u32;
                        let repository = format!("r{writer}");
                        pushed.push(r.push(&repository, &format!("v{}", pushed.len()), n));
                    }
                    pushed
                })
            })
            .collect();
        for _ in 0..4 {
            r.s.store.gc(&Change::default(), History::Keep).unwrap();
        }
        ends.store(true, Ordering::Relaxed);
        let joined = writers.into_iter().map(|writer| writer.join().unwrap());
        joined.collect::<Vec<_>>()
    });
    r.gc(History::Squash);
    for (writer, pushed) in pushed.iter().enumerate() {
        assert!(!pushed.is_empty());
        for (n, digest) in pushed.iter().enumerate() {
            let repository = format!("r{writer}");
            assert_eq!(r.pull(&repository, &format!("v{n}")), Some(*digest));
        }
    }
}
