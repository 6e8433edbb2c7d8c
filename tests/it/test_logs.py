"""The log: the shape of all lines, reading it over HTTP and with `terse logs`, its level at run time, and that
neither a rotation nor a killed log process costs a line."""

import contextlib
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import tempfile
import time
import uuid

import pytest

from stack import Stack, wait_for
from wire import Api, parameters

SECRET = "sEcReT"
HEAD = ["ts", "level", "msg", "program", "pid"]
REQUEST = ["request_id", "trace_id", "route", "method", "path", "status", "duration_us", "bytes", "client_ip",
           "user_agent", "cache", "pool", "diag"]
TERSE = pathlib.Path(os.environ["TERSE_BUILD"], "terse")


@pytest.fixture(scope="module")
def stack():
    with Stack(TERSE_RATE_API=1) as stack:
        yield stack


@pytest.fixture(scope="module")
def http(stack):
    return Api("127.0.0.1", stack.port, set())


def lines_of(stack, service):
    return [json.loads(line) for line in stack.log(service).splitlines()]


def all_lines(stack):
    return {path.parent.name: lines_of(stack, path.parent.name) for path in stack.state.glob("log/*/terse.log")}


def wait_line(stack, services, **members):
    """The first line of the services that has all these members."""

    def find():
        for service in services:
            for line in lines_of(stack, service):
                if members.items() <= line.items():
                    return line
        return None

    return wait_for(find)


def terse(stack, *args):
    environment = {**os.environ, "TERSE_SETTINGS": str(stack.state / "terse.env")}
    return subprocess.run([TERSE, *args], env=environment, capture_output=True, text=True, check=False)


def name():
    return uuid.uuid4().hex


API = ("api-a", "api-b")
REDIRECT = ("redirect-a", "redirect-b")


def test_a_worker_logs_its_request(stack, http):
    ident = name()
    http.get(f"/users?{SECRET}=1", [("X-Request-Id", ident), ("User-Agent", "a\"b\\c\xff"), ("X-Api-Key", SECRET)])
    line = wait_line(stack, API, request_id=ident)
    assert list(line) == [key for key in HEAD + REQUEST if key not in ("cache", "diag")]
    assert re.fullmatch("[0-9a-f]{32}", line["trace_id"])
    expected = {"level": "info", "msg": "request", "program": "terse-worker", "route": "user_list", "method": "GET",
                "path": "/users", "status": 200, "client_ip": "127.0.0.0"}
    assert expected.items() <= line.items()
    assert line["pool"] in API and line["duration_us"] > 0


def test_a_redirects_line_says_which_cache_knew(stack, http):
    code, trace, first, second = name()[:8], name(), name(), name()
    http.get(f"/{code}", [("X-Request-Id", first), ("traceparent", f"00-{trace}-00f067aa0ba902b7-01")])
    http.get(f"/{code}", [("X-Request-Id", second)])
    line = wait_line(stack, REDIRECT, request_id=first)
    assert list(line) == [key for key in HEAD + REQUEST if key in line]
    expected = {"route": "url_follow", "status": 404, "trace_id": trace, "cache": "db"}
    assert expected.items() <= line.items()
    assert wait_line(stack, REDIRECT, request_id=second)["cache"] == "none"


def test_nginx_logs_the_requests_it_refuses(stack, http):
    idents = [name() for _ in range(6)]
    trace = name()
    for ident in idents:
        reply = http.get(f"/users?{SECRET}", [
            ("X-Request-Id", ident), ("X-Forwarded-For", "203.0.113.77"), ("User-Agent", "ü\"\\"),
            ("traceparent", f"00-{trace}-00f067aa0ba902b7-01")])
    assert reply.status == 429
    line = wait_line(stack, ["nginx"], request_id=idents[-1])
    assert list(line) == HEAD + REQUEST
    expected = {"level": "info", "msg": "request", "program": "nginx", "trace_id": trace, "route": "none",
                "method": "GET", "path": "/users", "status": 429, "client_ip": "203.0.113.0", "cache": "none",
                "pool": "", "diag": "too many requests"}
    assert expected.items() <= line.items()
    assert isinstance(line["duration_us"], int) and isinstance(line["pid"], int) and line["pid"] > 0


@pytest.mark.parametrize("request_line,headers", [
    (b"GET /x\xff\"?" + SECRET.encode() + b" HTTP/1.1", b"Host: a b\r\nUser-Agent: \xc3\xff\"\\"),
    (b"GET /y HTTP/1.1", b"Host: a\r\nAuthorization: " + SECRET.encode() + b"\r\nAuthorization: " + SECRET.encode()),
    (b"G\x01T /z?" + SECRET.encode() + b" HTTP/1.1", b"Host: a"),
    (b"GET /w HTTP/1.1", b"Host: a\r\nX: " + 40000 * b"y"),
])
def test_what_can_not_be_read_is_logged_as_json_all_the_same(stack, http, request_line, headers):

    def refused():
        return len([line for line in lines_of(stack, "nginx") if line.get("status") in (400, 431)])

    before = refused()
    reply = http.raw(request_line + b"\r\n" + headers + b"\r\n\r\n")
    assert reply.status in (400, 431)
    wait_for(lambda: refused() > before)


def test_a_failed_handshake_is_logged(stack):
    with socket.create_connection(("127.0.0.1", stack.tls_port)) as sock:
        sock.sendall(b"\x16\x03\x01\x00\x05hello")
        sock.recv(100)
    line = wait_for(lambda: [x for x in lines_of(stack, "nginx") if "SSL" in x.get("diag", "")])[0]
    assert line["level"] == "warn" and line["client_ip"] == "127.0.0.0" and line["pid"] > 0
    assert list(line)[:5] == HEAD


def test_connections_that_end_are_no_news(stack, http):
    for _ in range(5):
        http.get("/health")
        socket.create_connection(("127.0.0.1", stack.port)).close()
    http.get("/health", [("X-Request-Id", "after-them")])
    wait_line(stack, API, request_id="after-them")
    assert not [x for x in lines_of(stack, "nginx") if "closed" in x.get("diag", "")]


def test_when_no_worker_is_there_nginx_tells(stack, http):
    ident = name()
    for pool in API:
        stack.sv("down", pool)
    reply = http.get(f"/users?{SECRET}=2", [("X-Request-Id", ident)])
    for pool in API:
        stack.sv("up", pool)
    assert reply.status == 503
    line = wait_line(stack, ["nginx"], request_id=ident)
    assert (line["status"], line["level"], line["diag"]) == (503, "warn", "upstreams answered 502, 502")
    why = [x for x in lines_of(stack, "nginx") if x["msg"] == "nginx" and x["level"] == "error"]
    assert "connect() to unix:" in why[-1]["diag"] and why[-1]["path"] == "/users" and why[-1]["method"] == "GET"
    stack.wait_ready()


def test_services_that_are_not_ours_have_lines_like_ours(stack):
    with pytest.raises(Exception, match="division by zero"):
        stack.sql("SELECT 1 / 0")
    line = wait_for(lambda: [x for x in lines_of(stack, "postgres") if "division by zero" in x["diag"]])[0]
    assert list(line) == [*HEAD, "diag"]
    assert (line["level"], line["msg"], line["program"]) == ("error", "output", "postgres")


def test_the_daemons_log_what_they_do(stack):
    assert any(line["program"] == "terse-pool" for line in lines_of(stack, "api-a"))
    assert any(line["program"] == "terse-ingest" for line in lines_of(stack, "ingest"))


def test_every_line_has_the_same_beginning_and_no_secret(stack):
    found = all_lines(stack)
    assert {"nginx", "postgres", "redis", "ingest", *API} <= set(found)
    for service, lines in found.items():
        for line in lines:
            assert list(line)[:5] == HEAD, (service, line)
            assert line["level"] in ("debug", "info", "warn", "error")
    text = "".join(path.read_text() for path in stack.state.glob("log/*/terse.log"))
    assert SECRET not in text
    assert not list(stack.state.glob("log/*/current"))


#
# Over HTTP, on the session's stack, whose answers are compared with docs/openapi.yaml
#


@pytest.fixture(scope="module")
def logs(api, admin_key):
    return lambda query="", key=admin_key: api.get(f"/logs{query}", [("X-Api-Key", key)] if key else [])


def test_only_who_has_the_key_reads_the_log(logs):
    for key in (None, "wrong", "x" * 200):
        reply = logs(key=key)
        assert reply.status == 401
        assert reply.headers["WWW-Authenticate"].startswith("Bearer")
    assert logs().status == 200


def test_the_newest_lines_come_oldest_first(api, logs):
    idents = [name() for _ in range(5)]
    for ident in idents:
        api.get("/users/1", [("X-Request-Id", ident)])
    wait_for(lambda: all(logs(f"?request_id={ident}").json() for ident in idents))
    lines = logs("?limit=1000").json()
    assert [line["ts"] for line in lines] == sorted(line["ts"] for line in lines)
    assert set(idents) <= {line.get("request_id") for line in lines}
    assert len(logs("?limit=3").json()) == 3
    assert len(logs().json()) <= 100


def test_the_filters_find_what_fits_all_of_them(api, logs):
    ident = name()
    api.get("/users/999999999?x=1", [("X-Request-Id", ident)])
    (line,) = wait_for(lambda: logs(f"?request_id={ident}").json())
    assert (line["route"], line["status"], line["path"]) == ("user_show", 404, "/users/999999999")
    for query in ("&level=info", "&route=user_show", "&since=1m", "&since=2020-01-01T00:00:00Z", "&text=999999999",
                  "&filter=999999999", f"&service={line['pool']}", "&level=debug&filter="):
        assert logs(f"?request_id={ident}{query}").json() == [line], query
    for query in ("&level=error", "&level=warn", "&route=url_show", "&since=2100-01-01", "&text=nowhere-at-all",
                  "&filter=nowhere-at-all", "&service=nginx", "&service=..%2F..", "&service=redirect-a"):
        assert logs(f"?request_id={ident}{query}").json() == [], query
    assert {line["route"] for line in logs("?route=user_show").json()} == {"user_show"}
    assert {line["level"] for line in logs("?level=warn").json()} <= {"warn", "error"}


@pytest.mark.parametrize("query,wrong", [
    ("limit=0", "limit"), ("limit=1001", "limit"), ("limit=x", "limit"), ("limit=1e2", "limit"), ("limit=", "limit"),
    ("level=loud", "level"), ("level=", "level"), ("level=%00", "level"), ("level=%ff", "level"),
    ("since=yesterday", "since"), ("since=-5m", "since"), ("since=99999999999999999999s", "since"),
    ("filter=" + 300 * "a", "filter"), ("request_id=" + 200 * "a", "request_id"), ("text=%ff", "text"),
])
def test_a_filter_that_can_not_be_read_is_named(logs, query, wrong):
    reply = logs(f"?{query}")
    assert reply.status == 422
    assert parameters(reply) == {wrong}


@pytest.mark.parametrize("text", ["%22%7D%0A%7B%22", "%5C", "%E2%82%AC", "%27%3B--", "%2525", "%7Blevel%7D"])
def test_a_filter_is_text_and_nothing_else(logs, text):
    assert isinstance(logs(f"?filter={text}").json(), list)


#
# The level
#


def test_the_level_changes_at_once_in_all_processes(stack, http):
    def is_logged(pool):
        """Whether the pool's workers log a request now. nginx's probe names the pool."""
        ident = name()
        probe = Api("127.0.0.1", stack.probe_port, set())
        probe.raw(f"GET /{pool}/health HTTP/1.1\r\nHost: a\r\nX-Request-Id: {ident}\r\nConnection: close\r\n\r\n".encode())
        time.sleep(0.3)  # a line may wait for 0.1 s
        return ident in stack.log(pool)

    pools = ("api-a", "api-b", "redirect-a", "redirect-b")
    assert terse(stack, "log-level").stdout == "info (TERSE_LOG_LEVEL)\n"
    assert all(map(is_logged, pools))
    assert terse(stack, "log-level", "error").stdout == "error\n"
    assert not any(map(is_logged, pools))
    assert terse(stack, "log-level").stdout == "error\n"
    stack.kill("api-a", "terse-worker")
    stack.wait_ready()
    assert not is_logged("api-a")
    assert terse(stack, "log-level", "debug").stdout == "debug\n"
    assert all(map(is_logged, pools))
    assert terse(stack, "log-level", "loud").returncode == 2
    assert terse(stack, "log-level", "default").stdout == "info (TERSE_LOG_LEVEL)\n"
    assert is_logged("api-a")
    http.get("/health")


def test_terse_logs_takes_the_same_filters(stack, http):
    ident = name()
    http.get("/users/1", [("X-Request-Id", ident)])
    wait_line(stack, API, request_id=ident)
    for options in (["--request-id", ident], ["--text", ident, "--since", "1h"], ["--text", ident, "--level", "info"]):
        found = terse(stack, "logs", *options)
        assert [json.loads(line)["request_id"] for line in found.stdout.splitlines()] == [ident], options
    assert len(terse(stack, "logs", "-n", "7").stdout.splitlines()) == 7
    assert terse(stack, "logs", "--route", "nothing").stdout == ""
    for wrong in (["-n", "0"], ["-n", "1001"], ["--level", "x"], ["--since", "x"], ["x"], ["-z"]):
        assert terse(stack, "logs", *wrong).returncode == 2, wrong


#
# What is not to be lost
#


@pytest.fixture
def folder():
    """Of a service `it`. Paths of sockets, which are short, would be in it."""
    with tempfile.TemporaryDirectory(prefix="terse-", dir="/tmp") as name:
        folder = pathlib.Path(name)
        (folder / "log/it").mkdir(parents=True)
        (folder / "run").mkdir()
        yield folder


def settings_in(folder, **settings):
    return {**os.environ, "TERSE_STATE_DIR": str(folder), "TERSE_RUN_DIR": str(folder / "run"), **settings}


def test_a_log_process_that_is_killed_costs_no_line(folder):
    lines, kills = 100_000, 40
    environment = settings_in(folder, TERSE_LOG_MAX_BYTES="1000000", TERSE_LOG_KEEP="100")
    with subprocess.Popen(["seq", "1", str(lines)], stdout=subprocess.PIPE) as writer:
        for i in range(kills):
            with subprocess.Popen([TERSE, "log", "it"], stdin=writer.stdout, env=environment) as process:
                time.sleep(0.005 + 0.0005 * i)  # at another moment each time
                process.kill()
        subprocess.run([TERSE, "log", "it"], stdin=writer.stdout, env=environment, check=True)
    found, torn = [], 0
    for line in "".join(file.read_text() for file in folder.glob("log/it/*")).splitlines():
        try:
            found.append(json.loads(line)["diag"])
        except ValueError:
            torn += 1
    assert set(found) == {str(i) for i in range(1, lines + 1)}
    assert torn <= kills
    print(f"{len(found) - lines} of {lines} lines are there twice, {torn} are torn")


def test_a_log_process_ends_when_nobody_can_write_any_more(folder):
    with subprocess.Popen([TERSE, "log", "it"], stdin=subprocess.PIPE, env=settings_in(folder)) as process:
        process.stdin.write(b"before\n")
        process.stdin.flush()
        wait_for((folder / "log/it/terse.log").exists)
        process.send_signal(signal.SIGTERM)
        process.stdin.write(b"after")
        process.stdin.close()
        assert process.wait(10) == 0
    text = (folder / "log/it/terse.log").read_text()
    assert [json.loads(line)["diag"] for line in text.splitlines()] == ["before", "after"]


def test_who_follows_the_log_misses_nothing_when_it_is_rotated(folder):
    lines = 20_000
    environment = settings_in(folder, TERSE_LOG_MAX_BYTES="200000", TERSE_LOG_KEEP="100")
    with contextlib.ExitStack() as stack:
        process = stack.enter_context(subprocess.Popen([TERSE, "log", "it"], env=environment, stdin=subprocess.PIPE))
        process.stdin.write(b"line -1\n")
        process.stdin.flush()
        wait_for(lambda: (folder / "log/it/terse.log").exists() and (folder / "log/it/terse.log").stat().st_size)
        tail = stack.enter_context(subprocess.Popen([TERSE, "logs", "-f"], env=environment, stdout=subprocess.PIPE))
        stack.callback(tail.kill)
        seen = [json.loads(tail.stdout.readline())["diag"]]
        for i in range(lines):
            process.stdin.write(f"line {i}\n".encode())
            if i % 500 == 0:
                process.stdin.flush()
                time.sleep(0.005)
        process.stdin.close()
        while seen[-1] != f"line {lines - 1}":
            seen.append(json.loads(tail.stdout.readline())["diag"])
    assert len(list(folder.glob("log/it/*"))) > 5
    assert seen == [f"line {i}" for i in range(-1, lines)]


def test_a_log_process_that_has_no_input_says_so(folder):
    done = subprocess.run(["sh", "-c", f"exec {TERSE} log it <&-"], env=settings_in(folder), capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, "terse log: Bad file descriptor\n")


def test_a_full_disk_stops_nobody(folder):
    (folder / "log/it/terse.log").symlink_to("/dev/full")
    text = "".join(f"{i}\n" for i in range(50_000))
    done = subprocess.run([TERSE, "log", "it"], env=settings_in(folder), input=text, capture_output=True, text=True,
                          check=True)
    assert done.stderr.count("lines find no room") == 1


def test_nor_does_a_full_disk_of_which_nobody_hears(folder):
    (folder / "log/it/terse.log").symlink_to("/dev/full")
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run([TERSE, "log", "it"], env=settings_in(folder), input=b"a\n", stderr=writer, check=False)
    os.close(writer)
    assert done.returncode == 0


def test_who_follows_the_log_sees_no_line_that_is_torn(folder):
    whole = '{"ts":"2026-01-31T12:00:00Z","level":"info","msg":"x","n":%d}\n'
    file = folder / "log/it/terse.log"
    file.write_text(whole % 1)
    with subprocess.Popen([TERSE, "logs", "-f"], env=settings_in(folder), stdout=subprocess.PIPE) as tail:
        seen = [tail.stdout.readline()]
        with file.open("ab") as log:
            log.write((whole % 2)[:40].encode() + (whole % 3).encode() + b"\x1b[2J\0\xff\n" + 100_000 * b"y" + b"\n")
            log.write((whole % 4).encode())
        seen.append(tail.stdout.readline())
        tail.kill()
    assert [json.loads(line)["n"] for line in seen] == [1, 4]


def test_terse_logs_says_when_it_can_not_write(folder):
    (folder / "log/it/terse.log").write_text('{"ts":"2026-01-31T12:00:00Z","level":"info","msg":"x"}\n')
    for options in ([], ["-f"]):
        with open("/dev/full", "wb") as full:
            done = subprocess.run([TERSE, "logs", *options], env=settings_in(folder), stdout=full, stderr=subprocess.PIPE,
                                  text=True, check=False, timeout=10)
        assert (done.returncode, done.stderr) == (1, "terse logs: not all could be written\n")


def test_how_much_of_an_address_is_kept_is_a_setting(stack, http):
    def address(**setting):
        assert stack.control("start", **setting).returncode == 0
        ident = name()

        def refused():
            reply = http.get("/users", [("X-Forwarded-For", "198.51.100.9"), ("X-Request-Id", ident)])
            return reply.status == 429

        wait_for(refused)
        return wait_line(stack, ["nginx"], request_id=ident)["client_ip"]

    assert address(TERSE_LOG_CLIENT_IP="full") == "198.51.100.9"
    assert address(TERSE_LOG_CLIENT_IP="none") == ""
