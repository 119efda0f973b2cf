//! The number and the total length of the paths in a tree.
//!
//! A tree that occurs at several paths is counted at each of them: a few small trees can name billions of long paths, and every operation
//! that lists the paths of the store takes memory and time for each path. The weight of each tree is computed once, whatever the number of
//! its paths, so the cost is proportional to the number of distinct trees.

use std::collections::HashMap;

use crate::repo::error::Result;
use crate::repo::ids::TreeId;
use crate::repo::push::incoming::IncomingObjects;
use crate::repo::push::pushed_commit::PushedCommit;
use crate::repo::tree::extent::TreeWeight;
use crate::repo::tree::reader::parse_tree;

/// Computes the number and the total length of the paths in trees (see [`TreeWeight`]). Computes them only once for each tree.
pub struct TreeScale<'i> {
    incoming: &'i IncomingObjects,
    weights: HashMap<gix::ObjectId, TreeWeight>,
}

impl<'i> TreeScale<'i> {
    /// Creates a `TreeScale`, which counts the paths in trees and adds up their lengths. It reads the trees from `incoming`.
    pub fn new(incoming: &'i IncomingObjects) -> Self {
        Self {
            incoming,
            weights: HashMap::new(),
        }
    }

    /// Checks that the paths in a commit's tree have at most `bytes_max` bytes in total.
    ///
    /// # Errors
    /// `LimitExceeded`; `Missing`; a tree cannot be decoded.
    pub fn check(&mut self, commit: &PushedCommit, bytes_max: u64) -> Result<()> {
        let weight = self.weigh(commit.tree)?;
        weight.check(&format!("commit {}", commit.id), bytes_max)
    }

    /// Returns the weight of a tree: the number and the total length of the paths in it.
    ///
    /// # Errors
    /// `Missing`; a tree cannot be decoded.
    pub fn weigh(&mut self, tree: TreeId) -> Result<TreeWeight> {
        // The loop is not recursive, because a chain of nested trees can be deeper than the stack.
        let mut todo = vec![tree.0];
        while let Some(id) = todo.last().copied() {
            if self.weights.contains_key(&id) {
                todo.pop();
                continue;
            }
            let (weight, unknown) = self.sum(id)?;
            if unknown.is_empty() {
                self.weights.insert(id, weight);
            }
            todo.extend(unknown);
        }
        Ok(self.weights[&tree.0])
    }

    /// Returns the number and the total length of the paths in a tree, without the subtrees that were not measured yet. Also returns the
    /// ids of these subtrees; the result is complete if there are none.
    fn sum(&self, id: gix::ObjectId) -> Result<(TreeWeight, Vec<gix::ObjectId>)> {
        let (mut weight, mut unknown) = (TreeWeight::default(), Vec::new());
        // The empty tree is valid even if the repository does not contain it as an object.
        if id.is_empty_tree() {
            return Ok((weight, unknown));
        }
        let encoded = self.incoming.tree(id)?;
        for entry in parse_tree(&encoded, id)?.entries {
            let content = match self.weights.get(entry.oid) {
                _ if !entry.mode.is_tree() => TreeWeight::default(),
                Some(content) => *content,
                None => {
                    unknown.push(entry.oid.to_owned());
                    continue;
                }
            };
            weight.add(entry.filename.len() as u64, content);
        }
        unknown.sort_unstable();
        unknown.dedup();
        Ok((weight, unknown))
    }
}
