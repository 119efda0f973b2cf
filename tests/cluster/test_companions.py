"""Tests of the checks of pushes, clones and watches: each finds what it is for."""

import json
import pathlib
import struct
import tempfile
import threading
import unittest
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace

import processes
from check import Commit
from companions import NOBODY, Cloner, Pusher, Watcher

COMMITS = [Commit(f"c{number}", [f"c{number - 1}"] if number else [], "", {}) for number in range(4)]


class CloneTest(unittest.TestCase):
    def test_a_tip_that_is_not_in_the_history_is_a_fault(self):
        cloner = Cloner([], pathlib.Path(), 1)
        cloner.tips = ["c1", "c3"]
        self.assertEqual(cloner.finish(COMMITS, None), [])
        cloner.tips.append("gone")
        self.assertEqual(len(cloner.finish(COMMITS, None)), 1)


class PushTest(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.clone = pathlib.Path(directory.name) / "clone"
        self.git("init", "--quiet", "--initial-branch=push/0", self.clone)
        self.ids = []
        for number in (1, 2, 3):
            self.git("-C", self.clone, "commit", "--quiet", "--allow-empty", "--message", str(number))
            self.git("-C", self.clone, "tag", f"push/0/{number}")
            self.ids.append(self.git("-C", self.clone, "rev-parse", "HEAD").strip())
        self.pusher = Pusher([], pathlib.Path(), 0)
        self.pusher.pushed = [(self.ids[0], "push/0/1"), (self.ids[1], "push/0/2")]
        self.pusher.doubtful = (self.ids[2], "push/0/3")

    @staticmethod
    def git(*arguments):
        return processes.run(["env", *[f"{name}={value}" for name, value in NOBODY.items()], "git", *arguments])[1]

    def faults(self):
        return len(self.pusher.finish(COMMITS, self.clone))

    def test_pushes_that_are_there_are_no_faults(self):
        self.assertEqual(self.faults(), 0)

    def test_a_doubtful_push_may_be_missing(self):
        self.git("-C", self.clone, "reset", "--quiet", "--hard", self.ids[1])
        self.git("-C", self.clone, "tag", "--delete", "push/0/3")
        self.assertEqual(self.faults(), 0)

    def test_half_of_a_push_is_a_fault(self):
        self.git("-C", self.clone, "tag", "--delete", "push/0/3")
        self.assertEqual(self.faults(), 1)

    def test_a_tag_without_its_branch_is_a_fault(self):
        self.git("-C", self.clone, "reset", "--quiet", "--hard", self.ids[1])
        self.assertEqual(self.faults(), 1)

    def test_a_lost_tag_is_a_fault(self):
        self.git("-C", self.clone, "tag", "--delete", "push/0/1")
        self.assertEqual(self.faults(), 1)

    def test_a_lost_branch_is_a_fault(self):
        self.git("-C", self.clone, "checkout", "--quiet", "-b", "other")
        self.git("-C", self.clone, "branch", "--quiet", "--delete", "--force", "push/0")
        self.assertEqual(self.faults(), 3)


class WatchServer(BaseHTTPRequestHandler):
    """Sends each message of `sent` as a frame, after a ping, and closes with a code."""

    sent, code, targets = [], 1000, []

    def do_GET(self):
        self.targets.append(self.path)
        self.send_response(101)
        self.end_headers()
        self.wfile.write(b"\x89\x02hi")
        pong = self.rfile.read(8)
        text = bytes(byte ^ pong[2 + index % 4] for index, byte in enumerate(pong[6:]))
        if pong[:2] == b"\x8a\x82" and text == b"hi":
            for message in self.sent:
                data = json.dumps(message).encode()
                length = bytes([len(data)]) if len(data) < 126 else b"\x7e" + struct.pack(">H", len(data))
                self.wfile.write(b"\x81" + length + data)
        self.wfile.write(b"\x88\x02" + struct.pack(">H", self.code))

    def log_message(self, *_):
        pass


class WatchTest(unittest.TestCase):
    def setUp(self):
        http = ThreadingHTTPServer(("127.0.0.1", 0), WatchServer)
        threading.Thread(target=http.serve_forever, args=(0.05,), daemon=True).start()
        self.addCleanup(http.server_close)
        self.addCleanup(http.shutdown)
        WatchServer.targets.clear()
        WatchServer.code = 1000
        WatchServer.sent = []
        self.watcher = Watcher([SimpleNamespace(port=http.server_port, number=0)], pathlib.Path(), "c0")

    def watch(self, *messages):
        WatchServer.sent = list(messages)
        self.watcher.leaving = 0
        self.watcher.watch(self.watcher.servers[0], 5)

    def test_commits_that_come_once_and_in_order_are_no_fault(self):
        self.watch({"commit": "c1"}, {"commit": "c2", "part": 1, "parts": 2, "pad": "x" * 200}, {"commit": "c2", "part": 2, "parts": 2})
        self.assertEqual(self.watcher.seen, ["c1", "c2"])
        WatchServer.sent = [{"commit": "c3"}]
        self.assertEqual(self.watcher.finish(COMMITS, None), [])
        self.assertIn("since=c2", WatchServer.targets[-1])

    def test_a_missing_a_repeated_and_a_foreign_commit_are_faults(self):
        for seen in (["c1", "c3"], ["c1", "c2", "c2", "c3"], ["c1", "gone", "c3"], ["c2", "c1", "c3"]):
            self.watcher.seen, self.watcher.last, self.watcher.faults = seen, "c3", []
            self.assertEqual(len(self.watcher.finish(COMMITS, None)), 1, seen)

    def test_a_reset_is_a_fault(self):
        self.watcher.learn({"commit": "c1", "reset": True})
        self.assertEqual(len(self.watcher.faults), 1)

    def test_a_commit_that_a_server_does_not_know_is_a_fault(self):
        WatchServer.code = 4404
        self.watch()
        self.assertEqual(len(self.watcher.faults), 1)


if __name__ == "__main__":
    unittest.main()
