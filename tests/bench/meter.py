"""What a stack under load has used and counted: CPU time by part, its own metrics, its clicks."""

import collections
import contextlib
import os
import pathlib
import time
import urllib.request

TICK_US = 1_000_000 // os.sysconf("SC_CLK_TCK")
DRAIN_S = 60
# By the folder, below the stack's own, that a process works in.
PARTS = {
    "run/nginx": "nginx", "run/redirect-a": "redirect workers", "run/redirect-b": "redirect workers",
    "run/api-a": "API workers", "run/api-b": "API workers", "run/redis": "Redis", "run/pgbouncer": "PgBouncer",
    "pg": "PostgreSQL", "run/ingest": "ingest",
}
OTHER = "logs, supervisor"
LAYERS = ("l1", "redis", "db", "none")


def cpu_us(home, parts=None):
    """{part: microseconds} that the processes at home in a folder have used since they began.

    Their children that have ended are in it, too; those of the supervisor are other parts.
    """
    used = collections.Counter()
    for entry in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            folder = pathlib.Path(os.readlink(entry / "cwd")).relative_to(home)
            fields = (entry / "stat").read_text().rsplit(")", 1)[1].split()
        except (OSError, ValueError):
            continue  # it has ended, or is at home elsewhere
        part = (parts or PARTS).get(str(folder), OTHER)
        used[part] += sum(map(int, fields[11:13] if part == OTHER else fields[11:15])) * TICK_US
    return used


def busy_us():
    """Microseconds that all cores together have worked, whoever made them."""
    user, nice, system, _, _, irq, softirq = map(int, pathlib.Path("/proc/stat").read_text().split()[1:8])
    return (user + nice + system + irq + softirq) * TICK_US


class Noise:
    """How busy all cores are from here on, and who but us and our children makes them so."""

    def __init__(self):
        self.began, self.busy_us, self.own_s = time.monotonic(), busy_us(), sum(os.times()[:4])

    def busy(self, us=None):
        """The share of the cores' time that was worked; us: that much of it."""
        worked_us = busy_us() - self.busy_us if us is None else us
        return worked_us / 1_000_000 / (time.monotonic() - self.began) / os.cpu_count()

    def others(self, used_us):
        """The share that is neither in used_us nor ours."""
        own_us = (sum(os.times()[:4]) - self.own_s) * 1_000_000
        return max(0, self.busy(busy_us() - self.busy_us - own_us - used_us))


def metrics(stack):
    """The lines of the stack's own report."""
    with urllib.request.urlopen(stack.url + "/metrics", timeout=10) as reply:
        return reply.read().decode().splitlines()


def total(lines, name, *labels):
    """The sum of a counter's series that carry all the labels."""
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines
               if line.startswith((name + " ", name + "{")) and all(label in line for label in labels))


def metric(stack, name, *labels):
    return total(metrics(stack), name, *labels)


def layers(stack):
    """Redirects so far, by the layer that knew the code."""
    lines = metrics(stack) if stack else []
    return collections.Counter(
        {layer: total(lines, "terse_redirects_total", f'layer="{layer}"') for layer in LAYERS})


def private_kib(pid):
    """KiB that a process shares with nobody, but what it has of mappings that could be shared."""
    kib, is_shared = 0, False
    for line in pathlib.Path(f"/proc/{pid}/smaps").read_text().splitlines():
        name, *rest = line.split()
        if not name.endswith(":"):
            is_shared = rest[0].endswith("s")
        elif name.startswith("Private_") and not is_shared:
            kib += int(rest[0])
    return kib


def undrained(stack):
    """Clicks that are in the journal and not in the database."""
    lines = metrics(stack)
    moved = ("terse_ingest_clicks_total", "terse_ingest_repeats_total", "terse_ingest_dead_letters_total")
    return total(lines, "terse_journal_lines_total", 'outcome="ok"') - sum(total(lines, name) for name in moved)


def drain(stack):
    """Seconds until all that was journaled is in the database."""
    began = time.monotonic()
    while undrained(stack) > 0:
        if time.monotonic() - began > DRAIN_S:
            raise SystemExit(f"after {DRAIN_S} s {undrained(stack):.0f} clicks are not in the database")
        time.sleep(0.05)
    return time.monotonic() - began


@contextlib.contextmanager
def ingest_stopped(stack):
    stack.sv("down", "ingest")
    try:
        yield
    finally:
        stack.sv("up", "ingest")


def clicks_check(stack, counted):
    """Says how many redirects the client counted, the workers answered, and clicks are stored.

    A client that hangs up leaves answers that it did not count, and some that could not be sent.
    """
    drain(stack)
    answered = int(metric(stack, "terse_redirects_total", 'outcome="found"'))
    stored = stack.sql("SELECT count(*) FROM clicks")[0][0]
    print(f"redirects: {counted} counted by the client, {answered} answered by workers; clicks stored: {stored}")
    if not counted <= stored <= answered:
        raise SystemExit("clicks stored and redirects answered do not agree")
    return {"counted": counted, "answered": answered, "stored": stored}


def markdown(head, rows):
    """A table of texts, the first column to the left."""
    lines = [head, ["---"] + ["---:"] * (len(head) - 1), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
