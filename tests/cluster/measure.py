"""What the bench measures."""

import contextlib
import json
import pathlib
import re
import subprocess
import sys
import time

import processes
from clients import module
from engines import BUCKET, Unavailable
from links import Links
from processes import Child, Failure, free_port, wait_for
from registry import Registry
from results import quantile
from servers import Server


class Load:
    """A running `load.py`."""

    def __init__(self, targets, kind, seconds):
        given = {"targets": targets, "kind": kind, "seconds": seconds}
        command = [sys.executable, "-B", str(pathlib.Path(__file__).parent / "load.py"), json.dumps(given)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        if self.process.stdout.readline() != "warm\n":
            raise Failure("the load generator has ended")

    def result(self):
        """Returns the targets with what was measured."""
        output = self.process.communicate()[0]
        if self.process.returncode:
            raise Failure("the load generator has failed")
        return json.loads(output)


def spread(ports, connections):
    """Spreads connections evenly over servers."""
    share, rest = divmod(connections, len(ports))
    return [{"port": port, "connections": share + (index < rest)} for index, port in enumerate(ports)]


def summary(targets, seconds):
    """Returns the rate, the latencies in milliseconds, and the shares of the servers that have connections."""
    latencies = [latency for target in targets for latency in target["latencies"]]
    used = [target for target in targets if target["connections"]]
    errors = [error for target in targets for error in target["errors"]]
    if errors:
        raise Failure(f"{len(errors)} connections failed: {errors[0]}")
    shares = [f"{100 * len(target['latencies']) / max(1, len(latencies)):.0f}" for target in used]
    return {
        "rate": len(latencies) / seconds,
        "p50": 1000 * quantile(latencies, 0.5),
        "p99": 1000 * quantile(latencies, 0.99),
        "shares": " / ".join(shares) + " %" if len(used) > 1 else "-",
    }


class Bench:
    """Measures a program, and passes each row and figure to `report`."""

    def __init__(self, options, work, report):
        self.options, self.work, self.report = options, work, report
        self.program = pathlib.Path(options.program).resolve()
        self.parts = options.parts.split(",")
        self.connections = [int(number) for number in options.connections.split(",")]
        self.count = 0

    def prefix(self):
        """Returns a name that no earlier store of this run has."""
        self.count += 1
        return f"store-{self.count}"

    def row(self, kind, store, engine, servers, connections, measure):
        row = {"kind": kind, "store": store, "engine": engine, "servers": servers, "connections": connections}
        self.report.row(row, measure)

    def load(self, kind, ports, connections, seconds=None):
        """Sends requests to servers and returns the figures."""
        seconds = seconds or self.options.seconds
        if kind == "read":
            Load(spread(ports, connections), "module", 2).result()
        return summary(Load(spread(ports, connections), "oci" if kind == "push" else kind, seconds).result(), seconds)

    def kinds(self):
        return [kind for part, kind in (("changes", "module"), ("push", "push"), ("reads", "read")) if part in self.parts]

    def measure_local(self):
        for kind in self.kinds():
            for connections in self.connections:
                self.row(kind, "local disk", None, 1, connections, lambda: self.on_local_disk(kind, connections))

    def on_local_disk(self, kind, connections):
        root, port = self.work / self.prefix(), free_port()
        log = self.work / "local.log"
        child = Child([self.program, "--root", root, "server", "--host", "127.0.0.1", "--port", port], log)
        try:
            wait_for("the server on the local disk", lambda: processes.is_listening(port), 30)
            return self.load(kind, [port], connections)
        finally:
            child.terminate()

    @contextlib.contextmanager
    def cluster(self, engine, number, links=None, url=None):
        """Runs servers on a new store, or on that at `url`."""
        if not url:
            url = engine.url(self.prefix())
            processes.run([self.program, "bucket", "init", url], engine.environment())
        work = self.work / self.prefix()
        work.mkdir()
        servers = [Server(index, self.program, work, engine, url, links) for index in range(number)]
        try:
            for server in servers:
                server.start()
            for server in servers:
                wait_for(f"a server on {url} is ready", server.is_ready, 120)
            yield servers
        finally:
            for server in servers:
                server.terminate()

    def measure_engine(self, name, engine):
        # The rows of wasmstore are compared with those of docker-registry, so these come first.
        if "push" in self.parts:
            self.measure_registry(name, engine)
        for kind in self.kinds():
            for number in [int(number) for number in self.options.servers.split(",")]:
                for connections in self.connections:
                    self.row(kind, name, name, number, connections, lambda: self.on_cluster(kind, engine, number, connections))
        parts = {
            "takeover": ("longest time without a change on a server while another is killed", self.takeover),
            "puts": ("PUTs per batch, 64 connections", self.puts),
            "start": (f"a new server of {self.options.modules} modules is ready after", self.start),
            "refs": (f"manifest with {self.options.refs} refs", self.refs),
        }
        for part, (title, measure) in parts.items():
            if part in self.parts:
                self.report.figure(f"{name}: {title}", lambda: measure(engine))

    def on_cluster(self, kind, engine, number, connections):
        with self.slow_links() as links, self.cluster(engine, number, links) as servers:
            for server in servers if links else ():
                server.set_faults(0, delay=self.options.delay)
            return self.load(kind, [server.port for server in servers], connections)

    @contextlib.contextmanager
    def slow_links(self):
        """Provides the links by which requests are delayed, or none if they are not."""
        if not self.options.delay:
            yield None
            return
        links = Links()
        try:
            yield links
        finally:
            links.stop()

    def measure_registry(self, name, engine):
        try:
            registry = Registry(engine, self.work / f"registry-{name}")
        except Unavailable as reason:
            print(f"SKIPPED: {reason}")
            return
        try:
            for connections in self.connections:
                measure = lambda: self.load("push", [registry.port], connections, 4 * self.options.seconds)
                self.row("push", f"docker-registry on {name}", name, 1, connections, measure)
        finally:
            registry.stop()

    def takeover(self, engine):
        """Kills each of three servers under load. One of them is the last writer."""
        worst = []
        with self.cluster(engine, 3) as servers:
            for victim in servers:
                load = Load(spread([server.port for server in servers], 24), "module", 6)
                time.sleep(2)
                victim.child.kill()
                targets = load.result()
                worst.append(max(target["silence"] for target in targets if target["port"] != victim.port))
                victim.start()
                wait_for("the killed server is ready", victim.is_ready, 60)
        return ", ".join(f"{seconds:.2f} s" for seconds in worst)

    def puts(self, engine):
        """Counts the PUTs of a loaded server, and its generations, of which each batch makes one."""
        links = Links()
        try:
            with self.cluster(engine, 1, links) as servers:
                before, puts = self.generation(engine, servers[0].url), links.counts()["PUT"]
                Load(spread([servers[0].port], 64), "module", self.options.seconds).result()
                time.sleep(1)
                batches, puts = self.generation(engine, servers[0].url) - before, links.counts()["PUT"] - puts
        finally:
            links.stop()
        return f"{puts / max(1, batches):.2f} ({puts} for {batches} batches)"

    def generation(self, engine, url):
        status = processes.run([self.program, "bucket", "status", url], engine.environment())[1]
        return int(re.search(r"^generation: (\d+)", status, re.MULTILINE)[1])

    def start(self, engine):
        """Measures how long a new server of a store with many modules takes until it is ready."""
        modules, root = self.work / "modules", self.work / self.prefix()
        if not modules.exists():
            for number in range(self.options.modules):
                directory = modules / str(number // 100)
                directory.mkdir(parents=True, exist_ok=True)
                (directory / f"{number}.wasm").write_bytes(module(str(number), 2000))
        processes.run([self.program, "--root", root, "import", modules])
        url = engine.url(self.prefix())
        processes.run([self.program, "bucket", "init", url, "--from", root], engine.environment())
        began = time.monotonic()
        with self.cluster(engine, 1, url=url) as servers:
            took = time.monotonic() - began
            # A server that is ready has the store.
            if servers[0].request("GET", "/api/v1/module/0/0.wasm")[0] != 200:
                raise Failure("the server is ready, but has no modules")
        return f"{took:.1f} s"

    def refs(self, engine):
        """Weighs the manifest of a store with many refs, after a change."""
        root, prefix = self.work / self.prefix(), self.prefix()
        processes.run([self.program, "--root", root, "init"])
        # Written as git pack-refs(1) does, because git would write a file for each ref first.
        head = processes.run(["git", "-C", root, "rev-parse", "HEAD"])[1].strip()
        names = sorted(f"refs/tags/release/{number}" for number in range(self.options.refs))
        lines = "".join(f"{head} {name}\n" for name in names)
        (root / "packed-refs").write_text(f"# pack-refs with: peeled fully-peeled sorted \n{lines}")
        processes.run([self.program, "bucket", "init", engine.url(prefix), "--from", root], engine.environment())
        with self.cluster(engine, 1, url=engine.url(prefix)) as servers:
            began = time.monotonic()
            status, _, body = servers[0].request("POST", "/api/v1/module/a.wasm", module("a"), seconds=60)
            took = time.monotonic() - began
            served = servers[0].state()[1].count("refs/tags/")
        if served != self.options.refs:
            raise Failure(f"the server has {served} refs")
        size = len(engine.s3().request("GET", f"/{BUCKET}/{prefix}/manifest")[2])
        return f"{size / 1024:.1f} KiB; a change takes {1000 * took:.0f} ms (status {status})"
