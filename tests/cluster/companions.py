"""What runs next to the clients and is checked by itself: clones of servers, pushes with git, and a watch. All go to random servers."""

import base64
import json
import os
import random
import shutil
import socket
import struct
import threading
import time
from collections import Counter

import processes
import repositories
from clients import blob_id, module
from operations import ACKNOWLEDGED, REFUSED, UNKNOWN, UPLOAD, Operation

NOBODY = {"GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@b", "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@b"}


class Companion(threading.Thread):
    """A thread with a row in the table."""

    def __init__(self, servers, work):
        super().__init__(daemon=True)
        self.servers, self.work = servers, work
        self.stopped = threading.Event()
        self.faults = []

    def finish(self, commits, clone):
        """Returns the faults, when nothing disturbs the servers any more. `clone` is a clone, with the commits of its default branch."""
        return self.faults


class Cloner(Companion):
    """Clones servers while they are killed. A clone that succeeds must be valid, and its tip must stay in the history."""

    def __init__(self, servers, work, every):
        super().__init__(servers, work)
        self.directory, self.every = work / "clone-of-a-moment", every
        self.tips, self.failed = [], 0

    def run(self):
        while not self.stopped.wait(random.expovariate(1 / self.every)):
            server = random.choice(self.servers)
            # git does not get refs whose objects are missing, so a clone does not show them.
            status, _, broken = server.request("GET", "/api/v1/broken-refs")
            if status == 200 and broken.strip() != b"{}":
                self.faults.append(f"server {server.number} has broken refs: {broken.decode(errors='replace')[:300]}")
            if repositories.clone(server.clone_url(), self.directory):
                self.failed += 1
            else:
                found = repositories.fsck(self.directory)
                if found:
                    self.faults.append(f"clone of server {server.number} in the course of the run: {found}")
                self.tips.append(repositories.tip(self.directory))
            shutil.rmtree(self.directory, ignore_errors=True)

    def finish(self, commits, clone):
        known = {commit.id for commit in commits}
        return self.faults + [f"the tip of a clone is not in the history: {tip}" for tip in self.tips if tip not in known]

    def row(self):
        return "clones during the run", f"{len(self.tips)} clean, {self.failed} failed"


class Pusher(Companion):
    """Pushes a branch and a tag at a time with git. Both are moved, or none."""

    def __init__(self, servers, work, number):
        super().__init__(servers, work)
        self.directory, self.branch = work / f"pusher-{number}", f"push/{number}"
        self.pushed, self.retried, self.doubtful = [], 0, None

    def git(self, *arguments, check=True):
        environment = {**os.environ, **NOBODY, "GIT_CONFIG_NOSYSTEM": "1", "GIT_TERMINAL_PROMPT": "0"}
        return processes.run(["git", "-C", self.directory, *arguments], environment, seconds=30, check=check)

    def run(self):
        processes.run(["git", "init", "--quiet", f"--initial-branch={self.branch}", self.directory])
        number = 0
        while not self.stopped.wait(random.expovariate(2)):
            number += 1
            (self.directory / f"{number % 9}.wasm").write_bytes(module(f"{self.branch}-{number}", random.choice([0, 50_000])))
            self.git("add", ".")
            self.git("commit", "--quiet", "--message", f"Push {number}")
            tag = f"{self.branch}/{number}"
            self.git("tag", tag)
            self.doubtful = (self.git("rev-parse", "HEAD")[1].strip(), tag)
            while not self.stopped.is_set() and self.doubtful:
                self.push(tag)

    def push(self, tag):
        server = random.choice(self.servers)
        status, _ = self.git("push", "--quiet", "--atomic", server.clone_url(), self.branch, f"refs/tags/{tag}", check=False)
        if not status:
            self.pushed.append(self.doubtful)
            self.doubtful = None
            return
        self.retried += 1
        server = random.choice(self.servers)
        status, refs = self.git("ls-remote", server.clone_url(), f"refs/heads/{self.branch}", f"refs/tags/{tag}", check=False)
        # Only one of the two is there if the branch is at this commit without the tag, or the other way round.
        if not status and refs.count(self.doubtful[0]) == 1:
            self.faults.append(f"server {server.number} has half of a push: {refs}")
        self.stopped.wait(0.2)

    def finish(self, commits, clone):
        refs = dict(line.split(" ")[::-1] for line in repositories.refs(clone).splitlines())
        tip = refs.get(f"refs/heads/{self.branch}")
        kept = set(repositories.first_parents(clone, tip)) if tip else set()
        for commit, tag in self.pushed:
            if commit not in kept or refs.get(f"refs/tags/{tag}") != commit:
                self.faults.append(f"a push that git reported as done is lost: {commit} {tag}")
        if self.doubtful and (self.doubtful[0] in kept) != (f"refs/tags/{self.doubtful[1]}" in refs):
            self.faults.append(f"half of a push was applied: {self.doubtful}")
        return self.faults

    def row(self):
        return f"pushes of {self.branch}", f"{len(self.pushed)}, and {self.retried} attempts that failed"


class CommandLine(Companion):
    """Adds modules with the command line on the cache of a running server. Its changes are checked like those of clients."""

    def __init__(self, servers, work, shared):
        super().__init__(servers, work)
        self.shared, self.file = shared, work / "added.wasm"
        self.outcomes = Counter()

    def run(self):
        number = 0
        while not self.stopped.wait(random.expovariate(1)):
            number += 1
            server = random.choice(self.servers)
            # Without a cache, the command would create a store of its own there. So nobody removes the cache now.
            with server.lock:
                if (server.root / "HEAD").exists():
                    self.add(server, f"command-{number}")

    def add(self, server, identifier):
        data = module(identifier)
        self.file.write_bytes(data)
        operation = Operation(identifier, UPLOAD, random.choice(self.shared.paths), server.number, time.monotonic(), blob=blob_id(data))
        command = [server.program, "--root", server.root, "add", self.file, operation.path, "--message", identifier]
        status, output = processes.run(command, server.engine.environment(server.engine_port), seconds=30, check=False)
        operation.outcome = {0: ACKNOWLEDGED, 3: REFUSED, 4: REFUSED}.get(status, UNKNOWN)
        operation.error = output.strip()[-200:] if status else None
        operation.end = time.monotonic()
        self.outcomes[operation.outcome] += 1
        self.shared.recorder.add(operation)

    def row(self):
        return "commands on a cache", ", ".join(f"{count} {outcome}" for outcome, count in sorted(self.outcomes.items()))


class Watcher(Companion):
    """Watches commits, and resumes on another server after some seconds or a failure. It must see each commit once, in order."""

    def __init__(self, servers, work, since):
        super().__init__(servers, work)
        self.since = self.last = since
        self.seen, self.resumed, self.refused = [], 0, 0
        self.leaving = 0.002

    def run(self):
        while not self.stopped.is_set():
            self.resumed += 1
            try:
                self.watch(random.choice(self.servers), random.uniform(1, 8))
            except (OSError, ValueError):
                self.stopped.wait(0.1)

    def watch(self, server, seconds):
        with socket.create_connection(("127.0.0.1", server.port), 5) as connection:
            connection.settimeout(seconds)
            key = base64.b64encode(os.urandom(16)).decode()
            lines = [f"GET /api/v1/watch?commits=true&since={self.last} HTTP/1.1", f"Host: 127.0.0.1:{server.port}", "Connection: Upgrade"]
            lines += ["Upgrade: websocket", "Sec-WebSocket-Version: 13", f"Sec-WebSocket-Key: {key}", "", ""]
            connection.sendall("\r\n".join(lines).encode())
            stream = connection.makefile("rb")
            if b" 101 " not in stream.readline():
                self.refused += 1
                raise ValueError("no WebSocket")
            while stream.readline().strip():
                pass
            # A connection ends when it is idle for the time, or at random.
            while self.receive(stream, connection) and random.random() > self.leaving:
                pass

    def receive(self, stream, connection):
        """Receives a frame. Returns whether there may be another one."""
        first, second = self.read(stream, 2)
        length = second & 0x7F
        if length > 125:
            length = struct.unpack(">H" if length == 126 else ">Q", self.read(stream, 2 if length == 126 else 8))[0]
        data, kind = self.read(stream, length), first & 0x0F
        if kind == 9:
            mask = os.urandom(4)
            masked = bytes(byte ^ mask[index % 4] for index, byte in enumerate(data))
            connection.sendall(bytes([0x8A, 0x80 | len(data)]) + mask + masked)
        elif kind == 8:
            # Every server can find out that the commit is there, or say that it cannot find out.
            if data[:2] == struct.pack(">H", 4404):
                self.faults.append(f"a server does not know the commit {self.last}")
            return False
        elif kind == 1:
            self.learn(json.loads(data))
        return True

    @staticmethod
    def read(stream, length):
        data = stream.read(length)
        if len(data) < length:
            raise OSError("the connection has ended")
        return data

    def learn(self, message):
        if message.get("reset"):
            self.faults.append(f"the watch was reset at {message['commit']}, after {self.last}")
        if message.get("part", 1) == message.get("parts", 1):
            self.last = message["commit"]
            self.seen.append(self.last)

    def finish(self, commits, clone):
        self.leaving = 0
        ids = [commit.id for commit in commits]
        expected = ids[ids.index(self.since) + 1 :] if self.since in ids else ids
        for server in self.servers:
            if self.last != ids[-1]:
                try:
                    self.watch(server, 5)
                except (OSError, ValueError):
                    continue
        if self.seen != expected:
            matching = [index for index, (one, other) in enumerate(zip(self.seen, expected)) if one != other][:1]
            self.faults.append(f"the watch saw {len(self.seen)} commits of {len(expected)}; the first that differs: {matching}")
        return self.faults

    def row(self):
        return "watch", f"{len(self.seen)} commits, {self.resumed} connections, {self.refused} refused"
