#!/usr/bin/python3
"""What one redirect asks of the kernel: system calls and context switches, by part.

usage: syscalls.py [--seconds S] [--connections N]

Starts a stack of its own (TERSE_BUILD: the build folder). The first run of wrk is watched from
outside (/proc); then there is one for each part with strace attached to all of its processes,
which slows them but changes little in what they call for each request.
"""

import argparse
import pathlib
import re
import signal
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "it"))

import load as loads  # noqa: E402
import meter  # noqa: E402
import places  # noqa: E402
from stack import Stack, pids_in, wait_for  # noqa: E402

# (folder, below the stack's own, that its processes work in; name of the program)
PARTS = {
    "nginx": [("run/nginx", "nginx")],
    "redirect workers": [("run/redirect-a", "terse-worker"), ("run/redirect-b", "terse-worker")],
    "Redis": [("run/redis", "redis-server")],
    "the workers' logs": [("sv/redirect-a/log", "terse"), ("sv/redirect-b/log", "terse")],
    "ingest": [("run/ingest", "terse-ingest")],
}
SHOWN = 0.05  # calls that are rarer per redirect are not named
WAITS = ("epoll_wait", "epoll_pwait", "epoll_pwait2")


def pids_of(stack, part):
    return [pid for home, name in PARTS[part] for pid in pids_in(stack.state / home, name)]


def status(pid, name):
    """The numbers of one line of /proc/PID/status, and of those whose name ends like it."""
    text = pathlib.Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    return [int(n) for n in re.findall(rf"^\w*{name}:\s+(\d+)", text, re.M)]


def switches(pids):
    """Context switches of processes so far."""
    return sum(sum(status(pid, "ctxt_switches")) for pid in pids)


def us_used(pids):
    """Microseconds (in user mode, in the kernel) of processes so far."""
    stats = [pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split() for pid in pids]
    return tuple(sum(int(fields[i]) for fields in stats) * meter.TICK_US for i in (11, 12))


def watched(pids, load):
    """[(switches, user us, kernel us) per redirect] of each part during one load."""
    before = {part: (switches(p), *us_used(p)) for part, p in pids.items()}
    requests = load()["requests"]
    after = {part: (switches(p), *us_used(p)) for part, p in pids.items()}
    return {part: [(b - a) / requests for a, b in zip(before[part], after[part])] for part in pids}


def traced(pids, load):
    """({call: how often}, requests) of some processes during one load."""
    with tempfile.NamedTemporaryFile("r") as out:
        with subprocess.Popen(["strace", "-qq", "-c", "-f", "-U", "calls,name", "-o", out.name,
                               *(word for pid in pids for word in ("-p", str(pid)))]) as strace:
            try:
                wait_for(lambda: strace.poll() or all(status(pid, "TracerPid") != [0] for pid in pids))
                if strace.poll():
                    raise SystemExit("strace may not attach")
                requests = load()["requests"]
            finally:
                strace.send_signal(signal.SIGINT)
        counts = {name: int(n) for n, name in re.findall(r"^ *(\d+) (\w+)$", out.read(), re.M) if name != "total"}
    return counts, requests


def row(part, usage, counts, requests):
    calls = {name: n / requests for name, n in counts.items()}
    common = sorted((name for name in calls if calls[name] >= SHOWN), key=lambda name: -calls[name])
    turns = sum(calls.get(name, 0) for name in WAITS)
    return [part, *(f"{figure:.1f}" for figure in usage), f"{sum(calls.values()):.1f}",
            f"{1 / turns:.1f}" if turns else "", ", ".join(f"{name} {calls[name]:.1f}" for name in common)]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--seconds", type=int, default=4, help="of each run")
    parser.add_argument("--connections", type=int, default=64)
    args = parser.parse_args()
    with Stack() as stack:
        link = places.new_link(stack)
        pids = {part: pids_of(stack, part) for part in PARTS}

        def load():
            run = loads.wrk(link, args.connections, args.seconds)
            meter.drain(stack)
            return run

        usage = watched(pids, load)
        rows = [row(part, usage[part], *traced(pids[part], load)) for part in PARTS]
    print(meter.markdown(["part", "switches", "user us", "kernel us", "calls", "redirects/turn", "which"], rows))


if __name__ == "__main__":
    main()
