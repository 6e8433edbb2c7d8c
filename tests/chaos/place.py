"""A stack that runs, known by its state folder: what faults do to it, and load for it."""

import http.client
import os
import pathlib
import random
import subprocess
import threading
import time

import psycopg2


class Place:
    def __init__(self, state):
        self.state = pathlib.Path(state)
        lines = (self.state / "terse.env").read_text().splitlines()
        self.settings = dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))
        self.port = int(self.settings["TERSE_HTTP_PORT"])
        self.journal = pathlib.Path(self.settings["TERSE_JOURNAL_DIR"])

    def sv(self, verb, *services):
        subprocess.run(["sv", "-w", "30", verb, *(self.state / "sv" / name for name in services)], check=True,
                       capture_output=True)

    def pids(self, service):
        home = str(self.state / "run" / service)
        found = []
        for entry in pathlib.Path("/proc").glob("[0-9]*"):
            try:
                if os.readlink(entry / "cwd") == home:
                    found.append(int(entry.name))
            except OSError:
                pass  # it has ended
        return found

    def signal(self, service, number):
        for pid in self.pids(service):
            os.kill(pid, number)

    def secret(self, name):
        return (self.state / "secrets" / name).read_text().strip()

    def connect(self, user="postgres", secret="db_super", port=5432):
        """A session of the superuser; port 6432 is PgBouncer."""
        return psycopg2.connect(host=str(self.state / "run"), port=port, dbname="terse", user=user,
                                password=self.secret(secret))

    def url(self, code, target="https://example.org/of-a-fault"):
        """A link of that code: made unless it is there."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        connection.request("POST", "/urls", f'{{"original_url":"{target}","short_code":"{code}"}}',
                           {"Content-Type": "application/json"})
        connection.getresponse().read()
        connection.close()

    def load(self, path, per_second, threads=1):
        """Requests until it is left; path() says for what."""
        return Load(self.port, path, per_second, threads)


class Load:
    """GETs, each thread on one connection, at a rate that it keeps when the answers are quick enough."""

    def __init__(self, port, path, per_second, threads):
        self.port, self.path, self.pause_s = port, path, threads / per_second
        self.ends = threading.Event()
        self.threads = [threading.Thread(target=self.run, daemon=True) for _ in range(threads)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.ends.set()
        for thread in self.threads:
            thread.join(20)

    def run(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=15)
        due = time.monotonic()
        while not self.ends.wait(max(0, due - time.monotonic())):
            due = max(due + self.pause_s, time.monotonic() - 1)
            try:
                connection.request("GET", self.path())
                connection.getresponse().read()
            except (OSError, http.client.HTTPException):
                connection.close()


def random_code():
    return "/" + "".join(random.choices("abcdefghijkmnpqrstuvwxyz23456789", k=7))
