"""Checks the recorded operations against the history of the branch in which they must have ended up.

The branch is one register: each commit is one change, and its position is the moment at which the change took effect. So an order of
all changes is known, and checking that it is a linearization takes no search. `bound` below is the latest position that a client had
learned of before a moment: what comes later in real time must have a later position, and a read must not be older.
"""

import bisect
import collections
import dataclasses

from operations import ACKNOWLEDGED, REFUSED, REMOVE, UPLOAD

LOST = "lost"
TWICE = "applied twice"
REFUSED_YET_APPLIED = "refused yet applied"
WRONG_CHANGE = "wrong change"
UNEXPLAINED = "unexplained commit"
NOT_LINEAR = "not one line of commits"
ORDER = "order"
STALE_READ = "stale read"
IMPOSSIBLE_READ = "impossible read"
WRONG_REFUSAL = "wrong refusal"
KINDS = (LOST, TWICE, REFUSED_YET_APPLIED, WRONG_CHANGE, UNEXPLAINED, NOT_LINEAR, ORDER, STALE_READ, IMPOSSIBLE_READ, WRONG_REFUSAL)


@dataclasses.dataclass
class Commit:
    """A commit of the branch, with the value of each changed path before and after it (none where there is no module)."""

    id: str
    parents: list
    message: str
    changes: dict


@dataclasses.dataclass
class Fault:
    kind: str
    text: str


class History:
    """The commits of a branch, oldest first, at the positions 1, 2, and so on. Position 0 is before all of them."""

    def __init__(self, commits, operations):
        self.commits = commits
        self.position_of = {commit.id: position for position, commit in enumerate(commits, 1)}
        self.positions = collections.defaultdict(list)
        self.values = collections.defaultdict(lambda: ([0], [None]))
        by_id = {operation.id: operation for operation in operations}
        # The latest start of the operations up to a position: nobody can have seen the position before.
        self.started = [float("-inf")]
        for position, commit in enumerate(commits, 1):
            self.positions[commit.message].append(position)
            for path, (_, new) in commit.changes.items():
                self.values[path][0].append(position)
                self.values[path][1].append(new)
            operation = by_id.get(commit.message)
            self.started.append(max(self.started[-1], operation.start if operation else float("-inf")))

    def value_at(self, path, position):
        positions, values = self.values[path]
        return values[bisect.bisect_right(positions, position) - 1]

    def values_between(self, path, first, last):
        """Returns each value that the path has at a position from `first` to `last`."""
        positions, values = self.values[path]
        return values[bisect.bisect_right(positions, first) - 1 : bisect.bisect_right(positions, last)] if first <= last else []

    def last_visible(self, moment):
        """Returns the last position that can have been seen at a moment."""
        return bisect.bisect_left(self.started, moment) - 1


class Bounds:
    """The latest position that responses had shown before a moment."""

    def __init__(self):
        self.shown = []

    def add(self, moment, position):
        self.shown.append((moment, position))

    def seal(self):
        self.shown.sort()
        self.moments = [moment for moment, _ in self.shown]
        self.latest = [0]
        for _, position in self.shown:
            self.latest.append(max(self.latest[-1], position))

    def before(self, moment):
        return self.latest[bisect.bisect_left(self.moments, moment)]


class Check:
    """Collects the faults of a run."""

    def __init__(self, operations, commits, is_disturbed):
        self.operations = operations
        self.is_disturbed = is_disturbed
        self.history = History(commits, operations)
        self.faults = []
        self.everywhere = Bounds()
        # What responses with a generation have shown.
        self.with_generation = Bounds()
        self.of_server = collections.defaultdict(Bounds)

    def fault(self, kind, text, operation=None):
        self.faults.append(Fault(kind, f"{text}: {operation}" if operation else text))

    def run(self):
        self.check_commits()
        self.learn()
        for operation in self.operations:
            if operation.is_write:
                self.check_write(operation)
            elif operation.outcome == ACKNOWLEDGED:
                self.check_read(operation)
        return self.faults

    def check_commits(self):
        """Each commit is the change of one operation, on its only parent, and no change is there twice."""
        ids = {operation.id for operation in self.operations if operation.is_write}
        parent, stored = None, {}
        for commit in self.history.commits:
            if commit.parents != ([parent] if parent else []):
                self.fault(NOT_LINEAR, f"the parents of {commit.id} are {commit.parents}, not {parent}")
            parent = commit.id
            if commit.message not in ids and commit.changes:
                self.fault(UNEXPLAINED, f"{commit.id} {commit.message!r} {commit.changes}")
            for path, (_, new) in commit.changes.items():
                first = stored.setdefault(new, commit) if new else commit
                if first is not commit and first.message != commit.message:
                    self.fault(TWICE, f"{new} at {path} in {first.id} and again in {commit.id}")

    def learn(self):
        """Collects which positions responses have shown."""
        for operation in self.operations:
            if operation.outcome != ACKNOWLEDGED:
                continue
            if operation.is_write:
                position = max(self.history.positions.get(operation.id, [0]))
            else:
                position = self.history.position_of.get(operation.commit, 0)
            if position:
                self.everywhere.add(operation.end, position)
                self.of_server[operation.server].add(operation.end, position)
                if operation.generation:
                    self.with_generation.add(operation.end, position)
        for bounds in (self.everywhere, self.with_generation, *self.of_server.values()):
            bounds.seal()

    def bound_of(self, server, moment):
        return self.of_server[server].before(moment) if server in self.of_server else 0

    def check_write(self, operation):
        positions = self.history.positions.get(operation.id, [])
        if len(positions) > 1:
            self.fault(TWICE, f"at the positions {positions}", operation)
        if operation.outcome == ACKNOWLEDGED and not positions:
            self.fault(LOST, "acknowledged, but not in the history", operation)
        if operation.outcome == REFUSED and positions:
            self.fault(REFUSED_YET_APPLIED, f"at position {positions[0]}", operation)
        for position in positions:
            self.check_change(operation, position)
        if operation.outcome == REFUSED and not positions:
            self.check_refusal(operation)

    def check_change(self, operation, position):
        commit = self.history.commits[position - 1]
        new = operation.blob if operation.kind == UPLOAD else None
        if list(commit.changes) != [operation.path] or commit.changes[operation.path][1] != new:
            self.fault(WRONG_CHANGE, f"{commit.id} changes {commit.changes}", operation)
        elif operation.expected and commit.changes[operation.path][0] != operation.expected:
            self.fault(WRONG_CHANGE, f"{commit.id} replaces {commit.changes[operation.path][0]}", operation)
        if operation.outcome == ACKNOWLEDGED and operation.commit not in (None, commit.id):
            self.fault(WRONG_CHANGE, f"it is {commit.id}, but the response names another commit", operation)
        bound = self.everywhere.before(operation.start)
        if position <= bound:
            self.fault(ORDER, f"at position {position}, but position {bound} was known before it started", operation)

    def check_refusal(self, operation):
        """A change is refused by the state at a moment between its start and its end."""
        first, last = self.everywhere.before(operation.start), self.history.last_visible(operation.end)
        values = self.history.values_between(operation.path, first, last)
        if operation.kind == REMOVE and operation.status == 404 and None not in values:
            self.fault(WRONG_REFUSAL, "there was a module at the path all the time", operation)
        if operation.status == 412 and not any(value != operation.expected for value in values):
            self.fault(WRONG_REFUSAL, "the expected module was at the path all the time", operation)

    def check_read(self, operation):
        """A read is not from the future, and not older than what its server has shown, or, if it is consistent, than what any server has shown.
        A read with a minimum generation is not older than what any response with a generation has shown.

        A server that is cut off from the object store goes on serving its copy, so in a disturbed run other reads may be older.
        """
        if operation.consistent:
            bounds = self.everywhere.before(operation.start)
        elif operation.min_generation is not None:
            bounds = self.with_generation.before(operation.start)
            if (operation.generation or 0) < operation.min_generation:
                self.fault(STALE_READ, f"generation {operation.generation} instead of {operation.min_generation} at least", operation)
        else:
            bounds = 0 if self.is_disturbed else self.bound_of(operation.server, operation.start)
        last = self.history.last_visible(operation.end)
        if operation.commit:
            position = self.history.position_of.get(operation.commit)
            if position is None or position > last or self.history.value_at(operation.path, position) != operation.value:
                self.fault(IMPOSSIBLE_READ, f"its commit is at position {position}, and not after {last}", operation)
            elif position < bounds:
                self.fault(STALE_READ, f"from position {position}, but position {bounds} was known before it started", operation)
        elif operation.value not in self.history.values_between(operation.path, 0, last):
            self.fault(IMPOSSIBLE_READ, "the value was never there before the end of the read", operation)
        elif operation.value not in self.history.values_between(operation.path, bounds, last):
            self.fault(STALE_READ, f"older than position {bounds}, which was known before it started", operation)


def check(operations, commits, is_disturbed=False):
    """Returns the faults of the operations. In a disturbed run, servers do not always reach the object store."""
    return Check(operations, commits, is_disturbed).run()
