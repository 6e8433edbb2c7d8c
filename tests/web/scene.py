"""A stack that is watched, and on which something goes on: links are followed, made and missed."""

import json
import threading
import urllib.error
import urllib.request

from stack import Stack, wait_for

LINKS = 40


class Scene:
    """`with Scene() as scene:` scene.stack is the stack; it gets requests until the end."""

    def __init__(self, **settings):
        self.stack = Stack(**{"TERSE_MONITORING": "full", "TERSE_TRACE_SAMPLE_PPM": 50000, **settings})
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self.go_on)

    def __enter__(self):
        self.stack.__enter__()
        self.codes = [self.ask("POST", "/urls", {"original_url": f"https://example.org/{i}"})["short_code"] for i in range(LINKS)]
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        if self.thread.is_alive():
            self.thread.join()
        self.stack.__exit__()

    def ask(self, method, path, value=None, headers=()):
        """JSON of an answer; None for an error, a redirect or none at all."""
        request = urllib.request.Request(self.stack.url + path, None if value is None else json.dumps(value).encode(),
                                         {"Content-Type": "application/json", **dict(headers)}, method=method)
        try:
            with OPENER.open(request, timeout=10) as reply:
                return json.load(reply)
        except (OSError, ValueError):
            return None

    def go_on(self):
        """About two hundred requests a second, of all kinds."""
        turn = 0
        while not self.stopping.wait(0.005):
            turn += 1
            self.ask("GET", f"/{self.codes[turn * turn % LINKS]}")
            if turn % 10 == 0:
                self.ask("GET", f"/missing{turn}")
                self.ask("GET", "/urls?per_page=5")
            if turn % 50 == 0:
                self.ask("POST", "/urls", {"original_url": f"https://example.org/more/{turn}"})
                self.ask("GET", f"/stats/{self.codes[0]}")

    def wait_for_data(self, seconds=60):
        """Until rates over a minute and the rules above them have values."""
        wait_for(lambda: self.stack.prometheus("terse:http_latency_seconds:p95 > 0"), seconds, 0.5)
        wait_for(lambda: self.stack.prometheus("count_over_time(up{job='terse'}[5m]) > 6"), seconds, 0.5)


class Stay(urllib.request.HTTPRedirectHandler):
    """Redirects are answers."""

    def redirect_request(self, *_):
        return None


OPENER = urllib.request.build_opener(Stay)
