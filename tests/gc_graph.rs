//! The commit-graph that `gc` writes: its content, and how later operations treat it.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::support::program::{CommandOutput, World, permissions_are_enforced};
use crate::support::store::{Scratch, branch, fsck, git};
use wasmstore::store::{Change, History, ObjectFormat, Revision};

const FORMATS: [ObjectFormat; 2] = [ObjectFormat::Sha1, ObjectFormat::Sha256];

fn graph(root: &Path) -> PathBuf {
    root.join("objects/info/commit-graph")
}

/// Returns the chunk of the graph with this id (gitformat-commit-graph(5)).
fn chunk(root: &Path, name: &[u8; 4]) -> Option<Vec<u8>> {
    let bytes = fs::read(graph(root)).unwrap();
    let offset = |row: &[u8]| u64::from_be_bytes(row[4..12].try_into().unwrap()) as usize;
    let rows: Vec<_> = bytes[8..]
        .chunks(12)
        .take(usize::from(bytes[6]) + 1)
        .collect();
    let nth = rows.iter().position(|row| row[..4] == *name)?;
    Some(bytes[offset(rows[nth])..offset(rows[nth + 1])].to_vec())
}

/// Returns the commits that the graph lists.
fn listed_commits(root: &Path) -> BTreeSet<String> {
    let format = git(root, &["rev-parse", "--show-object-format"]);
    let id_bytes = if format.trim() == "sha256" { 32 } else { 20 };
    let hex = |id: &[u8]| id.iter().map(|byte| format!("{byte:02x}")).collect();
    let ids = chunk(root, b"OIDL").unwrap();
    ids.chunks(id_bytes).map(hex).collect()
}

/// Asserts that the graph lists exactly the commits that refs reach, with changed paths, and that git finds no fault.
#[track_caller]
fn assert_valid(root: &Path) {
    let reached = git(root, &["rev-list", "--all"]);
    let reached: BTreeSet<_> = reached.lines().map(str::to_owned).collect();
    assert_eq!(listed_commits(root), reached);
    let (index, data) = (chunk(root, b"BIDX"), chunk(root, b"BDAT"));
    // BIDX has four bytes for each commit. BDAT has twelve bytes of parameters, followed by the filters.
    assert_eq!(index.unwrap().len(), 4 * reached.len());
    assert!(data.unwrap().len() > 12);
    assert_eq!(git(root, &["commit-graph", "verify"]), "");
    fsck(root);
    assert_tidy(root);
}

/// Asserts that no temporary file is left next to the graph.
#[track_caller]
fn assert_tidy(root: &Path) {
    let names = |dir: &str| -> Vec<_> {
        let entries = fs::read_dir(root.join(dir)).unwrap();
        entries.map(|entry| entry.unwrap().file_name()).collect()
    };
    let (info, own) = (names("objects/info"), names("wasmstore/gc"));
    assert!(info.iter().all(|name| name == "commit-graph"), "{info:?}");
    assert!(own.is_empty(), "{own:?}");
}

fn collect(s: &Scratch, history: History) {
    s.store.gc(&Change::default(), history).unwrap();
}

#[test]
fn the_graph_has_changed_paths_of_every_reachable_commit() {
    for format in FORMATS {
        let s = Scratch::with_format(format);
        for n in 0..20 {
            s.put(&format!("d/{}", n % 5), n);
        }
        s.store
            .create_branch(&branch("side"), &Revision::default())
            .unwrap();
        s.put_on(Some("side"), "q", 30);
        s.git(&["tag", "-m", "annotated", "t", "main"]);
        s.git(&["update-ref", "refs/tags/blob", "main:d/1"]);
        collect(&s, History::Keep);
        assert_valid(&s.root);
        assert_eq!(listed_commits(&s.root).len(), 22);
        let log = s.git(&["log", "--format=%s", "main", "--", "d/3"]);
        assert_eq!(log.lines().count(), 4);
        // git also finds a later commit, which the graph does not list.
        s.put("d/3", 40);
        let log = s.git(&["log", "--format=%s", "main", "--", "d/3"]);
        assert_eq!(log.lines().count(), 5);
    }
}

#[test]
fn git_uses_the_changed_paths() {
    let world = World::with_store("sha1");
    for n in 0..10 {
        world.add(&format!("d/{}", n % 5), n);
    }
    world.changes(&["gc", "--keep-history"]);
    let mut log = world.command("git");
    log.args(["log", "--format=%H", "main", "--", "d/3"])
        .env("GIT_DIR", world.root())
        .env("GIT_TRACE2_PERF", "1");
    let ran = CommandOutput::from(log.output().unwrap());
    assert_eq!(ran.out.lines().count(), 2);
    // git reads no tree of the other nine commits: eight modules and the creation of the store.
    assert!(ran.err.contains(r#""definitely_not":9"#), "{}", ran.err);
}

#[test]
fn the_graph_never_lists_removed_commits() {
    for format in FORMATS {
        let s = Scratch::with_format(format);
        for n in 0..5 {
            s.put("p", n);
        }
        s.store
            .create_branch(&branch("side"), &Revision::default())
            .unwrap();
        let side = s.put_on(Some("side"), "q", 9).to_string();
        collect(&s, History::Keep);
        assert!(listed_commits(&s.root).contains(&side));
        s.store.delete_branch(&branch("side"), None).unwrap();
        collect(&s, History::Keep);
        assert!(!listed_commits(&s.root).contains(&side));
        assert_valid(&s.root);
        collect(&s, History::Squash);
        assert_eq!(
            listed_commits(&s.root),
            BTreeSet::from([s.tip().to_string()])
        );
        assert_valid(&s.root);
    }
}

#[test]
fn gc_replaces_graphs_that_git_wrote() {
    let s = Scratch::new();
    s.put("p", 1);
    s.git(&["commit-graph", "write", "--reachable"]);
    s.put("p", 2);
    collect(&s, History::Keep);
    assert_valid(&s.root);
    s.put("p", 3);
    s.git(&["commit-graph", "write", "--reachable", "--split=no-merge"]);
    assert!(s.root.join("objects/info/commit-graphs").exists());
    collect(&s, History::Squash);
    assert_valid(&s.root);
}

#[test]
fn merges_find_the_same_base_with_a_graph() {
    let s = Scratch::new();
    s.put("base", 0);
    s.store
        .create_branch(&branch("side"), &Revision::default())
        .unwrap();
    for n in 1..8 {
        s.put("ours", n);
        s.put_on(Some("side"), "theirs", 20 + n);
        if n == 4 {
            collect(&s, History::Keep);
            s.store.merge(&Change::default(), &branch("side")).unwrap();
        }
    }
    s.store.merge(&Change::default(), &branch("side")).unwrap();
    assert_eq!(s.content(), "/base=0 /ours=7 /theirs=27");
    collect(&s, History::Keep);
    assert_valid(&s.root);
}

#[test]
fn gc_ignores_gits_lock_file_of_the_graph() {
    let s = Scratch::new();
    s.put("p", 1);
    let lock = s.root.join("objects/info/commit-graph.lock");
    fs::write(&lock, "git's").unwrap();
    collect(&s, History::Keep);
    assert_eq!(fs::read(&lock).unwrap(), b"git's");
    fs::remove_file(&lock).unwrap();
    assert_valid(&s.root);
}

#[test]
fn gc_succeeds_if_the_graph_cannot_be_written() {
    let world = World::with_store("sha1");
    if !permissions_are_enforced(&world.path("")) {
        println!("skipped: permissions do not bind this user");
        return;
    }
    world.add("p", 1);
    let info = world.root().join("objects/info");
    fs::set_permissions(&info, fs::Permissions::from_mode(0o555)).unwrap();
    assert_warned(&world.run(&["gc", "--keep-history"]));
    fs::set_permissions(&info, fs::Permissions::from_mode(0o755)).unwrap();
    assert_none(&world);
}

#[test]
fn gc_succeeds_if_git_fails_to_write_the_graph() {
    let real = program_path("git");
    // A git that fails, one that is killed, and one that leaves half a file.
    for fault in [
        "exit 128",
        "kill -9 $$",
        "echo half > \"$info.lock\"; exit 1",
    ] {
        let world = World::with_store("sha1");
        world.add("p", 1);
        world.add("p", 2);
        let script = format!(
            "#!/bin/sh\ninfo=\"$GIT_OBJECT_DIRECTORY/info/commit-graph\"\n\
             case \"$*\" in *commit-graph*) {fault};; esac\nexec {} \"$@\"\n",
            real.display()
        );
        fs::create_dir(world.path("bin")).unwrap();
        world.file("bin/git", script);
        let program = world.path("bin/git");
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        let mut gc = world.wasmstore(&["gc", "--keep-history"]);
        assert_warned(&gc.env("PATH", world.path("bin")).output().unwrap().into());
        assert_none(&world);
        world.changes(&["gc", "--keep-history"]);
        assert_valid(&world.root());
    }
}

#[test]
fn without_git_there_is_no_graph() {
    for world in World::each() {
        world.add("p", 1);
        world.add("p", 2);
        world.changes(&["gc", "--keep-history"]);
        assert!(graph(&world.root()).exists());
        let mut gc = world.wasmstore(&["gc", "--keep-history"]);
        let ran = CommandOutput::from(gc.env("PATH", world.path("none")).output().unwrap());
        assert_eq!((ran.code, without_report(&ran)), (Some(0), vec![]));
        assert_none(&world);
    }
}

#[test]
fn the_configuration_can_disable_the_graph() {
    let world = World::with_store("sha1");
    world.add("p", 1);
    world.git(&["config", "core.commitGraph", "false"]);
    world.changes(&["gc", "--keep-history"]);
    assert_none(&world);
}

/// Returns the first program of this name on the PATH.
fn program_path(name: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap();
    let mut programs = std::env::split_paths(&path).map(|dir| dir.join(name));
    programs.find(|program| program.exists()).unwrap()
}

#[track_caller]
fn assert_warned(ran: &CommandOutput) {
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.err.contains("WARN"), "{ran:?}");
    assert!(ran.err.contains("there is no commit-graph"), "{ran:?}");
    assert_eq!(without_report(ran).len(), 1, "{ran:?}");
}

/// Returns the lines on standard error without the one about the space that gc has freed.
fn without_report(ran: &CommandOutput) -> Vec<&str> {
    let (reports, others): (Vec<_>, Vec<_>) =
        ran.err.lines().partition(|line| line.starts_with("freed "));
    assert_eq!(reports.len(), 1, "{ran:?}");
    others
}

#[track_caller]
fn assert_none(world: &World) {
    assert!(!graph(&world.root()).exists());
    assert_tidy(&world.root());
    world.fsck();
}
