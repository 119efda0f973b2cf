"""Clients that upload, remove and read modules through any server, and record what they did and what they were told."""

import hashlib
import http.client
import random
import threading
import time

from operations import ACKNOWLEDGED, READ, REFUSED, REMOVE, UNKNOWN, UPLOAD, Operation

# How often clients do what, and how many bytes of random data modules have.
WEIGHTS = {UPLOAD: 55, "replace": 15, REMOVE: 10, READ: 20}
SIZES = ((0, 94), (40_000, 5), (1_500_000, 1))


def leb128(number):
    """Encodes a number as WebAssembly does."""
    encoded = bytearray()
    while True:
        number, low = number >> 7, number & 0x7F
        encoded.append(low | (0x80 if number else 0))
        if not number:
            return bytes(encoded)


def module(identifier, padding=0):
    """Returns a module with a custom section whose content is unique."""
    content = leb128(2) + b"id" + identifier.encode() + b" " + random.randbytes(random.randint(padding // 2, padding))
    return b"\0asm\1\0\0\0\0" + leb128(len(content)) + content


def blob_id(data):
    """Returns the id that git gives to a blob."""
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


class Shared:
    """What the clients of a run have in common."""

    def __init__(self, servers, recorder, paths, timeout, pause, consistent):
        self.servers, self.recorder, self.timeout, self.pause, self.consistent = servers, recorder, timeout, pause, consistent
        self.paths = [f"cluster/{number}.wasm" for number in range(paths)]
        self.stopped = threading.Event()
        self.lock = threading.Lock()
        self.newest_generation = 0
        self.unreachable = 0

    def learn(self, generation):
        with self.lock:
            self.newest_generation = max(self.newest_generation, generation)

    def count_unreachable(self):
        with self.lock:
            self.unreachable += 1


class Client(threading.Thread):
    """A client. Every second one always uses the same server; the others stay with a server for some requests, or until that fails."""

    def __init__(self, number, shared):
        super().__init__(daemon=True)
        self.number, self.shared = number, shared
        self.count = 0
        self.server = self.connection = None
        self.servers = shared.servers
        # Otherwise all clients would soon wait for a server that does not respond, and none would use those that do.
        if isinstance(number, int) and number % 2:
            self.servers = [shared.servers[number // 2 % len(shared.servers)]]

    def run(self):
        while not self.shared.stopped.is_set():
            if self.server is None or random.random() < 0.05:
                self.disconnect()
                self.server = random.choice(self.servers)
            self.step()
            time.sleep(random.expovariate(1 / self.shared.pause) if self.shared.pause else 0)
        self.disconnect()

    def disconnect(self):
        if self.connection:
            self.connection.close()
        self.server = self.connection = None

    def step(self):
        kind = random.choices(list(WEIGHTS), WEIGHTS.values())[0]
        path = random.choice(self.shared.paths)
        if kind == READ:
            self.read(path)
        elif kind == REMOVE:
            operation = self.operation(REMOVE, path)
            self.send(operation, "DELETE", f"/api/v1/module/{path}", headers={"Wasmstore-Message": operation.id})
        elif kind == UPLOAD:
            self.upload(path, None)
        else:
            found = self.read(path)
            if self.server and found.value:
                self.upload(path, found.value)

    def operation(self, kind, path):
        self.count += 1
        return Operation(f"{self.number}-{self.count}", kind, path, self.server.number, 0.0)

    def upload(self, path, expected):
        operation = self.operation(UPLOAD, path)
        data = module(operation.id, random.choices([size for size, _ in SIZES], [weight for _, weight in SIZES])[0])
        operation.blob, operation.expected = blob_id(data), expected
        headers = {"Wasmstore-Message": operation.id}
        if expected:
            headers["If-Match"] = f'"{expected}"'
        self.send(operation, "POST", f"/api/v1/module/{path}", data, headers)

    def read(self, path):
        """Reads a module or its hash, sometimes with a demand for all that was acknowledged before."""
        operation = self.operation(READ, path)
        headers, target = {}, f"/api/v1/hash/{operation.path}"
        if random.random() < 0.2:
            target = f"/api/v1/module/{operation.path}"
        if random.random() < self.shared.consistent:
            if random.random() < 0.5:
                operation.consistent = True
                target += "?consistent=true"
            else:
                operation.min_generation = self.shared.newest_generation
                headers["Wasmstore-Min-Generation"] = str(operation.min_generation)
        self.send(operation, "GET", target, headers=headers)
        return operation

    def send(self, operation, method, target, body=None, headers=None):
        """Sends a request, and records the operation with its outcome."""
        response, data = None, b""
        operation.start = time.monotonic()
        try:
            if not self.connection:
                self.connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=self.shared.timeout)
                self.connection.connect()
        except OSError:
            # Nothing was sent.
            self.shared.count_unreachable()
            self.disconnect()
            time.sleep(0.05)
            return
        try:
            self.connection.request(method, target, body, headers or {})
            response = self.connection.getresponse()
            data = response.read()
        except (OSError, http.client.HTTPException) as error:
            operation.error = repr(error)[:200]
            response = None
        if response is not None:
            self.conclude(operation, response, data)
        operation.end = time.monotonic()
        self.shared.recorder.add(operation)
        if operation.outcome == UNKNOWN:
            self.disconnect()
            time.sleep(0.02)

    def conclude(self, operation, response, data):
        """Reads from a response what has become of an operation."""
        operation.status = response.status
        operation.commit = response.headers.get("Wasmstore-Commit")
        generation = response.headers.get("Wasmstore-Generation")
        if generation:
            operation.generation = int(generation)
            self.shared.learn(operation.generation)
        if operation.kind == READ:
            if response.status == 200:
                operation.outcome = ACKNOWLEDGED
                # A hash has 40 digits, and a module is never that short.
                operation.value = data.decode() if len(data) == 40 else blob_id(data)
            elif response.status == 404:
                operation.outcome = ACKNOWLEDGED
        elif response.status == 200:
            operation.outcome = ACKNOWLEDGED
        elif 400 <= response.status < 500 and response.status != 408:
            operation.outcome = REFUSED
        elif response.status == 503 and b"nothing was changed" in data:
            # The server says that it is sure.
            operation.outcome = REFUSED
        if operation.outcome != ACKNOWLEDGED:
            operation.error = data.decode(errors="replace")[:200]
