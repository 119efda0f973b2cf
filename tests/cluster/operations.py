"""Operations of clients, as they are recorded and checked."""

import dataclasses
import json
import threading

UPLOAD, REMOVE, READ = "upload", "remove", "read"

# The response says that the change was made, or that it was not; or there was none that says either.
ACKNOWLEDGED, REFUSED, UNKNOWN = "acknowledged", "refused", "unknown"


@dataclasses.dataclass
class Operation:
    """A request of a client. Times are those of one monotonic clock."""

    id: str
    kind: str
    path: str
    server: int
    start: float
    end: float = None
    outcome: str = UNKNOWN
    status: int = None
    # The blob that an upload stores.
    blob: str = None
    # The blob that had to be at the path before (`If-Match`).
    expected: str = None
    # What a read found: a blob, or none.
    value: str = None
    # `Wasmstore-Commit` and `Wasmstore-Generation` of the response.
    commit: str = None
    generation: int = None
    # Whether the read had to be as new as every change that was acknowledged before it.
    consistent: bool = False
    # The generation that the read had to have at least. The command line reports none, so it does not count here.
    min_generation: int = None
    error: str = None

    @property
    def is_write(self):
        return self.kind != READ


class Recorder:
    """Writes each operation to a file when it has ended, and keeps it in memory."""

    def __init__(self, path):
        self.file = open(path, "a", encoding="utf-8")
        self.lock = threading.Lock()
        self.operations = []

    def add(self, operation):
        line = json.dumps({name: value for name, value in dataclasses.asdict(operation).items() if value is not None})
        with self.lock:
            self.operations.append(operation)
            self.file.write(line + "\n")

    def close(self):
        self.file.close()


def load(path):
    """Reads the operations that a recorder has written."""
    with open(path, encoding="utf-8") as file:
        return [Operation(**json.loads(line)) for line in file]
