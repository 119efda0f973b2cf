//! The graph of a history: each commit is a dot on a vertical lane, and lines connect it to its parents.

use std::collections::HashSet;

use maud::{Markup, html};

use crate::names::CommitId;

/// The maximum number of lanes (columns of the commit graph) that are drawn.
const LANES_MAX: usize = 12;

/// The number of colours for lanes.
const COLOURS: usize = 5;

/// The width of a lane (a vertical line of the graph) and the height of a row, in pixels.
const LANE_WIDTH: usize = 14;
const ROW_HEIGHT: usize = 60;

/// The part of the graph in the row of one commit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LaneRow {
    /// The number of the lane (a column of the drawn commit graph) in which the commit has its dot.
    node: usize,
    /// The numbers of the lanes (columns of the drawn commit graph) whose lines pass the commit without touching it.
    through: Vec<usize>,
    /// The lanes that lead from children of the commit, above it, to the commit.
    from_above: Vec<usize>,
    /// The lanes that lead from the commit to its parents, below it.
    to_below: Vec<usize>,
}

/// The state of the graph during a walk over a history, which begins with the newest commit.
#[derive(Default)]
pub struct Lanes {
    /// The commit to which each lane leads; `None` for a free lane.
    waiting: Vec<Option<CommitId>>,
    seen: HashSet<CommitId>,
}

impl Lanes {
    /// Adds the next commit of the walk. Returns its row.
    pub fn add(&mut self, id: CommitId, parents: &[CommitId]) -> LaneRow {
        self.seen.insert(id);
        let from_above: Vec<usize> = (0..self.waiting.len())
            .filter(|lane| self.waiting[*lane] == Some(id))
            .collect();
        let node = match from_above.first() {
            Some(lane) => *lane,
            None => self.free_lane(),
        };
        for lane in &from_above {
            self.waiting[*lane] = None;
        }
        let through: Vec<usize> = (0..self.waiting.len())
            .filter(|lane| self.waiting[*lane].is_some())
            .collect();
        let mut to_below = Vec::new();
        for (nth, parent) in parents.iter().enumerate() {
            let known = self
                .waiting
                .iter()
                .position(|waiting| *waiting == Some(*parent));
            // If a committer's clock was wrong, a parent may have come before its child in the walk. No line is drawn to such a parent.
            let lane = match known {
                Some(lane) => lane,
                None if self.seen.contains(parent) => continue,
                None if nth == 0 => node,
                None => self.free_lane(),
            };
            if lane < LANES_MAX {
                self.set(lane, *parent);
                to_below.push(lane);
            }
        }
        while self.waiting.last() == Some(&None) {
            self.waiting.pop();
        }
        LaneRow {
            node,
            through,
            from_above,
            to_below,
        }
    }

    fn free_lane(&self) -> usize {
        let free = self.waiting.iter().position(Option::is_none);
        free.unwrap_or(self.waiting.len())
    }

    fn set(&mut self, lane: usize, parent: CommitId) {
        if self.waiting.len() <= lane {
            self.waiting.resize(lane + 1, None);
        }
        self.waiting[lane] = Some(parent);
    }
}

impl LaneRow {
    fn width(&self) -> usize {
        let all = [&self.through, &self.from_above, &self.to_below]
            .into_iter()
            .flatten();
        all.copied()
            .chain([self.node])
            .max()
            .unwrap_or(0)
            .min(LANES_MAX)
            + 1
    }
}

/// Draws the row of a commit. All rows of a page have the width of the widest row.
pub(super) fn lane_row(row: &LaneRow, all: &[LaneRow]) -> Markup {
    let lanes = all.iter().map(LaneRow::width).max().unwrap_or(1);
    let x = |lane: usize| lane.min(LANES_MAX) * LANE_WIDTH + LANE_WIDTH / 2 + 3;
    let (width, middle) = (lanes * LANE_WIDTH + 6, ROW_HEIGHT / 2);
    let colour = |lane: usize| format!("lane{}", lane % COLOURS);
    let node = x(row.node);
    html! {
        svg width=(width) height=(ROW_HEIGHT) viewBox=(format!("0 0 {width} {ROW_HEIGHT}")) aria-hidden="true" {
            @for lane in row.through.iter().filter(|lane| **lane < LANES_MAX) {
                path class=(colour(*lane)) fill="none" d=(format!("M{} 0V{ROW_HEIGHT}", x(*lane))) {}
            }
            @for lane in row.from_above.iter() {
                path class=(colour(*lane)) fill="none" d=(format!("M{} 0C{} 20 {node} 10 {node} {middle}", x(*lane), x(*lane))) {}
            }
            @for lane in row.to_below.iter() {
                path class=(colour(*lane)) fill="none" d=(format!("M{node} {middle}C{node} 50 {} 40 {} {ROW_HEIGHT}", x(*lane), x(*lane))) {}
            }
            circle class=(colour(row.node)) cx=(node) cy=(middle) r="6" {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(n: u8) -> CommitId {
        CommitId::from_bytes(&[n; 20]).unwrap()
    }

    fn row(node: usize, through: &[usize], from_above: &[usize], to_below: &[usize]) -> LaneRow {
        LaneRow {
            node,
            through: through.to_vec(),
            from_above: from_above.to_vec(),
            to_below: to_below.to_vec(),
        }
    }

    #[test]
    fn a_merge_opens_a_lane_that_ends_at_the_common_parent() {
        let mut lanes = Lanes::default();
        // Commit 4 merges 3 into 2. Commit 1 is the parent of both.
        assert_eq!(lanes.add(id(4), &[id(2), id(3)]), row(0, &[], &[], &[0, 1]));
        assert_eq!(lanes.add(id(3), &[id(1)]), row(1, &[0], &[1], &[1]));
        assert_eq!(lanes.add(id(2), &[id(1)]), row(0, &[1], &[0], &[1]));
        assert_eq!(lanes.add(id(1), &[]), row(1, &[], &[1], &[]));
        assert_eq!(lanes.waiting, []);
    }

    #[test]
    fn a_parent_that_came_before_its_child_opens_no_lane() {
        let mut lanes = Lanes::default();
        lanes.add(id(1), &[]);
        assert_eq!(lanes.add(id(2), &[id(1)]), row(0, &[], &[], &[]));
    }

    #[test]
    fn very_many_parents_are_drawn_as_far_as_there_is_room() {
        let mut lanes = Lanes::default();
        let parents: Vec<_> = (1..=64).map(id).collect();
        let row = lanes.add(id(200), &parents);
        assert_eq!(row.to_below.len(), LANES_MAX);
        assert!(lane_row(&row, std::slice::from_ref(&row)).0.len() < 4000);
    }
}
