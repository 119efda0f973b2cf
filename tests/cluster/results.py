"""The table of a run, and the check of its operations."""

import sys
from collections import Counter

import check
import repositories
from operations import ACKNOWLEDGED, READ, REFUSED, UNKNOWN, load

# So many faults of a kind are printed.
PRINTED = 5


def quantile(values, share):
    values = sorted(values)
    return values[min(len(values) - 1, int(len(values) * share))] if values else 0


def silence(operations):
    """Returns the longest time in which no change was acknowledged by any server."""
    moments = sorted(operation.end for operation in operations if operation.is_write and operation.outcome == ACKNOWLEDGED)
    return max((later - earlier for earlier, later in zip(moments, moments[1:])), default=0)


def by_status(operations):
    counts = Counter(operation.status or "none" for operation in operations)
    return ", ".join(f"{status}: {count}" for status, count in sorted(counts.items(), key=str)) or "-"


def by_reason(operations):
    """Returns what the servers said about changes that are perhaps made, most frequent first."""
    counts = Counter(operation.error for operation in operations if operation.status == 500)
    return "; ".join(f"{count}: {text}" for text, count in counts.most_common(PRINTED)) or "-"


def of_operations(operations, commits, is_disturbed):
    """Returns rows about the operations, and the faults."""
    faults = check.check(operations, commits, is_disturbed)
    writes = [operation for operation in operations if operation.is_write]
    reads = [operation for operation in operations if operation.kind == READ]
    outcomes = Counter(operation.outcome for operation in writes)
    applied = {commit.message for commit in commits}
    times = [operation.end - operation.start for operation in writes if operation.outcome == ACKNOWLEDGED]
    unknown = [operation for operation in writes if operation.outcome == UNKNOWN]
    rows = [
        ("changes acknowledged", outcomes[ACKNOWLEDGED]),
        ("changes refused", outcomes[REFUSED]),
        ("  by status", by_status(operation for operation in writes if operation.outcome == REFUSED)),
        ("changes unknown", f"{outcomes[UNKNOWN]}, of which {sum(operation.id in applied for operation in unknown)} were applied"),
        ("  by status", by_status(unknown)),
        ("  with status 500", by_reason(unknown)),
        ("reads", f"{sum(read.outcome == ACKNOWLEDGED for read in reads)}, of which {sum(read.consistent for read in reads)} consistent and {sum(read.min_generation is not None for read in reads)} with a minimum generation"),
        ("commits", len(commits)),
        ("wait for a change, p50 / p99 / max", " / ".join(f"{1000 * quantile(times, share):.0f} ms" for share in (0.5, 0.99, 1))),
        ("longest time without a change", f"{silence(operations):.1f} s"),
    ]
    counts = Counter(fault.kind for fault in faults)
    rows += [(f"FAULT {kind}" if counts[kind] else kind, counts[kind]) for kind in check.KINDS]
    return rows, faults


def print_table(rows):
    width = max(len(name) for name, _ in rows)
    for name, value in rows:
        print(f"{name:<{width}}  {value}")
    sys.stdout.flush()


def print_faults(faults):
    printed = Counter()
    for fault in faults:
        printed[fault.kind] += 1
        if printed[fault.kind] <= PRINTED:
            print(f"{fault.kind}: {fault.text}", file=sys.stderr)


def report(cluster, supervisor, operations, commits):
    """Prints the table of a run. Returns the faults of its operations."""
    requests = cluster.links.counts()
    lost = sum(requests[fault] for fault in ("lost", "hung", "late"))
    options = cluster.options
    is_disturbed = any((options.lost, options.torn, options.kill_every, options.kill_engine_every, options.zombie_every, options.partition_every))
    rows, faults = of_operations(operations, commits, is_disturbed)
    others = cluster.faults
    print_table(
        [
            ("engine", f"{cluster.engine.version}; {options.servers} servers, {options.clients} clients, {options.seconds:.0f} s"),
            *sorted(supervisor.counts.items()),
            ("requests to the engine and to peers", requests["requests"]),
            ("answers lost", f"{lost} ({100 * lost / max(1, requests['requests']):.1f} %)"),
            ("  of which", ", ".join(f"{fault}: {requests[fault]}" for fault in ("lost", "hung", "late", "torn"))),
            *rows,
            *[companion.row() for companion in cluster.companions],
            ("FAULT others (clones, fsck, pushes, watch, …)" if others else "others (clones, fsck, pushes, watch, …)", len(others)),
        ]
    )
    print_faults(faults)
    for text in others:
        print(text[:2000], file=sys.stderr)
    return [fault.text for fault in faults]


def check_again(directory):
    """Checks the files of an earlier run. Returns the exit code."""
    rows, faults = of_operations(load(directory / "operations.jsonl"), repositories.history(directory / "clone-0"), True)
    print_table(rows)
    print_faults(faults)
    return 1 if faults else 0
