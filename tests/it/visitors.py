"""Visitors who follow one code as fast as they can, and remember what they were answered."""

import collections
import http.client
import threading


class Visitors:
    """`with Visitors(port, code) as visitors:` runs n of them; each retries nothing.

    answers counts statuses; 0 is a connection that broke.
    """

    def __init__(self, port, code, n=4):
        self.port, self.path = port, f"/{code}"
        self.answers, self.lock, self.stopping = collections.Counter(), threading.Lock(), threading.Event()
        self.threads = [threading.Thread(target=self.visit) for _ in range(n)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        for thread in self.threads:
            thread.join()

    def visit(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        while not self.stopping.is_set():
            try:
                connection.request("GET", self.path)
                reply = connection.getresponse()
                reply.read()
                status = reply.status
            except (OSError, http.client.HTTPException):
                connection.close()
                status = 0
            with self.lock:
                self.answers[status] += 1
        connection.close()

    @property
    def redirected(self):
        return self.answers[302]

    @property
    def refused(self):
        return sum(self.answers.values()) - self.redirected
