"""nginx's own behaviour: what never reaches a worker, and what it adds to what does."""

import re
import socket
import ssl
import subprocess

import pytest

from stack import TOP, Stack
from wire import Api, check_problem

LONG = b"a" * 9000
SEGMENTS = re.compile(r'"([a-z][a-z_.]*|\.well-known)"')

HOSTILE = {
    "a bad request line": b"NONSENSE\r\n\r\n",
    "no target": b"GET\r\n\r\n",
    "blanks in the target": b"GET /a b c HTTP/1.1\r\nHost: x\r\n\r\n",
    "a NUL in the path": b"GET /%00 HTTP/1.1\r\nHost: x\r\n\r\n",
    "a raw NUL": b"GET /a\0b HTTP/1.1\r\nHost: x\r\n\r\n",
    "a bad escape": b"GET /%zz HTTP/1.1\r\nHost: x\r\n\r\n",
    "a climb above the root": b"GET /../../etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n",
    "an encoded climb": b"GET /%2e%2e/%2e%2e/ HTTP/1.1\r\nHost: x\r\n\r\n",
    "a lower-case method": b"get / HTTP/1.1\r\nHost: x\r\n\r\n",
    "CONNECT": b"CONNECT example.org:443 HTTP/1.1\r\nHost: example.org:443\r\n\r\n",
    "TRACE": b"TRACE / HTTP/1.1\r\nHost: x\r\n\r\n",
    "no host": b"GET / HTTP/1.1\r\n\r\n",
    "two hosts": b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    "a bad host": b"GET / HTTP/1.1\r\nHost: a/../b\r\n\r\n",
    "an unknown version": b"GET / HTTP/9.9\r\nHost: x\r\n\r\n",
    "HTTP/2 without TLS": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "an asterisk": b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n",
    "an unknown transfer coding": b"POST /urls HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n",
    "a length that is no number": b"POST /urls HTTP/1.1\r\nHost: x\r\nContent-Length: 1x\r\n\r\n",
    "a length below zero": b"POST /urls HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
    "a length beyond 64 bits": b"POST /urls HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n",
    "a length and chunks": b"POST /urls HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
    "a bad chunk": b"POST /urls HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n\r\n",
    "a long target": b"GET /" + LONG + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    "a long header": b"GET / HTTP/1.1\r\nHost: x\r\nX-Long: " + LONG + b"\r\n\r\n",
    "40 KiB of headers": b"GET / HTTP/1.1\r\nHost: x\r\n" + b"\r\n".join([b"X-Some: " + b"b" * 4000] * 10)
    + b"\r\n\r\n",
    "markup in the target": b'GET /"<script>{}/\\ HTTP/1.1\r\nHost: x\r\n\r\n',
    "a slash too many": b"GET // HTTP/1.1\r\nHost: x\r\n\r\n",
    "a file that starts with a dot": b"GET /.git/config HTTP/1.1\r\nHost: x\r\n\r\n",
}
STATUSES = {"CONNECT": (400, 405), "TRACE": (405,), "a long target": (414,), "a long header": (431,),
            "40 KiB of headers": (431,), "a length beyond 64 bits": (400, 413)}


def closing(request):
    """The same request, after which the server hangs up."""
    return request.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n", 1) if b"HTTP/1.1\r\n" in request else request


@pytest.mark.parametrize("what", HOSTILE)
def test_hostile_requests_get_a_problem_document(client, what):
    reply = client.raw(closing(HOSTILE[what]))
    assert reply.status in STATUSES.get(what, (400, 404)), reply
    assert reply.headers["Content-Type"] == "application/problem+json"
    problem = reply.json()
    assert problem["status"] == reply.status
    assert problem["request_id"] == reply.headers["X-Request-Id"]
    assert "<" not in problem["instance"] and '"' not in problem["instance"]
    assert (reply.status == 405) == ("Allow" in reply.headers)


def test_http_0_9_never_gets_html(client):
    with socket.create_connection((client.host, client.port), 10) as sock:
        sock.sendall(b"GET /nothing\r\n")
        text = b"".join(iter(lambda: sock.recv(4096), b""))
    assert b"<html" not in text.lower()


@pytest.mark.parametrize("target, limit", [("/urls", 1048576), ("/users/bulk", 536870912)])
def test_a_body_beyond_the_limit_of_its_route_is_413_before_it_is_read(client, target, limit):
    head = f"POST {target} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {limit + 1}\r\n\r\n"
    reply = client.raw(head.encode(), "POST", target)
    assert reply.status == 413
    check_problem(reply)


def test_a_target_of_4_kib_passes(client):
    assert client.raw(closing(b"GET /urls?q=" + b"a" * 4096 + b" HTTP/1.1\r\nHost: x\r\n\r\n")).status < 414


def test_a_chunked_body_arrives_whole(client):
    body = b'{"original_url":"https://example.org/chunked"}'
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(body[i:i + 7]), body[i:i + 7]) for i in range(0, len(body), 7))
    head = b"POST /urls HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n"
    reply = client.raw(head + b"Connection: close\r\n\r\n" + chunks + b"0\r\n\r\n", "POST", "/urls")
    assert reply.status == 201
    assert reply.json()["original_url"] == "https://example.org/chunked"


@pytest.mark.parametrize("given", ["a", "A-b_c.d:9", "x" * 128])
def test_a_harmless_request_id_is_kept(client, given):
    assert client.get("/health", [("X-Request-Id", given)]).headers["X-Request-Id"] == given


@pytest.mark.parametrize("given", ["", "a b", 'a"b', "x" * 129, "ä", "a%0ab"])
def test_any_other_request_id_is_replaced(client, given):
    assert re.fullmatch(r"[0-9a-f]{32}", client.get("/health", [("X-Request-Id", given)]).headers["X-Request-Id"])


def test_every_answer_forbids_sniffing_and_hides_the_version(client):
    for target in ("/health", "/nothing-here", "/urls?page=x"):
        headers = client.get(target).headers
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Server"] == "nginx"
        assert len(headers.get_all("X-Request-Id")) == 1


def test_long_json_is_compressed_for_those_who_ask(client):
    for i in range(20):
        client.post("/urls", {"original_url": f"https://example.org/gzip/{i}", "title": "a" * 400})
    assert "Content-Encoding" not in client.get("/urls").headers
    run = subprocess.run(["curl", "-sD-", "-o/dev/null", "--compressed", f"http://{client.host}:{client.port}/urls"],
                         check=True, capture_output=True, text=True)
    assert "content-encoding: gzip" in run.stdout.lower()
    assert "vary: accept-encoding" in run.stdout.lower()


def test_no_short_code_is_routed_as_if_it_were_reserved_or_the_other_way_round():
    """nginx sends reserved first segments to the api pool; check.c refuses them as codes."""
    source = (TOP / "lib/http/check.c").read_text()
    body = source[source.index("check_is_reserved"):]
    reserved = set(SEGMENTS.findall(body[:body.index("};")]))
    script = (TOP / "ci/stack.sh").read_text()
    routed = "".join(re.findall(r"^RESERVED\+?='([^']*)'", script, re.MULTILINE)).replace("\\", "").split("|")
    assert reserved == set(routed)


def curl(*arguments):
    return subprocess.run(["curl", "-gsS", *arguments], check=True, capture_output=True, text=True).stdout


def test_https_speaks_http_2(terse):
    out = curl("-k", "--http2", "-o/dev/null", "-w", "%{http_version} %{http_code}", f"{terse.tls_url}/health")
    assert out == "2 200"


def test_https_speaks_http_1_1(terse):
    out = curl("-k", "--http1.1", "-o/dev/null", "-w", "%{http_version} %{http_code}", f"{terse.tls_url}/health")
    assert out == "1.1 200"


def test_the_certificate_is_good_for_this_machine(terse):
    """Verified, with itself as the authority: names, dates and use are right."""
    for host in ("localhost", "127.0.0.1"):
        url = f"https://{host}:{terse.tls_port}/health"
        assert curl("--cacert", str(terse.state / "tls/cert.pem"), url) == '{"status":"ok"}'


def test_old_versions_of_tls_are_refused(terse):
    run = subprocess.run(["curl", "-ksS", "--tls-max", "1.1", f"{terse.tls_url}/health"], capture_output=True, text=True,
                         check=False)
    assert run.returncode == 35, run.stderr


def test_a_tls_session_is_resumed(terse):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.maximum_version = ssl.TLSVersion.TLSv1_2

    def session(earlier):
        with context.wrap_socket(socket.create_connection(("127.0.0.1", terse.tls_port)), session=earlier) as sock:
            return sock.session, sock.session_reused

    first, _ = session(None)
    assert session(first)[1]


def test_http_on_the_port_of_https_is_400(terse):
    reply = Api("127.0.0.1", terse.tls_port, set()).raw(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    assert reply.status == 400
    assert reply.json()["type"] == "urn:terse:problem:malformed"


@pytest.mark.skipif(not socket.has_ipv6, reason="no IPv6 here")
def test_ipv6_is_served_where_there_is_any(terse):
    try:
        socket.create_connection(("::1", terse.port), 5).close()
    except OSError:
        pytest.skip("the loopback interface has no ::1")
    assert curl(f"http://[::1]:{terse.port}/health") == '{"status":"ok"}'


def seen_as_loopback(client, forwarded):
    """/metrics is for loopback clients alone, which tells who nginx thinks we are."""
    return client.send("GET", "/metrics", None, [("X-Forwarded-For", forwarded)], described=False).status == 200


@pytest.mark.parametrize("forwarded, is_loopback", [
    ("203.0.113.7", False), ("127.0.0.1, 203.0.113.7", False), ("203.0.113.7, 127.0.0.1", False),
    ("::1, 2001:db8::7", False), ("127.0.0.1", True), ("nonsense", True)])
def test_the_last_address_that_is_no_trusted_proxy_is_the_client(client, forwarded, is_loopback):
    assert seen_as_loopback(client, forwarded) == is_loopback


@pytest.fixture(scope="module")
def strict():
    """Low limits, and a small body."""
    with Stack(TERSE_RATE_API=5, TERSE_RATE_REDIRECT=5, TERSE_RATE_CONNECTIONS=3, TERSE_API_WORKERS=1,
               TERSE_REDIRECT_WORKERS=1) as stack:
        yield Api("127.0.0.1", stack.port, set())


def statuses(client, target, address, times=40):
    headers = [("X-Forwarded-For", address)] if address else []
    return [client.get(target, headers).status for _ in range(times)]


@pytest.mark.parametrize("target, address", [("/urls", "203.0.113.1"), ("/nocode1", "203.0.113.2"),
                                             ("/urls/nocode1/redirect", "203.0.113.3"),
                                             ("/api/v1/users", "203.0.113.4")])
def test_a_client_beyond_its_rate_gets_429_with_retry_after(strict, target, address):
    assert 429 in statuses(strict, target, address)
    assert 429 not in statuses(strict, target, "198.51.100." + address[-1], 5), "others are not limited"


def test_classes_of_routes_are_limited_apart(strict):
    assert 429 in statuses(strict, "/urls", "203.0.113.5")
    assert 429 not in statuses(strict, "/nocode1", "203.0.113.5", 3)


def test_addresses_of_one_ipv6_network_are_one_client(strict):
    for i in range(40):
        if strict.get("/urls", [("X-Forwarded-For", f"2001:db8:1:2:3:4:5:{i:x}")]).status == 429:
            break
    else:
        raise AssertionError("never limited")


@pytest.mark.parametrize("target, address", [("/health", "203.0.113.6"), ("/health/ready", "203.0.113.6"),
                                             ("/urls", None), ("/nocode1", None)])
def test_health_and_loopback_are_never_limited(strict, target, address):
    assert 429 not in statuses(strict, target, address)


def test_connections_of_one_client_are_limited(strict):
    head = (b"POST /urls HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 203.0.113.8\r\nContent-Type: application/json\r\n"
            b"Content-Length: 5\r\n\r\n")
    slow = [socket.create_connection((strict.host, strict.port)) for _ in range(3)]
    try:
        for sock in slow:
            sock.sendall(head)  # the body does not come
        assert 429 in statuses(strict, "/urls", "203.0.113.8", 5)
    finally:
        for sock in slow:
            sock.close()


def test_an_untrusted_proxy_is_the_client_whatever_it_says():
    with Stack(TERSE_TRUSTED_PROXIES="203.0.113.99", TERSE_RATE_API=5, TERSE_RATE_EXEMPT_LOOPBACK="off") as stack:
        client = Api("127.0.0.1", stack.port, set())
        assert seen_as_loopback(client, "203.0.113.7")
        assert 429 in [client.get("/urls", [("X-Forwarded-For", f"203.0.113.{i}")]).status for i in range(40)]
