"""What nginx lets through to the page /ops, and to whom."""

import json
import re
import urllib.parse

import pytest

from stack import TOP, Stack, wait_for
from wire import Api, check_problem

pytestmark = pytest.mark.once
QUERY = "/ops/api/prometheus/api/v1/query?query=up"
POLICY = {"default-src 'none'", "script-src 'self'", "style-src 'self'", "connect-src 'self'", "img-src 'self' data:",
          "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"}
FILES = {"/ops/": "text/html; charset=utf-8", "/ops": "text/html; charset=utf-8", "/ops/graph?g0.expr=up": "text/html; charset=utf-8",
         "/ops/ops.css": "text/css; charset=utf-8", "/ops/js/main.js": "application/javascript; charset=utf-8",
         "/ops/runbook.md": "text/markdown; charset=utf-8", "/ops/dashboards/": "application/json",
         "/ops/dashboards/golden-signals.json": "application/json"}
READ = ["prometheus/api/v1/query?query=up", "prometheus/api/v1/query_range?query=up&start=1&end=2&step=1", "prometheus/api/v1/labels",
        "prometheus/api/v1/label/job/values", "prometheus/api/v1/series?match[]=up", "prometheus/api/v1/alerts",
        "prometheus/api/v1/rules", "prometheus/api/v1/targets", "alertmanager/api/v2/alerts", "alertmanager/api/v2/silences"]
ABSENT = ["prometheus/api/v1/admin/tsdb/delete_series", "prometheus/api/v1/status/config", "prometheus/-/reload", "prometheus/",
          "prometheus/api/v1/query/", "prometheus/api/v1//query", "prometheus//api/v1/query", "prometheus/api/v1/label/a%2Fb/values",
          "prometheus/api/v1/../../-/quit", "prometheus/api/v1/%2e%2e/%2e%2e/-/quit", "prometheus/api/v1/query%0d%0aX:1",
          "prometheus/api/v1/query%2F..%2F..%2Fadmin", "prometheus/api/v1/QUERY", "alertmanager/api/v2/silence/1", "alertmanager/api/v2/status",
          "loki/loki/api/v1/push", "loki/loki/api/v1/delete", "jaeger/api/traces/../../x", "jaeger/api/traces/xyz", "", "other/"]
CLIMBS = ["/ops/../etc/nginx/ops_maps.conf", "/ops/%2e%2e/%2e%2e/secrets/admin_key", "/ops/..%2f..%2fsecrets/admin_key",
          "/ops//../secrets/admin_key", "/ops/js/..%5c..%5csecrets", "/ops/.%2e/secrets/admin_key", "/ops/dashboards/../../../secrets/admin_key"]


@pytest.fixture(scope="module")
def watched():
    with Stack(TERSE_MONITORING="core", TERSE_RATE_API=5) as stack:
        wait_for(lambda: stack.prometheus("up"), 20)
        yield stack


@pytest.fixture(scope="module")
def ops(watched):
    return Api("127.0.0.1", watched.port, set())


def ask(ops, target, headers=(), method="GET", body=""):
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers)
    return ops.raw(f"{method} {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{lines}\r\n{body}".encode("latin-1"), method, target)


def bearer(stack):
    return [("Authorization", f"Bearer {stack.secret('admin_key')}")]


@pytest.mark.parametrize("target", FILES)
def test_files_have_their_type_and_the_policy(ops, target):
    reply = ask(ops, target)
    assert reply.status == 200
    assert reply.headers["Content-Type"] == FILES[target]
    assert set(reply.headers["Content-Security-Policy"].split("; ")) == POLICY
    assert reply.headers["Cache-Control"] == "no-cache"
    for name, value in {"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "no-referrer"}.items():
        assert reply.headers.get_all(name) == [value]
    assert len(reply.headers.get_all("X-Request-Id")) == 1


def test_an_unchanged_file_is_not_sent_again(ops):
    tag = ask(ops, "/ops/ops.css").headers["ETag"]
    assert ask(ops, "/ops/ops.css", [("If-None-Match", tag)]).status == 304


def test_others_files_carry_a_version_and_are_kept_for_ever(ops):
    page = ask(ops, "/ops/").body.decode()
    names = re.findall(r'"(/ops/vendor/[^"]+)"', page)
    assert names
    for name in names:
        assert "immutable" in ask(ops, name).headers["Cache-Control"]


def test_the_page_has_no_script_or_style_of_its_own(ops):
    page = ask(ops, "/ops/").body.decode()
    assert not re.search(r"<script(?![^>]* src=)|<style|\son\w+=|\sstyle=", page)


def test_dashboards_and_the_runbook_are_those_of_the_repository(ops):
    names = {one["name"] for one in ask(ops, "/ops/dashboards/").json()}
    files = {path.name: path for path in (TOP / "monitoring/grafana/dashboards").glob("*.json")}
    assert names == set(files)
    for name, path in files.items():
        assert ask(ops, f"/ops/dashboards/{name}").json() == json.loads(path.read_text())
    assert ask(ops, "/ops/runbook.md").body == (TOP / "RUNBOOK.md").read_bytes()


@pytest.mark.parametrize("target", ["/ops/js", "/ops/js/", "/ops/vendor", "/ops/%6as", "/ops/dashboards", "/ops/ops.css/"])
def test_a_folder_is_nothing_to_see(ops, target):
    reply = ask(ops, target)
    assert reply.status == 404
    check_problem(reply)


@pytest.mark.parametrize("call", READ)
def test_who_has_the_key_may_read(watched, ops, call):
    reply = ask(ops, f"/ops/api/{call}", bearer(watched))
    assert reply.status == 200
    assert reply.headers["Content-Type"].startswith("application/json")
    assert reply.headers["Cache-Control"] == "no-store"
    found = reply.json()
    assert isinstance(found, list) or found["status"] == "success"


def test_the_key_may_come_in_either_header(watched, ops):
    key = watched.secret("admin_key")
    for headers in ([("Authorization", f"Bearer {key}")], [("Authorization", f"bearer {key}")], [("X-Api-Key", key)]):
        assert ask(ops, QUERY, headers).status == 200


@pytest.mark.parametrize("change", [lambda key: "", lambda key: key[:-1], lambda key: key + "0", lambda key: key.upper(),
                                    lambda key: "." * len(key), lambda key: f"x{key}", lambda key: f"{key} {key}"])
def test_any_other_key_is_refused(watched, ops, change):
    key = change(watched.secret("admin_key"))
    for headers in ([("Authorization", f"Bearer {key}")], [("X-Api-Key", key)], [("Authorization", f"Basic {key}")], []):
        reply = ask(ops, QUERY, headers)
        assert reply.status == 401
        assert reply.headers["WWW-Authenticate"] == 'Bearer realm="terse"'
        check_problem(reply)


def test_keys_are_not_tried_for_long(ops):
    guess = [("X-Forwarded-For", "203.0.113.9"), ("X-Api-Key", "guess")]
    wait_for(lambda: ask(ops, QUERY, guess).status == 429)


@pytest.mark.parametrize("call", ABSENT)
def test_nothing_else_may_be_asked(watched, ops, call):
    reply = ask(ops, f"/ops/api/{call}", bearer(watched))
    assert reply.status in (400, 404)
    check_problem(reply)


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
@pytest.mark.parametrize("target", [QUERY, "/ops", "/ops?x", "/ops/", "/ops/api/alertmanager/api/v2/silences"])
def test_nothing_may_be_written(watched, ops, method, target):
    reply = ask(ops, target, [*bearer(watched), ("Content-Length", "2")], method, "{}")
    assert reply.status == 405
    assert reply.headers["Allow"] == "GET, HEAD"
    check_problem(reply)


@pytest.mark.parametrize("target", CLIMBS)
def test_no_path_leads_out_of_the_folder(ops, target):
    reply = ask(ops, target)
    assert reply.status in (400, 404)
    check_problem(reply)


def test_no_path_forges_a_line_of_the_log(watched, ops):
    forged = urllib.parse.quote('\n{"ts":"2026-01-31T12:00:00Z","level":"error","msg":"forged"}\n', safe="")
    for target in (f"/ops/{forged}", f"/ops/{forged}{'x' * 300}", f"/ops/js/{forged}/", f"/ops/dashboards/{forged}", f"/ops/api/{forged}"):
        reply = ask(ops, target)
        assert reply.status == 404
        check_problem(reply)
    ask(ops, "/ops/api/last")
    wait_for(lambda: "/ops/api/last" in watched.log("nginx"))
    assert '"msg":"forged"' not in watched.log("nginx")


def test_head_is_answered_without_a_body(watched, ops):
    for target in (QUERY, "/ops/"):
        reply = ask(ops, target, bearer(watched), "HEAD")
        assert (reply.status, reply.body) == (200, b"")


def test_what_is_not_there_is_503(watched, ops):
    for call in ("loki/loki/api/v1/labels", "jaeger/api/services"):
        reply = ask(ops, f"/ops/api/{call}", bearer(watched))
        assert reply.status == 503
        check_problem(reply)


def test_the_key_is_in_no_file_that_others_may_read(watched):
    path = watched.state / "etc/nginx/ops_maps.conf"
    assert path.stat().st_mode & 0o777 == 0o600


def test_without_monitoring_nothing_is_asked(terse):
    reply = ask(Api("127.0.0.1", terse.port, set()), QUERY, bearer(terse))
    assert reply.status == 503
    check_problem(reply)


def test_ops_is_no_short_code(terse, client):
    reply = client.post("/urls", {"original_url": "https://example.org/", "short_code": "ops"})
    assert reply.status == 422
