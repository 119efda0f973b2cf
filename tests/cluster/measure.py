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
    """Returns the rate, the latencies in milliseconds, and the smallest share of a server that has connections."""
    latencies = [latency for target in targets for latency in target["latencies"]]
    used = [target for target in targets if target["connections"]]
    errors = [error for target in targets for error in target["errors"]]
    if errors:
        raise Failure(f"{len(errors)} connections failed: {errors[0]}")
    share = min(len(target["latencies"]) for target in used) / max(1, len(latencies))
    return {
        "rate": len(latencies) / seconds,
        "p50": 1000 * quantile(latencies, 0.5),
        "p99": 1000 * quantile(latencies, 0.99),
        "share": f"{100 * share:.0f} %" if len(used) > 1 else "-",
    }


class Bench:
    """Appends to `rows` what has ratios, and to `figures` the rest."""

    def __init__(self, options, work, rows, figures):
        self.options, self.work, self.rows, self.figures = options, work, rows, figures
        self.program = pathlib.Path(options.program).resolve()
        self.parts = options.parts.split(",")
        self.connections = [int(number) for number in options.connections.split(",")]
        self.count = 0

    def prefix(self):
        """Returns a name that no earlier store of this run has."""
        self.count += 1
        return f"store-{self.count}"

    def row(self, kind, store, engine, ports, connections, seconds=None):
        seconds = seconds or self.options.seconds
        measured = summary(Load(spread(ports, connections), "oci" if kind == "push" else kind, seconds).result(), seconds)
        row = {"kind": kind, "store": store, "engine": engine, "servers": len(ports), "connections": connections, **measured}
        self.rows.append(row)
        print(f"{kind}, {store}, {len(ports)} servers, {connections} connections: {row['rate']:.1f}/s", file=sys.stderr)

    def kinds(self):
        return [kind for part, kind in (("changes", "module"), ("push", "push"), ("reads", "read")) if part in self.parts]

    def measure_local(self):
        for kind in self.kinds():
            for connections in self.connections:
                root, port = self.work / self.prefix(), free_port()
                log = self.work / "local.log"
                child = Child([self.program, "--root", root, "server", "--host", "127.0.0.1", "--port", port], log)
                try:
                    wait_for("the server on the local disk", lambda: processes.is_listening(port), 30)
                    if kind == "read":
                        Load(spread([port], connections), "module", 2).result()
                    self.row(kind, "local disk", None, [port], connections)
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
        for kind in self.kinds():
            for number in [int(number) for number in self.options.servers.split(",")]:
                for connections in self.connections:
                    with self.cluster(engine, number) as servers:
                        ports = [server.port for server in servers]
                        if kind == "read":
                            Load(spread(ports, connections), "module", 2).result()
                        self.row(kind, name, name, ports, connections)
        if "push" in self.parts:
            self.measure_registry(name, engine)
        for part in ("takeover", "puts", "start", "refs"):
            if part in self.parts:
                try:
                    getattr(self, f"measure_{part}")(name, engine)
                except Failure as failure:
                    self.figures.append((f"{name}: {part}", f"failed: {failure}"))

    def measure_registry(self, name, engine):
        try:
            registry = Registry(engine, self.work / f"registry-{name}")
        except Unavailable as reason:
            print(f"SKIPPED: {reason}")
            return
        try:
            for connections in self.connections:
                self.row("push", f"docker-registry on {name}", name, [registry.port], connections, 4 * self.options.seconds)
        finally:
            registry.stop()

    def measure_takeover(self, name, engine):
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
        text = ", ".join(f"{seconds:.2f} s" for seconds in worst)
        self.figures.append((f"{name}: longest time without a change on a server while another is killed", text))

    def measure_puts(self, name, engine):
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
        self.figures.append((f"{name}: PUTs per batch, 64 connections", f"{puts / max(1, batches):.2f} ({puts} for {batches} batches)"))

    def generation(self, engine, url):
        status = processes.run([self.program, "bucket", "status", url], engine.environment())[1]
        return int(re.search(r"^generation: (\d+)", status, re.MULTILINE)[1])

    def measure_start(self, name, engine):
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
        self.figures.append((f"{name}: a new server of {self.options.modules} modules is ready after", f"{took:.1f} s"))

    def measure_refs(self, name, engine):
        """Weighs the manifest of a store with many refs, after a change."""
        root, prefix = self.work / self.prefix(), self.prefix()
        processes.run([self.program, "--root", root, "init"])
        commands = root / "commands"
        lines = "".join(f"create refs/tags/release/{number} HEAD\n" for number in range(self.options.refs))
        commands.write_text(lines.replace("HEAD", processes.run(["git", "-C", root, "rev-parse", "HEAD"])[1].strip()))
        processes.run(["sh", "-c", 'git -C "$1" update-ref --stdin <"$2" && git -C "$1" pack-refs --all', "sh", root, commands])
        commands.unlink()
        processes.run([self.program, "bucket", "init", engine.url(prefix), "--from", root], engine.environment())
        with self.cluster(engine, 1, url=engine.url(prefix)) as servers:
            began = time.monotonic()
            status, _, body = servers[0].request("POST", "/api/v1/module/a.wasm", module("a"), seconds=60)
            took = time.monotonic() - began
            served = servers[0].state()[1].count("refs/tags/")
        if served != self.options.refs:
            raise Failure(f"the server has {served} refs")
        size = len(engine.s3().request("GET", f"/{BUCKET}/{prefix}/manifest")[2])
        text = f"{size / 1024:.1f} KiB; a change takes {1000 * took:.0f} ms (status {status})"
        self.figures.append((f"{name}: manifest with {self.options.refs} refs", text))
