"""Tests of the table of the bench."""

import io
import unittest

from processes import Failure
from report import Report


def row(connections):
    return {"kind": "module", "store": "an engine", "engine": "an engine", "servers": 1, "connections": connections}


def figures(rate):
    return {"rate": rate, "p50": 1.0, "p99": 2.0, "shares": "-"}


class Rows(unittest.TestCase):
    def setUp(self):
        self.out = io.StringIO()
        self.report = Report(self.out)

    def fail(self):
        raise Failure("no answer")

    def test_each_row_is_printed_when_it_is_measured(self):
        self.report.row(row(1), lambda: figures(10))
        self.assertEqual(len(self.out.getvalue().splitlines()), 2)
        self.report.row(row(8), lambda: figures(25))
        self.assertRegex(self.out.getvalue().splitlines()[2], r"^module +an engine +1 +8 +25\.0 .* 2\.50 +- +-$")
        self.assertEqual(self.report.failures, 0)

    def test_a_row_that_fails_is_in_the_table_and_the_next_one_is_measured(self):
        self.report.row(row(1), self.fail)
        self.report.row(row(8), lambda: figures(25))
        self.report.figure("takeover", self.fail)
        self.report.figure("start", lambda: "2.0 s")
        lines = self.out.getvalue().splitlines()
        self.assertRegex(lines[1], r"^module +an engine +1 +1 +FAILED: no answer$")
        self.assertRegex(lines[2], r"^module +an engine +1 +8 +25\.0 .* - +- +-$")
        self.assertEqual(lines[3:], ["takeover: FAILED: no answer", "start: 2.0 s"])
        self.assertEqual(self.report.failures, 2)
