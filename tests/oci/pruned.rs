//! `gc` removes records while clients push the very same manifests again: every acknowledged push can be pulled afterwards.
//!
//! Each round makes garbage: a tag whose module was removed, an untagged manifest whose days are over, and a signature in another
//! repository. Then a `gc` runs, and at the same time a client brings all of it back. `PRUNE_ROUNDS` sets the number of rounds.

use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use wasmstore::names::{CommitId, OciDigest, TreePath};
use wasmstore::oci::Error;
use wasmstore::store::{Change, History};

use super::kept::remove;
use super::pushing::{Registered, image, index};
use crate::support::random::size;

const TODAY: u64 = 30;

/// What a client brings back in a round.
struct Garbage {
    module: OciDigest,
    child: OciDigest,
    lone: OciDigest,
    signature: OciDigest,
    /// A commit that has the module.
    commit: CommitId,
    round: u32,
}

impl Garbage {
    /// Makes garbage, and checks that it is there.
    fn make(r: &Registered, round: u32) -> Self {
        let module = r.push("a", "1", round);
        let commit = r.s.tip();
        remove(r, "a/1.wasm");
        let child = push_text(r, &self::child(round));
        let lone = push_text(r, &self::lone(round));
        r.age("a", 100);
        let signature = r.sign("sigs", Some(&signature_tag(&module)), &module);
        r.age("sigs", 100);
        Self {
            module,
            child,
            lone,
            signature,
            commit,
            round,
        }
    }

    /// Brings the garbage back, and returns the references that were acknowledged, each with its digest.
    fn bring_back(&self, r: &Registered) -> Vec<(&'static str, String, OciDigest)> {
        let mut acknowledged = Vec::new();
        let mut add = |repository, reference: String, digest| {
            acknowledged.push((repository, reference, digest));
        };
        match self.round % 3 {
            0 => {
                let pushed = r.push("a", "1", self.round);
                assert_eq!(pushed, self.module);
            }
            1 => {
                // A restore moves only the branch.
                let path = TreePath::root();
                r.s.store
                    .restore(&Change::default(), self.commit, &path)
                    .unwrap();
            }
            _ => {
                // The signature first, as copying tools do.
                r.sign("sigs", Some(&signature_tag(&self.module)), &self.module);
                r.push("a", "1", self.round);
            }
        }
        if self.round % 3 == 1 {
            // If `gc` was faster, the module has a synthesised manifest.
            let digest = r.pull("a", "1").unwrap();
            add("a", "1".to_owned(), digest);
        } else {
            add("a", "1".to_owned(), self.module);
            add("a", self.module.to_string(), self.module);
        }
        let all = r.index_over(self.child, self.round);
        add("a", "all".to_owned(), all);
        add("a", all.to_string(), all);
        add("a", self.child.to_string(), self.child);
        // The same manifest again, by its digest: it is kept for some days more.
        assert_eq!(push_text(r, &lone(self.round)), self.lone);
        add("a", self.lone.to_string(), self.lone);
        if self.round % 3 == 2 {
            add("sigs", signature_tag(&self.module), self.signature);
        }
        acknowledged
    }
}

fn child(round: u32) -> String {
    format!("child {round}")
}

fn lone(round: u32) -> String {
    format!("lone {round}")
}

fn signature_tag(subject: &OciDigest) -> String {
    format!("sha256-{}.sig", subject.to_hex())
}

/// Pushes a manifest of a text without a tag.
fn push_text(r: &Registered, text: &str) -> OciDigest {
    let config = r.blob("a", b"{}");
    let layer = r.blob("a", text.as_bytes());
    r.manifest("a", None, &image(&config, &[("text/plain", &layer)]))
}

impl Registered {
    /// Pushes an index under the tag `all`, and its child if it is missing.
    fn index_over(&self, child: OciDigest, round: u32) -> OciDigest {
        loop {
            match self.try_manifest("a", Some("all"), &index(&[child])) {
                Ok(digest) => return digest,
                Err(Error::ManifestBlobUnknown(_)) => {
                    assert_eq!(push_text(self, &self::child(round)), child);
                }
                Err(error) => panic!("{error}"),
            }
        }
    }
}

#[test]
fn every_acknowledged_push_of_what_gc_removes_is_there_afterwards() {
    let r = Registered::new();
    r.s.put("other.wasm", 1);
    let rounds = u32::try_from(size("PRUNE_ROUNDS", 30)).unwrap();
    for round in 0..rounds {
        let garbage = Garbage::make(&r, round);
        let start = Barrier::new(2);
        let acknowledged = thread::scope(|threads| {
            let pruner = threads.spawn(|| {
                start.wait();
                r.registry.prune(&r.s.store, TODAY).unwrap()
            });
            start.wait();
            // The rounds meet different steps of the removal.
            thread::sleep(Duration::from_micros(u64::from(round % 10) * 700));
            let acknowledged = garbage.bring_back(&r);
            pruner.join().unwrap();
            acknowledged
        });
        for _ in 0..2 {
            for (repository, reference, digest) in &acknowledged {
                let pulled = r.pull(repository, reference);
                assert_eq!(
                    pulled,
                    Some(*digest),
                    "round {round}: {repository} {reference}"
                );
            }
            // Nor does the next one remove any of it.
            assert!(r.registry.prune(&r.s.store, TODAY).unwrap());
        }
        for text in [child(round), lone(round)] {
            assert_eq!(r.copies(text.as_bytes()), 1, "round {round}: {text}");
        }
    }
    r.gc(History::Squash);
}

#[test]
fn unused_records_are_removed_although_clients_make_changes_all_the_time() {
    let r = Registered::new();
    for n in 0..20 {
        r.push(&format!("old{n}"), "1", n);
        remove(&r, &format!("old{n}/1.wasm"));
    }
    // In the same repository as the changes, too.
    r.push("busy", "old", 99);
    remove(&r, "busy/old.wasm");
    let has_ended = AtomicBool::new(false);
    let pushed = thread::scope(|threads| {
        let writers: Vec<_> = (0..2)
            .map(|writer| {
                let (r, has_ended) = (&r, &has_ended);
                threads.spawn(move || {
                    let mut pushed = Vec::new();
                    while !has_ended.load(Ordering::Relaxed) {
                        let n = 1000 * (writer + 1) + pushed.len() as u32;
                        pushed.push((format!("v{n}"), r.push("busy", &format!("v{n}"), n)));
                        // A change of the branch alone.
                        r.s.put(&format!("else{writer}/m.wasm"), n);
                    }
                    pushed
                })
            })
            .collect();
        let mut is_done = false;
        for _ in 0..3 {
            is_done |= r.registry.prune(&r.s.store, TODAY).unwrap();
        }
        has_ended.store(true, Ordering::Relaxed);
        assert!(is_done, "a gc has left records");
        let joined = writers
            .into_iter()
            .flat_map(|writer| writer.join().unwrap());
        joined.collect::<Vec<_>>()
    });
    let records = r.records();
    let is_old = |path: &&String| path.starts_with("old") || path.starts_with("busy/_tags/old");
    assert_eq!(records.iter().find(is_old), None);
    for (tag, digest) in pushed {
        assert_eq!(r.pull("busy", &tag), Some(digest), "{tag}");
    }
    r.check();
}
