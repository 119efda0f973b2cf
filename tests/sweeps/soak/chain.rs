//! A branch's first-parent line as stock git tells it: every commit with what it changed.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::path::{Path, PathBuf};

use crate::support::store::git;

/// What a commit made of a path: the module's hash, or `None` where it removed it.
pub type Value = Option<String>;

pub struct Commit {
    pub id: String,
    pub changes: Vec<(String, Value)>,
}

/// The line of one branch, oldest commit first.
pub struct Chain {
    root: PathBuf,
    branch: String,
    pub commits: Vec<Commit>,
    positions: HashMap<String, usize>,
    values: HashMap<String, Vec<(usize, Value)>>,
}

impl Chain {
    /// Nothing of it yet.
    pub fn of(root: &Path, branch: &str) -> Self {
        Self {
            root: root.to_owned(),
            branch: format!("refs/heads/{branch}"),
            commits: Vec::new(),
            positions: HashMap::new(),
            values: HashMap::new(),
        }
    }

    /// All of it.
    pub fn read(root: &Path, branch: &str) -> Self {
        let mut chain = Self::of(root, branch);
        chain.extend();
        chain
    }

    /// Reads what came since the last time, and fails if the branch does not continue what was read then. Returns where the new
    /// commits are.
    pub fn extend(&mut self) -> Range<usize> {
        let begin = self.commits.len();
        let mut last = self.tip().unwrap_or_default().to_owned();
        let mut args = "log --first-parent --reverse --raw -r --no-abbrev --no-renames".to_owned();
        args.push_str(&format!(" --format=commit:%H:%P {}", self.branch));
        if !last.is_empty() {
            args.push_str(&format!(" ^{last}"));
        }
        let log = git(&self.root, &args.split(' ').collect::<Vec<_>>());
        for line in log.lines().filter(|line| !line.is_empty()) {
            if let Some(commit) = line.strip_prefix("commit:") {
                let (id, parents) = commit.split_once(':').unwrap();
                let parent = parents.split(' ').next().unwrap();
                assert_eq!(
                    parent, last,
                    "{}: commits before {id} are lost",
                    self.branch
                );
                self.push(id);
                last = id.to_owned();
            } else {
                self.change(line);
            }
        }
        let tip = git(&self.root, &["rev-parse", &self.branch]);
        assert_eq!(
            tip.trim(),
            last,
            "{}: its newest commits are lost",
            self.branch
        );
        begin..self.commits.len()
    }

    /// The newest commit.
    pub fn tip(&self) -> Option<&str> {
        self.commits.last().map(|commit| commit.id.as_str())
    }

    /// Where a commit is.
    pub fn position(&self, commit: &str) -> Option<usize> {
        self.positions.get(commit).copied()
    }

    /// What a path had as of a commit.
    pub fn value(&self, path: &str, position: usize) -> Option<&str> {
        let values = self.values.get(path)?;
        let after = values.partition_point(|(at, _)| *at <= position);
        values[..after].last()?.1.as_deref()
    }

    /// Every value that a path took.
    pub fn values(&self, path: &str) -> Vec<Option<&str>> {
        let values = self.values.get(path).map_or(&[][..], Vec::as_slice);
        values.iter().map(|(_, value)| value.as_deref()).collect()
    }

    /// The modules as of the newest commit.
    pub fn modules(&self) -> BTreeMap<&str, &str> {
        let newest = |values: &'_ Vec<(usize, Value)>| values.last().unwrap().1.is_some();
        let paths = self.values.iter().filter(|(_, values)| newest(values));
        paths
            .map(|(path, values)| {
                let value = values.last().unwrap().1.as_deref();
                (path.as_str(), value.unwrap())
            })
            .collect()
    }

    fn push(&mut self, id: &str) {
        self.positions.insert(id.to_owned(), self.commits.len());
        let (id, changes) = (id.to_owned(), Vec::new());
        self.commits.push(Commit { id, changes });
    }

    /// A change of the newest commit, in git's raw form.
    fn change(&mut self, line: &str) {
        let (how, path) = line.split_once('\t').unwrap();
        let how: Vec<_> = how.split(' ').collect();
        let value = (how[4] != "D").then(|| how[3].to_owned());
        let commit = self.commits.last_mut().unwrap();
        commit.changes.push((path.to_owned(), value.clone()));
        let values = self.values.entry(path.to_owned()).or_default();
        values.push((self.commits.len() - 1, value));
    }
}
