//! The history as a drawing.

use std::collections::HashSet;

use renderdag::{Ancestor, GraphRowRenderer, Renderer};

/// Draws commits, each before its parents.
pub(super) struct Graph(Box<dyn Renderer<String, Output = String>>);

impl Graph {
    /// A drawing of nothing yet.
    pub fn new() -> Self {
        let rows = GraphRowRenderer::new().output();
        Self(Box::new(rows.with_min_row_height(1).build_ascii()))
    }

    /// The rows of a commit, with lines of `text` to the right of them.
    pub fn draw(&mut self, id: &str, parents: &[String], text: &str) -> String {
        // Git takes a commit that names a parent twice.
        let mut drawn = HashSet::new();
        let parents = parents.iter().filter(|parent| drawn.insert(*parent));
        let parents = parents.cloned().map(Ancestor::Parent).collect();
        self.0
            .next_row(id.to_owned(), parents, "*".to_owned(), text.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Draws commits called by letters, each followed by its parents.
    fn drawn(history: &[&str]) -> String {
        let id = |letter: char| letter.to_string();
        let mut graph = Graph::new();
        let mut rows = String::new();
        for commit in history {
            let parents: Vec<_> = commit.chars().skip(1).map(id).collect();
            let letter = commit.chars().next().unwrap();
            rows.push_str(&graph.draw(&id(letter), &parents, &letter.to_string()));
        }
        rows
    }

    #[track_caller]
    fn check(history: &[&str], wanted: &[&str]) {
        let drawn = drawn(history);
        assert_eq!(drawn.lines().collect::<Vec<_>>(), wanted, "{drawn}");
    }

    #[test]
    fn a_line_is_straight() {
        check(&["CB", "BA", "A"], &["*  C", "*  B", "*  A"]);
    }

    #[test]
    fn a_merge_has_two_lines_that_meet_again() {
        check(
            &["DBC", "CA", "BA", "A"],
            &["*    D", r"|\", "| *  C", "* |  B", "|/", "*  A"],
        );
    }

    #[test]
    fn an_octopus_has_a_line_for_each_arm() {
        check(
            &["ODCB", "BA", "CA", "DA", "A"],
            &[
                "*      O", "+-+-.", "| | *  B", "| * |  C", "| |/", "* |  D", "|/", "*  A",
            ],
        );
    }

    #[test]
    fn lines_cross() {
        check(
            &["MXY", "YBA", "XAB", "BR", "AR", "R"],
            &[
                "*    M", r"|\", "| *    Y", r"| |\", "* | |  X", "'-+-+", "  * |  B", "  | *  A",
                "  |/", "  *  R",
            ],
        );
    }

    #[test]
    fn there_may_be_several_roots() {
        check(
            &["MAB", "BC", "C", "A"],
            &["*    M", r"|\", "| *  B", "| *  C", "*  A"],
        );
    }

    #[test]
    fn what_is_cut_off_leads_on() {
        check(
            &["DBC", "CA", "BA"],
            &["*    D", r"|\", "| *  C", "* |  B", "|/"],
        );
    }

    #[test]
    fn a_parent_named_twice_is_one() {
        check(&["DBB", "B"], &["*  D", "*  B"]);
    }

    #[test]
    fn lines_of_text_stand_to_the_right() {
        let mut graph = Graph::new();
        let rows = graph.draw("child", &["parent".to_owned()], "one\ntwo\n\nthree\n\n");
        assert_eq!(rows, "*  one\n|  two\n|\n|  three\n|\n");
        let rows = graph.draw("parent", &[], "one\n\n");
        assert_eq!(rows, "*  one\n\n");
    }
}
