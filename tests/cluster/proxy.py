"""A TCP proxy that loses answers. It is a program of its own, because it must go on while the test computes.

Usage: proxy.py, with commands on the standard input, one JSON object a line, and events on the standard output.

    {"listen": PORT, "to": PORT, "link": NAME}
    {"link": NAME, "rates": {"lost": 0.02, "hung": 0.005, "late": 0.01, "torn": 0.01}, "delay": SECONDS}
    {"link": NAME, "partitioned": true, "refuse": false}
    {"link": NAME, "hold": "^PUT .*/manifest"}                   holds back the next such request, and prints an event
    {"link": NAME, "release": true}
    {"counts": true}                                             prints the number of requests, and of each fault, of each link
"""

import asyncio
import json
import os
import random
import re
import sys
from collections import Counter

# A little longer than the timeouts of the clients of the object store in the test.
HUNG_SECONDS = 12


async def read_request(reader):
    """Reads a request to its end. Returns its method and target, its bytes, and whether other bytes than requests follow it."""
    head = await reader.readuntil(b"\r\n\r\n")
    method, target = head.split(b" ", 2)[:2]
    length = re.search(rb"\r\ncontent-length: *(\d+)", head, re.IGNORECASE)
    body = await reader.readexactly(int(length[1])) if length else b""
    if re.search(rb"\r\ntransfer-encoding: *chunked", head, re.IGNORECASE):
        size = None
        while size != 0:
            line = await reader.readuntil(b"\r\n")
            size = int(line.split(b";")[0], 16)
            body += line + await reader.readexactly(size + 2)
    return f"{method.decode()} {target.decode()}", head + body, bool(re.search(rb"\r\nupgrade:", head, re.IGNORECASE))


class Link:
    """A port that leads to another one."""

    def __init__(self, name, to):
        self.name, self.to = name, to
        self.rates, self.delay = {}, 0
        self.partitioned = self.refuse = False
        self.gate = asyncio.Event()
        self.gate.set()
        self.held, self.released = None, asyncio.Event()
        self.counts = Counter()
        self.connections = set()
        self.tasks = set()

    def fate(self, method):
        """Decides what happens to a request: `pass`, or a fault."""
        self.counts["requests"] += 1
        self.counts[method] += 1
        chance = random.random()
        for fate, rate in self.rates.items():
            if chance < rate:
                if fate == "late" and method not in ("PUT", "POST", "DELETE"):
                    fate = "lost"
                self.counts[fate] += 1
                return fate
            chance -= rate
        return "pass"

    def partition(self, partitioned, refuse):
        self.partitioned, self.refuse = partitioned, refuse
        if not partitioned:
            self.gate.set()
        elif refuse:
            for connection in list(self.connections):
                connection.cut()
        else:
            # Nothing arrives. It does when the partition ends, if the other side still waits.
            self.gate.clear()

    async def accept(self, reader, writer):
        if self.partitioned and self.refuse:
            writer.close()
            return
        await self.gate.wait()
        try:
            upstream = await asyncio.open_connection("127.0.0.1", self.to)
        except OSError:
            writer.close()
            return
        connection = Connection(self, reader, writer, *upstream)
        self.connections.add(connection)
        try:
            await asyncio.gather(connection.requests(), connection.answers())
        finally:
            self.connections.discard(connection)

    def deliver(self, request):
        """Sends a request to the other side after its sender has lost the connection."""

        async def later():
            await asyncio.sleep(random.uniform(0.1, 5))
            await self.gate.wait()
            try:
                reader, writer = await asyncio.open_connection("127.0.0.1", self.to)
                writer.write(request)
                await writer.drain()
                await asyncio.wait_for(reader.read(65536), 10)
                writer.close()
            except (OSError, asyncio.TimeoutError):
                pass

        task = asyncio.ensure_future(later())
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)


class Connection:
    """A connection through a link, with the fate of its current request."""

    def __init__(self, link, client_reader, client_writer, server_reader, server_writer):
        self.link = link
        self.client_reader, self.client_writer = client_reader, client_writer
        self.server_reader, self.server_writer = server_reader, server_writer
        self.fate = "pass"

    def cut(self):
        for writer in (self.client_writer, self.server_writer):
            writer.close()

    async def requests(self):
        try:
            while await self.request():
                pass
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError):
            pass
        finally:
            self.server_writer.close()

    async def request(self):
        """Passes one request on. Returns false after the last one."""
        name, request, upgrades = await read_request(self.client_reader)
        if self.link.held and re.search(self.link.held, name):
            await self.hold(name)
        await self.link.gate.wait()
        if self.link.delay:
            await asyncio.sleep(self.link.delay)
        fate = self.link.fate(name.split(" ")[0])
        if fate == "torn":
            self.server_writer.write(request[: random.randrange(len(request))])
            await self.server_writer.drain()
        if fate == "late":
            self.link.deliver(request)
        if fate in ("torn", "late"):
            self.cut()
            return False
        self.fate = fate
        self.server_writer.write(request)
        await self.server_writer.drain()
        while upgrades and (data := await self.client_reader.read(65536)):
            await self.link.gate.wait()
            self.server_writer.write(data)
            await self.server_writer.drain()
        return not upgrades

    async def hold(self, request):
        self.link.held = None
        self.link.released.clear()
        report({"held": self.link.name, "request": request})
        try:
            await asyncio.wait_for(self.link.released.wait(), 60)
        except asyncio.TimeoutError:
            pass

    async def answers(self):
        try:
            while data := await self.server_reader.read(65536):
                await self.link.gate.wait()
                if self.fate == "lost":
                    # Either nothing arrives, or a part.
                    self.client_writer.write(data[: random.choice([0, random.randrange(len(data))])])
                    await self.client_writer.drain()
                    break
                if self.fate == "hung":
                    await asyncio.sleep(HUNG_SECONDS)
                    break
                self.client_writer.write(data)
                await self.client_writer.drain()
        except OSError:
            pass
        finally:
            self.cut()


def report(event):
    print(json.dumps(event), flush=True)


async def obey(command, links, servers):
    if "listen" in command:
        link = links[command["link"]] = Link(command["link"], command["to"])
        # A head may be as long as the object store accepts.
        servers.append(await asyncio.start_server(link.accept, "127.0.0.1", command["listen"], limit=1 << 20))
        report({"listening": command["link"]})
    elif "counts" in command:
        report({"counts": {name: dict(link.counts) for name, link in links.items()}})
    else:
        link = links[command["link"]]
        link.rates = command.get("rates", link.rates)
        link.delay = command.get("delay", link.delay)
        if "partitioned" in command:
            link.partition(command["partitioned"], command.get("refuse", False))
        if "hold" in command:
            link.held = command["hold"]
        if "release" in command:
            link.held = None
            link.released.set()


async def main():
    links, servers = {}, []
    commands = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(commands), sys.stdin)
    while line := await commands.readline():
        await obey(json.loads(line), links, servers)
    # Connections that hang are not worth waiting for.
    os._exit(0)


if __name__ == "__main__":
    asyncio.run(main())
