//! `log --graph`.

use std::collections::HashSet;

use serde_json::json;

use crate::support::program::{World, module};

#[test]
fn graph_connects_each_commit_to_its_parents() {
    for world in World::each() {
        world.changes(&["branch", "dev"]);
        world.file("a.wasm", module(1));
        world.changes(&["add", "a.wasm", "--branch", "dev"]);
        world.add("b.wasm", 2);
        world.changes(&["merge", "dev"]);
        world.add("c.wasm", 3);
        let [tip, merge, theirs, ours, root] = ["HEAD", "HEAD~1", "dev", "HEAD~2", "HEAD~3"]
            .map(|name| world.git(&["rev-parse", name]));
        let graph = world.ok(&["log", "--graph"]);
        assert_eq!(world.ok(&["log", "--graph", "--plain"]), graph);
        let commits: Vec<_> = graph
            .lines()
            .filter(|line| line.contains("commit "))
            .collect();
        let expected = [
            format!("*  commit {tip}"),
            format!("*    commit {merge}"),
            format!("| *  commit {theirs}"),
            format!("* |  commit {ours}"),
            format!("*  commit {root}"),
        ];
        assert_eq!(commits, expected, "{graph}");
        for line in [
            r"|\   Author: wasmstore",
            "| |  Import /a.wasm",
            "|  Import /c.wasm",
        ] {
            assert!(graph.lines().any(|there| there == line), "{line}: {graph}");
        }
        let shown = |args: &[&str]| {
            let graph = world.ok(&[&["log", "--graph"], args].concat());
            let commits = graph
                .lines()
                .filter_map(|line| Some(line.split_once("commit ")?.1.to_owned()));
            commits.collect::<Vec<_>>()
        };
        assert_eq!(shown(&["-n", "2"]), [&tip[..], &merge]);
        assert_eq!(
            shown(&["--skip", "1", "-n", "3"]),
            [&merge[..], &theirs, &ours]
        );
        assert_eq!(shown(&["--skip", "4"]), [&root[..]]);
        assert_eq!(shown(&["-n", "0"]), [""; 0]);
        assert_eq!(shown(&["--commit", &theirs]), [&theirs[..], &root]);
        let json = world.json(&["log", "--graph"]);
        let hashes: Vec<_> = json
            .as_array()
            .unwrap()
            .iter()
            .map(|commit| &commit["hash"])
            .collect();
        assert_eq!(json!(hashes), json!([tip, merge, theirs, ours, root]));
        assert_eq!(world.run(&["log", "--graph", "--reverse"]).code, Some(2));
        world.fails(1, &["log", "--graph", "--branch", "nowhere"]);
    }
}

#[test]
fn graph_order_does_not_depend_on_dates() {
    let world = World::with_store("sha1");
    let tree = world.git(&["rev-parse", "HEAD^{tree}"]);
    let commit = |parents: &[&str], date: u32| {
        let mut git = world.command("git");
        git.env("GIT_COMMITTER_DATE", format!("@{date} +0000"))
            .arg("--git-dir")
            .arg(world.root());
        git.args([
            "-c",
            "user.name=A",
            "-c",
            "user.email=a@b",
            "commit-tree",
            "-m",
            "x",
            &tree,
        ]);
        git.args(parents.iter().flat_map(|parent| ["-p", parent]));
        let id = String::from_utf8(git.output().unwrap().stdout).unwrap();
        id.trim_end().to_owned()
    };
    // A root with the newest date of all below an octopus merge, and another root.
    let root = commit(&[], 900);
    let [a, b, c] = [100, 200, 300].map(|date| commit(&[&root], date));
    let other = commit(&[], 50);
    let octopus = commit(&[&a, &b, &c, &other], 400);
    let tip = commit(&[&octopus, &b], 10);
    world.git(&["update-ref", "refs/heads/main", &tip]);
    let log = world.json(&["log", "--graph"]);
    let mut seen = HashSet::new();
    for commit in log.as_array().unwrap() {
        for parent in commit["parents"].as_array().unwrap() {
            assert!(!seen.contains(parent.as_str().unwrap()), "{log}");
        }
        assert!(
            seen.insert(commit["hash"].as_str().unwrap().to_owned()),
            "{log}"
        );
    }
    assert_eq!(seen.len(), 7);
    let graph = world.ok(&["log", "--graph"]);
    assert_eq!(
        graph.lines().filter(|line| line.contains('*')).count(),
        7,
        "{graph}"
    );
}
