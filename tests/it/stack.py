"""A whole stack for tests: the same scripts as ./ci/up, in a state folder of its own.

`with Stack() as stack:` starts it on free loopback ports and leaves nothing behind, whatever
happens to the test: ci/stack ends it when its standard input does.
"""

import json
import os
import pathlib
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request

import psycopg2

TOP = pathlib.Path(__file__).resolve().parents[2]
STOP_S = 60


def free_port():
    """A port that nobody listens on, and below those that the system gives to outgoing connections: one of these
    could take it before the service does."""
    while True:
        port = random.SystemRandom().randrange(10000, 32000)
        with socket.socket() as sock:
            try:
                sock.bind(("127.0.0.1", port))
                return port
            except OSError:
                pass  # taken


def free_ports(count):
    """The first of count ports in a row that nobody listens on."""
    while True:
        first = free_port()
        try:
            for port in range(first, first + count):
                with socket.socket() as sock:
                    sock.bind(("127.0.0.1", port))
            return first
        except OSError:
            pass  # one is taken


def wait_for(condition, seconds=10, every=0.02):
    """What condition returns, once it is true; None is a failure of the test."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = condition()
        if found:
            return found
        time.sleep(every)
    raise AssertionError(f"not within {seconds} s: {condition}")


def pids_in(home, name=None):
    """Processes whose working directory is home; name: of the program."""
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and os.readlink(entry / "cwd") == str(home):
                if name in (None, (entry / "comm").read_text().strip()):
                    found.append(int(entry.name))
        except OSError:
            pass  # it has ended
    return sorted(found)


def is_sanitized():
    """Whether the programs are a build that uses much memory and time to check itself."""
    return b"__asan_init" in pathlib.Path(os.environ["TERSE_BUILD"], "terse-worker").read_bytes()


class Stack:
    """state: its folder. url, tls_url: nginx. Settings by name: Stack(TERSE_API_WORKERS=2). Nothing watches it
    unless TERSE_MONITORING says so."""

    def __init__(self, **settings):
        self.port, self.tls_port, self.probe_port = free_port(), free_port(), free_port()
        self.prometheus_port, self.alertmanager_port, self.full_port = free_port(), free_port(), free_ports(20)
        self.url = f"http://127.0.0.1:{self.port}"
        self.tls_url = f"https://127.0.0.1:{self.tls_port}"
        self.state = pathlib.Path(tempfile.mkdtemp(prefix="terse-", dir="/tmp"))
        self.state.chmod(0o755)  # nginx's and the database's user is not ours
        self.environment = {
            **os.environ, "TERSE_STATE": str(self.state), "TERSE_BUILD": os.environ["TERSE_BUILD"],
            "TERSE_HTTP_PORT": str(self.port), "TERSE_HTTPS_PORT": str(self.tls_port),
            "TERSE_PROBE_PORT": str(self.probe_port), "TERSE_FSYNC": "off", "TERSE_MONITORING": "off",
            "TERSE_PROMETHEUS_PORT": str(self.prometheus_port),
            "TERSE_ALERTMANAGER_PORT": str(self.alertmanager_port), "TERSE_FULL_PORT": str(self.full_port),
            **{name: str(value) for name, value in settings.items()},
        }
        self.guard = None

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.stop()  # nobody will call __exit__
            raise
        return self

    def __exit__(self, *_):
        self.stop()

    def start(self):
        self.guard = subprocess.Popen([TOP / "ci/stack", "guard"], env=self.environment, start_new_session=True,
                                      stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for line in self.guard.stdout:
            if line.strip() == "ready":
                return
        raise AssertionError(f"the stack in {self.state} did not start")

    def stop(self):
        if self.guard:
            self.guard.stdin.close()
            self.guard.wait(STOP_S)
            self.guard.stdout.close()
        shutil.rmtree(self.state, ignore_errors=True)

    def control(self, verb, **settings):
        """ci/stack's word to this stack, with settings changed, as ci/up, ci/down and ci/status say it."""
        environment = {**self.environment, **{name: str(value) for name, value in settings.items()}}
        return subprocess.run([TOP / "ci/stack", verb], env=environment, capture_output=True, text=True, check=False)

    @property
    def run(self):
        return self.state / "run"

    @property
    def journal(self):
        return self.state / "journal"

    def log(self, service):
        """Everything a service has logged since it was last rotated."""
        file = self.state / "log" / service / "terse.log"
        return file.read_text(errors="replace") if file.exists() else ""

    def secret(self, name):
        return (self.state / "secrets" / name).read_text().strip()

    def sv(self, verb, service):
        """runit's word to one service: up, down, restart, once..."""
        return subprocess.run(["sv", "-w", "20", verb, self.state / "sv" / service], check=True, capture_output=True)

    def pids(self, service, name=None):
        """Processes of a service: they work in its folder. name: of the program."""
        return pids_in(self.state / "pg" if service == "postgres" else self.run / service, name)

    def kill(self, service, name=None, sig=signal.SIGKILL):
        """Sends sig to a service's processes and returns their pids."""
        pids = self.pids(service, name)
        assert pids, f"nothing of {service} runs"
        for pid in pids:
            try:
                os.kill(pid, sig)
            except ProcessLookupError:
                pass
        return pids

    def ready(self):
        """/health/ready, or None while nobody answers."""
        try:
            with urllib.request.urlopen(self.url + "/health/ready", timeout=5) as reply:
                return json.load(reply)
        except urllib.error.HTTPError as error:
            return json.load(error) if error.code == 503 else None
        except (OSError, ValueError):
            return None

    def wait_ready(self, seconds=20):
        wait_for(lambda: (self.ready() or {}).get("status") == "ok", seconds)

    def watcher(self, port, path, **query):
        """What a service that watches answers to a GET: its JSON."""
        target = f"http://127.0.0.1:{port}{path}" + (f"?{urllib.parse.urlencode(query)}" if query else "")
        with urllib.request.urlopen(target, timeout=10) as reply:
            return json.load(reply)

    def prometheus(self, query):
        """Series that a query of Prometheus finds now, as (labels, value)."""
        found = self.watcher(self.prometheus_port, "/api/v1/query", query=query)["data"]["result"]
        return [(series["metric"], float(series["value"][1])) for series in found]

    def targets(self):
        """Whether Prometheus reaches its targets, by job: up, down or unknown."""
        found = self.watcher(self.prometheus_port, "/api/v1/targets", state="active")["data"]["activeTargets"]
        return {target["labels"]["job"]: target["health"] for target in found}

    def alerts(self, **labels):
        """Alertmanager's active alerts that have these labels."""
        found = self.watcher(self.alertmanager_port, "/api/v2/alerts", active="true")
        return [alert for alert in found if labels.items() <= alert["labels"].items()]

    def services(self):
        """Names of all services that the stack is made of."""
        return sorted(path.name for path in (self.state / "sv").iterdir() if not path.name.startswith("."))

    def connect(self):
        """A session of the superuser, past PgBouncer."""
        return psycopg2.connect(host=str(self.run), port=5432, dbname="terse", user="postgres",
                                password=self.secret("db_super"))

    def sql(self, text, args=None):
        """Rows of one statement of the superuser."""
        with self.connect() as connection, connection.cursor() as cursor:
            cursor.execute(text, args)
            return cursor.fetchall() if cursor.description else None
