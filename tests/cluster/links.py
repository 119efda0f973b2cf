"""The connections that can fail: between the servers and the object store, and between the servers. `proxy.py` is the process."""

import json
import pathlib
import subprocess
import sys
import threading
from collections import Counter

from processes import Failure, free_port

# The parts of the faults in the share of lost answers: the answer is cut off, or withheld, or the request arrives after its sender gave up.
SHARES = {"lost": 0.6, "hung": 0.05, "late": 0.35}


class Links:
    """A proxy process and its links."""

    def __init__(self):
        self.process = subprocess.Popen(
            [sys.executable, "-B", str(pathlib.Path(__file__).parent / "proxy.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self.lock = threading.Lock()
        self.events = threading.Condition()
        self.listening, self.counted, self.held = set(), None, {}
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        for line in self.process.stdout:
            event = json.loads(line)
            with self.events:
                if "listening" in event:
                    self.listening.add(event["listening"])
                elif "held" in event:
                    self.held[event["held"]] = event["request"]
                else:
                    self.counted = event["counts"]
                self.events.notify_all()

    def send(self, **command):
        with self.lock:
            try:
                self.process.stdin.write(json.dumps(command) + "\n")
                self.process.stdin.flush()
            except OSError as error:
                raise Failure(f"the proxy has ended: {error}") from None

    def wait(self, check, seconds):
        with self.events:
            return self.events.wait_for(check, seconds)

    def add(self, name, to):
        """Returns the port of a new link to a port."""
        port = free_port()
        self.send(listen=port, to=to, link=name)
        if not self.wait(lambda: name in self.listening, 10):
            raise Failure("the proxy does not listen")
        return port

    def set_rates(self, name, lost_percent, torn_percent=0):
        rates = {fate: share * lost_percent / 100 for fate, share in SHARES.items()}
        self.send(link=name, rates={**rates, "torn": torn_percent / 100})

    def partition(self, name, refuse):
        self.send(link=name, partitioned=True, refuse=refuse)

    def heal(self, name):
        self.send(link=name, partitioned=False)
        self.send(link=name, release=True)

    def hold(self, name, request, seconds):
        """Holds back the next request of a link that matches an expression. Returns it, or none if no such request came."""
        with self.events:
            self.held.pop(name, None)
        self.send(link=name, hold=request)
        if self.wait(lambda: name in self.held, seconds):
            return self.held[name]
        self.release(name)
        return None

    def release(self, name):
        self.send(link=name, release=True)

    def counts(self):
        """Returns the number of requests, and that of each fault, of all links together."""
        self.counted = None
        self.send(counts=True)
        if not self.wait(lambda: self.counted is not None, 10):
            raise Failure("the proxy does not respond")
        return sum((Counter(counts) for counts in self.counted.values()), Counter())

    def stop(self):
        self.process.stdin.close()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.reader.join()
        self.process.stdout.close()
