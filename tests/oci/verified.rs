//! `verify`: records are no modules, and it reports the damaged ones.

use wasmstore::names::OciDigest;
use wasmstore::store::{DerivedFaults, Finding, History, ObjectFormat, Store, sha256};

use super::pushing::{Registered, image, index};
use crate::support::store::{git_with_input, module};

/// Runs `verify`, and returns its findings as sorted lines.
pub fn findings(store: &Store) -> Vec<String> {
    let mut lines = Vec::new();
    let mut report = |finding| {
        lines.push(match finding {
            Finding::Foreign(at) => format!("foreign {}", at.path),
            Finding::Fault(fault) => {
                let path = fault.location.map(|at| at.path).unwrap_or_default();
                format!("{} {path}: {}", fault.subject, fault.reason)
            }
        });
    };
    store
        .verify(DerivedFaults::Report, &mut report, &mut || ())
        .unwrap();
    lines.sort();
    lines
}

#[test]
fn records_are_checked_and_are_no_modules() {
    for format in [ObjectFormat::Sha1, ObjectFormat::Sha256] {
        let r = Registered::with_format(format);
        let subject = r.push("a/b", "1", 1);
        r.sign("a/b", None, &subject);
        r.manifest("a/b", Some("all"), &index(&[subject]));
        let config = r.blob("c", b"{}");
        let layer = r.blob("c", b"no module");
        r.manifest(
            "c",
            Some("text"),
            &image(&config, &[("text/plain", &layer)]),
        );
        // A blob of the branch that the registry has, too, is a module.
        let wasm = r.blob("c", &module(2));
        r.manifest(
            "c",
            Some("two"),
            &image(
                &config,
                &[("text/plain", &layer), ("application/wasm", &wasm)],
            ),
        );
        r.s.fsck();
        let report = &mut |finding| panic!("{finding:?}");
        let checked = r.s.store.verify(DerivedFaults::Report, report, &mut || ());
        let checked = checked.unwrap();
        assert_eq!((checked.refs, checked.modules), (2, 1));
        let commits = r.s.git(&["rev-list", "--count", "--all"]);
        assert_eq!(checked.commits.to_string(), commits.trim());
        // The facts and digests of modules come from the branch only.
        r.s.store.reindex().unwrap();
        r.gc(History::Squash);
    }
}

/// Replaces the record at a path of `refs/oci/records`.
fn replace(r: &Registered, path: &str, content: &str) {
    let git = |args: &[&str]| r.s.git(args).trim().to_owned();
    let blob = git_with_input(&r.s.root, &["hash-object", "-w", "--stdin"], content);
    let index = r.s.root.join("scratch-index");
    let index = format!("GIT_INDEX_FILE={}", index.display());
    let run = |args: &[&str]| {
        let status = std::process::Command::new("env")
            .arg(&index)
            .args(["git", "--git-dir"])
            .arg(&r.s.root)
            .args(args)
            .status();
        assert!(status.unwrap().success());
    };
    run(&["read-tree", "refs/oci/records"]);
    let entry = format!("100644,{},{path}", blob.trim());
    run(&["update-index", "--add", "--cacheinfo", &entry]);
    let tree = std::process::Command::new("env")
        .arg(&index)
        .args(["git", "--git-dir"])
        .arg(&r.s.root)
        .arg("write-tree")
        .output()
        .unwrap();
    let tree = String::from_utf8(tree.stdout).unwrap();
    let commit = git(&["commit-tree", "-m", "Damage", tree.trim()]);
    git(&["update-ref", "refs/oci/records", &commit]);
    std::fs::remove_file(r.s.root.join("scratch-index")).unwrap();
}

#[test]
fn records_that_contradict_their_paths_are_reported() {
    let r = Registered::new();
    let subject = r.push("a", "1", 1);
    let signature = r.sign("a", None, &subject);
    let config = OciDigest::Sha256(sha256(b"{}"));
    let fanned = |digest: &OciDigest| {
        let digits = digest.to_hex();
        format!("sha256/{}/{}", &digits[..2], &digits[2..])
    };
    let found = format!(
        "its content has the digest {}",
        OciDigest::Sha256(sha256(b"x"))
    );
    let blob = format!("a/_blobs/{}", fanned(&config));
    replace(&r, &blob, "x");
    assert_eq!(
        findings(&r.s.store),
        [format!("blob a@{config} /{blob}: {found}")]
    );
    replace(&r, &blob, "{}");
    assert_eq!(findings(&r.s.store), [""; 0]);
    let manifest = format!("a/_manifests/{}", fanned(&subject));
    replace(&r, &manifest, "x");
    assert_eq!(
        findings(&r.s.store),
        [
            format!("manifest a@{subject} /{manifest}: {found}"),
            "tag a:1 /a/_tags/1: it names no manifest".to_owned(),
        ]
    );
    let referrer = format!(
        "a/_referrers/{}/sha256/{}",
        fanned(&subject),
        signature.to_hex()
    );
    replace(&r, "a/_tags/1", "x");
    replace(&r, &referrer, "x");
    assert_eq!(
        findings(&r.s.store),
        [
            format!("manifest a@{subject} /{manifest}: {found}"),
            format!("referrer a@{signature} /{referrer}: it names no manifest"),
        ]
    );
}

#[test]
fn a_missing_record_is_reported_once() {
    let r = Registered::new();
    r.push("a", "1", 1);
    let id = git_with_input(&r.s.root, &["hash-object", "--stdin"], "{}");
    let id = id.trim();
    std::fs::remove_file(r.s.loose_file(id)).unwrap();
    let mut s = r.s;
    s.reopen();
    let found = findings(&s.store);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(
        found[0].starts_with(&format!("blob {id} /a/_blobs/sha256/44/")),
        "{found:?}"
    );
    assert!(found[0].ends_with(": it is missing"), "{found:?}");
}
