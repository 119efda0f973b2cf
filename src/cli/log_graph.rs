//! The graph of `log --graph`.

use std::collections::HashSet;

use renderdag::{Ancestor, GraphRowRenderer, Renderer};

/// Draws the commit graph, one commit at a time. Each commit must come before its parents.
pub(super) struct LogGraph(Box<dyn Renderer<String, Output = String>>);

impl LogGraph {
    /// Creates an empty graph.
    pub fn new() -> Self {
        let rows = GraphRowRenderer::new().output();
        Self(Box::new(rows.with_min_row_height(1).build_ascii()))
    }

    /// Returns the rows of a commit, with the lines of `text` to the right of them.
    pub fn draw(&mut self, id: &str, parents: &[String], text: &str) -> String {
        // git accepts a commit that names a parent twice. The graph shows the parent once.
        let mut unique = HashSet::new();
        let parents = parents.iter().filter(|parent| unique.insert(*parent));
        let parents = parents.cloned().map(Ancestor::Parent).collect();
        self.0
            .next_row(id.to_owned(), parents, "*".to_owned(), text.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Draws commits that are named by letters. Each string is a commit followed by its parents.
    fn draw(history: &[&str]) -> String {
        let id = |letter: char| letter.to_string();
        let mut graph = LogGraph::new();
        let mut rows = String::new();
        for commit in history {
            let parents: Vec<_> = commit.chars().skip(1).map(id).collect();
            let letter = commit.chars().next().unwrap();
            rows.push_str(&graph.draw(&id(letter), &parents, &letter.to_string()));
        }
        rows
    }

    #[track_caller]
    fn check(history: &[&str], expected: &[&str]) {
        let rows = draw(history);
        assert_eq!(rows.lines().collect::<Vec<_>>(), expected, "{rows}");
    }

    #[test]
    fn linear_history_is_one_column() {
        check(&["CB", "BA", "A"], &["*  C", "*  B", "*  A"]);
    }

    #[test]
    fn merge_has_two_columns_that_join_again() {
        check(
            &["DBC", "CA", "BA", "A"],
            &["*    D", r"|\", "| *  C", "* |  B", "|/", "*  A"],
        );
    }

    #[test]
    fn octopus_merge_has_a_column_for_each_parent() {
        check(
            &["ODCB", "BA", "CA", "DA", "A"],
            &[
                "*      O", "+-+-.", "| | *  B", "| * |  C", "| |/", "* |  D", "|/", "*  A",
            ],
        );
    }

    #[test]
    fn columns_can_cross() {
        check(
            &["MXY", "YBA", "XAB", "BR", "AR", "R"],
            &[
                "*    M", r"|\", "| *    Y", r"| |\", "* | |  X", "'-+-+", "  * |  B", "  | *  A",
                "  |/", "  *  R",
            ],
        );
    }

    #[test]
    fn history_can_have_several_roots() {
        check(
            &["MAB", "BC", "C", "A"],
            &["*    M", r"|\", "| *  B", "| *  C", "*  A"],
        );
    }

    #[test]
    fn missing_parents_leave_open_columns() {
        check(
            &["DBC", "CA", "BA"],
            &["*    D", r"|\", "| *  C", "* |  B", "|/"],
        );
    }

    #[test]
    fn repeated_parent_is_drawn_once() {
        check(&["DBB", "B"], &["*  D", "*  B"]);
    }

    #[test]
    fn text_is_to_the_right_of_the_graph() {
        let mut graph = LogGraph::new();
        let rows = graph.draw("child", &["parent".to_owned()], "one\ntwo\n\nthree\n\n");
        assert_eq!(rows, "*  one\n|  two\n|\n|  three\n|\n");
        let rows = graph.draw("parent", &[], "one\n\n");
        assert_eq!(rows, "*  one\n\n");
    }
}
