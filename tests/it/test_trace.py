"""Traces: what a request did, read back from the host's memory by `terse trace`."""

import contextlib
import json
import os
import pathlib
import re
import secrets
import signal
import subprocess
import urllib.error
import urllib.request

import pytest

from pools import total
from stack import Stack, wait_for

PARENT = "00f067aa0ba902b7"


class NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):  # pylint: disable=arguments-differ
        return None


def new_id():
    return secrets.token_hex(16)


def traceparent(trace_id, flags="01"):
    return f"00-{trace_id}-{PARENT}-{flags}"


def call(stack, path, body=None, **headers):
    """(status, headers) of one request."""
    request = urllib.request.Request(stack.url + path, headers={k.replace("_", "-"): v for k, v in headers.items()})
    if body is not None:
        request.data = json.dumps(body).encode()
        request.add_header("Content-Type", "application/json")
    try:
        with urllib.request.build_opener(NoRedirect).open(request, timeout=20) as reply:
            return reply.status, reply.headers
    except urllib.error.HTTPError as error:
        return error.code, error.headers


def spans(stack, trace_id=None):
    program = pathlib.Path(os.environ["TERSE_BUILD"], "terse")
    words = [program, "trace", *([trace_id] if trace_id else [])]
    done = subprocess.run(words, env={**os.environ, "TERSE_RUN_DIR": str(stack.run)}, capture_output=True, text=True,
                          check=False)
    return [json.loads(line) for line in done.stdout.splitlines()]


def tree(found):
    """{name of a span: its parent's name, or id}."""
    names = {span["span_id"]: span["name"] for span in found}
    return {span["name"]: names.get(span["parent_id"], span["parent_id"]) for span in found}


def names(found):
    return [span["name"] for span in found]


def wait_for_spans(stack, trace_id, *wanted):
    return wait_for(lambda: (found := spans(stack, trace_id)) and set(wanted) <= set(names(found)) and found)


@pytest.fixture(name="stack", scope="module")
def of_stack():
    with Stack(TERSE_TRACE_SAMPLE_PPM=0, TERSE_TRACE_SLOW_MS=1000) as stack:
        yield stack


def redis(stack, *words):
    return subprocess.run(["redis-cli", "-s", stack.run / "redis.sock", *words], check=True, capture_output=True,
                          text=True).stdout.strip()


def new_code(stack):
    """A link that no cache knows."""
    code, applied = "t" + secrets.token_hex(4), total(stack, "terse_outbox_applied_total")
    assert call(stack, "/urls", {"original_url": "https://example.com/", "short_code": code})[0] == 201
    # A change comes to the cache twice: with its request, and when its row of the outbox is applied.
    wait_for(lambda: total(stack, "terse_outbox_applied_total") > applied)
    assert redis(stack, "del", f"u:{code}") == "1"
    return code


def test_a_post_is_a_tree_of_its_statements(stack):
    trace_id = new_id()
    status, _ = call(stack, "/urls", {"original_url": "https://example.com/"}, traceparent=traceparent(trace_id))
    assert status == 201
    found = wait_for_spans(stack, trace_id, "url_create")
    assert tree(found)["url_create"] == PARENT
    sql = [span for span in found if "url" in span["name"] and span["kind"] == "client"]
    assert sql and {tree(found)[span["name"]] for span in found if span["name"] != "url_create"} == {"url_create"}
    server = found[-1]
    assert (server["kind"], server["status"], server["detail"], server["failed"]) == ("server", 201, "POST /urls", False)
    assert server["duration_us"] >= max(span["duration_us"] for span in sql)


def test_a_cold_redirect_is_traced_into_the_database(stack):
    code, trace_id = new_code(stack), new_id()
    assert call(stack, f"/{code}", traceparent=traceparent(trace_id))[0] == 302
    found = wait_for_spans(stack, trace_id, "url_follow", "click ingest", "click_copy")
    of = tree(found)
    assert of["url_follow"] == PARENT
    assert {of[name] for name in ("l1", "redis GET", "url_look_up", "journal append")} == {"url_follow"}
    assert (of["click ingest"], of["click_copy"]) == ("journal append", "click ingest")
    kinds = {span["name"]: span["kind"] for span in found}
    assert (kinds["journal append"], kinds["click ingest"], kinds["click_copy"]) == ("producer", "consumer", "client")
    wait_for_spans(stack, trace_id, "redis SET")


def test_a_requests_line_in_the_log_names_its_trace(stack):
    trace_id = new_id()
    _, headers = call(stack, "/urls?limit=1", traceparent=traceparent(trace_id))
    given = headers["X-Request-Id"]
    line = wait_for(lambda: next((line for service in os.listdir(stack.state / "log")
                                  for line in stack.log(service).splitlines() if given in line), None))
    members = list(json.loads(line))
    assert json.loads(line)["trace_id"] == trace_id
    assert members.index("trace_id") == members.index("request_id") + 1


def test_without_a_client_the_trace_has_the_id_of_the_request(stack):
    _, headers = call(stack, "/urls?limit=1")
    given = headers["X-Request-Id"]
    line = wait_for(lambda: next((line for service in os.listdir(stack.state / "log")
                                  for line in stack.log(service).splitlines() if given in line), None))
    assert json.loads(line)["trace_id"] == given
    assert not spans(stack, given), "nobody asked for it"


@pytest.mark.parametrize("header", ["00-abc", traceparent("0" * 32), "ff" + traceparent("1" * 32)[2:]])
def test_a_bad_traceparent_is_as_none(stack, header):
    status, headers = call(stack, "/urls?limit=1", traceparent=header)
    assert status == 200
    assert not spans(stack, headers["X-Request-Id"])


def test_a_client_may_say_that_its_trace_is_not_sampled(stack):
    trace_id = new_id()
    assert call(stack, "/urls?limit=1", traceparent=traceparent(trace_id, "00"))[0] == 200
    assert not spans(stack, trace_id)


def test_two_tries_of_one_request_are_two_spans_of_one_trace(stack):
    trace_id = new_id()
    for _ in range(2):
        call(stack, "/urls?limit=1", traceparent=traceparent(trace_id))
    found = wait_for(lambda: len(got := [s for s in spans(stack, trace_id) if s["kind"] == "server"]) == 2 and got)
    assert found[0]["span_id"] != found[1]["span_id"]


def log_statements(stack, how):
    with contextlib.closing(stack.connect()) as session:
        session.autocommit = True
        session.cursor().execute("ALTER SYSTEM " + how)
    stack.sql("SELECT pg_reload_conf()")


def test_statements_say_which_span_they_are(stack):
    trace_id = new_id()
    comment = re.compile(rf"/\*traceparent='00-{trace_id}-([0-9a-f]{{16}})-01'\*/ SELECT u.id")

    def logged():
        """Asks again, too: a server process may not have read its new setting yet."""
        call(stack, f"/{new_code(stack)}", traceparent=traceparent(trace_id))
        return comment.search(stack.log("postgres"))

    log_statements(stack, "SET log_statement = 'all'")
    try:
        found = wait_for(logged)
    finally:
        log_statements(stack, "RESET log_statement")
    look_up = [span for span in wait_for_spans(stack, trace_id, "url_look_up") if span["name"] == "url_look_up"]
    assert found.group(1) in {span["span_id"] for span in look_up}


def test_statements_are_grouped_whatever_they_say_of_themselves(stack):
    count = """SELECT count(*), sum(calls) FROM pg_stat_statements AS s JOIN pg_roles AS r ON r.oid = s.userid
               WHERE query LIKE '%%FROM urls AS u WHERE u.id%%' AND rolname = 'terse_app'"""
    call(stack, "/urls/1")
    groups, calls = stack.sql(count.replace("%%", "%"))[0]
    for _ in range(3):
        call(stack, "/urls/1", traceparent=traceparent(new_id()))
    again, more = stack.sql(count.replace("%%", "%"))[0]
    assert (again, more) == (groups, calls + 3) and groups > 0


def test_slow_ones_are_kept_though_nobody_asked(stack):
    with contextlib.closing(stack.connect()) as session:
        session.cursor().execute("LOCK TABLE urls IN ACCESS EXCLUSIVE MODE")
        with subprocess.Popen(["curl", "-s", "-D-", "-o", os.devnull, stack.url + "/urls/1"], stdout=subprocess.PIPE,
                              text=True) as waiting:
            wait_for(lambda: stack.sql("SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND "
                                       "clock_timestamp() - query_start > interval '1.1 s'"))
            session.rollback()
            text = waiting.stdout.read()
    found = wait_for_spans(stack, re.search(r"(?i)x-request-id: (\S+)", text).group(1), "url_show")
    assert found[-1]["duration_us"] >= 1_000_000 and not found[-1]["failed"]


def test_a_ring_that_overflows_harms_nobody(stack):
    before, requests = stack.sql("SELECT count(*) FROM clicks")[0][0], 0
    words = ["wrk", "-t1", "-c16", "-d2s", "-H", "traceparent: " + traceparent(new_id()),
             f"{stack.url}/{new_code(stack)}"]
    while requests * 3 <= 16384:  # request, l1, journal
        done = subprocess.run(words, capture_output=True, text=True, check=True)
        assert "Non-2xx" not in done.stdout and "Socket errors" not in done.stdout
        requests += int(re.search(r"(\d+) requests in", done.stdout).group(1))
    assert spans(stack)
    wait_for(lambda: stack.sql("SELECT count(*) FROM clicks")[0][0] >= before + requests)


def test_failures_are_kept_though_nobody_asked(stack):
    stopped = stack.kill("postgres", sig=signal.SIGSTOP)
    try:
        status, headers = call(stack, "/urls/1")
    finally:
        for pid in stopped:
            with contextlib.suppress(ProcessLookupError):  # it was about to end
                os.kill(pid, signal.SIGCONT)
    assert status == 503
    found = wait_for_spans(stack, headers["X-Request-Id"], "url_show")
    assert found[-1]["failed"] and found[-1]["detail"].startswith("GET /urls/:id ")
    assert any(span["failed"] and span["kind"] == "client" for span in found)
