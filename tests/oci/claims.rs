//! The claims of the registry that span several APIs, each with its test, and the tests that are nowhere else.
//!
//! | claim | test |
//! |---|---|
//! | tag `T` of `R` is the path `R/T.wasm` | `one_store::an_added_module_is_pulled_with_a_synthesized_manifest` |
//! | a plain clone has the files that wkg's `local` backend reads | `a_clone_has_the_files_that_wkg_reads` |
//! | `R.wasm`, or `R`, is `R:latest` and `R:<branch>` | `tags::latest_is_the_module_with_the_name_of_the_repository`, `tags::a_module_without_a_suffix_is_latest` |
//! | writes go to the path that reads use | `tags::writes_go_to_the_path_that_reads_use` |
//! | a push of `latest` makes `R.wasm`, of `1.2.3` makes `R/1.2.3.wasm` | `tags::latest_without_a_module_becomes_the_module_with_the_name_of_the_repository` |
//! | a path that does not fit is reached by an alias | `tags::a_path_that_does_not_fit_is_reached_by_an_alias` |
//! | the records have the documented layout | `records_have_the_documented_layout` |
//! | there is one copy of the bytes | `one_store::a_layer_is_the_same_git_blob_as_the_module` |
//! | a pushed manifest is served byte for byte | `one_store::a_pushed_manifest_is_served_byte_for_byte` |
//! | it is served only while its layer is the module | `one_store::an_upload_through_the_api_moves_the_tag` |
//! | otherwise another pushed manifest with the layer is served | `another_pushed_manifest_of_the_module_is_served` |
//! | otherwise a synthesised one is served | `one_store::an_upload_through_the_api_moves_the_tag` |
//! | `rollback` brings the old digest back | `one_store::a_rollback_brings_the_old_digest_back` |
//! | `restore`, `set`, git and a merge move tags | `every_way_to_change_a_module_moves_its_tag`, `one_store::other_branches_are_not_served` |
//! | `remove` removes the tag | `one_store::a_removed_module_has_no_tag` |
//! | a synthesised manifest is a function of bytes and file name; `gc` keeps its digest | `one_store::the_digest_of_a_synthesized_manifest_survives_gc_and_is_the_same_in_every_store`, `reindexed::every_module_is_found_by_the_digest_of_its_manifest` |
//! | its format is frozen | `synthesized::tests` in the library |
//! | attaching a signature records it | `referrers::a_signature_keeps_the_synthesised_manifest_to_which_it_is_attached` |
//! | layers that claim to be WebAssembly are validated | `refused::a_broken_module_is_rejected_with_the_reason`, `refused::a_broken_module_that_another_manifest_stores_is_no_module_either` |
//! | one wasm layer becomes a module, anything else is stored only | `one_store::a_manifest_of_several_layers_is_stored_but_is_no_module` |
//! | all four layer types are WebAssembly | `one_store::a_module_behind_each_media_type_of_wasm_is_a_module` |
//! | uploads stay files until a manifest names them, and expire | `one_store::a_layer_is_the_same_git_blob_as_the_module`, `uploads::uploads_that_never_end_expire`, `uploads::uploads_have_limits` |
//! | the branch and the records move in one change, or not at all | `one_store::a_pushed_manifest_is_served_byte_for_byte`, `one_store::a_failed_push_leaves_neither_ref_changed`, `keys::the_author_of_a_key_is_the_author_of_both_commits` |
//! | all deletes of one request are one commit | `one_store::deleting_a_tag_removes_the_module_in_one_commit`, `one_store::deleting_a_digest_removes_all_its_tags_in_one_commit` |
//! | `gc` squashes the records, and keeps what tags name | `kept::what_a_tag_names_stays_byte_for_byte_and_the_history_goes` |
//! | `remove` and `gc` free the bytes | `kept::removing_a_module_and_gc_free_its_blob` |
//! | an old digest is kept until it expires | `kept::the_old_digest_of_a_moved_tag_is_kept_for_some_days`, `kept::a_manifest_without_a_tag_is_kept_for_some_days` |
//! | signatures stay and go with their subject | `kept::signatures_stay_and_go_with_their_subject`, `kept::signatures_in_another_repository_stay_and_go_with_their_subject` |
//! | `verify` checks the records | `verified::records_that_contradict_their_paths_are_reported` |
//! | mirrors, clones, backups and replicas have the records | `copies::a_mirror_gets_the_records_and_a_clone_brings_them_back`, `copies::a_backup_has_the_records`, `replicas::a_replica_follows_the_records_and_serves_pulls` |
//! | git pushes to the records are refused | `scoped::pushes_to_the_records_are_refused_and_fetches_allowed` |
//! | the branch of a server is the one of its registry | `branches::the_server_option_overrides_the_default_branch` |

use serde_json::json;
use wasmstore::names::TreePath;
use wasmstore::store::Change;

use super::{EMPTY, MANIFEST, Registry, WASM, descriptor, image_manifest, sha512_of};
use crate::http::api::digest_of;
use crate::support::store::{git_with_input, module};

#[test]
fn a_clone_has_the_files_that_wkg_reads() {
    let registry = Registry::new();
    registry.push_module("math/adder", "1.0.0", 1);
    registry.put("math/adder/1.1.0.wasm", 2);
    let clones = tempfile::tempdir().unwrap();
    let clone = clones.path().join("clone");
    let source = registry.root.to_str().unwrap();
    registry.git(&["clone", "-q", source, clone.to_str().unwrap()]);
    // `local` finds version V of package N:P in the file ROOT/N/P/V.wasm.
    for (version, n) in [("1.0.0", 1), ("1.1.0", 2)] {
        let file = clone.join(format!("math/adder/{version}.wasm"));
        assert_eq!(std::fs::read(file).unwrap(), module(n));
    }
    let mut names: Vec<_> = std::fs::read_dir(&clone)
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    names.sort();
    assert_eq!(names, [".git", "math"], "nothing of the records");
}

/// Returns the path of a digest in the records.
fn fanned_out(digest: &str) -> String {
    let (algorithm, digits) = digest.split_once(':').unwrap();
    format!("{algorithm}/{}/{}", &digits[..2], &digits[2..])
}

#[test]
fn records_have_the_documented_layout() {
    let registry = Registry::new();
    let (first, text) = registry.push_module("a/b", "1", 1);
    let (second, _) = registry.push_module("a/b", "1", 2);
    // A signature by digest, without a media type in the manifest, and with SHA-512.
    let subject = json!({ "mediaType": MANIFEST, "digest": second, "size": 1 });
    let signature = json!({
        "schemaVersion": 2, "config": descriptor(EMPTY, b"{}"), "layers": [], "subject": subject,
    });
    let signature = signature.to_string();
    let signed = sha512_of(signature.as_bytes());
    registry.upload("a/b", b"{}");
    assert_eq!(
        registry.put_manifest("a/b", &signed, &signature).status,
        201
    );
    let blob = |text: &str| crate::support::store::blob_id(text.as_bytes());
    let today = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs() / (24 * 3600);
    let mut expected = vec!["a/b/_tags/1".to_owned()];
    for digest in [&first, &second, &signed] {
        expected.push(format!("a/b/_manifests/{}", fanned_out(digest)));
    }
    for bytes in [b"{}".to_vec(), module(1), module(2)] {
        let digest = digest_of(&bytes);
        expected.push(format!("a/b/_blobs/{}", fanned_out(&digest)));
    }
    let (algorithm, digits) = signed.split_once(':').unwrap();
    expected.push(format!(
        "a/b/_referrers/{}/{algorithm}/{digits}",
        fanned_out(&second)
    ));
    expected.push(format!("a/b/_types/{}", fanned_out(&signed)));
    for text in [&text, &signature] {
        expected.push(format!("a/b/_untagged/{today}/{}", blob(text)));
    }
    expected.sort();
    let listed = registry.git(&["ls-tree", "-r", "--name-only", "refs/oci/records"]);
    let mut listed: Vec<_> = listed.lines().collect();
    listed.sort_unstable();
    assert_eq!(listed, expected);
    registry.is_clean();
}

#[test]
fn another_pushed_manifest_of_the_module_is_served() {
    let registry = Registry::new();
    registry.upload("a", b"{}");
    registry.upload("a", &module(1));
    let mut pushed = Vec::new();
    for n in 0..4 {
        let text = image_manifest(
            &[(WASM, &module(1))],
            &json!({ "annotations": { "n": n.to_string() } }),
        );
        let response = registry.put_manifest("a", &format!("t{n}"), &text);
        assert_eq!(response.status, 201);
        pushed.push(digest_of(text.as_bytes()));
    }
    // The same module arrives in another way: the manifest is the first one in the order of digests.
    registry.put("a/uploaded.wasm", 1);
    let first = pushed.iter().min().unwrap();
    assert_eq!(&registry.digest("a", "uploaded"), first);
    // It is that of another repository only once it is pushed there.
    registry.put("b/uploaded.wasm", 1);
    assert!(!pushed.contains(&registry.digest("b", "uploaded")));
    registry.is_clean();
}

#[test]
fn every_way_to_change_a_module_moves_its_tag() {
    let registry = Registry::new();
    let (first, _) = registry.push_module("a", "1", 1);
    let commit = registry.rev("main").trim().parse().unwrap();
    let (second, _) = registry.push_module("a", "1", 2);
    // `set` by hash.
    let hash = registry.hash_of(&module(1));
    let set = registry.post(&format!("/hash/{hash}/a/1.wasm"), "");
    assert_eq!(set.status, 200);
    assert_eq!(registry.digest("a", "1"), first);
    // A commit of stock git.
    let import = |n: u32| {
        let blob = module(n);
        let mut stream = format!("blob\nmark :1\ndata {}\n", blob.len()).into_bytes();
        stream.extend(blob);
        stream.extend(b"\ncommit refs/heads/main\ncommitter A <a@b.c> 0 +0000\ndata 0\nfrom refs/heads/main^0\nM 100644 :1 a/1.wasm\n");
        git_with_input(&registry.root, &["fast-import", "--quiet"], stream);
    };
    import(2);
    assert_eq!(registry.digest("a", "1"), second);
    import(3);
    let layer = registry.manifest("a", "1").json()["layers"][0]["digest"].clone();
    assert_eq!(layer, digest_of(&module(3)));
    // `restore`.
    let path = TreePath::root();
    registry
        .store
        .restore(&Change::default(), commit, &path)
        .unwrap();
    assert_eq!(registry.digest("a", "1"), first);
    registry.is_clean();
}
