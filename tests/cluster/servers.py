"""The servers of the cluster. Each has a cache of its own, and reaches the object store and its peers through links that can fail."""

import http.client
import json
import shutil
import signal
import threading
import time

import processes
from processes import Child, free_port


class Server:
    """A server that can be killed, stopped and started again."""

    def __init__(self, number, program, work, engine, url, links=None):
        self.number, self.program, self.engine, self.url = number, program, engine, url
        self.root, self.log = work / f"cache-{number}", work / f"server-{number}.log"
        self.port = free_port()
        self.links = links
        self.to_engine, self.to_peer = f"engine-{number}", f"peer-{number}"
        self.engine_port, self.peer_port = engine.port, self.port
        if links:
            self.peer_port = links.add(self.to_peer, self.port)
            if engine.port:
                self.engine_port = links.add(self.to_engine, engine.port)
        self.child = None
        self.starts = self.died = 0
        # Held by whoever kills or stops the server.
        self.lock = threading.Lock()

    def start(self):
        command = [self.program, "--root", self.root, "server", "--host", "127.0.0.1", "--port", self.port, "--bucket", self.url]
        command += ["--peer-url", f"http://127.0.0.1:{self.peer_port}"]
        self.child = Child(command, self.log, self.engine.environment(self.engine_port))
        self.starts += 1

    def kill_and_restart(self, seconds_down, without_cache=False):
        """Kills the server. The caller holds the lock."""
        self.child.kill()
        time.sleep(seconds_down)
        if without_cache:
            shutil.rmtree(self.root, ignore_errors=True)
        self.start()

    def restart_if_died(self):
        """Starts the server again if it has ended by itself, which it must not. Returns its exit code then."""
        with self.lock:
            if not self.child or self.child.is_alive():
                return None
            self.died += 1
            status = self.child.process.returncode
            self.start()
            return status

    def stop_process(self):
        self.child.signal(signal.SIGSTOP)

    def continue_process(self):
        self.child.signal(signal.SIGCONT)

    def terminate(self):
        if self.child:
            self.child.terminate()

    def set_faults(self, lost_percent, torn_percent=0, delay=0):
        for name in self.link_names():
            self.links.set_rates(name, lost_percent, torn_percent)
        if self.engine.port and self.links:
            self.links.send(link=self.to_engine, delay=delay)

    def link_names(self):
        return ([self.to_peer] + ([self.to_engine] if self.engine.port else [])) if self.links else []

    def request(self, method, target, body=None, headers=None, seconds=10):
        """Returns the status, the headers and the body of the response; status 0 if there is none."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=seconds)
        try:
            connection.request(method, target, body, headers or {})
            response = connection.getresponse()
            return response.status, response.headers, response.read()
        except (OSError, http.client.HTTPException) as error:
            return 0, {}, str(error).encode()
        finally:
            connection.close()

    def is_ready(self):
        return self.request("GET", "/readyz", seconds=2)[0] == 200

    def state(self):
        """Returns the generation that the server is at, and its refs as git sees them; none if it does not respond."""
        status, headers, _ = self.request("GET", "/api/v1/snapshot")
        generation = headers.get("Wasmstore-Generation") if status == 200 else None
        failed, refs = processes.run(["git", "ls-remote", self.clone_url()], seconds=30, check=False)
        return None if failed or status != 200 else (generation, refs)

    def clone_url(self):
        return f"http://127.0.0.1:{self.port}/wasmstore.git"

    def collect(self, seconds=30):
        """Runs a gc that keeps the history. Returns the status, and what the server says."""
        status, _, body = self.request("POST", "/api/v1/gc?keep_history=true", seconds=seconds)
        try:
            return status, json.loads(body) if status == 200 else body.decode(errors="replace")[:200]
        except ValueError:
            return 0, body.decode(errors="replace")[:200]

    def last_log_lines(self, count=5):
        lines = self.log.read_text(errors="replace").splitlines() if self.log.exists() else []
        return lines[-count:]
