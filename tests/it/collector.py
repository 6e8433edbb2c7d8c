"""A stand-in for an OpenTelemetry collector: it refuses what OTLP/HTTP does not allow, and breaks on demand."""

import collections
import http.server
import json
import re
import threading

# The messages of opentelemetry-proto that terse sends, in protobuf's JSON: what each member must be, ? if it may be
# missing. A list's member has the shape of its only element; a tuple's is one of several members.
HEX = {n: re.compile(f"[0-9a-f]{{{2 * n}}}") for n in (8, 16)}
INT64 = re.compile("-?(0|[1-9][0-9]{0,18})")
TEXT = re.compile(r"[^\x00]*")
VALUE = ({"stringValue": TEXT}, {"intValue": INT64}, {"boolValue": bool})
ATTRIBUTE = {"key": re.compile("[a-z][a-z0-9_.]*"), "value": VALUE}
SPAN = {
    "traceId": HEX[16], "spanId": HEX[8], "parentSpanId?": HEX[8], "name": re.compile(".+"), "kind": range(1, 6),
    "startTimeUnixNano": INT64, "endTimeUnixNano": INT64, "attributes?": [ATTRIBUTE],
    "status?": {"code": range(3), "message?": TEXT},
}
REQUEST = {"resourceSpans": [{
    "resource": {"attributes": [ATTRIBUTE]},
    "scopeSpans": [{"scope": {"name": TEXT, "version?": TEXT}, "spans": [SPAN]}],
}]}


def check(value, shape, at="$"):
    """Raises ValueError unless value has that shape."""
    if isinstance(shape, tuple):
        shape = next((one for one in shape if isinstance(value, dict) and one.keys() == value.keys()), None)
    if isinstance(shape, dict) and isinstance(value, dict):
        known = {name.rstrip("?"): name for name in shape}
        if value.keys() - known or {name for name in shape if not name.endswith("?")} - value.keys():
            raise ValueError(f"{at}: members {list(value)}")
        for name, member in value.items():
            check(member, shape[known[name]], f"{at}.{name}")
    elif isinstance(shape, list) and isinstance(value, list):
        for number, member in enumerate(value):
            check(member, shape[0], f"{at}[{number}]")
    elif isinstance(shape, re.Pattern) and isinstance(value, str) and shape.fullmatch(value):
        pass
    elif isinstance(shape, range) and type(value) is int and value in shape:
        pass
    elif shape is not bool or not isinstance(value, bool):
        raise ValueError(f"{at}: {value!r}")


def attributes(holder):
    """{key: value} of a span or a resource."""
    return {one["key"]: next(iter(one["value"].values())) for one in holder.get("attributes", [])}


class Span:
    def __init__(self, resource, span):
        self.trace, self.id, self.parent = span["traceId"], span["spanId"], span.get("parentSpanId")
        self.name, self.kind, self.failed = span["name"], span["kind"], "status" in span
        self.start_ns, self.end_ns = int(span["startTimeUnixNano"]), int(span["endTimeUnixNano"])
        self.service, self.attributes = attributes(resource)["service.name"], attributes(span)


def spans_of(body):
    """The spans of a request that is right; ValueError for one that is not."""
    request = json.loads(body)
    check(request, REQUEST)
    found = []
    for one in request["resourceSpans"]:
        for scope in one["scopeSpans"]:
            found += [Span(one["resource"], span) for span in scope["spans"]]
    for span in found:
        if int(span.trace, 16) == 0 or int(span.id, 16) == 0 or span.end_ns < span.start_ns:
            raise ValueError(f"{vars(span)}")
    return found


class Collector:
    """`with Collector(port) as collector:` spans: all that it took. plan: what becomes of the next requests, "ok" when
    it is empty: a status, (status, seconds for Retry-After), "hang" or ("reject", n)."""

    def __init__(self, port):
        self.spans, self.wrong, self.plan, self.asked = [], [], collections.deque(), 0
        self.always, self.quitting = None, threading.Event()
        collector = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                collector.take(self)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.server.daemon_threads = True
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05})

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.quitting.set()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    def take(self, request):
        body = request.rfile.read(int(request.headers["Content-Length"]))
        if self.quitting.is_set():  # a connection that was kept
            request.close_connection = True
            return None
        self.asked += 1
        if request.path != "/v1/traces" or request.headers["Content-Type"] != "application/json":
            self.wrong.append(f"{request.path} {request.headers}")
        try:
            spans = spans_of(body)
        except ValueError as error:
            self.wrong.append(str(error))
            return self.answer(request, 400)
        step = self.plan.popleft() if self.plan else self.always or "ok"
        if step == "hang":
            self.quitting.wait(60)
            request.close_connection = True
            return None
        if isinstance(step, int):
            return self.answer(request, step)
        if step[0] == "reject":
            self.spans += spans[step[1]:]
            return self.answer(request, 200, {"partialSuccess": {"rejectedSpans": str(step[1])}})
        if step != "ok":
            return self.answer(request, step[0], after_s=step[1])
        self.spans += spans
        return self.answer(request, 200, {})

    @staticmethod
    def answer(request, status, value=None, after_s=None):
        body = json.dumps(value).encode() if value is not None else b""
        request.send_response(status)
        if after_s is not None:
            request.send_header("Retry-After", str(after_s))
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body)

    def traces(self):
        return {span.trace for span in list(self.spans)}
