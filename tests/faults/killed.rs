//! The process is killed at a step, without a chance to clean up.

use std::process::Command;

use fail::FailScenario;
use wasmstore::config::Options;
use wasmstore::store::{Change, History, ObjectFormat, Retention, Revision, Store, Version};

use super::support::store::{Scratch, module, path};
use super::{LARGE_STEPS, LAST, STEPS, check_sound, files_in_gc_dir, large_module, leftovers};

/// The variables that give the child the store's directory, and the step at which to exit.
const ROOT: &str = "WASMSTORE_TEST_KILLED_ROOT";
const STEP: &str = "WASMSTORE_TEST_KILLED_STEP";

/// The variable with which the child drops versions.
const DROPS: &str = "WASMSTORE_TEST_KILLED_DROPS";

/// The step that only `gc` passes.
const GC_STEP: &str = "rename graph";

/// The child process: puts a module or runs `gc`, and exits at the step.
#[test]
fn child() {
    let (Ok(root), Ok(step)) = (std::env::var(ROOT), std::env::var(STEP)) else {
        return;
    };
    let scenario = FailScenario::setup();
    let store = Store::open_or_create(root.as_ref(), Options::default(), ObjectFormat::Sha1);
    fail::cfg_callback(step.as_str(), || std::process::exit(9)).unwrap();
    let store = store.unwrap();
    if std::env::var_os(DROPS).is_some() {
        let _ = store.gc(&Change::default(), keep_last());
        return;
    }
    if step == GC_STEP {
        let _ = store.gc(&Change::default(), History::Squash);
    }
    let bytes = if LARGE_STEPS.contains(&step.as_str()) {
        large_module(2)
    } else {
        module(2)
    };
    let _ = store.put(&Change::default(), &path("b"), bytes.as_slice());
    scenario.teardown();
}

#[test]
fn a_kill_at_any_step_loses_nothing_and_blocks_no_one() {
    // Excludes the failpoints of other tests.
    let scenario = FailScenario::setup();
    for step in STEPS.iter().chain(&LARGE_STEPS) {
        let s = Scratch::new();
        s.put("a", 1);
        run_child(&s, step);
        let expected = if *step == LAST { "/a=1 /b=2" } else { "/a=1" };
        assert_eq!(s.content(), expected, "{step}");
        // Opening the store for writing removes what the killed process left.
        let open = || Store::open_or_create(&s.root, Options::default(), ObjectFormat::Sha1);
        drop(open().unwrap());
        assert_eq!(leftovers(&s), 0, "{step}");
        assert!(!s.root.join("refs/heads/main.lock").exists(), "{step}");
        check_sound(&s);
    }
    scenario.teardown();
}

#[test]
fn a_gc_killed_before_its_commit_graph_leaves_none_and_the_next_gc_writes_one() {
    let scenario = FailScenario::setup();
    let s = Scratch::new();
    s.put("a", 1);
    let gc = || s.store.gc(&Change::default(), History::Squash).unwrap();
    gc();
    s.put("a", 2);
    run_child(&s, GC_STEP);
    let graph = s.root.join("objects/info/commit-graph");
    assert!(!graph.exists());
    assert_eq!((s.value("a"), files_in_gc_dir(&s)), (Some(2), 1));
    check_sound(&s);
    gc();
    assert!(graph.exists());
    assert_eq!(files_in_gc_dir(&s), 0);
    check_sound(&s);
    scenario.teardown();
}

fn keep_last() -> History {
    History::Retain(Retention {
        last: Some(2),
        ..Retention::default()
    })
}

#[test]
fn a_gc_that_drops_versions_and_is_killed_at_any_step_drops_all_or_none() {
    let scenario = FailScenario::setup();
    for step in STEPS.iter().chain([&GC_STEP]) {
        let s = Scratch::new();
        for n in 1..=5 {
            s.put("a", n);
            s.put("b", 10 + n % 2);
        }
        let versions = || {
            let versions = |at| s.store.versions(&Revision::default(), &path(at));
            (versions("a").unwrap(), versions("b").unwrap().len())
        };
        let (before, _) = versions();
        run_child_with(&s, step, &[(DROPS, "1")]);
        let hashes = |versions: &[Version]| versions.iter().map(|v| v.hash).collect::<Vec<_>>();
        let (after, others) = versions();
        let expected = if [LAST, GC_STEP].contains(step) {
            &before[3..]
        } else {
            &before[..]
        };
        assert_eq!((hashes(&after), others), (hashes(expected), 2), "{step}");
        assert_eq!(s.content(), "/a=5 /b=11", "{step}");
        s.store.gc(&Change::default(), keep_last()).unwrap();
        assert_eq!(hashes(&versions().0), hashes(&before[3..]), "{step}");
        assert_eq!(files_in_gc_dir(&s), 0, "{step}");
        check_sound(&s);
    }
    scenario.teardown();
}

/// Runs the child, which exits at the step.
#[track_caller]
fn run_child(s: &Scratch, step: &str) {
    run_child_with(s, step, &[]);
}

#[track_caller]
fn run_child_with(s: &Scratch, step: &str, variables: &[(&str, &str)]) {
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "killed::child"])
        .env(ROOT, &s.root)
        .env(STEP, step)
        .envs(variables.iter().copied())
        .output()
        .unwrap();
    assert_eq!(child.status.code(), Some(9), "{step}: {child:?}");
}
