"""Every request is found again in Loki, though Loki is away for a while, the shipper is killed, and logs are rotated."""

import json
import socket
import time
import uuid

import pytest

from stack import Stack, wait_for

pytestmark = pytest.mark.full

REQUESTS = 100_000
PIECE, ROUND = 100, 5_000  # requests sent at once, and on one connection
PAGE = 20_000


@pytest.fixture(scope="module", name="stack")
def full_stack():
    # A rotation every 20,000 lines or so of a pool.
    with Stack(TERSE_MONITORING="full", TERSE_LOG_MAX_BYTES=6 << 20, TERSE_LOG_KEEP=20) as stack:
        yield stack


def ask(sock, idents):
    """Sends requests at once and reads all answers."""
    sock.sendall(b"".join(
        f"GET /nobody-has-it HTTP/1.1\r\nHost: a\r\nX-Request-Id: {ident}\r\n\r\n".encode() for ident in idents))
    answers, rest = 0, b""
    while answers < len(idents):
        piece = sock.recv(1 << 16)
        assert piece, "the connection ended"
        rest += piece
        answers += rest.count(b"HTTP/1.1 404 ")
        rest = rest[-12:] if b"HTTP/1.1 404 " not in rest[-12:] else b""


def run(stack, idents):
    """On one connection; yields after each piece."""
    with socket.create_connection(("127.0.0.1", stack.port)) as sock:
        for at in range(0, len(idents), PIECE):
            ask(sock, idents[at:at + PIECE])


def loki(stack, path, **query):
    return stack.watcher(stack.full_port + 6, f"/loki/api/v1/{path}", **query)["data"]["result"]


def count(stack, text):
    """Lines of the redirect workers with this text."""
    try:
        found = loki(stack, "query", query=f'sum(count_over_time({{service=~"redirect-."}} |= "{text}" [1h]))')
    except OSError:
        return 0  # it is not ready yet
    return int(found[0]["value"][1]) if found else 0


def lines(stack, text, start_ns):
    """All of them, page by page, as (ns, line): two that are the same are one."""
    found = set()
    while True:
        streams = loki(stack, "query_range", query=f'{{service=~"redirect-."}} |= "{text}"', start=start_ns,
                       end=time.time_ns(), limit=PAGE, direction="forward")
        page = {(int(ns), line) for stream in streams for ns, line in stream["values"]}
        if page <= found:
            return found
        found |= page
        start_ns = max(ns for ns, _ in page)


def received(stack):
    with socket.create_connection(("127.0.0.1", stack.full_port + 6)) as sock:
        sock.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
        text = b"".join(iter(lambda: sock.recv(1 << 16), b"")).decode()
    rows = [row for row in text.splitlines() if row.startswith("loki_distributor_lines_received_total")]
    return sum(float(row.split()[-1]) for row in rows)


def test_every_request_is_found_again(stack):
    wait_for(lambda: loki(stack, "query", query='count_over_time({job="terse"}[5m])'), 90)
    name, began_ns = uuid.uuid4().hex, time.time_ns() - 10**9
    idents = [f"{name}-{i}" for i in range(REQUESTS)]
    rounds = [idents[at:at + ROUND] for at in range(0, REQUESTS, ROUND)]
    for i, part in enumerate(rounds):
        run(stack, part)
        if i == 4:
            stack.sv("down", "loki")
        if i in (2, 7, 16):
            stack.kill("syslog-ng")
        if i == 12:
            stack.sv("up", "loki")
    wait_for(lambda: count(stack, name) >= REQUESTS, 120, every=0.5)
    seen, end = [], time.monotonic() + 60
    while not set(idents) <= set(seen) and time.monotonic() < end:  # what is there twice was counted twice
        seen = [json.loads(line)["request_id"] for _, line in lines(stack, name, began_ns)]
    missing = set(idents) - set(seen)
    assert not missing, (len(missing), sorted(int(ident.split("-")[1]) for ident in missing)[:5])
    files = len(list(stack.state.glob("log/redirect-?/terse.log.*")))
    print(f"{len(seen) - REQUESTS} of {REQUESTS} requests are there twice; {files} rotations; Loki has received "
          f"{received(stack):.0f} lines since it came back")
    assert files > 0


def test_labels_are_few(stack):
    streams = loki(stack, "query", query='count by (job, service, level, host) (count_over_time({job="terse"}[1h]))')
    labels = [stream["metric"] for stream in streams]
    assert all(set(label) == {"job", "service", "level", "host"} for label in labels)
    assert {label["level"] for label in labels} <= {"debug", "info", "warn", "error"}
    assert {"nginx", "postgres", "api-a", "redirect-a"} <= {label["service"] for label in labels}
