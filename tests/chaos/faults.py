"""Faults that can be put into a running stack and taken out again, one function each, and the alerts that they fire.

Each is a generator: what comes before its `yield` makes the fault, what comes after mends it. None destroys what the
users have, but `journal-shortened`, which forgets clicks that it made itself.
"""

import contextlib
import dataclasses
import http.server
import math
import os
import pathlib
import signal
import subprocess
import sys
import threading
import time
import typing

from place import random_code

FAULTS = {}
BOUND_S = 600  # what a fault starts ends by itself after that


@dataclasses.dataclass
class Fault:
    name: str
    alerts: tuple
    make: typing.Callable
    modes: tuple = ("core", "full")
    # Whether terse can store alerts meanwhile, and whether they end within a test.
    is_stored: bool = True
    lasting: tuple = ()

    @property
    def help(self):
        return self.make.__doc__.strip()


def fault(*alerts, **more):
    def put(function):
        name = function.__name__.replace("_", "-")
        FAULTS[name] = Fault(name, alerts, function, **more)
        return function

    return put


@contextlib.contextmanager
def injected(place, name):
    """`with injected(place, "redis-down"):` the fault is there."""
    with contextlib.contextmanager(FAULTS[name].make)(place):
        yield FAULTS[name]


def stopped(place, *services):
    place.sv("down", *services)
    try:
        yield
    finally:
        place.sv("up", *services)


@fault("Watchdog")
def nothing(_place):
    """Nothing is wrong: the watchdog barks."""
    yield


@fault("ServiceDown", is_stored=False)
def nginx_down(place):
    """nginx is stopped: nobody answers."""
    yield from stopped(place, "nginx")


@fault("ServiceDown")
def redirects_down(place):
    """Both pools of the redirects are stopped: links do not work, the API does."""
    yield from stopped(place, "redirect-a", "redirect-b")


@fault("WorkerPoolDegraded")
def pool_down(place):
    """One of two pools is stopped; the other one answers for it."""
    yield from stopped(place, "redirect-b")


@fault("RedisDown")
def redis_down(place):
    """Redis is stopped."""
    yield from stopped(place, "redis")


@fault("PostgresDown", is_stored=False)
def postgres_down(place):
    """PostgreSQL is stopped."""
    yield from stopped(place, "postgres")


@fault("PostgresDown", is_stored=False)
def pgbouncer_hung(place):
    """PgBouncer is there, but does nothing."""
    place.signal("pgbouncer", signal.SIGSTOP)
    try:
        yield
    finally:
        place.signal("pgbouncer", signal.SIGCONT)


@fault("IngestLag")
def ingest_down(place):
    """terse-ingest is stopped: clicks wait in the journal."""
    yield from stopped(place, "ingest")


@fault("MonitorDown")
def monitor_down(place):
    """terse-monitor is stopped."""
    yield from stopped(place, "monitor")


@fault("TargetDown", modes=("full",))
def exporter_down(place):
    """An exporter is stopped."""
    yield from stopped(place, "node-exporter")


class Refuse(http.server.BaseHTTPRequestHandler):
    def do_POST(self):  # pylint: disable=invalid-name
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_error(400)

    def log_message(self, *_):
        pass


@fault("SpansDropped", modes=("full",))
def collector_refuses(place):
    """The collector's place is taken by one that takes no traces, of which there are some."""
    with contextlib.contextmanager(stopped)(place, "otelcol"):
        with http.server.ThreadingHTTPServer(("127.0.0.1", int(place.settings["TERSE_FULL_PORT"]) + 13), Refuse) as server:
            threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
            try:
                with place.load(random_code, 20):
                    yield
            finally:
                server.shutdown()


@fault("HighErrorRate", "HighLatencyP95", "SLOAvailabilityBurnFast", "SLOAvailabilityBurnSlow", "SLOLatencyBurn",
       "AutoscalerAtMax", lasting=("SLOAvailabilityBurnFast", "SLOAvailabilityBurnSlow", "SLOLatencyBurn"))
def table_locked(place):
    """Somebody holds a lock on the table of links: what needs it waits, and fails."""
    with place.connect() as session, session.cursor() as cursor:
        cursor.execute(f"SET idle_in_transaction_session_timeout = '{BOUND_S}s'")
        cursor.execute("LOCK TABLE urls IN ACCESS EXCLUSIVE MODE")
        with place.load(lambda: "/urls?per_page=1", 50, threads=6), place.load(random_code, 20, threads=4):
            yield
        session.rollback()


@fault("PgBouncerSaturated")
def connections_held(place):
    """A program holds nearly all of PgBouncer's connections to PostgreSQL."""
    with contextlib.ExitStack() as held:
        for _ in range(math.floor(0.9 * pool_size(place)) + 1):
            session = held.enter_context(contextlib.closing(place.connect("terse_app", "db_app", 6432)))
            session.cursor().execute("SELECT 1")  # in a transaction, from now on
        yield


def pool_size(place):
    """As PgBouncer's configuration has it."""
    lines = (place.state / "etc/pgbouncer.ini").read_text().splitlines()
    return next(int(line.split("=")[1]) for line in lines if line.replace(" ", "").startswith("default_pool_size="))


@fault("HighRequestRate", "EnumerationSuspected")
def codes_guessed(place):
    """Somebody asks for one code after the other that nobody has."""
    with place.load(random_code, 600, threads=4):
        yield


def program(*arguments):
    """A program that runs meanwhile, or BOUND_S at most."""
    with subprocess.Popen(["timeout", str(BOUND_S), *arguments]) as process:
        try:
            yield
        finally:
            process.terminate()


@fault("HighMemory")
def memory_used(_place):
    """A program takes an eighth of the memory."""
    size = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 8
    yield from program(sys.executable, "-c", f"import time\nx = b'x' * {size}\ntime.sleep({BOUND_S})")


@fault("HighCPU")
def cpu_used(_place):
    """A program for each processor loops."""
    with contextlib.ExitStack() as running:
        for _ in range(os.cpu_count()):
            running.enter_context(contextlib.contextmanager(program)("nice", sys.executable, "-c", "while True: pass"))
        yield


@fault("JournalDiskFull")
def disk_filled(place):
    """A file takes a twentieth of the journal's disk, where there is so much room."""
    disk = os.statvfs(place.journal)
    path = place.journal.parent / "fault.filler"
    size = min(disk.f_blocks * disk.f_frsize // 20, disk.f_bavail * disk.f_frsize * 9 // 10)
    with open(path, "wb") as file:
        os.posix_fallocate(file.fileno(), 0, size)
    try:
        yield
    finally:
        path.unlink()


@fault("CertificateExpiring")
def certificate_short(place):
    """nginx shows a certificate that ends tomorrow."""
    tls = place.state / "tls"
    kept = {name: (tls / name).read_bytes() for name in ("cert.pem", "key.pem")}
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-days", "1", "-subj", "/CN=localhost", "-keyout", place.state / "tls.key.new", "-out",
                    place.state / "tls.cert.new"], check=True, capture_output=True)
    for name, new in (("cert.pem", "tls.cert.new"), ("key.pem", "tls.key.new")):
        overwrite(tls / name, (place.state / new).read_bytes())
        (place.state / new).unlink()
    place.sv("hup", "nginx")
    try:
        yield
    finally:
        for name, content in kept.items():
            overwrite(tls / name, content)
        place.sv("hup", "nginx")


def overwrite(path, content):
    """In place: owner and mode stay."""
    with open(path, "r+b") as file:
        file.write(content)
        file.truncate()


@fault("ClickLoss")
def journal_shortened(place):
    """A segment of the journal is cut while it waits: its clicks are gone."""
    place.url("faultclk")
    with place.load(lambda: "/faultclk", 100):
        time.sleep(1)
    place.signal("ingest", signal.SIGSTOP)
    for segment in sorted(pathlib.Path(place.journal).glob("*.log")):
        os.truncate(segment, 0)
    place.signal("ingest", signal.SIGCONT)
    yield
