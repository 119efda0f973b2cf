"""A run: the servers, their clients and the faults from the start to the last check."""

import pathlib
import random
import time

import processes
import repositories
import results
from clients import Client, Shared
from companions import Cloner, CommandLine, Pusher, Watcher
from links import Links
from operations import Recorder
from processes import Failure, wait_for
from servers import Server
from supervisor import Supervisor

# How long servers may take until they are ready, or equal.
SETTLE_SECONDS = 90


class Cluster:
    """The servers of a run, and what it finds."""

    def __init__(self, options, engine, work):
        self.options, self.engine, self.work = options, engine, work
        self.program = pathlib.Path(options.program).resolve()
        self.url = engine.url("store")
        self.links = None
        self.servers = []
        self.faults = []

    def run(self):
        """Returns whether a fault was found."""
        self.links = Links()
        try:
            self.prepare()
            supervisor, recorder = self.disturb()
            self.settle()
            self.finish(supervisor, recorder)
        finally:
            for server in self.servers:
                server.continue_process()
                server.terminate()
            self.links.stop()
        return bool(self.faults)

    def bucket(self, *arguments, check=True):
        """Runs `wasmstore bucket`, not through a proxy."""
        return processes.run([self.program, "bucket", *arguments, self.url], self.engine.environment(), seconds=120, check=check)

    def prepare(self):
        self.bucket("init")
        for number in range(self.options.servers):
            self.servers.append(Server(number, self.program, self.work, self.engine, self.url, self.links))
        for server in self.servers:
            server.start()
        for server in self.servers:
            self.wait_until_ready(server)

    def wait_until_ready(self, server):
        try:
            wait_for(f"server {server.number} is ready", server.is_ready, SETTLE_SECONDS)
        except Failure as failure:
            raise Failure("\n".join([str(failure), *server.last_log_lines(20)])) from None

    def disturb(self):
        """Runs the clients and the faults for the given time."""
        options = self.options
        recorder = Recorder(self.work / "operations.jsonl")
        shared = Shared(self.servers, recorder, options.paths, options.timeout, options.pause, options.consistent)
        clients = [Client(number, shared) for number in range(options.clients)]
        supervisor = Supervisor(self.servers, self.engine, self.links, options, self.work / "events.log")
        self.companions = self.make_companions(shared)
        for server in self.servers:
            server.set_faults(options.lost, options.torn, options.delay)
        for thread in (*clients, supervisor, *self.companions):
            thread.start()
        try:
            time.sleep(options.seconds)
        finally:
            supervisor.stop()
            shared.stopped.set()
            for companion in self.companions:
                companion.stopped.set()
            for thread in (*clients, *self.companions):
                thread.join()
        self.shared = shared
        return supervisor, recorder

    def make_companions(self, shared):
        options = self.options
        companions = [Pusher(self.servers, self.work, number) for number in range(options.pushers)]
        if options.clone_every:
            companions.append(Cloner(self.servers, self.work, options.clone_every))
        if options.commands:
            companions.append(CommandLine(self.servers, self.work, shared))
        if options.watch:
            _, _, tip = self.servers[0].request("GET", "/api/v1/snapshot")
            companions.append(Watcher(self.servers, self.work, tip.decode().strip()))
        return companions

    def settle(self):
        """Without faults, every server takes a change again, and all become equal."""
        for server in self.servers:
            self.wait_until_ready(server)
        for number, server in enumerate(self.servers):
            writer = Client(f"last{number}", self.shared)

            def write():
                writer.server = server
                count = len(self.shared.recorder.operations)
                writer.upload(random.choice(self.shared.paths), None)
                return any(operation.outcome == "acknowledged" for operation in self.shared.recorder.operations[count:])

            self.expect(f"server {number} takes a change again", write, 60)
            writer.disconnect()
        states = {}

        def equal():
            for server in self.servers:
                states[server.number] = server.state()
            first = states[0]
            return first and all(state == first for state in states.values())

        if not self.expect("all servers are equal", equal, SETTLE_SECONDS):
            for number, state in states.items():
                self.faults.append(f"server {number} is at generation {state and state[0]}: {state and state[1].split()[:1]}")
        elif states[0][0] is None:
            self.faults.append("responses do not have the header Wasmstore-Generation")

    def expect(self, what, check, seconds):
        """Waits for what must happen, and counts a fault if it does not."""
        try:
            return wait_for(what, check, seconds, every=0.3)
        except Failure as failure:
            self.faults.append(str(failure))
            return False

    def finish(self, supervisor, recorder):
        """Checks the bucket, the clones and the operations, and prints the table."""
        recorder.close()
        status, result = self.servers[0].collect()
        if status != 200:
            self.faults.append(f"gc at the end: {status} {result}")
        status, output = self.bucket("verify", check=False)
        if status:
            self.faults.append(f"bucket verify: exit code {status}: {output.strip()[-500:]}")
        clones = [self.work / f"clone-{server.number}" for server in self.servers]
        refs = {}
        for server, directory in zip(self.servers, clones):
            error = repositories.clone(server.clone_url(), directory) or repositories.fsck(directory)
            if error:
                self.faults.append(f"clone of server {server.number}: {error}")
            else:
                refs.setdefault(repositories.refs(directory), directory)
        if len(refs) > 1:
            self.faults.append(f"the refs of the clones differ: {sorted(refs)}")
        for server in self.servers:
            if server.died:
                self.faults.append(f"server {server.number} ended by itself {server.died} times")
            panics = [line for line in server.last_log_lines(10**6) if "panicked at" in line or "BUG:" in line]
            self.faults += [f"server {server.number}: {line}" for line in panics[:5]]
        if not refs:
            raise Failure("\n".join(self.faults))
        clone = next(iter(refs.values()))
        commits = repositories.history(clone)
        for companion in self.companions:
            self.faults += companion.finish(commits, clone)
        self.faults += results.report(self, supervisor, recorder.operations, commits)
