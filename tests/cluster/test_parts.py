"""Tests of the parts that the check relies on: signatures, the history that git prints, modules, and the faults of the proxy."""

import http.client
import http.server
import pathlib
import socket
import tempfile
import threading
import time
import unittest

import processes
import repositories
import s3
from check import Commit
from clients import blob_id, leb128, module
from links import Links
from supervisor import reason_of_failure


class Signature(unittest.TestCase):
    def test_is_that_of_the_example_in_the_documentation_of_s3(self):
        keys = ("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
        empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        now = "20130524T000000Z"
        headers = {"host": "examplebucket.s3.amazonaws.com", "range": "bytes=0-9", "x-amz-content-sha256": empty, "x-amz-date": now}
        signed = s3.authorization("GET", "/test.txt", {}, headers, empty, keys, "us-east-1", now)
        self.assertTrue(signed.endswith("=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"), signed)


class Parts(unittest.TestCase):
    def test_the_history_is_what_git_prints(self):
        zeros, one, two = "0" * 40, "1" * 40, "2" * 40
        lines = [
            "commit a\t\tCreate the store",
            "commit b\ta\t0-1",
            "",
            f":000000 100644 {zeros} {one} A\tx/y.wasm",
            "commit c\tb\t0-2",
            "",
            f":100644 100644 {one} {two} M\tx/y.wasm",
            "commit d\tc\t0-3",
            "",
            f":100644 000000 {two} {zeros} D\tx/y.wasm",
        ]
        expected = [
            Commit("a", [], "Create the store", {}),
            Commit("b", ["a"], "0-1", {"x/y.wasm": (None, one)}),
            Commit("c", ["b"], "0-2", {"x/y.wasm": (one, two)}),
            Commit("d", ["c"], "0-3", {"x/y.wasm": (two, None)}),
        ]
        self.assertEqual(repositories.parse("\n".join(lines)), expected)

    def test_a_damaged_clone_is_found(self):
        with tempfile.TemporaryDirectory() as directory:
            path = pathlib.Path(directory)
            git = ["git", "-C", path, "-c", "user.name=a", "-c", "user.email=a@b"]
            processes.run(["git", "init", "--quiet", path])
            processes.run([*git, "commit", "--quiet", "--allow-empty", "--message", "a"])
            self.assertIsNone(repositories.fsck(path))
            identifier = repositories.tip(path)
            commit = path / ".git/objects" / identifier[:2] / identifier[2:]
            commit.chmod(0o644)
            commit.write_bytes(b"garbage")
            self.assertIn("exit code", repositories.fsck(path))

    def test_the_reasons_of_failed_collections_can_be_counted(self):
        for text in ("[Errno 104] Connection reset by peer", "Remote end closed connection without response"):
            self.assertEqual(reason_of_failure(0, text), "its server was killed")
        self.assertEqual(reason_of_failure(0, "timed out"), "no response in time")
        self.assertEqual(reason_of_failure(0, "[Errno 111] Connection refused"), "its server did not run, or was starting")
        reasons = {reason_of_failure(503, f'the store is busy: "/tmp/{number}" is at {number}ab; try again') for number in (1, 2)}
        self.assertEqual(reasons, {"503 the store is busy: … is at …; try again"})

    def test_modules_are_unique_and_have_the_ids_that_git_gives(self):
        self.assertEqual(blob_id(b"hello\n"), "ce013625030ba8dba906f756967f9e9ca394464a")
        self.assertEqual([leb128(n) for n in (0, 127, 128, 624485)], [b"\0", b"\x7f", b"\x80\x01", b"\xe5\x8e\x26"])
        self.assertEqual(module("7-1"), b"\0asm\1\0\0\0\0\x07\x02id7-1 ")


class Upstream(http.server.BaseHTTPRequestHandler):
    """Responds to each request with the same text, and remembers the request."""

    protocol_version = "HTTP/1.1"
    received = []

    def do_PUT(self):
        # The tests send one body in chunks, of this length.
        length = int(self.headers["Content-Length"] or 13)
        body = self.rfile.read(length)
        if len(body) < length:
            return
        self.received.append((self.path, body))
        self.send_response(200)
        self.send_header("Content-Length", "4")
        self.end_headers()
        self.wfile.write(b"done")

    def log_message(self, *_):
        pass


class Quiet(http.server.ThreadingHTTPServer):
    def handle_error(self, *_):
        # Connections are cut on purpose.
        pass


class Proxy(unittest.TestCase):
    def setUp(self):
        Upstream.received.clear()
        self.upstream = Quiet(("127.0.0.1", 0), Upstream)
        threading.Thread(target=self.upstream.serve_forever, args=(0.05,), daemon=True).start()
        self.links = Links()
        self.port = self.links.add("a", self.upstream.server_port)

    def tearDown(self):
        self.links.stop()
        self.upstream.shutdown()
        self.upstream.server_close()

    def put(self, target="/x", body=b"body", seconds=2):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=seconds)
        try:
            connection.request("PUT", target, body)
            return connection.getresponse().read()
        except (OSError, http.client.HTTPException) as error:
            return type(error).__name__
        finally:
            connection.close()

    def rates(self, **rates):
        self.links.send(link="a", rates=rates)
        # Commands are obeyed in their order.
        self.links.counts()

    def test_passes_requests_on(self):
        self.assertEqual(self.put(body=b"a" * 300_000), b"done")
        self.assertEqual(Upstream.received, [("/x", b"a" * 300_000)])
        self.assertEqual(self.links.counts(), {"requests": 1, "PUT": 1})

    def test_passes_a_request_without_length_on(self):
        with socket.create_connection(("127.0.0.1", self.port), 2) as connection:
            request = b"PUT /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
            connection.sendall(request * 2)
            stream = connection.makefile("rb")
            processes.wait_for("two requests", lambda: self.links.counts()["requests"] == 2, 5)
            self.assertIn(b" 200 ", stream.readline())
        self.assertEqual(Upstream.received, [("/x", b"3\r\nabc\r\n0\r\n\r\n")] * 2)

    def test_a_lost_answer_is_that_of_a_request_that_went_through(self):
        self.rates(lost=1)
        for _ in range(5):
            self.assertNotEqual(self.put(), b"done")
        self.assertEqual(len(Upstream.received), 5)
        self.assertEqual(self.links.counts(), {"requests": 5, "PUT": 5, "lost": 5})

    def test_a_late_request_arrives_after_its_sender_gave_up(self):
        self.rates(late=1)
        self.assertNotEqual(self.put(), b"done")
        processes.wait_for("the late request", lambda: Upstream.received == [("/x", b"body")], 8)

    def test_a_torn_request_does_not_arrive(self):
        self.rates(torn=1)
        for _ in range(5):
            self.assertNotEqual(self.put(), b"done")
        self.assertEqual(Upstream.received, [])

    def test_a_hung_request_has_no_answer_in_time(self):
        self.rates(hung=1)
        self.assertEqual(self.put(seconds=0.5), "TimeoutError")
        self.assertEqual(len(Upstream.received), 1)

    def test_nothing_passes_a_partition(self):
        for refuse in (True, False):
            self.links.partition("a", refuse)
            self.links.counts()
            self.assertIn(self.put(seconds=0.5), ("TimeoutError", "BrokenPipeError", "ConnectionResetError", "RemoteDisconnected"))
            self.assertEqual(Upstream.received, [])
            self.links.heal("a")
            self.links.counts()
            self.assertEqual(self.put(), b"done")
            # What waited for the end of the partition may arrive now.
            time.sleep(0.2)
            Upstream.received.clear()

    def test_a_request_is_held_until_it_is_released(self):
        results = []
        self.links.send(link="a", hold="^PUT .*/manifest")
        self.links.counts()
        self.assertEqual(self.put("/other"), b"done")
        thread = threading.Thread(target=lambda: results.append(self.put("/b/manifest", seconds=10)))
        thread.start()
        self.assertTrue(self.links.wait(lambda: "a" in self.links.held, 5))
        self.assertEqual(self.links.held["a"], "PUT /b/manifest")
        self.assertEqual([target for target, _ in Upstream.received], ["/other"])
        self.links.release("a")
        thread.join()
        self.assertEqual(results, [b"done"])

    def test_a_killed_process_finds_its_port_free_again(self):
        port = processes.free_port()
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", port))
        self.assertNotEqual(processes.free_port(), port)


if __name__ == "__main__":
    unittest.main()
