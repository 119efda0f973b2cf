//! Random histories that wasmstore itself would not create, written by `git fast-import`, and a brute-force search over them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use proptest::prelude::*;
use proptest::sample::{Index, select};
use wasmstore::names::CommitId;

use crate::support::store::{Scratch, git_with_input, module};

pub const PATHS: [&str; 5] = ["a", "b", "d/x", "d/e", "d/e/z"];
pub const VALUES: u32 = 4;

/// A commit to create.
#[derive(Clone, Debug)]
pub struct CommitPlan {
    /// The parents, chosen among the earlier commits. The commit starts from the first parent's tree.
    parents: Vec<Index>,
    date_s: i64,
    /// The modules to put at paths; `None` removes the path.
    edits: Vec<(&'static str, Option<u32>)>,
}

/// A commit with its whole tree.
pub struct CommitNode {
    pub id: CommitId,
    pub parents: Vec<usize>,
    pub date_s: i64,
    pub tree: BTreeMap<&'static str, u32>,
}

/// A commit graph. Parents come before their children.
pub struct Graph(pub Vec<CommitNode>);

pub fn plans() -> impl Strategy<Value = Vec<CommitPlan>> {
    let edit = (select(&PATHS[..]), proptest::option::of(0..VALUES));
    let parents = prop_oneof![
        1 => Just(0),
        8 => Just(1),
        4 => Just(2),
        1 => 3..5usize,
    ];
    let parents = parents.prop_flat_map(|count| proptest::collection::vec(any::<Index>(), count));
    let plan = (parents, 0..6i64, proptest::collection::vec(edit, 0..4));
    let plan = plan.prop_map(|(parents, date_s, edits)| CommitPlan {
        parents,
        date_s,
        edits,
    });
    proptest::collection::vec(plan, 1..40)
}

impl Graph {
    /// Writes the history into the store, under refs that are not branches.
    pub fn import(s: &Scratch, plans: &[CommitPlan]) -> Self {
        let mut nodes: Vec<CommitNode> = Vec::new();
        let mut stream = Vec::new();
        for value in 0..VALUES {
            let bytes = module(value);
            stream.extend(format!("blob\nmark :{}\ndata {}\n", 1000 + value, bytes.len()).bytes());
            stream.extend(bytes);
            stream.push(b'\n');
        }
        for (n, plan) in plans.iter().enumerate() {
            // Most parents are recent commits.
            let recent_commit = |index: &Index| n - 1 - index.index(n).min(index.index(4));
            let chosen = plan.parents.iter().filter(|_| n > 0).map(recent_commit);
            let mut parents: Vec<usize> = Vec::new();
            chosen.for_each(|parent| {
                if !parents.contains(&parent) {
                    parents.push(parent);
                }
            });
            let mut tree = match parents.first() {
                Some(first) => nodes[*first].tree.clone(),
                None => BTreeMap::new(),
            };
            for (path, value) in &plan.edits {
                set(&mut tree, path, *value);
            }
            let date_s = 1_700_000_000 + plan.date_s;
            stream.extend(commit(n, date_s, &parents, &tree).bytes());
            nodes.push(CommitNode {
                // Replaced after fast-import has reported the ids.
                id: CommitId::from_bytes(&[0; 20]).unwrap(),
                parents,
                date_s,
                tree,
            });
        }
        let marks = s.root.join("marks");
        let export = format!("--export-marks={}", marks.display());
        git_with_input(
            &s.root,
            &["fast-import", "--quiet", "--force", &export],
            &stream,
        );
        for line in fs::read_to_string(&marks).unwrap().lines() {
            let (mark, id) = line[1..].split_once(' ').unwrap();
            let mark: usize = mark.parse().unwrap();
            if mark <= nodes.len() {
                nodes[mark - 1].id = id.parse().unwrap();
            }
        }
        fs::remove_file(marks).unwrap();
        Self(nodes)
    }

    /// Returns every commit that `tip` reaches.
    pub fn reach(&self, tip: usize) -> BTreeSet<usize> {
        let (mut reached, mut pending) = (BTreeSet::new(), vec![tip]);
        while let Some(node) = pending.pop() {
            if reached.insert(node) {
                pending.extend(&self.0[node].parents);
            }
        }
        reached
    }

    /// Returns the commits whose module at `path` differs from the module in every parent, oldest first, each with its module.
    pub fn own_changes(&self, tip: usize, path: &str) -> Vec<(CommitId, Option<u32>)> {
        let value = |node: usize| self.0[node].tree.get(path).copied();
        let is_own = |node: &usize| match self.0[*node].parents.as_slice() {
            [] => value(*node).is_some(),
            parents => parents.iter().all(|parent| value(*parent) != value(*node)),
        };
        let mut own: Vec<_> = self.reach(tip).into_iter().filter(is_own).collect();
        own.sort_by_key(|node| {
            let latest = self
                .reach(*node)
                .into_iter()
                .map(|node| self.0[node].date_s);
            (latest.max(), self.level(*node), self.0[*node].id)
        });
        own.into_iter()
            .map(|node| (self.0[node].id, value(node)))
            .collect()
    }

    fn level(&self, node: usize) -> usize {
        let parents = self.0[node].parents.iter();
        parents
            .map(|parent| self.level(*parent) + 1)
            .max()
            .unwrap_or(0)
    }
}

/// Sets or removes a module. Replaces a directory at the path, and modules that would become directories.
fn set(tree: &mut BTreeMap<&'static str, u32>, path: &'static str, value: Option<u32>) {
    tree.remove(path);
    if let Some(value) = value {
        let below = |one: &str, other: &str| one.starts_with(&format!("{other}/"));
        tree.retain(|other, _| !below(other, path) && !below(path, other));
        tree.insert(path, value);
    }
}

fn commit(n: usize, date_s: i64, parents: &[usize], tree: &BTreeMap<&str, u32>) -> String {
    // Each commit has its own message, so that no two commits have the same id.
    let message = n.to_string();
    let mut text = format!(
        "commit refs/wip/{n}\nmark :{}\nauthor a <a> {date_s} +0000\ncommitter c <c> 1700000009 +0000\ndata {}\n{message}\n",
        n + 1,
        message.len()
    );
    for (nth, parent) in parents.iter().enumerate() {
        let word = ["from", "merge"][nth.min(1)];
        text += &format!("{word} :{}\n", parent + 1);
    }
    text += "deleteall\n";
    for (path, value) in tree {
        // Mode 100755 must read as 100644.
        let mode = ["100644", "100755"][n % 2];
        text += &format!("M {mode} :{} {path}\n", 1000 + value);
    }
    text
}
