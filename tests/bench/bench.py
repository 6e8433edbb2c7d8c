#!/usr/bin/python3
"""Redirects per second, each row as a ratio to nginx's own `return 302` in the same run.

usage: bench.py [--seconds S] [--rounds R] [--json FILE]

Starts a stack of its own (TERSE_BUILD: the build folder) and, beside it, an nginx that only
returns a constant 302. The rows take turns and medians are printed, so that a noisy machine is
noisy for all alike. wrk makes the load, on the same cores. Clicks, logs and metrics are on; at
the end the clicks in the database are counted. An answer that is not the row's is an error;
`others` is the share of the cores that was taken by what is no part of the benchmark.
"""

import argparse
import contextlib
import dataclasses
import json
import os
import pathlib
import platform
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "it"))

import meter  # noqa: E402
from stack import Stack, free_port, wait_for  # noqa: E402

CONNECTIONS = (64, 500)
TARGET = "https://example.com/a"
NGINX_CONF = """
daemon off; worker_processes auto; pid {dir}/nginx.pid; error_log {dir}/error.log;
worker_rlimit_nofile 16384;
events {{ worker_connections 8192; multi_accept on; }}
http {{
    access_log off; server_tokens off; keepalive_requests 10000;
    client_body_temp_path {dir}/b; proxy_temp_path {dir}/p; fastcgi_temp_path {dir}/f;
    uwsgi_temp_path {dir}/u; scgi_temp_path {dir}/s;
    server {{ listen 127.0.0.1:{port} backlog=4096; location / {{ return 302 {target}; }} }}
}}
"""


@dataclasses.dataclass(frozen=True, eq=False)
class Row:
    name: str
    url: str
    home: pathlib.Path  # of the processes that answer
    status: int = 302
    parts: dict = None
    ingest: bool = True
    is_visit: bool = True


@contextlib.contextmanager
def baseline():
    """nginx, with as many processes as the stack's and nothing behind it; it never outlives us."""
    home = pathlib.Path(tempfile.mkdtemp(prefix="bench-", dir="/tmp"))
    home.chmod(0o755)  # nginx's workers are another user's
    port = free_port()
    (home / "nginx.conf").write_text(NGINX_CONF.format(dir=home, port=port, target=TARGET))
    nginx = subprocess.Popen(
        ["setpriv", "--pdeathsig", "TERM", "nginx", "-e", "error.log", "-p", home, "-c", "nginx.conf"],
        cwd=home, env={**os.environ, "PATH": os.environ["PATH"] + ":/usr/sbin"})
    try:
        url = f"http://127.0.0.1:{port}/abc"
        wait_for(lambda: status_of(url) == 302)
        yield Row("nginx: return 302", url, home, parts={".": "nginx"}, is_visit=False)
    finally:
        nginx.terminate()
        nginx.wait(10)
        shutil.rmtree(home)


def status_of(url):
    """The status of one GET; 0: nobody answers."""
    done = subprocess.run(["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", url],
                          capture_output=True, text=True, check=False)
    return int(done.stdout)


def new_link(stack):
    """The address of a new link, after a first visit."""
    request = urllib.request.Request(stack.url + "/urls", json.dumps({"original_url": TARGET}).encode(),
                                     {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=10) as reply:
        url = f"{stack.url}/{json.load(reply)['short_code']}"
    if status_of(url) != 302:
        raise SystemExit(f"{url} does not redirect")
    return url


def wrk(url, connections, seconds):
    done = subprocess.run(
        ["wrk", "-t2", f"-c{connections}", f"-d{seconds}s", "--timeout", "10s", "-s", HERE / "redirect.lua", url],
        check=True, capture_output=True, text=True)
    return json.loads(re.search(r"^\{.*\}$", done.stdout, re.M).group())


def measure(row, connections, seconds, stack):
    """One run of one row. Its CPU includes moving its clicks into the database, if ingest runs."""
    with contextlib.nullcontext() if row.ingest else meter.ingest_stopped(stack):
        noise, before = meter.Noise(), meter.cpu_us(row.home, row.parts)
        run = wrk(row.url, connections, seconds)
        run["drain_s"] = meter.drain(stack) if row.ingest else 0
        used = meter.cpu_us(row.home, row.parts) - before
        run["others"] = noise.others(used.total())
    meter.drain(stack)
    run["rate"] = run["requests"] / run["seconds"]
    run["cpu_us"] = {part: us / run["requests"] for part, us in used.items()}
    right = run["requests"] - run["refused"] if row.status < 400 else run["refused"]
    run["errors"] = run["requests"] - right + run["failed"]
    run["visits"] = right if row.is_visit else 0
    return run


def medians(row, connections, runs, base):
    rate = statistics.median(run["rate"] for run in runs)
    parts = {part for run in runs for part in run["cpu_us"]}
    return {
        "name": row.name, "connections": connections, "requests_per_s": round(rate),
        "ratio": round(rate / statistics.median(run["rate"] for run in base), 3),
        "ratio_min": round(min(a["rate"] / b["rate"] for a, b in zip(runs, base)), 3),
        "ratio_max": round(max(a["rate"] / b["rate"] for a, b in zip(runs, base)), 3),
        **{name: round(statistics.median(run[name] for run in runs), 2)
           for name in ("p50_ms", "p99_ms", "drain_s", "others")},
        "errors": sum(run["errors"] for run in runs),
        "cpu_us": {part: round(statistics.median(run["cpu_us"].get(part, 0) for run in runs), 1) for part in parts},
    }


def show(rows):
    print(meter.markdown(
        ["row", "conn.", "ratio", "rounds", "requests/s", "p50 ms", "p99 ms", "CPU us", "drain s", "errors", "others"],
        [[r["name"], str(r["connections"]), f"{r['ratio']:.2f}", f"{r['ratio_min']:.2f}-{r['ratio_max']:.2f}",
          str(r["requests_per_s"]), f"{r['p50_ms']:.1f}", f"{r['p99_ms']:.1f}", f"{sum(r['cpu_us'].values()):.0f}",
          f"{r['drain_s']:.1f}", str(r["errors"]), f"{r['others']:.0%}"] for r in rows]))
    parts = [*dict.fromkeys(meter.PARTS.values()), meter.OTHER]
    print("\nCPU microseconds per request, by part:\n\n" + meter.markdown(
        ["row", "conn.", *parts],
        [[r["name"], str(r["connections"]), *(f"{r['cpu_us'].get(part, 0):.1f}" for part in parts)]
         for r in rows]) + "\n")


def bench(stack, base, args):
    """Medians of all rows, and how many visits there were."""
    link = new_link(stack)
    rows = [base, Row("redirect from Redis", link, stack.state),
            Row("the same, ingest stopped", link, stack.state, ingest=False),
            Row("unknown code", stack.url + "/no-such-code", stack.state, status=404, is_visit=False)]
    runs = {(row, connections): [] for connections in CONNECTIONS for row in rows}
    for _ in range(args.rounds):
        for (row, connections), found in runs.items():
            found.append(measure(row, connections, args.seconds, stack))
    done = [medians(row, connections, found, runs[base, connections]) for (row, connections), found in runs.items()]
    return done, sum(run["visits"] for found in runs.values() for run in found)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--seconds", type=int, default=4, help="of one round of one row")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", default="bench.json", help="where the rows go, too")
    args = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that what was started is stopped
    load = os.getloadavg()[0]
    with Stack() as stack, baseline() as base:
        rows, visits = bench(stack, base, args)
        show(rows)
        clicks = meter.clicks_check(stack, visits)
    document = {"date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "cores": os.cpu_count(),
                "kernel": platform.release(), "load_before": load, "seconds": args.seconds, "rounds": args.rounds,
                "rows": rows, "clicks": clicks}
    pathlib.Path(args.json).write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
