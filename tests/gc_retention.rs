//! `gc --keep-last`, `--keep-since` and `--keep-tags`: the versions that stay are exactly those that the rule keeps.

use std::collections::{BTreeMap, BTreeSet};

use crate::support::store::{Scratch, branch, git_with_input, module, on, path, scope, try_git};
use wasmstore::names::{BranchName, Cutoff, Destination, ModuleHash, TagName};
use wasmstore::store::{
    Change, ErrorKind, ExistingModules, History, KeptForRefs, Relocation, Retention, Revision,
};

/// The paths in random histories. One of them is below another, so that a module is replaced by a directory.
const PATHS: [&str; 5] = ["a", "d/x", "d/y", "e", "e/z"];

/// The date of the first commit of random histories.
const EPOCH_S: i64 = 1_000_000_000;

fn keep_last(last: u32, paths: &[&str]) -> History {
    History::Retain(Retention {
        last: Some(last),
        paths: paths.iter().map(|path| scope(path)).collect(),
        ..Retention::default()
    })
}

fn hashes(s: &Scratch, at: &str) -> Vec<ModuleHash> {
    let versions = s.store.versions(&Revision::default(), &path(at)).unwrap();
    versions.iter().map(|version| version.hash).collect()
}

fn has_object(s: &Scratch, id: &str) -> bool {
    try_git(&s.root, &["cat-file", "-e", id], "").0
}

#[test]
fn the_newest_versions_of_a_path_stay_and_the_others_are_deleted() {
    let s = Scratch::new();
    for n in 1..=20 {
        s.put("ci/build", n);
        s.put("other", 100 + n % 2);
    }
    let before = hashes(&s, "ci/build");
    let tree = s.git(&["rev-parse", "main^{tree}"]);
    let history = keep_last(3, &["ci"]);
    let preview = s.store.preview_gc(None, &history).unwrap();
    assert_eq!((preview.versions, preview.commits), (17, 17));
    assert_eq!(
        preview.module_bytes,
        (1..=17).map(|n| module(n).len() as u64).sum::<u64>()
    );
    let commits = || s.git(&["rev-list", "--count", "main"]);
    assert_eq!(commits(), "41\n", "a preview changes nothing");
    let collected = s.store.gc(&Change::default(), history).unwrap();
    assert_eq!(collected.commit, Some(s.tip()));
    assert!(collected.value.freed_bytes > 0);
    s.fsck();
    assert_eq!(hashes(&s, "ci/build"), before[17..]);
    assert_eq!(s.git(&["rev-parse", "main^{tree}"]), tree);
    assert_eq!(commits(), "24\n");
    assert_eq!(
        hashes(&s, "other").len(),
        2,
        "other paths keep their versions"
    );
    for (n, hash) in before.iter().enumerate() {
        assert_eq!(has_object(&s, &hash.to_string()), n >= 17, "{n}");
    }
    // The oldest version that is left is not undone to what was before it.
    for _ in 0..2 {
        s.store
            .rollback(&Change::default(), &scope("ci/build"))
            .unwrap();
    }
    let error = s.store.rollback(&Change::default(), &scope("ci/build"));
    assert_eq!(error.unwrap_err().kind(), ErrorKind::Conflict);
    assert_eq!(
        hashes(&s, "ci/build")[0],
        s.store
            .hash(&Revision::default(), &"ci/build".parse().unwrap())
            .unwrap()
    );
    // A second run has nothing to drop.
    let tip = s.tip();
    s.store.gc(&Change::default(), keep_last(3, &[])).unwrap();
    assert_eq!(s.tip(), tip);
}

#[test]
fn authors_dates_and_messages_stay_and_rollbacks_continue_from_rewritten_commits() {
    let s = Scratch::new();
    let change = |message: &str| Change {
        author: Some("Ann <a@x>".parse().unwrap()),
        message: Some(message.parse().unwrap()),
        ..Change::default()
    };
    for n in 1..=5 {
        let message = format!("Version {n}");
        s.store
            .put(&change(&message), &path("p"), module(n).as_slice())
            .unwrap();
    }
    s.store.rollback(&Change::default(), &scope("p")).unwrap();
    let log = || s.git(&["log", "--format=%an %ae %at %cn %ct %s", "main"]);
    let before = log();
    s.store.gc(&Change::default(), keep_last(3, &[])).unwrap();
    let kept: Vec<_> = before
        .lines()
        .enumerate()
        .filter(|(n, _)| ![4, 5].contains(n))
        .collect();
    let kept: Vec<_> = kept.into_iter().map(|(_, line)| line).collect();
    assert_eq!(log().lines().collect::<Vec<_>>(), kept);
    let squashed = s.git(&["log", "--format=%s", "--grep=^Squashed: true$", "main"]);
    assert_eq!(squashed, "Version 3\n");
    // The rollback restored version 4, so the next one restores version 3.
    s.store.rollback(&Change::default(), &scope("p")).unwrap();
    assert_eq!(s.value("p"), Some(3));
    s.fsck();
}

#[test]
fn versions_that_other_refs_reach_stay() {
    let s = Scratch::new();
    s.put("p", 1);
    let shared = s.put("p", 2);
    s.store
        .create_branch(&branch("side"), &Revision::default())
        .unwrap();
    for n in 3..=6 {
        s.put("p", n);
    }
    s.store.gc(&Change::default(), keep_last(1, &[])).unwrap();
    let values: Vec<_> = (1..=6)
        .filter(|n| has_object(&s, &hash_of(&s, *n)))
        .collect();
    assert_eq!(values, [1, 2, 6]);
    assert_eq!(s.git(&["rev-parse", "main~1"]).trim(), shared.to_string());
    s.put_on(Some("side"), "q", 9);
    s.store.merge(&Change::default(), &branch("side")).unwrap();
    assert_eq!(s.content(), "/p=6 /q=9", "the merge has the right base");
    s.fsck();
}

#[test]
fn a_merge_that_joins_nothing_any_more_is_dropped() {
    let s = Scratch::new();
    s.put("a", 1);
    let create = |name: &str, from: &str| {
        let from = Revision::Branch(Some(branch(from)));
        s.store.create_branch(&branch(name), &from).unwrap();
    };
    create("feature", "main");
    s.put_on(Some("feature"), "f", 1);
    create("spike", "feature");
    s.put_on(Some("spike"), "s", 1);
    s.put("b", 1);
    s.store
        .merge(&Change::default(), &branch("feature"))
        .unwrap();
    s.put("c", 1);
    s.store.merge(&Change::default(), &branch("spike")).unwrap();
    for name in ["feature", "spike"] {
        s.store.delete_branch(&branch(name), None).unwrap();
    }
    s.put("s", 2);
    let history = keep_last(1, &[]);
    let merges = || s.git(&["rev-list", "--merges", "--count", "main"]);
    assert_eq!(merges(), "2\n");
    let preview = s.store.preview_gc(None, &history).unwrap();
    // The commit of the spike, and the merge that brought it.
    assert_eq!((preview.commits, preview.versions), (2, 1));
    s.store.gc(&Change::default(), history).unwrap();
    s.fsck();
    assert_eq!(merges(), "1\n");
    assert_eq!(s.content(), "/a=1 /b=1 /c=1 /f=1 /s=2");
}

#[test]
fn what_a_branch_had_until_it_was_merged_is_kept_since_then() {
    let s = Scratch::new();
    // The branch is old. It had `p` until the merge, which chose another module.
    let nodes = [
        node(&[], &[("q", 0)], 0),
        node(&[0], &[("p", 1), ("q", 0)], 1),
        node(&[0], &[("p", 2), ("q", 0)], 2),
        node(&[2, 1], &[("p", 3), ("q", 0)], 10),
    ];
    write(&s, &nodes, &[("refs/heads/main".to_owned(), 3)]);
    let history = |minute: i64| {
        History::Retain(Retention {
            since: Some(Cutoff::At(EPOCH_S + minute * 60)),
            ..Retention::default()
        })
    };
    let versions = |minute| s.store.preview_gc(None, &history(minute)).unwrap().versions;
    assert_eq!((versions(10), versions(11)), (0, 2));
    let before = (hashes(&s, "p"), s.tip());
    s.store.gc(&Change::default(), history(10)).unwrap();
    assert_eq!((hashes(&s, "p"), s.tip()), before);
}

#[test]
fn a_commit_that_only_makes_a_module_executable_stays() {
    let s = Scratch::new();
    let node = |parents: &[usize], q, is_executable| Node {
        is_executable,
        ..node(parents, &[("p", 1), ("q", q)], q as i64)
    };
    let nodes = [
        node(&[], 1, false),
        node(&[0], 2, false),
        node(&[1], 2, true),
        node(&[2], 3, true),
    ];
    write(&s, &nodes, &[("refs/heads/main".to_owned(), 3)]);
    s.store.gc(&Change::default(), keep_last(1, &[])).unwrap();
    // The commit that only made modules executable is left.
    let modes = s.git(&["ls-tree", "--format=%(objectmode)", "main~1", "p"]);
    assert_eq!(modes, "100755\n");
    assert_eq!(s.git(&["rev-list", "--count", "main"]), "3\n");
    s.fsck();
}

#[test]
fn trailers_stay_one_block_and_name_the_restored_commit_after_each_gc() {
    let s = Scratch::new();
    for (at, n) in [("z", 1), ("z", 2), ("d/x", 6), ("d/x", 7), ("d/y", 1)] {
        s.put(at, n);
    }
    s.put("e/x", 8);
    s.put("e/y", 2);
    let both = Relocation {
        sources: vec![scope("e/x").into(), scope("e/y").into()],
        destination: Destination::parse("d/").unwrap(),
        existing: ExistingModules::Replace,
    };
    let change = |message: &str| Change {
        message: Some(message.parse().unwrap()),
        ..Change::default()
    };
    s.store.copy_modules(&Change::default(), &both).unwrap();
    s.store
        .rollback(&change("Undo\n\nFixes: #1"), &scope("d"))
        .unwrap();
    let only_tip = |at: &str| {
        History::Retain(Retention {
            since: Some(Cutoff::At(1 << 40)),
            paths: vec![scope(at)],
            ..Retention::default()
        })
    };
    let trailers = |grep: &str| {
        let args = ["log", "-1", "--format=%(trailers:only)", grep, "main"];
        s.git(&args).trim().to_owned()
    };
    // The first gc moves a dropped change into the rollback. Both give the commit that it restored another id.
    for at in ["d/x", "z"] {
        s.store.gc(&Change::default(), only_tip(at)).unwrap();
        let block = trailers("--grep=^Restores:");
        let rest = block.strip_prefix("Fixes: #1\nRestores: ").unwrap();
        let restored = rest.strip_suffix("\nSquashed: true").unwrap();
        assert!(s.git(&["rev-list", "main"]).contains(restored), "{block}");
    }
    for n in 1..=3 {
        let change = change("Add r\n\nReviewed-by: Ann <a@x>");
        s.store
            .put(&change, &path("r"), module(n).as_slice())
            .unwrap();
    }
    s.store.gc(&Change::default(), only_tip("r")).unwrap();
    let block = trailers("--grep=^Add r");
    assert_eq!(block, "Reviewed-by: Ann <a@x>\nSquashed: true");
    s.fsck();
}

fn hash_of(s: &Scratch, n: u32) -> String {
    let bytes = module(n);
    let file = s.root.with_extension("module");
    std::fs::write(&file, bytes).unwrap();
    s.git(&["hash-object", file.to_str().unwrap()])
        .trim()
        .to_owned()
}

#[test]
fn unknown_paths_and_branches_are_errors() {
    let s = Scratch::new();
    s.put("p", 1);
    let gc = |change: &Change, history| s.store.gc(change, history).unwrap_err().kind();
    assert_eq!(
        gc(&Change::default(), keep_last(1, &["p", "q"])),
        ErrorKind::NotFound
    );
    assert_eq!(
        gc(&on(Some("none")), keep_last(1, &[])),
        ErrorKind::NotFound
    );
    let preview = s.store.preview_gc(None, &keep_last(1, &["q"]));
    assert_eq!(preview.unwrap_err().kind(), ErrorKind::NotFound);
}

/// A random number generator (xorshift).
struct Random(u32);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 17;
        self.0 ^= self.0 << 5;
        self.0 as usize % end
    }
}

/// A commit of a random history.
#[derive(Clone)]
struct Node {
    parents: Vec<usize>,
    files: BTreeMap<&'static str, u32>,
    date_s: i64,
    /// Whether all files are executable.
    is_executable: bool,
}

/// Returns a commit at a minute.
fn node(parents: &[usize], files: &[(&'static str, u32)], minute: i64) -> Node {
    Node {
        parents: parents.to_vec(),
        files: files.iter().copied().collect(),
        date_s: EPOCH_S + minute * 60,
        is_executable: false,
    }
}

/// The clocks of random histories.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Clocks {
    Right,
    /// They may be wrong, and files may become executable.
    Wrong,
}

/// Makes a random history of `count` commits with merges, on `main`, and branches, tags and notes.
fn random_history(
    random: &mut Random,
    count: usize,
    clocks: Clocks,
) -> (Vec<Node>, Vec<(String, usize)>) {
    let is_odd = clocks == Clocks::Wrong;
    let mut nodes: Vec<Node> = Vec::new();
    for n in 0..count {
        let mut parents = Vec::new();
        if n > 0 {
            // Mostly a line, with forks.
            parents.push(if random.below(4) == 0 {
                random.below(n)
            } else {
                n - 1
            });
            let other = random.below(n);
            if random.below(4) == 0 && other != parents[0] {
                parents.push(other);
            }
            let third = random.below(n);
            if is_odd && parents.len() == 2 && random.below(4) == 0 && !parents.contains(&third) {
                parents.push(third);
            }
        }
        let mut files = parents
            .first()
            .map_or_else(BTreeMap::new, |parent| nodes[*parent].files.clone());
        if let Some(other) = parents.get(1).filter(|_| !is_odd || random.below(2) == 0) {
            files = nodes[*other].files.clone();
        }
        for _ in 0..random.below(4) {
            let at = PATHS[random.below(PATHS.len())];
            files.retain(|file, _| !is_clash(file, at));
            match random.below(5) {
                0 => drop(files.remove(at)),
                _ => drop(files.insert(at, random.below(6) as u32)),
            }
        }
        let minute = match is_odd && random.below(4) == 0 {
            true => random.below(count),
            false => n,
        };
        nodes.push(Node {
            parents,
            files,
            date_s: EPOCH_S + minute as i64 * 60,
            is_executable: is_odd && random.below(5) == 0,
        });
    }
    let mut refs = vec![("refs/heads/main".to_owned(), nodes.len() - 1)];
    let odds = [("refs/heads/side", 3), ("refs/tags/t", 3)];
    let odds = odds
        .into_iter()
        .chain(is_odd.then_some(("refs/notes/n", 2)));
    for (name, odds) in odds {
        if random.below(odds) == 0 {
            refs.push((name.to_owned(), random.below(nodes.len())));
        }
    }
    (nodes, refs)
}

fn is_clash(one: &str, other: &str) -> bool {
    let below = |a: &str, b: &str| a.strip_prefix(b).is_some_and(|rest| rest.starts_with('/'));
    below(one, other) || below(other, one)
}

/// Writes a history into the store with stock git.
fn write(s: &Scratch, nodes: &[Node], refs: &[(String, usize)]) {
    let mut stream = String::new();
    for (n, node) in nodes.iter().enumerate() {
        let date = node.date_s;
        stream += &format!("commit refs/heads/tmp{n}\nmark :{}\n", n + 1);
        stream += &format!(
            "author A <a@x> {date} +0000\ncommitter C <c@x> {date} +0000\ndata <<E\nCommit {n}\nE\n\n"
        );
        for (k, parent) in node.parents.iter().enumerate() {
            stream += &format!("{} :{}\n", ["from", "merge"][k.min(1)], parent + 1);
        }
        stream += "deleteall\n";
        let mode = if node.is_executable { 755 } else { 644 };
        for (at, value) in &node.files {
            stream += &format!("M {mode} inline {at}\ndata <<E\nmodule {value}\nE\n\n");
        }
        stream += "\n";
    }
    for (name, node) in refs {
        stream += &format!("reset {name}\nfrom :{}\n\n", node + 1);
    }
    git_with_input(&s.root, &["fast-import", "--quiet", "--force"], &stream);
    let deletions = (0..nodes.len()).map(|n| format!("delete refs/heads/tmp{n}\n"));
    let deletions: String = deletions.collect();
    git_with_input(&s.root, &["update-ref", "--stdin"], deletions);
}

fn reachable(nodes: &[Node], tip: usize) -> BTreeSet<usize> {
    let (mut seen, mut todo) = (BTreeSet::new(), vec![tip]);
    while let Some(n) = todo.pop() {
        if seen.insert(n) {
            todo.extend(&nodes[n].parents);
        }
    }
    seen
}

/// The rule, stated over whole trees: whether a module stays at a path.
struct Rule<'h> {
    nodes: &'h [Node],
    refs: &'h [(String, usize)],
    retention: &'h Retention,
    cutoff: usize,
}

/// The full names of the refs that are reported to keep versions, and the number of these versions.
fn reported(kept: Option<&KeptForRefs>) -> (BTreeSet<String>, usize) {
    let Some(kept) = kept else {
        return (BTreeSet::new(), 0);
    };
    assert_eq!(kept.left_out, 0);
    let branches = kept.branches.iter().map(BranchName::full_ref);
    let tags = kept.tags.iter().map(|tag| format!("refs/tags/{tag}"));
    let names = branches.chain(tags).chain(kept.other_refs.iter().cloned());
    (names.collect(), kept.versions)
}

impl Rule<'_> {
    /// Returns whether a module stays, if of the other refs only `others` exist.
    fn keeps_with(&self, others: &[String], at: &'static str, value: u32, from_end: usize) -> bool {
        let has = |n: usize| self.nodes[n].files.get(at) == Some(&value);
        let tip = self.nodes.len() - 1;
        let main = reachable(self.nodes, tip);
        let others = self.refs.iter().filter(|(name, _)| others.contains(name));
        let others: BTreeSet<_> = others
            .flat_map(|(_, node)| reachable(self.nodes, *node))
            .collect();
        let scopes = &self.retention.paths;
        let in_scope = scopes.is_empty()
            || scopes.iter().any(|scope| {
                at == scope.as_str() || at.starts_with(&format!("{}/", scope.as_str()))
            });
        let since = |n: &usize| {
            // What a branch had until it was merged counts like what the branch itself had.
            *n >= self.cutoff && (has(*n) || self.nodes[*n].parents.iter().any(|n| has(*n)))
        };
        has(tip)
            || !in_scope
            || main.intersection(&others).any(|n| has(*n))
            || self
                .retention
                .last
                .is_some_and(|last| from_end < last as usize)
            || self.retention.since.is_some() && main.difference(&others).any(since)
            || self.retention.tags
                && self
                    .refs
                    .iter()
                    .any(|(name, node)| name.starts_with("refs/tags") && has(*node))
    }

    fn keeps(&self, at: &'static str, value: u32, from_end: usize) -> bool {
        self.keeps_with(&self.others(), at, value, from_end)
    }

    /// Returns the names of all refs except `main`.
    fn others(&self) -> Vec<String> {
        let others = self.refs.iter().skip(1);
        others.map(|(name, _)| name.clone()).collect()
    }

    /// Returns the refs without which one of the versions `before` of the paths would be dropped, and the number of the versions that would
    /// be dropped without all of them. A value comes with its place from the end.
    fn kept_for_refs(
        &self,
        before: &[(&'static str, Vec<(u32, usize)>)],
    ) -> (BTreeSet<String>, usize) {
        let versions = before.iter().flat_map(|(at, versions)| {
            let versions = versions.iter();
            versions.map(move |(value, from_end)| (*at, *value, *from_end))
        });
        let kept: Vec<_> = versions
            .filter(|(at, value, from_end)| {
                self.keeps(at, *value, *from_end) && !self.keeps_with(&[], at, *value, *from_end)
            })
            .collect();
        let keeps_one = |name: &String| {
            let others = [name.clone()];
            let mut kept = kept.iter();
            kept.any(|(at, value, from_end)| self.keeps_with(&others, at, *value, *from_end))
        };
        let names = self.others().into_iter().filter(keeps_one).collect();
        (names, kept.len())
    }
}

#[test]
fn exactly_the_versions_that_the_rule_keeps_stay_in_random_histories() {
    for seed in 1..=60 {
        let random = &mut Random(seed * 7919);
        let s = Scratch::new();
        let (nodes, refs) = random_history(random, 12, Clocks::Right);
        write(&s, &nodes, &refs);
        let cutoff = random.below(14);
        let mut retention = Retention {
            last: (random.below(3) > 0).then(|| 1 + random.below(3) as u32),
            since: (random.below(3) == 0).then(|| Cutoff::At(EPOCH_S + cutoff as i64 * 60)),
            tags: random.below(2) == 0,
            paths: Vec::new(),
        };
        if random.below(3) == 0 {
            let at = ["a", "d", "e"][random.below(3)];
            let is_at = |file: &str| file == at || file.starts_with(&format!("{at}/"));
            let mut main = reachable(&nodes, nodes.len() - 1).into_iter();
            if main.any(|n| nodes[n].files.keys().any(|file| is_at(file))) {
                retention.paths.push(scope(at));
            }
        }
        check(
            &s,
            seed,
            &Rule {
                nodes: &nodes,
                refs: &refs,
                retention: &retention,
                cutoff,
            },
        );
    }
}

#[test]
fn the_reported_refs_and_no_others_keep_versions_in_random_histories() {
    let mut counts = [0; 2];
    for seed in 1..=40 {
        let random = &mut Random(seed * 31_337);
        let s = Scratch::new();
        let (nodes, mut refs) = random_history(random, 20, Clocks::Right);
        refs.truncate(1);
        for name in ["heads/side", "notes/n", "tags/a", "tags/b", "tags/c"] {
            if random.below(4) > 0 {
                refs.push((format!("refs/{name}"), random.below(nodes.len())));
            }
        }
        write(&s, &nodes, &refs);
        let history = History::Retain(Retention {
            last: (random.below(3) > 0).then(|| 1 + random.below(2) as u32),
            since: (random.below(3) == 0)
                .then(|| Cutoff::At(EPOCH_S + random.below(24) as i64 * 60)),
            tags: false,
            paths: if random.below(4) == 0 {
                vec![scope("")]
            } else {
                vec![]
            },
        });
        let preview = s.store.preview_gc(None, &history).unwrap();
        // Of the other refs, only those in `kept` exist then.
        let versions_with = |kept: &[(String, usize)]| {
            let all = s.git(&["for-each-ref", "--format=%(refname) %(objectname)"]);
            let is_kept =
                |name: &str| name == "refs/heads/main" || kept.iter().any(|(kept, _)| kept == name);
            let (mut deletions, mut creations) = (String::new(), String::new());
            for (name, id) in all.lines().filter_map(|line| line.split_once(' ')) {
                if !is_kept(name) {
                    deletions += &format!("delete {name}\n");
                    creations += &format!("create {name} {id}\n");
                }
            }
            git_with_input(&s.root, &["update-ref", "--stdin"], deletions);
            let preview = s.store.preview_gc(None, &history).unwrap();
            git_with_input(&s.root, &["update-ref", "--stdin"], creations);
            preview.versions
        };
        let case = format!("seed {seed}: {history:?} {refs:?}");
        let without = versions_with(&[]);
        let (names, versions) = reported(preview.kept_for_refs.as_ref());
        assert_eq!(versions, without - preview.versions, "{case}");
        for one in &refs[1..] {
            let keeps_one = versions_with(std::slice::from_ref(one)) < without;
            assert_eq!(names.contains(&one.0), keeps_one, "{}: {case}", one.0);
            counts[usize::from(keeps_one)] += 1;
        }
    }
    assert!(counts.iter().all(|count| *count > 20), "{counts:?}");
}

#[test]
fn a_tag_of_the_tip_is_reported_to_keep_all_old_versions() {
    let s = Scratch::new();
    for n in 1..=6 {
        s.put("p", n);
    }
    s.put("q", 1);
    s.git(&["tag", "-a", "-m", "All", "v1", "main"]);
    s.git(&["tag", "other", "main^{tree}"]);
    s.git(&["symbolic-ref", "refs/heads/alias", "refs/heads/main"]);
    let history = keep_last(1, &["p"]);
    let tip = s.tip();
    let kept = |versions| {
        (versions > 0).then(|| KeptForRefs {
            versions,
            tags: vec![TagName::parse("v1").unwrap()],
            ..KeptForRefs::default()
        })
    };
    for on_branch in [None, Some("alias")] {
        let name = on_branch.map(branch);
        let preview = s.store.preview_gc(name.as_ref(), &history).unwrap();
        assert_eq!((preview.versions, preview.kept_for_refs), (0, kept(5)));
        let collected = s.store.gc(&on(on_branch), history.clone()).unwrap();
        assert_eq!((s.tip(), collected.value.kept_for_refs), (tip, kept(5)));
    }
    for keeps_all in [History::Keep, History::Squash] {
        let collected = s.store.gc(&Change::default(), keeps_all).unwrap();
        assert_eq!(collected.value.kept_for_refs, None);
    }
    s.git(&["tag", "-d", "v1"]);
    for name in [None, Some(branch("alias"))] {
        let preview = s.store.preview_gc(name.as_ref(), &history).unwrap();
        assert_eq!((preview.versions, preview.kept_for_refs), (5, kept(0)));
    }
}

/// Returns every version in the history of `main`: the path and the blob.
fn all_versions(s: &Scratch) -> BTreeSet<(String, String)> {
    let args = ["log", "--format=", "--raw", "-m", "--root", "--no-renames"];
    let changes = s.git(&[&args[..], &["--no-abbrev", "main"]].concat());
    let added = changes.lines().filter_map(|line| {
        let (fields, path) = line.split_once('\t')?;
        let blob = fields.split(' ').nth(3)?;
        Some((path.to_owned(), blob.to_owned()))
    });
    let is_blob = |(_, blob): &(String, String)| blob.bytes().any(|byte| byte != b'0');
    added.filter(is_blob).collect()
}

#[test]
fn a_preview_reports_exactly_what_gc_drops_from_random_histories() {
    let mut dropped_commits = 0;
    for seed in 1..=50 {
        let random = &mut Random(seed * 104_729);
        let s = Scratch::new();
        let (nodes, refs) = random_history(random, 20, Clocks::Wrong);
        write(&s, &nodes, &refs);
        let history = History::Retain(Retention {
            last: (random.below(3) > 0).then(|| 1 + random.below(2) as u32),
            since: (random.below(3) == 0)
                .then(|| Cutoff::At(EPOCH_S + random.below(24) as i64 * 60)),
            tags: random.below(2) == 0,
            paths: Vec::new(),
        });
        let count = || -> usize {
            let count = s.git(&["rev-list", "--count", "main"]);
            count.trim().parse().unwrap()
        };
        // The second run has little to drop, but its history has been rewritten already.
        for _ in 0..2 {
            let preview = s.store.preview_gc(None, &history).unwrap();
            let (commits, versions) = (count(), all_versions(&s));
            s.store.gc(&Change::default(), history.clone()).unwrap();
            let left = all_versions(&s);
            let dropped: Vec<_> = versions.difference(&left).collect();
            let modules: BTreeSet<_> = dropped.iter().map(|(_, blob)| blob).collect();
            let case = format!("seed {seed}: {history:?}");
            assert_eq!(preview.commits, commits - count(), "{case}");
            assert_eq!(preview.versions, dropped.len(), "{case}");
            assert_eq!(preview.module_bytes, 9 * modules.len() as u64, "{case}");
            assert!(left.is_subset(&versions), "{case}");
            dropped_commits += preview.commits;
        }
        s.fsck();
    }
    assert!(dropped_commits > 20, "{dropped_commits}");
}

/// Collects garbage, and compares every path with the rule.
fn check(s: &Scratch, seed: u32, rule: &Rule<'_>) {
    let history = History::Retain(rule.retention.clone());
    let values: BTreeMap<String, u32> = (0..6)
        .map(|n| {
            let hash = git_with_input(
                &s.root,
                &["hash-object", "--stdin"],
                format!("module {n}\n"),
            );
            (hash.trim().to_owned(), n)
        })
        .collect();
    let dates = |at: &str| -> Vec<(u32, i64)> {
        let versions = s.store.versions(&Revision::default(), &path(at)).unwrap();
        let dated = versions.iter().map(|version| {
            let date_s = s.store.commit(version.commit).unwrap().date_s;
            (values[&version.hash.to_string()], date_s)
        });
        dated.collect()
    };
    let kept_for_refs = rule.kept_for_refs(&PATHS.map(|at| {
        let before = dates(at);
        let from_end = (0..before.len()).rev();
        let values = before.iter().map(|(value, _)| *value);
        (at, values.zip(from_end).collect::<Vec<_>>())
    }));
    let expected = PATHS.map(|at| {
        let before = dates(at);
        let count = before.len();
        let kept = before.into_iter().enumerate();
        let kept = kept.filter(|(k, (value, _))| rule.keeps(at, *value, count - 1 - k));
        kept.map(|(_, version)| version).collect::<Vec<_>>()
    });
    let state = || {
        let refs = s.git(&["for-each-ref", "--format=%(refname) %(objectname)"]);
        let others: Vec<_> = refs
            .lines()
            .filter(|line| !line.contains("/main "))
            .map(str::to_owned)
            .collect();
        (others, s.git(&["rev-parse", "main^{tree}"]))
    };
    let commits = || -> usize {
        s.git(&["rev-list", "--count", "main"])
            .trim()
            .parse()
            .unwrap()
    };
    let (before, count) = (state(), commits());
    let preview = s.store.preview_gc(None, &history).unwrap();
    let collected = s.store.gc(&Change::default(), history).unwrap();
    s.fsck();
    let retention = rule.retention;
    let reports = [&preview.kept_for_refs, &collected.value.kept_for_refs];
    let reports = reports.map(|kept| reported(kept.as_ref()));
    assert_eq!(
        reports,
        [kept_for_refs.clone(), kept_for_refs],
        "seed {seed}: {retention:?}"
    );
    assert_eq!(state(), before, "seed {seed}");
    assert_eq!(PATHS.map(dates), expected, "seed {seed}: {retention:?}");
    assert_eq!(count - commits(), preview.commits, "seed {seed}");
    // No unreachable object is left, so the objects of dropped versions are deleted.
    let all = s.git(&[
        "cat-file",
        "--batch-all-objects",
        "--batch-check=%(objectname)",
    ]);
    let reachable = s.git(&["rev-list", "--objects", "--no-object-names", "--all"]);
    let sorted = |text: &str| text.lines().map(str::to_owned).collect::<BTreeSet<_>>();
    let left: Vec<_> = sorted(&all)
        .difference(&sorted(&reachable))
        .cloned()
        .collect();
    assert!(left.is_empty(), "seed {seed}: {left:?}");
}

/// What writers do while versions are dropped: the branch moves, and another branch comes to reach commits that are about to be rewritten.
#[test]
fn changes_during_gc_are_not_lost() {
    let s = Scratch::new();
    for n in 1..=30 {
        s.put("p", n);
    }
    let done = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|threads| {
        threads.spawn(|| {
            for n in 0..40 {
                s.put(&format!("w/{}", n % 3), n);
                if n % 10 == 3 {
                    let name = branch(&format!("b{n}"));
                    s.store.create_branch(&name, &Revision::default()).unwrap();
                }
            }
            done.store(true, std::sync::atomic::Ordering::Relaxed);
        });
        while !done.load(std::sync::atomic::Ordering::Relaxed) {
            s.store.gc(&Change::default(), keep_last(2, &[])).unwrap();
        }
    });
    s.store.gc(&Change::default(), keep_last(2, &[])).unwrap();
    s.fsck();
    assert_eq!(s.content(), "/p=30 /w/0=39 /w/1=37 /w/2=38");
    assert_eq!(s.store.branches().unwrap().len(), 5);
}
