"""Sends requests over many connections and measures them. It is a program of its own, so that the bench does not slow it down.

Usage: load.py JSON, with `targets` (ports, each with its number of connections), `kind` (`module`, `oci` or `read`) and `seconds`.
Prints `warm` when it begins to measure, then JSON: for each target the latencies, and the longest time without a change, in seconds.
"""

import hashlib
import itertools
import json
import re
import selectors
import socket
import sys
import time

from clients import module

CONFIGURATION = b"{}"
# Nothing is counted before each connection has completed a change, which may take long the first time.
WARM_SECONDS_MAX = 30


def request(method, target, body=b"", kind="application/wasm"):
    head = f"{method} {target} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def expect(response, *statuses):
    if response[0] not in statuses:
        raise ValueError(f"status {response[0]}: {response[1][-300:]!r}")
    return response


def digest(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def upload_modules(name):
    """Uploads a small module with each change. A connection writes to 50 paths of its own."""
    for number in itertools.count():
        response = yield request("POST", f"/api/v1/module/bench/{name}/{number % 50}.wasm", module(f"{name}-{number}-{time.time_ns()}"))
        expect(response, 200)
        yield None


def read_modules(name):
    """Reads the modules that `upload_modules` has stored."""
    for number in itertools.count():
        expect((yield request("GET", f"/api/v1/module/bench/{name}/{number % 50}.wasm")), 200, 404)
        yield None


def push_artifacts(name):
    """Pushes a small blob and its manifest, as an OCI client does: it asks for the blob first, and has pushed the configuration before."""
    base = f"/v2/bench/{name}"

    def push_blob(data):
        if (yield request("HEAD", f"{base}/blobs/{digest(data)}"))[0] != 200:
            response = expect((yield request("POST", f"{base}/blobs/uploads/")), 202)
            place = re.search(rb"\r\nlocation: *(?:http://[^/\r\n]*)?([^\r\n]*)", response[1], re.IGNORECASE)[1].decode()
            target = place + ("&" if "?" in place else "?") + "digest=" + digest(data)
            expect((yield request("PUT", target, data, "application/octet-stream")), 201)

    yield from push_blob(CONFIGURATION)
    for number in itertools.count():
        data = module(f"{name}-{number}-{time.time_ns()}")
        yield from push_blob(data)
        kind = "application/vnd.oci.image.manifest.v1+json"
        layer = {"mediaType": "application/wasm", "digest": digest(data), "size": len(data)}
        configuration = {"mediaType": "application/vnd.wasm.config.v0+json", "digest": digest(CONFIGURATION), "size": len(CONFIGURATION)}
        manifest = json.dumps({"schemaVersion": 2, "mediaType": kind, "config": configuration, "layers": [layer]}).encode()
        expect((yield request("PUT", f"{base}/manifests/1.0.{number % 50}", manifest, kind)), 201)
        yield None


KINDS = {"module": upload_modules, "read": read_modules, "oci": push_artifacts}


class Connection:
    """A connection that sends one request at a time."""

    def __init__(self, target, name, kind):
        self.target, self.name = target, name
        self.steps = KINDS[kind](name)
        self.socket = socket.create_connection(("127.0.0.1", target["port"]), 10)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.received = b""
        self.is_warm = False
        self.began = time.monotonic()
        self.send(next(self.steps))

    def send(self, data):
        self.is_head = data.startswith(b"HEAD ")
        # A response is only awaited once the request is sent; requests are small.
        self.socket.sendall(data)

    def response(self):
        """Returns the status and the head of a response that has arrived completely, or none."""
        end = self.received.find(b"\r\n\r\n")
        if end < 0:
            return None
        head = self.received[: end + 2]
        length = re.search(rb"\r\ncontent-length: *(\d+)", head, re.IGNORECASE)
        total = end + 4 + (int(length[1]) if length and not self.is_head else 0)
        if len(self.received) < total:
            return None
        text, self.received = self.received[:total], self.received[total:]
        return int(head.split(b" ", 2)[1]), text

    def readable(self):
        """Goes on with what has arrived. Returns the seconds that a change took, if that completes it."""
        data = self.socket.recv(1 << 18)
        if not data:
            raise OSError("the server has closed the connection")
        self.received += data
        response = self.response()
        if response is None:
            return None
        following = self.steps.send(response)
        if following is not None:
            self.send(following)
            return None
        now = time.monotonic()
        took, self.began = now - self.began, now
        self.send(next(self.steps))
        return took


def responses(selector, end):
    """Yields each connection that completes a change until a moment, with the seconds that it took."""
    while (now := time.monotonic()) < end and selector.get_map():
        for key, _ in selector.select(end - now):
            try:
                took = key.data.readable()
            except (OSError, ValueError) as error:
                key.data.target["errors"].append(str(error)[:300])
                selector.unregister(key.data.socket)
                continue
            if took is not None:
                yield key.data, took


def run(targets, kind, seconds):
    selector, cold = selectors.DefaultSelector(), 0
    for index, target in enumerate(targets):
        target.update(index=index, latencies=[], silence=0.0, errors=[])
        for number in range(target["connections"]):
            connection = Connection(target, f"{index}-{number}", kind)
            selector.register(connection.socket, selectors.EVENT_READ, connection)
            cold += 1
    for connection, _ in responses(selector, time.monotonic() + WARM_SECONDS_MAX):
        cold -= not connection.is_warm
        connection.is_warm = True
        if cold <= 0:
            break
    print("warm", flush=True)
    begin = time.monotonic()
    end = begin + seconds
    last = [begin] * len(targets)
    for connection, took in responses(selector, end):
        moment, target = time.monotonic(), connection.target
        index = target["index"]
        target["latencies"].append(took)
        target["silence"] = max(target["silence"], moment - last[index])
        last[index] = moment
    for index, target in enumerate(targets):
        target["silence"] = max(target["silence"], end - last[index])
    return targets


if __name__ == "__main__":
    given = json.loads(sys.argv[1])
    print(json.dumps(run(given["targets"], given["kind"], given["seconds"])))
