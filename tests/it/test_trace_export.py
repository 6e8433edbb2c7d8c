"""Traces of real requests through the real OpenTelemetry Collector into a real Jaeger, read back from there."""

import json
import secrets
import urllib.error
import urllib.request

import pytest

from stack import Stack, wait_for

pytestmark = pytest.mark.full


class Trace:
    """What Jaeger knows of a trace, as a tree. client: the span that our traceparent named."""

    def __init__(self, answer, client):
        found = answer["data"][0]
        self.services = {key: one["serviceName"] for key, one in found["processes"].items()}
        self.spans, self.client = {span["spanID"]: span for span in found["spans"]}, client

    @staticmethod
    def tag(span, key):
        return next((tag["value"] for tag in span["tags"] if tag["key"] == key), None)

    def parent(self, span):
        return next((one["spanID"] for one in span["references"] if one["refType"] == "CHILD_OF"), None)

    def service(self, span):
        return self.services[span["processID"]]

    def named(self, start):
        return [span for span in self.spans.values() if span["operationName"].startswith(start)]

    def root(self):
        """The request's span: the client's own one is not ours to report."""
        roots = [span for span in self.spans.values() if self.parent(span) not in self.spans]
        assert [self.parent(span) for span in roots] == [self.client]
        return roots[0]

    def children(self, span):
        return [one for one in self.spans.values() if self.parent(one) == span["spanID"]]


@pytest.fixture(scope="module")
def stack():
    with Stack(TERSE_MONITORING="full", TERSE_TRACE_SAMPLE_PPM=0) as started:
        yield started


class NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


def traced(stack, method, path, body=None):
    """A request of a new trace: (its id, the client's span, status, answer)."""
    trace, client = secrets.token_hex(16), secrets.token_hex(8)
    request = urllib.request.Request(stack.url + path, method=method, data=body and json.dumps(body).encode(), headers={
        "traceparent": f"00-{trace}-{client}-01", "Content-Type": "application/json"})
    try:
        with urllib.request.build_opener(NoRedirect).open(request, timeout=10) as reply:
            return trace, client, reply.status, reply.read()
    except urllib.error.HTTPError as error:
        return trace, client, error.code, error.read()


def jaeger(stack, path):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{stack.full_port + 8}/api/{path}", timeout=10) as reply:
            return json.load(reply)
    except (urllib.error.HTTPError, urllib.error.URLError):
        return None


def read_back(stack, trace, client, *names):
    """The trace, once it has spans whose names begin with all these."""
    def found():
        answer = jaeger(stack, f"traces/{trace}")
        whole = answer and answer["data"] and Trace(answer, client)
        return whole and all(whole.named(name) for name in names) and whole
    return wait_for(found, 30, 0.2)


def test_a_new_url_is_a_tree_of_request_and_statements(stack):
    trace, client, status, _ = traced(stack, "POST", "/urls", {"original_url": "https://example.org/traced"})
    assert status == 201
    tree = read_back(stack, trace, client, "url_create", "url_")
    root = tree.root()
    assert root["operationName"] == "url_create"
    assert tree.service(root) == "terse-worker"
    assert tree.tag(root, "span.kind") == "server"
    assert tree.tag(root, "http.response.status_code") == 201
    assert tree.tag(root, "http.request.method") == "POST"
    statements = [span for span in tree.spans.values() if tree.tag(span, "db.system") == "postgresql"]
    assert statements
    assert {tree.parent(span) for span in statements} == {root["spanID"]}
    for span in statements:
        assert root["startTime"] <= span["startTime"] + 1000
        assert span["startTime"] + span["duration"] <= root["startTime"] + root["duration"] + 1000


def test_a_cold_redirect_is_a_tree_from_the_cache_to_the_ingest(stack):
    _, _, _, answer = traced(stack, "POST", "/urls", {"original_url": "https://example.org/cold"})
    code = json.loads(answer)["short_code"]
    stack.sv("restart", "redis")
    for pool in ("redirect-a", "redirect-b"):
        stack.sv("restart", pool)
    stack.wait_ready()
    trace, client, status, _ = traced(stack, "GET", f"/{code}")
    assert status == 302
    tree = read_back(stack, trace, client, "url_follow", "redis", "journal")
    root = tree.root()
    assert root["operationName"] == "url_follow"
    assert tree.tag(root, "http.response.status_code") == 302
    assert {tree.service(span) for span in tree.children(root)} >= {"terse-worker"}
    assert all(tree.parent(span) in tree.spans for span in tree.named("redis") + tree.named("journal"))

    def is_ingested():
        now = read_back(stack, trace, client, "url_follow")
        return any(now.service(span) == "terse-ingest" and now.parent(span) in now.spans
                   for span in now.spans.values())
    wait_for(is_ingested, 20)


def test_jaeger_knows_the_services(stack):
    def known():
        answer = jaeger(stack, "services")
        return set(answer["data"] or []) if answer else set()
    wait_for(lambda: {"terse-worker", "terse-ingest"} <= known(), 20)


def test_a_collector_that_was_killed_costs_nothing(stack):
    stack.sv("down", "otelcol")
    trace, client, _, _ = traced(stack, "GET", "/urls?per_page=1")
    stack.sv("up", "otelcol")
    assert read_back(stack, trace, client, "url_list").root()
