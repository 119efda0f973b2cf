//! Clients at the same time: pushes of one tag, deletes of it, and `gc`.

use std::collections::BTreeSet;
use std::sync::Barrier;
use std::thread;

use serde_json::json;

use super::{Registry, WASM, image_manifest};
use crate::http::api::digest_of;
use crate::support::store::module;

const ROUNDS: u32 = 20;

/// Uploads the blobs of module `n`, and returns its manifest.
fn prepare(registry: &Registry, n: u32) -> String {
    registry.upload("a", b"{}");
    registry.upload("a", &module(n));
    image_manifest(&[(WASM, &module(n))], &json!({}))
}

/// Runs both at the same time.
fn both<A: Send, B: Send>(a: impl FnOnce() -> A + Send, b: impl FnOnce() -> B + Send) -> (A, B) {
    let barrier = Barrier::new(2);
    thread::scope(|scope| {
        let other = scope.spawn(|| {
            barrier.wait();
            b()
        });
        barrier.wait();
        (a(), other.join().unwrap())
    })
}

#[test]
fn a_delete_of_a_tag_and_a_push_of_it_happen_one_after_the_other() {
    let registry = Registry::new();
    for round in 0..ROUNDS {
        let old = prepare(&registry, 0);
        assert_eq!(registry.put_manifest("a", "1", &old).status, 201);
        let new = prepare(&registry, 1);
        let (pushed, deleted) = both(
            || registry.put_manifest("a", "1", &new),
            || registry.v2("DELETE", "a/manifests/1", ""),
        );
        assert_eq!((pushed.status, deleted.status), (201, 202), "round {round}");
        let response = registry.manifest("a", "1");
        match response.status {
            200 => assert_eq!(response.text(), new),
            status => assert_eq!(status, 404),
        }
        let expected = if response.status == 200 {
            "/a/1.wasm=1"
        } else {
            ""
        };
        assert_eq!(registry.content(), expected, "round {round}");
    }
    registry.is_clean();
}

#[test]
fn a_delete_of_a_digest_does_not_delete_what_its_tag_is_now() {
    let registry = Registry::new();
    for round in 0..ROUNDS {
        let old = prepare(&registry, 0);
        assert_eq!(registry.put_manifest("a", "1", &old).status, 201);
        let new = prepare(&registry, 1);
        let path = format!("a/manifests/{}", digest_of(old.as_bytes()));
        let (pushed, deleted) = both(
            || registry.put_manifest("a", "1", &new),
            || registry.v2("DELETE", &path, ""),
        );
        assert_eq!((pushed.status, deleted.status), (201, 202), "round {round}");
        assert_eq!(registry.manifest("a", "1").text(), new, "round {round}");
        assert_eq!(registry.content(), "/a/1.wasm=1", "round {round}");
    }
    registry.is_clean();
}

#[test]
fn pushes_of_one_tag_end_with_one_of_them() {
    let registry = Registry::new();
    for _ in 0..ROUNDS {
        let (first, second) = (prepare(&registry, 1), prepare(&registry, 2));
        let (a, b) = both(
            || registry.put_manifest("a", "1", &first),
            || registry.put_manifest("a", "1", &second),
        );
        assert_eq!((a.status, b.status), (201, 201));
        let text = registry.manifest("a", "1").text().to_owned();
        let (n, expected) = if text == first {
            (1, first)
        } else {
            (2, second)
        };
        assert_eq!(text, expected);
        assert_eq!(registry.content(), format!("/a/1.wasm={n}"));
    }
    registry.is_clean();
}

#[test]
fn gc_loses_no_push_that_runs_at_the_same_time() {
    let registry = Registry::new();
    registry.push_module("a", "first", 100);
    let (pushed, ()) = both(
        || {
            let mut pushed = BTreeSet::new();
            for n in 0..40 {
                let tag = format!("v{n}");
                let text = prepare(&registry, n);
                let response = registry.put_manifest("a", &tag, &text);
                assert_eq!(response.status, 201, "{tag}: {}", response.text());
                pushed.insert((tag, text));
            }
            pushed
        },
        || {
            for _ in 0..15 {
                let collected = registry.post("/gc", "");
                assert_eq!(collected.status, 200, "{}", collected.text());
            }
        },
    );
    for (tag, text) in pushed {
        registry.manifest("a", &tag).is(200, &text);
    }
    assert_eq!(registry.tags("a").len(), 41);
    assert_eq!(registry.post("/gc", "").status, 200);
    assert_eq!(
        registry
            .git(&["rev-list", "--count", "refs/oci/records"])
            .trim(),
        "1"
    );
    assert_eq!(registry.tags("a").len(), 41);
    registry.is_clean();
}

#[test]
fn uploads_of_the_same_blob_at_the_same_time_all_succeed() {
    let registry = Registry::new();
    for n in 0..ROUNDS {
        let text = image_manifest(&[(WASM, &module(n))], &json!({}));
        let push = |tag: &str| {
            registry.upload("a", b"{}");
            registry.upload("a", &module(n));
            let response = registry.put_manifest("a", tag, &text);
            assert_eq!(response.status, 201, "{}", response.text());
        };
        both(|| push("1"), || push("2"));
        assert_eq!(registry.content(), format!("/a/1.wasm={n} /a/2.wasm={n}"));
    }
    registry.is_clean();
}
