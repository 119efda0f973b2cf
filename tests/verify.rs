//! `verify`: it finds and names every damage, and reports nothing in a sound store.

use std::fs;

use wasmstore::config::{ModuleLimits, Options};
use wasmstore::store::{Change, DerivedFaults, ErrorKind, Finding, ObjectFormat, Store};

use crate::support::program::World;
use crate::support::store::{Scratch, git_with_input};

/// Runs `verify`, and returns its findings as sorted lines.
fn findings(s: &Scratch) -> Vec<String> {
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
    s.store
        .verify(DerivedFaults::Report, &mut report, &mut || ())
        .unwrap();
    lines.sort();
    lines
}

fn hash_of(s: &Scratch, at: &str) -> String {
    s.git(&["rev-parse", &format!("main:{at}")])
        .trim()
        .to_owned()
}

/// Commits a tree with `entries`, in the format of `git ls-tree`, on main; returns the commit.
fn commit(s: &Scratch, entries: &str) -> String {
    let tree = git_with_input(&s.root, &["mktree", "--missing"], entries);
    let commit = s.git(&["commit-tree", "-p", "main", "-m", "outside", tree.trim()]);
    s.git(&["update-ref", "refs/heads/main", commit.trim()]);
    commit.trim().to_owned()
}

fn blob(s: &Scratch, text: &str) -> String {
    let id = git_with_input(&s.root, &["hash-object", "-w", "--stdin"], text);
    id.trim().to_owned()
}

#[test]
fn a_sound_store_has_no_findings() {
    for format in [ObjectFormat::Sha1, ObjectFormat::Sha256] {
        let s = Scratch::with_format(format);
        for n in 0..10 {
            s.put(&format!("{}/a", n % 3), n);
        }
        s.store
            .create_branch(&"b".parse().unwrap(), &Default::default())
            .unwrap();
        s.git(&["tag", "-a", "-m", "one", "one", "main~3"]);
        s.git(&["pack-refs", "--all"]);
        let mut steps = 0;
        let mut report = |finding| panic!("{finding:?}");
        let checked = s
            .store
            .verify(DerivedFaults::Report, &mut report, &mut || steps += 1)
            .unwrap();
        assert_eq!(
            (checked.refs, checked.commits, checked.modules),
            (3, 11, 10)
        );
        assert_eq!(steps, 1 + checked.commits + checked.trees + checked.modules);
    }
}

#[test]
fn a_damaged_object_is_reported_with_its_path() {
    let s = Scratch::new();
    s.put("a", 1);
    s.put("dir/b", 2);
    let (a, b) = (hash_of(&s, "a"), hash_of(&s, "dir/b"));
    let file = s.loose_file(&a);
    let whole = fs::read(&file).unwrap();
    let other = fs::read(s.loose_file(&b)).unwrap();
    fs::remove_file(&file).unwrap();
    assert_eq!(findings(&s), [format!("blob {a} /a: it is missing")]);
    fs::write(&file, other).unwrap();
    let reason = format!("its content is that of object {b}");
    assert_eq!(findings(&s), [format!("blob {a} /a: {reason}")]);
    for damage in [&whole[..0], &whole[..whole.len() / 2], b"what is this?"] {
        fs::write(&file, damage).unwrap();
        let found = findings(&s);
        assert!(found[0].starts_with(&format!("blob {a} /a: ")), "{found:?}");
        assert_eq!(found.len(), 1, "{found:?}");
    }
    fs::write(&file, whole).unwrap();
    assert_eq!(findings(&s), [""; 0]);
}

#[test]
fn missing_trees_and_commits_are_reported() {
    let s = Scratch::new();
    s.put("dir/a", 1);
    let old = s.tip().to_string();
    s.put("dir/b", 2);
    let tree = s.git(&["rev-parse", "main:dir"]).trim().to_owned();
    fs::remove_file(s.loose_file(&tree)).unwrap();
    fs::remove_file(s.loose_file(&old)).unwrap();
    let expected = [
        format!("commit {old} : it is missing"),
        format!("tree {tree} /dir: it is missing"),
    ];
    assert_eq!(findings(&s), expected);
}

#[test]
fn invalid_modules_and_foreign_entries_are_reported() {
    let s = Scratch::new();
    s.put("a", 1);
    let good = hash_of(&s, "a");
    let text = blob(&s, "hello");
    let entries =
        format!("100644 blob {good}\ta\n100755 blob {text}\tREADME.md\n120000 blob {text}\tlink\n");
    commit(
        &s,
        &format!("{entries}160000 commit {}\tsub\n", "1".repeat(40)),
    );
    // The same entries in another tree are not reported again.
    commit(&s, &format!("{entries}100644 blob {good}\tb\n"));
    let found = findings(&s);
    assert_eq!(found.len(), 3, "{found:?}");
    let reason = format!("blob {text} /README.md: it is not a valid module: ");
    assert!(found[0].starts_with(&reason), "{found:?}");
    assert!(found[0].ends_with("(at offset 0x0)"), "{found:?}");
    assert_eq!(found[1..], ["foreign /link", "foreign /sub"]);
}

/// Readers cannot reach the entries of a directory whose name is not a legal path segment.
#[test]
fn entries_below_an_illegal_name_are_foreign() {
    let s = Scratch::new();
    s.put("a", 1);
    let text = blob(&s, "hello");
    let file = format!("100644 blob {text}\tREADME.md\n");
    let inner = git_with_input(&s.root, &["mktree"], &file);
    let illegal = format!("040000 tree {}\t\"\\001\"\n", inner.trim());
    commit(&s, &illegal);
    let listed = s.store.list(&Default::default(), &"".parse().unwrap());
    assert_eq!(listed.unwrap(), []);
    assert_eq!(findings(&s), ["foreign /\u{1}"]);
    // A legal path now leads to the same directory.
    let legal = format!("040000 tree {}\td\n{illegal}", inner.trim());
    commit(&s, &legal);
    let found = findings(&s);
    let invalid = format!("blob {text} /d/README.md: it is not a valid module");
    assert!(found[0].starts_with(&invalid), "{found:?}");
    assert_eq!(found[1..], ["foreign /\u{1}"]);
    // Objects below the illegal name are still checked for damage.
    fs::remove_file(s.loose_file(&text)).unwrap();
    let found = findings(&s);
    assert!(
        found.len() == 3
            && found[..2]
                .iter()
                .all(|line| line.ends_with("it is missing"))
    );
}

#[test]
fn objects_of_the_wrong_kind_are_reported() {
    let s = Scratch::new();
    s.put("a", 1);
    let a = hash_of(&s, "a");
    fs::write(s.root.join("refs/heads/blob"), format!("{a}\n")).unwrap();
    let author = "o <o@example.org> 0 +0000";
    let commit = format!("tree {a}\nauthor {author}\ncommitter {author}\n\nwrong\n");
    let args = [
        "hash-object",
        "-t",
        "commit",
        "--literally",
        "-w",
        "--stdin",
    ];
    let commit = git_with_input(&s.root, &args, &commit);
    fs::write(s.root.join("refs/heads/commit"), commit).unwrap();
    let expected = [
        format!("commit {a} : it is a blob instead of a commit"),
        format!("tree {a} /: it is a blob instead of a tree"),
    ];
    assert_eq!(findings(&s), expected);
}

#[test]
fn broken_refs_are_reported() {
    let s = Scratch::new();
    s.put("a", 1);
    let heads = s.root.join("refs/heads");
    fs::write(heads.join("lost"), format!("{}\n", "7".repeat(40))).unwrap();
    fs::write(heads.join("nowhere"), "ref: refs/heads/none\n").unwrap();
    fs::write(heads.join("broken"), "what is this?\n").unwrap();
    let found = findings(&s);
    let missing = "7".repeat(40);
    let expected = [
        "refs/heads/broken : its file contains neither an object id nor the name of a ref"
            .to_owned(),
        format!("refs/heads/lost : it points to object {missing}, which is missing"),
        "refs/heads/nowhere : it names refs/heads/none, which does not exist".to_owned(),
    ];
    assert_eq!(found, expected);
}

#[test]
fn the_command_prints_counts_and_exits_with_5_after_a_fault() {
    for world in World::each() {
        world.add("a", 1);
        world.add("dir/b", 2);
        let sound = "refs 1, commits 3, trees 4, modules 2, faults 0\n";
        assert_eq!(world.ok(&["verify"]), sound);
        let text = world.file("text", "hello\n").to_owned();
        let id = world.git(&["hash-object", "-w", world.path(&text).to_str().unwrap()]);
        let entry = format!("100644,{id},no.wasm");
        world.git(&["read-tree", "main"]);
        world.git(&["update-index", "--add", "--cacheinfo", &entry]);
        let tree = world.git(&["write-tree"]);
        let args = [
            "-c",
            "user.name=o",
            "-c",
            "user.email=o",
            "commit-tree",
            "-m",
            "o",
            &tree,
        ];
        let commit = world.git(&args);
        world.git(&["update-ref", "refs/heads/main", &commit]);
        let ran = world.run(&["verify"]);
        assert_eq!(ran.code, Some(5), "{ran:?}");
        let line = format!("/no.wasm in commit {commit} (blob {id}): it is not a valid module: ");
        assert!(ran.out.starts_with(&line), "{ran:?}");
        assert!(ran.out.ends_with(", faults 1\n"), "{ran:?}");
        assert!(ran.err.contains("verify found 1 fault"), "{ran:?}");
        let ran = world.run(&["verify", "--json"]);
        let json: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
        assert_eq!(ran.code, Some(5));
        let fault = &json["faults"][0];
        assert_eq!(fault["subject"], format!("blob {id}"));
        assert_eq!(
            (&fault["path"], &fault["commit"]),
            (&"/no.wasm".into(), &commit.into())
        );
        assert_eq!(json["modules"], 3);
    }
}

#[test]
fn a_missing_store_is_an_error_and_a_new_one_has_no_findings() {
    let world = World::empty();
    let missing = world.fails(5, &["verify"]);
    assert!(missing.contains("there is no store at"), "{missing}");
    world.ok(&["init"]);
    let counts = world.ok(&["verify"]);
    assert!(counts.ends_with(" modules 0, faults 0\n"), "{counts}");
    let s = Scratch::new();
    assert_eq!(findings(&s), [""; 0]);
}

/// Opens the store with limits that none of its modules meets.
fn with_lower_limits(s: &Scratch) -> Store {
    let modules = ModuleLimits {
        module_bytes_max: 8,
        section_bytes_max: 0,
        validation_fuel_max: 1,
    };
    let options = Options {
        modules,
        ..Options::default()
    };
    Store::open(&s.root, options).unwrap()
}

#[test]
fn limits_do_not_apply_to_what_the_store_has() {
    let s = Scratch::new();
    s.put("a", 1);
    let hash = hash_of(&s, "a");
    let store = with_lower_limits(&s);
    let mut report = |finding| panic!("{finding:?}");
    let counts = store.verify(DerivedFaults::Report, &mut report, &mut || ());
    assert_eq!(counts.unwrap().modules, 1);
    let (change, path) = (Change::default(), "b".parse().unwrap());
    store.set(&change, &hash.parse().unwrap(), &path).unwrap();
    let other = crate::support::store::module(2);
    let refused = store.put(&change, &path, &other[..]).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::InvalidModule);
    // A blob that no commit has may have come with a push that did not use it.
    let unused = git_with_input(&s.root, &["hash-object", "-w", "--stdin"], &other);
    let unused = unused.trim().parse().unwrap();
    store.set(&change, &unused, &path).unwrap_err();
    s.store.set(&change, &unused, &path).unwrap();
}

#[test]
fn a_verdict_is_remembered() {
    let s = Scratch::new();
    s.put("a", 1);
    assert_eq!(findings(&s), [""; 0]);
    let count = |table| {
        let index = fs::read_dir(s.root.join("wasmstore")).unwrap();
        let mut index = index.map(|entry| entry.unwrap().path());
        let file = index.find(|path| path.extension().is_some_and(|found| found == "sqlite"));
        let database = rusqlite::Connection::open(file.unwrap()).unwrap();
        let count = format!("SELECT count(*) FROM {table}");
        database
            .query_row(&count, [], |row| row.get::<_, i64>(0))
            .unwrap()
    };
    assert_eq!(count("verdicts"), 1);
    assert_eq!(findings(&s), [""; 0]);
    assert_eq!(count("verdicts"), 1);
}
