"""Clients who ask without a pause, and remember what they were answered and how long it took."""

import asyncio
import collections
import json
import threading
import time

TIMEOUT_S = 30


class Call:
    """A request and the status that it must get. kind names it in the counts."""

    def __init__(self, kind, method, target, status, body=None):
        self.kind, self.status = kind, status
        content = b"" if body is None else json.dumps(body).encode()
        head = f"{method} {target} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        if body is not None:
            head += f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n"
        self.bytes = head.encode() + b"\r\n" + content


def follow(code):
    return Call("follow", "GET", f"/{code}", 302)


def read():
    return Call("read", "GET", "/urls?per_page=1", 200)


def create():
    return Call("create", "POST", "/urls", 201, {"original_url": "https://example.org/traffic"})


class Traffic:
    """`with Traffic(port, [follow(code), read()]) as traffic:` runs clients that take turns at the calls.

    Each client has a connection that it keeps, or (kept=False) one per request; it repeats nothing.
    """

    def __init__(self, port, calls, clients=16, kept=True):
        self.port, self.calls, self.clients, self.kept = port, calls, clients, kept
        self.good, self.bad, self.slowest_s = collections.Counter(), [], collections.Counter()
        self.stopping = False
        self.thread = threading.Thread(target=lambda: asyncio.run(self.run()))

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stopping = True
        self.thread.join()

    async def run(self):
        await asyncio.gather(*(self.client(number) for number in range(self.clients)))

    async def client(self, number):
        connection = None
        turn = number
        while not self.stopping:
            call = self.calls[turn % len(self.calls)]
            turn += 1
            began = time.monotonic()
            try:
                connection = connection or await asyncio.open_connection("127.0.0.1", self.port)
                status = await asyncio.wait_for(ask(connection, call), TIMEOUT_S)
            except (OSError, EOFError, ValueError, asyncio.TimeoutError) as error:
                status, connection = repr(error), close(connection)
            self.note(call, status, time.monotonic() - began)
            if not self.kept:
                connection = close(connection)
        close(connection)

    def note(self, call, status, seconds):
        self.slowest_s[call.kind] = max(self.slowest_s[call.kind], seconds)
        if status == call.status:
            self.good[call.kind] += 1
        else:
            self.bad.append((call.kind, status, round(seconds, 3)))

    def forget_times(self):
        self.slowest_s.clear()


def close(connection):
    if connection:
        connection[1].close()


async def ask(connection, call):
    """The status of the answer, which is read to its end."""
    reader, writer = connection
    writer.write(call.bytes)
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
    if "transfer-encoding: chunked" in head:
        while size := int(await reader.readuntil(b"\r\n"), 16):
            await reader.readexactly(size + 2)
        await reader.readexactly(2)
    elif "content-length: " in head:
        await reader.readexactly(int(head.split("content-length: ")[1].split("\r\n")[0]))
    return int(head.split(" ")[1])
