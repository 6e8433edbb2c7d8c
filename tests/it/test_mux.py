"""The redirect workers' front: nothing that happens on one connection holds up another."""

import contextlib
import http.client
import json
import pathlib
import signal
import socket
import threading
import time

import pytest

from pools import total
from records import new_url
from stack import Stack, wait_for
from visitors import Visitors
from wire import Api

# Connections that each nginx process keeps, nginx processes, workers per socket.
SIZES = [(1, 1, 1), (1, 2, 3), (4, 4, 2), (4096, 2, 1)]
DEADLINE_MS = 2000


@pytest.fixture(scope="module")
def stack():
    with Stack(TERSE_REQUEST_TIMEOUT_MS=DEADLINE_MS, TERSE_REDIRECT_WORKERS=1, TERSE_REDIRECT_WORKERS_MAX=1) as found:
        yield found


@pytest.fixture
def client(stack):
    stack.wait_ready()
    return Api("127.0.0.1", stack.port, set())


@contextlib.contextmanager
def half_sent(stack, n=20):
    """Connections to both redirect sockets that send the first bytes of a request, again and again."""
    stopping = threading.Event()

    def keep_sending(pool):
        while not stopping.is_set():
            with contextlib.ExitStack() as opened:
                for _ in range(n):
                    sock = opened.enter_context(socket.socket(socket.AF_UNIX))
                    with contextlib.suppress(OSError):
                        sock.connect(str(stack.run / f"{pool}.sock"))
                        sock.send(b"\1\1\0\1")
                stopping.wait(0.5)

    threads = [threading.Thread(target=keep_sending, args=[pool]) for pool in ("redirect-a", "redirect-b")]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stopping.set()
        for thread in threads:
            thread.join()


def worst_s(port, path, seconds):
    """The longest that one of some visitors, who go on and on, waited for 302; nobody may get anything else."""
    until, worst, wrong = time.monotonic() + seconds, [], []

    def visit():
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        while time.monotonic() < until:
            began = time.monotonic()
            connection.request("GET", path)
            reply = connection.getresponse()
            reply.read()
            worst.append(time.monotonic() - began)
            if reply.status != 302:
                wrong.append(reply.status)
        connection.close()

    threads = [threading.Thread(target=visit) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    return max(worst)


@pytest.mark.parametrize("keepalive, nginx, workers", SIZES)
def test_no_sizes_hang_or_starve_a_request(keepalive, nginx, workers):
    sizes = {"TERSE_NGINX_KEEPALIVE": keepalive, "TERSE_NGINX_WORKERS": nginx,
             "TERSE_REDIRECT_WORKERS": workers, "TERSE_REDIRECT_WORKERS_MAX": workers}  # fmt: skip
    with Stack(**sizes) as stack:
        code = new_url(Api("127.0.0.1", stack.port, set()))["short_code"]
        assert worst_s(stack.port, f"/{code}", 2) < 2


def test_half_sent_requests_starve_nobody(stack, client):
    code = new_url(client)["short_code"]
    with half_sent(stack):
        assert worst_s(stack.port, f"/{code}", 3) < 3


def test_a_body_that_nobody_wants_spoils_no_other_request(client):
    code = new_url(client)["short_code"]
    for _ in range(5):
        assert client.send("POST", f"/{code}", body=b"x" * 50000, headers=[("Content-Type", "text/plain")]).status == 405
        assert client.get(f"/{code}").status == 302


def unheard_of(stack, n=1):
    """Codes that only PostgreSQL knows: their rows were not announced."""
    text = """INSERT INTO urls (short_code, original_url)
              SELECT 'm' || nextval('url_version_seq'), 'https://example.org/' FROM generate_series(1, %s)
              RETURNING short_code"""
    return [code for code, in stack.sql(text, [n])]


@contextlib.contextmanager
def urls_locked(stack):
    """Look-ups of urls wait as long as this lasts."""
    with contextlib.closing(stack.connect()) as session, session.cursor() as cursor:
        cursor.execute("LOCK TABLE urls IN ACCESS EXCLUSIVE MODE")
        yield
        session.rollback()


def waiting_look_ups(stack):
    text = """SELECT count(*) FROM pg_stat_activity
              WHERE wait_event_type = 'Lock' AND query LIKE '%short_code = ANY%'"""
    return stack.sql(text)[0][0]


def get_in_background(client, path, replies):
    def get():
        began = time.monotonic()
        reply = client.get(path)
        replies.append((reply.status, time.monotonic() - began))

    thread = threading.Thread(target=get)
    thread.start()
    return thread


def test_hits_go_on_while_misses_wait_for_the_database(stack, client):
    hit, misses = new_url(client), unheard_of(stack, 8)
    assert client.get(f"/{hit['short_code']}").status == 302
    replies = []
    with urls_locked(stack):
        threads = [get_in_background(client, f"/{code}", replies) for code in misses]
        wait_for(lambda: waiting_look_ups(stack) > 0)
        with Visitors(stack.port, hit["short_code"]) as visitors:
            wait_for(lambda: visitors.redirected > 200)
        assert not replies
    for thread in threads:
        thread.join()
    assert visitors.refused == 0
    assert [status for status, _ in replies] == [302] * len(misses)


def layers(stack, code):
    """Who knew of the code, for each of its visits; None: the table of unknown codes."""
    lines = "".join(stack.log(pool) for pool in ("redirect-a", "redirect-b")).splitlines()
    return [json.loads(line).get("cache") for line in lines if f'"path":"/{code}"' in line]


def test_those_who_wait_for_the_same_code_are_answered_with_the_first(stack, client):
    replies, many = [], 40
    with urls_locked(stack):
        threads = [get_in_background(client, "/manyWait", replies)]
        wait_for(lambda: waiting_look_ups(stack) > 0)
        threads += [get_in_background(client, "/manyWait", replies) for _ in range(many)]
        wait_for(lambda: total(stack, "terse_http_requests_in_flight") > many + 1)
    for thread in threads:
        thread.join()
    assert [status for status, _ in replies] == [404] * (many + 1)
    wait_for(lambda: len(layers(stack, "manyWait")) == many + 1)
    assert layers(stack, "manyWait").count("db") < many


def test_a_miss_that_waits_too_long_is_told_so_in_time(stack, client):
    (code,) = unheard_of(stack)
    replies = []
    with urls_locked(stack):
        get_in_background(client, f"/{code}", replies).join()
    (status, seconds), = replies
    assert status == 503
    assert DEADLINE_MS / 1000 * 0.5 < seconds < DEADLINE_MS / 1000 + 2
    wait_for(lambda: client.get(f"/{code}").status == 302)


def test_a_visitor_who_leaves_while_his_miss_waits_costs_nothing(stack, client):
    (code,) = unheard_of(stack)
    with urls_locked(stack):
        with socket.create_connection(("127.0.0.1", stack.port)) as sock:
            sock.sendall(f"GET /{code} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            wait_for(lambda: waiting_look_ups(stack) > 0)
        spent = cpu_s(stack)
        time.sleep(0.5)  # a loop that spins spends it all
        assert cpu_s(stack) - spent < 0.3
    wait_for(lambda: client.get(f"/{code}").status == 302)


def test_nobody_waits_for_a_worker_that_ends_as_soon_as_its_visitors_are_answered(stack, client):
    hit, misses, replies = new_url(client)["short_code"], unheard_of(stack, 8), []
    assert client.get(f"/{hit}").status == 302
    with urls_locked(stack):
        threads = [get_in_background(client, f"/{code}", replies) for code in misses]
        wait_for(lambda: waiting_look_ups(stack) > 1)
        stack.kill("redirect-a", "terse-worker", signal.SIGTERM)
        assert worst_s(stack.port, f"/{hit}", 1) < 1
        assert not replies
    for thread in threads:
        thread.join()
    assert [status for status, _ in replies] == [302] * len(misses)


def cpu_s(stack):
    """CPU seconds of the redirect workers."""
    ticks = 0
    for pool in ("redirect-a", "redirect-b"):
        for pid in stack.pids(pool, "terse-worker"):
            fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
            ticks += int(fields[11]) + int(fields[12])
    return ticks / 100


@contextlib.contextmanager
def empty_answers(stack, pool):
    """A pool whose workers end each request without an answer, as one without memory does."""
    path, stopping = stack.run / f"{pool}.sock", threading.Event()

    def serve(listener):
        while not stopping.is_set():
            with contextlib.suppress(OSError), listener.accept()[0] as peer:
                peer.recv(65536)
                peer.sendall(b"\1\6\0\1\0\0\0\0" b"\1\3\0\1\0\10\0\0" + bytes(8))

    stack.sv("down", pool)
    path.unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        path.chmod(0o666)
        listener.listen(100)
        listener.settimeout(0.1)
        thread = threading.Thread(target=serve, args=[listener])
        thread.start()
        try:
            yield
        finally:
            stopping.set()
            thread.join()
            path.unlink()
            stack.sv("up", pool)


def test_a_request_that_a_worker_has_no_memory_for_is_sent_elsewhere(stack, client):
    code = new_url(client)["short_code"]
    with empty_answers(stack, "redirect-a"):
        assert [client.get(f"/{code}").status for _ in range(10)] == [302] * 10
