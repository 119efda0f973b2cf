//! Records stay records: no client can read, restore or branch off them as modules.

use wasmstore::names::{CommitId, TreePath};
use wasmstore::store::{Change, ErrorKind, Revision};

use super::pushing::{Registered, digest_at, push_to};
use crate::support::program::{World, module};
use crate::support::server::Server;
use crate::support::store::{branch, try_git};

#[test]
fn a_commit_of_the_records_is_no_revision() {
    let r = Registered::new();
    r.push("a", "1", 1);
    r.push("a", "1", 2);
    let older = r.s.git(&["rev-parse", "refs/oci/records~1"]);
    for commit in [r.s.git(&["rev-parse", "refs/oci/records"]), older] {
        let commit: CommitId = commit.trim().parse().unwrap();
        let revision = Revision::Commit(commit);
        let store = &r.s.store;
        let root = TreePath::root();
        for error in [
            store.list(&revision, &root).unwrap_err(),
            store.catch_up(&revision).unwrap_err(),
            store.create_branch(&branch("x"), &revision).unwrap_err(),
            store
                .restore(&Change::default(), commit, &root)
                .unwrap_err(),
            store.snapshot(&revision).unwrap_err(),
        ] {
            assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
        }
    }
    assert_eq!(r.s.content(), "/a/1.wasm=2");
    // Commits of branches and tags are revisions, wherever the index is.
    let tip = r.s.tip();
    let first: CommitId = r.s.git(&["rev-parse", "main~1"]).trim().parse().unwrap();
    r.s.git(&["tag", "-a", "-m", "t", "t", "main"]);
    r.s.store.reindex().unwrap();
    for commit in [tip, first] {
        let revision = Revision::Commit(commit);
        assert_eq!(r.s.store.snapshot(&revision).unwrap(), commit);
    }
    let tree = r.s.git(&["rev-parse", "main^{tree}"]);
    let tagged =
        r.s.git(&["commit-tree", "-p", "main", "-m", "tagged", tree.trim()]);
    r.s.git(&["tag", "only", tagged.trim()]);
    let revision = Revision::Commit(tagged.trim().parse().unwrap());
    assert!(r.s.store.snapshot(&revision).is_ok());
}

#[test]
fn records_are_not_in_the_index() {
    let r = Registered::new();
    let subject = r.push("a", "1", 1);
    r.sign("a", None, &subject);
    r.s.store.complete_facts(&Revision::default()).unwrap();
    let index = std::fs::read_dir(r.s.root.join("wasmstore")).unwrap();
    let databases: Vec<_> = index
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|part| part == "sqlite"))
        .collect();
    assert_eq!(databases.len(), 1);
    let database = rusqlite::Connection::open(&databases[0]).unwrap();
    let count = |table: &str| -> u32 {
        let sql = format!("SELECT count(*) FROM {table}");
        database.query_row(&sql, [], |row| row.get(0)).unwrap()
    };
    assert_eq!((count("modules"), count("commits")), (1, 2));
}

#[test]
fn pushes_to_the_records_are_refused_and_fetches_allowed() {
    let world = World::with_store("sha1");
    let server = Server::start(&world, &[]);
    let digest = push_to(&server, "a", "1", &module(1));
    let tip = world.git(&["rev-parse", "refs/oci/records"]);
    let http = format!("http://{}/wasmstore.git", server.address);
    let local = world.root();
    for (n, url) in [http.as_str(), local.to_str().unwrap()]
        .into_iter()
        .enumerate()
    {
        let clone = world.path(&format!("clone{n}"));
        let ran = world
            .command("git")
            .args(["clone", "-q", "--mirror", url])
            .arg(&clone)
            .output()
            .unwrap();
        assert!(ran.status.success(), "{ran:?}");
        assert_eq!(
            try_git(&clone, &["rev-parse", "refs/oci/records"], "")
                .1
                .trim(),
            tip
        );
        let push = |refspec: &str| {
            let mut push = world.command("git");
            push.env("WASMSTORE_PROGRAM", env!("CARGO_BIN_EXE_wasmstore"))
                .env("WASMSTORE_PUSH_METHODS", "POST,DELETE")
                .arg("--git-dir")
                .arg(&clone)
                .args(["-c", "remote.origin.mirror=false"])
                .args(["push", "-q", url, refspec]);
            push.output().unwrap()
        };
        for refspec in [
            "+main:refs/oci/records",
            ":refs/oci/records",
            "refs/oci/records:refs/oci",
            "main:refs/notes/x",
        ] {
            let ran = push(refspec);
            let err = String::from_utf8_lossy(&ran.stderr).into_owned();
            assert!(!ran.status.success(), "{refspec}");
            if refspec.ends_with("refs/oci/records") {
                let reason =
                    "refs/oci/records: only OCI clients change this ref, through the registry API";
                assert!(err.contains(reason), "{refspec}: {err}");
            }
        }
        // Records that are pushed as a branch or tag would become modules.
        for refspec in [
            "refs/oci/records:refs/heads/x",
            "refs/oci/records:refs/tags/x",
        ] {
            let ran = push(refspec);
            let err = String::from_utf8_lossy(&ran.stderr).into_owned();
            assert!(!ran.status.success(), "{refspec}");
            assert!(err.contains("it is not a valid module"), "{refspec}: {err}");
        }
    }
    assert_eq!(world.git(&["rev-parse", "refs/oci/records"]), tip);
    assert_eq!(digest_at(&server, "a", "1"), digest);
    world.fsck();
}
