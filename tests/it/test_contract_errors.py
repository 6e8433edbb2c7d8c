"""What holds for every route: unknown paths, methods, HEAD, OPTIONS, request ids, instance, CORS."""

import re

import pytest

from records import new_url, new_user
from wire import DESCRIPTION, METHODS, request_bytes

UNKNOWN = [
    "/", "/a/b", "/urls/1/2", "/users/1/urls", "/urls//", "/users/", "/health/", "/health/ready/", "/stats",
    "/stats/", "/urls/abc/redirect/x", "/urls/abc/qr.svg", "/.env", "/.git/config",
    "/.well-known/security.txt", "/index.html", "/favicon.ico", "/robots.txt", "/api", "/api/", "/api/v1",
    "/api/v1/", "/api/v1/abc", "/api/v1/api/v1/health", "/api/v2/health", "/api/v1x/health", "/users/1.json",
    "/logs/", "/chaos", "/alerts/1/notes", "/alerts/", "/nginx.conf", "/www/", "/errors/404.json",
    "/_errors/404", "/50x.html", "/fastcgi", "/;/", "/<script>", "/'\"",
]  # fmt: skip


@pytest.fixture(scope="module")
def examples(api):
    """A target that answers GET with less than 400, or the path itself, for each path template."""
    url, user = new_url(api, user_id=new_user(api)["id"]), new_user(api)
    event = api.get(f"/events?url_id={url['id']}").json()[0]
    alert = api.post("/alerts", {"name": "example"}).json()
    ids = {"/users/{id}": user["id"], "/urls/{id}": url["id"], "/events/{id}": event["id"], "/alerts/{id}": alert["id"]}
    return {t: t.format(id=ids.get(t), short_code=url["short_code"]) for t in DESCRIPTION.doc["paths"]}


@pytest.mark.parametrize("target", UNKNOWN)
def test_unknown_paths_are_404(api, target):
    assert api.get(target).status == 404
    assert api.send("HEAD", target).status == 404


def test_methods_that_a_path_lacks_are_405_with_allow(api, examples):
    for template, target in examples.items():
        allowed = DESCRIPTION.allow_of(template)
        for method in [*METHODS, "PROPFIND", "FOO"]:
            if method not in allowed:
                assert api.send(method, target).status == 405


def test_methods_that_hardly_are_any_are_refused(api):
    for method in ("TRACE", "get", "Get", "G", "M" * 200, "GET-", "G@T"):
        assert api.send(method, "/users", described=False).status in (400, 405)


def test_head_answers_wherever_get_does(api, examples):
    for target in list(examples.values()) + ["/users/0", "/urls/x", "/nope", "/users?page=x"]:
        got, head = api.get(target), api.send("HEAD", target)
        assert (head.status, head.body) == (got.status, b""), target
        assert head.headers.get("Content-Type") == got.headers.get("Content-Type"), target


def test_options_answers_everywhere(api, examples):
    for template, target in examples.items():
        for prefix in ("", "/api/v1") if template != "/{short_code}" else ("",):
            reply = api.send("OPTIONS", prefix + target)
            assert reply.status == 204
            assert set(re.split(", *", reply.headers["Allow"])) == DESCRIPTION.allow_of(template)


def test_the_same_routes_answer_under_the_prefix(api, examples):
    for template, target in examples.items():
        plain, prefixed = api.get(target), api.get("/api/v1" + target)
        assert prefixed.status == (404 if template == "/{short_code}" else plain.status), template


@pytest.mark.parametrize(
    "target",
    [
        "/nope%20x?a=%22&b=%3Cb%3E",
        "/api/v1/urls/x%2Fy",
        "/users/99999999999?x=1",
        "/urls?page=%22x%22",
        "/api/v1/urls?page=x&%00",
        "/%F0%9F%99%82",
    ],
)
def test_instance_is_the_target_as_sent(api, target):
    reply = api.get(target)
    assert reply.status in (404, 422) and reply.json()["instance"] == target


def test_what_a_target_should_have_encoded_is_encoded_in_instance(api):
    assert api.get('/<b>"\\é').json()["instance"] == "/%3Cb%3E%22%5C%C3%A9"


def test_input_is_not_echoed_in_other_members(api):
    for target in ("/zzmarkzz", "/users/zzmarkzz", "/stats/zzmarkzz", "/urls?user_id=zzmarkzz"):
        problem = api.get(target).json()
        del problem["instance"]
        assert "zzmarkzz" not in repr(problem)
    reply = api.post("/users", {"username": 5, "email": "zzmarkzz"})
    assert b"zzmarkzz" not in reply.body


@pytest.mark.parametrize("request_id", ["abc", "A.b_c:d-9", "x" * 128, "0"])
def test_a_good_request_id_is_kept(api, request_id):
    for target in ("/health", "/nope", "/users/0"):
        assert api.get(target, [("X-Request-Id", request_id)]).headers["X-Request-Id"] == request_id


@pytest.mark.parametrize(
    "request_id",
    ["", " ", "x" * 129, "a b", "a/b", "<script>", "a\tb", "é", '"', "a,b", "{}", "x" * 4000, "%00"],
)
def test_a_bad_request_id_is_replaced(api, request_id):
    for target in ("/health", "/nope"):
        reply = api.get(target, [("X-Request-Id", request_id)])
        assert reply.headers.get_all("X-Request-Id") != [request_id]
        assert len(reply.headers.get_all("X-Request-Id")) == 1


def test_new_request_ids_differ(api):
    assert len({api.get("/health").headers["X-Request-Id"] for _ in range(10)}) == 10


def test_cors_is_off(api):
    origin = [("Origin", "https://evil.example"), ("Access-Control-Request-Method", "POST")]
    for reply in (
        api.get("/users", origin),
        api.send("OPTIONS", "/users", None, origin),
        api.get("/nope", origin),
    ):
        assert not [name for name in reply.headers if name.lower().startswith("access-control-")]


def test_nothing_is_html_and_no_program_is_named(api):
    for target in ("/nope", "/users/x", "/" + "x" * 5000):
        reply = api.get(target, [("Accept", "text/html")])
        assert b"<" not in reply.body.replace(target.encode(), b"")
    assert not re.search(r"\d", api.get("/health").headers.get("Server", ""))


RAW = [
    b"GET\r\n\r\n",
    b"GET  /health HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /health HTTP/9.9\r\nHost: x\r\n\r\n",
    b"GET /%00 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    b"GET /%zz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    b"GET /..%2f..%2fetc/passwd HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    b"GET /../../etc/passwd HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    b"GET /health HTTP/1.1\r\nConnection: close\r\n\r\n",
    b"GET /health HTTP/1.1\r\nHost: a\r\nHost: b\r\nConnection: close\r\n\r\n",
    b"GET /a\x00b HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /\xff\xfe HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    b"CONNECT example.com:80 HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /users HTTP/1.1\r\nHost: x\r\nBad Header\r\nConnection: close\r\n\r\n",
    b"TRACE /users HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    b"POST /users HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
    b"POST /users HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n",
    b"POST /users HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    b"POST /users HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n",
    b"GET /health HTTP/1.1\r\nHost: x\r\nX: " + b"y" * 60000 + b"\r\nConnection: close\r\n\r\n",
    b"GET /" + b"y" * 60000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 40 + b"\r\n\r\n",
]


@pytest.mark.parametrize("request_", RAW, ids=range(len(RAW)))
def test_what_is_hardly_http_is_refused_as_a_problem(api, request_):
    reply = api.raw(request_)
    assert reply.status in (200, 400, 404, 405, 413, 414, 431) and reply.status < 500, reply
    if reply.status >= 400:
        problem = reply.json()
        assert reply.headers["Content-Type"].split(";")[0] == "application/problem+json"
        assert problem["status"] == reply.status and problem["request_id"] == reply.headers["X-Request-Id"]
        assert problem["error"] and problem["detail"] and "instance" in problem


def test_long_targets_are_414_and_long_headers_431_or_400(api):
    assert api.get("/" + "x" * 60000).status == 414
    assert api.get("/health", [("X-Long", "y" * 60000)]).status in (400, 431)
    assert api.get("/health", [(f"X-{i}", "y" * 900) for i in range(200)]).status in (400, 431)


def test_a_connection_serves_the_next_request_after_an_error(api):
    first = request_bytes(api.host, api.port, "POST", "/users", b"{", [("Content-Type", "application/json")])
    second = request_bytes(api.host, api.port, "GET", "/health", None, [])
    both = first.replace(b"Connection: close", b"Connection: keep-alive") + second
    assert api.raw(both).status == 400
