"""The table of the bench, of which each line is printed as soon as it is measured."""

import sys

# The ratio columns compare a row with an earlier one.
COLUMNS = (
    ("changes", "{kind}", 8),
    ("store", "{store}", 28),
    ("servers", "{servers}", 7),
    ("connections", "{connections}", 11),
    ("per s", "{rate:.1f}", 8),
    ("p50 ms", "{p50:.1f}", 8),
    ("p99 ms", "{p99:.1f}", 8),
    ("shares", "{shares}", 16),
    ("/ 1 connection", "{of_one}", 14),
    ("/ local disk", "{of_local}", 12),
    ("/ docker-registry", "{of_registry}", 17),
)
# The columns on the left, which say what is measured.
NAMED = 4


def ratio(row, other):
    return f"{row['rate'] / other['rate']:.2f}" if other and other["rate"] else "-"


def aligned(cells):
    padded = (f"{cell:<{width}}" if index < 2 else f"{cell:>{width}}" for index, (cell, (_, _, width)) in enumerate(zip(cells, COLUMNS)))
    return "  ".join(padded).rstrip()


class Report:
    """Prints what is measured, and counts what could not be measured."""

    def __init__(self, out=None):
        self.out = out or sys.stdout
        self.rows, self.failures = {}, 0

    def row(self, row, measure):
        """Adds the figures that `measure` returns to the row, and prints it. A failure takes the place of the figures."""
        if not self.rows and not self.failures:
            self.print(aligned([name for name, _, _ in COLUMNS]))
        named = [form.format(**row) for _, form, _ in COLUMNS[:NAMED]]
        try:
            row.update(measure())
        except Exception as failure:  # The other rows are measured nevertheless.
            self.failures += 1
            self.print(f"{aligned(named)}  FAILED: {failure}")
            return
        key = row["kind"], row["store"], row["servers"], row["connections"]
        self.rows[key] = row
        row["of_one"] = ratio(row, self.rows.get((*key[:3], 1)))
        row["of_local"] = ratio(row, self.rows.get((key[0], "local disk", 1, key[3])))
        row["of_registry"] = ratio(row, self.rows.get(("push", f"docker-registry on {row['engine']}", 1, key[3])))
        self.print(aligned([form.format(**row) for _, form, _ in COLUMNS]))

    def figure(self, name, measure):
        """Prints the text that `measure` returns, or its failure."""
        try:
            value = measure()
        except Exception as failure:  # As above.
            self.failures += 1
            value = f"FAILED: {failure}"
        self.print(f"{name}: {value}")

    def print(self, line):
        print(line, file=self.out, flush=True)
