"""HTTP as it goes over the wire: nothing is normalised, every reply is held against docs/openapi.yaml.

A call returns a Reply. `api.post("/urls", {"original_url": ...})` sends JSON; `api.send(...)` any bytes with any
headers; `api.raw(...)` any bytes at all.
"""

import http.client
import json
import re
import socket
import urllib.parse

import openapi

TIMEOUT_S = 30
DESCRIPTION = openapi.Description()
METHODS = openapi.METHODS
UNREAD = (400, 408, 413, 414, 429, 431, 503)  # answered by the web server, which echoes nothing
REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")


class Reply:
    def __init__(self, sock, method, target):
        response = http.client.HTTPResponse(sock, method=method)
        response.begin()
        self.method, self.target = method, target
        self.status, self.headers = response.status, response.headers
        self.body = response.read()

    def json(self):
        return json.loads(self.body.decode("utf-8"), parse_constant=not_json)

    @property
    def location(self):
        """The path of Location, which names a record."""
        return re.sub(r"^https?://[^/]+", "", self.headers["Location"])

    def links(self):
        """Link as {rel: target}."""
        found = re.findall(r'<([^>]*)>;\s*rel="?(\w+)"?', self.headers.get("Link", ""))
        return {rel: re.sub(r"^https?://[^/]+", "", target) for target, rel in found}

    def __repr__(self):
        return f"<{self.method} {self.target[:100]} -> {self.status} {self.body[:300]!r}>"


def not_json(constant):
    raise ValueError(f"{constant} is not JSON")


class Api:
    """A client of one server. `seen` collects (method, path template, status)."""

    def __init__(self, host, port, seen):
        self.host, self.port, self.seen = host, port, seen

    def send(self, method, target, body=None, headers=(), described=True):
        """One request on a connection of its own. described=False: a target that no file can describe."""
        reply = self.raw(request_bytes(self.host, self.port, method, target, body, headers), method, target)
        if described:
            faults = DESCRIPTION.faults(method, target, reply)
            assert not faults, f"{reply} is not as docs/openapi.yaml says: {faults}"
            self.seen.add((method, DESCRIPTION.template_of(target), reply.status))
        else:
            assert reply.status < 500, reply
        if reply.status >= 400 and method != "HEAD" and target != "/health/ready":
            check_problem(reply)
        return reply

    def raw(self, request, method="GET", target=""):
        """Sends the bytes as they are and reads one reply."""
        with socket.create_connection((self.host, self.port), TIMEOUT_S) as sock:
            try:
                sock.sendall(request)
            except (BrokenPipeError, ConnectionResetError):
                pass  # the answer may have come before the end of the request
            return Reply(sock, method, target)

    def with_json(self, method, target, value, headers=()):
        body = json.dumps(value).encode("ascii")
        return self.send(method, target, body, [("Content-Type", "application/json"), *headers])

    def get(self, target, headers=()):
        return self.send("GET", target, None, headers)

    def post(self, target, value, headers=()):
        return self.with_json("POST", target, value, headers)

    def put(self, target, value, headers=()):
        return self.with_json("PUT", target, value, headers)

    def delete(self, target, headers=()):
        return self.send("DELETE", target, None, headers)

    def csv(self, target, text):
        body = text if isinstance(text, bytes) else text.encode("utf-8")
        return self.send("POST", target, body, [("Content-Type", "text/csv")])


def request_bytes(host, port, method, target, body, headers):
    names = {name.lower() for name, _ in headers}
    lines = [f"{method} {target} HTTP/1.1"]
    if "host" not in names:
        lines.append(f"Host: {host}:{port}")
    lines += [f"{name}: {value}" for name, value in headers]
    if body is not None and "content-length" not in names and "transfer-encoding" not in names:
        lines.append(f"Content-Length: {len(body)}")
    lines.append("Connection: close\r\n\r\n")
    return "\r\n".join(lines).encode("utf-8", "surrogateescape") + (body or b"")


def check_problem(reply):
    """An error is a whole problem document."""
    assert reply.headers["Content-Type"].split(";")[0] == "application/problem+json", reply
    problem = reply.json()
    assert problem["status"] == reply.status, reply
    instance = urllib.parse.quote(reply.target, safe="!#$%&'()*+,/:;=?@[]~")
    assert problem["instance"] == instance or (reply.status in UNREAD and not problem["instance"]), reply
    assert problem["request_id"] == reply.headers["X-Request-Id"], reply
    assert REQUEST_ID.fullmatch(problem["request_id"]), reply
    for member in ("type", "title", "detail", "error"):
        assert isinstance(problem[member], str) and problem[member], reply
    if reply.status == 405:
        assert reply.headers["Allow"], reply
    if reply.status in (429, 503):
        assert int(reply.headers["Retry-After"]) > 0, reply


def pointers(reply):
    """The members that a 422 of a JSON body complains about."""
    assert reply.status == 422, reply
    return {fault["pointer"] for fault in reply.json()["errors"]}


def parameters(reply):
    """The parameters that a 422 of a query complains about."""
    assert reply.status == 422, reply
    return {fault["parameter"] for fault in reply.json()["errors"]}
