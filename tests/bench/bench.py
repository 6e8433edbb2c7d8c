#!/usr/bin/python3
"""Redirects per second, each row as a ratio to nginx's own `return 302` in the same run.

usage: bench.py [--seconds S] [--rounds R] [--json FILE]

Starts a stack of its own (TERSE_BUILD: the build folder) and, beside it, an nginx that only
returns a constant 302. Rounds are interleaved: baseline and rows take turns, and the medians
are printed, so that a noisy machine is noisy for all alike. wrk makes the load, on the same
cores. Clicks, logs and metrics are on; every answer that is not the redirect is an error.
"""

import argparse
import json
import os
import pathlib
import platform
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "it"))

from stack import Stack, free_port  # noqa: E402

CONNECTIONS = (64, 500)
BASELINE = "nginx: return 302"
NGINX_CONF = """
daemon off; worker_processes auto; pid {dir}/nginx.pid; error_log {dir}/error.log;
worker_rlimit_nofile 16384;
events {{ worker_connections 8192; }}
http {{
    access_log off; server_tokens off; keepalive_requests 100000;
    client_body_temp_path {dir}/b; proxy_temp_path {dir}/p; fastcgi_temp_path {dir}/f;
    uwsgi_temp_path {dir}/u; scgi_temp_path {dir}/s;
    server {{ listen 127.0.0.1:{port} backlog=4096; location / {{ return 302 https://example.com/a; }} }}
}}
"""


class Baseline:
    """nginx, with as many processes as the stack's, and nothing behind it."""

    def __enter__(self):
        self.dir = tempfile.mkdtemp(prefix="bench-", dir="/tmp")
        os.chmod(self.dir, 0o755)
        self.port = free_port()
        conf = pathlib.Path(self.dir, "nginx.conf")
        conf.write_text(NGINX_CONF.format(dir=self.dir, port=self.port))
        self.process = subprocess.Popen(["nginx", "-p", self.dir, "-e", f"{self.dir}/error.log", "-c", str(conf)])
        return f"http://127.0.0.1:{self.port}/abc"

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(10)
        shutil.rmtree(self.dir)


def wrk(url, connections, seconds):
    """(requests/s, p99 in ms, errors) of one run."""
    done = subprocess.run(
        ["wrk", "-t2", f"-c{connections}", f"-d{seconds}s", "--timeout", "10s", "-s", str(HERE / "redirect.lua"), url],
        check=True, capture_output=True, text=True)
    row = json.loads(re.search(r"^\{.*\}$", done.stdout, re.M).group())
    return row["requests"] / row["seconds"], row["p99_ms"], row["errors"]


def cpu_us(pids):
    """CPU time that processes have used, in microseconds."""
    tick = os.sysconf("SC_CLK_TCK")
    total = 0
    for pid in pids:
        try:
            fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        total += (int(fields[11]) + int(fields[12])) * 1_000_000 // tick
    return total


def pids_below(folder):
    """The stack's processes: those that are at home in its state folder."""
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            if os.readlink(entry / "cwd").startswith(str(folder)):
                found.append(int(entry.name))
        except OSError:
            pass
    return found


def new_code(stack):
    body = json.dumps({"original_url": "https://example.com/a"})
    out = subprocess.run(["curl", "-sf", "-d", body, "-H", "Content-Type: application/json", stack.url + "/urls"],
                         check=True, capture_output=True).stdout
    return json.loads(out)["short_code"]


def rounds(targets, stack, args):
    """{(name, connections): [(rate, p99, errors, cpu us per request)]}"""
    found = {}
    for _ in range(args.rounds):
        for connections in CONNECTIONS:
            for name, url in targets:
                before = cpu_us(pids_below(stack.state))
                began = time.monotonic()
                rate, p99, errors = wrk(url, connections, args.seconds)
                spent = cpu_us(pids_below(stack.state)) - before
                requests = max(rate * (time.monotonic() - began), 1)
                found.setdefault((name, connections), []).append((rate, p99, errors, spent / requests))
    return found


def table(found):
    rows = []
    for (name, connections), runs in found.items():
        base = statistics.median(run[0] for run in found[(BASELINE, connections)])
        rate = statistics.median(run[0] for run in runs)
        rows.append({
            "name": name, "connections": connections, "ratio": round(rate / base, 3), "requests_per_s": round(rate),
            "p99_ms": round(statistics.median(run[1] for run in runs), 2), "errors": sum(run[2] for run in runs),
            "cpu_us": None if name == BASELINE else round(statistics.median(run[3] for run in runs), 1),
        })
    return sorted(rows, key=lambda row: row["connections"])


def show(rows):
    print(f"{'row':34} {'conn.':>6} {'ratio':>6} {'req/s':>8} {'p99 ms':>8} {'us CPU':>7} {'errors':>6}")
    for row in rows:
        cpu = "" if row["cpu_us"] is None else row["cpu_us"]
        print(f"{row['name']:34} {row['connections']:6} {row['ratio']:6.2f} {row['requests_per_s']:8} "
              f"{row['p99_ms']:8.1f} {cpu:>7} {row['errors']:6}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seconds", type=int, default=5, help="of one round of one row")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", default="bench.json", help="where the rows go, too")
    args = parser.parse_args()
    stack = Stack()
    stack.start()
    try:
        with Baseline() as baseline:
            code = new_code(stack)
            targets = [(BASELINE, baseline), ("redirect, in Redis, clicks on", f"{stack.url}/{code}"),
                       ("unknown code", f"{stack.url}/no-such-code")]
            rows = table(rounds(targets, stack, args))
    finally:
        stack.stop()
    show(rows)
    document = {"date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "cores": os.cpu_count(),
                "kernel": platform.release(), "seconds": args.seconds, "rounds": args.rounds, "rows": rows}
    pathlib.Path(args.json).write_text(json.dumps(document, indent=1) + "\n")


if __name__ == "__main__":
    main()
