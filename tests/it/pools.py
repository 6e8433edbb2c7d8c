"""What tests see of pools: heartbeats, metrics, processes; and how they break workers."""

import os
import pathlib
import re
import struct
import subprocess
import urllib.request

SLOT = struct.Struct("=iIqqQQ24x")
STATES = ("none", "starts", "idle", "safe", "unsafe", "drains")
LOOP = b"\xeb\xfe"  # a jump to itself


class Beat:
    def __init__(self, pid, state, at_us, deadline_us, busy_us, requests):
        self.pid, self.state, self.at_us, self.deadline_us = pid, STATES[state], at_us, deadline_us
        self.busy_us, self.requests = busy_us, requests


def beats(run, pool):
    """The heartbeats of a pool's workers, by pid."""
    boards = pathlib.Path(run).glob(f"beat-{pool}.*")
    found = (Beat(*fields) for board in boards for fields in SLOT.iter_unpack(board.read_bytes()))
    return {beat.pid: beat for beat in found if beat.pid}


def up(run, pool):
    """Workers that have begun to serve and were not told to end."""
    return {pid for pid, beat in beats(run, pool).items() if beat.state in ("idle", "safe", "unsafe")}


def metrics(stack):
    """/metrics as {series: value}."""
    request = urllib.request.Request(stack.url + "/metrics", headers={"X-API-Key": stack.secret("admin_key")})
    with urllib.request.urlopen(request, timeout=10) as reply:
        lines = reply.read().decode().splitlines()
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))}


def total(stack, name, **labels):
    """The sum of a metric's series that have these labels."""
    wanted = [f'{label}="{value}"' for label, value in labels.items()]
    return sum(value for series, value in metrics(stack).items()
               if re.match(rf"{name}\b", series) and all(word in series for word in wanted))


def symbol(program, name):
    """Where a function begins in a program's file."""
    lines = subprocess.run(["nm", program], capture_output=True, text=True, check=True).stdout.splitlines()
    return next(int(line.split()[0], 16) for line in lines if line.endswith(f" T {name}"))


def make_loop(pids, offset):
    """Puts an endless loop at the beginning of a function of running programs."""
    for pid in pids:
        maps = pathlib.Path(f"/proc/{pid}/maps").read_text().splitlines()
        base = int(next(line for line in maps if "terse-worker" in line).split("-")[0], 16)
        with open(f"/proc/{pid}/mem", "r+b", buffering=0) as memory:
            memory.seek(base + offset)
            memory.write(LOOP)


def other_build(build, folder, script=None):
    """A build folder whose worker is another program: script, or the same with another file's identity."""
    folder.mkdir()
    for name in ("terse", "terse-ingest", "terse-monitor", "terse-pool", "terse-worker"):
        (folder / name).write_bytes((pathlib.Path(build) / name).read_bytes())
        (folder / name).chmod(0o755)
    with open(folder / "terse-worker", "wb" if script else "ab") as worker:
        worker.write(script or b"another build")
    return folder


def is_slow_machine():
    return os.getloadavg()[0] > 2 * os.cpu_count()
