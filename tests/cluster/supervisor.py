"""Does to the servers, the engine and the links what happens to machines: kills, stops, partitions. And runs gc next to them."""

import random
import re
import threading
import time
from collections import Counter

# The requests that swap the manifest, and that delete packs, one or many of them.
SWAP, DELETE = r"^PUT [^?]*/manifest", r"^DELETE [^?]*/packs/|^POST .*[?&]delete"


def reason_of_failure(status, text):
    """Returns why a gc failed, without what differs from run to run: paths, numbers and ids."""
    if not status:
        reasons = {"refused": "its server did not run, or was starting", "timed out": "no response in time"}
        return next((reason for part, reason in reasons.items() if part in text), "its server was killed")
    return f"{status} " + re.sub(r'"[^"]*"|\b[0-9a-f]*[0-9][0-9a-f]*\b', "…", text)[:90].strip()


class Supervisor:
    """Threads that each cause one kind of fault at random moments."""

    def __init__(self, servers, engine, links, options, log):
        self.servers, self.engine, self.links, self.options = servers, engine, links, options
        self.log = open(log, "a", encoding="utf-8")
        self.lock = threading.Lock()
        self.counts = Counter()
        self.stopped = threading.Event()
        causes = {
            self.kill_server: options.kill_every,
            self.kill_engine: options.kill_engine_every,
            self.make_zombie: options.zombie_every,
            self.partition: options.partition_every,
            self.collect: options.gc_every,
        }
        self.threads = [threading.Thread(target=self.repeat, args=cause) for cause in causes.items() if cause[1]]
        self.threads.append(threading.Thread(target=self.restart_died))

    def start(self):
        for thread in self.threads:
            thread.start()

    def stop(self):
        """Ends all faults. Servers run and are reachable afterwards."""
        self.stopped.set()
        for thread in self.threads:
            thread.join()
        for server in self.servers:
            server.continue_process()
            for name in server.link_names():
                self.links.heal(name)
            server.set_faults(0)
        self.log.flush()

    def note(self, text):
        """Writes a line to the log of events, with the clock of the operations."""
        with self.lock:
            self.log.write(f"{time.monotonic():.3f} {text}\n")
            self.log.flush()

    def count(self, name, number=1):
        with self.lock:
            self.counts[name] += number

    def repeat(self, cause, mean_seconds):
        while not self.stopped.wait(min(random.expovariate(1 / mean_seconds), 3 * mean_seconds)):
            try:
                cause()
            except Exception as error:  # A fault that could not be caused must not end the others.
                self.note(f"{cause.__name__} failed: {error!r}")
                self.count("supervisor errors")

    def kill_server(self):
        server = next((server for server in random.sample(self.servers, len(self.servers)) if server.lock.acquire(blocking=False)), None)
        if not server:
            return
        try:
            without_cache = random.random() < self.options.lose_cache / 100
            self.note(f"kill server {server.number}{' and remove its cache' if without_cache else ''}")
            server.kill_and_restart(random.choice([0, 0, random.uniform(0, 2)]), without_cache)
        finally:
            server.lock.release()
        self.count("kills of servers")
        self.count("caches removed", without_cache)

    def kill_engine(self):
        killed = self.engine.kill_and_restart()
        if killed:
            self.note(f"killed {killed}")
            self.count("kills of the engine")

    def restart_died(self):
        """Starts servers again that have ended by themselves, which is a fault."""
        while not self.stopped.wait(0.3):
            for server in self.servers:
                status = server.restart_if_died()
                if status is not None:
                    self.note(f"server {server.number} ended by itself: exit code {status}: {server.last_log_lines()}")

    def collect(self, server=None, seconds=30):
        server = server or random.choice(self.servers)
        began = time.monotonic()
        status, result = server.collect(seconds)
        self.note(f"gc on server {server.number}: {status} {result}, after {time.monotonic() - began:.1f} s")
        if status == 200:
            self.count("gc runs")
            return
        self.count("gc runs that failed")
        self.count(f"gc runs that failed: {reason_of_failure(status, str(result))}")

    def collect_elsewhere(self, server):
        """Runs gc twice, on other servers than this one."""
        others = [other for other in self.servers if other is not server] or self.servers
        for _ in range(2):
            self.collect(random.choice(others), seconds=5)

    def make_zombie(self):
        """Stops a server at a random moment, or between an upload and its swap, or before it deletes; then others run gc twice."""
        server = random.choice(self.servers)
        held = None
        moment = random.choice(["any", "swap", "delete"]) if self.links and self.engine.port else "any"
        if moment == "swap":
            held = self.links.hold(server.to_engine, SWAP, 3)
        elif moment == "delete":
            thread = threading.Thread(target=self.collect, args=(server, 20))
            thread.start()
            held = self.links.hold(server.to_engine, DELETE, 5)
        with server.lock:
            server.stop_process()
            self.note(f"stop server {server.number}, held: {held}")
            self.count("zombies")
            self.count("zombies with a request on the way", bool(held))
            try:
                began, seconds = time.monotonic(), random.uniform(2, 6)
                self.collect_elsewhere(server)
                while not self.stopped.is_set() and time.monotonic() - began < seconds:
                    time.sleep(0.1)
                # The held request arrives before or after its sender continues.
                if random.random() < 0.5 and self.links:
                    self.links.release(server.to_engine)
                    time.sleep(0.2)
            finally:
                server.continue_process()
                self.note(f"continue server {server.number}")
        if self.links and self.engine.port:
            self.links.release(server.to_engine)
        if moment == "delete":
            thread.join()

    def partition(self):
        """Separates a server from the object store and its peers; then others run gc twice."""
        if not self.links:
            return
        server = random.choice(self.servers)
        refuse = random.random() < 0.5
        seconds = random.uniform(0.3, 1) * self.options.partition_seconds
        self.note(f"partition server {server.number} for {seconds:.1f} s, {'connections are refused' if refuse else 'nothing arrives'}")
        self.count("partitions")
        began = time.monotonic()
        for name in server.link_names():
            self.links.partition(name, refuse)
        try:
            self.collect_elsewhere(server)
            while not self.stopped.is_set() and time.monotonic() - began < seconds:
                time.sleep(0.1)
        finally:
            for name in server.link_names():
                self.links.heal(name)
            self.note(f"heal server {server.number}")
