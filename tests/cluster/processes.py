"""Child processes, each of which is stopped by its own process id, and the ports that they listen on."""

import os
import random
import signal
import socket
import subprocess
import time


class Failure(Exception):
    """A step of the test that failed, so that nothing can be said about the claim."""


class Child:
    """A child process whose output is appended to a file."""

    def __init__(self, command, log, environment=None):
        self.log = log
        with open(log, "ab") as out:
            self.process = subprocess.Popen(
                [str(part) for part in command],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                env=environment,
                # An interrupt from the terminal reaches only this script, which then stops its children in their order.
                start_new_session=True,
            )

    @property
    def pid(self):
        return self.process.pid

    def is_alive(self):
        return self.process.poll() is None

    def signal(self, number):
        if self.is_alive():
            os.kill(self.pid, number)

    def kill(self):
        """Kills the process, also if it is stopped."""
        self.signal(signal.SIGKILL)
        self.process.wait()

    def terminate(self, seconds=10):
        """Asks the process to end, and kills it after some seconds."""
        self.signal(signal.SIGCONT)
        self.signal(signal.SIGTERM)
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
        return self.process.returncode


def run(command, environment=None, seconds=300, check=True):
    """Runs a command to its end, and returns its status and its output."""
    command = [str(part) for part in command]
    try:
        done = subprocess.run(
            command, env=environment, timeout=seconds, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        if check:
            raise Failure(f"{command[0]}: {error}") from None
        return 1, str(error)
    output = done.stdout.decode(errors="replace")
    if check and done.returncode:
        raise Failure(f"{' '.join(command)[:200]}: exit code {done.returncode}: {output[-2000:]}")
    return done.returncode, output


given = set()


def free_port():
    """Returns a port of the loopback address that nobody listens on.

    A process that is killed must find its port free again, so the port lies below those that the kernel gives to connections.
    """
    while True:
        port = random.randrange(12000, 32000)
        if port in given:
            continue
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        given.add(port)
        return port


def is_listening(port):
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


def wait_for(what, check, seconds, every=0.05):
    """Waits until `check` returns something true, and returns that."""
    end = time.monotonic() + seconds
    while True:
        result = check()
        if result:
            return result
        if time.monotonic() > end:
            raise Failure(f"{what}: not within {seconds} s")
        time.sleep(every)
