"""Tests of the check: each kind of fault is found in a history that contains it, and a history without faults has none."""

import copy
import unittest

import check
from check import Commit
from operations import ACKNOWLEDGED, READ, REFUSED, REMOVE, UNKNOWN, UPLOAD, Operation


def write(identifier, start, end, blob, outcome=ACKNOWLEDGED, server=0, path="p", **more):
    kind = UPLOAD if blob else REMOVE
    return Operation(identifier, kind, path, server, start, end, outcome, blob=blob, **more)


def read(start, end, value, server=0, path="p", **more):
    return Operation(f"r{start}", READ, path, server, start, end, ACKNOWLEDGED, value=value, **more)


def chain(*changes):
    """Returns commits from (message, path, old value, new value), after the commit that creates the store."""
    commits = [Commit("c0", [], "Create the store", {})]
    for number, (message, path, old, new) in enumerate(changes, 1):
        commits.append(Commit(f"c{number}", [commits[-1].id], message, {path: (old, new)}))
    return commits


OPERATIONS = [
    write("a", 0, 1, "A", commit="c1"),
    write("b", 2, 3, "B", server=1, commit="c2"),
    write("x", 2, 6, "X", server=2, path="q", commit="c3"),
    write("c", 4, 5, None, outcome=UNKNOWN, server=1),
    write("d", 6, 7, "D", expected="B", outcome=REFUSED, status=412),
    write("e", 8, 9, "E", server=2, commit="c5"),
    read(10, 11, "E", consistent=True, commit="c5"),
    write("f", 10, 11, "F", outcome=UNKNOWN),
]
COMMITS = chain(("a", "p", None, "A"), ("b", "p", "A", "B"), ("x", "q", None, "X"), ("c", "p", "B", None), ("e", "p", None, "E"))


class CheckTest(unittest.TestCase):
    def setUp(self):
        self.operations, self.commits = copy.deepcopy(OPERATIONS), copy.deepcopy(COMMITS)

    def operation(self, identifier):
        return next(operation for operation in self.operations if operation.id == identifier)

    def kinds(self):
        return sorted({fault.kind for fault in check.check(self.operations, self.commits)})

    def drop(self, number):
        """Removes a commit as if it had never been."""
        self.commits[number + 1].parents = list(self.commits[number].parents)
        del self.commits[number]

    def test_a_history_without_faults_has_none(self):
        self.assertEqual(self.kinds(), [])

    def test_reads_of_what_was_there_are_no_faults(self):
        # An old value from a server that has not shown a newer one, and either value while a change is on its way.
        self.operations += [read(8.1, 8.2, "A"), read(8.3, 8.9, None, server=3), read(8.4, 8.8, "E", server=4)]
        self.assertEqual(self.kinds(), [])

    def test_an_acknowledged_change_that_is_missing_is_lost(self):
        self.drop(3)
        self.assertEqual(self.kinds(), [check.LOST])

    def test_an_unknown_change_may_be_missing(self):
        self.operation("c").outcome = UNKNOWN
        self.drop(4)
        self.commits[4].changes = {"p": ("B", "E")}
        self.operation("d").status = 409
        self.assertEqual(self.kinds(), [])

    def test_a_change_with_two_commits_is_applied_twice(self):
        self.commits.append(Commit("c6", ["c5"], "x", {"q": ("X", "X2")}))
        self.assertIn(check.TWICE, self.kinds())

    def test_a_removal_with_two_commits_is_applied_twice(self):
        self.commits.append(Commit("c6", ["c5"], "c", {"p": ("E", None)}))
        self.assertEqual(self.kinds(), [check.TWICE])

    def test_a_module_that_another_commit_stores_again_is_applied_twice(self):
        self.commits.append(Commit("c6", ["c5"], "f", {"p": ("E", "A")}))
        self.assertIn(check.TWICE, self.kinds())

    def test_a_refused_change_must_not_be_applied(self):
        self.operation("f").outcome = REFUSED
        self.commits.append(Commit("c6", ["c5"], "f", {"p": ("E", "F")}))
        self.assertEqual(self.kinds(), [check.REFUSED_YET_APPLIED])

    def test_a_change_stores_its_module_at_its_path_alone(self):
        for changes in ({"p": ("A", "Z")}, {"q": (None, "B")}, {"p": ("A", "B"), "s": (None, "S")}):
            self.setUp()
            self.commits[2].changes = changes
            self.assertIn(check.WRONG_CHANGE, self.kinds(), changes)

    def test_a_conditional_change_replaces_what_it_expects(self):
        self.operation("b").expected = "A"
        self.assertEqual(self.kinds(), [])
        self.operation("b").expected = "Z"
        self.assertEqual(self.kinds(), [check.WRONG_CHANGE])

    def test_the_response_names_the_commit_of_the_change(self):
        self.operation("e").commit = "c4"
        self.assertEqual(self.kinds(), [check.WRONG_CHANGE])

    def test_a_commit_of_nobody_is_unexplained(self):
        self.commits.append(Commit("c6", ["c5"], "z", {"p": ("E", "Z")}))
        self.assertEqual(self.kinds(), [check.UNEXPLAINED])

    def test_a_merge_is_not_one_line(self):
        self.commits[3].parents.append("other")
        self.assertEqual(self.kinds(), [check.NOT_LINEAR])

    def test_a_change_that_started_after_another_was_acknowledged_comes_later(self):
        self.operation("b").start, self.operation("b").end = 6.5, 6.6
        self.assertEqual(self.kinds(), [check.ORDER])

    def test_an_unknown_change_that_started_later_comes_later(self):
        self.operation("c").start = 9.5
        self.assertIn(check.ORDER, self.kinds())

    def test_a_change_that_started_after_a_read_of_a_later_state_is_out_of_order(self):
        self.operations.append(read(4.2, 4.3, None, server=7, commit="c4"))
        self.operation("x").start = 4.4
        self.operation("x").outcome = UNKNOWN
        # The read is impossible, too: it shows a change that had not started.
        self.assertEqual(self.kinds(), [check.IMPOSSIBLE_READ, check.ORDER])

    def test_a_server_shows_what_it_has_acknowledged(self):
        self.operations.append(read(9.5, 9.6, None, server=2))
        self.assertEqual(self.kinds(), [check.STALE_READ])

    def test_a_server_does_not_go_back(self):
        self.operations += [read(8.5, 8.6, "E", server=5, commit="c5"), read(8.7, 8.8, None, server=5, commit="c4")]
        self.assertEqual(self.kinds(), [check.STALE_READ])

    def test_a_consistent_read_shows_what_any_server_has_acknowledged(self):
        self.operations.append(read(9.5, 9.6, "B", server=7))
        self.assertEqual(self.kinds(), [])
        self.operations[-1].consistent = True
        self.assertEqual(self.kinds(), [check.STALE_READ])

    def test_a_read_with_a_minimum_generation_shows_what_responses_with_one_have_acknowledged(self):
        self.operation("b").generation = 2
        self.operations.append(read(9.5, 9.6, "B", server=7))
        self.operations[-1].min_generation, self.operations[-1].generation = 2, 2
        # The later change was acknowledged by a command, which reports no generation.
        self.assertEqual(self.kinds(), [])
        self.operation("e").generation = 3
        self.assertEqual(self.kinds(), [check.STALE_READ])

    def test_a_read_has_its_minimum_generation(self):
        self.operations.append(read(9.5, 9.6, "E", server=7))
        self.operations[-1].min_generation, self.operations[-1].generation = 3, 2
        self.assertEqual(self.kinds(), [check.STALE_READ])

    def test_a_read_of_what_was_never_there_is_impossible(self):
        self.operations.append(read(9.5, 9.6, "F", server=7))
        self.assertEqual(self.kinds(), [check.IMPOSSIBLE_READ])

    def test_a_read_from_the_future_is_impossible(self):
        for commit in (None, "c5"):
            self.setUp()
            self.operations.append(read(7.2, 7.3, "E", server=7, commit=commit))
            self.assertIn(check.IMPOSSIBLE_READ, self.kinds())

    def test_a_read_from_a_commit_that_is_not_in_the_history_is_impossible(self):
        self.operations.append(read(9.5, 9.6, "E", server=7, commit="gone"))
        self.assertEqual(self.kinds(), [check.IMPOSSIBLE_READ])

    def test_a_read_has_the_value_of_its_commit(self):
        self.operations.append(read(9.5, 9.6, "B", server=7, commit="c5"))
        self.assertEqual(self.kinds(), [check.IMPOSSIBLE_READ])

    def test_nothing_to_remove_is_a_reason_only_if_nothing_was_there(self):
        self.operations.append(write("g", 9.2, 9.3, None, outcome=REFUSED, status=404))
        self.assertEqual(self.kinds(), [check.WRONG_REFUSAL])
        self.operations[-1].start = 8.5
        self.assertEqual(self.kinds(), [])

    def test_a_failed_precondition_is_a_reason_only_if_something_else_was_there(self):
        self.operations.append(write("g", 9.2, 9.3, "G", expected="E", outcome=REFUSED, status=412))
        self.assertEqual(self.kinds(), [check.WRONG_REFUSAL])
        self.operations[-1].expected = "B"
        self.assertEqual(self.kinds(), [])


if __name__ == "__main__":
    unittest.main()
