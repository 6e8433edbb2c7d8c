"""Two hosts on one database: a change that is made on one is seen on the other within a second.

The second host has a folder, a journal, a table of links, a terse-ingest and a worker of its own; the
worker is asked as nginx would.
"""

import contextlib
import os
import pathlib
import socket
import struct
import subprocess
import tempfile
import time
import uuid

import pytest

from records import edit_url, new_url, some_target
from stack import Stack, wait_for
from wire import Api

BUILD = pathlib.Path(os.environ["TERSE_BUILD"])
BEGIN, PARAMS, STDIN, STDOUT, END = 1, 4, 5, 6, 3


def record(kind, content):
    return struct.pack("!BBHHBx", 1, kind, 1, len(content), 0) + content


def pair(name, value):
    return struct.pack("!BB", len(name), len(value)) + name.encode() + value.encode()


def ask(path, params):
    """One request over FastCGI, as a dictionary of the response's headers."""
    body = b"".join(pair(name, value) for name, value in params.items())
    with socket.socket(socket.AF_UNIX) as peer:
        peer.settimeout(10)
        peer.connect(str(path))
        peer.sendall(record(BEGIN, struct.pack("!HB5x", 1, 0)) + record(PARAMS, body) + record(PARAMS, b"")
                     + record(STDIN, b""))
        stream, text, kind = peer.makefile("rb"), b"", None
        while kind != END:
            _, kind, _, length, padding = struct.unpack("!BBHHBx", stream.read(8))
            content = stream.read(length)
            stream.read(padding)
            text += content if kind == STDOUT else b""
    lines = text.split(b"\r\n\r\n")[0].decode().split("\r\n")
    return dict(line.split(": ", 1) for line in lines)


class Host:
    """Another host of a stack."""

    def __init__(self, stack):
        self.stack = stack
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="host-", dir="/tmp"))
        self.socket = self.folder / "redirect.sock"
        (self.folder / "journal").mkdir()
        self.environment = {
            **os.environ, "TERSE_SETTINGS": str(stack.state / "terse.env"), "TERSE_RUN_DIR": str(self.folder),
            "TERSE_JOURNAL_DIR": str(self.folder / "journal"), "TERSE_LOG_FILE": str(self.folder / "log"),
            "TERSE_HOST": "another",
        }
        self.processes = contextlib.ExitStack()

    def start(self, *command, **how):
        process = subprocess.Popen([BUILD / command[0], *command[1:]], env=self.environment, cwd=self.folder, **how)
        self.processes.callback(process.wait, 20)
        self.processes.callback(process.terminate)

    def __enter__(self):
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(self.socket))
            listener.listen()
            self.start("terse-worker", "--front", "mux", stdin=listener)
        self.start("terse-ingest")
        wait_for(lambda: self.stack.sql("SELECT 1 FROM outbox_cursors WHERE host = 'another'"))
        return self

    def __exit__(self, *_):
        self.processes.close()
        subprocess.run(["rm", "-r", self.folder], check=True)

    def follow(self, url):
        """Where a url leads on this host; None: nowhere."""
        return ask(self.socket, {
            "REQUEST_METHOD": "GET", "REQUEST_URI": f"/{url['short_code']}", "REMOTE_ADDR": "127.0.0.1",
            "TERSE_VISIT_ID": uuid.uuid4().hex, "TERSE_REQUEST_ID": uuid.uuid4().hex,
        }).get("Location")

    def seconds_until(self, url, target):
        """How long a change takes from when its call returned."""
        began = time.monotonic()
        wait_for(lambda: self.follow(url) == target, seconds=5, every=0.002)
        return time.monotonic() - began


@pytest.fixture(scope="module", name="stack")
def own_stack():
    with Stack() as stack:
        yield stack


@pytest.fixture(scope="module", name="host")
def own_host(stack):
    with Host(stack) as host:
        yield host


@pytest.fixture(name="client")
def own_client(stack):
    return Api("127.0.0.1", stack.port, set())


def delays(client, host, times):
    """How long each of some changes takes to reach the other host, whose own table knows the old target."""
    result = []
    for _ in range(times):
        url = new_url(client)
        for _ in range(3):
            assert host.follow(url) == url["original_url"]
        target = some_target()
        edit_url(client, url, original_url=target)
        result.append(host.seconds_until(url, target))
        client.delete(f"/urls/{url['id']}")
        result.append(host.seconds_until(url, None))
    return sorted(result)


def test_a_change_reaches_the_other_host_soon(client, host):
    taken = delays(client, host, 20)
    assert taken[-1] < 1, taken
    assert taken[len(taken) // 2] < 0.15, taken


def test_a_change_reaches_the_other_host_within_a_second_though_redis_is_away(stack, client, host):
    stack.sv("down", "redis")
    try:
        taken = delays(client, host, 10)
    finally:
        stack.sv("up", "redis")
        stack.wait_ready()
    assert taken[-1] < 1, taken


def test_news_comes_again_after_redis_was_away(stack, client, host):
    stack.sv("down", "redis")
    stack.sv("up", "redis")
    stack.wait_ready()
    time.sleep(2)  # the longest pause between two tries
    taken = delays(client, host, 20)
    assert taken[-1] < 1, taken
    assert taken[len(taken) // 2] < 0.15, taken
